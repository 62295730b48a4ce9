// SPDX-License-Identifier: BSL-1.0
//
// Where an entry of a page_tree is, or would be, in one state of its leaf: so that who has looked
// for it and puts it soon after need not go down the tree again.
//
// It holds nothing. What changes the leaf, or takes it out of its frame, makes the place useless,
// and the put goes down the tree. None is known of a value in an extent: its pages have to be
// listed before the leaf changes.
//
// Threads: like an int.
#pragma once

#include "tree_descent.hpp"
#include "tree_leaf.hpp"

namespace mantis::detail {

template <class Tree>
class tree_place {
    using optimistic = typename Tree::optimistic;

public:
    tree_place() noexcept = default;
    //   Requires    `leaf` was validated after `at` was read
    tree_place(const optimistic& leaf, node_place at, std::size_t offset) noexcept
        : leaf_{leaf}, at_{at}, offset_{offset} {}

    // Whether one is known, and all is still as it was.
    [[nodiscard]] bool is_there() const { return leaf_ && leaf_->validate(); }

    // Looks for it once.
    //   Returns     false: nothing is known, for the leaf changes, makes no sense, or has the value
    //               in an extent
    //   Errors      those of the pool; corrupt: of nodes
    [[nodiscard]] result<bool> find(const Tree& tree, bytes_view key) {
        leaf_.reset();
        if (tree.pool->may_recall() && recall(tree, key)) return true;
        std::optional<typename Tree::seen_node> seen;
        auto there = tree.seek({key}, 0, seen);
        if (!there || !*there) return there;
        at_ = seen->view.lower_bound(key);
        leaf_entry entry;
        if (at_.answer == node_answer::malformed) return false;
        if (at_.answer == node_answer::found &&
            (!seen->view.read_leaf_entry(at_.at, entry) || entry.payload.is_reference))
            return false;
        if (at_.answer == node_answer::found) offset_ = offset_of(seen->view, entry);
        seen->view.fetch_gap();
        if (!seen->page.validate()) return false;
        leaf_.emplace(seen->page);
        return true;
    }

    // Puts the entry that it was found for.
    //   Requires    `tree` is the one of find(), and the leaf takes the payload
    //   Returns     no_room: nothing has changed, for the leaf has no room, or is not as it was
    //   Errors      those of the pool; corrupt
    [[nodiscard]] result<leaf_put> put(const Tree& tree, bytes_view key, node_payload payload,
                                       lsn version) const {
        if (!leaf_) return leaf_put::no_room;
        auto held = tree.pool->upgrade(*leaf_);
        if (!held) return std::move(held).error();
        if (!*held) return leaf_put::no_room;
        // The way down has looked at the rest of what check_leaf() looks at.
        if (auto right = check_prefix(tree, *held); !right) return std::move(right).error();
        auto done = put_at(tree, *held, at_, key, payload, version);
        if (done && *done == leaf_put::replaced)
            tree.pool->remember(tree.name_of(key), *held, at_.at, offset_);
        return done;
    }

private:
    [[nodiscard]] bool recall(const Tree& tree, bytes_view key) {
        const auto known = tree.pool->recall(tree.name_of(key));
        if (!known) return false;
        const typename Tree::seen_view view{known->page.data(), tree.page_bytes()};
        leaf_entry entry;
        if (tree.wrong_node(view, known->page.page(), 0) != nullptr ||
            !read_known_entry(view, known->slot, key, entry))
            return false;
        at_ = {known->slot, node_answer::found};
        offset_ = offset_of(view, entry);
        if (!known->page.validate()) return false;
        leaf_.emplace(known->page);
        return true;
    }
    template <class View>
    [[nodiscard]] static std::size_t offset_of(const View& leaf, const leaf_entry& entry) noexcept {
        return static_cast<std::size_t>(entry.payload.value.data() - leaf.page());
    }

    std::optional<optimistic> leaf_;
    node_place at_;
    std::size_t offset_ = 0;  // of the value in the page, about
};

}  // namespace mantis::detail
