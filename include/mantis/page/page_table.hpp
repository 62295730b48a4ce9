// SPDX-License-Identifier: BSL-1.0
//
// Page translation of a buffer pool: which frame has a page.
//
//   static_assert(mantis::page_translation<my_table>);
//
// Concept page_translation, for `t` of type T made by T{}:
//   expression               returns        meaning
//   T::none                  std::uint32_t  the answer for a page that is in no frame
//   t.frame_of(page)         std::uint32_t  acquires what set() released
//   t.set(page, frame)       void           releases; `page` is covered; none: it is in no frame
//   t.covers(page)           bool           set() may be called for it
//   t.bytes_to_cover(page)   std::size_t    by how much memory_bytes() grows with cover(page)
//   t.cover(page)            void           it is covered from now on
//   t.memory_bytes()         std::size_t
//   T::last_page             page_id        no page is beyond it
//
// Threads: frame_of() any number at once with one thread that calls the others.
//
// array_translation: arrays of one word per page, never moved. An array is as large as an eighth of
// the pages before its power of two, so a table has at most a seventh more words than the highest
// page has a number, and is found by the number's leading bits:
//
//   array 0                        pages 0 to 63
//   array 1 + 8 * (k - 6) + top    pages of 2^k .. 2^(k+1) - 1 whose next three bits are `top`
//
// Arrays are made for the pages that are covered, not for those between.
#pragma once

#include "../core/check.hpp"
#include "../core/ids.hpp"
#include "../platform/platform.hpp"

#include <bit>
#include <vector>

namespace mantis {

template <class T>
concept page_translation = std::default_initializable<T> &&
    requires(T& table, const T& seen, page_id page, std::uint32_t frame) {
    { T::none } -> std::convertible_to<std::uint32_t>;
    { T::last_page } -> std::convertible_to<page_id>;
    { seen.frame_of(page) } -> std::same_as<std::uint32_t>;
    table.set(page, frame);
    { seen.covers(page) } -> std::same_as<bool>;
    { seen.bytes_to_cover(page) } -> std::same_as<std::size_t>;
    table.cover(page);
    { seen.memory_bytes() } -> std::same_as<std::size_t>;
};

template <class Platform>
class array_translation {
    // The frame's number and one; 0 is none.
    using word = typename Platform::template atomic<std::uint32_t>;

public:
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr page_id last_page{(std::uint64_t{1} << 40) - 1};

    array_translation() noexcept = default;
    array_translation(const array_translation&) = delete;
    array_translation& operator=(const array_translation&) = delete;
    ~array_translation() {
        for (auto& each : arrays_) delete[] each.load(Platform::memory_order::relaxed);
    }

    //   Complexity  two loads
    [[nodiscard]] std::uint32_t frame_of(page_id page) const {
        if (page > last_page) return none;
        const place at = place_of(page);
        const word* const array = arrays_[at.array].load(Platform::memory_order::acquire);
        if (array == nullptr) return none;
        return array[at.index].load(Platform::memory_order::acquire) - 1;
    }
    void set(page_id page, std::uint32_t frame) {
        check(covers(page), "a frame is noted for a page that the translation does not cover");
        const place at = place_of(page);
        arrays_[at.array].load(Platform::memory_order::relaxed)[at.index].store(
            frame + 1, Platform::memory_order::release);
    }
    [[nodiscard]] bool covers(page_id page) const {
        return page <= last_page &&
               arrays_[place_of(page).array].load(Platform::memory_order::relaxed) != nullptr;
    }
    [[nodiscard]] std::size_t bytes_to_cover(page_id page) const {
        return covers(page) ? 0 : place_of(page).count * sizeof(word);
    }
    //   Requires    page <= last_page
    void cover(page_id page) {
        check(page <= last_page, "a page beyond the last one of a translation");
        if (covers(page)) return;
        const place at = place_of(page);
        arrays_[at.array].store(new word[at.count]{}, Platform::memory_order::release);
        memory_bytes_ += at.count * sizeof(word);
    }
    // Without the object itself.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return memory_bytes_; }

private:
    static constexpr unsigned first_bits = 6;
    static constexpr std::size_t array_count = 1 + (40 - first_bits) * 8;

    struct place {
        std::size_t array;
        std::size_t index;
        std::size_t count;  // of that array
    };
    [[nodiscard]] static place place_of(page_id page) noexcept {
        const std::uint64_t number = page.value;
        const std::uint64_t first = std::uint64_t{1} << first_bits;
        if (number < first) return {0, number, first};
        const unsigned top = static_cast<unsigned>(std::bit_width(number)) - 1;
        const unsigned rest = top - 3;
        const std::uint64_t next_three = (number >> rest) & 7;
        return {1 + (top - first_bits) * 8 + next_three, number & ((std::uint64_t{1} << rest) - 1),
                std::uint64_t{1} << rest};
    }

    typename Platform::template atomic<word*> arrays_[array_count] = {};
    std::size_t memory_bytes_ = 0;
};

}  // namespace mantis
