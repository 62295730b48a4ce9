// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/key_encoding.hpp>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

using mantis::bytes;
using mantis::bytes_view;
using mantis::key_reader;
using mantis::key_writer;

namespace {

void add(key_writer& key, std::int64_t value) { key.add_int64(value); }
void add(key_writer& key, std::uint64_t value) { key.add_uint64(value); }
void add(key_writer& key, double value) { key.add_double(value); }
void add(key_writer& key, bool value) { key.add_bool(value); }
void add(key_writer& key, std::uint8_t value) { key.add_tag(value); }
void add(key_writer& key, const std::string& value) { key.add_bytes(value); }

bool read(key_reader& key, std::int64_t& value) { return key.read_int64(value); }
bool read(key_reader& key, std::uint64_t& value) { return key.read_uint64(value); }
bool read(key_reader& key, double& value) { return key.read_double(value); }
bool read(key_reader& key, bool& value) { return key.read_bool(value); }
bool read(key_reader& key, std::uint8_t& value) { return key.read_tag(value); }
bool read(key_reader& key, std::string& value) {
    bytes decoded;
    if (!key.read_bytes(decoded)) return false;
    value = decoded.as<std::string>();
    return true;
}

template <class... T>
bytes encoded(const T&... values) {
    key_writer key;
    (add(key, values), ...);
    return key.take();
}
template <class... T>
bytes encoded(const std::tuple<T...>& values) {
    return std::apply([](const auto&... each) { return encoded(each...); }, values);
}

int sign(std::strong_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }
template <class T>
int order_of(const T& a, const T& b) {
    return a < b ? -1 : b < a ? 1 : 0;
}
int order_of(const std::string& a, const std::string& b) {
    return sign(bytes_view{a} <=> bytes_view{b});
}
template <class... T>
int order_of(const std::tuple<T...>& a, const std::tuple<T...>& b) {
    int order = 0;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        ((order = order != 0 ? order : order_of(std::get<I>(a), std::get<I>(b))), ...);
    }
    (std::index_sequence_for<T...>{});
    return order;
}

template <class T>
void keeps_order_and_value(const std::vector<T>& values) {
    for (const T& a : values) {
        const bytes key = encoded(a);
        key_reader reader{key};
        T back{};
        CHECK(read(reader, back));
        CHECK(reader.empty());
        CHECK(order_of(a, back) == 0);
        for (const T& b : values) CHECK(sign(key <=> encoded(b)) == order_of(a, b));
    }
}

// Text over a tiny alphabet with the bytes that matter, so that prefixes and escapes meet.
rc::Gen<std::string> awkward_text() {
    return rc::gen::container<std::string>(rc::gen::element('\0', '\1', 'a', '\xfe', '\xff'));
}
// Numbers of all magnitudes: any bits that are not a NaN.
rc::Gen<double> any_double() {
    return rc::gen::map(rc::gen::suchThat(rc::gen::arbitrary<std::uint64_t>(),
                                          [](std::uint64_t bits) {
                                              return !std::isnan(std::bit_cast<double>(bits));
                                          }),
                        [](std::uint64_t bits) { return std::bit_cast<double>(bits); });
}

template <class Gen>
void property_round_trip_and_order(const char* what, Gen gen) {
    CHECK(rc::check(what, [gen] {
        const auto a = *gen;
        const auto b = *gen;
        RC_ASSERT(sign(encoded(a) <=> encoded(b)) == order_of(a, b));
        auto back = b;
        const bytes key = encoded(a);
        key_reader reader{key};
        RC_ASSERT(read(reader, back));
        RC_ASSERT(reader.empty());
        RC_ASSERT(order_of(a, back) == 0);
    }));
}

using composite = std::tuple<std::string, double, std::int64_t, bool, std::string, std::uint64_t>;

rc::Gen<composite> any_composite() {
    // Few choices a place, so that two of them often agree on a prefix.
    return rc::gen::tuple(rc::gen::resize(2, awkward_text()),
                          rc::gen::oneOf(rc::gen::element(-1.0, -0.0, 0.0, 2.5), any_double()),
                          rc::gen::inRange<std::int64_t>(-1, 2), rc::gen::arbitrary<bool>(),
                          rc::gen::resize(2, awkward_text()),
                          rc::gen::inRange<std::uint64_t>(0, 3));
}

}  // namespace

TEST_CASE("integers sort as numbers, at the edges too") {
    using signed_limits = std::numeric_limits<std::int64_t>;
    keeps_order_and_value<std::int64_t>({signed_limits::min(), signed_limits::min() + 1, -256, -255,
                                         -1, 0, 1, 255, 256, signed_limits::max()});
    keeps_order_and_value<std::uint64_t>(
        {0, 1, 255, 256, std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max()});
    keeps_order_and_value<bool>({false, true});
    keeps_order_and_value<std::uint8_t>({0, 1, 127, 128, 255});
}

TEST_CASE("doubles sort as numbers, subnormals and infinities too") {
    using limits = std::numeric_limits<double>;
    keeps_order_and_value<double>({-limits::infinity(), -limits::max(), -1.5, -1.0, -limits::min(),
                                   -limits::denorm_min(), 0.0, limits::denorm_min(), limits::min(),
                                   1.0, 1.5, limits::max(), limits::infinity()});
}

TEST_CASE("minus zero is zero, and every NaN is one that sorts before all numbers") {
    CHECK(encoded(-0.0) == encoded(0.0));
    const double quiet = std::numeric_limits<double>::quiet_NaN();
    CHECK(encoded(quiet) == encoded(-quiet));
    CHECK(encoded(quiet) == encoded(std::bit_cast<double>(std::uint64_t{0xfff0'0000'0000'0001})));
    CHECK(encoded(quiet) < encoded(-std::numeric_limits<double>::infinity()));
    const bytes key = encoded(quiet);
    key_reader reader{key};
    double back = 0;
    REQUIRE(reader.read_double(back));
    CHECK(std::isnan(back));
}

TEST_CASE("text sorts by bytes, a prefix first, zero bytes included") {
    using namespace std::string_literals;
    keeps_order_and_value<std::string>({""s, "\0"s, "\0\0"s, "\0\1"s, "\0\xff"s, "\1"s, "a"s,
                                        "a\0"s, "a\0\xff"s, "a\1"s, "aa"s, "ab"s, "b"s, "\xfe"s,
                                        "\xff"s, "\xff\0"s, "\xff\xff"s});
}

TEST_CASE("the bytes are the documented ones") {
    const auto is = [](const bytes& key, std::initializer_list<int> expected) {
        REQUIRE(key.size() == expected.size());
        std::size_t at = 0;
        for (const int byte : expected) CHECK(std::to_integer<int>(key[at++]) == byte);
    };
    is(encoded(std::int64_t{-2}), {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe});
    is(encoded(std::uint64_t{258}), {0, 0, 0, 0, 0, 0, 1, 2});
    is(encoded(1.0), {0xbf, 0xf0, 0, 0, 0, 0, 0, 0});
    is(encoded(-1.0), {0x40, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    is(encoded(std::string{"a\0b", 3}), {'a', 0, 0xff, 'b', 0, 0});
    is(encoded(true, std::uint8_t{7}), {1, 7});
}

TEST_CASE("a longer first value never lets a later value decide") {
    // Joined without terminators, ("a", "z") and ("ab", "") would sort the wrong way round.
    CHECK(encoded(std::string{"a"}, std::string{"z"}) < encoded(std::string{"ab"}, std::string{}));
    CHECK(encoded(std::string{"a"}, std::uint8_t{0xff}) <
          encoded(std::string{"a\0", 2}, std::uint8_t{0}));
}

TEST_CASE("property: each type round trips and keeps its order") {
    property_round_trip_and_order("int64", rc::gen::arbitrary<std::int64_t>());
    property_round_trip_and_order("uint64", rc::gen::arbitrary<std::uint64_t>());
    property_round_trip_and_order("double from any bits", any_double());
    property_round_trip_and_order("double near zero", rc::gen::arbitrary<double>());
    property_round_trip_and_order("bool", rc::gen::arbitrary<bool>());
    property_round_trip_and_order("text", rc::gen::arbitrary<std::string>());
    property_round_trip_and_order("text of awkward bytes", awkward_text());
}

TEST_CASE("property: composites sort by the first value that differs, and round trip") {
    CHECK(rc::check("composites", [] {
        const composite a = *any_composite();
        const composite b = *any_composite();
        const bytes key = encoded(a);
        RC_ASSERT(sign(key <=> encoded(b)) == order_of(a, b));
        key_reader reader{key};
        composite back;
        RC_ASSERT(std::apply([&](auto&... each) { return (read(reader, each) && ...); }, back));
        RC_ASSERT(reader.empty());
        RC_ASSERT(order_of(a, back) == 0);
    }));
}

TEST_CASE(
    "property: whatever the bytes are, a read that succeeds took the one encoding of its value") {
    CHECK(rc::check("canonical", [] {
        const std::vector<std::uint8_t> input = *rc::gen::container<std::vector<std::uint8_t>>(
            rc::gen::element<std::uint8_t>(0, 0, 1, 0x7f, 0x80, 0xf0, 0xff));
        const bytes_view all{input};
        const auto canonical = [&](auto value) {
            key_reader reader{all};
            if (read(reader, value))
                RC_ASSERT(encoded(value) == bytes{all.first(all.size() - reader.remaining())});
            else RC_ASSERT(reader.rest() == all);
        };
        canonical(std::int64_t{});
        canonical(double{});
        canonical(bool{});
        canonical(std::string{});
    }));
}

TEST_CASE(
    "a second zero, a second NaN, a third bool and a broken escape are refused and leave the "
    "reader") {
    const auto refuses = [](std::initializer_list<int> raw, auto value) {
        bytes key;
        for (const int byte : raw) key.push_back(static_cast<std::byte>(byte));
        key_reader reader{key};
        CHECK_FALSE(read(reader, value));
        CHECK(reader.remaining() == key.size());
    };
    refuses({0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0.0);  // -0.0 as its bits would be
    refuses({0, 0, 0, 0, 0, 0, 0, 1}, 0.0);
    refuses({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0.0);
    refuses({2}, false);
    refuses({}, false);
    refuses({1, 2, 3, 4, 5, 6, 7}, std::uint64_t{0});
    refuses({'a'}, std::string{});
    refuses({'a', 0}, std::string{});
    refuses({'a', 0, 1}, std::string{});
    refuses({'a', 0, 0xff}, std::string{});
}
