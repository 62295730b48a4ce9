// SPDX-License-Identifier: BSL-1.0
//
// The thread of a buffer pool: what it loads and writes before anybody asks.
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "history_source.hpp"
#include "pool_of.hpp"

#include <mantis/page/memory_source.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;
using page_test::history_source;
using page_test::room_for;

namespace {

using source = history_source<simulated>;
using pool = buffer_pool<simulated, source>;

buffer_pool_options cleaning(std::size_t frames, unsigned percent) {
    auto options = room_for<pool>(frames);
    options.clean_percent = percent;
    return options;
}
void fill(pool& pages, std::uint64_t count) {
    for (std::uint64_t number = 1; number <= count; ++number)
        pages.make({number}).value().store<std::uint64_t>(0, number);
    pages.flush().value();
}
std::uint64_t value_of(pool& pages, std::uint64_t number) {
    std::uint64_t value = 0;
    pages.read({number}, [&](const auto& page) { value = page.template load<std::uint64_t>(0); })
        .value();
    return value;
}

}  // namespace

TEST_CASE("pages that were asked for ahead are there without a miss") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            source disk;
            pool pages{disk, room_for<pool>(4)};
            fill(pages, 12);
            const page_id ahead[] = {{1}, {2}, {3}, {500}, {0}, {UINT64_MAX}};
            CHECK(pages.prefetch(ahead, 6) == 6);
            CHECK(pages.stats().prefetches == 5);
            platform.sleep(seconds(1));
            const auto misses = pages.stats().misses;
            for (std::uint64_t number = 1; number <= 3; ++number)
                CHECK(value_of(pages, number) == number);
            CHECK(pages.stats().misses == misses);
            CHECK(pages.stats().frames == 4);
            CHECK(disk.wrong == 0);
        });
    }
}

TEST_CASE("more is asked for ahead than waits: the rest is left to the caller") {
    simulation world{3};
    auto platform = world.platform();
    world.run([&] {
        source disk;
        pool pages{disk, room_for<pool>(3)};
        fill(pages, 200);
        disk.platform = &platform;
        std::vector<page_id> ahead;
        for (std::uint64_t number = 1; number <= 200; ++number) ahead.push_back({number});
        const std::size_t taken = pages.prefetch(ahead.data(), ahead.size());
        CHECK(taken >= 64);
        CHECK(taken < 200);
        for (std::uint64_t number = 1; number <= 200; ++number)
            CHECK(value_of(pages, number) == number);
    });
}

TEST_CASE("after one thread had to write for a frame, others find clean ones") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            source disk;
            pool pages{disk, cleaning(8, 50)};
            for (std::uint64_t number = 1; number <= 9; ++number)
                pages.make({number}).value().store<std::uint64_t>(0, number + 100);
            CHECK(pages.stats().writes_for_frames == 1);
            platform.sleep(seconds(1));
            const auto seen = pages.stats();
            CHECK(seen.dirty <= 5);  // the last one may have come while it was at work
            CHECK(seen.writes_for_frames == 1);
            for (std::uint64_t number = 1; number <= 9; ++number)
                CHECK(value_of(pages, number) == number + 100);
            CHECK(disk.wrong == 0);
        });
    }
}

TEST_CASE("a pool of which nothing is asked has no thread, and one that ends stops it") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            source disk;
            disk.platform = &platform;
            pool pages{disk, cleaning(3, 50)};
            fill(pages, 3);
            const page_id ahead[] = {{1}, {2}, {3}, {4}};
            for (std::uint64_t number = 1; number <= seed % 7; ++number) (void)pages.make({number});
            (void)pages.prefetch(ahead, seed % 5);
        });
    }
}

TEST_CASE("100 seeds: it cleans and loads while threads change pages, epochs end and I/O fails") {
    for (std::uint64_t seed = 0; seed < 100; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            source disk;
            if (seed % 2 == 0) disk.platform = &platform;
            pool pages{disk, cleaning(3 + seed % 3, 60)};
            fill(pages, 8);
            disk.salt = seed;
            disk.fail_reads_one_in = seed % 3 == 0 ? 5 : 0;
            disk.fail_writes_one_in = seed % 3 == 0 ? 5 : 0;
            std::uint64_t changes[9] = {};
            const auto act = [&](std::uint64_t first) {
                for (std::uint64_t i = 0; i < 12; ++i) {
                    const std::uint64_t number = 1 + (first + i * 3) % 8;
                    const page_id ahead[] = {{1 + (number + 2) % 8}, {1 + (number + 5) % 8}};
                    (void)pages.prefetch(ahead, 2);
                    if (auto held = pages.change({number})) {
                        std::uint64_t was;
                        std::memcpy(&was, held->data() + 8, sizeof was);
                        held->template store<std::uint64_t>(8, was + 1);
                        ++changes[number];
                    }
                }
            };
            simulated::thread other{[&] { act(1); }};
            act(2);
            other.join();
            disk.fail_reads_one_in = disk.fail_writes_one_in = 0;
            const std::uint32_t ended = pages.begin_epoch();
            REQUIRE(pages.write_epoch(ended));
            for (std::uint64_t number = 1; number <= 8; ++number) {
                std::uint64_t count;
                std::memcpy(&count, disk.at_end_of(ended, {number}).data() + 8, sizeof count);
                CHECK(count == changes[number]);
            }
            CHECK(disk.wrong == 0);
        });
    }
}

TEST_CASE("real threads: it cleans and loads ahead of four") {
    using real = buffer_pool<posix, memory_source<posix>>;
    memory_source<posix> disk;
    auto options = room_for<real>(8);
    options.clean_percent = 50;
    real pages{disk, options};
    for (std::uint64_t number = 1; number <= 20; ++number)
        pages.make({number}).value().store<std::uint64_t>(0, 0);
    std::vector<posix::thread> all;
    for (std::uint64_t thread = 0; thread < 4; ++thread)
        all.emplace_back([&, thread] {
            for (std::uint64_t i = 0; i < 4'000 / one_in; ++i) {
                const page_id ahead{1 + (i * 7 + thread) % 20};
                (void)pages.prefetch(&ahead, 1);
                auto held = pages.change({1 + (i * 3 + thread) % 20});
                std::uint64_t was;
                std::memcpy(&was, held.value().data(), sizeof was);
                held->store<std::uint64_t>(0, was + 1);
            }
        });
    for (auto& thread : all) thread.join();
    std::uint64_t sum = 0;
    for (std::uint64_t number = 1; number <= 20; ++number) {
        const auto held = pages.pin({number}).value();
        std::uint64_t count;
        std::memcpy(&count, held.data(), sizeof count);
        sum += count;
    }
    CHECK(sum == 4 * (4'000 / one_in));
}
