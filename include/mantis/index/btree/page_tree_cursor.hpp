// SPDX-License-Identifier: BSL-1.0
//
// A place in a page_tree that moves in both directions, while others change the tree.
//
//   page_tree_cursor cursor{tree};
//   for (auto on = cursor.seek("user-"); on && *on; on = cursor.next()) use(cursor.key());
//
// The cursor holds a copy of one leaf, and no latch, pin or page. As long as the tree has that leaf
// unchanged, which costs a load to know, a step is one in the copy; else the place is looked for
// again by its key. So a step goes to the entry that is next at that moment, whatever has come and
// gone, the cursor's own entry too; key() and value() stay what they were when it came here. A
// value that has pages of its own is read whenever the cursor comes to it.
//
// State:
//   before_first  --next, seek-->            on_entry or after_last
//   on_entry      --next, previous, seek-->  any
//   after_last    --previous, seek-->        on_entry or before_first
//
// After an error it is before the first.
//
// Threads: like an int; the tree lives longer.
#pragma once

#include "page_tree.hpp"

namespace mantis {

template <class Pool, page_numbers Numbers>
class page_tree_cursor {
    using descent = detail::tree_descent<Pool, Numbers>;
    enum class state : std::uint8_t { before_first, on_entry, after_last };

public:
    explicit page_tree_cursor(const page_tree<Pool, Numbers>& tree)
        : tree_{tree.tree_}, leaf_{tree_} {}
    page_tree_cursor(const page_tree_cursor&) = delete;
    page_tree_cursor& operator=(const page_tree_cursor&) = delete;

    // Each answers whether the cursor is on an entry then.
    //   Errors      those of the pool; corrupt

    // To the first entry with a key from `key` on.
    [[nodiscard]] result<bool> seek(bytes_view key) { return come_from_below({key}, false); }
    // To the last entry with a key below `key`.
    [[nodiscard]] result<bool> seek_below(bytes_view key) {
        return come_from_above({key, detail::tree_side::before});
    }
    [[nodiscard]] result<bool> seek_first() { return seek({}); }
    [[nodiscard]] result<bool> seek_last() {
        return come_from_above({{}, detail::tree_side::last});
    }
    [[nodiscard]] result<bool> next() {
        if (state_ == state::after_last) return false;
        if (state_ == state::before_first) return seek_first();
        if (leaf_.is_current() && at_ + 1 < leaf_.view().count())
            if (auto on = stop_at(at_ + 1); !on || *on) return on;
        const node_key here = key_;
        return come_from_below({here.view()}, true);
    }
    [[nodiscard]] result<bool> previous() {
        if (state_ == state::before_first) return false;
        if (state_ == state::after_last) return seek_last();
        if (leaf_.is_current() && at_ != 0)
            if (auto on = stop_at(at_ - 1); !on || *on) return on;
        const node_key here = key_;
        return seek_below(here.view());
    }

    [[nodiscard]] bool is_on_entry() const noexcept { return state_ == state::on_entry; }
    //   Requires    is_on_entry(); valid until the cursor is moved. So the next two
    [[nodiscard]] bytes_view key() const {
        check(is_on_entry(), "the key of a cursor that is on no entry");
        return key_.view();
    }
    [[nodiscard]] bytes_view value() const {
        const leaf_entry& in_leaf = entry();
        return in_leaf.payload.is_reference ? found_.view() : in_leaf.payload.value;
    }
    [[nodiscard]] lsn version() const {
        const leaf_entry& in_leaf = entry();
        return in_leaf.payload.is_reference ? found_.version : in_leaf.version;
    }

private:
    [[nodiscard]] const leaf_entry& entry() const {
        check(is_on_entry(), "the entry of a cursor that is on none");
        return now_;
    }
    //   Effects     key_ is the entry's
    //   Returns     false: its value has pages of its own, and it is gone meanwhile
    [[nodiscard]] result<bool> stop_at(std::size_t at) {
        at_ = at;
        state_ = state::before_first;
        if (!leaf_.read(at, now_)) return leaf_.damage();
        key_.assign(now_.key.prefix, now_.key.suffix);
        if (now_.payload.is_reference) {
            if (auto read = detail::tree_find{tree_, found_}.run(key_.view()); !read)
                return std::move(read).error();
            if (found_.answer == node_answer::absent) return false;
        }
        state_ = state::on_entry;
        return true;
    }
    [[nodiscard]] result<bool> come_from_below(detail::tree_target to, bool behind) {
        state_ = state::before_first;
        node_key fence;
        bool gone = false;  // what the leaf has next
        for (;; to.key = fence.view(), behind = gone) {
            if (auto read = leaf_.load(to); !read) return std::move(read).error();
            const slotted_view<>& view = leaf_.view();
            node_place place;
            if (!leaf_.find(to.key, place)) return leaf_.damage();
            const bool skips = behind && place.answer == node_answer::found;
            const std::size_t at = place.at + (skips ? 1 : 0);
            if (at < view.count()) {
                if (auto on = stop_at(at); !on || *on) return on;
                fence = key_;
                gone = true;
                continue;
            }
            gone = false;
            if (view.fences().upper.empty()) {
                state_ = state::after_last;
                return false;
            }
            fence.assign(view.fences().upper);
        }
    }
    [[nodiscard]] result<bool> come_from_above(detail::tree_target to) {
        state_ = state::before_first;
        node_key fence;
        for (;; to = {fence.view(), detail::tree_side::before}) {
            if (auto read = leaf_.load(to); !read) return std::move(read).error();
            const slotted_view<>& view = leaf_.view();
            node_place end{view.count()};
            if (to.side != detail::tree_side::last && !leaf_.find(to.key, end))
                return leaf_.damage();
            if (end.at != 0) {
                if (auto on = stop_at(end.at - 1); !on || *on) return on;
                fence = key_;
                continue;
            }
            if (view.fences().lower.empty()) return false;
            fence.assign(view.fences().lower);
        }
    }

    const descent tree_;
    detail::tree_leaf_copy<descent> leaf_;
    state state_ = state::before_first;
    std::size_t at_ = 0;
    leaf_entry now_;  // in the copy
    node_key key_;
    detail::leaf_value found_;  // where the leaf has a reference
};

}  // namespace mantis
