// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../platform/death.hpp"
#include "pool_of.hpp"

#include <mantis/page/buffer_pool.hpp>
#include <mantis/page/memory_source.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;
using page_test::room_for;
using platform_test::contains;
using platform_test::death_of;

namespace {

using source = memory_source<posix>;
using pool = buffer_pool<posix, source>;

// Makes pages 1 to `count`, each with its number in it, and writes them.
void fill(pool& pages, std::uint64_t count) {
    for (std::uint64_t number = 1; number <= count; ++number) {
        auto made = pages.make({number});
        REQUIRE(made);
        made->store<std::uint64_t>(0, number);
    }
    REQUIRE(pages.flush());
}
std::uint64_t value_of(pool& pages, std::uint64_t number) {
    std::uint64_t value = 0;
    pages.read({number}, [&](const auto& page) { value = page.template load<std::uint64_t>(0); })
        .value();
    return value;
}

}  // namespace

TEST_CASE("pages come back as they were changed, through three frames") {
    source disk;
    pool pages{disk, room_for<pool>(3)};
    fill(pages, 20);
    for (std::uint64_t number = 1; number <= 20; ++number) CHECK(value_of(pages, number) == number);
    for (std::uint64_t number = 1; number <= 20; ++number)
        pages.change({number}).value().store<std::uint64_t>(0, number * 100);
    for (std::uint64_t number = 1; number <= 20; ++number) {
        CHECK(value_of(pages, number) == number * 100);
        auto held = pages.pin({number});
        CHECK(*reinterpret_cast<const std::uint64_t*>(held->data()) == number * 100);
        CHECK(held->page() == page_id{number});
        CHECK(held->view().size() == 512);
    }
    CHECK(pages.stats().frames == 3);
    CHECK(pages.stats().pinned == 0);
}

TEST_CASE("a page is begun without loading if it is there and nobody changes it") {
    source disk;
    pool pages{disk, room_for<pool>(8)};
    fill(pages, 3);
    pages.drop(pages.change({2}).value());
    const std::uint64_t reads = pages.stats().reads;
    const auto seen = pages.try_begin({1});
    REQUIRE(seen);
    CHECK((seen->load<std::uint64_t>(0) == 1 && seen->page() == page_id{1} && seen->validate()));
    CHECK_FALSE(pages.try_begin({2}));
    CHECK_FALSE(pages.try_begin({0}));
    CHECK_FALSE(pages.try_begin({std::uint64_t{1} << 63}));
    CHECK(pages.stats().reads == reads);
    {
        const auto held = pages.change({1}).value();
        CHECK_FALSE(seen->validate());
        CHECK_FALSE(pages.try_begin({1}));
    }
    CHECK_FALSE(seen->validate());
    CHECK(pages.try_begin({1}));
}

TEST_CASE("what is in memory can be looked at without loading anything") {
    source disk;
    pool pages{disk, room_for<pool>(3)};
    fill(pages, 5);
    const std::uint64_t loads = pages.stats().misses;
    std::uint64_t there = 0;
    for (std::uint64_t number = 1; number <= 6; ++number) {
        std::uint64_t value = 0;
        const bool seen = pages.read_there(
            {number}, [&](const auto& page) { value = page.template load<std::uint64_t>(0); });
        CHECK(value == (seen ? number : 0));
        there += seen ? 1u : 0u;
    }
    CHECK(there == 3);
    CHECK(pages.stats().misses == loads);
}

TEST_CASE("a page that is there is not read again") {
    source disk;
    pool pages{disk, room_for<pool>(8)};
    fill(pages, 8);
    for (int round = 0; round < 5; ++round)
        for (std::uint64_t number = 1; number <= 8; ++number) (void)value_of(pages, number);
    CHECK(disk.reads() == 0);
    CHECK(pages.stats().hits == 8 + 40);
    CHECK(pages.stats().misses == 8);
}

TEST_CASE("a clean page gives way without I/O, a dirty one is written first") {
    source disk;
    pool pages{disk, room_for<pool>(2)};
    fill(pages, 4);
    const std::uint64_t written = disk.writes();
    for (std::uint64_t number = 1; number <= 4; ++number) (void)value_of(pages, number);
    CHECK(disk.writes() == written);
    CHECK(pages.stats().evictions >= 4);
    pages.change({1}).value().store<std::uint64_t>(0, 99);
    CHECK(pages.stats().dirty == 1);
    for (std::uint64_t number = 2; number <= 4; ++number) (void)value_of(pages, number);
    CHECK(disk.writes() == written + 1);
    CHECK(pages.stats().dirty == 0);
    CHECK(value_of(pages, 1) == 99);
}

TEST_CASE("what is used stays before what is not") {
    source disk;
    pool pages{disk, room_for<pool>(4)};
    fill(pages, 40);
    for (std::uint64_t number = 2; number <= 40; ++number) {
        (void)value_of(pages, 1);
        (void)value_of(pages, number);
    }
    // Once in the beginning, and when a round of the hand clears all marks at once.
    CHECK(disk.reads() < 39 + 8);
}

TEST_CASE("a new page is zeroed, also in a frame and over a page that was used") {
    source disk;
    pool pages{disk, room_for<pool>(2)};
    const auto zeroed = [](const exclusive_page<posix>& page) {
        for (std::size_t at = 0; at < page.size(); ++at)
            if (page.data()[at] != std::byte{0}) return false;
        return page.size() == 512;
    };
    for (std::uint64_t number = 1; number <= 4; ++number) {
        auto made = pages.make({number});
        REQUIRE(made);
        CHECK(zeroed(*made));
        for (std::size_t at = 0; at < 512; at += 8) made->store<std::uint64_t>(at, UINT64_MAX);
    }
    auto again = pages.make({4});
    CHECK(zeroed(*again));
    again->release();
    CHECK_FALSE(*again);
    CHECK(disk.reads() == 0);
}

TEST_CASE("a dropped page is not written, and its frame is free at once") {
    source disk;
    pool pages{disk, room_for<pool>(3)};
    pages.make({1}).value().store<std::uint64_t>(0, 1);
    CHECK(pages.stats().free == 2);
    pages.drop(pages.change({1}).value());
    CHECK(pages.stats().free == 3);
    CHECK(pages.stats().dirty == 0);
    REQUIRE(pages.flush());
    CHECK(disk.writes() == 0);
    const auto gone = pages.pin({1});
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code() == error_code::not_found);
}

TEST_CASE("a page is forgotten where it is in memory, and not loaded where it is not") {
    source disk;
    pool pages{disk, room_for<pool>(3)};
    pages.make({1}).value().store<std::uint64_t>(0, 1);
    pages.make({2}).value().store<std::uint64_t>(0, 2);
    REQUIRE(pages.flush());
    pages.make({3}).value().store<std::uint64_t>(0, 3);
    for (const std::uint64_t page : {2u, 3u, 9u}) pages.forget({page});
    CHECK(pages.stats().free == 2);
    CHECK(pages.stats().dirty == 0);
    REQUIRE(pages.flush());
    CHECK(disk.writes() == 2);
    CHECK(disk.reads() == 0);
    CHECK(pages.pin({3}).error().code() == error_code::not_found);
    CHECK(pages.pin({2}));  // the source was not told
    pages.forget({2});
    CHECK(pages.make({2}));
}

TEST_CASE("guards read, write and move bytes") {
    source disk;
    pool pages{disk, room_for<pool>(3)};
    {
        auto made = pages.make({1});
        made->write(3, "abcdef", 6);
        made->move(4, 3, 6);
        CHECK(bytes_view{made->data() + 3, 7} == bytes_view{"aabcdef"});
        made->move(3, 4, 6);
    }
    char seen[6] = {};
    REQUIRE(pages.read({1}, [&](const auto& page) { page.copy(seen, 3, 6); }));
    CHECK(bytes_view{seen, 6} == bytes_view{"abcdef"});
}

TEST_CASE("an upgrade takes what was read, and nothing else") {
    source disk;
    pool pages{disk, room_for<pool>(2)};
    fill(pages, 4);
    auto seen = pages.begin({1});
    CHECK(seen->page() == page_id{1});
    {
        auto held = pages.upgrade(*seen);
        REQUIRE(held);
        REQUIRE(*held);
        held->store<std::uint64_t>(0, 50);
    }
    CHECK_FALSE(seen->validate());
    CHECK_FALSE(*pages.upgrade(*seen));
    CHECK(pages.stats().dirty == 1);
    auto before = pages.begin({1});
    for (std::uint64_t number = 2; number <= 4; ++number) (void)value_of(pages, number);
    CHECK_FALSE(before->validate());  // it has left
    CHECK_FALSE(*pages.upgrade(*before));
    CHECK(value_of(pages, 1) == 50);
}

TEST_CASE("a failed read is the caller's, and leaves nothing behind") {
    source disk;
    pool pages{disk, room_for<pool>(2)};
    fill(pages, 4);
    disk.fail_reads(1);
    const auto failed = pages.pin({1});
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code() == error_code::io);
    CHECK(contains(failed.error().message().as<std::string>(), "bringing a page into memory"));
    CHECK(pages.stats().free == 1);
    CHECK(value_of(pages, 1) == 1);
    CHECK(pages.stats().failed_reads == 1);
}

TEST_CASE("what cannot be written stays, is told once, and is written later") {
    source disk;
    std::vector<std::uint64_t> told;
    auto options = room_for<pool>(3);
    options.events = {
        [](void* context, const event& what) {
            CHECK(what.code() == event_code::page_write_failed);
            CHECK(*what.number("error") == static_cast<std::uint64_t>(error_code::io));
            static_cast<decltype(told)*>(context)->push_back(*what.number("page"));
        },
        &told};
    pool pages{disk, options};
    fill(pages, 5);
    for (std::uint64_t number = 1; number <= 3; ++number)
        pages.change({number}).value().store<std::uint64_t>(0, number + 10);
    disk.fail_writes(disk.all);
    for (int i = 0; i < 3; ++i) {
        const auto refused = pages.pin({4});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::out_of_memory);
        CHECK(*refused.error().number("frames") == 3);
        CHECK(*refused.error().number("dirty") == 3);
        CHECK(*refused.error().number("pinned") == 0);
        CHECK(*refused.error().number("page") == 4);
    }
    CHECK_FALSE(pages.flush());
    CHECK(told.size() == 1);
    CHECK(pages.stats().failed_writes == 4);
    for (std::uint64_t number = 1; number <= 3; ++number)
        CHECK(value_of(pages, number) == number + 10);
    disk.fail_writes(0);
    CHECK(value_of(pages, 4) == 4);
    CHECK(value_of(pages, 5) == 5);
    for (std::uint64_t number = 1; number <= 3; ++number)
        CHECK(value_of(pages, number) == number + 10);
    disk.fail_writes(1);
    pages.change({1}).value().store<std::uint64_t>(0, 1);
    CHECK_FALSE(pages.flush());
    CHECK(told.size() == 2);
    REQUIRE(pages.flush());
}

TEST_CASE("a failed write does not keep a clean page from giving way") {
    source disk;
    pool pages{disk, room_for<pool>(3)};
    fill(pages, 6);
    pages.change({1}).value().store<std::uint64_t>(0, 11);
    disk.fail_writes(disk.all);
    for (int round = 0; round < 3; ++round)
        for (std::uint64_t number = 2; number <= 6; ++number)
            CHECK(value_of(pages, number) == number);
    CHECK(value_of(pages, 1) == 11);
}

TEST_CASE("a thread that holds all frames is refused after a while, with numbers") {
    source disk;
    auto options = room_for<pool>(3);
    options.wait_for_frame = milliseconds(5);
    pool pages{disk, options};
    fill(pages, 5);
    auto first = pages.pin({1});
    auto second = pages.change({2});
    auto third = pages.pin({3});
    REQUIRE((first && second && third));
    CHECK(pages.stats().pinned == 3);
    const auto refused = pages.pin({4});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::out_of_memory);
    CHECK(*refused.error().number("pinned") == 3);
    third->release();
    CHECK(pages.pin({4}));  // two are held
    CHECK(pages.make({6}));
    CHECK(value_of(pages, 5) == 5);
}

TEST_CASE("page 0 and pages beyond the translation's share are refused") {
    source disk;
    pool pages{disk, room_for<pool>(2)};
    for (const std::uint64_t number : {std::uint64_t{0}, UINT64_MAX}) {
        CHECK(pages.pin({number}).error().code() == error_code::invalid_argument);
        CHECK(pages.make({number}).error().code() == error_code::invalid_argument);
    }
    const auto far = pages.make({1'000'000});
    REQUIRE_FALSE(far);
    CHECK(far.error().code() == error_code::out_of_memory);
    CHECK(*far.error().number("limit") == 4096);
    CHECK(pages.make({1}));
}

TEST_CASE("a pool takes what its formula says, and never more than its budget") {
    for (const std::size_t page_bytes : {512u, 4096u, 65'536u})
        for (const std::size_t memory : {1 * MiB, 3 * MiB + 12'345}) {
            source disk;
            pool pages{disk, {.page_bytes = page_bytes, .memory_bytes = memory}};
            for (std::uint64_t number = 1; number <= 500; ++number)
                REQUIRE(pages.make({number * 3}));
            CHECK(pages.memory_bytes() <= memory);
            CHECK(pages.memory_bytes() + memory / 16 + pool::frame_bytes(page_bytes) +
                      pool::side_copy_bytes(page_bytes) >
                  memory);
        }
}

TEST_CASE("pages are aligned for direct I/O") {
    for (const std::size_t page_bytes : {512u, 4096u, 65'536u}) {
        source disk;
        pool pages{disk, {.page_bytes = page_bytes, .memory_bytes = 2 * MiB}};
        for (std::uint64_t number = 1; number <= 5; ++number)
            CHECK(reinterpret_cast<std::uintptr_t>(pages.make({number})->data()) % page_bytes == 0);
    }
}

TEST_CASE("an optimistic read of a page that is there takes no mutex: twelve steps at most") {
    simulation world{1};
    world.run([&] {
        memory_source<simulated> disk;
        using small = buffer_pool<simulated, memory_source<simulated>>;
        small pages{disk, room_for<small>(3)};
        REQUIRE(pages.make({1}));
        std::uint64_t before = 0;
        for (int i = 0; i < 3; ++i) {
            before = world.steps();
            REQUIRE(pages.read({1}, [](const auto&) {}));
        }
        CHECK(world.steps() - before <= 12);
    });
}

TEST_CASE("misuse is said in a sentence") {
    const auto dies = [](auto body, const char* sentence) {
        const auto end = death_of([&] {
            source disk;
            pool pages{disk, room_for<pool>(3)};
            { auto made = pages.make({1}); }
            body(pages);
        });
        CHECK_MESSAGE(contains(end.said, sentence), end.said);
    };
    dies([](pool& pages) { pages.change({1})->store<std::uint64_t>(512, 1); }, "beyond the end");
    dies([](pool& pages) { pages.change({1})->write(510, "abc", 3); }, "beyond the end");
    dies([](pool& pages) { (void)pages.begin({1})->load<std::uint64_t>(512); }, "beyond the end");
    dies(
        [](pool& pages) {
            const auto seen = pages.begin({1}).value();
            (void)pages.change({1});
            pages.drop(pages.upgrade(seen).value());  // it has changed: nothing is held
        },
        "holds nothing");
    dies([](pool& pages) { (void)pages.write_epoch(1); }, "has not ended");
    dies(
        [](pool& pages) {
            auto held = pages.change({1});
            (void)pages.begin_epoch();
        },
        "while an epoch began");
    dies(
        [](pool& pages) {
            shared_page<posix> nothing;
            volatile bool takes = false;  // else the compiler complains before the check does
            if (takes) nothing = pages.pin({1}).value();
            (void)nothing.page();
        },
        "holds nothing");
    const auto small = death_of([] {
        source disk;
        pool pages{disk, {.memory_bytes = 100}};
    });
    CHECK(contains(small.said, "does not hold one page"));
    const auto odd = death_of([] {
        source disk;
        pool pages{disk, {.page_bytes = 1000}};
    });
    CHECK(contains(odd.said, "a power of two"));
}
