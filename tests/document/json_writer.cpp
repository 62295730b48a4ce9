// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/json_writer.hpp>
#include <mantis/document/owned_value.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

using namespace mantis;
using namespace mantis_test;

namespace {

template <class Value>
std::string written(const Value& value) {
    return to_json(owned_value{value}.view()).template as<std::string>();
}

}  // namespace

TEST_CASE("doubles stay doubles and take the fewest digits that give them back") {
    CHECK(written(0.1) == "0.1");
    CHECK(written(1.0) == "1.0");
    CHECK(written(-0.0) == "-0.0");
    CHECK(written(100000.0) == "100000.0");
    CHECK(written(0.00001) == "0.00001");
    CHECK(written(1e22) == "1e+22");
    CHECK(written(5e-324) == "5e-324");
    CHECK(written(1.7976931348623157e308) == "1.7976931348623157e+308");
    CHECK(written(9007199254740993.0) == "9007199254740992.0");
    CHECK(written(std::nan("")) == R"({"$numberDouble":"NaN"})");
    CHECK(written(-std::numeric_limits<double>::infinity()) == R"({"$numberDouble":"-Infinity"})");
    for (std::uint64_t seed = 1; seed < 20'000; ++seed) {
        const double value = std::bit_cast<double>(chance{seed}.bits());
        if (!std::isfinite(value)) continue;
        const std::string text = written(value);
        CHECK(std::strtod(text.c_str(), nullptr) == value);
        CHECK(text.find_first_of(".e") != std::string::npos);
    }
}

TEST_CASE("integers are plain digits") {
    CHECK(written(0) == "0");
    CHECK(written(INT64_MIN) == "-9223372036854775808");
    CHECK(written(INT64_MAX) == "9223372036854775807");
}

TEST_CASE("only what JSON demands is escaped") {
    CHECK(written("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9") ==
          "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\"");
    bson_writer writer;
    CHECK(to_json(bson_view{writer.add({"k\0\"", 3}, 1).finish()}) ==
          bytes{"{\"k\\u0000\\\"\":1}"});
}

TEST_CASE("dates outside four-digit years, and binary, have their extended form") {
    CHECK(written(date_time{0}) == R"({"$date":"1970-01-01T00:00:00Z"})");
    CHECK(written(date_time{253402300800000}) == R"({"$date":{"$numberLong":"253402300800000"}})");
    CHECK(written(binary_view{{"\xff", 1}, 0x80}) ==
          R"({"$binary":{"base64":"/w==","subType":"80"}})");
}

TEST_CASE("indented text has one field a line, and nothing inside what is empty") {
    bson_writer writer;
    writer.add("a", 1)
        .begin_array("b")
        .push(true)
        .push_document()
        .end()
        .end()
        .begin_array("c")
        .end();
    const bytes document = writer.finish();
    CHECK(to_json(bson_view{document}) == bytes{R"({"a":1,"b":[true,{}],"c":[]})"});
    CHECK(to_json(bson_view{document}, {.indent = 2}) ==
          bytes{"{\n  \"a\": 1,\n  \"b\": [\n    true,\n    {}\n  ],\n  \"c\": []\n}"});
    CHECK(to_json(bson_view{}, {.indent = 4}) == bytes{"{}"});
}
