// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/filter_builder.hpp>
#include <mantis/document/json_writer.hpp>

#include <doctest/doctest.h>

using namespace mantis;

namespace {

bytes text(const condition& built) {
    const bytes document = built.document();
    CHECK(filter::compile(bson_view{document}));
    return to_json(bson_view{document});
}

}  // namespace

TEST_CASE("each comparison is the operator of its name") {
    CHECK(text(where("a") == 1) == bytes{R"({"a":{"$eq":1}})"});
    CHECK(text(where("a") != "x") == bytes{R"({"a":{"$ne":"x"}})"});
    CHECK(text(where("a.b") > 1.5) == bytes{R"({"a.b":{"$gt":1.5}})"});
    CHECK(text(where("a") >= 1) == bytes{R"({"a":{"$gte":1}})"});
    CHECK(text(where("a") < 1) == bytes{R"({"a":{"$lt":1}})"});
    CHECK(text(where("a") <= date_time{0}) ==
          bytes{R"({"a":{"$lte":{"$date":"1970-01-01T00:00:00Z"}}})"});
    CHECK(text(where("a").in(1, "x", nullptr)) == bytes{R"({"a":{"$in":[1,"x",null]}})"});
    CHECK(text(where("a").exists()) == bytes{R"({"a":{"$exists":true}})"});
    CHECK(text(where("a").missing()) == bytes{R"({"a":{"$exists":false}})"});
}

TEST_CASE("conditions join, and a long chain stays flat") {
    CHECK(text((where("a") == 1 && where("b") == 2) || where("c") == 3) ==
          bytes{R"({"$or":[{"$and":[{"a":{"$eq":1}},{"b":{"$eq":2}}]},{"c":{"$eq":3}}]})"});
    condition chain = where("a") == 0;
    for (int i = 1; i < 300; ++i) chain = chain || where("a") == i;
    const filter compiled = chain.compile().value();
    bson_writer writer;
    CHECK(compiled.matches(bson_view{writer.add("a", 299).finish()}));
    CHECK_FALSE(compiled.matches(bson_view{writer.add("a", 300).finish()}));
}
