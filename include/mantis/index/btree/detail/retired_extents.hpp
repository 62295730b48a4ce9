// SPDX-License-Identifier: BSL-1.0
//
// The extents of entries that a leaf is about to lose, and how that leaf is locked: what may fail
// is done before the leaf changes, and what frees their pages then cannot.
//
//   1. with nothing held, the references in the leaf are noted, and the numbers of their pages
//   2. the leaf is locked if it is as it was; then nobody else can free them. What changes or
//      leaves its frame meanwhile again and again is locked first, and step 1 is done then
//   3. each page that an earlier epoch needs is put aside, or written
//   4. the caller changes the leaf, and lets go of it
//   5. free(): nobody leads to the pages any more. They leave their frames unwritten
//
// An error in steps 1 to 3 is the caller's, who has changed nothing. Damage is none: a value that
// cannot be read any more has to be replaceable. What was read of such an extent is freed; its page
// that is damaged and those behind it stay taken, for who knows whose they are.
//
// Readers that still look at an extent when it is freed: see extent_reader.hpp.
//
// Memory: eight bytes for each page.
//
// Threads: like an int; no epoch begins between step 3 and 5.
#pragma once

#include "extent_reader.hpp"
#include "tree_descent.hpp"

#include <vector>

namespace mantis::detail {

// Which entries of a leaf: the one of a key.
struct entry_of {
    bytes_view key;

    template <class Access, class F>
    void operator()(const slotted_view<Access>& leaf, F f) const {
        const node_place place = leaf.lower_bound(key);
        leaf_entry entry;
        if (place.answer == node_answer::found && leaf.read_leaf_entry(place.at, entry))
            f(entry.payload);
    }
};
// Those with from <= key < to; an empty `to` is none.
struct entries_between {
    bytes_view from;
    bytes_view to;

    template <class Access, class F>
    void operator()(const slotted_view<Access>& leaf, F f) const {
        const std::size_t end = to.empty() ? leaf.count() : leaf.lower_bound(to).at;
        leaf_entry entry;
        for (std::size_t at = leaf.lower_bound(from).at; at < end; ++at)
            if (leaf.read_leaf_entry(at, entry)) f(entry.payload);
    }
};

template <class Tree>
class retired_extents {
    using exclusive = typename Tree::exclusive;

public:
    explicit retired_extents(const Tree& tree) noexcept : tree_{tree} {}

    // Steps 1 to 3, for the leaf of `key`.
    //   Errors      those of the pool; corrupt: of nodes
    template <class Entries>
    [[nodiscard]] result<exclusive> lock_leaf(bytes_view key, Entries entries) {
        unsigned lists = 0;
        std::optional<typename Tree::seen_node> seen;
        for (unsigned i = 0; i < Tree::attempts && lists < most_lists; ++i) {
            auto there = tree_.seek({key}, 0, seen);
            if (!there) return std::move(there).error();
            if (!*there) continue;
            const auto& page = seen->page;
            seen->view.fetch_gap();
            note(seen->view, entries);
            if (!page.validate()) continue;
            if (!references_.empty()) ++lists;
            const auto listed = list([&] { return page.validate(); });
            if (!listed) return listed.error();
            if (!*listed) continue;
            auto held = tree_.pool->upgrade(page);
            if (!held) return held;
            if (!*held) continue;
            if (auto ready = make_ready(*held); !ready) return std::move(ready).error();
            return held;
        }
        auto held = tree_.lock({key}, 0);
        if (!held) return held;
        if (auto ready = prepare(*held, entries); !ready) return std::move(ready).error();
        return held;
    }
    // The same for a leaf that is locked; what was noted of it or of others is forgotten.
    template <class Entries>
    [[nodiscard]] result<void> prepare(const exclusive& leaf, Entries entries) {
        note(tree_.view(leaf), entries);
        const auto listed = list([] { return true; });
        if (!listed) return listed.error();
        return make_ready(leaf);
    }
    // Step 5.
    void free() {
        for (const page_id page : pages_) {
            tree_.pool->forget(page);
            tree_.numbers->give_back(page);
        }
        pages_.clear();
        references_.clear();
    }

private:
    // Each reads as many pages as fit into the pool, if the leaf leaves its frame.
    static constexpr unsigned most_lists = 2;

    template <class Access, class Entries>
    void note(const slotted_view<Access>& leaf, Entries entries) {
        references_.clear();
        entries(leaf, [&](const node_payload& payload) {
            if (!payload.is_reference || payload.value.size() != extent_reference_bytes) return;
            std::byte raw[extent_reference_bytes];
            Access::copy(raw, payload.value.data(), sizeof raw);
            references_.push_back(load_extent_reference(raw));
        });
    }
    //   Returns     false: the leaf has changed
    template <class Still>
    [[nodiscard]] result<bool> list(Still still) {
        pages_.clear();
        for (const extent_reference& each : references_) {
            if (!each.makes_sense()) continue;
            for (extent_walk walk{*tree_.pool, tree_.table, each}; !walk.done();) {
                const auto page = walk.step(nullptr);
                if (!still()) return false;
                if (!page && page.error().code() == error_code::corrupt) break;
                if (!page) return page.error();
                pages_.push_back(*page);
            }
        }
        return true;
    }
    // A leaf that makes no sense might have one entry twice, and its pages would be freed twice.
    [[nodiscard]] result<void> make_ready(const exclusive& leaf) {
        if (references_.empty()) return success();
        if (auto sound = tree_.verify_held(leaf); !sound) return sound;
        for (const page_id page : pages_)
            if (auto settled = tree_.pool->settle(page); !settled) return settled;
        return success();
    }

    const Tree& tree_;
    std::vector<extent_reference> references_;
    std::vector<page_id> pages_;
};

}  // namespace mantis::detail
