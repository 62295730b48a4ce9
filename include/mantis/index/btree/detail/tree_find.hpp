// SPDX-License-Identifier: BSL-1.0
//
// Finds an entry of a page_tree and copies its value, wherever that is.
//
// A value in an extent is read after the leaf, with nothing held, and counts if the leaf refers to
// it when its last page has been read. It need not be the same state of the leaf: that may have
// left its frame, and others may change their entries in it. Then the entry is looked for again,
// and has to have the same reference and version. Who frees the pages of an extent changes the
// entry before, and each page that was read says which value it is of, so what was read is that
// value; its checksum says so once more.
//
// What fails counts only if the leaf was the same all the time; else it is begun again. After a few
// attempts the leaf stays pinned while the value is read, and a writer waits for that.
//
// Threads: any number.
#pragma once

#include "extent_reader.hpp"
#include "tree_descent.hpp"
#include "tree_leaf.hpp"

namespace mantis::detail {

template <class Tree>
class tree_find {
    using optimistic = typename Tree::optimistic;

public:
    //   Requires    both live longer
    tree_find(const Tree& tree, leaf_value& into) noexcept : tree_{tree}, into_{into} {}

    //   Effects     `in`, if given, is the leaf of a value that is no extent, or of none; unless it
    //               had to be pinned
    //   Errors      those of the pool; corrupt
    [[nodiscard]] result<void> run(bytes_view key, std::optional<optimistic>* in = nullptr) {
        std::optional<optimistic> leaf;
        const bool may_know = tree_.pool->may_recall();
        const place_name name = may_know ? tree_.name_of(key) : place_name{};
        if (may_know && recall(name, key, leaf)) {
            if (in != nullptr) *in = leaf;
            return success();
        }
        for (unsigned i = 0; i < Tree::attempts; ++i) {
            auto seen = look(key, into_, leaf);
            if (!seen) return std::move(seen).error();
            if (!*seen) continue;
            if (!is_far()) {
                if (may_know && into_.answer == node_answer::found)
                    tree_.pool->remember(name, *leaf, into_.at, into_.offset);
                if (in != nullptr) *in = leaf;
                return answer(leaf->page());
            }
            const auto whole = read(key, seen_leaf{*this, key, *leaf, *leaf});
            if (!whole) return whole.error();
            if (*whole) return success();
        }
        auto held = tree_.pin({key}, 0);
        if (!held) return std::move(held).error();
        copy_value(tree_.view(*held), key, into_);
        if (!is_far()) return answer(held->page());
        const auto whole = read(key, pinned_leaf{});
        if (!whole) return whole.error();
        return success();
    }
    // The same, but a value in an extent is not read.
    [[nodiscard]] result<void> run_without_extent(bytes_view key) {
        std::optional<optimistic> leaf;
        for (unsigned i = 0; i < Tree::attempts; ++i) {
            auto seen = look(key, into_, leaf);
            if (!seen) return std::move(seen).error();
            if (*seen) return answer(leaf->page());
        }
        auto held = tree_.pin({key}, 0);
        if (!held) return std::move(held).error();
        copy_value(tree_.view(*held), key, into_);
        return answer(held->page());
    }

private:
    struct pinned_leaf {
        [[nodiscard]] bool unchanged() const noexcept { return true; }
        [[nodiscard]] bool has_it() const noexcept { return true; }
    };
    struct seen_leaf {
        const tree_find& find;
        bytes_view key;
        optimistic first;
        optimistic last;

        [[nodiscard]] bool unchanged() const { return first.validate(); }
        [[nodiscard]] bool has_it() { return last.validate() || find.finds_it_again(key, last); }
    };

    // Where it was found before, if nothing has changed there.
    [[nodiscard]] bool recall(place_name name, bytes_view key, std::optional<optimistic>& leaf) {
        const auto known = tree_.pool->recall(name);
        if (!known) return false;
        const typename Tree::seen_view view{known->page.data(), tree_.page_bytes()};
        if (tree_.wrong_node(view, known->page.page(), 0) != nullptr ||
            !copy_known_value(view, known->slot, key, into_))
            return false;
        leaf.emplace(known->page);
        return leaf->validate();
    }
    // Once.
    //   Effects     `leaf` is that of the key
    //   Returns     false: something has changed meanwhile
    [[nodiscard]] result<bool> look(bytes_view key, leaf_value& into,
                                    std::optional<optimistic>& leaf) const {
        std::optional<typename Tree::seen_node> at;
        auto there = tree_.seek({key}, 0, at);
        if (!there || !*there) return there;
        copy_value(at->view, key, into);
        leaf.emplace(at->page);
        return leaf->validate();
    }
    [[nodiscard]] bool finds_it_again(bytes_view key, optimistic& leaf) const {
        leaf_value now;
        std::optional<optimistic> at;
        for (unsigned i = 0; i < Tree::attempts; ++i) {
            const auto seen = look(key, now, at);
            if (!seen) return false;
            if (!*seen) continue;
            leaf = *at;
            return now.answer == node_answer::found && now.is_reference &&
                   now.version == into_.version && now.reference() == into_.reference();
        }
        return false;
    }
    template <class Leaf>
    [[nodiscard]] result<bool> read(bytes_view key, Leaf leaf) {
        return read_extent(*tree_.pool, tree_.table, key, into_.reference(), into_.far_bytes, leaf);
    }
    [[nodiscard]] bool is_far() const noexcept {
        return into_.answer == node_answer::found && into_.is_reference;
    }
    [[nodiscard]] result<void> answer(page_id page) const {
        if (into_.answer == node_answer::malformed)
            return tree_.corrupt(page, "an entry that makes no sense");
        return success();
    }

    const Tree& tree_;
    leaf_value& into_;
};

}  // namespace mantis::detail
