// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/varint.hpp>

#include <doctest/doctest.h>

#include <initializer_list>
#include <limits>
#include <random>
#include <vector>

using mantis::bytes;
using mantis::bytes_view;

namespace {

bytes raw(std::initializer_list<int> values) {
    bytes made;
    for (const int value : values) made.push_back(static_cast<std::byte>(value));
    return made;
}

std::vector<std::uint64_t> edges() {
    std::vector<std::uint64_t> values{0, std::numeric_limits<std::uint64_t>::max()};
    for (int bit = 0; bit < 64; ++bit)
        for (std::uint64_t near = 0; near < 3; ++near)
            values.push_back((std::uint64_t{1} << bit) - 1 + near);
    return values;
}

}  // namespace

TEST_CASE("a value takes as many bytes as varint_bytes says and comes back") {
    std::mt19937_64 random{1};
    std::vector<std::uint64_t> values = edges();
    for (int i = 0; i < 100'000; ++i) values.push_back(random() >> random() % 64);
    for (const std::uint64_t value : values) {
        bytes encoded;
        mantis::append_varint(encoded, value);
        REQUIRE(encoded.size() == mantis::varint_bytes(value));
        REQUIRE(encoded.size() <= mantis::max_varint_bytes);
        std::uint64_t back = ~value;
        REQUIRE(mantis::load_varint(encoded, back) == encoded.size());
        REQUIRE(back == value);
    }
}

TEST_CASE("the encoding is LEB128") {
    bytes encoded;
    mantis::append_varint(encoded, 624485);
    CHECK(encoded == raw({0xe5, 0x8e, 0x26}));
}

TEST_CASE("what follows a varint is not read, and append keeps what was there") {
    bytes encoded = raw({7});
    mantis::append_varint(encoded, 300);
    encoded.push_back(std::byte{0xff});
    std::uint64_t value = 0;
    CHECK(mantis::load_varint(encoded.view().from(1), value) == 2);
    CHECK(value == 300);
    CHECK(encoded[0] == std::byte{7});
}

TEST_CASE("every cut of a varint is refused and leaves the value") {
    for (const std::uint64_t value : edges()) {
        bytes encoded;
        mantis::append_varint(encoded, value);
        for (std::size_t size = 0; size < encoded.size(); ++size) {
            std::uint64_t untouched = 42;
            CHECK(mantis::load_varint(encoded.view().first(size), untouched) == 0);
            CHECK(untouched == 42);
        }
    }
}

TEST_CASE("over-long forms and more than 64 bits are refused") {
    std::uint64_t value = 42;
    CHECK(mantis::load_varint(raw({0x80, 0x00}), value) == 0);
    CHECK(mantis::load_varint(raw({0xff, 0x80, 0x00}), value) == 0);
    CHECK(mantis::load_varint(raw({255, 255, 255, 255, 255, 255, 255, 255, 255, 2}), value) == 0);
    CHECK(mantis::load_varint(raw({255, 255, 255, 255, 255, 255, 255, 255, 255, 0x81, 0}), value) ==
          0);
    CHECK(value == 42);
    CHECK(mantis::load_varint(raw({255, 255, 255, 255, 255, 255, 255, 255, 255, 1}), value) == 10);
    CHECK(value == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("random bytes are refused, or are exactly what writing the value again gives") {
    std::mt19937_64 random{2};
    int accepted = 0;
    for (int round = 0; round < 200'000; ++round) {
        std::vector<std::uint8_t> input(random() %
                                        13);  // exact size: a sanitizer sees a read past the end
        for (auto& byte : input)
            byte = static_cast<std::uint8_t>(random() % 4 == 0 ? random() % 128 : random() | 128);
        std::uint64_t value = 0;
        const std::size_t taken = mantis::load_varint(bytes_view{input}, value);
        if (taken == 0) continue;
        ++accepted;
        REQUIRE(taken <= input.size());
        bytes again;
        mantis::append_varint(again, value);
        REQUIRE(again == bytes{bytes_view{input}.first(taken)});
    }
    CHECK(accepted > 1000);
}
