// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "death.hpp"

#include <mantis/platform/event_queue.hpp>
#include <mantis/platform/memory_budget.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

#include <string>
#include <vector>

using namespace mantis;
using platform_test::contains;
using platform_test::death_of;

namespace {

using budget = memory_budget<posix>;

struct noted {
    std::vector<std::string> lines;
    event_sink sink() {
        return {[](void* self, const event& what) {
                    static_cast<noted*>(self)->lines.push_back(what.message().as<std::string>());
                },
                this};
    }
};

// A cache: gives back what it holds, as far as it is asked.
template <class Platform>
struct cache {
    memory_budget<Platform>& budget;
    std::size_t held = 0;
    std::vector<std::size_t> asked = {};

    void fill(std::size_t bytes) {
        budget.take(bytes);
        held += bytes;
    }
    memory_shedder shedder() {
        return {[](void* self, std::size_t wanted) {
                    auto& me = *static_cast<cache*>(self);
                    me.asked.push_back(wanted);
                    const std::size_t given = wanted < me.held ? wanted : me.held;
                    me.held -= given;
                    me.budget.release(given);
                    return given;
                },
                this};
    }
};

}  // namespace

TEST_CASE("up to the last byte of the hard limit, and not one more") {
    budget memory{{.hard_bytes = 1000}};
    CHECK(memory.reserve(600));
    CHECK(memory.reserve(400));
    const auto refused = memory.reserve(1);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::out_of_memory);
    CHECK(*refused.error().number("bytes") == 1);
    CHECK(*refused.error().number("used_bytes") == 1000);
    CHECK(*refused.error().number("limit") == 1000);
    CHECK(memory.used() == 1000);
    memory.release(1);
    CHECK(memory.reserve(1));
    CHECK(memory.counts().refused == 1);
}

TEST_CASE("a number of bytes that would wrap around is refused") {
    budget memory{{.hard_bytes = 1000}};
    CHECK(memory.reserve(10));
    CHECK_FALSE(memory.reserve(~std::size_t{0}));
    memory.take(5000);  // what is there already may be more than the limit
    CHECK_FALSE(memory.reserve(1));
    CHECK(memory.used() == 5010);
}

TEST_CASE("without a limit everything is counted and nothing refused or told") {
    noted events;
    budget memory{{}, events.sink()};
    CHECK(memory.reserve(~std::size_t{0} / 2));
    memory.make_room(100);
    memory.release(7);
    CHECK(memory.used() == ~std::size_t{0} / 2 - 7);
    CHECK(events.lines.empty());
}

TEST_CASE("soft limit, hard limit and the way back are told once each") {
    noted events;
    budget memory{{.soft_bytes = 800, .hard_bytes = 1000}, events.sink()};
    CHECK(memory.reserve(800));
    CHECK(events.lines.empty());
    CHECK(memory.reserve(50));
    CHECK(memory.reserve(50));
    CHECK(memory.counts().state == memory_state::above_soft);
    CHECK_FALSE(memory.reserve(500));
    CHECK_FALSE(memory.reserve(500));
    CHECK(memory.counts().state == memory_state::refusing);
    memory.release(149);  // 751: not yet a sixteenth below
    CHECK(memory.counts().state == memory_state::refusing);
    memory.release(1);
    CHECK(memory.counts().state == memory_state::normal);
    CHECK(events.lines ==
          std::vector<std::string>{"warning: memory_soft_limit used_bytes=850 limit=800",
                                   "error: memory_hard_limit used_bytes=900 limit=1000",
                                   "info: memory_back used_bytes=750 limit=800"});
}

TEST_CASE("what is too large by itself is refused without alarm") {
    noted events;
    budget memory{{.soft_bytes = 800, .hard_bytes = 1000}, events.sink()};
    CHECK(memory.reserve(100));
    CHECK_FALSE(memory.reserve(5000));
    CHECK(events.lines.empty());
    CHECK(memory.counts().state == memory_state::normal);
}

TEST_CASE("without a soft limit of its own the first refusal is the first event") {
    noted events;
    budget memory{{.hard_bytes = 1000}, events.sink()};
    CHECK(memory.reserve(1000));
    CHECK(events.lines.empty());
    CHECK_FALSE(memory.reserve(1));
    memory.release(500);
    CHECK(events.lines.size() == 2);
    CHECK(events.lines[0] == "error: memory_hard_limit used_bytes=1000 limit=1000");
}

TEST_CASE("caches are asked for what is over the soft limit, one after the other") {
    budget memory{{.soft_bytes = 800, .hard_bytes = 1000}};
    cache<posix> first{memory}, second{memory};
    memory.attach(first.shedder());
    memory.attach(second.shedder());
    first.fill(30);
    second.fill(700);
    memory.make_room(70);  // 800: just fits
    CHECK(first.asked.empty());
    memory.make_room(170);
    CHECK(first.asked == std::vector<std::size_t>{100});
    CHECK(second.asked == std::vector<std::size_t>{70});
    CHECK(memory.used() == 630);
    CHECK(memory.reserve(170));
    CHECK(memory.counts().sheds == 1);
    CHECK(memory.counts().shed_bytes == 100);
    memory.detach(first.shedder());
    memory.make_room(10);
    CHECK(first.asked.size() == 1);
    CHECK(second.asked.size() == 2);
    memory.detach(second.shedder());
}

TEST_CASE("misuse is named") {
    CHECK(contains(death_of([] {
                       budget memory{{.hard_bytes = 10}};
                       memory.take(3);
                       memory.release(4);
                   }).said,
                   "more was released than taken"));
    CHECK(contains(death_of([] {
                       budget memory{{.hard_bytes = 10}};
                       memory.attach({});
                   }).said,
                   "ended with shedders attached"));
    CHECK(contains(death_of([] {
                       budget memory{{.hard_bytes = 10}};
                       memory.detach({});
                   }).said,
                   "detached what was not attached"));
}

TEST_CASE("real threads: the sum is exact, the alarms take turns, each is told once") {
    std::vector<event_code> told;
    event_queue<posix> events{{[](void* to, const event& what) {
                                   static_cast<std::vector<event_code>*>(to)->push_back(
                                       what.code());
                               },
                               &told}};
    budget memory{{.soft_bytes = 250, .hard_bytes = 300}, events.sink()};
    std::vector<posix::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 500; ++n) {
                const event_delivery deliver{&events};
                if (!memory.reserve(100)) continue;
                memory.release(100);
            }
        });
    for (auto& thread : threads) thread.join();
    events.deliver();
    CHECK(memory.used() == 0);
    CHECK(memory.counts().state == memory_state::normal);
    for (std::size_t i = 0; i < told.size(); ++i) {
        const bool back = told[i] == event_code::memory_back;
        const bool after_alarm = i != 0 && told[i - 1] != event_code::memory_back;
        CHECK((!back || after_alarm));
        if (i != 0 && !back) CHECK(told[i] != told[i - 1]);
    }
}

TEST_CASE("under every schedule: never above the limit, back to normal, events in turns") {
    struct seen {
        std::vector<event_code> codes;
    };
    const auto report = exhaustive_schedules([](simulation& world) {
        seen me;
        world.run([&] {
            const event_sink sink{[](void* self, const event& what) {
                                      static_cast<seen*>(self)->codes.push_back(what.code());
                                  },
                                  &me};
            memory_budget<simulated> memory{{.soft_bytes = 80, .hard_bytes = 100}, sink};
            const auto work = [&] {
                if (!memory.reserve(60)) return;
                CHECK(memory.used() <= 100);
                memory.release(60);
            };
            memory.take(30);
            simulated::thread other{work};
            work();
            other.join();
            CHECK(memory.used() == 30);
            CHECK(memory.counts().state == memory_state::normal);
        });
        REQUIRE_FALSE(me.codes.empty());
        CHECK(me.codes.back() == event_code::memory_back);
        for (std::size_t i = 1; i < me.codes.size(); ++i) CHECK(me.codes[i] != me.codes[i - 1]);
    });
    CHECK(report.exhausted);
}

TEST_CASE("under every schedule what is given back while the alarm begins ends it") {
    const auto report = exhaustive_schedules([](simulation& world) {
        world.run([&] {
            memory_budget<simulated> memory{{.soft_bytes = 80, .hard_bytes = 100}};
            memory.take(30);
            simulated::thread other{[&] { CHECK(memory.reserve(60)); }};
            memory.release(30);
            other.join();
            CHECK(memory.used() == 60);
            CHECK(memory.counts().state == memory_state::normal);
        });
    });
    CHECK(report.exhausted);
}

TEST_CASE("under every schedule a detached cache is not asked any more") {
    const auto report = exhaustive_schedules([](simulation& world) {
        world.run([&] {
            memory_budget<simulated> memory{{.soft_bytes = 50, .hard_bytes = 100}};
            cache<simulated> kept{memory};
            kept.fill(90);
            memory.attach(kept.shedder());
            simulated::thread other{[&] { memory.make_room(10); }};
            memory.detach(kept.shedder());
            const std::size_t asked = kept.asked.size();
            other.join();
            CHECK(kept.asked.size() == asked);
            memory.release(kept.held);
            CHECK(memory.used() == 0);
        });
    });
    CHECK(report.exhausted);
}
