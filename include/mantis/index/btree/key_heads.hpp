// SPDX-License-Identifier: BSL-1.0
//
// The part of a B+tree node that is searched: eight bytes of each key, side by side, so that a
// search reads three or four cache lines and almost always no key at all.
//
// The bytes that all keys of the node begin with (up to max_prefix_bytes) are kept once; a key's
// head is the eight bytes after them, big-endian, padded with zeros. The keys themselves and their
// count are the node's.
//
// Invariants:
//   1. every key of the node begins with prefix()
//   2. heads_[i] == head_of(key i without the prefix)
//   3. so key i < key j  =>  heads_[i] <= heads_[j], and unequal heads decide without the keys
#pragma once

#include "../../core/bytes.hpp"
#include "../../core/endian.hpp"

namespace mantis::detail {

[[nodiscard]] inline std::size_t common_prefix_bytes(bytes_view a, bytes_view b) noexcept {
    const std::size_t shorter = a.size() < b.size() ? a.size() : b.size();
    std::size_t at = 0;
    while (at < shorter && a[at] == b[at]) ++at;
    return at;
}

[[nodiscard]] inline std::uint64_t head_of(bytes_view key) noexcept {
    if (key.size() >= 8) return load_be<std::uint64_t>(key.data());
    std::uint64_t head = 0;
    for (const std::byte byte : key) head = head << 8 | std::to_integer<std::uint64_t>(byte);
    return key.empty() ? 0 : head << (64 - 8 * key.size());
}

struct key_position {
    std::size_t at;  // of the first key that is not less
    bool found;      // it is equal
};

template <std::size_t Capacity>
class key_heads {
public:
    static constexpr std::size_t max_prefix_bytes = 55;  // so that the heads begin 64 bytes in
    // The prefix grows only when it gives the heads this many bytes more: growing reads every key.
    static constexpr std::size_t worth_growing_bytes = 4;

    [[nodiscard]] bytes_view prefix() const noexcept { return {prefix_, prefix_size_}; }
    [[nodiscard]] std::uint64_t operator[](std::size_t at) const noexcept { return heads_[at]; }

    // Finds the place of `key` among the first `count` keys; `key_at(i)` gives key i, where the
    // heads are equal.
    template <class KeyAt>
    [[nodiscard]] key_position search(bytes_view key, std::size_t count,
                                      KeyAt key_at) const noexcept {
        if (prefix_size_ != 0) {
            const bytes_view start = key.size() < prefix_size_ ? key : key.first(prefix_size_);
            const std::strong_ordering order = start <=> prefix();
            if (order != 0) return {order > 0 ? count : 0, false};
        }
        const std::uint64_t head = head_of(key.from(prefix_size_));
        std::size_t at = first_not_less(head, 0, count);
        if (at == count || heads_[at] != head) return {at, false};
        std::size_t end = at + 1;
        if (end < count && heads_[end] == head)
            end = head == ~std::uint64_t{0} ? count : first_not_less(head + 1, end, count);
        while (at < end) {
            const std::size_t middle = at + (end - at) / 2;
            const std::strong_ordering order = order_of_tails(key_at(middle), key);
            if (order == 0) return {middle, true};
            if (order < 0) at = middle + 1;
            else end = middle;
        }
        return {at, false};
    }

    //   Requires    count < Capacity; `key` belongs at `at` among the `count` keys
    void insert(std::size_t at, std::size_t count, bytes_view key) noexcept {
        const std::size_t common = common_prefix_bytes(prefix(), key);
        if (common < prefix_size_) shorten(common, count);
        std::memmove(heads_ + at + 1, heads_ + at, (count - at) * sizeof *heads_);
        heads_[at] = head_of(key.from(prefix_size_));
    }
    //   Requires    at < count
    void erase(std::size_t at, std::size_t count) noexcept {
        if (at + 1 < count)
            std::memmove(heads_ + at, heads_ + at + 1, (count - at - 1) * sizeof *heads_);
    }
    // Becomes the heads [from, count) of another node.
    void assign(const key_heads& other, std::size_t from, std::size_t count) noexcept {
        prefix_size_ = other.prefix_size_;
        std::memcpy(prefix_, other.prefix_, prefix_size_);
        std::memcpy(heads_, other.heads_ + from, (count - from) * sizeof *heads_);
    }

    //   Effects     takes all bytes that the first and last key share into the prefix, when they
    //               are enough more
    template <class KeyAt>
    void grow_prefix(std::size_t count, KeyAt key_at) noexcept {
        if (count >= 2 && shared_bytes(count, key_at) >= prefix_size_ + worth_growing_bytes)
            rebuild(count, key_at);
    }
    //   Effects     computes prefix and heads from the keys
    template <class KeyAt>
    void rebuild(std::size_t count, KeyAt key_at) noexcept {
        prefix_size_ = 0;
        if (count == 0) return;
        const std::size_t shared = shared_bytes(count, key_at);
        if (shared != 0) std::memcpy(prefix_, key_at(0).data(), shared);
        prefix_size_ = static_cast<std::uint8_t>(shared);
        for (std::size_t at = 0; at < count; ++at) heads_[at] = head_of(key_at(at).from(shared));
    }

private:
    // Branch-free: which half is taken is as random as the keys, and a wrong guess costs more than
    // the compare.
    [[nodiscard]] std::size_t first_not_less(std::uint64_t head, std::size_t begin,
                                             std::size_t end) const noexcept {
        const std::uint64_t* base = heads_ + begin;
        std::size_t left = end - begin;
        if (left == 0) return end;
        while (left > 1) {
            const std::size_t half = left / 2;
            base += base[half - 1] < head ? half : 0;
            left -= half;
        }
        return static_cast<std::size_t>(base - heads_) + (*base < head ? 1 : 0);
    }

    // Orders two keys of equal prefix and equal head.
    [[nodiscard]] std::strong_ordering order_of_tails(bytes_view a, bytes_view b) const noexcept {
        std::size_t known = prefix_size_ + std::size_t{8};
        if (a.size() < known) known = a.size();
        if (b.size() < known) known = b.size();
        return a.from(known) <=> b.from(known);
    }

    // The dropped bytes of the prefix move to the front of each head; no key is read.
    void shorten(std::size_t size, std::size_t count) noexcept {
        const std::size_t dropped = prefix_size_ - size;
        const std::uint64_t front = head_of({prefix_ + size, dropped});
        for (std::size_t at = 0; at < count; ++at)
            heads_[at] = dropped >= 8 ? front : front | heads_[at] >> (8 * dropped);
        prefix_size_ = static_cast<std::uint8_t>(size);
    }

    template <class KeyAt>
    [[nodiscard]] static std::size_t shared_bytes(std::size_t count, KeyAt key_at) noexcept {
        const std::size_t shared = common_prefix_bytes(key_at(0), key_at(count - 1));
        return shared < max_prefix_bytes ? shared : max_prefix_bytes;
    }

    std::uint8_t prefix_size_ = 0;
    std::byte prefix_[max_prefix_bytes];
    std::uint64_t heads_[Capacity];
};

}  // namespace mantis::detail
