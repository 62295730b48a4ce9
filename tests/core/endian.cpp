// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/endian.hpp>

#include <doctest/doctest.h>

#include <limits>

namespace {

template <class T>
void round_trips_at_every_alignment() {
    const T samples[] = {0, 1, static_cast<T>(0x0123456789abcdefULL),
                         std::numeric_limits<T>::max()};
    for (std::size_t offset = 0; offset < 8; ++offset) {
        for (const T sample : samples) {
            std::byte buffer[24] = {};
            mantis::store_le(buffer + offset, sample);
            CHECK(mantis::load_le<T>(buffer + offset) == sample);
            mantis::store_be(buffer + offset, sample);
            CHECK(mantis::load_be<T>(buffer + offset) == sample);
            for (std::size_t at = 0; at < sizeof buffer; ++at)
                if (at < offset || at >= offset + sizeof(T)) CHECK(buffer[at] == std::byte{0});
        }
    }
}

}  // namespace

TEST_CASE("little-endian puts the low byte first, big-endian the high byte") {
    std::byte buffer[8];
    mantis::store_le(buffer, std::uint32_t{0x01020304});
    CHECK(buffer[0] == std::byte{4});
    CHECK(buffer[3] == std::byte{1});
    mantis::store_be(buffer, std::uint32_t{0x01020304});
    CHECK(buffer[0] == std::byte{1});
    CHECK(buffer[3] == std::byte{4});
    mantis::store_be(buffer, std::uint64_t{0x0102030405060708});
    CHECK(mantis::load_le<std::uint64_t>(buffer) == 0x0807060504030201);
    CHECK(mantis::load_be<std::uint16_t>(buffer + 6) == 0x0708);
}

TEST_CASE("every unsigned width round trips at every alignment and touches nothing beside it") {
    round_trips_at_every_alignment<std::uint8_t>();
    round_trips_at_every_alignment<std::uint16_t>();
    round_trips_at_every_alignment<std::uint32_t>();
    round_trips_at_every_alignment<std::uint64_t>();
}
