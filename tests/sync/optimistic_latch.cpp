// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../platform/death.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>
#include <mantis/sync/optimistic_latch.hpp>
#include <mantis/sync/optimistic_load.hpp>

#include <memory>

using namespace mantis;
using platform_test::contains;
using platform_test::death_of;

static_assert(latch<optimistic_latch<posix>> && latch<optimistic_latch<simulated>>);
static_assert(sizeof(optimistic_latch<posix>) == 8);

namespace {

// Two words that are equal whenever nobody holds the latch exclusively, and who is inside.
template <class Platform>
struct twins {
    template <class T>
    using atomic = typename Platform::template atomic<T>;

    optimistic_latch<Platform> held;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    atomic<std::uint64_t> changes{0};
    atomic<std::uint64_t> wrong{0};
    atomic<std::uint32_t> readers{0};
    atomic<std::uint32_t> writers{0};

    //   Requires    held exclusively
    void change() {
        if (writers.fetch_add(1) != 0 || readers.load() != 0) wrong.fetch_add(1);
        const std::uint64_t next = first + 1;
        optimistic_store<Platform>(first, next);
        optimistic_store<Platform>(second, next);
        changes.fetch_add(1);
        writers.fetch_sub(1);
    }
    //   Requires    held in shared mode
    void read_shared() {
        readers.fetch_add(1);
        if (writers.load() != 0 || first != second) wrong.fetch_add(1);
        readers.fetch_sub(1);
    }
    void lock_and_change() {
        held.lock();
        change();
        held.unlock();
    }
    //   Returns     whether the read was valid
    bool read_once(optimistic_start start) {
        if (!start) return false;
        const std::uint64_t one = optimistic_load<Platform>(first);
        const std::uint64_t other = optimistic_load<Platform>(second);
        if (!held.validate(start.seen)) return false;
        if (one != other) wrong.fetch_add(1);
        return true;
    }
    // Reads, and changes what it read if nobody else has.
    bool read_and_change() {
        const optimistic_start start = held.begin();
        const std::uint64_t one = optimistic_load<Platform>(first);
        if (!held.try_upgrade(start.seen)) return false;
        if (one != first) wrong.fetch_add(1);
        change();
        held.unlock();
        return true;
    }
    void share_and_change() {
        held.lock_shared();
        const std::uint64_t seen = first;
        read_shared();
        if (!held.try_upgrade_shared()) return held.unlock_shared();
        if (seen != first) wrong.fetch_add(1);
        change();
        held.downgrade();
        if (first != seen + 1) wrong.fetch_add(1);
        read_shared();
        held.unlock_shared();
    }
    void share_what_was_read() {
        const optimistic_start start = held.begin();
        const std::uint64_t seen = optimistic_load<Platform>(first);
        if (!held.try_lock_shared(start.seen)) return;
        if (seen != first) wrong.fetch_add(1);
        read_shared();
        held.unlock_shared();
    }
    void look_exclusively() {
        const optimistic_start before = held.begin();
        if (!held.try_lock()) return;
        held.unlock_unchanged();
        (void)read_once(before);
    }
    void read_in_any_case() {
        std::uint64_t one = 0;
        std::uint64_t other = 0;
        const bool open = held.read(
            [&] {
                one = optimistic_load<Platform>(first);
                other = optimistic_load<Platform>(second);
            },
            1);
        if (!open || one != other) wrong.fetch_add(1);
    }
    void act(std::uint64_t what) {
        switch (what % 9) {
            case 0: return lock_and_change();
            case 1: return (void)read_once(held.begin());
            case 2: return (void)read_once(held.try_begin());
            case 3: return (void)read_and_change();
            case 4: return share_and_change();
            case 5: return share_what_was_read();
            case 6: return look_exclusively();
            case 7: return read_in_any_case();
            default: break;
        }
        held.lock_shared();
        read_shared();
        held.unlock_shared();
    }
    [[nodiscard]] bool right() {
        return wrong.load() == 0 && first == second && first == changes.load() && held.try_lock();
    }
};

// Threads that do everything a latch offers, each in an order of its own.
template <class Platform>
bool all_kinds_of_use(std::uint64_t threads, std::uint64_t rounds, std::uint64_t salt) {
    twins<Platform> data;
    std::vector<typename Platform::thread> all;
    for (std::uint64_t number = 0; number < threads; ++number)
        all.emplace_back([&, number] {
            std::uint64_t draw = salt * 31 + number + 1;
            for (std::uint64_t i = 0; i < rounds; ++i) {
                draw = draw * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
                data.act(draw >> 33);
            }
        });
    for (auto& thread : all) thread.join();
    return data.right();
}

// Runs the three bodies as threads, under every schedule with two preemptions.
template <class First, class Second, class Third>
exhaustive_report every_schedule(First first, Second second, Third third) {
    return exhaustive_schedules([&](simulation& world) {
        bool right = false;
        world.run([&] {
            twins<simulated> data;
            simulated::thread one{[&] { first(data); }};
            simulated::thread two{[&] { second(data); }};
            third(data);
            one.join();
            two.join();
            right = data.right();
        });
        return right;
    });
}

void check_exhausted(const exhaustive_report& report) {
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 1'000);
}

}  // namespace

TEST_CASE("every schedule: a validated read of two words is never torn") {
    using data = twins<simulated>;
    check_exhausted(every_schedule([](data& at) { at.lock_and_change(); },
                                   [](data& at) { at.lock_and_change(); },
                                   [](data& at) { (void)at.read_once(at.held.try_begin()); }));
}

TEST_CASE("every schedule: an upgrade loses to a writer that was faster") {
    using data = twins<simulated>;
    check_exhausted(every_schedule([](data& at) { (void)at.read_and_change(); },
                                   [](data& at) { (void)at.read_and_change(); },
                                   [](data& at) { at.lock_and_change(); }));
    check_exhausted(every_schedule([](data& at) { at.share_and_change(); },
                                   [](data& at) { (void)at.read_and_change(); },
                                   [](data& at) { at.share_what_was_read(); }));
}

TEST_CASE("every schedule: nobody who waits is left behind") {
    using data = twins<simulated>;
    check_exhausted(every_schedule([](data& at) { at.lock_and_change(); },
                                   [](data& at) { at.lock_and_change(); },
                                   [](data& at) { at.act(8); }));
    check_exhausted(every_schedule([](data& at) { at.lock_and_change(); },
                                   [](data& at) { (void)at.read_once(at.held.begin()); },
                                   [](data& at) { at.share_and_change(); }));
}

TEST_CASE("500 seeds: every use of it by four threads") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] { CHECK(all_kinds_of_use<simulated>(4, 8, seed)); });
    }
}

TEST_CASE("real threads: every use of it") { CHECK(all_kinds_of_use<posix>(4, 60'000, 1)); }

TEST_CASE("an optimistic read costs two loads, a lock and its unlock two each") {
    simulation world{1};
    world.run([&] {
        optimistic_latch<simulated> held;
        const std::uint64_t before = world.steps();
        const optimistic_start start = held.begin();
        CHECK(held.validate(start.seen));
        CHECK(world.steps() - before == 2);
        held.lock();
        held.unlock();
        CHECK(world.steps() - before == 2 + 4);
    });
}

TEST_CASE("every schedule: who waits for what has gone meanwhile gives up, whoever holds it then") {
    check_exhausted(exhaustive_schedules([](simulation& world) {
        bool free = false;
        world.run([&] {
            optimistic_latch<simulated> held;
            simulated::atomic<int> owner{1};  // of the data
            const auto first = [&] { return owner.load() == 1; };
            held.lock();
            simulated::thread exclusive{[&] {
                if (held.lock_while(first)) held.unlock_unchanged();
            }};
            simulated::thread shared{[&] {
                (void)held.begin_while(first);
                if (held.lock_shared_while(first)) held.unlock_shared();
            }};
            owner.store(2);
            held.unlock();
            held.lock();
            exclusive.join();  // though it is held
            shared.join();
            held.unlock();
            free = held.try_lock();
        });
        return free;
    }));
}

TEST_CASE("waiting with a condition that holds gets it, as waiting without one does") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            twins<simulated> data;
            const auto always = [] { return true; };
            std::vector<simulated::thread> all;
            for (int number = 0; number < 3; ++number)
                all.emplace_back([&] {
                    for (int i = 0; i < 6; ++i) {
                        if (!data.held.lock_while(always)) data.wrong.fetch_add(1);
                        data.change();
                        data.held.unlock();
                        if (!data.held.lock_shared_while(always)) data.wrong.fetch_add(1);
                        data.read_shared();
                        data.held.unlock_shared();
                        if (!data.held.begin_while(always)) data.wrong.fetch_add(1);
                    }
                });
            for (auto& thread : all) thread.join();
            CHECK(data.right());
        });
    }
}

TEST_CASE("who waits sleeps: a long hold costs a handful of steps") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] {
            twins<simulated> data;
            data.held.lock();
            std::vector<simulated::thread> waiting;
            for (const std::uint64_t what : {0u, 1u, 8u})
                waiting.emplace_back([&, what] { data.act(what); });
            platform.sleep(milliseconds(1));
            const std::uint64_t before = world.steps();
            platform.sleep(seconds(1));
            CHECK(world.steps() - before < 5);
            data.held.unlock();
            for (auto& thread : waiting) thread.join();
            CHECK(data.right());
        });
    }
}

TEST_CASE("200 seeds: who would share it after a writer waits does not go in before it is free") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 200'000}};  // the first loop may have no end
        auto platform = world.platform();
        world.run([&] {
            twins<simulated> data;
            data.held.lock_shared();
            const optimistic_start start = data.held.begin();
            simulated::thread writer{[&] { data.lock_and_change(); }};
            while (data.held.try_lock_shared()) {  // until the writer waits
                data.held.unlock_shared();
                platform.sleep(nanoseconds{100});
            }
            simulated::thread reader{[&] { data.act(8); }};
            platform.sleep(microseconds(100));
            CHECK(data.held.validate(start.seen));
            CHECK_FALSE(data.held.try_lock_shared(start.seen));
            CHECK(data.readers.load() == 0);
            data.held.unlock_shared();
            writer.join();
            reader.join();
            CHECK(data.right());
        });
    }
}

TEST_CASE("a version is another after a change, and the same after none") {
    optimistic_latch<posix> held;
    const optimistic_start before = held.begin();
    REQUIRE(before);
    CHECK(held.validate(before.seen));
    held.lock();
    CHECK_FALSE(held.validate(before.seen));
    CHECK(held.try_begin().state == optimistic_state::busy);
    held.unlock_unchanged();
    CHECK(held.validate(before.seen));
    REQUIRE(held.try_upgrade(before.seen));
    held.unlock();
    CHECK_FALSE(held.validate(before.seen));
    REQUIRE_FALSE(held.try_upgrade(before.seen));
    REQUIRE_FALSE(held.try_lock_shared(before.seen));
    const optimistic_start after = held.begin();
    held.lock();
    held.downgrade();
    CHECK_FALSE(held.validate(after.seen));
    held.unlock_shared();
    CHECK(held.begin().seen != after.seen);
}

TEST_CASE("shared holders disturb no optimistic reader, and share with no writer") {
    optimistic_latch<posix> held;
    const optimistic_start start = held.begin();
    REQUIRE(held.try_lock_shared(start.seen));
    REQUIRE(held.try_lock_shared());
    CHECK(held.validate(start.seen));
    CHECK(held.try_begin().seen == start.seen);
    REQUIRE_FALSE(held.try_lock());
    REQUIRE_FALSE(held.try_upgrade(start.seen));
    REQUIRE_FALSE(held.try_upgrade_shared());
    held.unlock_shared();
    REQUIRE(held.try_upgrade_shared());
    REQUIRE_FALSE(held.try_lock_shared());
    CHECK_FALSE(held.validate(start.seen));
    held.unlock_unchanged();
    CHECK(held.validate(start.seen));
}

TEST_CASE("a closed latch turns optimistic readers away until it is opened again") {
    optimistic_latch<posix> held;
    const optimistic_start before = held.begin();
    int reads = 0;
    held.lock();
    held.close();
    held.unlock();
    CHECK(held.closed());
    CHECK(held.begin().state == optimistic_state::closed);
    CHECK(held.try_begin().state == optimistic_state::closed);
    CHECK_FALSE(held.validate(before.seen));
    REQUIRE_FALSE(held.try_upgrade(before.seen));
    CHECK_FALSE(held.read([&] { ++reads; }));
    CHECK_FALSE(held.read([&] { ++reads; }, 0));
    CHECK(reads == 0);
    held.lock();
    held.reopen();
    held.unlock();
    CHECK_FALSE(held.closed());
    CHECK_FALSE(held.validate(before.seen));
    CHECK(held.read([&] { ++reads; }));
    CHECK(held.read([&] { ++reads; }, 0));
    CHECK(reads == 2);
}

TEST_CASE("who waits for a node that is closed meanwhile learns it") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            optimistic_latch<simulated> held;
            held.lock();
            simulated::thread reader{
                [&] { CHECK(held.begin().state == optimistic_state::closed); }};
            simulated::thread writer{[&] {
                const lock_guard<optimistic_latch<simulated>> hold{held};
                CHECK(held.closed());
            }};
            platform.sleep(microseconds(5));
            held.close();
            held.unlock();
            reader.join();
            writer.join();
        });
    }
}

TEST_CASE("who gets it from another may destroy it at once") {
    for (int i = 0; i < 200; ++i) {
        auto held = std::make_unique<optimistic_latch<posix>>();
        held->lock();
        posix::thread other{[&] { held->unlock(); }};
        held->lock();
        held->unlock();
        held.reset();
        other.join();
    }
}

TEST_CASE("misuse stops the program with a sentence") {
    using held = optimistic_latch<posix>;
    const auto said = [](auto body) {
        return death_of([&] {
                   held unused;
                   body(unused);
               })
            .said;
    };
    const char* const exclusively = "as if held exclusively and nobody holds it so";
    CHECK(contains(said([](held& at) { at.unlock(); }), exclusively));
    CHECK(contains(said([](held& at) { at.unlock_unchanged(); }), exclusively));
    CHECK(contains(said([](held& at) { at.downgrade(); }), exclusively));
    CHECK(contains(said([](held& at) { at.close(); }), exclusively));
    CHECK(contains(said([](held& at) { at.reopen(); }), exclusively));
    CHECK(contains(said([](held& at) { at.unlock_shared(); }), "in shared mode and nobody"));
    CHECK(
        contains(said([](held& at) { (void)at.try_upgrade_shared(); }), "is upgraded and nobody"));
    CHECK(contains(said([](held& at) {
                       at.lock_shared();
                       at.unlock();
                   }),
                   exclusively));
}
