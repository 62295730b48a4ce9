// SPDX-License-Identifier: BSL-1.0
//
// Threads write, read and erase pages of a store while another one commits and cleans: each finds
// what it wrote, and each committed state is that of one moment.
#include <doctest/doctest.h>

#include "../platform/scratch.hpp"
#include "../sanitized.hpp"
#include "page_life.hpp"

#include <mantis/platform/simulated/exhaustive.hpp>
#include <mantis/sync/optimistic_latch.hpp>

using namespace mantis;
using page_test::difference;
using page_test::image_of;
using page_test::page_life;
using page_test::page_state;

namespace {

template <class Platform>
struct busy_store {
    using store = page_store<Platform>;
    static constexpr std::uint64_t pages = 24;

    typename Platform::directory in;
    store disk;
    segment_cleaner<store> cleaner;
    optimistic_latch<Platform> barrier;  // shared by who writes, exclusively by who ends an epoch
    std::uint32_t epoch = 1;
    std::uint64_t stamps[pages + 1] = {};  // 0: not there; each by the thread that has the page
    std::vector<bytes> deltas;
    page_state committed;
    typename Platform::template atomic<std::uint64_t> wrong{0};
    typename Platform::template atomic<std::uint64_t> ended{0};

    explicit busy_store(typename Platform::directory folder)
        : in{std::move(folder)},
          disk{in, page_life<Platform>::options()},
          cleaner{disk, {.below_percent = 90}} {
        disk.opened().value();
    }
    void note(bool right) {
        if (!right) wrong.fetch_add(1);
    }
    bool reads_right(std::uint64_t page) {
        const bytes image = image_of(page, stamps[page]);
        bytes seen = bytes::zeros(image.size());
        const auto done = disk.read({page}, seen.data(), seen.size());
        if (stamps[page] == 0) return !done && done.error().code() == error_code::not_found;
        return done && seen.view() == image.view();
    }
    void work(std::uint64_t number, std::uint64_t threads, std::uint64_t rounds) {
        std::uint64_t draw = number + 77;
        for (std::uint64_t i = 0; i < rounds; ++i) {
            const std::uint64_t what = detail::splitmix64(draw);
            const std::uint64_t page = 1 + what / 8 % (pages / threads) * threads + number;
            if (what % 8 < 3) {
                note(reads_right(page));
                continue;
            }
            barrier.lock_shared();
            const bool gone = what % 8 == 3;
            const std::uint64_t stamp = i * threads + number + 1;
            stamps[page] = gone ? 0 : stamp * 16 + (what % 16 < 8 ? page % 16 : stamp % 16);
            note(gone ? disk.erase({page}, epoch).has_value()
                      : disk.write({page}, epoch, image_of(page, stamps[page])).has_value());
            barrier.unlock_shared();
        }
        ended.fetch_add(1);
    }
    void commit(bool clean) {
        barrier.lock();
        const std::uint32_t now = epoch++;
        page_state state;
        for (std::uint64_t page = 1; page <= pages; ++page)
            if (stamps[page] != 0) state[page] = stamps[page];
        barrier.unlock();
        disk.begin_commit(now);
        const auto changed = disk.prepare(now);
        note(changed.has_value());
        if (!changed) return;
        for (page_id from{1}; from.value != 0;) {
            const page_delta_part some = disk.changes(from, 3);
            deltas.push_back(some.part.encode());
            from = some.next;
        }
        committed = state;
        disk.committed(now);
        if (clean) note(cleaner.clean_once().has_value());
    }
    // A cleaner finds every image there is.
    //   Requires    all is committed, and nobody is at it
    bool all_listed() {
        for (const page_change& each : disk.images({1}, pages + 1).images) {
            bool listed = false;
            for (const std::uint32_t page : disk.pages_in(each.now.place.segment()))
                listed = listed || page == each.page.value;
            if (!listed) return false;
        }
        return true;
    }
    // The committed state, opened beside the store that wrote it.
    bool committed_is_there(typename Platform::directory& copy) {
        store again{copy, page_life<Platform>::options()};
        for (const bytes& delta : deltas)
            if (!again.load(delta)) return false;
        return again.opened() && difference(again, committed, pages).empty() &&
               again.stats().live_bytes == page_test::bytes_of(committed);
    }
};

template <class Platform, class Open>
void run_busy(Open open, std::uint64_t threads, std::uint64_t rounds) {
    auto folder = open();
    busy_store<Platform> all{open()};
    std::vector<typename Platform::thread> running;
    for (std::uint64_t number = 0; number < threads; ++number)
        running.emplace_back([&, number] { all.work(number, threads, rounds); });
    while (all.ended.load() != threads) all.commit(true);
    for (auto& each : running) each.join();
    all.commit(false);
    for (std::uint64_t page = 1; page <= all.pages; ++page) CHECK(all.reads_right(page));
    CHECK(all.wrong.load() == 0);
    CHECK(all.disk.stats().newest_bytes == all.disk.stats().live_bytes);
    CHECK(all.all_listed());
    CHECK(all.committed_is_there(folder));
}

}  // namespace

TEST_CASE("150 seeds: threads find what they wrote while another commits and cleans") {
    for (std::uint64_t seed = 0; seed < 150; seed += one_in) {
        CAPTURE(seed);
        simulation_options options;
        if (seed % 2 == 0) options.scheduling = drawn_schedule(seed);
        simulation world{seed, options};
        world.run([&] {
            run_busy<simulated>(
                [&] {
                    return world.platform().open_directory("db", directory_mode::create).value();
                },
                2 + seed % 2, 30);
        });
    }
}

TEST_CASE("a segment stays while somebody writes into it, though nothing in it is alive") {
    simulation world{1};
    world.run([&] {
        auto in = world.platform().open_directory("db", directory_mode::create).value();
        page_store<simulated> disk{in, page_life<simulated>::options()};
        REQUIRE(disk.opened());
        REQUIRE(disk.write({1}, 1, image_of(1, 7)));
        world.inject({.kind = fault_kind::slow, .on = io_kind::write, .slowdown = 1'000'000});
        bool written = false;
        simulated::thread slow{[&] { written = disk.write({2}, 2, image_of(2, 7)).has_value(); }};
        while (world.struck(fault_kind::slow) == 0) world.platform().sleep(microseconds(1));
        for (std::uint64_t i = 1; i <= 20; ++i) REQUIRE(disk.write({1}, 1, image_of(1, 7 + i % 2)));
        REQUIRE(disk.prepare(1));
        disk.committed(1);
        CHECK_FALSE(written);
        CHECK(in.exists("data-00000001").value());
        slow.join();
        CHECK(written);
        CHECK(difference(disk, {{1, 7}, {2, 7}}, 3) == "");
    });
}

TEST_CASE("every schedule: a second image of an epoch against the cleaner that moves the first") {
    const auto report = exhaustive_schedules(
        [](simulation& world) {
            bool right = false;
            world.run([&] {
                auto in = world.platform().open_directory("db", directory_mode::create).value();
                page_store<simulated> disk{in, page_life<simulated>::options()};
                bool done = disk.opened().has_value();
                // A segment of which little is left, with page 1 in it, and the next one.
                for (std::uint64_t page = 1; page <= 8; ++page)
                    done = done && disk.write({page}, 1, image_of(page, 15)).has_value();
                for (std::uint64_t page = 2; page <= 7; ++page)
                    done = done && disk.erase({page}, 1).has_value();
                segment_cleaner<page_store<simulated>> cleaner{disk, {.below_percent = 90}};
                bool written = false;
                simulated::thread one{
                    [&] { written = disk.write({1}, 1, image_of(1, 31)).has_value(); }};
                const auto cleaned = cleaner.clean_once();
                one.join();
                right = done && written && cleaned &&
                        difference(disk, {{1, 31}, {8, 15}}, 8).empty() &&
                        disk.stats().live_bytes == 2 * 16 * data_block_bytes;
            });
            return right;
        },
        {.max_preemptions = 3});
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 50);
}

TEST_CASE("every schedule: a second image of an epoch is never damage to who checks all images") {
    bool met = false;
    const auto report = exhaustive_schedules(
        [&](simulation& world) {
            bool right = false;
            world.run([&] {
                auto in = world.platform().open_directory("db", directory_mode::create).value();
                page_store<simulated> disk{in, page_life<simulated>::options()};
                right = disk.opened() && disk.write({1}, 1, image_of(1, 15));
                bool written = false;
                simulated::thread one{
                    [&] { written = disk.write({1}, 1, image_of(1, 31)).has_value(); }};
                for (const page_change& each : disk.images({1}, 1).images) {
                    bytes image;
                    if (disk.check_image(each.page, each.now, image)) continue;
                    met = true;
                    right = right && !disk.is_live(each.page, each.now);
                }
                one.join();
                right = right && written && difference(disk, {{1, 31}}, 1).empty();
            });
            return right;
        },
        {.max_preemptions = 3});
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(met);
}

TEST_CASE("every schedule: writes and an erasure against a cleaning and a commit") {
    const auto report = exhaustive_schedules(
        [](simulation& world) {
            bool right = false;
            world.run([&] {
                const auto open = [&] {
                    return world.platform().open_directory("db", directory_mode::create).value();
                };
                auto folder = open();
                busy_store<simulated> all{open()};
                const auto put = [&](std::uint64_t page, std::uint64_t stamp) {
                    all.barrier.lock_shared();
                    all.stamps[page] = stamp;
                    all.note(all.disk.write({page}, all.epoch, image_of(page, stamp)).has_value());
                    all.barrier.unlock_shared();
                };
                for (std::uint64_t page = 1; page <= 8; ++page) put(page, 15);  // a segment, and 1
                for (std::uint64_t page = 3; page <= 7; ++page) {
                    all.stamps[page] = 0;
                    all.note(all.disk.erase({page}, all.epoch).has_value());
                }
                all.commit(false);
                simulated::thread one{[&] { put(1, 31); }};
                all.commit(true);
                one.join();
                all.commit(false);
                right = all.wrong.load() == 0 && all.reads_right(1) && all.reads_right(2) &&
                        all.reads_right(3) && all.disk.stats().images_moved > 0;
                right = right && all.committed_is_there(folder);
            });
            return right;
        },
        {.max_preemptions = 2});
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 100);
}

TEST_CASE("real threads find what they wrote while another commits and cleans") {
    memory world;
    run_busy<memory>([&] { return world.open_directory("db", directory_mode::create).value(); }, 4,
                     8'000 / one_in);
    const platform_test::scratch_directory scratch;
    run_busy<posix>(
        [&] { return posix{}.open_directory(scratch.path("db"), directory_mode::create).value(); },
        3, 1'000 / one_in);
}
