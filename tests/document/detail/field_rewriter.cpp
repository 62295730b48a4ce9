// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/bson_validate.hpp>
#include <mantis/document/detail/field_rewriter.hpp>
#include <mantis/document/owned_value.hpp>

#include <doctest/doctest.h>

using namespace mantis;
using namespace mantis::detail;

TEST_CASE("one field is rewritten and every other byte is copied") {
    bson_writer writer;
    const bytes before =
        writer.add("a", 1).add({"z\0", 2}, "kept").begin_document("d").add("x", 1).end().finish();
    const owned_value two{2};
    const field_change change{field_op::set, document_path::parse("d.x").value(), two.view()};
    bytes after;
    REQUIRE(field_rewriter{change, after}.run(bson_view{before}));
    CHECK(validate_bson(after));
    CHECK(
        after ==
        writer.add("a", 1).add({"z\0", 2}, "kept").begin_document("d").add("x", 2).end().finish());
}

TEST_CASE("an array's gap is filled with nulls, up to a limit") {
    bson_writer writer;
    const bytes before = writer.begin_array("a").end().finish();
    const owned_value one{1};
    bytes after;
    const field_change far{field_op::set, document_path::parse("a.1000").value(), one.view()};
    REQUIRE(field_rewriter{far, after}.run(bson_view{before}));
    CHECK(validate_bson(after));
    CHECK(bson_view{after}["a"].as_document().count() == 1001);
    after.clear();
    const field_change farther{field_op::set, document_path::parse("a.1001").value(), one.view()};
    CHECK(field_rewriter{farther, after}.run(bson_view{before}).error().code() ==
          error_code::too_large);
}
