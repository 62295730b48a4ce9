// SPDX-License-Identifier: BSL-1.0
//
// Erases the entries of a page_tree between two keys, leaf by leaf, and merges what is left.
// The extents of their values go with them.
//
// Threads: any number, each with an object of its own.
#pragma once

#include "tree_merge.hpp"

namespace mantis::detail {

template <class Tree>
class tree_erase_range {
public:
    explicit tree_erase_range(const Tree& tree) noexcept : tree_{tree} {}

    //   Requires    an empty `to` is none
    [[nodiscard]] result<std::uint64_t> run(bytes_view from, bytes_view to) {
        if (!to.empty() && to <= from) return std::uint64_t{0};
        for (bytes_view at = from;; at = next_.view()) {
            auto seen = erase_in_leaf(at, to);
            if (!seen) return stopped(std::move(seen).error());
            retired_.free();
            if (underfull_) tree_merge<Tree>{tree_}.run(at);
            if (*seen == leaf_is::last) return erased_;
        }
    }

private:
    enum class leaf_is : std::uint8_t { last, followed };

    // How many are gone is said in any case: an error has room for a few numbers only.
    [[nodiscard]] error stopped(error why) const {
        why.with("erased", erased_);
        if (why.number("erased") != nullptr) return why;
        return error{why.code(), "erasing a range of a B+tree"}
            .with("table", tree_.table.value)
            .with("erased", erased_);
    }

    //   Effects     next_ is its upper fence, where it is not the last
    [[nodiscard]] result<leaf_is> erase_in_leaf(bytes_view from, bytes_view to) {
        underfull_ = false;
        auto held = retired_.lock_leaf(from, entries_between{from, to});
        if (!held) return std::move(held).error();
        if (auto sound = tree_.verify_held(*held); !sound) return std::move(sound).error();
        const std::size_t first = tree_.view(*held).lower_bound(from).at;
        const slotted_view<> before = tree_.view(*held);
        // What does not begin with the prefix lies before or behind all of the leaf.
        const std::size_t end = to.empty() ? before.count() : before.lower_bound(to).at;
        for (std::size_t at = end; at > first; --at) tree_.node(*held).erase(at - 1);
        if (end > first) erased_ += end - first;
        const slotted_view<> after = tree_.view(*held);
        underfull_ = end > first && is_underfull(after);
        const bytes_view upper = after.fences().upper;
        if (upper.empty() || (!to.empty() && to <= upper)) return leaf_is::last;
        next_.assign(upper);
        return leaf_is::followed;
    }

    const Tree& tree_;
    retired_extents<Tree> retired_{tree_};
    node_key next_;
    bool underfull_ = false;
    std::uint64_t erased_ = 0;
};

}  // namespace mantis::detail
