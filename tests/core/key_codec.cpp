// SPDX-License-Identifier: BSL-1.0
#include "codec_checks.hpp"

#include <mantis/core/key_codec.hpp>

#include <rapidcheck.h>

#include <cmath>
#include <limits>

using namespace mantis;
using namespace codec_checks;

namespace {

enum class level : std::int8_t { low = -100, middle = 0, high = 100 };

struct place {
    std::string country;
    std::int16_t height = 0;
    std::string name;
    using stored = members<&place::country, &place::height, &place::name>;
    friend bool operator==(const place& a, const place& b) = default;
    friend bool operator<(const place& a, const place& b) {
        return std::tie(a.country, a.height, a.name) < std::tie(b.country, b.height, b.name);
    }
};

// mantis::bytes compare, too.
template <class T>
int order_of(const T& a, const T& b) {
    return a < b ? -1 : b < a ? 1 : 0;
}

template <class T>
void keeps_order_of_all(const std::vector<T>& values) {
    using codec = key_codec<T>;
    for (const T& a : values) {
        CHECK(round_trips<codec>(a));
        CHECK(refuses_other_lengths<codec>(a));
        for (const T& b : values) {
            CHECK(sign(encoding_of<codec>(a) <=> encoding_of<codec>(b)) == order_of(a, b));
            CHECK(sign(inner_encoding_of<codec>(a) <=> inner_encoding_of<codec>(b)) ==
                  order_of(a, b));
        }
    }
}

template <class T>
std::vector<T> edges() {
    using limits = std::numeric_limits<T>;
    return {limits::min(), static_cast<T>(limits::min() + 1), T{0},          T{1},
            T{127},        static_cast<T>(limits::max() / 2), limits::max(), static_cast<T>(-1)};
}

// Few different bytes, so that values agree on a prefix, and the bytes that escapes are made of.
rc::Gen<std::string> awkward_text() {
    return rc::gen::container<std::string>(rc::gen::element('\0', '\1', 'a', '\xfe', '\xff'));
}

template <class T>
void property_of(const char* what, rc::Gen<T> gen) {
    using codec = key_codec<T>;
    CHECK(rc::check(what, [gen] {
        const T a = *gen;
        const T b = *gen;
        RC_ASSERT(sign(encoding_of<codec>(a) <=> encoding_of<codec>(b)) == order_of(a, b));
        RC_ASSERT(sign(inner_encoding_of<codec>(a) <=> inner_encoding_of<codec>(b)) ==
                  order_of(a, b));
        RC_ASSERT(round_trips<codec>(a));
        RC_ASSERT(refuses_other_lengths<codec>(a));
        const bool prefix =
            inner_encoding_of<codec>(b).view().starts_with(inner_encoding_of<codec>(a));
        RC_ASSERT(prefix == (order_of(a, b) == 0));
    }));
}

using composite = std::tuple<std::string, std::int16_t, std::optional<bool>, std::string>;

rc::Gen<composite> any_composite() {
    return rc::gen::tuple(rc::gen::resize(3, awkward_text()), rc::gen::inRange<std::int16_t>(-1, 2),
                          rc::gen::element(std::optional<bool>{}, std::optional<bool>{false},
                                           std::optional<bool>{true}),
                          rc::gen::resize(3, awkward_text()));
}

}  // namespace

TEST_CASE("integers of every width sort as numbers, at the edges too") {
    keeps_order_of_all(edges<std::int8_t>());
    keeps_order_of_all(edges<std::uint8_t>());
    keeps_order_of_all(edges<std::int16_t>());
    keeps_order_of_all(edges<std::uint16_t>());
    keeps_order_of_all(edges<std::int32_t>());
    keeps_order_of_all(edges<std::uint32_t>());
    keeps_order_of_all(edges<std::int64_t>());
    keeps_order_of_all(edges<std::uint64_t>());
    keeps_order_of_all(edges<char>());
    keeps_order_of_all<bool>({false, true});
    keeps_order_of_all<level>({level::low, level::middle, level::high});
}

TEST_CASE("float and double sort as numbers, subnormals and infinities too") {
    const auto numbers = [](auto zero) {
        using T = decltype(zero);
        using limits = std::numeric_limits<T>;
        keeps_order_of_all<T>({-limits::infinity(), -limits::max(), T{-1.5}, -limits::min(),
                               -limits::denorm_min(), zero, limits::denorm_min(), limits::min(),
                               T{1.5}, limits::max(), limits::infinity()});
    };
    numbers(0.0F);
    numbers(0.0);
}

TEST_CASE("minus zero is zero, and every NaN is one, the first of all keys") {
    const auto told = [](auto zero) {
        using T = decltype(zero);
        using codec = key_codec<T>;
        const T nan = std::numeric_limits<T>::quiet_NaN();
        CHECK(encoding_of<codec>(-zero) == encoding_of<codec>(zero));
        CHECK(encoding_of<codec>(nan) == encoding_of<codec>(-nan));
        CHECK(encoding_of<codec>(nan) < encoding_of<codec>(-std::numeric_limits<T>::infinity()));
        T read = 1;
        CHECK(decode<codec>(encoding_of<codec>(-zero), read) == nullptr);
        CHECK_FALSE(std::signbit(read));
        CHECK(decode<codec>(encoding_of<codec>(nan), read) == nullptr);
        CHECK(std::isnan(read));
        // What a second zero or a second NaN would be.
        bytes other = bytes::zeros(sizeof(T));
        other[sizeof(T) - 1] = std::byte{1};
        CHECK(wrong_with<codec, T>(other) == "a second zero, or a second NaN");
        other = bytes{};
        other.append(sizeof(T), std::byte{0xff});
        CHECK(wrong_with<codec, T>(other) == "a second zero, or a second NaN");
        other[0] = std::byte{0x7f};
        CHECK(wrong_with<codec, T>(other) == "a second zero, or a second NaN");
    };
    told(0.0F);
    told(0.0);
}

TEST_CASE("the bytes of a key are the documented ones") {
    CHECK(encoding_of<key_codec<std::int16_t>>(std::int16_t{-2}) == raw({0x7f, 0xfe}));
    CHECK(encoding_of<key_codec<std::uint32_t>>(std::uint32_t{258}) == raw({0, 0, 1, 2}));
    CHECK(encoding_of<key_codec<float>>(1.0F) == raw({0xbf, 0x80, 0, 0}));
    CHECK(encoding_of<key_codec<double>>(-1.0) ==
          raw({0x40, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
    CHECK(encoding_of<key_codec<level>>(level::high) == raw({0xe4}));
    const std::string text("a\0b", 3);
    CHECK(encoding_of<key_codec<std::string>>(text) == raw({'a', 0, 'b'}));
    using pair = std::pair<std::string, std::string>;
    CHECK(encoding_of<key_codec<pair>>(pair{text, text}) ==
          raw({'a', 0, 0xff, 'b', 0, 0, 'a', 0, 'b'}));
    using four = std::array<std::byte, 4>;
    CHECK(encoding_of<key_codec<four>>(four{std::byte{0}, std::byte{255}, std::byte{7}}) ==
          raw({0, 255, 7, 0}));
    using maybe = std::optional<std::uint8_t>;
    CHECK(encoding_of<key_codec<maybe>>(maybe{}) == raw({0}));
    CHECK(encoding_of<key_codec<maybe>>(maybe{7}) == raw({1, 7}));
}

TEST_CASE("numbers of 64 bits and text in the middle are what a key_writer writes") {
    using key = std::tuple<std::string, double, std::int64_t, std::uint64_t, bool>;
    const key one{std::string("a\0b", 3), -2.5, -7, 7, true};
    key_writer writer;
    writer.add_bytes(std::get<0>(one)).add_double(-2.5).add_int64(-7).add_uint64(7).add_bool(true);
    CHECK(encoding_of<key_codec<key>>(one).view() == writer.key());
}

TEST_CASE("a longer first field never lets a later one decide") {
    using key = std::pair<std::string, std::string>;
    using codec = key_codec<key>;
    CHECK(encoding_of<codec>(key{"a", "z"}) < encoding_of<codec>(key{"ab", ""}));
    CHECK(encoding_of<codec>(key{"a", "\xff"}) <
          encoding_of<codec>(key{std::string("a\0", 2), ""}));
}

TEST_CASE("property: keys sort as their values do, round trip, and no key begins another") {
    property_of("int8", rc::gen::arbitrary<std::int8_t>());
    property_of("uint16", rc::gen::arbitrary<std::uint16_t>());
    property_of("int32", rc::gen::arbitrary<std::int32_t>());
    property_of("int64", rc::gen::arbitrary<std::int64_t>());
    property_of("double", rc::gen::arbitrary<double>());
    property_of("float", rc::gen::arbitrary<float>());
    property_of("text", rc::gen::arbitrary<std::string>());
    property_of("awkward text", awkward_text());
    property_of("array",
                rc::gen::container<std::array<std::string, 2>>(rc::gen::resize(3, awkward_text())));
    property_of("bytes", rc::gen::container<std::array<std::uint8_t, 3>>(
                             rc::gen::element<std::uint8_t>(0, 1, 255)));
    property_of("composite", any_composite());
    property_of("nested", rc::gen::pair(any_composite(), rc::gen::resize(3, awkward_text())));
    property_of("members", rc::gen::map(any_composite(), [](const composite& from) {
                    return place{std::get<0>(from), std::get<1>(from), std::get<3>(from)};
                }));
}

TEST_CASE("property: whatever the bytes are, what is read from them is written as them") {
    CHECK(rc::check("canonical", [] {
        const auto input = *rc::gen::container<std::vector<std::uint8_t>>(
            rc::gen::element<std::uint8_t>(0, 0, 1, 2, 0x7f, 0x80, 0xff));
        const bytes from{bytes_view{input}};
        RC_ASSERT((reads_only_what_it_writes<key_codec<std::int16_t>, std::int16_t>(from)));
        RC_ASSERT((reads_only_what_it_writes<key_codec<float>, float>(from)));
        RC_ASSERT((reads_only_what_it_writes<key_codec<bool>, bool>(from)));
        RC_ASSERT((reads_only_what_it_writes<key_codec<composite>, composite>(from)));
        RC_ASSERT((reads_only_what_it_writes<key_codec<place>, place>(from)));
    }));
}

TEST_CASE("what no key has is said: a third bool, a broken escape, an end that is not there") {
    CHECK(wrong_with<key_codec<bool>, bool>(raw({2})) == "a bool that is neither 0 nor 1");
    using key = std::pair<std::string, bool>;
    const auto wrong = [](std::initializer_list<int> from) {
        return wrong_with<key_codec<key>, key>(raw(from));
    };
    CHECK(wrong({'a', 0, 0, 1}).empty());
    CHECK(wrong({'a', 0, 1, 1}) == "a zero byte in a text that no text has");
    CHECK(wrong({'a'}) == "a text without its end");
    CHECK(wrong({'a', 0}) == "a text without its end");
    CHECK(wrong({'a', 0, 0xff}) == "a text without its end");
    CHECK(wrong({'a', 0, 0}) == "fewer bytes than its type takes");
    CHECK(wrong({'a', 0, 0, 1, 1}) == "bytes behind its end");
}
