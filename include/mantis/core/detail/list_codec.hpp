// SPDX-License-Identifier: BSL-1.0
//
// The codec of std::vector and its like as a value: how many, as a varint, then each.
#pragma once

#include "../varint.hpp"
#include "text_codec.hpp"

namespace mantis::detail {

template <class T>
concept growing_list = !owned_text<T> && requires(T & list, typename T::value_type&& one) {
    list.clear();
    list.push_back(std::move(one));
    list.begin();
    list.end();
    { list.size() } -> std::convertible_to<std::size_t>;
};

template <class T, class Codec>
struct list_codec {
    using item = typename T::value_type;

    [[nodiscard]] static std::size_t bytes_of(const T& value) {
        std::size_t sum = varint_bytes(value.size());
        for (const auto& each : value) sum += Codec::bytes_of(each);
        return sum;
    }
    static std::byte* store(std::byte* into, const T& value) {
        into += store_varint(into, value.size());
        for (const auto& each : value) into = Codec::store(into, each);
        return into;
    }
    [[nodiscard]] static const char* load(bytes_view& from, T& value) {
        std::uint64_t count = 0;
        const std::size_t taken = load_varint(from, count);
        if (taken == 0) return "a count that is none";
        from = from.from(taken);
        // Each takes a byte at least; so a wrong count costs no memory.
        if (count > from.size()) return "a count of more than there are bytes";
        value.clear();
        for (; count > 0; --count) {
            item loaded{};
            if (const char* const wrong = Codec::load(from, loaded)) return wrong;
            value.push_back(std::move(loaded));
        }
        return nullptr;
    }
};

}  // namespace mantis::detail
