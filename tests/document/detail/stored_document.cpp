// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/detail/stored_document.hpp>

#include <doctest/doctest.h>

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
    bson_writer writer;
    const bytes given = writer.add("a", 1).add("_id", 5).finish();
    CHECK(make_stored(bson_view{given}, ids).value().document ==
          writer.add("_id", 5).add("a", 1).finish());
    CHECK(ids.made == 0);
    const bytes none = writer.add("a", 1).finish();
    const auto stored = make_stored(bson_view{none}, ids).value();
    CHECK(stored.document == writer.add("_id", "generated").add("a", 1).finish());
    CHECK(stored.key == document_key(bson_view{stored.document}["_id"]).value());
    CHECK(ids.made == 1);
}

TEST_CASE("a document that is too large, damaged or without a possible _id is refused") {
    counting_ids ids;
    bson_writer writer;
    CHECK(make_stored(bson_view{writer.add("a", bytes::zeros(max_document_bytes)).finish()}, ids)
              .error()
              .code() == error_code::too_large);
    CHECK(make_stored(bson_view{writer.add("a", "\xff").finish()}, ids).error().code() ==
          error_code::corrupt);
    CHECK(make_stored(bson_view{writer.add("_id", nullptr).finish()}, ids).error().code() ==
          error_code::invalid_argument);
}
