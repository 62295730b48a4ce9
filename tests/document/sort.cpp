// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/json.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/document/sort.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace mantis;
using namespace mantis_test;

namespace {

sort_order order(const char* text) {
    return sort_order::compile(bson_view{parse_json(text).value()}).value();
}

std::string sorted(const char* by, const std::vector<const char*>& documents,
                   std::size_t keep = document_sorter::no_bound) {
    const sort_order compiled = order(by);
    document_sorter sorter{compiled, keep, 1 << 20};
    for (const char* const text : documents)
        REQUIRE(sorter.add(bson_view{parse_json(text).value()}));
    std::string all;
    sorter.drain([&](bson_view document) {
        all += to_json(document).as<std::string>();
        return true;
    });
    CHECK(sorter.held_bytes() == 0);
    return all;
}

}  // namespace

TEST_CASE(
    "documents come in the order of their keys, missing ones as null, equal ones as they came") {
    CHECK(sorted(R"({"a":1})", {R"({"a":3})", R"({"a":"x"})", R"({})", R"({"a":1.5})"}) ==
          R"({}{"a":1.5}{"a":3}{"a":"x"})");
    CHECK(
        sorted(R"({"a":-1,"b":1})", {R"({"a":1,"b":2})", R"({"a":2,"b":2})", R"({"a":2,"b":1})"}) ==
        R"({"a":2,"b":1}{"a":2,"b":2}{"a":1,"b":2})");
    CHECK(sorted(R"({"a":1})", {R"({"a":1,"n":1})", R"({"a":1.0,"n":2})", R"({"a":1,"n":3})"}) ==
          R"({"a":1,"n":1}{"a":1.0,"n":2}{"a":1,"n":3})");
}

TEST_CASE("an array counts by its least element ascending and by its greatest descending") {
    const std::vector<const char*> documents = {R"({"a":[5,1]})", R"({"a":3})", R"({"a":[]})",
                                                R"({"a":[4,2]})"};
    CHECK(sorted(R"({"a":1})", documents) == R"({"a":[]}{"a":[5,1]}{"a":[4,2]}{"a":3})");
    CHECK(sorted(R"({"a":-1})", documents) == R"({"a":[5,1]}{"a":[4,2]}{"a":3}{"a":[]})");
    CHECK(sorted(R"({"a.b":-1})", {R"({"a":[{"b":1},{"b":9}]})", R"({"a":{"b":5}})"}) ==
          R"({"a":[{"b":1},{"b":9}]}{"a":{"b":5}})");
}

TEST_CASE("bytes that are no document are no sort order") {
    const bytes whole = parse_json(R"({"a":1})").value();
    for (const bytes_view wrong : {bytes_view{}, {"garbage", 7}, whole.view().first(9)}) {
        const auto refused = sort_order::compile(bson_view{wrong});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
    }
}

TEST_CASE("keeping the first k gives the first k of all, and holds no more than k documents") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        chance random{seed};
        const sort_order by = order(random.one_in(2) ? R"({"a":1,"b":-1})" : R"({"b":-1})");
        const std::size_t keep = random.below(20);
        document_sorter all{by, document_sorter::no_bound, 1 << 24};
        document_sorter first{by, keep, 1 << 24};
        for (int i = 0; i < 60; ++i) {
            const bytes document = random_document(random, 2);
            REQUIRE(all.add(bson_view{document}));
            REQUIRE(first.add(bson_view{document}));
        }
        std::vector<bytes> wanted;
        all.drain([&](bson_view document) {
            wanted.emplace_back(document.document());
            return true;
        });
        CHECK(std::is_sorted(wanted.begin(), wanted.end(), [&](const bytes& a, const bytes& b) {
            std::vector<bson_value> left;
            std::vector<bson_value> right;
            by.values_of(bson_view{a}, left);
            by.values_of(bson_view{b}, right);
            return by.compare(left, right) < 0;
        }));
        std::size_t at = 0;
        first.drain([&](bson_view document) {
            CHECK(document.document() == wanted[at++].view());
            return true;
        });
        CHECK(at == keep);
    }
}

TEST_CASE("memory stays with the k best, and without a bound the limit is an error") {
    const sort_order by = order(R"({"a":1})");
    document_sorter few{by, 10, 4096};
    document_sorter all{by, document_sorter::no_bound, 4096};
    result<void> last;
    bson_writer writer;
    for (int i = 10'000; i > 0; --i) {
        const bytes document = writer.add("a", i).finish();
        REQUIRE(few.add(bson_view{document}));
        CHECK(few.held_bytes() <= 4096);
        if (last) last = all.add(bson_view{document});
    }
    REQUIRE_FALSE(last);
    CHECK(last.error().code() == error_code::out_of_memory);
}

TEST_CASE("a direction is 1 or -1, and _id ascending is the order of the rows") {
    for (const char* const wrong : {R"({"a":2})", R"({"a":"up"})", R"({"a":0})", R"({"a..b":1})"})
        CHECK(sort_order::compile(bson_view{parse_json(wrong).value()}).error().code() ==
              error_code::invalid_argument);
    CHECK(order(R"({"_id":1})").is_by_id());
    CHECK_FALSE(order(R"({"_id":-1})").is_by_id());
    CHECK_FALSE(order(R"({"_id":1,"a":1})").is_by_id());
}
