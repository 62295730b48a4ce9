// SPDX-License-Identifier: BSL-1.0
//
// Which tables there are, the root page of each, and how many entries it has; and as edits of a
// manifest.
//
//   offset  bytes  field
//        0      8  table
//        8      8  root     a page; 0: the table is gone
//       16      8  entries  0, where it is gone
//
// Threads: like an int.
#pragma once

#include "../manifest_format.hpp"

#include <vector>

namespace mantis::detail {

inline constexpr std::size_t table_root_bytes = 24;

struct table_root {
    table_id table;
    page_id root;
    std::uint64_t entries = 0;

    [[nodiscard]] friend constexpr bool operator==(const table_root&,
                                                   const table_root&) noexcept = default;
};
static_assert(table_root_bytes == sizeof(table_root));

[[nodiscard]] inline bytes encode_table_root(const table_root& from) {
    bytes raw = bytes::zeros(table_root_bytes);
    store_le(raw.data(), from.table.value);
    store_le(raw.data() + 8, from.root.value);
    store_le(raw.data() + 16, from.entries);
    return raw;
}
//   Errors      corrupt
[[nodiscard]] inline result<table_root> decode_table_root(bytes_view raw) {
    if (raw.size() != table_root_bytes)
        return error{error_code::corrupt, "reading the root of a table"}.with("bytes", raw.size());
    return table_root{{load_le<std::uint64_t>(raw.data())},
                      {load_le<std::uint64_t>(raw.data() + 8)},
                      load_le<std::uint64_t>(raw.data() + 16)};
}

class table_roots {
public:
    //   Returns     nullptr: there is no such table
    [[nodiscard]] const table_root* find(table_id table) const noexcept {
        const std::size_t at = position(table);
        return at < all_.size() && all_[at].table == table ? &all_[at] : nullptr;
    }
    //   Effects     the table has this root and so many entries; page 0: it is gone
    void set(const table_root& to) {
        const std::size_t at = position(to.table);
        const auto place = all_.begin() + static_cast<std::ptrdiff_t>(at);
        const bool there = at < all_.size() && all_[at].table == to.table;
        if (to.root.value == 0) {
            if (there) all_.erase(place);
        } else if (there) {
            *place = to;
        } else {
            all_.insert(place, to);
        }
    }
    void reserve(std::size_t count) { all_.reserve(count); }
    // Ascending by table.
    [[nodiscard]] const std::vector<table_root>& all() const noexcept { return all_; }

    // Calls each(root), a result<void>, for what set() has to be told so that `before` becomes
    // this, until it answers an error.
    template <class Each>
    [[nodiscard]] result<void> for_each_change(const table_roots& before, Each each) const {
        for (const table_root& old : before.all_)
            if (find(old.table) == nullptr)
                if (auto done = each(table_root{old.table, {}}); !done) return done;
        for (const table_root& now : all_) {
            const table_root* const was = before.find(now.table);
            if (was != nullptr && *was == now) continue;
            if (auto done = each(now); !done) return done;
        }
        return success();
    }

private:
    [[nodiscard]] std::size_t position(table_id table) const noexcept {
        std::size_t from = 0;
        std::size_t to = all_.size();
        while (from < to) {
            const std::size_t middle = from + (to - from) / 2;
            if (all_[middle].table < table) from = middle + 1;
            else to = middle;
        }
        return from;
    }

    std::vector<table_root> all_;
};

}  // namespace mantis::detail
