// SPDX-License-Identifier: BSL-1.0
//
// Threads that use the same few pages through fewer frames, under drawn and under all schedules.
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "history_source.hpp"
#include "pool_of.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

using namespace mantis;
using page_test::history_source;
using page_test::room_for;

namespace {

// Each page has its number in word 0, and one count in word 1 and in the last: what a reader sees
// is of one state where they are equal.
template <class Platform>
struct counted_pages {
    template <class T>
    using atomic = typename Platform::template atomic<T>;
    using source = history_source<Platform>;
    using pool = buffer_pool<Platform, source>;
    static constexpr std::uint64_t count = 6;
    static constexpr std::size_t last_word = 504;

    source disk;
    pool pages;
    std::uint64_t changes[count + 1] = {};  // under the latch of the page
    atomic<std::uint64_t> wrong{0};
    atomic<std::uint64_t> refused{0};
    bool may_fail = false;

    explicit counted_pages(std::size_t frames) : pages{disk, room_for<pool>(frames)} {
        for (std::uint64_t number = 1; number <= count; ++number)
            pages.make({number}).value().template store<std::uint64_t>(0, number);
        pages.flush().value();
        disk.reads_of.clear();
    }

    bool failed(const error& why) {
        const bool known = why.code() == error_code::out_of_memory || why.code() == error_code::io;
        if (!known || (!may_fail && why.code() == error_code::io)) wrong.fetch_add(1);
        refused.fetch_add(1);
        return false;
    }
    static std::uint64_t word(const std::byte* page, std::size_t at) {
        std::uint64_t value;
        std::memcpy(&value, page + at, sizeof value);
        return value;
    }
    void check_page(std::uint64_t number, std::uint64_t has, std::uint64_t one,
                    std::uint64_t other) {
        if (has != number || one != other) wrong.fetch_add(1);
    }
    bool read(std::uint64_t number) {
        std::uint64_t has = 0;
        std::uint64_t one = 0;
        std::uint64_t other = 0;
        const auto done = pages.read({number}, [&](const auto& page) {
            has = page.template load<std::uint64_t>(0);
            one = page.template load<std::uint64_t>(8);
            other = page.template load<std::uint64_t>(last_word);
        });
        if (!done) return failed(done.error());
        check_page(number, has, one, other);
        return true;
    }
    bool pin(std::uint64_t number) {
        auto held = pages.pin({number});
        if (!held) return failed(held.error());
        check_page(number, word(held->data(), 0), word(held->data(), 8),
                   word(held->data(), last_word));
        return true;
    }
    void add_one(std::uint64_t number, exclusive_page<Platform>& held) {
        const std::uint64_t was = word(held.data(), 8);
        check_page(number, word(held.data(), 0), was, word(held.data(), last_word));
        if (was != changes[number]) wrong.fetch_add(1);
        held.template store<std::uint64_t>(8, was + 1);
        held.template store<std::uint64_t>(last_word, was + 1);
        changes[number] = was + 1;
    }
    bool change(std::uint64_t number) {
        auto held = pages.change({number});
        if (!held) return failed(held.error());
        add_one(number, *held);
        return true;
    }
    bool upgrade(std::uint64_t number) {
        auto seen = pages.begin({number});
        if (!seen) return failed(seen.error());
        const auto before = seen->template load<std::uint64_t>(8);
        auto held = pages.upgrade(*seen);
        if (!held) return failed(held.error());
        if (!*held) return true;
        if (before != changes[number]) wrong.fetch_add(1);
        add_one(number, *held);
        return true;
    }
    // Dropped, and made anew at once under another's eyes.
    bool remake(std::uint64_t number) {
        auto held = pages.make({number});
        if (!held) return failed(held.error());
        held->template store<std::uint64_t>(0, number);
        changes[number] = 0;
        return true;
    }
    bool two(std::uint64_t number) {
        const std::uint64_t other = number == count ? 1 : number + 1;
        auto first = pages.pin({number < other ? number : other});
        if (!first) return failed(first.error());
        return change(number < other ? other : number);
    }
    void act(std::uint64_t draw) {
        const std::uint64_t number = 1 + (draw >> 4) % count;
        switch (draw % 9) {
            case 0:
            case 1: return (void)read(number);
            case 2: return (void)pin(number);
            case 3: return (void)upgrade(number);
            case 4: return (void)two(number);
            case 5: return (void)remake(number);
            case 6: {
                if (const auto done = pages.flush(); !done) (void)failed(done.error());
                return;
            }
            default: return (void)change(number);
        }
    }
    // What the source has, after the last flush, is what every thread made of it.
    bool right() {
        disk.fail_reads_one_in = 0;
        disk.fail_writes_one_in = 0;
        if (!pages.flush()) return false;
        const auto seen = pages.stats();
        if (seen.dirty != 0 || seen.pinned != 0 || seen.side_copies_waiting != 0) return false;
        for (std::uint64_t number = 1; number <= count; ++number) {
            const bytes image = disk.last_image({number});
            if (word(image.data(), 0) != number || word(image.data(), 8) != changes[number] ||
                word(image.data(), last_word) != changes[number] || !read(number))
                return false;
        }
        return wrong.load() == 0 && disk.wrong == 0;
    }
};

template <class Platform>
void run_threads(counted_pages<Platform>& all, std::uint64_t threads, std::uint64_t rounds,
                 std::uint64_t salt) {
    std::vector<typename Platform::thread> running;
    for (std::uint64_t number = 0; number < threads; ++number)
        running.emplace_back([&, number] {
            std::uint64_t draw = salt * 31 + number + 1;
            for (std::uint64_t i = 0; i < rounds; ++i) {
                draw = draw * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
                all.act(draw >> 33);
            }
        });
    for (auto& thread : running) thread.join();
}

}  // namespace

TEST_CASE("300 seeds: four threads, six pages, two to five frames") {
    for (std::uint64_t seed = 0; seed < 300; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            counted_pages<simulated> all{2 + seed % 4};
            if (seed % 3 == 0) all.disk.platform = &platform;
            run_threads(all, 4, 12, seed);
            CHECK(all.right());
        });
    }
}

TEST_CASE("300 seeds: the same, and one read or write in five fails") {
    for (std::uint64_t seed = 0; seed < 300; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            counted_pages<simulated> all{2 + seed % 4};
            all.may_fail = true;
            if (seed % 3 == 0) all.disk.platform = &platform;
            all.disk.salt = seed + 1;
            all.disk.fail_reads_one_in = 5;
            all.disk.fail_writes_one_in = 5;
            run_threads(all, 4, 12, seed);
            CHECK(all.right());
        });
    }
}

TEST_CASE("100 seeds: two threads that hold two of three frames each get on, or are refused") {
    for (std::uint64_t seed = 0; seed < 100; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            counted_pages<simulated> all{3};
            std::vector<simulated::thread> running;
            for (std::uint64_t number = 0; number < 2; ++number)
                running.emplace_back([&, number] {
                    for (std::uint64_t i = 0; i < 6; ++i) (void)all.two(1 + (i + number) % 5);
                });
            for (auto& thread : running) thread.join();
            CHECK(all.right());
            CHECK(all.refused.load() == 0);  // one of them always has its two
        });
    }
}

TEST_CASE("who asks for one page at once waits for one read, and all hear that it failed") {
    for (const std::uint64_t fails : {0u, 1u})
        for (std::uint64_t seed = 0; seed < 50; ++seed) {
            CAPTURE(seed);
            simulation world{seed, {.scheduling = drawn_schedule(seed)}};
            auto platform = world.platform();
            world.run([&] {
                counted_pages<simulated> all{3};
                (void)all.read(4), (void)all.read(5), (void)all.read(6);
                all.disk.reads_of.clear();
                all.disk.platform = &platform;
                all.may_fail = true;
                all.disk.fail_reads_one_in = fails;
                std::vector<simulated::thread> running;
                for (int i = 0; i < 4; ++i) running.emplace_back([&] { (void)all.read(1); });
                for (auto& thread : running) thread.join();
                CHECK(all.disk.reads_of[1] >= 1);
                if (fails == 0) CHECK(all.disk.reads_of[1] == 1);
                CHECK(all.refused.load() == (fails == 0 ? 0 : 4));
                CHECK(all.right());
            });
        }
}

TEST_CASE("a page that cannot be read is tried once for all who wait for it") {
    simulation world{1};
    auto platform = world.platform();
    world.run([&] {
        counted_pages<simulated> all{3};
        (void)all.read(4), (void)all.read(5), (void)all.read(6);
        all.disk.reads_of.clear();
        all.disk.platform = &platform;
        all.may_fail = true;
        all.disk.fail_reads_one_in = 1;
        std::vector<simulated::thread> running;
        for (int i = 0; i < 4; ++i) running.emplace_back([&] { (void)all.read(1); });
        for (auto& thread : running) thread.join();
        CHECK(all.disk.reads_of[1] == 1);
        CHECK(all.refused.load() == 4);
    });
}

TEST_CASE("every schedule: who waits for a page that gives way does not wait for what comes") {
    const auto report = exhaustive_schedules([](simulation& world) {
        bool right = false;
        world.run([&] {
            history_source<simulated> disk;
            using small = buffer_pool<simulated, history_source<simulated>>;
            auto options = room_for<small>(2);
            options.wait_for_frame = {};
            small pages{disk, options};
            for (const std::uint64_t number : {3u, 2u}) (void)pages.make({number});
            pages.flush().value();
            // Each takes pages in the order of their numbers, so one of them can always go on.
            simulated::thread one{[&] {
                const auto first = pages.pin({2});
                if (first) (void)pages.change({3});
            }};
            {
                const auto first = pages.make({1});
                if (first) (void)pages.change({2});
            }
            one.join();
            right = disk.wrong == 0;
        });
        return right;
    });
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
}

TEST_CASE("who waits for a load sleeps") {
    simulation world{1};
    auto platform = world.platform();
    world.run([&] {
        counted_pages<simulated> all{3};
        (void)all.read(4), (void)all.read(5), (void)all.read(6);
        all.disk.platform = &platform;
        const std::uint64_t before = world.steps();
        std::vector<simulated::thread> running;
        for (int i = 0; i < 4; ++i) running.emplace_back([&] { (void)all.read(1); });
        for (auto& thread : running) thread.join();
        CHECK(world.steps() - before < 400);
    });
}

TEST_CASE("every schedule: a page that leaves and comes back is never read as another") {
    const auto report = exhaustive_schedules(
        [](simulation& world) {
            bool right = false;
            world.run([&] {
                counted_pages<simulated> all{1};
                simulated::thread one{[&] { (void)all.read(1); }};
                (void)all.read(2);
                one.join();
                right = all.wrong.load() == 0 && all.refused.load() == 0;
            });
            return right;
        },
        {.max_preemptions = 2});
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 100);
}

TEST_CASE("every schedule: a change against a reader and its own eviction") {
    const auto report = exhaustive_schedules(
        [](simulation& world) {
            bool right = false;
            world.run([&] {
                counted_pages<simulated> all{1};
                simulated::thread one{[&] { (void)all.change(1); }};
                (void)all.read(1);
                (void)all.change(2);
                one.join();
                right = all.wrong.load() == 0 && all.refused.load() == 0 && all.disk.wrong == 0;
            });
            return right;
        },
        {.max_preemptions = 2});
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
}

TEST_CASE("real threads: four, six pages, three frames, with and without failures") {
    for (const std::uint64_t fails : {0u, 7u}) {
        counted_pages<posix> all{3};
        all.may_fail = fails != 0;
        all.disk.fail_reads_one_in = fails;
        all.disk.fail_writes_one_in = fails;
        run_threads(all, 4, 4'000 / one_in, 1);
        CHECK(all.right());
    }
}
