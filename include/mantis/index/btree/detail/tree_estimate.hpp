// SPDX-License-Identifier: BSL-1.0
//
// About how many entries of a page_tree lie between two keys, from the nodes on the two ways down:
// how many children lie between where they part, times how many entries such a child has. That is
// known of leaves, by these two. Of higher ones it is an equal share of all entries, where somebody
// counts those; else what it would be if all nodes had as many children and entries as these.
//
// Two keys in one leaf give the exact number.
//
// Threads: any number.
#pragma once

#include "tree_descent.hpp"

namespace mantis::detail {

template <class Tree>
class tree_estimate {
public:
    explicit tree_estimate(const Tree& tree) noexcept : tree_{tree} {}

    //   Requires    from <= to; an empty `to` is none; the tree has `entries`, or that is 0
    [[nodiscard]] result<std::uint64_t> between(bytes_view from, bytes_view to,
                                                std::uint64_t entries) const {
        auto left = way_to({from});
        if (!left) return std::move(left).error();
        auto right = way_to(to.empty() ? tree_target{{}, tree_side::last} : tree_target{to});
        if (!right) return std::move(right).error();
        const std::size_t levels = left->levels < right->levels ? left->levels : right->levels;
        count one;
        count other;
        double found = 0;
        for (std::size_t level = 0; level < levels; ++level) {
            const place a = left->places[level];
            const place b = right->places[level];
            // The ways part here, or further down; in the nodes above the same child is taken.
            if (a.page == b.page && a.at < b.at) {
                if (level > 1 && entries != 0) {
                    const double share = static_cast<double>(entries) / children_at(*left, level);
                    one.is(share);
                    other.is(share);
                }
                found = one.all - one.before + other.before +
                        static_cast<double>(b.at - a.at - 1) * (one.all + other.all) / 2;
            }
            one.add(a);
            other.add(b);
        }
        constexpr double most = 1e18;  // nodes that lie may say more
        return static_cast<std::uint64_t>((found < most ? found : most) + 0.5);
    }

private:
    struct place {
        page_id page;
        std::size_t at = 0;     // of the child, or entry
        std::size_t count = 0;  // of children, or entries
        // A tree that grew meanwhile may have no place of that level.
        [[nodiscard]] double number() const noexcept {
            return static_cast<double>(count == 0 ? 1 : count);
        }
    };
    // Of the child that is taken: entries in it, and before the key.
    struct count {
        double all = 1;
        double before = 0;
        void add(const place& in) noexcept {
            before += all * static_cast<double>(in.at);
            all *= in.number();
        }
        void is(double entries) noexcept {
            before *= entries / all;
            all = entries;
        }
    };
    struct way {
        place places[Tree::max_level + 1];
        std::size_t levels = 0;
    };

    // Of all nodes at that level, if each has as many as those on the way.
    [[nodiscard]] static double children_at(const way& down, std::size_t level) noexcept {
        double children = 1;
        for (; level < down.levels; ++level) children *= down.places[level].number();
        return children;
    }
    [[nodiscard]] result<way> way_to(tree_target to) const {
        way found;
        auto top = place_at(to, Tree::max_level, found);
        if (!top) return std::move(top).error();
        for (std::size_t level = found.levels - 1; level-- != 0;)
            if (auto below = place_at(to, level, found); !below) return std::move(below).error();
        return found;
    }
    // Notes the place in the node at `level`, or in the root.
    [[nodiscard]] result<void> place_at(tree_target to, std::size_t level, way& into) const {
        for (unsigned i = 0; i < Tree::attempts; ++i) {
            auto seen = tree_.seek(to, level);
            if (!seen) return std::move(seen).error();
            if (!*seen) continue;
            const bool noted = note((*seen)->view, (*seen)->page.page(), to, into);
            if (!(*seen)->page.validate()) continue;
            if (!noted) return tree_.corrupt((*seen)->page.page(), "an entry that makes no sense");
            return success();
        }
        auto held = tree_.pin(to, level);
        if (!held) return std::move(held).error();
        if (!note(tree_.view(*held), held->page(), to, into))
            return tree_.corrupt(held->page(), "an entry that makes no sense");
        return success();
    }
    template <class Access>
    [[nodiscard]] static bool note(const slotted_view<Access>& node, page_id page, tree_target to,
                                   way& into) {
        node_place found{node.count(), node_answer::absent};
        if (to.side == tree_side::at)
            found = node.is_leaf() ? node.lower_bound(to.key) : node.child_of(to.key);
        if (found.answer == node_answer::malformed || node.level() > Tree::max_level) return false;
        into.places[node.level()] = {page, found.at, node.count() + (node.is_leaf() ? 0 : 1)};
        if (node.level() + 1 > into.levels) into.levels = node.level() + 1;
        return true;
    }

    const Tree& tree_;
};

}  // namespace mantis::detail
