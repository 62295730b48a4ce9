// SPDX-License-Identifier: BSL-1.0
//
// A B+tree over the pages of a buffer pool: an ordered map from keys to values and the versions
// that wrote them, larger than memory.
//
//   free_page_numbers<posix> numbers{page_id{1'000'000}};
//   const page_id root = numbers.take().value();
//   using my_tree = page_tree<my_pool, free_page_numbers<posix>>;
//   auto tree = my_tree::create(pages, numbers, table_id{1}, root);
//   if (auto put = tree->put("alice", "90", lsn{17}); !put) return put.error();
//   auto found = tree->find("alice", [](bytes_view value, lsn version) { ... });
//
// The object is a handle, to be copied at will: the tree is its pages, and is named by the number
// of its root, which stays the same for its life.
//
//   put      the leaf is changed in place. Where it has no room, it is split; where its parent has
//            none for one more separator, that is split first. A full root moves into two new pages
//            below itself
//   erase    a node that is less than two fifths full is merged with a neighbour below the same
//            parent, where both leave an eighth of the page free. An inner root with one child
//            takes its contents
//   scan     leaf by leaf, each as it was at one moment: there are no pointers between them, the
//            next is found by the upper fence
//
// A value that is too large for a leaf has pages of its own, an extent (detail/extent_layout.hpp),
// and the leaf a reference to it. The extent is written before the leaf changes and never changed;
// the one that a put replaces, or an erase leaves, is freed after. Readers take no notice of that:
// they copy the reference and then the value, and look whether the leaf still has that reference.
//
// Readers latch nothing, and writers the pages that they change: detail/tree_descent.hpp says why
// that is right. What keeps losing its way to others pins pages instead, so nobody repeats for
// ever; it waits for latches that are held for a short time or for an I/O.
//
// Failures. A call that answers an error has changed nothing, but for erase_range(): it holds all
// pages that it needs before it changes the first, and knows those of an extent that is to go. A
// put may have split a dense leaf, which holds what it held, before it fails to split it again. Of
// an extent that is damaged the pages from the first damaged one on are never free again, as long
// as nobody says so: their numbers stay taken. Merging comes after an erase that is done; where
// it fails, for the pool has no room or a neighbour cannot be read, the pages stay as they are, to
// be merged by a later erase. Damage of pages is `corrupt`, with the table and the page; what is
// read from a page is used only where the page makes sense, is the one that was asked for, and has
// the key between its fences. An older image of the right page is for the source to notice.
//
// Frames: a call holds up to three pages; more threads at once want three times as many.
//
// Threads: any number, of readers and of writers. Nobody may put or erase while the pool's
// begin_epoch() is called, for no page may be held exclusively then.
#pragma once

#include "detail/extent_writer.hpp"
#include "detail/tree_erase_range.hpp"
#include "detail/tree_estimate.hpp"
#include "detail/tree_find.hpp"
#include "detail/tree_leaf_copy.hpp"
#include "detail/tree_merge.hpp"
#include "detail/tree_pack.hpp"
#include "detail/tree_place.hpp"
#include "detail/tree_shape.hpp"
#include "detail/tree_split.hpp"
#include "detail/tree_verify.hpp"

namespace mantis {

template <class Pool, page_numbers Numbers>
class page_tree_cursor;
template <class Pool, page_numbers Numbers>
class page_tree_loader;
template <class Pool, page_numbers Numbers>
class page_tree_walk;

template <class Pool, page_numbers Numbers>
class page_tree {
    using descent = detail::tree_descent<Pool, Numbers>;
    using exclusive = typename Pool::exclusive;

public:
    // Errors of all: those of the pool, which are those of its source; corrupt.

    // Makes an empty tree, in a page that nobody else has.
    //   Requires    pool and numbers live longer; the pool's pages have at most 32 KiB; `root` is
    //               not in use
    [[nodiscard]] static result<page_tree> create(Pool& pool, Numbers& numbers, table_id table,
                                                  page_id root) {
        page_tree made{pool, numbers, table, root};
        auto held = pool.make(root);
        if (!held) return std::move(held).error();
        made.tree_.node(*held).init_leaf({table, root.value}, {});
        return made;
    }
    // One that is there.
    //   Errors      not_found of the source; corrupt: that page is no root of this table
    [[nodiscard]] static result<page_tree> open(Pool& pool, Numbers& numbers, table_id table,
                                                page_id root) {
        page_tree made{pool, numbers, table, root};
        auto held = pool.pin(root);
        if (!held) return std::move(held).error();
        if (auto sound = made.tree_.verify_held(*held); !sound) return std::move(sound).error();
        const slotted_view<> view = made.tree_.view(*held);
        if (!view.fences().lower.empty() || !view.fences().upper.empty())
            return made.tree_.corrupt(root, "a root with fences");
        return made;
    }

    [[nodiscard]] table_id table() const noexcept { return tree_.table; }
    [[nodiscard]] page_id root() const noexcept { return tree_.root; }
    // How many levels there are: 1 where the root is a leaf.
    //   Errors      those of the pool
    [[nodiscard]] result<std::size_t> height() const {
        std::size_t level = 0;
        auto read = tree_.pool->read(tree_.root, [&](const auto& seen) {
            level =
                slotted_view<detail::optimistic_access<typename descent::platform>>{
                    seen.data(), tree_.page_bytes()}
                    .level();
        });
        if (!read) return std::move(read).error();
        return level + 1 < descent::max_level ? level + 1 : descent::max_level;
    }
    // What a value may have at most.
    static constexpr std::size_t max_value_bytes = detail::max_extent_bytes;
    [[nodiscard]] std::size_t max_key_bytes() const noexcept { return tree_.limits().key_bytes(); }
    [[nodiscard]] bool takes(bytes_view key, bytes_view value) const noexcept {
        return key.size() <= max_key_bytes() && value.size() <= max_value_bytes;
    }

    // Calls f(value, version) with a copy, with nothing held, if the key is there.
    //   Returns     whether it is
    template <class F>
    [[nodiscard]] result<bool> find(bytes_view key, F f) const {
        detail::leaf_value value;
        if (auto read = detail::tree_find{tree_, value}.run(key); !read)
            return std::move(read).error();
        if (value.answer == node_answer::absent) return false;
        f(value.view(), value.version);
        return true;
    }
    // Where find() or prefetch() has found an entry, or that there is none: a put of the same key
    // soon after need not look for it again. It holds nothing, and does no harm if it is old.
    using place_type = detail::tree_place<descent>;

    //   Effects     `at` is where it is, if that can be known
    template <class F>
    [[nodiscard]] result<bool> find(bytes_view key, F f, place_type& at) const {
        detail::leaf_value value;
        std::optional<typename descent::optimistic> leaf;
        if (auto read = detail::tree_find{tree_, value}.run(key, &leaf); !read)
            return std::move(read).error();
        if (leaf) at = {*leaf, {value.at, value.answer}, value.offset};
        if (value.answer == node_answer::absent) return false;
        f(value.view(), value.version);
        return true;
    }
    // The entry of `key` is now `value`; replaces what was there.
    //   Returns     whether there was none of that key
    //   Errors      besides: too_large: see takes(); those of the page numbers
    //   Complexity  a value in an extent is copied into its pages, and those of the one before are
    //               read: their numbers are there only
    [[nodiscard]] result<bool> put(bytes_view key, bytes_view value, lsn version) {
        if (!takes(key, value))
            return error{error_code::too_large, "putting an entry into a B+tree"}
                .with("table", tree_.table.value)
                .with("key_bytes", key.size())
                .with("value_bytes", value.size())
                .with("page_bytes", tree_.page_bytes());
        detail::retired_extents<descent> replaced{tree_};
        if (tree_.limits().takes(key.size(), value.size()))
            return end_put(put_payload(key, {value}, version, replaced), replaced);
        detail::new_extent<descent> extent{tree_};
        if (auto written = extent.write(key, value); !written) return std::move(written).error();
        auto in = put_payload(key, extent.payload(), version, replaced);
        if (in) extent.keep();
        return end_put(std::move(in), replaced);
    }
    // The same, at a place.
    //   Requires    it is of this tree and key, or of none
    [[nodiscard]] result<bool> put(bytes_view key, bytes_view value, lsn version,
                                   const place_type& at) {
        if (tree_.limits().takes(key.size(), value.size())) {
            auto in = at.put(tree_, key, {value}, version);
            if (!in) return std::move(in).error();
            if (*in != detail::leaf_put::no_room) return *in == detail::leaf_put::inserted;
        }
        return put(key, value, version);
    }
    //   Returns     whether it was there
    [[nodiscard]] result<bool> erase(bytes_view key) {
        // A page that is locked is dirty, so it is looked at first.
        detail::leaf_value there;
        if (auto read = detail::tree_find{tree_, there}.run_without_extent(key); !read)
            return std::move(read).error();
        if (there.answer == node_answer::absent) return false;
        detail::retired_extents<descent> retired{tree_};
        bool underfull = false;
        {
            auto leaf = retired.lock_leaf(key, detail::entry_of{key});
            if (!leaf) return std::move(leaf).error();
            auto erased = detail::erase_from_leaf(tree_, *leaf, key);
            if (!erased || !*erased) return erased;
            underfull = detail::is_underfull(tree_.view(*leaf));
        }
        retired.free();
        if (underfull) detail::tree_merge<descent>{tree_}.run(key);
        return true;
    }
    // Where many entries were erased: leaves are packed into fewer pages, a few at a time, by who
    // has nothing else to do.
    //
    //   Effects     where it would not pay from the leaf of `from` on, below one inner node, `from`
    //               is behind that; empty: there is nothing more
    //   Returns     whether pack(from) would
    [[nodiscard]] result<bool> is_sparse(bytes& from) const {
        return detail::tree_pack<descent>{tree_}.look(from);
    }
    //   Effects     `from` is where to go on; empty: there is nothing more
    //   Errors      besides: what was packed stays so
    [[nodiscard]] result<void> pack(bytes& from) {
        return detail::tree_pack<descent>{tree_}.step(from);
    }
    // Changes of pages that a call of pack() makes at most.
    static constexpr std::uint64_t changes_of_pack = detail::tree_pack<descent>::most_changes;
    // Brings the pages into memory that a put or an erase of this key reads, and changes none. So
    // who must not fail half way finds what is damaged before it begins.
    //   Errors      those of find(); but pages of a value that are damaged do not hinder a change
    //   Complexity  reads all pages of a value that is in an extent
    [[nodiscard]] result<void> prefetch(bytes_view key) const {
        detail::leaf_value there;
        if (auto read = detail::tree_find{tree_, there}.run_without_extent(key); !read) return read;
        if (there.answer == node_answer::absent || !there.is_reference) return success();
        const detail::extent_reference of = there.reference();
        if (!of.makes_sense()) return success();
        for (detail::extent_walk walk{*tree_.pool, tree_.table, of}; !walk.done();) {
            const auto page = walk.step(nullptr);
            if (page) continue;
            return page.error().code() == error_code::corrupt ? success()
                                                              : result<void>{page.error()};
        }
        return success();
    }
    // The same; where `at` says that nothing has changed since, nothing is looked for.
    //   Requires    `at` is of this tree and key, or of none
    //   Effects     `at` is where the entry is, if that can be known
    [[nodiscard]] result<void> prefetch(bytes_view key, place_type& at) const {
        if (at.is_there()) return success();
        auto found = at.find(tree_, key);
        if (!found) return std::move(found).error();
        return *found ? success() : prefetch(key);
    }
    // Calls f(key, value, version) with copies, with nothing held, for the entries with keys from
    // `from` on, ascending, until it returns false. An entry that is there throughout is seen; one
    // that comes or goes meanwhile may be. A value in an extent is that of the moment in which it
    // is handed out, which may come after that of its leaf.
    template <class F>
    [[nodiscard]] result<void> scan(bytes_view from, F f) const {
        detail::tree_leaf_copy<descent> leaf{tree_};
        node_key key;
        node_key next;
        leaf_entry entry;
        node_place place;
        for (bytes_view at = from;; at = next.view()) {
            if (auto read = leaf.load({at}); !read) return read;
            const slotted_view<>& view = leaf.view();
            if (!leaf.find(at, place)) return leaf.damage();
            for (std::size_t slot = place.at; slot < view.count(); ++slot) {
                if (!leaf.read(slot, entry)) return leaf.damage();
                key.assign(entry.key.prefix, entry.key.suffix);
                const auto more = hand_out(key.view(), entry, f);
                if (!more) return more.error();
                if (!*more) return success();
            }
            if (view.fences().upper.empty()) return success();
            next.assign(view.fences().upper);
        }
    }

    // The same downwards, from the last entry with a key below `below`; page_tree_cursor.hpp goes
    // both ways.
    template <class F>
    [[nodiscard]] result<void> scan_back(bytes_view below, F f) const {
        return scan_back_from({below, detail::tree_side::before}, f);
    }
    template <class F>
    [[nodiscard]] result<void> scan_back(F f) const {
        return scan_back_from({{}, detail::tree_side::last}, f);
    }
    // Erases the entries with from <= key < to, or to the end where `to` is empty: leaf by leaf,
    // each at one moment.
    //   Returns     how many there were
    //   Errors      besides: `erased` says how many are gone by then
    [[nodiscard]] result<std::uint64_t> erase_range(bytes_view from, bytes_view to) {
        return detail::tree_erase_range<descent>{tree_}.run(from, to);
    }
    // About how many entries there are with from <= key < to, or to the end where `to` is empty:
    // exact within one leaf.
    //   Requires    the tree has about so many entries, or that is 0
    //   Complexity  twice a descent for each level
    [[nodiscard]] result<std::uint64_t> estimate(bytes_view from, bytes_view to,
                                                 std::uint64_t entries = 0) const {
        if (!to.empty() && to <= from) return std::uint64_t{0};
        return detail::tree_estimate<descent>{tree_}.between(from, to, entries);
    }

    // Its height, nodes and fill; `entries` is 0, for who has a tree counts them.
    //   Complexity  reads each inner node, and at most 128 leaves
    [[nodiscard]] result<index_shape> shape() const {
        return detail::tree_shape<descent>{tree_}.run();
    }

    // Checks all that there is to check, in every page.
    //   Errors      corrupt, with the first page that is wrong, and what is
    //   Complexity  reads every page
    //   Threads     readers beside it, no writer
    [[nodiscard]] result<page_tree_stats> verify() const {
        return verify([](page_id) { return success(); });
    }
    // The same, and calls f(page) for each page, parents before children, until it answers an
    // error: so free_page_numbers learns which are used.
    template <class F>
    [[nodiscard]] result<page_tree_stats> verify(F f) const {
        return detail::tree_verify<descent, F>{tree_, f}.run();
    }

private:
    friend class page_tree_cursor<Pool, Numbers>;
    friend class page_tree_loader<Pool, Numbers>;
    friend class page_tree_walk<Pool, Numbers>;

    page_tree(Pool& pool, Numbers& numbers, table_id table, page_id root) noexcept
        : tree_{{&pool, &numbers, table, root}} {
        check(node_limits::is_page_size(pool.page_bytes()),
              "the pages of a page_tree have 512 bytes to 32 KiB");
    }

    template <class F>
    [[nodiscard]] result<void> scan_back_from(detail::tree_target at, F& f) const {
        detail::tree_leaf_copy<descent> leaf{tree_};
        node_key key;
        node_key next;
        leaf_entry entry;
        node_place place;
        for (;; at = {next.view(), detail::tree_side::before}) {
            if (auto read = leaf.load(at); !read) return read;
            const slotted_view<>& view = leaf.view();
            place.at = view.count();
            if (at.side != detail::tree_side::last && !leaf.find(at.key, place))
                return leaf.damage();
            for (std::size_t slot = place.at; slot-- != 0;) {
                if (!leaf.read(slot, entry)) return leaf.damage();
                key.assign(entry.key.prefix, entry.key.suffix);
                const auto more = hand_out(key.view(), entry, f);
                if (!more) return more.error();
                if (!*more) return success();
            }
            if (view.fences().lower.empty()) return success();
            next.assign(view.fences().lower);
        }
    }
    // Of an entry of a leaf's copy.
    //   Returns     what f does; true where the value is in an extent, and gone meanwhile
    template <class F>
    [[nodiscard]] result<bool> hand_out(bytes_view key, const leaf_entry& entry, F& f) const {
        if (!entry.payload.is_reference)
            return static_cast<bool>(f(key, entry.payload.value, entry.version));
        detail::leaf_value value;
        if (auto read = detail::tree_find{tree_, value}.run(key); !read)
            return std::move(read).error();
        if (value.answer == node_answer::absent) return true;
        return static_cast<bool>(f(key, value.view(), value.version));
    }
    [[nodiscard]] static result<bool> end_put(result<detail::leaf_put> in,
                                              detail::retired_extents<descent>& replaced) {
        if (!in) return std::move(in).error();
        replaced.free();
        return *in == detail::leaf_put::inserted;
    }
    //   Requires    a leaf takes the payload
    //   Effects     `replaced` has what the entry had
    //   Returns     not no_room
    [[nodiscard]] result<detail::leaf_put> put_payload(bytes_view key, node_payload payload,
                                                       lsn version,
                                                       detail::retired_extents<descent>& replaced) {
        {
            auto leaf = replaced.lock_leaf(key, detail::entry_of{key});
            if (!leaf) return std::move(leaf).error();
            auto in = detail::put_into_leaf(tree_, *leaf, key, payload, version);
            if (!in || *in != detail::leaf_put::no_room) return in;
        }
        return detail::tree_put<descent>{tree_, key, payload, version, replaced}.run();
    }

    descent tree_;
};

}  // namespace mantis
