// SPDX-License-Identifier: BSL-1.0
//
// A group of any size is written and read in the memory of a few frames.
//
// ThreadSanitizer brings an operator new of its own, so there is no such test under it.
#include "../platform/thread_sanitizer.hpp"

#ifndef MANTIS_TEST_THREAD_SANITIZER
#include "../platform/scratch.hpp"

#include <mantis/recovery/manifest.hpp>

#include <malloc.h>
#include <cstdlib>
#include <new>

namespace {

mantis::posix::atomic<std::size_t> taken_bytes{0};
mantis::posix::atomic<std::size_t> most_taken_bytes{0};  // exact while one thread runs

}  // namespace

// Counts, for the whole test program. Not inlined, for GCC would take the halves of a pair that it
// inlines for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
    void* const memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) std::abort();
    const std::size_t usable = ::malloc_usable_size(memory);
    const std::size_t taken = taken_bytes.fetch_add(usable) + usable;
    if (taken > most_taken_bytes.load()) most_taken_bytes.store(taken);
    return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    taken_bytes.fetch_sub(::malloc_usable_size(memory));
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }

namespace {

using namespace mantis;

constexpr database_id ours{3, 4};
using manifest_type = manifest<posix, crc32c>;
constexpr std::size_t edits = 400;
constexpr std::size_t edit_bytes = 60'000;

// How much more is taken at some time of the call than before it.
template <class Call>
std::size_t most_taken_in(Call call) {
    const std::size_t before = taken_bytes.load();
    most_taken_bytes.store(before);
    call();
    return most_taken_bytes.load() - before;
}

}  // namespace

TEST_CASE("a group of 24 MB is appended, read, torn and rewritten in less than 400 KB") {
    platform_test::scratch_directory scratch;
    posix world;
    auto in = world.open_directory(scratch.path(), directory_mode::create).value();
    const bytes edit = bytes::zeros(edit_bytes);
    const auto produce = [&](auto& to) -> result<void> {
        for (std::size_t i = 0; i < edits; ++i)
            if (auto added = to.add(manifest_edit_kind::page_map, edit); !added) return added;
        return success();
    };
    constexpr std::size_t most = 400'000;
    std::uint64_t end = 0;
    CHECK(most_taken_in([&] {
              auto made = manifest_type::create(world, in, ours, 1, {1}, produce).value();
              made.append(2, {2}, produce).value();
              end = made.state().bytes;
              made.append(3, {3}, produce).value();
          }) < most);
    CHECK(end > 2 * edits * edit_bytes);
    std::size_t taken = 0;
    const auto take = [&](const manifest_edit& each) -> result<void> {
        taken += each.value.size();
        return success();
    };
    for (const std::uint64_t at_least : {3u, 2u}) {  // the last group is written again for 2
        taken = 0;
        CHECK(most_taken_in([&] {
                  CHECK(manifest_type::open(world, in, ours, at_least, take).value().sequence() ==
                        3);
              }) < most);
        CHECK(taken == 3 * edits * edit_bytes);
    }
    in.open(manifest_name(1), file_mode::write).value().write(end + 9'000'000, "noise").value();
    taken = 0;
    CHECK(most_taken_in([&] {
              auto opened = manifest_type::open(world, in, ours, 2, take).value();
              CHECK(opened.state().torn_bytes > edits * edit_bytes);
              opened.rewrite(produce).value();
              CHECK(opened.state().generation == 2);
          }) < most);
    CHECK(taken == 2 * edits * edit_bytes);
}
#endif
