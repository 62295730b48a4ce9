// SPDX-License-Identifier: BSL-1.0
//
// Merges nodes of a page_tree after an erase.
//
// A node is underfull when its entries take less than two fifths of what its page has beside header
// and fences. It is merged with a neighbour below the same parent when what both need leaves an
// eighth of the page free, so that the next put does not split it again. Two nodes without entries
// always can be.
//
//   1. a look, with nothing locked: would a merge with one of the neighbours fit?
//   2. the parent is locked, then both, from left to right; all three are verified
//   3. the right one's entries move, the parent forgets it, and its page is dropped
//   4. the same again, for the parent, when that is underfull; and, when two inner nodes were
//      merged, for the two of their children that are neighbours only now
//
// All of it may be left undone: an error ends it, and so does a great number of rounds.
//
// Threads: any number, each with an object of its own.
#pragma once

#include "tree_split.hpp"

namespace mantis::detail {

template <class Access>
[[nodiscard]] bool is_underfull(const slotted_view<Access>& node) noexcept {
    const std::size_t others =
        node.slots_begin() + node.fences().lower.size() + node.fences().upper.size();
    const std::size_t used = node.bytes_used();
    return used >= others && (used - others) * 5 < (node.page_bytes() - others) * 2;
}

// Child `at` of a sound node, to be changed, and verified.
template <class Tree>
[[nodiscard]] result<typename Tree::exclusive> lock_sound_child(
    const Tree& tree, const typename Tree::exclusive& parent, std::size_t at) {
    const slotted_view<> view = tree.view(parent);
    page_id child;
    if (!view.read_child(at, child.value) || child.value == 0)
        return tree.corrupt(parent.page(), "a child that makes no sense");
    auto held = tree.pool->change(child);
    if (!held) return tree.child_failed(std::move(held).error(), child);
    if (auto sound = tree.verify_child(view, at, tree.view(*held), child); !sound)
        return std::move(sound).error();
    return held;
}

template <class Tree>
class tree_merge {
    using exclusive = typename Tree::exclusive;
    using seen_view = typename Tree::seen_view;
    using seen_node = typename Tree::seen_node;

public:
    explicit tree_merge(const Tree& tree) noexcept : tree_{tree} {}

    //   Effects     merges what can be around the leaf of `key`, and above it
    void run(bytes_view key) {
        where_.assign(key);
        level_ = 0;
        for (unsigned round = 0; round < most_rounds; ++round) {
            const auto looked = look();
            if (!looked || *looked == next_step::stop) return;
            if (*looked == next_step::go_up) {
                ++level_;
                continue;
            }
            if (!may_merge()) return;
            const auto merged = merge_here();
            if (!merged || *merged == next_step::stop) return;
            if (*merged == next_step::go_up) ++level_;
        }
    }

private:
    // Far more than one erase leaves to merge: others may go on erasing around here all the time.
    static constexpr unsigned most_rounds = 1000;

    enum class next_step : std::uint8_t { stop, go_up, merge };

    // A pool may have better use for its room.
    [[nodiscard]] bool may_merge() const {
        if constexpr (requires { tree_.pool->may_merge(); }) return tree_.pool->may_merge();
        else return true;
    }
    [[nodiscard]] tree_target target() const noexcept { return {where_.view()}; }
    [[nodiscard]] std::size_t most_bytes() const noexcept { return tree_.page_bytes() / 8 * 7; }

    // Whether there is something to merge, as far as can be seen with nothing locked.
    [[nodiscard]] result<next_step> look() const {
        for (unsigned i = 0; i < Tree::attempts; ++i) {
            auto parent = tree_.seek(target(), level_ + 1);
            if (!parent) return std::move(parent).error();
            if (!*parent) continue;
            const auto step = look_below(**parent);
            if (!step || (*parent)->page.validate()) return step;
        }
        return next_step::merge;
    }
    [[nodiscard]] result<next_step> look_below(const seen_node& parent) const {
        const seen_view& view = parent.view;
        const bool is_root = parent.page.page() == tree_.root;
        if (view.level() <= level_) return next_step::stop;
        if (view.count() == 0) return is_root ? next_step::merge : next_step::go_up;
        const std::size_t at = view.child_of(where_.view()).at;
        const figures own = figures_of(parent, at);
        for (const std::size_t other : {at + 1, at - 1})
            if (other <= view.count() && would_fit(own, figures_of(parent, other)))
                return next_step::merge;
        return is_underfull(view) && !is_root ? next_step::go_up : next_step::stop;
    }
    struct figures {
        std::size_t entry_bytes = ~std::size_t{0};
        bool underfull = false;
    };
    // At least what it takes: the prefix of the merged node is never longer than it was.
    [[nodiscard]] figures figures_of(const seen_node& parent, std::size_t at) const {
        page_id child;
        if (!parent.view.read_child(at, child.value) || !parent.page.validate()) return {};
        const auto begun = tree_.pool->begin(child);
        if (!begun) return {};
        const seen_view view{begun->data(), tree_.page_bytes()};
        if (view.malformed()) return {};
        const std::size_t others =
            view.slots_begin() + view.fences().lower.size() + view.fences().upper.size();
        const std::size_t used = view.bytes_used();
        return {used > others ? used - others : 0, is_underfull(view)};
    }
    [[nodiscard]] bool would_fit(figures one, figures other) const noexcept {
        const std::size_t most = most_bytes() - node_slots_offset;
        return (one.underfull || other.underfull) && one.entry_bytes <= most &&
               other.entry_bytes <= most - one.entry_bytes;
    }

    // Step 2 and 3.
    [[nodiscard]] result<next_step> merge_here() {
        auto parent = tree_.lock(target(), level_ + 1);
        if (!parent) return std::move(parent).error();
        if (auto sound = tree_.verify_held(*parent); !sound) return std::move(sound).error();
        if (tree_.view(*parent).level() <= level_) return next_step::stop;
        const std::size_t at = tree_.view(*parent).child_of(where_.view()).at;
        bool merged = false;
        for (const std::size_t left : {at, at - 1}) {
            if (left >= tree_.view(*parent).count()) continue;
            auto done = merge_pair(*parent, left);
            if (!done) return std::move(done).error();
            if (*done) {
                merged = true;
                break;
            }
        }
        const slotted_view<> view = tree_.view(*parent);
        const bool is_root = parent->page() == tree_.root;
        if (view.count() == 0 && is_root) return shrink_root(*parent);
        if (merged) return merged_step();
        return is_underfull(view) && !is_root ? next_step::go_up : next_step::stop;
    }
    // What else may be merged now: around the same place, or below it, where two nodes have become
    // neighbours.
    [[nodiscard]] next_step merged_step() noexcept {
        if (level_ != 0) --level_;
        return next_step::merge;
    }
    //   Requires    the parent is sound, and left < its count
    //   Returns     whether child `left` has taken the next one's entries
    [[nodiscard]] result<bool> merge_pair(exclusive& parent, std::size_t at) {
        auto left = lock_child(parent, at);
        if (!left) return std::move(left).error();
        auto right = lock_child(parent, at + 1);
        if (!right) return std::move(right).error();
        if (!is_underfull(tree_.view(*left)) && !is_underfull(tree_.view(*right))) return false;
        auto into = tree_.node(*left);
        const auto from = tree_.node(*right);
        if (into.bytes_merged(from) > most_bytes()) return false;
        if (level_ != 0) where_.assign(from.view().fences().lower);
        into.merge(from);
        tree_.node(parent).erase_child(at);
        drop_page(tree_, std::move(*right));
        return true;
    }
    [[nodiscard]] result<exclusive> lock_child(const exclusive& parent, std::size_t at) const {
        return lock_sound_child(tree_, parent, at);
    }
    //   Requires    the root is sound and has one child
    //   Effects     takes its contents
    [[nodiscard]] result<next_step> shrink_root(exclusive& root) {
        auto child = lock_child(root, 0);
        if (!child) return std::move(child).error();
        copy_node(tree_, tree_.view(*child), root);
        drop_page(tree_, std::move(*child));
        return level_ == 0 ? next_step::stop : merged_step();
    }

    const Tree& tree_;
    node_key where_;
    std::size_t level_ = 0;
};

}  // namespace mantis::detail
