// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/query.hpp>

#include <doctest/doctest.h>

using namespace mantis;

TEST_CASE("a query that says nothing wants every document, in the order of the rows, by a scan") {
    const query everything;
    CHECK(everything.filter.matches(bson_view{}));
    CHECK(everything.sort.empty());
    CHECK(everything.limit == query::no_limit);
    CHECK(everything.offset == 0);
    CHECK(plan_query(everything.filter).path == access_path::full_scan);
}
