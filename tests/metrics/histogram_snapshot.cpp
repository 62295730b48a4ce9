// SPDX-License-Identifier: BSL-1.0
#include <mantis/metrics/histogram_snapshot.hpp>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>

using mantis::histogram_layout;
using mantis::histogram_snapshot;

namespace {

constexpr std::uint64_t range_end = std::uint64_t{1} << histogram_layout::range_bits;

// Values of every magnitude, not mostly large ones.
std::uint64_t drawn_value(unsigned most_bits) {
    const auto bits = *rc::gen::inRange<unsigned>(0, most_bits + 1);
    const std::uint64_t limit = bits == 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1;
    const auto any = *rc::gen::arbitrary<std::uint64_t>();
    return limit == UINT64_MAX ? any : any % (limit + 1);
}
std::vector<std::uint64_t> drawn_values(unsigned most_bits) {
    std::vector<std::uint64_t> values(*rc::gen::inRange<std::size_t>(1, 200));
    for (std::uint64_t& value : values) value = drawn_value(most_bits);
    return values;
}
histogram_snapshot snapshot_of(const std::vector<std::uint64_t>& values, unsigned step_bits) {
    histogram_snapshot made{histogram_layout{step_bits}};
    for (const std::uint64_t value : values) made.record(value);
    return made;
}
// The one at that part, by the definition.
std::uint64_t exact_quantile(std::vector<std::uint64_t> values, double part) {
    std::sort(values.begin(), values.end());
    const double rank = std::ceil(part * static_cast<double>(values.size()));
    return values[rank < 1 ? 0 : static_cast<std::size_t>(rank) - 1];
}
unsigned drawn_step_bits() {
    return *rc::gen::inRange<unsigned>(0, histogram_layout::max_step_bits + 1);
}

}  // namespace

TEST_CASE("the buckets of every layout follow each other without a gap and cover all values") {
    for (unsigned step_bits = 0; step_bits <= histogram_layout::max_step_bits; ++step_bits) {
        CAPTURE(step_bits);
        const histogram_layout layout{step_bits};
        CHECK(layout.upper_bound(0) == 0);
        CHECK(layout.bucket_of(0) == 0);
        for (std::size_t i = 1; i < layout.bucket_count(); ++i) {
            const std::uint64_t above = layout.upper_bound(i - 1);
            const std::uint64_t up_to = layout.upper_bound(i);
            REQUIRE(above < up_to);
            REQUIRE(layout.bucket_of(above) == i - 1);
            REQUIRE(layout.bucket_of(above + 1) == i);
            REQUIRE(layout.bucket_of(up_to) == i);
            if (i != layout.last_bucket()) REQUIRE(((up_to - above - 1) << step_bits) <= above);
        }
        CHECK(layout.upper_bound(layout.last_bucket() - 1) == range_end);
        CHECK(layout.upper_bound(layout.last_bucket()) == UINT64_MAX);
    }
}

TEST_CASE("powers of two are bounds in every layout, and bounds of a coarse one in a finer one") {
    for (unsigned coarse = 0; coarse <= histogram_layout::max_step_bits; ++coarse)
        for (unsigned fine = coarse; fine <= histogram_layout::max_step_bits; ++fine) {
            const histogram_layout from{coarse};
            const histogram_layout in{fine};
            for (std::size_t i = 0; i < from.bucket_count(); ++i) {
                const std::uint64_t bound = from.upper_bound(i);
                REQUIRE(in.upper_bound(in.bucket_of(bound)) == bound);
            }
        }
    for (unsigned power = 0; power <= histogram_layout::range_bits; ++power) {
        const std::uint64_t bound = std::uint64_t{1} << power;
        const histogram_layout coarsest{0};
        REQUIRE(coarsest.upper_bound(coarsest.bucket_of(bound)) == bound);
    }
}

TEST_CASE("a quantile is never below the exact one and above it by less than the stated part") {
    CHECK(rc::check([] {
        const unsigned step_bits = drawn_step_bits();
        const auto values = drawn_values(histogram_layout::range_bits);
        const auto shown = snapshot_of(values, step_bits);
        const double part = *rc::gen::inRange<int>(0, 1'001) / 1'000.0;
        const std::uint64_t exact = exact_quantile(values, part);
        const std::uint64_t told = shown.quantile(part);
        RC_ASSERT(told >= exact);
        // told - exact < exact / 2^step_bits, or both are the same
        RC_ASSERT(told == exact || (told - exact) << step_bits < exact);
        RC_ASSERT(shown.quantile(1) == *std::max_element(values.begin(), values.end()));
    }));
}

TEST_CASE("count, sum and maximum are exact, whatever the values") {
    CHECK(rc::check([] {
        const auto values = drawn_values(64);
        const auto shown = snapshot_of(values, drawn_step_bits());
        std::uint64_t sum = 0;
        for (const std::uint64_t value : values) sum += value;
        RC_ASSERT(shown.count() == values.size());
        RC_ASSERT(shown.sum() == sum);
        RC_ASSERT(shown.maximum() == *std::max_element(values.begin(), values.end()));
        std::uint64_t in_buckets = 0;
        std::uint64_t last = 0;
        shown.each_bucket([&](std::uint64_t above, std::uint64_t up_to, std::uint64_t count) {
            RC_ASSERT((above < up_to || (above == 0 && up_to == 0)));
            RC_ASSERT(above >= last);
            last = up_to;
            RC_ASSERT(count == static_cast<std::uint64_t>(std::count_if(
                                   values.begin(), values.end(), [&](std::uint64_t value) {
                                       return (value > above || up_to == 0) && value <= up_to;
                                   })));
            in_buckets += count;
        });
        RC_ASSERT(in_buckets == shown.count());
    }));
}

TEST_CASE("what is counted up to a power of two is exact") {
    CHECK(rc::check([] {
        const auto values = drawn_values(42);
        const auto shown = snapshot_of(values, drawn_step_bits());
        for (unsigned power = 0; power <= histogram_layout::range_bits; ++power) {
            const std::uint64_t bound = std::uint64_t{1} << power;
            RC_ASSERT(shown.count_up_to(bound) ==
                      static_cast<std::uint64_t>(
                          std::count_if(values.begin(), values.end(),
                                        [bound](std::uint64_t each) { return each <= bound; })));
        }
        RC_ASSERT(shown.count_up_to(UINT64_MAX) == shown.count());
    }));
}

TEST_CASE("two snapshots added are the snapshot of both, in the coarser of their layouts") {
    CHECK(rc::check([] {
        const unsigned one = drawn_step_bits();
        const unsigned two = drawn_step_bits();
        auto values = drawn_values(64);
        const auto more = drawn_values(64);
        auto sum = snapshot_of(values, one);
        sum.add(snapshot_of(more, two));
        values.insert(values.end(), more.begin(), more.end());
        RC_ASSERT(sum == snapshot_of(values, std::min(one, two)));
    }));
    histogram_snapshot doubled;
    doubled.record(7, 3);
    doubled.add(doubled);
    CHECK(doubled.count() == 6);
    CHECK(doubled.sum() == 42);
}

TEST_CASE("nothing recorded, and parts that are none, have an answer") {
    const histogram_snapshot none;
    CHECK(none.empty());
    CHECK(none.quantile(0.5) == 0);
    CHECK(none.count_up_to(UINT64_MAX) == 0);
    histogram_snapshot some;
    some.record(10);
    some.record(20);
    some.record(5, 0);
    CHECK(some.count() == 2);
    CHECK(some.quantile(-1) == 10);
    CHECK(some.quantile(0) == 10);
    CHECK(some.quantile(0.5) == 10);
    CHECK(some.quantile(0.51) == 20);
    CHECK(some.quantile(7) == 20);
    CHECK(some.quantile(std::numeric_limits<double>::quiet_NaN()) == 10);
    CHECK(some.quantile(std::numeric_limits<double>::infinity()) == 20);
}

TEST_CASE("a value past the range is counted in the last bucket and known by the maximum alone") {
    histogram_snapshot shown;
    shown.record(range_end);
    CHECK(shown.count_up_to(range_end) == 1);
    shown.record(range_end + 1);
    shown.record(UINT64_MAX - 1);
    CHECK(shown.count_up_to(range_end) == 1);
    CHECK(shown.count_up_to(UINT64_MAX) == 3);
    CHECK(shown.quantile(0.1) == range_end);
    CHECK(shown.quantile(0.5) == UINT64_MAX - 1);
}

TEST_CASE("a count near the end of its type has quantiles") {
    histogram_snapshot shown;
    shown.record(1, UINT64_MAX - 10);
    shown.record(2, 10);
    CHECK(shown.quantile(0.5) == 1);
    CHECK(shown.quantile(1) == 2);
}
