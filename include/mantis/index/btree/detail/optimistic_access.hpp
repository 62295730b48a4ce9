// SPDX-License-Identifier: BSL-1.0
//
// The page_access of a page that is read while a writer changes it: sync/optimistic_load.hpp for
// every word. What a reader saw counts once its latch has validated it.
//
// A page is whole words of eight bytes, all of them under its latch. So bytes of any address are
// read by loads of the one or two words that they lie in, and written by storing those words with
// the bytes beside them as they are: only the one writer changes those. What lies across two words
// may be of two states, as anything that is read so.
//
// Pages are aligned to eight bytes.
#pragma once

#include "../../../sync/optimistic_load.hpp"
#include "page_access.hpp"

namespace mantis::detail {

template <class Platform>
struct optimistic_access {
    template <std::unsigned_integral T>
    [[nodiscard]] static T load(const std::byte* from) {
        const place at = place_of(from);
        std::uint64_t value = load_word(at.word) >> at.bit;
        if (at.bit + 8 * sizeof(T) > 64) value |= load_word(at.word + 8) << (64 - at.bit);
        return static_cast<T>(value);
    }
    [[nodiscard]] static std::uint64_t load_word(const std::byte* from) {
        return in_order<std::endian::little>(
            optimistic_load<Platform>(*reinterpret_cast<const std::uint64_t*>(from)));
    }
    [[nodiscard]] static int compare(const std::byte* from, const std::byte* own,
                                     std::size_t size) {
        if (size < 8) return size == 0 ? 0 : compare_less_than_word(from, own, size);
        const int order = order_of(load<std::uint64_t>(from), load_le<std::uint64_t>(own));
        return order != 0 || size == 8 ? order : compare_long(from + 8, own + 8, size - 8);
    }
    static void copy(std::byte* into, const std::byte* from, std::size_t size) {
        if (place_of(from).bit == 0) {
            for (; size >= 64; size -= 64, into += 64, from += 64) copy_line<8>(into, from);
            for (; size >= 8; size -= 8, into += 8, from += 8) store_le(into, load_word(from));
        }
        reader seen{from};
        for (; size >= 8; size -= 8, into += 8) store_le(into, seen.next(8));
        if (size != 0) store_some(into, seen.next(size), size);
    }
    static std::size_t copy_words(std::byte* into, const std::byte* from, std::size_t size) {
        const place at = place_of(from);
        const std::size_t before = at.bit / 8;
        const std::byte* word = at.word;
        std::size_t words = (before + size + 7) / 8;
        for (; words >= 8; words -= 8, into += 64, word += 64) copy_line<8>(into, word);
        if ((words & 4) != 0) copy_line<4>(into, word), into += 32, word += 32;
        if ((words & 2) != 0) copy_line<2>(into, word), into += 16, word += 16;
        if ((words & 1) != 0) copy_line<1>(into, word);
        return before;
    }
    static void copy_around(std::byte* into, const std::byte* from, std::size_t size) {
        copy_words(into - place_of(from).bit / 8, from, size);
    }

    template <std::unsigned_integral T>
    static void store(std::byte* into, T value) {
        std::byte own[sizeof(T)];
        store_le(own, value);
        write(into, own, sizeof(T));
    }
    static void write(std::byte* into, const std::byte* own, std::size_t size) {
        if (const std::size_t before = place_of(into).bit / 8; before != 0 && size != 0) {
            const std::size_t some = size < 8 - before ? size : 8 - before;
            store_part(into - before, before, own, some);
            into += some, own += some, size -= some;
        }
        for (; size >= 64; into += 64, own += 64, size -= 64) write_line(into, own);
        for (; size >= 8; into += 8, own += 8, size -= 8)
            store_word(into, load_le<std::uint64_t>(own));
        if (size != 0) store_part(into, 0, own, size);
    }
    static void move(std::byte* into, const std::byte* from, std::size_t size) {
        optimistic_move<Platform>(into, from, size);
    }

private:
    // Without a loop.
    template <std::size_t Words>
    static void copy_line(std::byte* into, const std::byte* from) {
        [&]<std::size_t... Word>(std::index_sequence<Word...>) {
            (store_le(into + 8 * Word, load_word(from + 8 * Word)), ...);
        }
        (std::make_index_sequence<Words>{});
    }
    static void write_line(std::byte* into, const std::byte* own) {
        [&]<std::size_t... Word>(std::index_sequence<Word...>) {
            (store_word(into + 8 * Word, load_le<std::uint64_t>(own + 8 * Word)), ...);
        }
        (std::make_index_sequence<8>{});
    }

    struct place {
        const std::byte* word;
        unsigned bit;  // of it, 0 ... 56
    };
    [[nodiscard]] static place place_of(const std::byte* at) noexcept {
        const auto before = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(at) % 8);
        return {at - before, 8 * before};
    }

    // Bytes of a page from one address on, up to eight at a time; each word is loaded once.
    class reader {
    public:
        explicit reader(const std::byte* from) noexcept : at_{place_of(from)} {}
        //   Returns     `size` bytes, from 1 to 8, as a little-endian number; others may be above
        //               them, and less than eight are the last
        [[nodiscard]] std::uint64_t next(std::size_t size) {
            if (at_.bit == 0) return load_word(std::exchange(at_.word, at_.word + 8));
            if (!begun_) word_ = load_word(at_.word), begun_ = true;
            std::uint64_t value = word_ >> at_.bit;
            if (at_.bit + 8 * size <= 64) return value;
            at_.word += 8;
            word_ = load_word(at_.word);
            return value | word_ << (64 - at_.bit);
        }

    private:
        place at_;
        std::uint64_t word_ = 0;
        bool begun_ = false;
    };

    [[nodiscard]] static int compare_less_than_word(const std::byte* from, const std::byte* own,
                                                    std::size_t size) {
        const std::uint64_t in_page = reader{from}.next(size) & mask(size);
        return order_of(in_page, load_some(own, size));
    }
    // Eight bytes decide most often.
    [[nodiscard, gnu::noinline]] static int compare_long(const std::byte* from,
                                                         const std::byte* own, std::size_t size) {
        reader seen{from};
        for (; size >= 8; size -= 8, own += 8)
            if (const int order = order_of(seen.next(8), load_le<std::uint64_t>(own)); order != 0)
                return order;
        return size == 0 ? 0 : order_of(seen.next(size) & mask(size), load_some(own, size));
    }

    // Of less than eight bytes.
    [[nodiscard]] static std::uint64_t mask(std::size_t size) noexcept {
        return (std::uint64_t{1} << 8 * size) - 1;
    }
    //   Requires    0 < size < 8, here and below
    [[nodiscard]] static std::uint64_t load_some(const std::byte* from, std::size_t size) noexcept {
        if (size >= 4)
            return load_le<std::uint32_t>(from) |
                   std::uint64_t{load_le<std::uint32_t>(from + size - 4)} << 8 * (size - 4);
        std::uint64_t value = std::to_integer<std::uint64_t>(from[0]);
        if (size > 1)
            value |= std::uint64_t{load_le<std::uint16_t>(from + size - 2)} << 8 * (size - 2);
        return value;
    }
    static void store_some(std::byte* into, std::uint64_t value, std::size_t size) noexcept {
        if (size >= 4) {
            store_le(into, static_cast<std::uint32_t>(value));
            store_le(into + size - 4, static_cast<std::uint32_t>(value >> 8 * (size - 4)));
            return;
        }
        into[0] = static_cast<std::byte>(value);
        if (size > 1)
            store_le(into + size - 2, static_cast<std::uint16_t>(value >> 8 * (size - 2)));
    }
    [[nodiscard]] static int order_of(std::uint64_t in_page, std::uint64_t own) noexcept {
        if (in_page == own) return 0;
        return swap_bytes(in_page) < swap_bytes(own) ? -1 : 1;  // the first byte counts most
    }
    static void store_word(std::byte* into, std::uint64_t value) {
        optimistic_store<Platform>(*reinterpret_cast<std::uint64_t*>(into),
                                   in_order<std::endian::little>(value));
    }
    // Bytes [first, first + size) of a word.
    static void store_part(std::byte* word, std::size_t first, const std::byte* own,
                           std::size_t size) {
        const std::uint64_t bits = mask(size) << 8 * first;
        const std::uint64_t there = load_le<std::uint64_t>(word);
        store_word(word, (there & ~bits) | load_some(own, size) << 8 * first);
    }
};

}  // namespace mantis::detail
