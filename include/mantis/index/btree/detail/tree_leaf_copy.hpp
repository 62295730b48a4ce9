// SPDX-License-Identifier: BSL-1.0
//
// A copy of one leaf of a page_tree, as it was at one moment: entries can be handed out from it
// with no latch held.
//
// Invariants:
//   1. once loaded, its keys ascend between its fences, and all entries lie in the page
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
    explicit tree_leaf_copy(const Tree& tree)
        : tree_{tree}, words_(tree.page_bytes() / sizeof(std::uint64_t)) {}

    [[nodiscard]] result<void> load(tree_target to) {
        seen_.reset();
        for (unsigned i = 0; i < Tree::attempts; ++i) {
            auto at = tree_.seek(to, 0);
            if (!at) return std::move(at).error();
            if (!*at) continue;
            const optimistic& page = (*at)->page;
            access::copy(bytes(), page.data(), tree_.page_bytes());
            if (!page.validate()) continue;
            seen_.emplace(page);
            return check_entries(page.page());
        }
        auto held = tree_.pin(to, 0);
        if (!held) return std::move(held).error();
        std::memcpy(bytes(), held->data(), tree_.page_bytes());
        return check_entries(held->page());
    }
    //   Returns     whether the tree certainly still has this leaf as it is here
    [[nodiscard]] bool is_current() const { return seen_ && seen_->validate(); }

    //   Requires    loaded; so all below
    [[nodiscard]] slotted_view<> view() const {
        return {reinterpret_cast<const std::byte*>(words_.data()), tree_.page_bytes()};
    }
    [[nodiscard]] leaf_entry entry(std::size_t at) const {
        leaf_entry read;
        check(view().read_leaf_entry(at, read), "page_tree: an entry was checked and is damaged");
        return read;
    }

private:
    [[nodiscard]] std::byte* bytes() noexcept {
        return reinterpret_cast<std::byte*>(words_.data());
    }
    [[nodiscard]] result<void> check_entries(page_id page) const {
        const slotted_view<> leaf = view();
        if (leaf.malformed() || !leaf.is_leaf())
            return tree_.corrupt(page, "a node whose bytes make no sense");
        const fence_keys fences = leaf.fences();
        if (leaf.prefix().size() != shared_by_fences(fences))
            return tree_.corrupt(page, "a prefix that is not what the fences share");
        const bytes_view lower = fences.lower.from(leaf.prefix().size());
        bytes_view last;
        for (std::size_t at = 0; at < leaf.count(); ++at) {
            leaf_entry read;
            if (!leaf.read_leaf_entry(at, read) || read.key.size() > node_limits::max_key_bytes ||
                (read.payload.is_reference && read.payload.value.size() != extent_reference_bytes))
                return tree_.corrupt(page, "an entry that makes no sense");
            const bytes_view suffix = read.key.suffix;
            if (at == 0 ? suffix < lower : suffix <= last)
                return tree_.corrupt(page, "keys out of order");
            last = suffix;
        }
        if (leaf.count() != 0 && !fences.upper.empty() &&
            last >= fences.upper.from(leaf.prefix().size()))
            return tree_.corrupt(page, "a key outside the fences");
        return success();
    }

    const Tree& tree_;
    std::vector<std::uint64_t> words_;
    std::optional<optimistic> seen_;
};

}  // namespace mantis::detail
