// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/detail/filter_node.hpp>
#include <mantis/document/owned_value.hpp>

#include <doctest/doctest.h>

using namespace mantis;
using namespace mantis::detail;

TEST_CASE("a value satisfies a node by itself or, as an array, by an element") {
    bson_writer writer;
    const bytes document = writer.begin_array("a").push(1).push("x").end().add("n", 1.0).finish();
    const bson_view view{document};
    const owned_value one{1};
    filter_node node;
    node.kind = filter_op::equal;
    node.operand = one.view();
    CHECK(satisfies(node, view["n"]));
    CHECK(satisfies(node, view["a"]));
    CHECK_FALSE(satisfies_itself(node, view["a"]));
    node.kind = filter_op::greater;
    CHECK_FALSE(satisfies(node, view["a"]));
    node.kind = filter_op::exists;
    CHECK(satisfies(node, view["a"]));
    CHECK_FALSE(satisfies(node, bson_value{}));
}

TEST_CASE("a document is of operators when its first field begins with a dollar sign") {
    bson_writer writer;
    const bytes document = writer.begin_document("yes")
                               .add("$gt", 1)
                               .end()
                               .begin_document("no")
                               .add("a", 1)
                               .add("$gt", 1)
                               .end()
                               .begin_document("empty")
                               .end()
                               .add("text", "$gt")
                               .finish();
    const bson_view view{document};
    CHECK(has_operators(view["yes"]));
    CHECK_FALSE(has_operators(view["no"]));
    CHECK_FALSE(has_operators(view["empty"]));
    CHECK_FALSE(has_operators(view["text"]));
}
