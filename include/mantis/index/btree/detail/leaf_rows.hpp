// SPDX-License-Identifier: BSL-1.0
//
// Entries of one leaf of a page_tree, copied into a row_batch: each once, by whole words from where
// it lies, and the prefix of its key written over what lies before the suffix.
//
//   in the page     | payload bytes 2 | version 8 | suffix | payload |
//   in the batch                 | prefix         | suffix | payload |
//
// In a dense leaf the suffix is in the slot, and is written with the prefix.
//
// What is copied is in order and between the fences, and has the heads that the search went by, or
// the leaf is damaged. Optimistically read, all of that counts once the page is validated.
//
// Threads: like an int.
#pragma once

#include "../../row_batch.hpp"
#include "tree_pages.hpp"

namespace mantis::detail {

// Where to go on in a tree: with the first key from `key` on, or behind it.
struct walk_goal {
    bytes_view key;
    bool behind = false;
};

// What to copy.
struct walk_wish {
    bytes_view to;  // not this key and what is behind it; empty: everything
    std::size_t limit;
    row_batch* rows;
};

enum class leaf_end : std::uint8_t {
    full,       // the batch has what it is to have
    of_range,   // the next key is not in the range
    of_leaf,    // the next key is in another leaf
    reference,  // the last row has a reference instead of its value
    damaged,
    changed,  // meanwhile: nothing counts
};

// What a leaf's fences were, in memory of one's own.
class leaf_fences {
public:
    //   Returns     false: they make no sense
    template <class Access>
    [[nodiscard]] bool load(const slotted_view<Access>& leaf) {
        const fence_keys there = leaf.fences();
        if (there.lower.size() > node_limits::max_key_bytes ||
            there.upper.size() > node_limits::max_key_bytes)
            return false;
        Access::copy(lower_, there.lower.data(), there.lower.size());
        Access::copy(upper_, there.upper.data(), there.upper.size());
        lower_bytes_ = there.lower.size();
        upper_bytes_ = there.upper.size();
        prefix_bytes_ = leaf.prefix().size();
        return has_right_prefix(leaf, {{lower_, lower_bytes_}, upper()});
    }
    [[nodiscard]] bytes_view prefix() const noexcept { return {lower_, prefix_bytes_}; }
    [[nodiscard]] bytes_view upper() const noexcept { return {upper_, upper_bytes_}; }

private:
    std::size_t lower_bytes_ = 0;
    std::size_t upper_bytes_ = 0;
    std::size_t prefix_bytes_ = 0;
    std::byte lower_[node_limits::max_key_bytes];
    std::byte upper_[node_limits::max_key_bytes];
};

// What is known of a leaf that rows were copied from.
struct leaf_copied {
    leaf_fences fences;
    row_batch::mark last;  // where the last row begins, if there is one
};

template <class Access>
class leaf_rows {
public:
    static constexpr std::size_t unplaced = ~std::size_t{0};

    //   Requires    both live longer; `leaf` is a leaf
    leaf_rows(const slotted_view<Access>& leaf, leaf_copied& into) noexcept
        : leaf_{leaf}, fences_{into.fences}, last_{into.last} {}

    //   Requires    the goal's key is between the fences; slot `at` is the first from there on, or
    //               `at` is unplaced
    //   Effects     `at` is the slot behind the last that was copied
    [[nodiscard]] leaf_end copy(walk_goal goal, std::size_t& at, const walk_wish& wish) {
        if (leaf_.malformed() || !fences_.load(leaf_)) return leaf_end::damaged;
        if (at == unplaced && !place(goal, at)) return leaf_end::damaged;
        std::size_t end = leaf_.count();
        bytes_view below = fences_.upper();
        const bool ends = !wish.to.empty() && (below.empty() || wish.to < below);
        if (ends) {
            node_place place;
            if (!find(wish.to, place)) return leaf_end::damaged;
            end = place.at;
            below = wish.to;
        }
        if (at > leaf_.count()) return leaf_end::damaged;
        const leaf_end why = copy_until(end, at, wish, goal, below);
        return why == leaf_end::of_leaf && ends ? leaf_end::of_range : why;
    }

private:
    static constexpr std::size_t fetched_ahead = 4;  // entries
    static constexpr std::size_t fixed = leaf_entry_fixed_bytes;

    [[nodiscard]] bool place(walk_goal goal, std::size_t& at) const {
        node_place place;
        if (!find(goal.key, place)) return false;
        const bool skips = goal.behind && place.answer == node_answer::found;
        at = place.at + (skips ? 1 : 0);
        return true;
    }
    // What is beside the place is in order.
    [[nodiscard]] bool find(bytes_view key, node_place& into) const {
        into = leaf_.lower_bound(key);
        if (into.answer == node_answer::malformed) return false;
        int order = -1;
        if (into.at != 0 && !(compare(into.at - 1, key, order) && order < 0)) return false;
        return into.at == leaf_.count() || (compare(into.at, key, order) && order >= 0);
    }
    //   Returns     false: malformed
    [[nodiscard]] bool compare(std::size_t at, bytes_view key, int& order) const {
        node_key_parts found;
        if (!leaf_.read_key(at, found)) return false;
        const bytes_view prefix = fences_.prefix();
        order = key.starts_with(prefix)
                    ? compare_in_page<Access>(found.suffix, key.from(prefix.size()))
                    : compare_in_page<plain_access>(prefix, key);  // and the suffix says no more
        return true;
    }
    // Of rows that ascend.
    [[nodiscard]] static bool is_between(walk_goal goal, bytes_view below, bytes_view first,
                                         bytes_view last) {
        if (goal.behind ? first <= goal.key : first < goal.key) return false;
        return below.empty() || last < below;
    }

    [[nodiscard, gnu::noinline]] leaf_end copy_until(std::size_t end, std::size_t& at,
                                                     const walk_wish& wish, walk_goal goal,
                                                     bytes_view below) {
        row_batch::appender rows{*wish.rows};
        const row_batch::mark first = rows.end();
        row_batch::mark last;
        const leaf_end why = leaf_.is_dense() ? append_dense_until(end, at, wish.limit, rows, last)
                                              : append_until(end, at, wish.limit, rows, last);
        last_ = last;
        if (why == leaf_end::damaged || rows.end() == first) return why;
        return is_between(goal, below, rows.row(first).key, rows.row(last).key) ? why
                                                                                : leaf_end::damaged;
    }
    //   Effects     `next` is the slot behind the last that was copied, and `last` where its row
    //               begins
    [[nodiscard, gnu::always_inline]] inline leaf_end append_until(std::size_t end,
                                                                   std::size_t& next,
                                                                   std::size_t limit,
                                                                   row_batch::appender& rows,
                                                                   row_batch::mark& last) const {
        const slotted_view<Access> leaf = leaf_;
        const bytes_view prefix = fences_.prefix();
        const std::uint64_t near = last_bytes(prefix);
        std::int64_t head = -1;  // of the one before
        for (; next < end; ++next) {
            if (rows.held_bytes() >= limit) return leaf_end::full;
            if (next + fetched_ahead < end) leaf.fetch_entry(next + fetched_ahead);
            leaf_span span;
            if (!leaf.read_leaf_span(next, span)) return leaf_end::damaged;
            const std::size_t key_bytes = prefix.size() + span.suffix_bytes;
            if (key_bytes > node_limits::max_key_bytes) return leaf_end::damaged;
            std::byte* const key = rows.room(key_bytes + span.payload_bytes + 7);
            std::byte* const suffix = key + prefix.size();
            Access::copy_around(suffix - fixed, leaf.page() + span.offset, span.size());
            const lsn version{load_le<std::uint64_t>(suffix - 8)};
            if (prefix.size() <= 8) store_le(suffix - 8, near);
            else std::memcpy(key, prefix.data(), prefix.size());
            const row_batch::mark before = std::exchange(last, rows.end());
            rows.note(key_bytes, span.payload_bytes, version);
            if (head_in({suffix, span.suffix_bytes}) != span.head) return leaf_end::damaged;
            if (span.head <= head &&
                !(span.head == head && rows.row(before).key < rows.row(last).key))
                return leaf_end::damaged;
            head = span.head;
            if (!span.is_reference) continue;
            ++next;
            return span.payload_bytes == extent_reference_bytes ? leaf_end::reference
                                                                : leaf_end::damaged;
        }
        return leaf_end::of_leaf;
    }
    // The same of a dense leaf.
    [[nodiscard, gnu::noinline]] leaf_end append_dense_until(std::size_t end, std::size_t& next,
                                                             std::size_t limit,
                                                             row_batch::appender& rows,
                                                             row_batch::mark& last) const {
        const bytes_view prefix = fences_.prefix();
        const std::size_t key_bytes = prefix.size() + dense_suffix_bytes;
        if (key_bytes > node_limits::max_key_bytes) return leaf_end::damaged;
        std::int64_t head = -1;  // of the one before
        for (; next < end; ++next) {
            if (rows.held_bytes() >= limit) return leaf_end::full;
            if (next + fetched_ahead < end) leaf_.fetch_entry(next + fetched_ahead);
            const node_slot slot = leaf_.slot(next);
            leaf_span span;
            if (!leaf_.read_leaf_span(slot, span) || slot.head <= head) return leaf_end::damaged;
            head = slot.head;
            std::byte* const key = rows.room(key_bytes + span.payload_bytes + 7);
            std::byte* const payload = key + key_bytes;
            Access::copy_around(payload - fixed, leaf_.page() + span.offset, span.size());
            const lsn version{load_le<std::uint64_t>(payload - 8)};
            if (!prefix.empty()) std::memcpy(key, prefix.data(), prefix.size());
            payload[-2] = static_cast<std::byte>(slot.head >> 24);
            payload[-1] = static_cast<std::byte>(slot.head >> 16);
            last = rows.end();
            rows.note(key_bytes, span.payload_bytes, version);
            if (!span.is_reference) continue;
            ++next;
            return span.payload_bytes == extent_reference_bytes ? leaf_end::reference
                                                                : leaf_end::damaged;
        }
        return leaf_end::of_leaf;
    }
    // What is written before a suffix, where a prefix is no longer than that.
    [[nodiscard]] static std::uint64_t last_bytes(bytes_view prefix) noexcept {
        std::byte bytes[8] = {};
        if (prefix.size() <= sizeof bytes)
            for (std::size_t i = 0; i < prefix.size(); ++i)
                bytes[sizeof bytes - prefix.size() + i] = prefix[i];
        return load_le<std::uint64_t>(bytes);
    }
    [[nodiscard]] static std::uint32_t head_in(bytes_view suffix) noexcept {
        return suffix.size() >= 4 ? load_be<std::uint32_t>(suffix.data())
                                  : static_cast<std::uint32_t>(head_of(suffix) >> 32);
    }
    const slotted_view<Access>& leaf_;
    leaf_fences& fences_;
    row_batch::mark& last_;
};

}  // namespace mantis::detail
