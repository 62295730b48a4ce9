// SPDX-License-Identifier: BSL-1.0
//
// Builds the nodes of a page_tree from the left, all levels at once, in pages that nobody leads to
// until the root does.
//
//   level 1    ... | closed: items | open: items
//                         ^ child and upper fence
//   level 0    ... | closed: items | open: items      <- entries
//
// Each level has two nodes in memory. The open one takes what comes; when it is full it becomes the
// closed one, whose end is known, and the one that was closed before goes into a page of its own.
// So at the end there is something beside the last few items of a level to share them with: both
// together become one node, or ones of about the same size. The highest level, of which nothing was
// written, goes into the root.
//
// Before an item is pushed, whatever is full above it has made room, from above: so a page that is
// not to be had is noticed while nothing has changed.
//
// All numbers are noted, as pieces without gaps, so that pages that have left the pool need not be
// read to be given back.
//
// Memory: two pages for each level, 32 bytes for each of their items, and 16 for each piece.
//
// Threads: like an int.
#pragma once

#include "load_run.hpp"
#include "tree_split.hpp"

namespace mantis::detail {

struct load_level {
    load_run closed;
    load_run open;
    bool has_closed = false;
    std::uint64_t written = 0;  // nodes

    load_level(std::size_t most_bytes, bool of_leaves)
        : closed{most_bytes, of_leaves}, open{most_bytes, of_leaves} {}

    //   Requires    the open one is full, and the closed one was written
    void cut() {
        std::swap(closed, open);
        const std::size_t at = closed.cut();
        node_key lower;
        closed.fence(at, lower);
        open.begin(lower.view());
        open.push_all(closed, at);
        closed.keep_first(at);
        has_closed = true;
    }
    //   Effects     nothing is open, for nothing comes any more
    void join() {
        if (has_closed) closed.push_all(open, 0);
        else std::swap(closed, open);
        open.begin({});
    }
    //   Requires    from < to
    [[nodiscard]] std::size_t bytes_of(std::size_t from, std::size_t to) const noexcept {
        node_key lower;
        node_key upper;
        assign_fences(from, to, lower, upper);
        return closed.bytes_of(from, to, {lower.view(), upper.view()});
    }
    void assign_fences(std::size_t from, std::size_t to, node_key& lower,
                       node_key& upper) const noexcept {
        closed.fence(from, lower);
        if (to == closed.count()) upper.assign(open.lower());
        else closed.fence(to, upper);
    }
    // Where items [from, to) are best cut in two: the larger part is as small as can be.
    //   Requires    there are twice the fewest
    [[nodiscard]] std::size_t middle(std::size_t from, std::size_t to) const noexcept {
        std::size_t best = from + closed.fewest();
        std::size_t best_larger = ~std::size_t{0};
        for (std::size_t at = best; at + closed.fewest() <= to; ++at) {
            const std::size_t left = bytes_of(from, at);
            const std::size_t right = bytes_of(at, to);
            const std::size_t larger = left > right ? left : right;
            if (larger < best_larger) best_larger = larger, best = at;
        }
        return best;
    }
};

// Numbers of pages, in the order in which they were taken.
class page_pieces {
public:
    void add(page_id page) {
        if (!pieces_.empty() && pieces_.back().first + pieces_.back().count == page.value)
            ++pieces_.back().count;
        else pieces_.push_back({page.value, 1});
    }
    template <class F>
    void for_each(F f) const {
        for (const piece& each : pieces_)
            for (std::uint64_t at = 0; at < each.count; ++at) f(page_id{each.first + at});
    }
    void clear() noexcept { pieces_.clear(); }

private:
    struct piece {
        std::uint64_t first;
        std::uint64_t count;
    };
    std::vector<piece> pieces_;
};

template <class Tree>
class tree_load {
    using exclusive = typename Tree::exclusive;

public:
    tree_load(const Tree& tree, std::size_t most_bytes) : tree_{tree}, most_bytes_{most_bytes} {
        levels_.emplace_back(most_bytes, true);
    }
    tree_load(tree_load&& other) noexcept = default;
    tree_load& operator=(tree_load&&) = delete;
    ~tree_load() { give_up(); }

    // Before each push().
    //   Errors      those of the pool and of the page numbers: nothing has changed
    [[nodiscard]] result<void> make_room(std::size_t level = 0) {
        for (;;) {
            std::size_t end = level;
            while (end < levels_.size() && levels_[end].open.is_full()) ++end;
            if (end == level) return success();
            if (const load_level& full = levels_[end - 1]; full.has_closed)
                if (auto written = write(end - 1, 0, full.closed.count()); !written) return written;
            levels_[end - 1].cut();
        }
    }
    void push(bytes_view key, std::size_t shared_before, node_payload payload, lsn version) {
        levels_[0].open.push(key, shared_before, payload, version.value);
    }
    // A page that belongs to the tree, too.
    void note(page_id page) { pages_.add(page); }

    // The tree has all that was pushed.
    //   Requires    something was
    //   Errors      besides: see look_at_root()
    [[nodiscard]] result<void> finish() {
        for (std::size_t level = 0;; ++level) {
            load_level& own = levels_[level];
            own.join();
            if (own.written == 0 && own.bytes_of(0, own.closed.count()) <= tree_.page_bytes())
                break;
            if (auto written = write_rest(level); !written) return written;
        }
        auto root = tree_.pool->change(tree_.root);
        if (!root) return std::move(root).error();
        if (auto empty = check_root(*root); !empty) return empty;
        const std::size_t top = levels_.size() - 1;
        build(top, 0, levels_[top].closed.count(), *root);
        pages_.clear();
        return success();
    }
    //   Errors      already_exists: the tree is not empty; those of the pool; corrupt
    [[nodiscard]] result<void> look_at_root() const {
        auto root = tree_.pool->pin(tree_.root);
        if (!root) return std::move(root).error();
        return check_root(*root);
    }
    //   Effects     all pages are given back. One that an earlier epoch needs and that can be
    //               neither put aside nor written stays, and its number stays taken
    void give_up() {
        pages_.for_each([&](page_id page) {
            if (!tree_.pool->settle(page)) return;
            tree_.pool->forget(page);
            tree_.numbers->give_back(page);
        });
        pages_.clear();
    }

private:
    template <class Held>
    [[nodiscard]] result<void> check_root(const Held& held) const {
        if (auto sound = tree_.verify_held(held); !sound) return sound;
        const slotted_view<> root = tree_.view(held);
        if (root.is_leaf() && root.count() == 0) return success();
        return error{error_code::already_exists, "loading a B+tree that is not empty"}.with(
            "table", tree_.table.value);
    }
    // The closed items that no node has yet, once nothing else comes. They become one node if that
    // fits into a page: two halves of one that is a little too full would be almost underfull.
    [[nodiscard]] result<void> write_rest(std::size_t level) {
        const std::size_t count = levels_[level].closed.count();
        for (std::size_t from = 0, to = count; from != count; from = to, to = count) {
            const load_level& own = levels_[level];
            const std::size_t divisible = 2 * own.closed.fewest();
            while (to - from >= divisible && own.bytes_of(from, to) > tree_.page_bytes())
                to = own.middle(from, to);
            if (auto written = write(level, from, to); !written) return written;
        }
        return success();
    }
    // Closed items [from, to) as a node.
    //   Requires    the level above is not full, but at the end
    [[nodiscard]] result<void> write(std::size_t level, std::size_t from, std::size_t to) {
        if (auto room = make_room(level + 1); !room) return room;
        auto held = make_page(tree_);
        if (!held) return std::move(held).error();
        build(level, from, to, *held);
        pages_.add(held->page());
        ++levels_[level].written;
        push_child(level + 1, from, to, held->page());
        return success();
    }
    void push_child(std::size_t level, std::size_t from, std::size_t to, page_id child) {
        if (level == levels_.size()) levels_.emplace_back(most_bytes_, false);
        node_key lower;
        node_key upper;
        levels_[level - 1].assign_fences(from, to, lower, upper);
        // The child's lower fence is the key before its upper one.
        levels_[level].open.push(upper.view(), common_prefix_bytes(lower.view(), upper.view()), {},
                                 child.value);
    }
    void build(std::size_t level, std::size_t from, std::size_t to, exclusive& into) const {
        node_key lower;
        node_key upper;
        levels_[level].assign_fences(from, to, lower, upper);
        const load_run& items = levels_[level].closed;
        node_header like;
        like.kind = static_cast<std::uint8_t>(level == 0 ? node_kind::leaf : node_kind::inner);
        like.level = static_cast<std::uint16_t>(level);
        like.table = tree_.table.value;
        like.page = into.page().value;
        if (level == 0) set_dense_key_bytes(like, items.dense_key_bytes(from, to));
        slotted_build made{tree_.page_bytes(), like, {lower.view(), upper.view()}};
        for (std::size_t at = from; level == 0 && at < to; ++at)
            made.append_entry(items.key(at), items.payload(at), lsn{items.number(at)});
        for (std::size_t at = from; level != 0 && at + 1 < to; ++at)
            made.append_child(items.key(at), items.number(at));
        if (level != 0) made.set_rightmost_child(items.number(to - 1));
        Tree::access::write(into.data(), made.finish(), tree_.page_bytes());
    }

    Tree tree_;
    std::size_t most_bytes_;
    std::vector<load_level> levels_;
    page_pieces pages_;
};

}  // namespace mantis::detail
