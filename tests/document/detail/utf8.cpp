// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/detail/utf8.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace mantis;
using namespace mantis::detail;

namespace {

std::string encoded(unsigned point) {
    std::string made;
    const auto tail = [&](unsigned shift) {
        made.push_back(static_cast<char>(0x80 | (point >> shift & 0x3f)));
    };
    if (point < 0x80) made.push_back(static_cast<char>(point));
    else if (point < 0x800) made.push_back(static_cast<char>(0xc0 | point >> 6)), tail(0);
    else if (point < 0x10000)
        made.push_back(static_cast<char>(0xe0 | point >> 12)), tail(6), tail(0);
    else made.push_back(static_cast<char>(0xf0 | point >> 18)), tail(12), tail(6), tail(0);
    return made;
}

}  // namespace

TEST_CASE("exactly the scalar values are valid, at any place in a text") {
    for (unsigned point = 0; point < 0x120000; point += point < 0x11000 ? 1 : 97) {
        const bool scalar = point < 0xd800 || (point > 0xdfff && point < 0x110000);
        if (valid_utf8(encoded(point)) != scalar) FAIL_CHECK("code point " << point);
    }
    CHECK(valid_utf8("plain text of more than eight bytes caf\xc3\xa9 and more"));
    CHECK_FALSE(valid_utf8("plain text of more than eight bytes caf\xc3 and more"));
}

TEST_CASE("over-long forms, lone continuations and cut sequences are invalid") {
    for (const char* const wrong :
         {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xff"}) {
        CHECK_FALSE(valid_utf8(wrong));
        CHECK_FALSE(valid_utf8(std::string(16, 'x') + wrong));
        CHECK_FALSE(valid_utf8(wrong + std::string(16, 'x')));
    }
}

TEST_CASE("a stored name may have C0 80 and nothing else that is not UTF-8") {
    CHECK(valid_stored_name("a\xc0\x80z"));
    CHECK(valid_stored_name("\xc0\x80"));
    CHECK_FALSE(valid_stored_name("a\xc0"));
    CHECK_FALSE(valid_stored_name("\xc0\x81"));
    CHECK_FALSE(valid_stored_name("\x80"));
}
