// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/page/buffer_pool.hpp>
#include <mantis/page/memory_source.hpp>
#include <mantis/page/pool_options.hpp>
#include <mantis/platform/posix.hpp>

using namespace mantis;

TEST_CASE("shares that are 0 are an eighth and a sixteenth of the memory") {
    using pool = buffer_pool<posix, memory_source<posix>>;
    const auto frames = [](buffer_pool_options options) {
        memory_source<posix> disk;
        pool pages{disk, options};
        return pages.stats().frames;
    };
    const std::size_t memory = 4 * MiB;
    const auto by_default = frames({.memory_bytes = memory});
    CHECK(by_default == memory / 16 * 13 / pool::frame_bytes(4096));
    CHECK(frames({.memory_bytes = memory,
                  .translation_bytes = memory / 16,
                  .side_bytes = memory / 8}) == by_default);
    CHECK(frames({.memory_bytes = memory, .translation_bytes = 4096, .side_bytes = 1}) >
          by_default);
}

TEST_CASE("a new pool has counted nothing") {
    memory_source<posix> disk;
    buffer_pool<posix, memory_source<posix>> pages{disk, {.memory_bytes = 1 * MiB}};
    const buffer_pool_stats seen = pages.stats();
    CHECK(seen.free == seen.frames);
    CHECK(seen.hits + seen.misses + seen.reads + seen.writes + seen.evictions == 0);
    CHECK(seen.failed_reads + seen.failed_writes + seen.side_copies == 0);
    CHECK(seen.dirty + seen.pinned + seen.side_copies_waiting == 0);
}
