// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/detail/stored_document.hpp>
#include <mantis/document/json.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace mantis;
using namespace mantis::detail;

namespace {

struct counting_ids {
    int made = 0;
    bytes next() { return ++made, bytes{"generated"}; }
};

}  // namespace

TEST_CASE("a row's document begins with its _id, and one is generated only where none is") {
    counting_ids ids;
    arena held;
    bson_writer writer;
    const bytes given = writer.add("a", 1).add("_id", 5).finish();
    CHECK(make_stored(bson_view{given}, ids, held).value().document ==
          writer.add("_id", 5).add("a", 1).finish().view());
    CHECK(ids.made == 0);
    const bytes none = writer.add("a", 1).finish();
    const auto stored = make_stored(bson_view{none}, ids, held).value();
    CHECK(stored.document == writer.add("_id", "generated").add("a", 1).finish().view());
    CHECK(stored.key == document_key(bson_view{stored.document}["_id"]).value().view());
    CHECK(ids.made == 1);
}

TEST_CASE("fields of every type move behind the _id unchanged, and a second _id goes") {
    counting_ids ids;
    arena held;
    const bytes given =
        parse_json(R"({"": null, "n": {"a": [1, {"_id": 2}]}, "z\u0000": true, "_id": "x", "f": 1.5,
                       "e": {}, "t": "", "b": {"$binary": {"base64": "", "subType": "00"}}})")
            .value();
    const auto stored = make_stored(bson_view{given}, ids, held).value();
    CHECK(validate_bson(stored.document));
    CHECK(to_json(bson_view{stored.document}).as<std::string>() ==
          R"({"_id":"x","":null,"n":{"a":[1,{"_id":2}]},"z\u0000":true,"f":1.5,"e":{},"t":"",)"
          R"("b":{"$binary":{"base64":"","subType":"00"}}})");
    bson_writer writer;
    const bytes twice = writer.add("a", 1).add("_id", 1).add("_id", 2).add("b", 2).finish();
    CHECK(make_stored(bson_view{twice}, ids, held).value().document ==
          writer.add("_id", 1).add("a", 1).add("b", 2).finish().view());
    CHECK(ids.made == 0);
}

TEST_CASE("a nested document that JSON would read as another value is refused, wherever it lies") {
    counting_ids ids;
    arena held;
    bson_writer writer;
    const bytes root = writer.add("$date", 5).finish();
    CHECK(make_stored(bson_view{root}, ids, held));  // an _id leads
    writer.add("_id", 1).begin_array("list").push_document().add("$date", 5).end().end();
    const bytes nested = writer.finish();
    const auto refused = make_stored(bson_view{nested}, ids, held);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::invalid_argument);
    CHECK(refused.error().subject() == bytes_view{"$date"});
    CHECK(check_document(bson_view{root}));
    CHECK_FALSE(check_document(bson_view{nested}));
}

TEST_CASE("a document that an _id makes too large is refused") {
    counting_ids ids;
    arena held;
    bson_writer writer;
    const std::size_t around = writer.add("a", "").finish().size();
    const std::string text(max_document_bytes - around, 'x');
    const bytes full = writer.add("a", text).finish();
    REQUIRE(full.size() == max_document_bytes);
    CHECK(make_stored(bson_view{full}, ids, held).error().code() == error_code::too_large);
}

TEST_CASE("a document that is too large, damaged or without a possible _id is refused") {
    counting_ids ids;
    arena held;
    bson_writer writer;
    CHECK(make_stored(bson_view{writer.add("a", bytes::zeros(max_document_bytes)).finish()}, ids,
                      held)
              .error()
              .code() == error_code::too_large);
    CHECK(make_stored(bson_view{writer.add("a", "\xff").finish()}, ids, held).error().code() ==
          error_code::corrupt);
    CHECK(make_stored(bson_view{writer.add("_id", nullptr).finish()}, ids, held).error().code() ==
          error_code::invalid_argument);
}
