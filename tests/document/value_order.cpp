// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/owned_value.hpp>
#include <mantis/document/value_order.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace mantis;
using namespace mantis_test;

TEST_CASE("kinds come in their order, and values in theirs") {
    bson_writer d;
    const bytes one = d.add("a", 1).finish();
    const bytes two = d.add("a", 2).finish();
    const bytes longer = d.add("a", 1).add("b", 0).finish();
    const bytes named = d.add("b", 0).finish();
    bson_writer a;
    const bytes arrays =
        a.begin_array("x").push(1).end().begin_array("y").push(1).push(0).end().finish();
    const double infinity = std::numeric_limits<double>::infinity();
    const std::vector<owned_value> ascending = {
        owned_value{nullptr},
        owned_value{std::nan("")},
        owned_value{-infinity},
        owned_value{INT64_MIN},
        owned_value{-1.5},
        owned_value{-1},
        owned_value{0},
        owned_value{0.5},
        owned_value{1},
        owned_value{INT64_MAX},
        owned_value{9.3e18},
        owned_value{infinity},
        owned_value{""},
        owned_value{"a"},
        owned_value{"ab"},
        owned_value{"b"},
        owned_value{bson_view{}},
        owned_value{bson_view{one}},
        owned_value{bson_view{longer}},
        owned_value{bson_view{two}},
        owned_value{bson_view{named}},
        owned_value{bson_view{arrays}["x"]},
        owned_value{bson_view{arrays}["y"]},
        owned_value{binary_view{{"z", 1}, 0}},
        owned_value{binary_view{{"a", 1}, 1}},
        owned_value{binary_view{{"aa", 2}, 0}},
        owned_value{false},
        owned_value{true},
        owned_value{date_time{-1}},
        owned_value{date_time{1}},
    };
    for (std::size_t i = 0; i < ascending.size(); ++i)
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            CAPTURE(i);
            CAPTURE(j);
            CHECK(compare_values(ascending[i].view(), ascending[j].view()) == (i <=> j));
        }
    CHECK(compare_values({}, owned_value{nullptr}.view()) == 0);
    CHECK(compare_values(owned_value{-0.0}.view(), owned_value{0}.view()) == 0);
}

TEST_CASE("integers and doubles compare exactly, as in arithmetic wide enough for both") {
    std::vector<owned_value> numbers;
    for (std::uint64_t seed = 1; seed < 60; ++seed) {
        chance random{seed};
        const auto integer = static_cast<std::int64_t>(random.bits()) >> random.below(63);
        numbers.emplace_back(integer);
        numbers.emplace_back(static_cast<double>(integer));
        numbers.emplace_back(std::nextafter(static_cast<double>(integer), 1e300));
        numbers.emplace_back(static_cast<double>(integer) + 0.5);
    }
    for (const auto& a : numbers)
        for (const auto& b : numbers) {
            const long double x = tree::from(a.view()).number;
            const long double y = tree::from(b.view()).number;
            const auto order = compare_values(a.view(), b.view());
            CHECK((order < 0) == (x < y));
            CHECK((order > 0) == (x > y));
        }
}

TEST_CASE("the order is total over random documents: one direction, and transitive") {
    std::vector<bytes> documents;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        chance random{seed};
        documents.push_back(random_document(random, 2));
    }
    const auto order = [&](std::size_t a, std::size_t b) {
        return compare_documents(bson_view{documents[a]}, bson_view{documents[b]});
    };
    for (std::size_t a = 0; a < documents.size(); ++a)
        for (std::size_t b = 0; b < documents.size(); ++b) {
            CHECK(order(a, b) == (0 <=> order(b, a)));
            for (std::size_t c = 0; c < documents.size(); ++c)
                if (order(a, b) <= 0 && order(b, c) <= 0) REQUIRE(order(a, c) <= 0);
        }
}
