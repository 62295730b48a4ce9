// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/byte_reader.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <vector>

using mantis::byte_reader;
using mantis::bytes;
using mantis::bytes_view;

TEST_CASE("what was written is read back in order, to the last byte") {
    bytes record;
    record.push_back(std::byte{9});
    record.append(2, std::byte{0});
    mantis::store_le(record.data() + 1, std::uint16_t{0x1234});
    mantis::append_varint(record, 1'000'000);
    mantis::append_sized(record, "name");
    mantis::append_sized(record, "");
    record.append("tail");

    byte_reader reader{record};
    std::uint8_t kind = 0;
    std::uint16_t flags = 0;
    std::uint64_t number = 0;
    bytes_view name, none, tail;
    REQUIRE(reader.read_u8(kind));
    REQUIRE(reader.read_le(flags));
    REQUIRE(reader.read_varint(number));
    REQUIRE(reader.read_sized(name));
    REQUIRE(reader.read_sized(none));
    CHECK(reader.rest() == "tail");
    CHECK(reader.remaining() == 4);
    CHECK(reader.position() == record.size() - 4);
    REQUIRE(reader.read_bytes(4, tail));
    CHECK(kind == 9);
    CHECK(flags == 0x1234);
    CHECK(number == 1'000'000);
    CHECK(name == "name");
    CHECK(none.empty());
    CHECK(tail == "tail");
    CHECK(reader.empty());
}

TEST_CASE("a read past the end changes neither the reader nor the value") {
    const bytes three{"abc"};
    byte_reader reader{three};
    REQUIRE(reader.skip(1));
    std::uint32_t number = 7;
    bytes_view view{"kept"};
    CHECK_FALSE(reader.read_le(number));
    CHECK_FALSE(reader.read_bytes(3, view));
    CHECK_FALSE(reader.read_bytes(std::numeric_limits<std::size_t>::max(), view));
    CHECK_FALSE(reader.skip(3));
    CHECK(number == 7);
    CHECK(view == "kept");
    CHECK(reader.position() == 1);
}

TEST_CASE("a length longer than what follows is refused and the length is not consumed") {
    for (const std::uint64_t size :
         {std::uint64_t{5}, std::uint64_t{1} << 40, std::numeric_limits<std::uint64_t>::max()}) {
        bytes record;
        mantis::append_varint(record, size);
        record.append("four");
        byte_reader reader{record};
        bytes_view view;
        CHECK_FALSE(reader.read_sized(view));
        CHECK(reader.position() == 0);
        CHECK(view.empty());
    }
}

TEST_CASE("an empty reader refuses everything but zero bytes") {
    byte_reader reader;
    std::uint8_t byte = 0;
    std::uint64_t number = 0;
    bytes_view view;
    CHECK(reader.empty());
    CHECK_FALSE(reader.read_u8(byte));
    CHECK_FALSE(reader.read_varint(number));
    CHECK_FALSE(reader.read_sized(view));
    CHECK(reader.read_bytes(0, view));
}

TEST_CASE("random reads of random bytes never pass the end") {
    std::mt19937_64 random{3};
    std::uint64_t refused = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::vector<std::uint8_t> input(random() %
                                        40);  // exact size: a sanitizer sees a read past the end
        for (auto& byte : input)
            byte = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : random() % 8);
        byte_reader reader{input};
        for (int step = 0; step < 20; ++step) {
            const std::size_t before = reader.position();
            bytes_view view;
            std::uint8_t u8 = 0;
            std::uint64_t u64 = 0;
            bool done = false;
            switch (random() % 5) {
                case 0: done = reader.read_u8(u8); break;
                case 1: done = reader.read_varint(u64); break;
                case 2: done = reader.read_sized(view); break;
                case 3: done = reader.read_le(u64); break;
                default: done = reader.read_bytes(random() % 50, view); break;
            }
            for (const std::byte byte : view)
                u8 = static_cast<std::uint8_t>(u8 ^ std::to_integer<int>(byte));
            REQUIRE(reader.position() <= input.size());
            REQUIRE(reader.position() + reader.remaining() == input.size());
            if (!done) {
                ++refused;
                REQUIRE(reader.position() == before);
            }
        }
    }
    CHECK(refused > 1000);
}
