// SPDX-License-Identifier: BSL-1.0
//
// Fills an empty page_tree with entries that come in ascending order of their keys: a bulk load.
//
//   auto load = page_tree_loader<my_pool, my_numbers>::begin(tree);
//   if (!load) return load.error();
//   for (const row& each : sorted_rows)
//       if (auto in = load->append(each.key, each.value, lsn{17}); !in) return in.error();
//   if (auto done = load->finish(); !done) return done.error();
//
// Nodes are written once, from the left, each as full as `fill_percent` says; the last ones of each
// level share what is left, so that none is nearly empty. What comes out is a tree as any other:
// all that page_tree does goes on from there.
//
// The tree is empty until finish() is done, and has everything then: its root is changed in place,
// as the last of all pages. What is given up before gives its pages back, and so does a finish()
// that fails.
//
// Frames: one page is held at a time, for a moment; none is between two calls. Pages are dirty ones
// of the pool, which writes them when it needs their frames. Besides: two pages of memory for each
// level of the tree.
//
// Threads: one loads; readers beside it. A writer who puts something into this tree makes finish()
// answer already_exists. No epoch begins during a call, nor while a loader goes that did not
// finish. One that begins between two calls does no harm while the process lives; but what is made
// durable of it has pages that nothing leads to, and after a crash nobody gives them back. So where
// numbers of pages are learnt from what is durable, no checkpoint comes between the first append()
// and the end.
#pragma once

#include "detail/tree_load.hpp"
#include "page_tree.hpp"

namespace mantis {

struct page_tree_load_options {
    // How full nodes become, in percent of the page: 50 to 100. What is put later has room in what
    // is free; 100 is for what is only read, or only grows at its end.
    unsigned fill_percent = 90;
};

template <class Pool, page_numbers Numbers>
class page_tree_loader {
    using tree_type = page_tree<Pool, Numbers>;
    using descent = detail::tree_descent<Pool, Numbers>;

public:
    // Errors of all: those of the pool, which are those of its source; of the page numbers; corrupt

    //   Requires    pool and numbers of the tree live longer
    //   Errors      besides: already_exists: there is something in the tree
    [[nodiscard]] static result<page_tree_loader> begin(const tree_type& tree,
                                                        page_tree_load_options options = {}) {
        check(options.fill_percent >= 50 && options.fill_percent <= 100,
              "a B+tree is loaded with nodes that are 50 to 100 percent full");
        page_tree_loader made{tree, options};
        if (auto empty = made.load_.look_at_root(); !empty) return std::move(empty).error();
        return made;
    }

    // Adds an entry behind all others.
    //   Requires    finish() was not called
    //   Errors      besides: invalid_argument: the key, which it names, is not above the last one;
    //               too_large: see page_tree::takes(). Whatever it answers, nothing has changed
    //               then, and the next call may be the same or another
    [[nodiscard]] result<void> append(bytes_view key, bytes_view value, lsn version) {
        check(!ended_, "a B+tree is loaded on that was finished");
        if (!tree_.takes(key, value))
            return refused(error_code::too_large, key).with("value_bytes", value.size());
        const std::size_t shared = detail::common_prefix_bytes(last_.view(), key);
        if (count_ != 0 && !comes_after(key, shared))
            return refused(error_code::invalid_argument, key).with("entries", count_);
        if (auto room = load_.make_room(); !room) return room;
        if (tree_.tree_.limits().takes(key.size(), value.size())) {
            load_.push(key, shared, {value}, version);
        } else {
            detail::new_extent<descent> extent{tree_.tree_};
            if (auto written = extent.write(key, value); !written) return written;
            load_.push(key, shared, extent.payload(), version);
            for (const page_id page : extent.pages()) load_.note(page);
            extent.keep();
        }
        last_.assign(key);
        ++count_;
        return success();
    }

    // The tree has all entries from now on.
    //   Requires    it was not called
    //   Returns     how many there are
    //   Errors      besides: already_exists: somebody has put something into the tree. Whatever it
    //               answers, all pages are given back then, and the tree has not changed
    [[nodiscard]] result<std::uint64_t> finish() {
        check(!ended_, "a B+tree is loaded on that was finished");
        ended_ = true;
        if (count_ == 0) return count_;
        if (auto done = load_.finish(); !done) {
            load_.give_up();
            return std::move(done).error();
        }
        return count_;
    }

private:
    page_tree_loader(const tree_type& tree, page_tree_load_options options)
        : tree_{tree}, load_{tree.tree_, tree.tree_.page_bytes() * options.fill_percent / 100} {}

    [[nodiscard]] bool comes_after(bytes_view key, std::size_t shared) const noexcept {
        const bytes_view last = last_.view();
        if (shared == last.size()) return key.size() > shared;
        return shared < key.size() && key[shared] > last[shared];
    }
    [[nodiscard]] error refused(error_code code, bytes_view key) const {
        return error{code, "loading a B+tree in ascending order"}
            .about(key)
            .with("table", tree_.table().value)
            .with("key_bytes", key.size());
    }

    tree_type tree_;
    detail::tree_load<descent> load_;
    node_key last_;
    std::uint64_t count_ = 0;
    bool ended_ = false;
};

// An entry that a source of load_sorted() hands out, to be there until it is asked again.
struct sorted_entry {
    bytes_view key;
    bytes_view value;
    lsn version;
};

// Fills an empty tree from a source: next(entry) answers a result<bool>, whether there was another
// entry, which it has assigned.
//   Returns     how many there were
//   Errors      those of the loader and of the source: the tree has not changed
template <class Pool, page_numbers Numbers, class Next>
[[nodiscard]] result<std::uint64_t> load_sorted(const page_tree<Pool, Numbers>& tree, Next next,
                                                page_tree_load_options options = {}) {
    auto load = page_tree_loader<Pool, Numbers>::begin(tree, options);
    if (!load) return std::move(load).error();
    for (sorted_entry entry;;) {
        const result<bool> more = next(entry);
        if (!more) return more.error();
        if (!*more) return load->finish();
        if (auto in = load->append(entry.key, entry.value, entry.version); !in)
            return std::move(in).error();
    }
}

}  // namespace mantis
