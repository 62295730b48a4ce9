// SPDX-License-Identifier: BSL-1.0
//
// A buffer pool of few frames over a page store: threads change pages while epochs end and are
// committed; after a power failure everything is as it was at the end of the epoch that was
// committed last.
#include <doctest/doctest.h>

#include "../platform/scratch.hpp"
#include "../sanitized.hpp"
#include "pool_on_store.hpp"

using namespace mantis;
using page_test::bank_books;
using page_test::stored_bank;

namespace {

using bank = stored_bank<simulated>;

template <class Platform>
void run_threads(Platform world, stored_bank<Platform>& all, std::uint64_t threads,
                 std::uint64_t rounds, std::uint64_t salt, std::uint64_t checkpoints) {
    typename Platform::template atomic<std::uint64_t> progress{0};
    std::vector<typename Platform::thread> running;
    for (std::uint64_t number = 0; number < threads; ++number)
        running.emplace_back([&, world, number]() mutable {
            std::uint64_t draw = salt * 31 + number + 1;
            for (std::uint64_t i = 0; i < rounds; ++i) {
                const std::uint64_t what = detail::splitmix64(draw);
                const std::uint64_t own = all.accounts + 1 + number;
                progress.fetch_add(1);
                if (what % 3 == 0) world.sleep(microseconds(20));
                // Where others hold all frames, it is refused, and comes to nothing.
                if (what % 5 == 0) (void)all.come_or_go(own, 1 + what / 8 % 1'000);
                else
                    (void)all.move(1 + what / 8 % all.accounts, 1 + what / 64 % all.accounts,
                                   what / 512 % 200);
            }
        });
    for (std::uint64_t i = 0; i < checkpoints; ++i) {
        const std::uint64_t part = threads * rounds * (i + 1) / (checkpoints + 1);
        while (progress.load() < part) world.sleep(microseconds(20));
        if (!all.checkpoint(i % 2 == 1)) break;
    }
    for (auto& thread : running) thread.join();
}

void check_sum(bank_books& books) {
    std::uint64_t sum = 0;
    for (std::uint64_t number = 1; number <= bank_books::accounts; ++number)
        sum += books.committed.of[number];
    CHECK(sum == (books.deltas.empty() ? 0 : bank_books::accounts * 1'000));
}

//   Returns     how many I/Os it took
std::uint64_t run_and_crash(std::uint64_t seed, std::uint64_t at_io, std::uint64_t& commits) {
    simulation_options options;
    if (seed % 2 == 0) options.scheduling = drawn_schedule(seed);
    simulation world{seed, options};
    std::uint64_t used = 0;
    world.run([&] {
        bank_books books;
        const auto folder = [&] {
            return world.platform().open_directory("db", directory_mode::create).value();
        };
        auto in = folder();
        const std::uint64_t before = world.io_count();
        world.crash_at_io(at_io);
        {
            bank first{books, std::move(in), 5 + seed % 3, seed / 3 % 4};
            if (first.open() && first.begin()) run_threads(world.platform(), first, 3, 60, seed, 8);
            CHECK(first.wrong.load() == 0);
            commits += first.commits;
        }
        used = world.io_count() - before;
        world.restart(seed % 3 == 0 ? crash_mode::random_subset : crash_mode::drop_unsynced);
        check_sum(books);
        {
            bank again{books, folder(), 4, 1};
            REQUIRE(again.open());
            again.check_books();
            CHECK(again.wrong.load() == 0);
            if (books.deltas.empty()) return;
            run_threads(world.platform(), again, 2, 6, seed + 1, 2);  // and it goes on
            CHECK(again.checkpoint(false));
            CHECK(again.wrong.load() == 0);
        }
        world.restart(crash_mode::drop_unsynced);
        check_sum(books);
        bank last{books, folder(), 4, 0};
        REQUIRE(last.open());
        last.check_books();
        CHECK(last.wrong.load() == 0);
    });
    return used;
}

}  // namespace

TEST_CASE("after a power failure the pages are as at the end of the epoch committed last") {
    std::uint64_t commits = 0;
    std::uint64_t runs = 0;
    std::uint64_t all = 0;
    for (std::uint64_t seed = 0; seed < 60; seed += one_in) {
        CAPTURE(seed);
        const std::uint64_t count = run_and_crash(seed, 0, commits);
        all += count;
        for (std::uint64_t at = 5 + seed % 7; at < count; at += 17, ++runs) {
            CAPTURE(at);
            run_and_crash(seed, at, commits);
        }
    }
    CHECK(runs > 300 / one_in);
    CHECK(all > 60 * 100 / one_in);
    CHECK(commits > runs);
}

TEST_CASE("real threads over real files, closed and opened again") {
    const platform_test::scratch_directory scratch;
    bank_books books;
    std::uint64_t commits = 0;
    for (std::uint64_t round = 0; round < 3; ++round) {
        auto in = posix{}.open_directory(scratch.path("db"), directory_mode::create).value();
        stored_bank<posix> all{books, std::move(in), 6, round};
        REQUIRE(all.open());
        if (round == 0) REQUIRE(all.begin());
        if (round != 0) all.check_books();
        run_threads(posix{}, all, 3, 2'000 / one_in, round, 12 / one_in + 2);
        REQUIRE(all.checkpoint(true));
        all.check_books();
        CHECK(all.wrong.load() == 0);
        commits += all.commits;
        check_sum(books);
    }
    CHECK(commits >= 9);
}
