// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/document_key.hpp>
#include <mantis/document/owned_value.hpp>
#include <mantis/document/value_order.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace mantis;
using namespace mantis_test;

namespace {

bytes key_of(const owned_value& id) { return document_key(id.view()).value(); }

void same_order(const std::vector<owned_value>& ids) {
    std::vector<bytes> keys;
    for (const auto& id : ids) keys.push_back(key_of(id));
    for (std::size_t a = 0; a < ids.size(); ++a)
        for (std::size_t b = 0; b < ids.size(); ++b)
            REQUIRE((keys[a] <=> keys[b]) == compare_values(ids[a].view(), ids[b].view()));
}

}  // namespace

TEST_CASE("the key of a number is the same whatever type holds it") {
    CHECK(key_of(owned_value{1}) == key_of(owned_value{1.0}));
    CHECK(key_of(owned_value{-0.0}) == key_of(owned_value{0}));
    CHECK(key_of(owned_value{std::int64_t{1} << 60}) == key_of(owned_value{1152921504606846976.0}));
    CHECK_FALSE(key_of(owned_value{(std::int64_t{1} << 53) + 1}) ==
                key_of(owned_value{9007199254740992.0}));
}

TEST_CASE("keys of numbers sort as the numbers do, at the edges and at random") {
    std::vector<owned_value> ids;
    const double infinity = std::numeric_limits<double>::infinity();
    for (const double edge :
         {std::nan(""), -infinity, -1e300, -9223372036854775808.0, -1.5, -5e-324, 0.0, 5e-324, 0.5,
          9007199254740992.0, 9223372036854774784.0, 9223372036854775808.0, 1e300, infinity})
        ids.emplace_back(edge);
    for (const std::int64_t edge :
         {INT64_MIN, INT64_MIN + 1, INT64_MIN + 1024, INT64_MAX, INT64_MAX - 1, INT64_MAX - 512,
          INT64_MAX - 1023, INT64_MAX - 1024, std::int64_t{0}, std::int64_t{-1}})
        ids.emplace_back(edge);
    for (std::uint64_t seed = 1; seed < 100; ++seed) {
        chance random{seed};
        const auto integer = static_cast<std::int64_t>(random.bits()) >> random.below(63);
        ids.emplace_back(integer);
        ids.emplace_back(integer ^ 1);
        ids.emplace_back(static_cast<double>(integer));
        ids.emplace_back(std::nextafter(static_cast<double>(integer), 0.0));
        ids.emplace_back(std::bit_cast<double>(random.bits()));
    }
    same_order(ids);
}

TEST_CASE("keys of all kinds sort as the ids do") {
    std::vector<owned_value> ids;
    for (std::uint64_t seed = 1; seed < 120; ++seed) {
        chance random{seed};
        std::string text;
        for (std::size_t left = random.below(6); left != 0; --left)
            text.push_back(static_cast<char>(random.below(3)));
        ids.emplace_back(text);
        ids.emplace_back(binary_view{text, static_cast<std::uint8_t>(random.below(2))});
        ids.emplace_back(date_time{static_cast<std::int64_t>(random.bits())});
        ids.emplace_back(random.one_in(2));
        ids.emplace_back(static_cast<int>(random.below(100)));
    }
    same_order(ids);
}

TEST_CASE("null, documents, arrays and what is too long are no ids") {
    bson_writer writer;
    const bytes document =
        writer.add("n", nullptr).begin_document("d").end().begin_array("a").end().finish();
    for (const bson_element& field : bson_view{document})
        CHECK(document_key(field.value).error().code() == error_code::invalid_argument);
    CHECK(document_key({}).error().code() == error_code::invalid_argument);
    CHECK(key_of(owned_value{std::string(509, 'x')}).size() == max_document_key_bytes);
    CHECK(document_key(owned_value{std::string(510, 'x')}.view()).error().code() ==
          error_code::too_large);
}
