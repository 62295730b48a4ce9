// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using mantis::bytes;
using mantis::bytes_view;
using namespace std::string_literals;

static_assert(mantis::byte_range<std::string> && mantis::byte_range<std::vector<std::byte>>);
static_assert(!mantis::byte_range<std::vector<int>> && !mantis::byte_range<int>);
static_assert(std::is_nothrow_move_constructible_v<bytes> &&
              std::is_trivially_copyable_v<bytes_view>);

TEST_CASE("a view is made from any run of one-byte elements, and gives it back as text") {
    const std::string text = "a\0b"s;
    const std::vector<std::uint8_t> numbers{'a', 0, 'b'};
    CHECK(bytes_view{text} == bytes_view{numbers});
    CHECK(bytes_view{text}.size() == 3);
    CHECK(bytes_view{"a\0b"}.size() == 1);  // a literal ends at its first zero
    CHECK(bytes_view{std::string_view{text}}.as<std::string>() == text);
    CHECK(bytes_view{bytes{text}}.as<std::string_view>() == "a\0b"s);
}

TEST_CASE("order is by unsigned byte, a prefix before what it is a prefix of") {
    const std::vector<std::string> sorted{"",   "\0"s, "\0\0"s, "a",    "a\0"s,
                                          "aa", "b",   "\x7f",  "\x80", "\xff"};
    for (std::size_t i = 0; i < sorted.size(); ++i)
        for (std::size_t j = 0; j < sorted.size(); ++j) {
            CHECK((bytes_view{sorted[i]} <=> bytes_view{sorted[j]}) == (i <=> j));
            CHECK((bytes{sorted[i]} <=> bytes{sorted[j]}) == (i <=> j));
            CHECK((bytes_view{sorted[i]} == bytes_view{sorted[j]}) == (i == j));
        }
}

TEST_CASE("parts of a view are where they should be, empty ones too") {
    const bytes_view word{"mantis"};
    CHECK(word.from(3) == "tis");
    CHECK(word.from(6).empty());
    CHECK(word.first(3) == "man");
    CHECK(word.part(1, 2) == "an");
    CHECK(word.starts_with("man"));
    CHECK(word.starts_with(""));
    CHECK_FALSE(word.starts_with("mantissa"));
    CHECK_FALSE(word.starts_with("tis"));
    CHECK(bytes_view{} == "");
    CHECK(bytes_view{}.starts_with({}));
    CHECK(bytes_view{}.from(0).empty());
}

TEST_CASE("an owner grows, is cut, and pads with zeros") {
    bytes owned;
    for (int i = 0; i < 1000; ++i) owned.push_back(static_cast<char>('a' + i % 26));
    CHECK(owned.size() == 1000);
    CHECK(owned.capacity() >= 1000);
    CHECK(owned[999] == std::byte{'a' + 999 % 26});
    owned.resize(2);
    CHECK(owned.view() == "ab");
    owned.resize(4);
    CHECK(owned.view() == "ab\0\0"s);
    owned.append(2, std::byte{'z'});
    owned.append(bytes_view{});
    CHECK(owned.view() == "ab\0\0zz"s);
    owned.assign("new");
    CHECK(owned.view() == "new");
    owned.clear();
    CHECK(owned.empty());
    CHECK(bytes::zeros(3).view() == "\0\0\0"s);
}

TEST_CASE("reserve allocates once, and appends within it do not move the bytes") {
    bytes owned{"x"};
    owned.reserve(100);
    const std::byte* const where = owned.data();
    owned.append(99, std::byte{'y'});
    CHECK(owned.data() == where);
    CHECK(owned.capacity() == 100);
    CHECK(owned[0] == std::byte{'x'});
}

TEST_CASE("a copy is its own, a moved-from owner is empty and usable") {
    bytes first{"first"};
    bytes copy{first};
    copy[0] = std::byte{'F'};
    CHECK(first.view() == "first");
    const std::byte* const where = first.data();
    bytes moved{std::move(first)};
    CHECK(moved.data() == where);
    CHECK(first.empty());  // NOLINT(bugprone-use-after-move)
    first.append("again");
    CHECK(first.view() == "again");
    moved = copy;
    CHECK(moved.view() == "First");
    bytes& same = moved;
    moved = same;
    CHECK(moved.view() == "First");
    moved = std::move(same);
    CHECK(moved.view() == "First");
    moved.swap(first);
    CHECK(moved.view() == "again");
    CHECK(first.view() == "First");
}
