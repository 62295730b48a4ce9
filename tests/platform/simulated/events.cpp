// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated/events.hpp>

#include <string>
#include <vector>

using namespace mantis;
using detail::event_ring;
using detail::recent_event;

TEST_CASE("the ring keeps the last 50 events in their order") {
    for (const std::int64_t count : {0, 1, 49, 50, 51, 99, 100, 101, 1'000}) {
        CAPTURE(count);
        event_ring ring;
        for (std::int64_t i = 0; i < count; ++i) ring.add(i, 7, step_kind::atomic, false);
        std::vector<std::int64_t> times;
        ring.each([&](const recent_event& event) { times.push_back(event.time); });
        const std::int64_t kept = count < 50 ? count : 50;
        REQUIRE(times.size() == static_cast<std::size_t>(kept));
        for (std::int64_t i = 0; i < kept; ++i)
            CHECK(times[static_cast<std::size_t>(i)] == count - kept + i);
    }
}

TEST_CASE("an event is told in a few words, with the end of a path that is too long") {
    const auto told = [](auto... what) {
        event_ring ring;
        ring.add(1, 0, what...);
        bytes text;
        ring.each([&](const recent_event& event) { event.append_to(text); });
        return text.as<std::string>();
    };
    CHECK(told(step_kind::lock, false) == "locks a mutex");
    CHECK(told(step_kind::lock, true) == "waits for a mutex");
    CHECK(told(step_kind::io, false) == "does an I/O");
    CHECK(told(step_kind::io, io_note{"making a directory durable", "db"}) ==
          "making a directory durable db");
    CHECK(told(step_kind::io, io_note{"reading a file", "db/x", 8, 2}) ==
          "reading a file db/x at 8, 2 bytes");
    CHECK(told(step_kind::io, io_note{"reading a file", "a/very/long/path/to/the/db/log.000017"}) ==
          "reading a file ...ath/to/the/db/log.000017");
    CHECK(told(step_kind::io, io_note{"listing", bytes_view{}}) == "listing");
}
