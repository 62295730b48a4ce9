// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/owned_value.hpp>

#include <doctest/doctest.h>

#include <utility>

using namespace mantis;

TEST_CASE("a value outlives the document it was taken from, copies and moves") {
    owned_value kept;
    CHECK_FALSE(kept);
    {
        bson_writer writer;
        const bytes document = writer.add("a", "text").finish();
        kept = owned_value{bson_view{document}["a"]};
    }
    const owned_value copy = kept;
    const owned_value moved = std::move(kept);
    CHECK(copy.view().as_text() == bytes_view{"text"});
    CHECK(moved.view().as_text() == bytes_view{"text"});
    CHECK(owned_value{5}.view().as_integer() == 5);
    CHECK(owned_value{"x"}.view().as_text() == bytes_view{"x"});
    CHECK(owned_value{nullptr}.view().type() == bson_type::null);
    CHECK_FALSE(owned_value{bson_value{}});
}
