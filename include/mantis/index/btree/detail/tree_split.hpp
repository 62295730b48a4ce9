// SPDX-License-Identifier: BSL-1.0
//
// Puts an entry into a page_tree whose leaf has no room for it.
//
//   1. the leaf's parent and the leaf are locked. Often there is room by now; else, if the parent
//      takes another separator, the leaf is split, and the entry is put into one half
//   2. if not, all from the root down is locked, at most three pages at a time, and each inner node
//      that might be too small for another separator is split on the way
//
// A key that a dense leaf does not take may want that more than once: a half that is dense and full
// is cut again (slotted_node.hpp).
//
// The root keeps its number: what it has goes into two new pages below it.
//
// Invariants:
//   1. every page that a split needs is held, and verified, before the first byte changes: from
//      there on that split cannot fail
//
// Threads: any number, each with an object of its own.
#pragma once

#include "retired_extents.hpp"
#include "tree_leaf.hpp"

namespace mantis::detail {

template <class Tree>
[[nodiscard]] result<typename Tree::exclusive> make_page(const Tree& tree) {
    auto number = tree.numbers->take();
    if (!number) return std::move(number).error();
    auto made = tree.pool->make(*number);
    if (!made) tree.numbers->give_back(*number);
    return made;
}
//   Requires    no node leads to it any more
template <class Tree>
void drop_page(const Tree& tree, typename Tree::exclusive held) {
    const page_id page = held.page();
    tree.pool->drop(std::move(held));
    tree.numbers->give_back(page);
}
// Another page gets the node, with its own number.
template <class Tree>
void copy_node(const Tree& tree, const slotted_view<>& from, typename Tree::exclusive& into) {
    slotted_build made{tree.page_bytes(), from.header(), from.fences()};
    made.set_page(into.page().value);
    made.append(from, 0, from.count());
    made.set_rightmost_child(from.header().rightmost_child);
    Tree::access::write(into.data(), made.finish(), tree.page_bytes());
}

template <class Tree>
class tree_put {
    using exclusive = typename Tree::exclusive;

public:
    //   Requires    node_limits::takes(key, payload)
    //   Effects     `replaced` knows the extent that the entry had
    tree_put(const Tree& tree, bytes_view key, node_payload payload, lsn version,
             retired_extents<Tree>& replaced) noexcept
        : tree_{tree}, key_{key}, payload_{payload}, version_{version}, replaced_{replaced} {}

    //   Returns     not no_room
    [[nodiscard]] result<leaf_put> run() {
        for (;;) {
            auto in = put_at_parent();
            if (!in || *in != leaf_put::no_room) return in;
            in = put_from_root();
            if (!in || *in != leaf_put::no_room) return in;
        }
    }

private:
    [[nodiscard]] tree_target target() const noexcept { return {key_}; }
    [[nodiscard]] result<leaf_put> put_into(exclusive& leaf) {
        return put_into_leaf(tree_, leaf, key_, payload_, version_);
    }
    [[nodiscard]] exclusive& half_of(const node_split& plan, exclusive& left,
                                     exclusive& right) const {
        return key_ < plan.separator.view() ? left : right;
    }

    //   Returns     no_room: the parent has none, or the leaf was split and has none yet
    [[nodiscard]] result<leaf_put> put_at_parent() {
        auto parent = tree_.lock(target(), 1);
        if (!parent) return std::move(parent).error();
        if (tree_.view(*parent).is_leaf()) return put_into_root(*parent);
        if (auto sound = tree_.verify_held(*parent); !sound) return std::move(sound).error();
        return put_below(*parent);
    }
    //   Requires    `parent` is sound
    [[nodiscard]] result<leaf_put> put_below(exclusive& parent) {
        auto leaf = tree_.lock_child(parent, target());
        if (!leaf) return std::move(leaf).error();
        if (auto ready = replaced_.prepare(*leaf, entry_of{key_}); !ready)
            return std::move(ready).error();
        auto in = put_into(*leaf);
        if (!in || *in != leaf_put::no_room) return in;
        if (auto sound = verify_child(parent, *leaf); !sound) return std::move(sound).error();
        const node_split plan = plan_leaf(*leaf);
        if (!has_room(parent, plan.separator.view().size())) return leaf_put::no_room;
        auto right = split_child(parent, *leaf, plan);
        if (!right) return std::move(right).error();
        return put_into_half(plan, *leaf, *right);
    }
    [[nodiscard]] result<leaf_put> put_into_root(exclusive& root) {
        if (auto ready = replaced_.prepare(root, entry_of{key_}); !ready)
            return std::move(ready).error();
        auto in = put_into(root);
        if (!in || *in != leaf_put::no_room) return in;
        if (auto sound = tree_.verify_held(root); !sound) return std::move(sound).error();
        const node_split plan = plan_leaf(root);
        auto both = split_root(root, plan);
        if (!both) return std::move(both).error();
        return put_into_half(plan, both->left, both->right);
    }
    [[nodiscard]] result<leaf_put> put_into_half(const node_split& plan, exclusive& left,
                                                 exclusive& right) {
        exclusive& half = half_of(plan, left, right);
        auto in = put_into(half);
        check(in && (*in != leaf_put::no_room || tree_.view(half).is_dense()),
              "page_tree: an entry does not fit into half a leaf");
        return in;
    }

    [[nodiscard]] result<leaf_put> put_from_root() {
        auto held = tree_.pool->change(tree_.root);
        if (!held) return std::move(held).error();
        if (auto right = tree_.check_node(*held, target(), Tree::any_level); !right)
            return std::move(right).error();
        if (auto sound = tree_.verify_held(*held); !sound) return std::move(sound).error();
        if (tree_.view(*held).is_leaf()) return put_into_root(*held);
        if (!has_room(*held, tree_.limits().key_bytes())) {
            const node_split plan = plan_inner(*held);
            auto both = split_root(*held, plan);
            if (!both) return std::move(both).error();
            *held = std::move(half_of(plan, both->left, both->right));
        }
        while (tree_.view(*held).level() > 1) {
            auto next = roomy_child(*held);
            if (!next) return std::move(next).error();
            *held = std::move(*next);
        }
        return put_below(*held);
    }
    // The next inner node on the way, with room for every separator.
    //   Requires    `parent` is sound, and has that too
    [[nodiscard]] result<exclusive> roomy_child(exclusive& parent) {
        auto child = tree_.lock_child(parent, target());
        if (!child) return child;
        if (auto sound = verify_child(parent, *child); !sound) return std::move(sound).error();
        if (has_room(*child, tree_.limits().key_bytes())) return child;
        const node_split plan = plan_inner(*child);
        auto right = split_child(parent, *child, plan);
        if (!right) return right;
        return std::move(half_of(plan, *child, *right));
    }

    [[nodiscard]] result<void> verify_child(const exclusive& parent, const exclusive& child) const {
        const slotted_view<> above = tree_.view(parent);
        return tree_.verify_child(above, above.child_of(key_).at, tree_.view(child), child.page());
    }
    [[nodiscard]] node_split plan_leaf(exclusive& leaf) const {
        const node_place place = tree_.view(leaf).lower_bound(key_);
        return tree_.node(leaf).plan_leaf_split(place.at, place.answer == node_answer::found, key_,
                                                payload_.value.size());
    }
    [[nodiscard]] node_split plan_inner(exclusive& held) const {
        return tree_.node(held).plan_inner_split(tree_.view(held).child_of(key_).at);
    }
    //   Requires    `inner` is sound
    [[nodiscard]] bool has_room(const exclusive& inner, std::size_t separator_bytes) const {
        const slotted_view<> view = tree_.view(inner);
        const std::size_t prefix = view.prefix().size();
        const std::size_t suffix = separator_bytes > prefix ? separator_bytes - prefix : 0;
        return node_limits::inner_entry_bytes(suffix) <= view.free_bytes();
    }

    //   Requires    both are sound, and the parent has room for the separator
    //   Returns     the new right one; an error: nothing has changed
    [[nodiscard]] result<exclusive> split_child(exclusive& parent, exclusive& child,
                                                const node_split& plan) {
        auto right = make_page(tree_);
        if (!right) return right;
        const std::size_t at = tree_.view(parent).child_of(key_).at;
        const std::uint64_t number = right->page().value;
        tree_.node(child).split(plan, tree_.node(*right), number);
        check(tree_.node(parent).insert_child(at, plan.separator.view(), number),
              "page_tree: room for a separator is counted wrong");
        return right;
    }
    struct halves {
        exclusive left;
        exclusive right;
    };
    //   Requires    `root` is sound
    //   Returns     its two new children; an error: nothing has changed
    [[nodiscard]] result<halves> split_root(exclusive& root, const node_split& plan) {
        auto left = make_page(tree_);
        if (!left) return std::move(left).error();
        auto right = make_page(tree_);
        if (!right) {
            drop_page(tree_, std::move(*left));
            return std::move(right).error();
        }
        const slotted_view<> before = tree_.view(root);
        copy_node(tree_, before, *left);
        tree_.node(*left).split(plan, tree_.node(*right), right->page().value);
        auto node = tree_.node(root);
        node.init_inner(before.level() + 1, tree_.owner(tree_.root), {}, left->page().value);
        check(node.insert_child(0, plan.separator.view(), right->page().value),
              "page_tree: a root without separators has no room");
        return halves{std::move(*left), std::move(*right)};
    }

    const Tree& tree_;
    const bytes_view key_;
    const node_payload payload_;
    const lsn version_;
    retired_extents<Tree>& replaced_;
};

}  // namespace mantis::detail
