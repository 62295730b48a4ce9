// SPDX-License-Identifier: BSL-1.0
//
// Ways from the root of a page_tree down to a node: with nothing held, pinned, or to change it.
//
// Why an optimistic descent arrives at the right node. A child's version is read, and then its
// parent is validated; a page is loaded only for a parent that was validated before. So at one
// moment the parent was what it had been, led to this child, and the child's version was the
// one that is compared later. Whoever gives a page another meaning (split, merge, dropped and made
// again for something else) holds its parent exclusively, from before its first change until the
// parent is right too: then the second validation fails. And a frame that is given to another page
// goes on counting versions, so nothing that was read of the old one is validated.
//
// Who cannot get down, because others change nodes all the time or because the pool has so few
// frames that a parent leaves while its child is loaded, pins node after node, the next before the
// last is let go. Everybody who waits for a latch with another one held goes down, or from left to
// right; going up is tried only.
//
// Threads: any number.
#pragma once

#include "tree_pages.hpp"

#include <optional>

namespace mantis::detail {

template <class Pool, class Numbers>
struct tree_descent : tree_pages<Pool, Numbers> {
    using base = tree_pages<Pool, Numbers>;
    using base::any_level;
    using base::child_failed;
    using base::corrupt;
    using base::page_bytes;
    using base::pool;
    using base::root;
    using typename base::access;
    using typename base::exclusive;
    using typename base::optimistic;
    using typename base::seen_view;
    using typename base::shared;

    // So often an optimistic descent is tried.
    static constexpr unsigned attempts = 8;

    struct seen_node {
        seen_node(const optimistic& at, const seen_view& there) : page{at}, view{there} {}
        optimistic page;
        seen_view view;
    };

    // All go to the node at `level`; to the root, where that is lower.
    //   Errors      those of the pool; corrupt

    //   Returns     none: something has changed meanwhile; begin again. What the view says counts
    //               once the page is validated
    [[nodiscard]] result<std::optional<seen_node>> seek(tree_target to, std::size_t level) const {
        std::optional<seen_node> found;
        if (auto there = seek(to, level, found); !there) return std::move(there).error();
        return found;
    }
    // The same, into the caller's.
    //   Returns     whether it is there
    [[nodiscard]] result<bool> seek(tree_target to, std::size_t level,
                                    std::optional<seen_node>& into) const {
        return seek(to, level, into, [](const optimistic&, const seen_view&, std::size_t) {});
    }
    // The same, and calls through(page, view, child) for each node on the way, with the number of
    // the child that it goes to: after that has been begun, and the node validated.
    template <class Through>
    [[nodiscard]] result<bool> seek(tree_target to, std::size_t level,
                                    std::optional<seen_node>& into, Through through) const {
        into.reset();
        auto next = pool->try_begin(root);
        if (!next)
            if (auto begun = load(root, next); !begun) return std::move(begun).error();
        std::size_t expected = any_level;
        for (;;) {
            const optimistic at = *next;
            const seen_view view{at.data(), page_bytes()};
            if (const char* wrong = this->wrong_node(view, at.page(), expected))
                return rejected(at, wrong);
            if (view.level() <= level) {
                if (!between_fences(view, to)) return rejected(at, "other fences than expected");
                into.emplace(at, view);
                return true;
            }
            page_id child;
            std::size_t which = 0;
            if (!child_towards(view, to, child, which))
                return rejected(at, "a child that makes no sense");
            expected = view.level() - 1;
            next = pool->try_begin(child);
            if (!at.validate()) return false;
            if (!next) {
                auto begun = load(child, next);
                if (!at.validate()) return false;
                if (!begun) return child_failed(std::move(begun).error(), child);
            }
            through(at, view, which);
        }
    }
    [[nodiscard]] result<shared> pin(tree_target to, std::size_t level) const {
        auto held = pool->pin(root);
        if (!held) return held;
        std::size_t expected = any_level;
        for (;;) {
            const slotted_view<> view = this->view(*held);
            if (const char* wrong = this->wrong_node(view, held->page(), expected))
                return corrupt(held->page(), wrong);
            if (view.level() <= level) {
                if (auto right = this->check_node(*held, to, any_level); !right)
                    return std::move(right).error();
                return held;
            }
            page_id child;
            if (!child_towards(view, to, child))
                return corrupt(held->page(), "a child that makes no sense");
            expected = view.level() - 1;
            auto next = pool->pin(child);
            if (!next) return child_failed(std::move(next).error(), child);
            *held = std::move(*next);
        }
    }
    [[nodiscard]] result<exclusive> lock(tree_target to, std::size_t level) const {
        for (unsigned i = 0; i < attempts; ++i) {
            auto seen = seek(to, level);
            if (!seen) return std::move(seen).error();
            if (!*seen) continue;
            auto held = pool->upgrade((*seen)->page);
            if (!held || *held) return held;
        }
        return lock_by_pins(to, level);
    }
    // The child of a node that is held towards a target, to be changed too.
    template <class Held>
    [[nodiscard]] result<exclusive> lock_child(const Held& parent, tree_target to) const {
        const slotted_view<> view = this->view(parent);
        page_id child;
        if (!child_towards(view, to, child))
            return corrupt(parent.page(), "a child that makes no sense");
        auto held = pool->change(child);
        if (!held) return child_failed(std::move(held).error(), child);
        if (auto right = this->check_node(*held, to, view.level() - 1); !right)
            return std::move(right).error();
        return held;
    }

private:
    [[nodiscard]] result<void> load(page_id page, std::optional<optimistic>& into) const {
        auto begun = pool->begin(page);
        if (!begun) return std::move(begun).error();
        into.emplace(*begun);
        return success();
    }
    [[nodiscard]] result<bool> rejected(const optimistic& at, const char* wrong) const {
        if (!at.validate()) return false;
        return corrupt(at.page(), wrong);
    }
    [[nodiscard]] result<exclusive> lock_by_pins(tree_target to, std::size_t level) const {
        {
            auto parent = pin(to, level + 1);
            if (!parent) return std::move(parent).error();
            if (this->view(*parent).level() == level + 1) return lock_child(*parent, to);
        }
        // It is the root, unless that has grown just now.
        auto held = pool->change(root);
        if (!held) return held;
        if (auto right = this->check_node(*held, to, any_level); !right)
            return std::move(right).error();
        while (this->view(*held).level() > level) {
            auto child = lock_child(*held, to);
            if (!child) return child;
            *held = std::move(*child);
        }
        return held;
    }
};

}  // namespace mantis::detail
