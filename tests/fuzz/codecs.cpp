// SPDX-License-Identifier: BSL-1.0
// Any bytes as a key and as a value of every kind of type: reading never leaves them, and what is
// read is written as exactly those bytes.
//
// The first byte says where they are cut in two, the keys of which must sort as what is read from
// them does; the rest are the bytes.
#include <mantis/core/encoded.hpp>
#include <mantis/core/key_codec.hpp>
#include <mantis/core/value_codec.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

enum class kind : std::int8_t { some };

struct row {
    std::string name;
    std::optional<std::int16_t> height;
    std::array<std::string, 2> parts;
    kind of = kind::some;
    double weight = 0;
    using stored = members<&row::name, &row::height, &row::parts, &row::of, &row::weight>;
    friend bool operator<(const row& a, const row& b) {
        return std::tie(a.name, a.height, a.parts, a.of, a.weight) <
               std::tie(b.name, b.height, b.parts, b.of, b.weight);
    }
};

//   Returns     whether the bytes are an encoding
template <class Codec, class T>
bool reads(bytes_view from, T& value) {
    // A copy of its own, so that a sanitizer sees who reads behind the end.
    const bytes all{from};
    if (decode<Codec>(all, value) != nullptr) return false;
    const encoded<Codec, T> again{value};
    check(again.view() == from, "fuzz: two encodings of one value");
    return true;
}

template <class T>
void try_value(bytes_view from) {
    T value{};
    (void)reads<value_codec<T>>(from, value);
}

template <class T>
void try_keys(bytes_view a, bytes_view b) {
    T first{};
    T second{};
    if (!reads<key_codec<T>>(a, first) || !reads<key_codec<T>>(b, second)) return;
    if (first < second) check(a < b, "fuzz: keys that do not sort as their values");
    if (second < first) check(b < a, "fuzz: keys that do not sort as their values");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const bytes_view input{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    const std::size_t cut = data[0] < input.size() ? data[0] : input.size();
    const bytes_view a = input.first(cut);
    const bytes_view b = input.from(cut);
    try_keys<std::string>(a, b);
    try_keys<std::uint64_t>(a, b);
    try_keys<float>(a, b);
    try_keys<std::pair<std::string, bool>>(a, b);
    try_keys<std::tuple<std::optional<std::string>, std::int32_t, std::string>>(a, b);
    try_keys<row>(a, b);
    try_value<bool>(input);
    try_value<std::vector<bool>>(input);
    try_value<std::pair<std::string, std::string>>(input);
    try_value<std::vector<std::vector<std::optional<std::uint16_t>>>>(input);
    try_value<std::vector<row>>(input);
    try_value<row>(input);
    return 0;
}
