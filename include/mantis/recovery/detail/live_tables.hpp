// SPDX-License-Identifier: BSL-1.0
//
// The tables that there are now, each with its root page and how many entries it has.
//
// What is known of a table stays in memory when it is dropped, for handles may still refer to it.
//
// Threads: one at a time; but what is in a live_table is any thread's, and stays where it is.
#pragma once

#include "table_roots.hpp"

#include "../../core/owned.hpp"

namespace mantis::detail {

template <class Platform>
struct live_table {
    const table_id table;
    const page_id root;
    typename Platform::template atomic<std::uint64_t> entries;
    typename Platform::template atomic<bool> dropped{false};

    explicit live_table(const table_root& of)
        : table{of.table}, root{of.root}, entries{of.entries} {}
};

template <class Platform>
class live_tables {
public:
    using state = live_table<Platform>;

    //   Returns     nullptr: there is no such table
    [[nodiscard]] state* find(table_id table) const noexcept {
        const std::size_t at = position(table);
        return at < all_.size() && all_[at]->table == table ? &*all_[at] : nullptr;
    }
    //   Returns     nullptr: it is there already
    state* add(const table_root& root) {
        if (find(root.table) != nullptr) return nullptr;
        const auto place = all_.begin() + static_cast<std::ptrdiff_t>(position(root.table));
        return &**all_.insert(place, owned<state>{new state{root}});
    }
    //   Effects     handles of the table know it from now on
    //   Returns     whether it was there
    bool drop(table_id table) {
        state* const gone = find(table);
        if (gone == nullptr) return false;
        gone->dropped.store(true, Platform::memory_order::release);
        const auto place = all_.begin() + static_cast<std::ptrdiff_t>(position(table));
        dropped_.push_back(std::move(*place));
        all_.erase(place);
        return true;
    }
    // Ascending.
    [[nodiscard]] const std::vector<owned<state>>& all() const noexcept { return all_; }
    //   Requires    nobody changes a table
    [[nodiscard]] table_roots roots() const {
        table_roots made;
        made.reserve(all_.size());
        for (const owned<state>& each : all_)
            made.set(
                {each->table, each->root, each->entries.load(Platform::memory_order::acquire)});
        return made;
    }

private:
    [[nodiscard]] std::size_t position(table_id table) const noexcept {
        std::size_t from = 0;
        std::size_t to = all_.size();
        while (from < to) {
            const std::size_t middle = from + (to - from) / 2;
            if (table > all_[middle]->table) from = middle + 1;
            else to = middle;
        }
        return from;
    }

    std::vector<owned<state>> all_;  // by table
    std::vector<owned<state>> dropped_;
};

}  // namespace mantis::detail
