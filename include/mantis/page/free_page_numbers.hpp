// SPDX-License-Identifier: BSL-1.0
//
// Page numbers in memory: a bit for each page, the lowest free one first, so that pages stay dense.
//
// It is written nowhere. Who opens a database that has pages says of each that it is used:
//
//   free_page_numbers<posix> numbers{page_id{1'000'000}};
//   for (page_id page : pages_of_all_tables) if (auto noted = numbers.note_used(page); !noted) ...
//
// Invariants:
//   1. bit `p` is set  <=>  page p was taken or noted, and not given back
//   2. every word before the first that may have a free bit is full
//
// Threads: any number.
#pragma once

#include "page_numbers.hpp"

#include "../platform/guard.hpp"

#include <bit>
#include <vector>

namespace mantis {

template <class Platform>
class free_page_numbers {
public:
    // Numbers from 1 to `last`.
    explicit free_page_numbers(page_id last) noexcept : last_{last} {}
    free_page_numbers(const free_page_numbers&) = delete;
    free_page_numbers& operator=(const free_page_numbers&) = delete;

    //   Returns     the lowest that is free
    //   Errors      no_space: all are taken; `limit` says how many there are
    //   Complexity  a word for each 64 numbers that were found taken since one was given back
    [[nodiscard]] result<page_id> take() {
        const lock_guard<mutex> hold{mutex_};
        for (; first_ < words_.size(); ++first_)
            if (words_[first_] != ~std::uint64_t{0}) break;
        const std::size_t bit =
            first_ < words_.size() ? static_cast<std::size_t>(std::countr_one(words_[first_])) : 0;
        const page_id page{first_ * 64 + bit + 1};
        if (page > last_)
            return error{error_code::no_space, "taking a number for a new page"}.with("limit",
                                                                                      last_.value);
        set(page);
        return page;
    }
    //   Requires    `page` is taken, or noted
    void give_back(page_id page) {
        const lock_guard<mutex> hold{mutex_};
        check(is_used(page), "a page number is given back that nobody has");
        const std::size_t at = (page.value - 1) / 64;
        words_[at] &= ~bit_of(page);
        --used_;
        if (at < first_) first_ = at;
    }
    // For who opens pages that are there already.
    //   Errors      invalid_argument: page 0, or beyond the last; already_exists: it was taken or
    //               noted before, so two use it
    [[nodiscard]] result<void> note_used(page_id page) {
        const lock_guard<mutex> hold{mutex_};
        if (page.value == 0 || page > last_)
            return error{error_code::invalid_argument, "noting a page as used"}
                .with("page", page.value)
                .with("limit", last_.value);
        if (is_used(page))
            return error{error_code::already_exists, "noting a page as used"}.with("page",
                                                                                   page.value);
        set(page);
        return success();
    }

    //   Returns     whether it is taken, or noted
    [[nodiscard]] bool is_taken(page_id page) {
        const lock_guard<mutex> hold{mutex_};
        return is_used(page);
    }
    [[nodiscard]] std::uint64_t used_count() {
        const lock_guard<mutex> hold{mutex_};
        return used_;
    }
    // All that were ever taken or noted are up to this.
    [[nodiscard]] page_id highest() {
        const lock_guard<mutex> hold{mutex_};
        return {words_.size() * 64};
    }
    // At most a bit for each number up to the last, and seven bytes.
    [[nodiscard]] std::size_t memory_bytes() {
        const lock_guard<mutex> hold{mutex_};
        return words_.capacity() * sizeof(std::uint64_t);
    }

private:
    using mutex = typename Platform::mutex;

    [[nodiscard]] static std::uint64_t bit_of(page_id page) noexcept {
        return std::uint64_t{1} << (page.value - 1) % 64;
    }
    //   Requires    the mutex; so the next
    [[nodiscard]] bool is_used(page_id page) const noexcept {
        return page.value != 0 && (page.value - 1) / 64 < words_.size() &&
               (words_[(page.value - 1) / 64] & bit_of(page)) != 0;
    }
    void set(page_id page) {
        const std::size_t at = (page.value - 1) / 64;
        if (at >= words_.capacity()) {
            const std::size_t most = (last_.value + 63) / 64;
            words_.reserve(2 * (at + 1) < most ? 2 * (at + 1) : most);
        }
        if (at >= words_.size()) words_.resize(at + 1);
        words_[at] |= bit_of(page);
        ++used_;
    }

    const page_id last_;
    mutex mutex_;  // protects all below
    std::vector<std::uint64_t> words_;
    std::size_t first_ = 0;
    std::uint64_t used_ = 0;
};

}  // namespace mantis
