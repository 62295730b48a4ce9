// SPDX-License-Identifier: BSL-1.0
#include "codec_checks.hpp"

#include <mantis/core/value_codec.hpp>

#include <rapidcheck.h>

#include <cmath>
#include <limits>

using namespace mantis;
using namespace codec_checks;

namespace {

enum class kind : std::uint16_t { tea = 1, milk = 0x0203 };

struct order {
    std::string item;
    std::optional<double> price;
    std::vector<std::string> notes;
    kind of = kind::tea;
    bool paid = false;
    using stored = members<&order::item, &order::price, &order::notes, &order::of, &order::paid>;
    friend bool operator==(const order&, const order&) = default;
};

rc::Gen<std::string> short_text() { return rc::gen::resize(4, rc::gen::arbitrary<std::string>()); }

rc::Gen<order> any_order() {
    return rc::gen::build<order>(
        rc::gen::set(&order::item, short_text()),
        rc::gen::set(&order::price,
                     rc::gen::element(std::optional<double>{}, std::optional<double>{2.5})),
        rc::gen::set(&order::notes, rc::gen::resize(3, rc::gen::container<std::vector<std::string>>(
                                                           short_text()))),
        rc::gen::set(&order::of, rc::gen::element(kind::tea, kind::milk)),
        rc::gen::set(&order::paid));
}

template <class T>
void property_of(const char* what, rc::Gen<T> gen) {
    CHECK(rc::check(what, [gen] {
        const T value = *gen;
        RC_ASSERT(round_trips<value_codec<T>>(value));
        RC_ASSERT(refuses_other_lengths<value_codec<T>>(value));
    }));
}

}  // namespace

TEST_CASE("the bytes of a value are the documented ones") {
    CHECK(encoding_of<value_codec<std::int16_t>>(std::int16_t{-2}) == raw({0xfe, 0xff}));
    CHECK(encoding_of<value_codec<std::uint32_t>>(std::uint32_t{258}) == raw({2, 1, 0, 0}));
    CHECK(encoding_of<value_codec<float>>(1.0F) == raw({0, 0, 0x80, 0x3f}));
    CHECK(encoding_of<value_codec<double>>(-1.0) == raw({0, 0, 0, 0, 0, 0, 0xf0, 0xbf}));
    CHECK(encoding_of<value_codec<bool>>(true) == raw({1}));
    CHECK(encoding_of<value_codec<kind>>(kind::milk) == raw({3, 2}));
    CHECK(encoding_of<value_codec<std::string>>(std::string{"ab"}) == raw({'a', 'b'}));
    using list = std::vector<std::uint16_t>;
    CHECK(encoding_of<value_codec<list>>(list{1, 2}) == raw({2, 1, 0, 2, 0}));
    CHECK(encoding_of<value_codec<order>>(order{"tea", {}, {"hot"}, kind::tea, true}) ==
          raw({3, 't', 'e', 'a', 0, 1, 3, 'h', 'o', 't', 1, 0, 1}));
}

TEST_CASE("property: values round trip, and every other length is refused") {
    property_of("int8", rc::gen::arbitrary<std::int8_t>());
    property_of("uint64", rc::gen::arbitrary<std::uint64_t>());
    property_of("float", rc::gen::arbitrary<float>());
    property_of("text", rc::gen::arbitrary<std::string>());
    property_of("list", rc::gen::arbitrary<std::vector<std::int32_t>>());
    property_of("bools", rc::gen::arbitrary<std::vector<bool>>());
    property_of("tuple", rc::gen::arbitrary<std::tuple<std::string, std::uint16_t, std::string>>());
    property_of("array", rc::gen::container<std::array<std::string, 3>>(short_text()));
    property_of("members", any_order());
}

TEST_CASE("a value keeps minus zero and every NaN as it was") {
    double read = 1;
    CHECK(decode<value_codec<double>>(encoding_of<value_codec<double>>(-0.0), read) == nullptr);
    CHECK(std::signbit(read));
    const auto odd = std::bit_cast<double>(std::uint64_t{0x7ff8'0000'0000'1234});
    CHECK(decode<value_codec<double>>(encoding_of<value_codec<double>>(odd), read) == nullptr);
    CHECK(std::bit_cast<std::uint64_t>(read) == 0x7ff8'0000'0000'1234);
}

TEST_CASE("what is read replaces all that was there") {
    order read{"before", 1.0, {"a", "b"}, kind::milk, true};
    const order empty;
    CHECK(decode<value_codec<order>>(encoding_of<value_codec<order>>(empty), read) == nullptr);
    CHECK(read == empty);
}

TEST_CASE("a length or a count that cannot be costs no memory") {
    using list = std::vector<std::string>;
    const bytes many = raw({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0});
    CHECK(wrong_with<value_codec<list>, list>(many) == "a count of more than there are bytes");
    using pair = std::pair<std::string, bool>;
    CHECK(wrong_with<value_codec<pair>, pair>(many) == "a text that is cut short");
    CHECK(wrong_with<value_codec<pair>, pair>(raw({0x80, 0})) == "a length that is none");
    CHECK(wrong_with<value_codec<list>, list>(raw({0x80, 0})) == "a count that is none");
    CHECK(wrong_with<value_codec<list>, list>(raw({2, 0})) ==
          "a count of more than there are bytes");
    CHECK(wrong_with<value_codec<list>, list>(raw({2, 1, 'a'})) == "a length that is none");
}

TEST_CASE("property: whatever the bytes are, what is read from them is written as them") {
    CHECK(rc::check("canonical", [] {
        const auto input = *rc::gen::container<std::vector<std::uint8_t>>(
            rc::gen::element<std::uint8_t>(0, 0, 1, 1, 2, 3, 0x80, 0xff));
        const bytes from{bytes_view{input}};
        using nested = std::vector<std::optional<std::string>>;
        RC_ASSERT((reads_only_what_it_writes<value_codec<bool>, bool>(from)));
        RC_ASSERT((reads_only_what_it_writes<value_codec<nested>, nested>(from)));
        RC_ASSERT((reads_only_what_it_writes<value_codec<order>, order>(from)));
    }));
}
