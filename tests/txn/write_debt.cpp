// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/txn/write_debt.hpp>

using namespace mantis;

namespace {

constexpr nanoseconds limit = milliseconds(5);

}  // namespace

TEST_CASE("levels up to the begin are no debt, and the greatest of them is what counts") {
    CHECK(debt_of({}) == 0);
    CHECK(debt_of({0.5, 0.5, 0.5, 0.5, 0.5}) == 0);
    CHECK(debt_of({0.75, 0, 0, 0, 0}) == 0.5);
    CHECK(debt_of({0, 0.75, 0, 0, 0}) == 0.5);
    CHECK(debt_of({0, 0, 0.75, 0, 0}) == 0.5);
    CHECK(debt_of({0, 0, 0, 0.75, 0}) == 0.5);
    CHECK(debt_of({0, 0, 0, 0, 0.75}) == 0.5);
    CHECK(debt_of({0.6, 0.75, 0.7, 0.1, 0.5}) == 0.5);
    CHECK(debt_of({1, 0, 0, 0, 0}) == 1);
    CHECK(debt_of({0, 40, 0, 0, 0}) == 1);
    CHECK(debt_of({-1, 0, 0, 0, 0}) == 0);
}

TEST_CASE("a debt never falls where a level rises, and makes no jump") {
    double before = 0;
    for (int step = 0; step <= 3000; ++step) {
        const double debt = debt_of({0, step / 2000.0, 0.2, 0, 0});
        CHECK(debt >= before);
        CHECK(debt - before <= 0.0011);
        CHECK(debt <= 1);
        before = debt;
    }
    CHECK(before == 1);
}

TEST_CASE("a delay is none without a debt, grows with debt and bytes, and ends at the limit") {
    const std::uint64_t sizes[] = {0, 1, 64, 100, 4096, 1 << 30};
    for (const std::uint64_t size : sizes) {
        CAPTURE(size);
        CHECK(delay_of(0, size, limit) == nanoseconds{});
        nanoseconds before;
        for (int step = 0; step <= 1000; ++step) {
            const double debt = step / 1000.0;
            const nanoseconds now = delay_of(debt, size, limit);
            CHECK(now >= before);
            CHECK(now <= limit);
            CHECK(delay_of(debt, size + 1, limit) >= now);
            before = now;
        }
    }
    CHECK(delay_of(1, 64, limit) == limit);
    CHECK(delay_of(1, 32, limit) == nanoseconds{limit.count / 2});
    CHECK(delay_of(1, ~std::uint64_t{0}, limit) == limit);
    CHECK(delay_of(1, 100, {}) == nanoseconds{});
}

TEST_CASE("a delay makes no jump as the debt grows") {
    nanoseconds before;
    for (int step = 0; step <= 10'000; ++step) {
        const nanoseconds now = delay_of(step / 10'000.0, 100, limit);
        CHECK(now - before <= microseconds(5));
        before = now;
    }
}
