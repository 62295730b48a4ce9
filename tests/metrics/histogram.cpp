// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/histogram.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

#include <type_traits>

using namespace mantis;

static_assert(sizeof(histogram<posix>) == 19'200 && alignof(histogram<posix>) == 64);
static_assert(sizeof(histogram<posix, 1>) == 4'768 && alignof(histogram<posix, 1>) == 8);
static_assert(sizeof(small_histogram<posix>) == 1'280 && alignof(small_histogram<posix>) == 8);

namespace {

// Threads that record the same values each.
template <class Histogram, class Platform>
void record_all(Histogram& into, std::size_t threads, std::uint64_t rounds) {
    std::vector<typename Platform::thread> all;
    for (std::size_t number = 0; number < threads; ++number)
        all.emplace_back([&into, rounds] {
            for (std::uint64_t i = 0; i < rounds; ++i) into.record(i * i);
        });
    for (auto& thread : all) thread.join();
}
histogram_snapshot expected(histogram_layout layout, std::size_t threads, std::uint64_t rounds) {
    histogram_snapshot made{layout};
    for (std::uint64_t i = 0; i < rounds; ++i) made.record(i * i, threads);
    return made;
}

// While four threads record sevens and then nines, every snapshot fits the one before and itself.
template <class Histogram>
void check_snapshots_while_recording() {
    Histogram shown;
    std::vector<posix::thread> all;
    constexpr std::uint64_t each = 20'000;
    for (int number = 0; number < 4; ++number)
        all.emplace_back([&shown] {
            for (std::uint64_t i = 0; i < each; ++i) shown.record(i < each / 2 ? 7 : 9);
        });
    histogram_snapshot last{Histogram::layout};
    while (last.count() < 4 * each) {
        const histogram_snapshot now = shown.snapshot();
        const std::uint64_t sevens = now.count_up_to(7);
        REQUIRE(now.count() >= last.count());
        REQUIRE(sevens >= last.count_up_to(7));
        REQUIRE(now.sum() >= last.sum());
        REQUIRE(now.maximum() >= last.maximum());
        REQUIRE(now.sum() <= sevens * 7 + (now.count() - sevens) * 9);
        REQUIRE((now.count() == 0 || now.maximum() >= 7));
        REQUIRE((now.count() == sevens || now.maximum() == 9));
        REQUIRE((now.count() == 0 || now.quantile(1) == (now.count() == sevens ? 7 : 9)));
        last = now;
    }
    for (auto& thread : all) thread.join();
    CHECK(shown.snapshot().sum() == 2 * each * (7 + 9));
}

}  // namespace

TEST_CASE_TEMPLATE("a histogram is the snapshot of what was recorded", Histogram, histogram<posix>,
                   histogram<posix, 1>, small_histogram<posix>, histogram<posix, 2, 0>) {
    Histogram shown;
    CHECK(shown.snapshot().empty());
    histogram_snapshot same{Histogram::layout};
    for (std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{33},
                                std::uint64_t{1} << 40, (std::uint64_t{1} << 40) + 1, UINT64_MAX})
        for (int i = 0; i < 3; ++i) {
            shown.record(value);
            same.record(value);
        }
    CHECK(shown.snapshot() == same);
}

TEST_CASE_TEMPLATE("real threads, 8 at once: no value is lost", Histogram, histogram<posix>,
                   small_histogram<posix>) {
    Histogram shown;
    record_all<Histogram, posix>(shown, 8, 5'000);
    CHECK(shown.snapshot() == expected(Histogram::layout, 8, 5'000));
}

TEST_CASE("real threads: snapshots meanwhile are consistent and never fall") {
    check_snapshots_while_recording<histogram<posix>>();
    check_snapshots_while_recording<small_histogram<posix>>();
}

TEST_CASE("every schedule of three threads with two preemptions: the greatest value stays") {
    const auto report = exhaustive_schedules([](simulation& world) {
        histogram<simulated, 1, 0> shown;
        world.run([&] {
            simulated::thread first{[&] { shown.record(300); }};
            simulated::thread second{[&] { shown.record(200); }};
            shown.record(100);
            first.join();
            second.join();
        });
        const histogram_snapshot after = shown.snapshot();
        return after.maximum() == 300 && after.sum() == 600 && after.count() == 3;
    });
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 100);
}

TEST_CASE("200 seeds: no value is lost, and the greatest is known") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([] {
            using shared = histogram<simulated, 2, 0>;
            shared shown;
            record_all<shared, simulated>(shown, 6, 5);
            CHECK(shown.snapshot() == expected(shared::layout, 6, 5));
        });
    }
}

TEST_CASE("200 seeds: a snapshot meanwhile counts what is in its sum and knows a maximum") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([] {
            histogram<simulated, 1, 0> shown;
            simulated::thread other{[&] {
                for (std::uint64_t i = 0; i < 12; ++i) shown.record(std::uint64_t{1} << i);
            }};
            histogram_snapshot last{histogram_layout{0}};
            for (int i = 0; i < 4; ++i) {
                const histogram_snapshot now = shown.snapshot();
                std::uint64_t counted = 0;
                std::uint64_t greatest = 0;
                now.each_bucket([&](std::uint64_t, std::uint64_t up_to, std::uint64_t count) {
                    counted += up_to * count;  // only powers of two were recorded
                    greatest = up_to;
                });
                CHECK(now.sum() <= counted);
                CHECK(now.maximum() >= greatest);
                CHECK(now.count() >= last.count());
                CHECK(now.sum() >= last.sum());
                last = now;
            }
            other.join();
            CHECK(shown.snapshot().sum() == 4'095);
        });
    }
}
