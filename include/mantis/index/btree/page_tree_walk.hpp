// SPDX-License-Identifier: BSL-1.0
//
// Goes over a page_tree from below upwards and copies its entries into a row_batch, as many at a
// time as are asked for.
//
//   page_tree_walk walk{tree};
//   row_batch rows;
//   for (bytes from; ; from = what comes behind the last row, rows.clear()) {
//       auto ended = walk.read(from, {}, 8 * KiB, rows);
//       ...
//   }
//
// Each entry is copied once, to where it is used. Between two calls nothing is held: the walk knows
// its leaf and the slot it has come to, and the parent of the leaf, each in the state in which it
// saw them. As long as the tree has them so, a call goes on at the slot, and from one leaf to the
// next by way of their parent; else the place is looked for from the root, by its key. So small
// batches cost little, and a leaf that has not changed is never looked for twice.
//
// Why the next leaf is the right one: its state is read, and then the parent is validated, as in
// detail/tree_descent.hpp. So at one moment the parent led to it as the leaf behind the last one,
// and its fences say so.
//
// Rows of one call that are of one leaf are of one moment. An entry that is there throughout is
// seen; one that comes or goes meanwhile may be. A value in an extent is read when the walk comes
// to it; where it has gone by then, there is no row.
//
// Threads: like an int; the tree lives longer.
#pragma once

#include "detail/leaf_rows.hpp"
#include "page_tree.hpp"

namespace mantis {

template <class Pool, page_numbers Numbers>
class page_tree_walk {
    using descent = detail::tree_descent<Pool, Numbers>;
    using access = typename descent::access;
    using seen_node = typename descent::seen_node;
    using optimistic = typename descent::optimistic;
    using seen_view = typename descent::seen_view;

public:
    explicit page_tree_walk(const page_tree<Pool, Numbers>& tree) noexcept : tree_{tree.tree_} {}

    // Copies entries with from <= key < to, ascending, behind the rows that there are, until the
    // batch holds `limit` bytes; an empty `to` has no end.
    //   Requires    after a call that answered false: `from` is the least key behind the last row;
    //               else anything
    //   Returns     whether the range has ended before the limit
    //   Errors      those of the pool; corrupt. The batch may have rows; `from` may be any then
    [[nodiscard]] result<bool> read(bytes_view from, bytes_view to, std::size_t limit,
                                    row_batch& rows) {
        if (!to.empty() && to <= from) return true;
        auto ended = run({from}, {to, limit, &rows});
        if (!ended || *ended) leaf_.reset();
        return ended;
    }

private:
    using leaf_end = detail::leaf_end;

    [[nodiscard]] result<bool> run(detail::walk_goal goal, const detail::walk_wish& wish) {
        node_key key;  // the goal's, behind the first leaf
        detail::leaf_copied leaf;
        for (unsigned lost = 0;;) {
            const row_batch::mark had = wish.rows->end();
            auto end = lost < descent::attempts ? try_leaf(goal, wish, leaf)
                                                : pinned_leaf(goal, wish, leaf);
            if (!end) return std::move(end).error();
            lost = *end == leaf_end::changed ? lost + 1 : 0;
            switch (*end) {
                case leaf_end::changed: wish.rows->cut(had); break;
                case leaf_end::full: return false;
                case leaf_end::of_range: return true;
                case leaf_end::damaged:
                    wish.rows->cut(had);
                    return tree_.corrupt(page_, "entries that make no sense, or are out of order");
                case leaf_end::reference: {
                    if (auto read = read_extent(key, *wish.rows, leaf.last); !read)
                        return std::move(read).error();
                    goal = {key.view(), true};
                    break;
                }
                case leaf_end::of_leaf:
                    if (leaf.fences.upper().empty()) return true;
                    // What is put behind the last row until the next call is in this leaf.
                    if (wish.rows->held_bytes() >= wish.limit) return false;
                    key.assign(leaf.fences.upper());
                    goal = {key.view()};
                    step(goal.key);
            }
        }
    }
    // Copies from the leaf that has the goal.
    [[nodiscard]] result<leaf_end> try_leaf(detail::walk_goal goal, const detail::walk_wish& wish,
                                            detail::leaf_copied& into) {
        if (!leaf_) {
            auto there = seek(goal.key);
            if (!there) return std::move(there).error();
            if (!*there) return leaf_end::changed;
        }
        const leaf_end end = detail::leaf_rows{leaf_->view, into}.copy(goal, at_, wish);
        page_ = leaf_->page.page();
        if (leaf_->page.validate()) return end;
        leaf_.reset();
        return leaf_end::changed;
    }
    [[nodiscard]] result<leaf_end> pinned_leaf(detail::walk_goal goal,
                                               const detail::walk_wish& wish,
                                               detail::leaf_copied& into) {
        leaf_.reset();
        auto held = tree_.pin({goal.key}, 0);
        if (!held) return std::move(held).error();
        const slotted_view<> view = tree_.view(*held);
        std::size_t at = unplaced;
        page_ = held->page();
        return detail::leaf_rows{view, into}.copy(goal, at, wish);
    }
    //   Effects     where it answers true, leaf_ has the key between its fences
    [[nodiscard]] result<bool> seek(bytes_view key) {
        at_ = unplaced;
        parent_.reset();
        return tree_.seek({key}, 0, leaf_,
                          [&](const optimistic& page, const seen_view& view, std::size_t child) {
                              if (view.level() != 1) return;
                              parent_.emplace(page, view);
                              child_ = child;
                          });
    }
    //   Effects     leaf_ is the one with `key`, the upper fence of the last; or none: it has to be
    //               looked for
    void step(bytes_view key) {
        const bool was_there = leaf_.has_value();
        leaf_.reset();
        page_id next;
        if (!was_there || !parent_ || !parent_->view.read_child(child_ + 1, next.value)) return;
        const auto begun = tree_.pool->try_begin(next);
        if (!begun || !parent_->page.validate()) return;
        const seen_view view{begun->data(), tree_.page_bytes()};
        if (tree_.wrong_node(view, next, 0) != nullptr ||
            detail::compare_in_page<access>(view.fences().lower, key) != 0)
            return;
        ++child_;
        at_ = 0;
        leaf_.emplace(*begun, view);
    }
    //   Effects     the last row has the value that its reference leads to, or there is no such row
    //               any more; `key` is its key
    [[nodiscard, gnu::noinline]] result<void> read_extent(node_key& key, row_batch& rows,
                                                          const row_batch::mark& last) {
        key.assign(rows.row(last).key);
        rows.cut(last);
        detail::leaf_value value;
        if (auto read = detail::tree_find{tree_, value}.run(key.view()); !read) return read;
        if (value.answer == node_answer::found) rows.add(key.view(), value.view(), value.version);
        return success();
    }

    static constexpr std::size_t unplaced = detail::leaf_rows<access>::unplaced;

    descent tree_;
    std::optional<seen_node> leaf_;  // where the walk is
    std::size_t at_ = unplaced;      // the next slot in it
    std::optional<seen_node> parent_;
    std::size_t child_ = 0;  // of the parent, leaf_ is
    page_id page_;           // the last leaf that was looked at
};

}  // namespace mantis
