// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/event_queue.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

// Keeps the lines it is told, and the number of each event.
struct hearer {
    std::vector<std::string> lines;
    std::vector<std::uint64_t> numbers;

    event_listener listener() {
        return {[](void* self, const event& what) {
                    auto& me = *static_cast<hearer*>(self);
                    me.lines.push_back(what.message().as<std::string>());
                    const std::uint64_t* const number = what.number("lsn");
                    me.numbers.push_back(number == nullptr ? 0 : *number);
                },
                this};
    }
};

event numbered(std::uint64_t number) {
    return event{event_code::segment_begun}.with("lsn", number);
}

}  // namespace

TEST_CASE("what is noted is told in order, later, with a subject that has gone since") {
    hearer heard;
    event_queue<posix> events{heard.listener()};
    const event_sink sink = events.sink();
    {
        const std::string path = "a path that is long enough to be on the heap";
        sink(event{event_code::breaker_opened}.about(path));
    }
    sink(numbered(2));
    CHECK(heard.lines.empty());
    {
        const event_delivery told{&events};
        CHECK(heard.lines.empty());
    }
    REQUIRE(heard.lines.size() == 2);
    CHECK(heard.lines[0] ==
          "warning: breaker_opened [a path that is long enough to be on the heap]");
    CHECK(heard.lines[1] == "debug: segment_begun lsn=2");
    events.deliver();
    CHECK(heard.lines.size() == 2);
}

TEST_CASE("nobody listens: nothing is kept") {
    event_queue<posix> events;
    const bool notes = events.sink().note != nullptr;
    CHECK_FALSE(notes);
    events.note(numbered(1));
    events.deliver();
    const event_delivery nothing{static_cast<event_queue<posix>*>(nullptr)};
}

TEST_CASE("the listener is called without the latch: it may note, and that is told next") {
    struct noter {
        event_queue<posix>* events = nullptr;
        std::vector<std::uint64_t> numbers;
    } me;
    event_queue<posix> events{{[](void* self, const event& what) {
                                   auto& to = *static_cast<noter*>(self);
                                   const std::uint64_t number = *what.number("lsn");
                                   to.numbers.push_back(number);
                                   if (number < 3) to.events->note(numbered(number + 1));
                                   to.events->deliver();  // leaves it to the one that tells
                               },
                               &me}};
    me.events = &events;
    events.note(numbered(1));
    events.deliver();
    CHECK(me.numbers == std::vector<std::uint64_t>{1, 2, 3});
}

TEST_CASE("of too many that wait the newest are counted, and the rest is in order") {
    hearer heard;
    event_queue<posix> events{heard.listener()};
    const std::size_t most = event_queue<posix>::max_waiting;
    for (std::uint64_t i = 1; i <= most + 7; ++i) events.note(numbered(i));
    events.deliver();
    REQUIRE(heard.numbers.size() == most + 1);
    for (std::size_t i = 0; i < most; ++i) CHECK(heard.numbers[i] == i + 1);
    CHECK(heard.lines.back() == "warning: events_dropped count=7");
    events.note(numbered(1));
    events.deliver();
    CHECK(heard.lines.back() == "debug: segment_begun lsn=1");
}

TEST_CASE("under every schedule of two threads each event is told once, one at a time, in order") {
    struct watcher {
        std::vector<std::uint64_t> numbers;
        int inside = 0;
        bool together = false;
    };
    const auto report = exhaustive_schedules([](simulation& world) {
        watcher me;
        event_queue<simulated> events{{[](void* self, const event& what) {
                                           auto& to = *static_cast<watcher*>(self);
                                           to.together |= ++to.inside > 1;
                                           simulated_atomic<int> step{0};
                                           step.store(1);
                                           to.numbers.push_back(*what.number("lsn"));
                                           --to.inside;
                                       },
                                       &me}};
        const auto work = [&](std::uint64_t from) {
            for (std::uint64_t i = 0; i < 2; ++i) {
                const event_delivery told{&events};
                events.note(numbered(from + i));
            }
        };
        world.run([&] {
            simulated::thread other{[&] { work(10); }};
            work(20);
            other.join();
        });
        std::vector<std::uint64_t> mine, others;
        for (const std::uint64_t each : me.numbers) (each < 20 ? others : mine).push_back(each);
        CHECK(mine == std::vector<std::uint64_t>{20, 21});
        CHECK(others == std::vector<std::uint64_t>{10, 11});
        CHECK_FALSE(me.together);
    });
    CHECK(report.exhausted);
}
