// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/backoff.hpp>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <vector>

using namespace mantis;

namespace {

std::vector<std::int64_t> pauses_of(const backoff_options& options, std::uint64_t seed) {
    std::vector<std::int64_t> all;
    for (backoff pauses{options, seed}; pauses.left();) all.push_back(pauses.next().count);
    return all;
}

}  // namespace

TEST_CASE("pauses grow by the factor up to the longest, each at least half of what it may be") {
    const backoff_options options{
        .first = {1000}, .factor = 10, .most = {50'000}, .attempts = 5, .total = seconds(1)};
    const std::vector<std::int64_t> pauses = pauses_of(options, 1);
    const std::vector<std::int64_t> most = {1000, 10'000, 50'000, 50'000};
    REQUIRE(pauses.size() == most.size());
    for (std::size_t i = 0; i < most.size(); ++i) {
        CHECK(pauses[i] <= most[i]);
        CHECK(pauses[i] >= most[i] / 2);
    }
}

TEST_CASE("whatever the options: invariants 1 and 2 hold, and a seed gives the same again") {
    const auto holds = [] {
        const backoff_options options{
            .first = {*rc::gen::inRange<std::int64_t>(0, 1'000'000)},
            .factor = *rc::gen::inRange<std::uint32_t>(0, 2'000'000'000),
            .most = {*rc::gen::element<std::int64_t>(0, 5, 100'000, INT64_MAX)},
            .attempts = *rc::gen::inRange<std::uint32_t>(0, 40),
            .total = {*rc::gen::inRange<std::int64_t>(0, 10'000'000)}};
        const auto seed = *rc::gen::arbitrary<std::uint64_t>();
        const std::vector<std::int64_t> pauses = pauses_of(options, seed);
        RC_ASSERT(pauses == pauses_of(options, seed));
        RC_ASSERT(pauses.size() + 1 <= std::size_t{options.attempts} || pauses.empty());
        long double most = static_cast<long double>(options.first.count);
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < pauses.size(); ++i) {
            const auto limit = static_cast<long double>(options.most.count);
            if (most > limit) most = limit;
            RC_ASSERT(static_cast<long double>(pauses[i]) <= most);
            RC_ASSERT(i + 1 == pauses.size() ||
                      static_cast<long double>(pauses[i]) >= most / 2 - 1);
            sum += pauses[i];
            most *= options.factor > 1 ? options.factor : 1;
        }
        RC_ASSERT(sum <= options.total.count);
    };
    CHECK(rc::check("backoff", holds));
}

TEST_CASE("two that fail together do not come back together") {
    CHECK(pauses_of({}, 1) != pauses_of({}, 2));
}

TEST_CASE("one attempt means nothing is done twice; no first pause means at once") {
    CHECK(pauses_of({.attempts = 1}, 1).empty());
    CHECK(pauses_of({.attempts = 0}, 1).empty());
    CHECK(pauses_of({.total = {0}}, 1).empty());
    CHECK(pauses_of({.first = {0}, .attempts = 4}, 1) == std::vector<std::int64_t>{0, 0, 0});
}
