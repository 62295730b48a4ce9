// SPDX-License-Identifier: BSL-1.0
//
// How many levels and nodes a page_tree has, and how full its leaves are, without reading them all:
// inner nodes say how many leaves there are, and of so many leaves, evenly spread, each is as good
// as its neighbours.
//
// Each node is held for as long as it is looked at, and the way to the next one is a new one: so
// what is split or merged meanwhile may be counted as it was or as it is.
//
// Threads: any number.
#pragma once

#include "../../index_shape.hpp"
#include "extent_layout.hpp"
#include "tree_descent.hpp"

namespace mantis::detail {

template <class Tree>
class tree_shape {
public:
    explicit tree_shape(const Tree& tree) noexcept : tree_{tree} {}

    static constexpr std::uint64_t most_leaves_read = 128;

    //   Returns     all but `entries`
    [[nodiscard]] result<index_shape> run() const {
        index_shape seen;
        seen.page_bytes = tree_.page_bytes();
        auto height = levels();
        if (!height) return std::move(height).error();
        seen.height = *height;
        for (std::size_t level = seen.height; --level != 0;) {
            seen.leaves = 0;
            auto walked = each(level, [&](const slotted_view<>& node) -> result<void> {
                if (node.is_leaf()) return success();  // it is the root by now
                ++seen.inner_nodes;
                seen.leaves += node.count() + 1;
                return success();
            });
            if (!walked) return std::move(walked).error();
        }
        if (seen.leaves == 0) seen.leaves = 1;
        if (auto read = read_leaves(seen); !read) return std::move(read).error();
        return seen;
    }

private:
    struct sample {
        std::uint64_t leaves = 0;
        std::uint64_t used_bytes = 0;
        std::uint64_t value_pages = 0;
    };

    [[nodiscard]] result<std::uint64_t> levels() const {
        auto root = tree_.pin({}, Tree::max_level);
        if (!root) return std::move(root).error();
        return tree_.view(*root).level() + 1;
    }
    // Calls f(view) for the nodes of a level, from left to right; for the root, if that is lower.
    template <class F>
    [[nodiscard]] result<void> each(std::size_t level, F f) const {
        node_key from;
        do {
            auto held = tree_.pin({from.view()}, level);
            if (!held) return std::move(held).error();
            const slotted_view<> view = tree_.view(*held);
            if (!view.copy_upper_fence(from))
                return tree_.corrupt(held->page(), "a fence longer than a key");
            if (auto seen = f(view); !seen) return seen;
        } while (!from.view().empty());
        return success();
    }
    [[nodiscard]] result<void> read_leaves(index_shape& seen) const {
        const std::uint64_t stride = (seen.leaves + most_leaves_read - 1) / most_leaves_read;
        sample read;
        std::uint64_t behind = 0;  // of all leaves, that are to the right of the parents seen
        auto walked = each(1, [&](const slotted_view<>& parent) -> result<void> {
            if (parent.is_leaf()) return read_leaf(parent, read);
            std::uint64_t at = behind;
            for (; at <= parent.count(); at += stride)
                if (auto one = read_child(parent, at, read); !one) return one;
            behind = at - (parent.count() + 1);
            return success();
        });
        if (!walked || read.leaves == 0) return walked;
        seen.fill_percent = read.used_bytes * 100 / (read.leaves * seen.page_bytes);
        seen.value_pages = (read.value_pages * seen.leaves + read.leaves / 2) / read.leaves;
        return success();
    }
    //   Requires    the parent is held
    [[nodiscard]] result<void> read_child(const slotted_view<>& parent, std::size_t at,
                                          sample& into) const {
        page_id child;
        if (!parent.read_child(at, child.value))
            return tree_.corrupt({parent.owner().page}, "a child that makes no sense");
        auto held = tree_.pool->pin(child);
        if (!held) return tree_.child_failed(std::move(held).error(), child);
        const slotted_view<> leaf = tree_.view(*held);
        if (const char* wrong = tree_.wrong_node(leaf, child, 0))
            return tree_.corrupt(child, wrong);
        return read_leaf(leaf, into);
    }
    [[nodiscard]] result<void> read_leaf(const slotted_view<>& leaf, sample& into) const {
        ++into.leaves;
        into.used_bytes += leaf.bytes_used();
        leaf_entry entry;
        for (std::size_t at = 0; at < leaf.count(); ++at) {
            if (!leaf.read_leaf_entry(at, entry))
                return tree_.corrupt({leaf.owner().page}, "an entry that makes no sense");
            if (!entry.payload.is_reference) continue;
            const extent_reference to = load_extent_reference(entry.payload.value.data());
            if (!to.makes_sense())
                return tree_.corrupt({leaf.owner().page}, "a reference that makes no sense");
            into.value_pages += extent_shape{tree_.page_bytes(), to.value_bytes}.page_count();
        }
        return success();
    }

    const Tree& tree_;
};

}  // namespace mantis::detail
