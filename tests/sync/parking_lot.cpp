// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>
#include <mantis/sync/parking_lot.hpp>

#include <string>

using namespace mantis;

namespace {

template <class Platform>
using waiter_of = typename parking_lot<Platform>::waiter;
template <class Platform>
using queue_of = typename parking_lot<Platform>::queue;

constexpr auto nothing = [](auto&) {};
constexpr auto sleeps = [](auto&) { return true; };

// A count of things to take; who finds none parks until it is handed one.
template <class Platform>
struct stock {
    using parking = typename Platform::parking;

    //   Returns     false when the time was up
    bool take(nanoseconds deadline) {
        waiter_of<Platform> self{0};
        const auto validate = [this](queue_of<Platform>&) { return !take_one(); };
        switch (parking_lot<Platform>::common().park(this, self, deadline, validate, nothing)) {
            case park_result::refused: return true;
            case park_result::woken: return self.message() == 7;
            case park_result::timed_out: break;
        }
        return false;
    }
    void give() {
        parking_lot<Platform>::common().unpark(this, [this](queue_of<Platform>& line) {
            if (line.empty()) left.fetch_add(1);
            else line.take(*line.oldest(0), 7);
        });
    }
    bool take_one() {
        if (left.load() == 0) return false;
        left.fetch_sub(1);  // under the latch, as every change
        return true;
    }

    typename Platform::template atomic<std::uint32_t> left{0};
};

// Threads that give as much as others take.
//   Returns     whether every thing was taken once or is left
template <class Platform>
bool nothing_lost(std::uint32_t pairs, std::uint32_t rounds, nanoseconds patience) {
    using parking = typename Platform::parking;
    stock<Platform> things;
    typename Platform::template atomic<std::uint32_t> taken{0};
    std::vector<typename Platform::thread> all;
    for (std::uint32_t i = 0; i < pairs; ++i) {
        all.emplace_back([&] {
            for (std::uint32_t n = 0; n < rounds; ++n)
                if (things.take(patience == parking::never ? patience : parking::now() + patience))
                    taken.fetch_add(1);
        });
        all.emplace_back([&] {
            for (std::uint32_t n = 0; n < rounds; ++n) things.give();
        });
    }
    for (auto& thread : all) thread.join();
    const std::uint32_t given = pairs * rounds;
    return taken.load() + things.left.load() == given &&
           (patience != parking::never || taken.load() == given);
}

}  // namespace

TEST_CASE(
    "every schedule with two preemptions: what is handed to one whose time is up is not lost") {
    for (const nanoseconds patience : {nanoseconds{0}, microseconds(1), simulated_parking::never}) {
        const auto report = exhaustive_schedules([&](simulation& world) {
            bool good = false;
            world.run([&] { good = nothing_lost<simulated>(1, 1, patience); });
            return good;
        });
        CHECK(report.exhausted);
        CHECK_FALSE(report.failed);
    }
}

TEST_CASE("1,000 seeds: what is handed to one whose time is up is not lost") {
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 1'000'000, .scheduling = drawn_schedule(seed)}};
        const nanoseconds patience = seed % 4 == 0
                                         ? simulated_parking::never
                                         : nanoseconds{static_cast<std::int64_t>(seed * 7 % 4096)};
        world.run([&] { CHECK(nothing_lost<simulated>(3, 4, patience)); });
    }
}

TEST_CASE("real threads: what is handed to one whose time is up is not lost") {
    CHECK(nothing_lost<posix>(2, 3'000, microseconds(3)));
    CHECK(nothing_lost<posix>(2, 3'000, posix::parking::never));
}

TEST_CASE("a waiter told not to sleep leaves no trace, and nobody is told of it") {
    int key = 0;
    parking_lot<posix>& lot = parking_lot<posix>::common();
    waiter_of<posix> self{3};
    std::uint32_t seen = 0;
    const auto refuse = [&](queue_of<posix>& line) {
        seen = line.count(3);
        return false;
    };
    const auto leave = [](queue_of<posix>&) { FAIL("it did not sleep"); };
    CHECK(lot.park(&key, self, posix::parking::never, refuse, leave) == park_result::refused);
    CHECK(seen == 1);
    lot.unpark(&key, [](queue_of<posix>& line) { CHECK(line.empty()); });
}

TEST_CASE("a waiter that is taken while it is asked whether to sleep does not sleep") {
    int key = 0;
    waiter_of<posix> self{3};
    const auto take = [&](queue_of<posix>& line) {
        line.take(self, 5);
        return true;
    };
    CHECK(parking_lot<posix>::common().park(&key, self, posix::parking::never, take, nothing) ==
          park_result::woken);
    CHECK(self.message() == 5);
}

TEST_CASE("at its deadline a waiter leaves the queue before the others are looked at") {
    int key = 0;
    waiter_of<posix> self{0};
    bool asked = false;
    const auto leave = [&](queue_of<posix>& line) { asked = line.empty(); };
    const nanoseconds soon = posix::parking::now() + milliseconds(1);
    CHECK(parking_lot<posix>::common().park(&key, self, soon, sleeps, leave) ==
          park_result::timed_out);
    CHECK(asked);
    CHECK(posix::parking::now() >= soon);
}

TEST_CASE("200 seeds: of one key the oldest is first, also when it parks again; priority is seen") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 1'000'000, .scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            parking_lot<simulated>& lot = parking_lot<simulated>::common();
            const int key = 0;
            const int other = 0;
            std::string order;
            const auto wait = [&](const void* at, char name, std::uint8_t priority) {
                waiter_of<simulated> self{1, priority};
                do
                    CHECK(lot.park(at, self, simulated::parking::never, sleeps, nothing) ==
                          park_result::woken);
                while (self.message() == 1);  // again
                order += name;
            };
            std::vector<simulated::thread> all;
            const auto begin = [&](const void* at, char name, std::uint8_t priority) {
                const auto count = [&] {
                    std::uint32_t found = 0;
                    lot.unpark(at, [&](queue_of<simulated>& line) { found = line.count(1); });
                    return found;
                };
                const std::uint32_t before = count();
                all.emplace_back([&wait, at, name, priority] { wait(at, name, priority); });
                while (count() == before) platform.sleep(nanoseconds{100});
            };
            const auto take = [&](const void* at, bool preferred, std::uint32_t message) {
                lot.unpark(at, [&](queue_of<simulated>& line) {
                    line.take(preferred ? *line.preferred(1) : *line.oldest(1), message);
                });
                if (message == 1) return platform.sleep(microseconds(500));
                const std::size_t size = order.size();
                while (order.size() == size) platform.sleep(nanoseconds{100});
            };
            begin(&other, 'x', 9);
            begin(&key, 'a', 0);
            begin(&key, 'b', 1);
            begin(&key, 'c', 2);
            begin(&key, 'd', 2);
            take(&key, false, 1);  // a, who parks again and is first again
            take(&key, true, 2);
            take(&key, false, 2);
            take(&key, true, 2);
            take(&key, true, 2);
            lot.unpark(&key, [](queue_of<simulated>& line) { CHECK(line.empty()); });
            take(&other, true, 2);
            CHECK(order == "cadbx");
            for (auto& thread : all) thread.join();
        });
    }
}
