// SPDX-License-Identifier: BSL-1.0
#include <mantis/lock/adaptive_timeout.hpp>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

#include <algorithm>
#include <vector>

#include "../platform/death.hpp"

using namespace mantis;

namespace {

using limit = adaptive_timeout<posix>;

constexpr adaptive_timeout_options wide{microseconds(10), seconds(100), 3};

void observe(limit& subject, nanoseconds wait, int times) {
    for (int i = 0; i < times; ++i) subject.observe(wait);
}

// Whether a and b differ by at most a hundredth.
bool near(nanoseconds a, nanoseconds b) {
    const std::int64_t off = a.count < b.count ? b.count - a.count : a.count - b.count;
    return off * 100 <= b.count;
}

// What is to be seen of one after these waits.
struct outcome {
    nanoseconds mean, deviation, current;
    friend bool operator==(const outcome&, const outcome&) = default;
};
template <class Platform>
outcome seen(const adaptive_timeout<Platform>& subject) {
    return {subject.mean(), subject.deviation(), subject.current()};
}

// The outcomes of all orders in which `left` and `right` may come in between each other, each told
// whole or but for one wait.
std::vector<outcome> outcomes(const std::vector<nanoseconds>& left,
                              const std::vector<nanoseconds>& right) {
    std::vector<outcome> found;
    const std::size_t count = left.size() + right.size();
    for (std::uint32_t turns = 0; turns < 1U << count; ++turns)
        for (std::size_t dropped = 0; dropped <= count; ++dropped) {
            limit model{wide};
            std::size_t l = 0;
            std::size_t r = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const bool from_left = (turns >> i & 1U) != 0 ? l < left.size() : r == right.size();
                const nanoseconds wait = from_left ? left[l++] : right[r++];
                if (i != dropped) model.observe(wait);
            }
            found.push_back(seen(model));
        }
    return found;
}

}  // namespace

static_assert(sizeof(limit) <= 40);

TEST_CASE("before anything is observed it is patient") {
    limit subject{wide};
    CHECK(subject.current() == wide.most);
    CHECK(subject.mean() == nanoseconds{});
    CHECK(subject.deviation() == nanoseconds{});
    CHECK(subject.options().factor == 3);
}

TEST_CASE("a steady wait is reached: the limit is factor times it") {
    for (const std::int64_t wait : {microseconds(300).count, milliseconds(3).count,
                                    milliseconds(900).count, seconds(20).count}) {
        CAPTURE(wait);
        limit subject{wide};
        observe(subject, milliseconds(40), 3);
        observe(subject, {wait}, 200);
        CHECK(near(subject.mean(), {wait}));
        CHECK(near(subject.current(), {3 * wait}));
    }
}

TEST_CASE("the first wait counts whole, and as if it were half as uncertain") {
    limit subject{wide};
    subject.observe(milliseconds(8));
    CHECK(near(subject.mean(), milliseconds(8)));
    CHECK(near(subject.deviation(), milliseconds(4)));
    CHECK(near(subject.current(), milliseconds(3 * (8 + 4 * 4))));
}

TEST_CASE("waits that scatter are given more time than steady ones of the same mean") {
    limit steady{wide};
    limit scattered{wide};
    for (int i = 0; i < 200; ++i) {
        steady.observe(milliseconds(10));
        scattered.observe(milliseconds(i % 2 == 0 ? 2 : 18));
    }
    CHECK(near(steady.current(), milliseconds(30)));
    CHECK(scattered.deviation() > milliseconds(7));
    CHECK(scattered.deviation() < milliseconds(9));
    CHECK(scattered.current() > milliseconds(90));
}

TEST_CASE("it stays between the least and the most") {
    const adaptive_timeout_options narrow{milliseconds(5), milliseconds(50), 4};
    limit subject{narrow};
    observe(subject, {}, 100);
    CHECK(subject.current() == narrow.least);
    subject.observe({-5});
    CHECK(subject.mean() == nanoseconds{});
    observe(subject, {INT64_MAX}, 100);
    CHECK(subject.current() == narrow.most);
    CHECK(subject.mean() <= narrow.most);
    observe(subject, milliseconds(2), 300);  // what was above the most is forgotten as fast
    CHECK(near(subject.current(), milliseconds(8)));
}

TEST_CASE("it rises with the load within some twenty waits, and falls as fast") {
    limit subject{wide};
    observe(subject, milliseconds(1), 100);
    const nanoseconds quiet = subject.current();
    observe(subject, milliseconds(50), 1);
    CHECK(subject.current() > quiet + quiet);
    observe(subject, milliseconds(50), 19);
    CHECK(subject.mean() > milliseconds(45));
    CHECK(subject.current() >= milliseconds(150));
    observe(subject, milliseconds(1), 100);
    CHECK(near(subject.current(), quiet));
}

TEST_CASE("a load under which every wait runs out of time is outgrown") {
    limit subject{wide};
    observe(subject, milliseconds(1), 100);
    int rounds = 0;
    for (; subject.current() < seconds(1) && rounds < 100; ++rounds)
        subject.observe(subject.current());
    CHECK(rounds < 20);
}

TEST_CASE("between bounds, whatever is observed with whatever options") {
    CHECK(rc::check("random waits", [] {
        const auto time =
            rc::gen::map(rc::gen::arbitrary<std::uint64_t>(), [](std::uint64_t drawn) {
                return static_cast<std::int64_t>(drawn >> (1 + drawn % 61));
            });
        const std::int64_t a = *time;
        const std::int64_t b = *time;
        const adaptive_timeout_options options{{std::min(a, b)},
                                               {std::max({a, b, std::int64_t{1}})},
                                               *rc::gen::inRange<std::uint32_t>(1, UINT32_MAX)};
        limit subject{options};
        std::int64_t shortest = INT64_MAX;
        std::int64_t longest = 0;
        for (const std::int64_t wait : *rc::gen::container<std::vector<std::int64_t>>(time)) {
            const std::int64_t counted = std::min(wait, options.most.count);
            shortest = std::min(shortest, counted);
            longest = std::max(longest, counted);
            subject.observe({wait});
            RC_ASSERT(subject.current() >= options.least && subject.current() <= options.most);
            RC_ASSERT(subject.mean().count <= longest);
            RC_ASSERT(subject.mean().count >= shortest - options.most.count / (1 << 28));
            RC_ASSERT(subject.deviation().count <= longest);
        }
    }));
}

TEST_CASE("every schedule: each wait has its part, but for one that met another") {
    const std::vector<nanoseconds> left{milliseconds(900)};
    const std::vector<nanoseconds> right{milliseconds(1), milliseconds(70), milliseconds(5)};
    const std::vector<outcome> allowed = outcomes(left, right);
    const auto report = exhaustive_schedules([&](simulation& world) {
        adaptive_timeout<simulated> subject{wide};
        world.run([&] {
            simulated::thread other{[&] {
                for (const nanoseconds wait : left) subject.observe(wait);
            }};
            for (const nanoseconds wait : right) subject.observe(wait);
            other.join();
        });
        return std::count(allowed.begin(), allowed.end(), seen(subject)) != 0;
    });
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 20);
}

TEST_CASE("real threads: the limit follows waits of one range, and stays in it") {
    limit subject{wide};
    posix::atomic<std::uint32_t> outside{0};
    std::vector<posix::thread> all;
    for (int number = 0; number < 4; ++number)
        all.emplace_back([&, number] {
            for (int i = 0; i < 20'000; ++i) {
                subject.observe(milliseconds(2 + (i + number) % 7));  // 2 to 8
                const nanoseconds mean = subject.mean();
                const nanoseconds current = subject.current();
                if (mean < microseconds(1'999) || mean > milliseconds(8)) outside.fetch_add(1);
                if (current < milliseconds(5) || current > milliseconds(3 * (8 + 4 * 6)))
                    outside.fetch_add(1);
            }
        });
    for (auto& thread : all) thread.join();
    CHECK(outside.load() == 0);
}

TEST_CASE("options that leave no time are refused") {
    for (const adaptive_timeout_options& wrong :
         {adaptive_timeout_options{seconds(2), seconds(1), 4},
          adaptive_timeout_options{nanoseconds{-1}, seconds(1), 4},
          adaptive_timeout_options{nanoseconds{0}, nanoseconds{0}, 4},
          adaptive_timeout_options{seconds(1), seconds(2), 0}}) {
        const auto end = platform_test::death_of([&] { limit{wrong}; });
        CHECK(end.signal == SIGABRT);
        CHECK(platform_test::contains(end.said, "adaptive_timeout"));
    }
}
