// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/detail/json_parser.hpp>

#include <doctest/doctest.h>

using namespace mantis;
using namespace mantis::detail;

TEST_CASE("a position counts lines and bytes from one") {
    text_position at;
    at.advance("ab");
    CHECK(at.line() == 1);
    CHECK(at.column() == 3);
    at.advance("c\n\nde");
    CHECK(at.line() == 3);
    CHECK(at.column() == 3);
    at.advance("\n");
    CHECK(at.line() == 4);
    CHECK(at.column() == 1);
}

TEST_CASE("a parser takes what belongs to the value, leaves the rest, and can be used again") {
    text_position at;
    json_parser parser{1000};
    for (int round = 0; round < 2; ++round) {
        CHECK(parser.feed("{\"a\":", at).value() == 5);
        CHECK_FALSE(parser.done());
        CHECK(parser.feed("1}{\"b\"", at).value() == 2);
        CHECK(parser.done());
        CHECK(bson_view{parser.wrapper()}[""].as_document()["a"].as_integer() == 1);
        parser.reset();
    }
}

TEST_CASE("a number at the end of the text is complete when the text is") {
    text_position at;
    json_parser parser{1000};
    CHECK(parser.feed("12", at).value() == 2);
    CHECK_FALSE(parser.done());
    CHECK(parser.finish(at));
    CHECK(bson_view{parser.wrapper()}[""].as_integer() == 12);
}
