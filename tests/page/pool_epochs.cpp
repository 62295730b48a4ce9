// SPDX-License-Identifier: BSL-1.0
//
// Threads move amounts between pages while epochs end and are written: the images of each epoch
// are the pages as they were at its end.
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "history_source.hpp"
#include "pool_of.hpp"

#include <mantis/page/memory_source.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

using namespace mantis;
using page_test::history_source;
using page_test::room_for;

namespace {

template <class Platform>
struct bank {
    using source = history_source<Platform>;
    using pool = buffer_pool<Platform, source>;
    static constexpr std::uint64_t count = 6;
    struct balances {
        std::uint64_t of[count + 1] = {};  // 0: the page is not there
    };

    source disk;
    pool pages;
    optimistic_latch<Platform> barrier;  // shared by who changes, exclusively by who ends an epoch
    balances now;                        // each under the latch of its page
    std::vector<balances> at_end;        // of epoch 1, 2, ...
    typename Platform::template atomic<std::uint64_t> wrong{0};

    bank(std::size_t frames, std::size_t side_copies)
        : pages{disk, room_for<pool>(frames, side_copies)} {
        for (std::uint64_t number = 1; number <= count; ++number) make(number, 1'000);
    }
    static std::uint64_t balance(const std::byte* page) {
        std::uint64_t value;
        std::memcpy(&value, page, sizeof value);
        return value;
    }
    void put(exclusive_page<Platform>& page, std::uint64_t value) {
        page.template store<std::uint64_t>(0, value);
        page.template store<std::uint64_t>(504, value);
        now.of[page.page().value] = value;
    }
    void make(std::uint64_t number, std::uint64_t value) {
        auto made = pages.make({number});
        if (made) put(*made, value);
    }
    void move(std::uint64_t from, std::uint64_t to, std::uint64_t amount) {
        if (from == to) return;
        barrier.lock_shared();
        {
            auto first = pages.change({from < to ? from : to});
            if (first) {
                auto second = pages.change({from < to ? to : from});
                if (second) {
                    auto& source_page = from < to ? *first : *second;
                    auto& target = from < to ? *second : *first;
                    const std::uint64_t has = balance(source_page.data());
                    if (has != now.of[from]) wrong.fetch_add(1);
                    if (has > amount) {
                        put(source_page, has - amount);
                        put(target, balance(target.data()) + amount);
                    }
                }
            }
        }
        barrier.unlock_shared();
    }
    // Dropped and made again, with what it had: in one epoch.
    void remake(std::uint64_t number) {
        barrier.lock_shared();
        if (auto held = pages.change({number})) {
            const std::uint64_t has = balance(held->data());
            held->template store<std::uint64_t>(0, 77);  // nobody is to see this
            pages.drop(std::move(*held));
            auto again = pages.make({number}).value();
            put(again, has);
        }
        barrier.unlock_shared();
    }
    // As a checkpoint does.
    void checkpoint() {
        barrier.lock();
        const std::uint32_t ended = pages.begin_epoch();
        at_end.push_back(now);
        if (at_end.size() != ended) wrong.fetch_add(1);
        barrier.unlock();
        for (;;)
            if (pages.write_epoch(ended)) break;
        check_epoch(ended);
    }
    void check_epoch(std::uint32_t epoch) {
        std::uint64_t sum = 0;
        for (std::uint64_t number = 1; number <= count; ++number) {
            const bytes image = disk.at_end_of(epoch, {number});
            if (image.size() != 512) {
                wrong.fetch_add(1);
                continue;
            }
            const std::uint64_t has = balance(image.data());
            if (has != at_end[epoch - 1].of[number] || has != balance(image.data() + 504))
                wrong.fetch_add(1);
            sum += has;
        }
        if (sum != count * 1'000) wrong.fetch_add(1);
    }
    bool right() {
        disk.fail_writes_one_in = 0;
        checkpoint();
        for (std::uint32_t epoch = 1; epoch <= at_end.size(); ++epoch) check_epoch(epoch);
        const auto seen = pages.stats();
        return wrong.load() == 0 && disk.wrong == 0 && seen.side_copies_waiting == 0 &&
               seen.dirty == 0;
    }
};

template <class Platform>
void run_bank(bank<Platform>& all, std::uint64_t threads, std::uint64_t rounds,
              std::uint64_t checkpoints, std::uint64_t salt) {
    std::vector<typename Platform::thread> running;
    for (std::uint64_t number = 0; number < threads; ++number)
        running.emplace_back([&, number] {
            std::uint64_t draw = salt * 31 + number + 1;
            for (std::uint64_t i = 0; i < rounds; ++i) {
                draw = draw * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
                const std::uint64_t what = draw >> 33;
                all.move(1 + what % all.count, 1 + what / 8 % all.count, what / 64 % 200);
            }
        });
    for (std::uint64_t i = 0; i < checkpoints; ++i) all.checkpoint();
    for (auto& thread : running) thread.join();
}

}  // namespace

TEST_CASE("400 seeds: the images of each epoch are the state at its end") {
    std::uint64_t copies = 0;
    for (std::uint64_t seed = 0; seed < 400; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            bank<simulated> all{6 + seed % 3, seed / 3 % 4};
            if (seed % 2 == 0) all.disk.platform = &platform;
            run_bank(all, 3, 10, 4, seed);
            CHECK(all.right());
            copies += all.pages.stats().side_copies;
        });
    }
    CHECK(copies > 400 / one_in);
}

TEST_CASE("200 seeds: the same where one write in four fails") {
    for (std::uint64_t seed = 0; seed < 200; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            bank<simulated> all{7 + seed % 2, seed / 3 % 4};
            if (seed % 2 == 0) all.disk.platform = &platform;
            all.disk.salt = seed;
            all.disk.fail_writes_one_in = 4;
            run_bank(all, 3, 10, 4, seed);
            CHECK(all.right());
        });
    }
}

TEST_CASE("200 seeds: the same through fewer frames than pages, each evicted again and again") {
    for (std::uint64_t seed = 0; seed < 200; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            bank<simulated> all{4, seed % 4};
            run_bank(all, 2, 15, 4, seed);
            CHECK(all.right());
            CHECK(all.pages.stats().evictions > 0);
        });
    }
}

TEST_CASE("every schedule: one change against the end of an epoch and its writing") {
    const auto report = exhaustive_schedules(
        [](simulation& world) {
            bool right = false;
            world.run([&] {
                bank<simulated> all{6, 1};
                simulated::thread one{[&] { all.move(1, 2, 5); }};
                all.checkpoint();
                one.join();
                right = all.right();
            });
            return right;
        },
        {.max_preemptions = 2});
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 100);
}

TEST_CASE(
    "a page that is dropped in a later epoch is written as it was at the end of the earlier") {
    for (const std::size_t side_copies : {0u, 1u}) {
        bank<posix> all{6, side_copies};
        const std::uint32_t ended = all.pages.begin_epoch();
        all.at_end.push_back(all.now);
        all.remake(3);
        all.pages.drop(all.pages.change({4}).value());
        REQUIRE(all.pages.write_epoch(ended));
        all.check_epoch(ended);
        CHECK(all.wrong.load() == 0);
        CHECK(all.disk.wrong == 0);
        all.make(4, 1'000);
        CHECK(all.right());
    }
}

TEST_CASE("a page is settled without a load or a change, and can be forgotten then") {
    for (const std::size_t side_copies : {0u, 1u}) {
        bank<posix> all{6, side_copies};
        const std::uint32_t ended = all.pages.begin_epoch();
        all.at_end.push_back(all.now);
        if (side_copies == 0) {
            all.disk.fail_writes_one_in = 1;
            const auto failed = all.pages.settle({4});
            REQUIRE_FALSE(failed);
            CHECK(failed.error().code() == error_code::io);
            all.disk.fail_writes_one_in = 0;
        }
        const std::uint64_t reads = all.disk.reads;
        REQUIRE(all.pages.settle({4}));
        REQUIRE(all.pages.settle({9}));  // is not there
        all.pages.forget({4});
        REQUIRE(all.pages.settle({4}));
        all.now.of[4] = 0;
        CHECK(all.disk.reads == reads);
        CHECK(all.pages.stats().free == 1);
        REQUIRE(all.pages.write_epoch(ended));
        all.check_epoch(ended);
        CHECK(all.wrong.load() == 0);
        CHECK(all.disk.wrong == 0);
        all.make(4, 1'000);
        CHECK(all.right());
    }
}

TEST_CASE("settling a clean page leaves it clean, and one of this epoch as it is") {
    bank<posix> all{6, 0};
    REQUIRE(all.pages.flush());
    const std::uint64_t writes = all.disk.writes;
    REQUIRE(all.pages.settle({1}));
    CHECK(all.pages.stats().dirty == 0);
    all.move(1, 2, 5);
    REQUIRE(all.pages.settle({1}));
    CHECK(all.pages.stats().dirty == 2);
    CHECK(all.disk.writes == writes);
    CHECK(all.right());
}

TEST_CASE("a page of three epochs is written as of each, in order") {
    bank<posix> all{6, 4};
    for (std::uint64_t value = 1; value <= 3; ++value) {
        auto page = all.pages.change({1});
        REQUIRE(page);
        page->store<std::uint64_t>(0, value);
        page->release();
        CHECK(all.pages.begin_epoch() == value);
    }
    all.pages.change({1})->store<std::uint64_t>(0, 4);
    CHECK(all.pages.stats().side_copies_waiting == 3);
    REQUIRE(all.pages.write_epoch(3));
    for (std::uint32_t epoch = 1; epoch <= 3; ++epoch)
        CHECK(bank<posix>::balance(all.disk.at_end_of(epoch, {1}).data()) == epoch);
    CHECK(all.pages.stats().side_copies_waiting == 0);
    CHECK(all.pages.stats().dirty == 1);
    CHECK(all.disk.wrong == 0);
}

TEST_CASE("writing an epoch writes nothing of later ones") {
    bank<posix> all{6, 4};
    const std::uint32_t first = all.pages.begin_epoch();
    REQUIRE(all.pages.write_epoch(first));
    CHECK(all.disk.writes == 6);
    all.move(1, 2, 5);
    REQUIRE(all.pages.write_epoch(first));
    CHECK(all.disk.writes == 6);
    CHECK(all.pages.stats().dirty == 2);
    CHECK(all.pages.stats().side_copies == 0);  // the old images were written before
}

TEST_CASE("an old image that can neither be copied nor written keeps the page from changing") {
    bank<posix> all{6, 0};
    const std::uint32_t ended = all.pages.begin_epoch();
    all.at_end.push_back(all.now);
    all.disk.fail_writes_one_in = 1;
    const auto held = all.pages.change({1});
    REQUIRE_FALSE(held);
    CHECK(held.error().code() == error_code::io);
    all.disk.fail_writes_one_in = 0;
    REQUIRE(all.pages.change({1}));
    REQUIRE(all.pages.write_epoch(ended));
    all.check_epoch(ended);
    CHECK(all.wrong.load() == 0);
}

TEST_CASE("real threads: three move amounts while epochs end") {
    for (const std::size_t side_copies : {0u, 3u}) {
        bank<posix> all{6, side_copies};
        run_bank(all, 3, 3'000 / one_in, 40 / one_in + 1, 7);
        CHECK(all.right());
    }
}

TEST_CASE("beyond the limit no side copy is begun: the old image is written first") {
    bank<posix> all{6, 6};
    all.pages.limit_side_copies(2);
    const std::uint32_t ended = all.pages.begin_epoch();
    for (std::uint64_t page = 1; page <= 4; ++page)
        all.pages.change({page})->store<std::uint64_t>(0, 9);
    CHECK(all.pages.stats().side_copies_waiting == 2);
    CHECK(all.disk.writes == 2);
    all.pages.limit_side_copies(3);
    all.pages.change({5})->store<std::uint64_t>(0, 9);
    CHECK(all.pages.stats().side_copies_waiting == 3);
    CHECK(all.disk.writes == 2);
    REQUIRE(all.pages.write_epoch(ended));
    CHECK(all.disk.writes == 6);
    for (std::uint64_t page = 1; page <= 6; ++page)
        CHECK(bank<posix>::balance(all.disk.at_end_of(ended, {page}).data()) == 1'000);
    CHECK(all.disk.wrong == 0);
}
