// SPDX-License-Identifier: BSL-1.0
//
// Looks at every page of a page_tree.
//
// What it checks, page by page from the root down: verify_node(), which sees the page's number and
// table; that the level is one less than the parent's; and that the fences are the separators (or
// fences) around the child's number in the parent.
//
// That is all there is. Fences that agree make the leaves one chain without gaps, so the keys of
// all leaves ascend; and no page is reached twice: its fences would have to be two different ones,
// for separators ascend strictly, or its level two different ones.
//
// Memory: a copy of a page for each level. No page is held while another is asked for.
#pragma once

#include "tree_descent.hpp"

namespace mantis {

struct page_tree_stats {
    std::uint64_t entries = 0;
    std::uint64_t leaves = 0;
    std::uint64_t inner_nodes = 0;
    std::uint64_t height = 0;      // levels: 1 where the root is a leaf
    std::uint64_t used_bytes = 0;  // of the pages: headers, slots, fences and entries
    std::uint64_t page_bytes = 0;  // of all pages
};

namespace detail {

template <class Tree, class Visit>
class tree_verify {
public:
    tree_verify(const Tree& tree, Visit& visit) noexcept : tree_{tree}, visit_{visit} {}

    [[nodiscard]] result<page_tree_stats> run() {
        page_copy root{tree_.page_bytes()};
        if (auto read = root.read(tree_, tree_.root); !read) return std::move(read).error();
        const slotted_view<> view = root.view();
        if (auto sound = verify_node(view, tree_.owner(tree_.root)); !sound)
            return std::move(sound).error();
        if (view.level() > Tree::max_level)
            return tree_.corrupt(tree_.root, "a level that is not of its kind");
        if (!view.fences().lower.empty() || !view.fences().upper.empty())
            return tree_.corrupt(tree_.root, "a root with fences");
        figures_.height = view.level() + 1;
        if (auto sound = check_below(root, tree_.root); !sound) return std::move(sound).error();
        return figures_;
    }

private:
    class page_copy {
    public:
        explicit page_copy(std::size_t page_bytes) : words_(page_bytes / sizeof(std::uint64_t)) {}

        [[nodiscard]] result<void> read(const Tree& tree, page_id page) {
            return tree.pool->read(page, [&](const auto& seen) {
                seen.copy(words_.data(), 0, words_.size() * sizeof(std::uint64_t));
            });
        }
        [[nodiscard]] slotted_view<> view() const {
            return {reinterpret_cast<const std::byte*>(words_.data()),
                    words_.size() * sizeof(std::uint64_t)};
        }

    private:
        std::vector<std::uint64_t> words_;
    };

    // Counts a sound node, and checks all below it. As deep as the tree is high.
    [[nodiscard]] result<void> check_below(const page_copy& copy, page_id page) {
        const slotted_view<> view = copy.view();
        if (auto seen = visit_(page); !seen) return seen;
        figures_.used_bytes += view.bytes_used();
        figures_.page_bytes += view.page_bytes();
        if (view.is_leaf()) {
            ++figures_.leaves;
            figures_.entries += view.count();
            return success();
        }
        ++figures_.inner_nodes;
        page_copy below{tree_.page_bytes()};
        for (std::size_t at = 0; at <= view.count(); ++at) {
            page_id child;
            if (!view.read_child(at, child.value))
                return tree_.corrupt(page, "a child that makes no sense");
            if (auto read = below.read(tree_, child); !read)
                return tree_.child_failed(std::move(read).error(), child);
            if (auto sound = tree_.verify_child(view, at, below.view(), child); !sound)
                return sound;
            if (auto sound = check_below(below, child); !sound) return sound;
        }
        return success();
    }

    const Tree& tree_;
    Visit& visit_;
    page_tree_stats figures_;
};

}  // namespace detail

}  // namespace mantis
