// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/bson_type.hpp>

#include <doctest/doctest.h>

using namespace mantis;

TEST_CASE("exactly the ten stored types are stored types, and each has a name") {
    std::size_t stored = 0;
    for (unsigned code = 0; code < 256; ++code) {
        if (!stored_type(static_cast<std::uint8_t>(code))) continue;
        ++stored;
        CHECK(bytes_view{name_of(static_cast<bson_type>(code))} != bytes_view{"unknown"});
    }
    CHECK(stored == 10);
    CHECK_FALSE(stored_type(0x00));
    CHECK_FALSE(stored_type(0x07));  // ObjectId
}

TEST_CASE("a payload's size never reaches past the bytes it is in") {
    const auto size_in = [](bson_type type, bytes_view from) {
        std::size_t size = 77;
        return detail::payload_size(type, from, size) ? size : 77;
    };
    CHECK(size_in(bson_type::int32, {"\1\0\0\0", 4}) == 4);
    CHECK(size_in(bson_type::int32, {"\1\0\0", 3}) == 77);
    CHECK(size_in(bson_type::text, {"\2\0\0\0a\0zz", 8}) == 6);
    CHECK(size_in(bson_type::text, {"\3\0\0\0a\0", 6}) == 77);
    CHECK(size_in(bson_type::text, {"\0\0\0\0a\0", 6}) == 77);
    CHECK(size_in(bson_type::text, {"\xff\xff\xff\xff\0\0", 6}) == 77);
    CHECK(size_in(bson_type::binary, {"\0\0\0\0\0", 5}) == 5);
    CHECK(size_in(bson_type::binary, {"\0\0\0\0", 4}) == 77);
    CHECK(size_in(bson_type::document, {"\5\0\0\0\0", 5}) == 5);
    CHECK(size_in(bson_type::document, {"\4\0\0\0\0", 5}) == 77);
    CHECK(size_in(bson_type::null, {}) == 0);
    CHECK(size_in(static_cast<bson_type>(0x07), {"0123456789abcdef", 16}) == 77);
}
