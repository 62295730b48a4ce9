// SPDX-License-Identifier: BSL-1.0
//
// The scrubber of an open store: its superblock, its image and its pages, which are repaired from
// memory, and its log.
//
// Threads: any number at once, but open() and close().
#pragma once

#include "../image_scrub.hpp"
#include "../log_scrub.hpp"
#include "../options.hpp"
#include "../page_scrub.hpp"
#include "../superblock_scrub.hpp"

namespace mantis {

// What the store does for it.
struct store_scrub_calls {
    scrub_reach (*reach)(void* store) = nullptr;
    // As superblock_scrub wants it; the findings are marked as repaired where they are.
    std::vector<scrub_finding> (*settle_superblock)(void* store) = nullptr;
    lsn (*checkpoint)(void* store) = nullptr;
    bool (*replace_image)(void* store) = nullptr;
    void (*deliver_events)(void* store) = nullptr;
    void* store = nullptr;
};

template <platform Platform, checksum_policy Checksum, class Storage>
class store_scrub {
public:
    using directory = typename Platform::directory;

    //   Requires    `in`, the storage and the store outlive it
    store_scrub(Platform world, directory& in, database_id database, const store_options& options,
                event_sink events, const store_scrub_calls& calls, Storage& storage)
        : superblock_{in, calls.settle_superblock, calls.store},
          log_{in, database, calls.reach, calls.store},
          image_{in, database, {calls.checkpoint, calls.replace_image, calls.store}},
          pages_{storage, calls.replace_image, calls.store},
          scrubber_{std::move(world),
                    {.bytes_per_second = options.scrub_bytes_per_second,
                     .period = options.scrub_period,
                     .events = events,
                     .deliver = calls.deliver_events,
                     .context = calls.store}} {
        scrubber_.add(superblock_.source());
        scrubber_.add(log_.source());
        scrubber_.add(image_.source());
        scrubber_.add(pages_.source());
    }
    store_scrub(const store_scrub&) = delete;
    store_scrub& operator=(const store_scrub&) = delete;

    //   Requires    before start()
    void add(scrub_source<Platform> other) { scrubber_.add(other); }
    void start() { scrubber_.start(); }
    [[nodiscard]] scrub_report run() { return scrubber_.run(0); }
    [[nodiscard]] integrity_state state() { return scrubber_.state(); }
    void stop() { scrubber_.stop(); }

private:
    superblock_scrub<Platform> superblock_;
    log_scrub<Platform, Checksum> log_;
    image_scrub<Platform, Checksum> image_;
    page_scrub<Platform, Storage> pages_;
    scrubber<Platform> scrubber_;
};

}  // namespace mantis
