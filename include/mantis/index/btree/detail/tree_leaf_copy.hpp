// SPDX-License-Identifier: BSL-1.0
//
// A copy of one leaf of a page_tree, as it was at one moment: entries can be handed out from it
// with no latch held.
//
// Its entries are checked when they are asked for, each against the one before it in the order in
// which they are: who wants a few does not pay for all.
//
// Invariants:
//   1. once loaded, its header makes sense, and its prefix is what the fences share
//   2. the keys of entries [checked_.from, checked_.to) ascend between the fences, and they lie in
//      the page
//
// Threads: like an int.
#pragma once

#include "tree_descent.hpp"

namespace mantis::detail {

template <class Tree>
class tree_leaf_copy {
    using optimistic = typename Tree::optimistic;
    using access = typename Tree::access;

public:
    explicit tree_leaf_copy(const Tree& tree) : tree_{tree} { raw_.reserve(tree.page_bytes()); }

    [[nodiscard]] result<void> load(tree_target to) {
        seen_.reset();
        std::optional<typename Tree::seen_node> at;
        for (unsigned i = 0; i < Tree::attempts; ++i) {
            auto there = tree_.seek(to, 0, at);
            if (!there) return std::move(there).error();
            if (!*there) continue;
            const optimistic& page = at->page;
            access::copy(raw_.data(), page.data(), tree_.page_bytes());
            if (!page.validate()) continue;
            seen_.emplace(page);
            return begin(page.page());
        }
        auto held = tree_.pin(to, 0);
        if (!held) return std::move(held).error();
        std::memcpy(raw_.data(), held->data(), tree_.page_bytes());
        return begin(held->page());
    }
    //   Returns     whether the tree certainly still has this leaf as it is here
    [[nodiscard]] bool is_current() const { return seen_ && seen_->validate(); }

    //   Requires    loaded; so all below
    [[nodiscard]] const slotted_view<>& view() const { return *view_; }
    //   Requires    at < view().count()
    //   Returns     false: damage() says what of
    [[nodiscard]] bool read(std::size_t at, leaf_entry& into) {
        return view_->read_leaf_entry(at, into) && (is_checked(at) || check_entry(at, into));
    }
    // Finds the place of `key`; what is beside it is in order.
    //   Requires    the key is between the fences, or is the upper one
    //   Returns     false: damage() says what of
    [[nodiscard]] bool find(bytes_view key, node_place& into) {
        into = view_->lower_bound(key);
        if (into.answer == node_answer::malformed) return false;
        const auto order = [&](std::size_t at, auto right) {
            leaf_entry entry;
            return read(at, entry) && right(compare(entry.key, key));
        };
        return (into.at == 0 || order(into.at - 1, [](int found) { return found < 0; })) &&
               (into.at == view_->count() || order(into.at, [](int found) { return found >= 0; }));
    }
    [[nodiscard]] error damage() const {
        return tree_.corrupt(page_, "entries that make no sense, or are out of order");
    }

private:
    [[nodiscard]] result<void> begin(page_id page) {
        page_ = page;
        checked_ = {};
        view_.emplace(raw_.data(), tree_.page_bytes());
        const slotted_view<>& leaf = *view_;
        if (leaf.malformed() || !leaf.is_leaf())
            return tree_.corrupt(page, "a node whose bytes make no sense");
        if (!has_right_prefix(leaf, leaf.fences()))
            return tree_.corrupt(page, "a prefix that is not what the fences share");
        // All keys begin with the prefix, and so do the fences: suffixes tell the order. The upper
        // fence of a dense leaf that does not is above all that do.
        const fence_keys fences = leaf.fences();
        lower_ = fences.lower.from(leaf.prefix().size());
        has_upper_ = !fences.upper.empty() && fences.upper.starts_with(leaf.prefix());
        if (has_upper_) upper_ = fences.upper.from(leaf.prefix().size());
        return success();
    }
    [[nodiscard]] static int compare(const node_key_parts& entry, bytes_view key) {
        if (!key.starts_with(entry.prefix))
            return compare_in_page<plain_access>(entry.prefix, key);  // and the suffix says no more
        return compare_in_page<plain_access>(entry.suffix, key.from(entry.prefix.size()));
    }
    [[nodiscard]] bool is_checked(std::size_t at) const noexcept {
        return at >= checked_.from && at < checked_.to;
    }
    //   Effects     it is checked; so are its neighbours still, on one side
    [[nodiscard]] bool check_entry(std::size_t at, const leaf_entry& own) {
        if (own.key.size() > node_limits::max_key_bytes ||
            (own.payload.is_reference && own.payload.value.size() != extent_reference_bytes))
            return false;
        const bytes_view suffix = own.key.suffix;
        if (checked_.to != 0 && at == checked_.to) {
            if (!ascend(last_, suffix) || !is_below_upper(suffix)) return false;
            last_ = suffix;
            ++checked_.to;
            return true;
        }
        if (at + 1 == checked_.from) {
            if (!ascend(suffix, first_) || suffix < lower_) return false;
            first_ = suffix;
            --checked_.from;
            return true;
        }
        if (suffix < lower_ || !is_below_upper(suffix)) return false;
        first_ = last_ = suffix;
        checked_ = {at, at + 1};
        return true;
    }
    [[nodiscard]] bool is_below_upper(bytes_view suffix) const noexcept {
        return !has_upper_ || ascend(suffix, upper_);
    }
    // Four bytes decide most often.
    [[nodiscard]] static bool ascend(bytes_view a, bytes_view b) noexcept {
        if (a.size() >= 4 && b.size() >= 4) {
            const auto first = load_be<std::uint32_t>(a.data());
            const auto second = load_be<std::uint32_t>(b.data());
            if (first != second) return first < second;
        }
        return a < b;
    }

    const Tree& tree_;
    bytes raw_;  // as new memory is: aligned to eight bytes
    std::optional<slotted_view<>> view_;
    page_id page_;
    bytes_view lower_;  // fences without the prefix
    bytes_view upper_;
    bool has_upper_ = false;
    bytes_view first_;  // of what is checked, without the prefix
    bytes_view last_;
    struct {
        std::size_t from = 0;
        std::size_t to = 0;
    } checked_;
    std::optional<optimistic> seen_;
};

}  // namespace mantis::detail
