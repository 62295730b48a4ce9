// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/filter.hpp>
#include <mantis/document/json.hpp>
#include <mantis/document/json_writer.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

#include <string>

using namespace mantis;
using namespace mantis_test;

namespace {

filter compiled(const char* text) {
    return filter::compile(bson_view{parse_json(text).value()}).value();
}

bool matches(const char* condition, const char* document) {
    return compiled(condition).matches(bson_view{parse_json(document).value()});
}

void add_operator(bson_writer& to, chance& random, std::size_t depth);

// A random operand where the operator stands: 'name' inside the open document.
void add_operand(bson_writer& to, chance& random, const char* name) {
    bson_writer holder;
    holder.begin_array("v");
    push_random(holder, random, 1);
    const bytes value = holder.end().finish();
    to.add(name, bson_view{value}["v"].as_document()["0"]);
}

void add_operator(bson_writer& to, chance& random, std::size_t depth) {
    switch (random.below(depth == 0 ? 8 : 9)) {
        case 0: return add_operand(to, random, "$eq");
        case 1: return add_operand(to, random, "$ne");
        case 2: to.add("$gt", static_cast<double>(random.below(8)) / 2); return;
        case 3: to.add("$gte", static_cast<int>(random.below(5))); return;
        case 4: to.add("$lt", std::string(1, static_cast<char>('a' + random.below(3)))); return;
        case 5: to.add("$lte", nullptr); return;
        case 6:
            to.begin_array("$in");
            for (std::size_t left = random.below(4); left != 0; --left) push_random(to, random, 1);
            to.end();
            return;
        case 7: to.add("$exists", random.one_in(2)); return;
        default:
            to.begin_document("$not");
            add_operator(to, random, depth - 1);
            to.end();
    }
}

void add_condition(bson_writer& to, chance& random, std::size_t depth) {
    const std::vector<std::string> paths = {"a",   "b",     "c",   "0",  "a.b",
                                            "a.0", "b.a.c", "c.1", "a.a"};
    if (depth != 0 && random.one_in(3)) {
        to.begin_array(random.one_in(2) ? "$and" : "$or");
        for (std::size_t left = 1 + random.below(3); left != 0; --left) {
            to.push_document();
            add_condition(to, random, depth - 1);
            to.end();
        }
        to.end();
    } else if (random.one_in(3)) {
        add_operand(to, random, random.of(paths).c_str());
    } else {
        to.begin_document(random.of(paths));
        add_operator(to, random, 2);
        to.end();
    }
}

}  // namespace

TEST_CASE("bytes that are no document are no filter") {
    const bytes whole = parse_json(R"({"a":1})").value();
    bytes longer = whole;
    longer.push_back(std::byte{0});
    for (const bytes_view wrong :
         {bytes_view{}, {"garbage", 7}, whole.view().first(whole.size() - 1), longer.view()}) {
        const auto refused = filter::compile(bson_view{wrong});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
    }
}

TEST_CASE(
    "equality is by value: numbers of any type, documents in order, null for what is missing") {
    CHECK(matches(R"({})", R"({"a":1})"));
    CHECK(matches(R"({"a":1})", R"({"a":1.0})"));
    CHECK_FALSE(matches(R"({"a":9007199254740993})", R"({"a":9007199254740992.0})"));
    CHECK(matches(R"({"a":{"b":1,"c":2}})", R"({"a":{"b":1,"c":2}})"));
    CHECK_FALSE(matches(R"({"a":{"b":1,"c":2}})", R"({"a":{"c":2,"b":1}})"));
    CHECK_FALSE(matches(R"({"a":{"b":1}})", R"({"a":{"b":1,"c":2}})"));
    CHECK(matches(R"({"a.b":1})", R"({"a":{"b":1,"c":2}})"));
    CHECK(matches(R"({"a":null})", R"({})"));
    CHECK(matches(R"({"a":null})", R"({"a":null})"));
    CHECK_FALSE(matches(R"({"a":null})", R"({"a":0})"));
    CHECK(matches(R"({"a":{"$eq":{"$date":"2026-01-01"}}})",
                  R"({"a":{"$date":"2026-01-01T00:00:00Z"}})"));
    CHECK_FALSE(matches(R"({"a":"1"})", R"({"a":1})"));
}

TEST_CASE("an array matches by any element and as a whole") {
    CHECK(matches(R"({"a":2})", R"({"a":[1,2,3]})"));
    CHECK(matches(R"({"a":[1,2]})", R"({"a":[1,2]})"));
    CHECK(matches(R"({"a":[1,2]})", R"({"a":[[1,2],3]})"));
    CHECK_FALSE(matches(R"({"a":[1,2]})", R"({"a":[1,2,3]})"));
    CHECK(matches(R"({"a":{"$gt":2,"$lt":2}})", R"({"a":[1,3]})"));
    CHECK(matches(R"({"a.b":{"$gte":2}})", R"({"a":[{"b":1},{"b":2}]})"));
    CHECK(matches(R"({"a.1":"y"})", R"({"a":["x","y"]})"));
    CHECK_FALSE(matches(R"({"a":{"$ne":2}})", R"({"a":[1,2]})"));
}

TEST_CASE("order compares only values of one kind") {
    CHECK(matches(R"({"a":{"$gt":1}})", R"({"a":1.5})"));
    CHECK_FALSE(matches(R"({"a":{"$gt":1}})", R"({"a":"2"})"));
    CHECK_FALSE(matches(R"({"a":{"$lt":1}})", R"({})"));
    CHECK(matches(R"({"a":{"$gte":"b"}})", R"({"a":"b"})"));
    CHECK(matches(R"({"a":{"$lt":{"$date":"2026-01-01"}}})", R"({"a":{"$date":"2025-12-31"}})"));
    CHECK(matches(R"({"a":{"$gt":9007199254740992.0}})", R"({"a":9007199254740993})"));
    CHECK_FALSE(matches(R"({"a":{"$lt":5}})", R"({"a":{"$numberDouble":"NaN"}})"));
    CHECK(matches(R"({"a":{"$gte":{"$numberDouble":"NaN"}}})", R"({"a":{"$numberDouble":"NaN"}})"));
    CHECK_FALSE(matches(R"({"a":{"$gt":{"$numberDouble":"NaN"}}})", R"({"a":1})"));
}

TEST_CASE("$in, $exists, $not, $and and $or") {
    CHECK(matches(R"({"a":{"$in":[5,"x",null]}})", R"({"a":5.0})"));
    CHECK(matches(R"({"a":{"$in":[5,"x",null]}})", R"({})"));
    CHECK_FALSE(matches(R"({"a":{"$in":[]}})", R"({"a":1})"));
    CHECK(matches(R"({"a":{"$exists":true}})", R"({"a":null})"));
    CHECK(matches(R"({"a":{"$exists":true}})", R"({"a":[]})"));
    CHECK(matches(R"({"a.b":{"$exists":false}})", R"({"a":[1]})"));
    CHECK(matches(R"({"a":{"$not":{"$gt":5}}})", R"({})"));
    CHECK_FALSE(matches(R"({"a":{"$not":{"$gt":5,"$lt":9}}})", R"({"a":7})"));
    CHECK(matches(R"({"$or":[{"a":1},{"b":1}],"c":1})", R"({"b":1,"c":1})"));
    CHECK_FALSE(matches(R"({"$and":[{"a":1},{"$or":[{"b":1},{"b":2}]}]})", R"({"a":1,"b":3})"));
}

TEST_CASE("what is no filter is refused and names the culprit") {
    struct expectation {
        const char* text;
        const char* culprit;
    };
    for (const expectation& each : {expectation{R"({"a":{"$regex":"x"}})", "$regex"},
                                    {R"({"$nor":[{"a":1}]})", "$nor"},
                                    {R"({"a":{"$gt":1,"b":2}})", "b"},
                                    {R"({"$and":{"a":1}})", "$and"},
                                    {R"({"$or":[]})", "$or"},
                                    {R"({"$or":[1]})", "$or"},
                                    {R"({"a":{"$in":5}})", "a"},
                                    {R"({"a":{"$exists":1}})", "a"},
                                    {R"({"a":{"$not":5}})", "a"},
                                    {R"({"a..b":5})", "a..b"}}) {
        const auto refused = filter::compile(bson_view{parse_json(each.text).value()});
        CAPTURE(each.text);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::invalid_argument);
        CHECK(refused.error().subject() == bytes_view{each.culprit});
    }
}

TEST_CASE("a filter owns what it compares with, and moves") {
    filter kept = compiled(R"({"a":"text","b":{"$in":["x","y"]}})");
    const filter moved = std::move(kept);
    CHECK(moved.matches(bson_view{parse_json(R"({"a":"text","b":"y"})").value()}));
    CHECK(filter{}.matches(bson_view{}));
}

TEST_CASE("random filters over random documents answer as the plain model does") {
    std::size_t matching = 0;
    constexpr std::uint64_t rounds = 30'000;
    for (std::uint64_t seed = 0; seed < rounds; ++seed) {
        chance random{seed};
        const bytes document = random_document(random);
        bson_writer writer;
        add_condition(writer, random, 2);
        const bytes condition = writer.finish();
        const auto made = filter::compile(bson_view{condition});
        REQUIRE(made);
        const bool answer = made->matches(bson_view{document});
        matching += answer;
        CAPTURE(to_json(bson_view{condition}).as<std::string>());
        CAPTURE(to_json(bson_view{document}).as<std::string>());
        CHECK(answer ==
              model_matches(tree::from(bson_view{document}), tree::from(bson_view{condition})));
    }
    CHECK(matching > rounds / 10);
    CHECK(matching < rounds - rounds / 10);
}
