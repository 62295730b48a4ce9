// SPDX-License-Identifier: BSL-1.0
//
// Codecs of text, std::string or mantis::bytes: at the end of a key or value it is as it is; before
// something else a key has it as key_writer::add_bytes() writes it, a value its length and then it.
#pragma once

#include "../codec.hpp"
#include "../varint.hpp"

namespace mantis {

namespace detail {

// mantis::bytes and std::string, also with an allocator of its own; no view, for it would point
// into bytes that are gone.
template <class T>
concept owned_text = std::same_as<T, bytes> || requires(T& text, const char* from) {
    typename T::traits_type;
    requires std::same_as<typename T::value_type, char>;
    text.append(from, std::size_t{1});
    text.clear();
};

template <owned_text T>
void append_text(T& to, bytes_view more) {
    if constexpr (std::same_as<T, bytes>) to.append(more);
    else to.append(more.chars(), more.size());
}

struct whole_text_codec {
    using argument = bytes_view;
    using at_end = whole_text_codec;
    static constexpr bool keeps_order = true;

    [[nodiscard]] static std::size_t bytes_of(bytes_view value) noexcept { return value.size(); }
    static std::byte* store(std::byte* into, bytes_view value) noexcept {
        if (!value.empty()) std::memcpy(into, value.data(), value.size());
        return into + value.size();
    }
    [[nodiscard]] static bytes_view view_of(bytes_view value) noexcept { return value; }
    template <owned_text T>
    [[nodiscard]] static const char* load(bytes_view& from, T& value) {
        value.clear();
        if (!from.empty()) append_text(value, from);
        from = from.from(from.size());
        return nullptr;
    }
    // As load() of all of them.
    static void adopt(bytes&& from, bytes& value) noexcept { value = std::move(from); }
};

//   Returns     how many bytes are before the first that is zero, or all of them
[[nodiscard]] inline std::size_t before_zero(bytes_view text) noexcept {
    const void* const zero = text.empty() ? nullptr : std::memchr(text.data(), 0, text.size());
    return zero == nullptr
               ? text.size()
               : static_cast<std::size_t>(static_cast<const std::byte*>(zero) - text.data());
}

struct key_text_codec {
    using argument = bytes_view;
    using at_end = whole_text_codec;
    static constexpr bool keeps_order = true;

    [[nodiscard]] static std::size_t bytes_of(bytes_view value) noexcept {
        std::size_t sum = value.size() + 2;
        for (std::size_t run; (run = before_zero(value)) != value.size(); ++sum)
            value = value.from(run + 1);
        return sum;
    }
    static std::byte* store(std::byte* into, bytes_view value) noexcept {
        for (std::size_t run; (run = before_zero(value)) != value.size();) {
            into = whole_text_codec::store(into, value.first(run + 1));
            *into++ = std::byte{0xff};
            value = value.from(run + 1);
        }
        into = whole_text_codec::store(into, value);
        *into++ = std::byte{0};
        *into++ = std::byte{0};
        return into;
    }
    template <owned_text T>
    [[nodiscard]] static const char* load(bytes_view& from, T& value) {
        value.clear();
        for (bytes_view left = from;;) {
            const std::size_t run = before_zero(left);
            if (left.size() - run < 2) return "a text without its end";
            const std::byte after = left[run + 1];
            if (after != std::byte{0} && after != std::byte{0xff})
                return "a zero byte in a text that no text has";
            append_text(value, left.first(after == std::byte{0} ? run : run + 1));
            left = left.from(run + 2);
            if (after != std::byte{0}) continue;
            from = left;
            return nullptr;
        }
    }
};

struct value_text_codec {
    using argument = bytes_view;
    using at_end = whole_text_codec;

    [[nodiscard]] static std::size_t bytes_of(bytes_view value) noexcept {
        return varint_bytes(value.size()) + value.size();
    }
    static std::byte* store(std::byte* into, bytes_view value) noexcept {
        return whole_text_codec::store(into + store_varint(into, value.size()), value);
    }
    template <owned_text T>
    [[nodiscard]] static const char* load(bytes_view& from, T& value) {
        std::uint64_t size = 0;
        const std::size_t taken = load_varint(from, size);
        if (taken == 0) return "a length that is none";
        if (from.size() - taken < size) return "a text that is cut short";
        value.clear();
        append_text(value, from.part(taken, static_cast<std::size_t>(size)));
        from = from.from(taken + static_cast<std::size_t>(size));
        return nullptr;
    }
};

}  // namespace detail

}  // namespace mantis
