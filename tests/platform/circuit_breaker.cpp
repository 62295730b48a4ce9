// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "death.hpp"

#include <mantis/platform/circuit_breaker.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

#include <rapidcheck.h>

#include <string>
#include <vector>

using namespace mantis;

namespace {

using breaker = circuit_breaker<simulated>;

constexpr breaker_options three{
    .failures = 3, .pause = milliseconds(10), .longest_pause = milliseconds(35)};

template <class Body>
void in_a_world(Body body) {
    simulation world{1};
    world.run([&] { body(world.platform()); });
}

void fail(breaker& of, int times) {
    for (int i = 0; i < times; ++i) of.failed(of.admit());
}

}  // namespace

TEST_CASE("it opens after so many failures in a row; a success in between begins anew") {
    in_a_world([](auto) {
        breaker calls{three};
        fail(calls, 2);
        calls.succeeded(calls.admit());
        fail(calls, 2);
        CHECK(calls.counts().state == breaker_state::closed);
        fail(calls, 1);
        CHECK(calls.counts().state == breaker_state::open);
        CHECK(calls.counts().trips == 1);
        CHECK(calls.counts().failures == 5);
    });
}

TEST_CASE("opening and closing are told, refused calls and failed probes are not") {
    in_a_world([](simulated world) {
        std::vector<std::string> lines;
        const event_sink sink{[](void* to, const event& what) {
                                  static_cast<std::vector<std::string>*>(to)->push_back(
                                      what.message().as<std::string>());
                              },
                              &lines};
        breaker calls{three, sink, "db"};
        fail(calls, 3);
        CHECK(lines == std::vector<std::string>{
                           "warning: breaker_opened [db] failures=3 pause_ns=10000000"});
        CHECK(calls.admit() == breaker_pass::refused);
        world.sleep(milliseconds(11));
        calls.failed(calls.admit());
        world.sleep(milliseconds(21));
        CHECK(lines.size() == 1);
        calls.succeeded(calls.admit());
        REQUIRE(lines.size() == 2);
        CHECK(lines[1].find("info: breaker_closed [db] open_for_ns=3") == 0);
        CHECK(lines[1].find("probes=2") != std::string::npos);
    });
}

TEST_CASE("open, it refuses all and says of what, since when and for how long") {
    in_a_world([](simulated world) {
        breaker calls{three};
        fail(calls, 3);
        world.sleep(milliseconds(4));
        CHECK(calls.admit() == breaker_pass::refused);
        CHECK(calls.admit() == breaker_pass::refused);
        CHECK(calls.counts().refused == 2);
        const error told = calls.refusal("db");
        CHECK(told.code() == error_code::io);
        CHECK(told.subject() == "db");
        CHECK(*told.number("failing_for_ns") >= 4'000'000);
        CHECK(*told.number("failing_for_ns") < 5'000'000);
        CHECK(*told.number("next_try_in_ns") <= 6'000'000);
        CHECK(*told.number("next_try_in_ns") > 5'000'000);
        CHECK(*told.number("failures") == 3);
    });
}

TEST_CASE("after the pause one probe goes through; its success closes") {
    in_a_world([](simulated world) {
        breaker calls{three};
        fail(calls, 3);
        world.sleep(milliseconds(11));
        const breaker_pass probe = calls.admit();
        CHECK(probe == breaker_pass::probe);
        CHECK(calls.counts().state == breaker_state::half_open);
        CHECK(calls.admit() == breaker_pass::refused);
        calls.succeeded(probe);
        CHECK(calls.counts().state == breaker_state::closed);
        CHECK(calls.admit() == breaker_pass::call);
        fail(calls, 2);
        CHECK(calls.counts().state == breaker_state::closed);
        CHECK(calls.counts().probes == 1);
    });
}

TEST_CASE("a probe that fails opens it again, for twice as long up to the limit") {
    in_a_world([](simulated world) {
        breaker calls{three};
        fail(calls, 3);
        for (const int pause : {10, 20, 35, 35}) {
            world.sleep(milliseconds(pause - 1));
            CHECK(calls.admit() == breaker_pass::refused);
            world.sleep(milliseconds(1));
            const breaker_pass probe = calls.admit();
            REQUIRE(probe == breaker_pass::probe);
            calls.failed(probe);
            CHECK(calls.counts().state == breaker_state::open);
        }
        CHECK(calls.counts().trips == 1);
        CHECK(calls.counts().probes == 4);
        CHECK(*calls.refusal("db").number("failing_for_ns") >= 100'000'000);
    });
}

TEST_CASE("the next pause after a success is the first again") {
    in_a_world([](simulated world) {
        breaker calls{three};
        fail(calls, 3);
        world.sleep(milliseconds(10));
        calls.failed(calls.admit());
        world.sleep(milliseconds(20));
        calls.succeeded(calls.admit());
        fail(calls, 3);
        world.sleep(milliseconds(10));
        CHECK(calls.admit() == breaker_pass::probe);
    });
}

TEST_CASE("a call that began before it opened and ends after changes nothing") {
    in_a_world([](simulated world) {
        breaker calls{three};
        const breaker_pass slow = calls.admit();
        const breaker_pass slower = calls.admit();
        fail(calls, 3);
        calls.succeeded(slow);
        CHECK(calls.admit() == breaker_pass::refused);
        world.sleep(milliseconds(10));
        const breaker_pass probe = calls.admit();
        REQUIRE(probe == breaker_pass::probe);
        calls.failed(slower);
        CHECK(calls.counts().state == breaker_state::half_open);
        calls.succeeded(probe);
        CHECK(calls.admit() == breaker_pass::call);
    });
}

TEST_CASE("no limit of failures: it never opens") {
    in_a_world([](auto) {
        breaker calls{{.failures = 0}};
        fail(calls, 1000);
        CHECK(calls.admit() == breaker_pass::call);
        CHECK(calls.counts().failures == 1000);
    });
}

TEST_CASE("a call that was refused has no end to tell") {
    const auto end = platform_test::death_of([] {
        circuit_breaker<posix> calls;
        calls.succeeded(breaker_pass::refused);
    });
    CHECK(platform_test::contains(end.said, "a refused call ended"));
}

TEST_CASE("whatever happens one after the other: as a breaker of ten lines says") {
    const auto same = [] {
        const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4));
        bool agrees = true;
        in_a_world([&](simulated world) {
            breaker calls{three};
            breaker_state state = breaker_state::closed;
            int in_a_row = 0;
            std::int64_t pause = 0;
            nanoseconds ends{};
            for (const int step : steps) {
                if (step == 3) {
                    world.sleep(milliseconds(7));
                    continue;
                }
                const breaker_pass pass = calls.admit();
                if (pass == breaker_pass::refused) {
                    agrees = agrees && state == breaker_state::open && world.now() < ends;
                    continue;
                }
                const bool probe = state == breaker_state::open;
                agrees = agrees && (pass == breaker_pass::probe) == probe;
                if (step != 0) {
                    calls.succeeded(pass);
                    state = breaker_state::closed;
                    in_a_row = 0;
                } else {
                    calls.failed(pass);
                    if (probe || ++in_a_row == 3) {
                        state = breaker_state::open;
                        pause = !probe ? 10 : pause < 18 ? pause * 2 : 35;
                        ends = world.now() + milliseconds(pause);
                    }
                }
                agrees = agrees && calls.counts().state == state;
            }
        });
        RC_ASSERT(agrees);
    };
    CHECK(rc::check("circuit_breaker", same));
}

namespace {

// Threads that call what fails at first, each `rounds` times.
//   Returns     whether no more than one probe was on its way at any time, nothing was let through
//               beside it, and the counts say what happened
bool calls_of(int threads, int rounds, std::uint32_t limit, int failing) {
    breaker calls{{.failures = limit, .pause = {1}, .longest_pause = {1}}};
    simulated::atomic<int> probes{0};
    simulated::atomic<int> failures_left{failing};
    simulated::atomic<int> refused{0};
    simulated::atomic<int> failed{0};
    simulated::atomic<int> wrong{0};
    std::vector<simulated::thread> all;
    for (int number = 0; number < threads; ++number)
        all.emplace_back([&] {
            for (int i = 0; i < rounds; ++i) {
                const breaker_pass pass = calls.admit();
                if (pass == breaker_pass::refused) {
                    refused.fetch_add(1);
                    continue;
                }
                const bool probe = pass == breaker_pass::probe;
                if (probe && probes.fetch_add(1) != 0) wrong.fetch_add(1);
                const bool fails = failures_left.fetch_sub(1) > 0;
                if (probe) probes.fetch_sub(1);
                if (fails) {
                    failed.fetch_add(1);
                    calls.failed(pass);
                } else calls.succeeded(pass);
            }
        });
    for (auto& thread : all) thread.join();
    const breaker_counts counts = calls.counts();
    return wrong.load() == 0 && counts.state != breaker_state::half_open &&
           counts.failures == static_cast<std::uint64_t>(failed.load()) &&
           counts.refused == static_cast<std::uint64_t>(refused.load()) &&
           (counts.trips > 0) >= (counts.probes > 0);
}

}  // namespace

TEST_CASE("every schedule of two and three threads: one probe at a time, and none forgotten") {
    for (const int threads : {2, 3}) {
        const int rounds = threads == 2 ? 3 : 1;
        const std::uint32_t limit = threads == 2 ? 2 : 1;
        const auto report = exhaustive_schedules([=](simulation& world) {
            bool good = false;
            world.run([&] { good = calls_of(threads, rounds, limit, 3); });
            return good;
        });
        CHECK(report.exhausted);
        CHECK_FALSE(report.failed);
        CHECK(report.runs > 300);
    }
}

TEST_CASE("every schedule: a success that ends last leaves it closed and quiet") {
    const auto report = exhaustive_schedules([](simulation& world) {
        bool good = false;
        world.run([&] {
            breaker calls{{.failures = 2}};
            simulated::thread other{[&] { calls.failed(calls.admit()); }};
            calls.succeeded(calls.admit());
            other.join();
            calls.succeeded(calls.admit());
            calls.failed(calls.admit());
            good = calls.counts().state == breaker_state::closed;
        });
        return good;
    });
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
}
