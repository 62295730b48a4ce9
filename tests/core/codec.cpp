// SPDX-License-Identifier: BSL-1.0
#include "codec_checks.hpp"

#include <mantis/core/key_codec.hpp>
#include <mantis/core/value_codec.hpp>

using namespace mantis;
using namespace codec_checks;

namespace {

struct point {
    std::int32_t x = 0;
    std::string name;
    using stored = members<&point::x, &point::name>;
};
enum class fixed : std::uint8_t { a };
enum loose { b };

// A country as two letters: what a program may write itself.
struct country {
    char letters[2] = {'?', '?'};
};
struct country_codec {
    static constexpr std::size_t fixed_bytes = 2;
    static constexpr bool keeps_order = true;
    static std::size_t bytes_of(const country&) { return 2; }
    static std::byte* store(std::byte* into, const country& value) {
        std::memcpy(into, value.letters, 2);
        return into + 2;
    }
    static const char* load(bytes_view& from, country& value) {
        if (from.size() < 2) return "a country of one letter";
        for (const std::byte each : from.first(2))
            if (each < std::byte{'A'} || each > std::byte{'Z'}) return "no country";
        std::memcpy(value.letters, from.data(), 2);
        from = from.from(2);
        return nullptr;
    }
};

template <class T>
constexpr bool a_key = key_codec_of<key_codec<T>, T>;
template <class T>
constexpr bool a_value = codec_of<value_codec<T>, T>;

}  // namespace

TEST_CASE("types that mantis knows have codecs, and what could not be read again has none") {
    static_assert(a_key<std::int8_t> && a_key<std::uint64_t> && a_key<char> && a_key<bool>);
    static_assert(a_key<float> && a_key<double> && !a_key<long double>);
    static_assert(a_key<std::string> && a_key<bytes> && a_key<fixed> && a_key<point>);
    static_assert(a_key<std::tuple<std::pair<bytes, int>, std::array<fixed, 3>>>);
    static_assert(a_key<std::optional<int>> && !a_key<std::vector<int>>);
    static_assert(a_value<std::vector<std::vector<point>>> && a_value<std::vector<bool>>);
    // Views would point into bytes that are gone; of a loose enum not every number is a value.
    static_assert(!a_key<std::string_view> && !a_key<bytes_view> && !a_key<const char*>);
    static_assert(!a_value<std::string_view> && !a_value<bytes_view> && !a_value<int*>);
    static_assert(!a_key<loose> && !a_value<loose>);
    static_assert(!a_key<std::pair<int, loose>> && !a_value<std::optional<int*>>);
}

TEST_CASE("a codec of values is none of keys, for it does not keep the order") {
    static_assert(codec_of<value_codec<int>, int> && !key_codec_of<value_codec<int>, int>);
    static_assert(!key_codec_of<value_codec<std::tuple<int, int>>, std::tuple<int, int>>);
    static_assert(key_codec_of<country_codec, country>);
}

TEST_CASE("a codec of one's own is asked, and its sentence is the answer") {
    country read;
    CHECK(decode<country_codec>(bytes_view{"IS"}, read) == nullptr);
    CHECK(bytes_view{read.letters, 2} == bytes_view{"IS"});
    CHECK(wrong_with<country_codec, country>("i!") == "no country");
    CHECK(wrong_with<country_codec, country>("I") == "fewer bytes than its type takes");
    CHECK(wrong_with<country_codec, country>("ISL") == "bytes behind its end");
}

TEST_CASE("bytes behind the end of a value of any length are refused") {
    using pair = std::pair<std::string, std::uint8_t>;
    bytes all = encoding_of<value_codec<pair>, pair>({"ab", std::uint8_t{7}});
    CHECK(wrong_with<value_codec<pair>, pair>(all).empty());
    all.push_back('x');
    CHECK(wrong_with<value_codec<pair>, pair>(all) == "bytes behind its end");
}
