// SPDX-License-Identifier: BSL-1.0
//
// A table of paged_tables: its tree, and how many entries it has.
//
//   auto accounts = tables.table(table_id{1});
//   accounts->put("alice", "90", lsn{17});
//   accounts->count();
//
// The object is a handle, to be copied at will, and of use as long as the paged_tables is there. A
// handle of a table that was dropped, or is being dropped, answers not_found, or what was there.
//
// Threads: any number, as of page_tree; verify() beside no writer.
#pragma once

#include "detail/live_tables.hpp"

#include "../index/btree/page_tree_cursor.hpp"
#include "../index/btree/page_tree_loader.hpp"
#include "../index/btree/page_tree_walk.hpp"

namespace mantis {

template <class Platform, class Pool, page_numbers Numbers>
class paged_table {
    using state = detail::live_table<Platform>;

public:
    using tree_type = page_tree<Pool, Numbers>;
    using cursor_type = page_tree_cursor<Pool, Numbers>;
    using walk_type = page_tree_walk<Pool, Numbers>;
    using place_type = typename tree_type::place_type;

    //   Requires    both are of one table, and live longer
    paged_table(const tree_type& tree, state& about) noexcept : tree_{tree}, about_{&about} {}

    [[nodiscard]] table_id table() const noexcept { return tree_.table(); }
    // How many entries there are. While others change the table it lags behind by what they do.
    [[nodiscard]] std::uint64_t count() const {
        // An entry may be counted as gone before it is counted as there.
        const std::uint64_t seen = about_->entries.load(Platform::memory_order::acquire);
        return seen >> 63 != 0 ? 0 : seen;
    }
    static constexpr std::size_t max_value_bytes = tree_type::max_value_bytes;
    [[nodiscard]] std::size_t max_key_bytes() const noexcept { return tree_.max_key_bytes(); }
    [[nodiscard]] bool takes(bytes_view key, bytes_view value) const noexcept {
        return tree_.takes(key, value);
    }
    // Without the count: for cursors, which go over its entries in both directions, and change
    // nothing.
    [[nodiscard]] const tree_type& tree() const noexcept { return tree_; }

    // As of page_tree.
    //   Errors      besides: not_found: the table was dropped

    template <class F>
    [[nodiscard]] result<bool> find(bytes_view key, F f) const {
        return answer(tree_.find(key, std::move(f)));
    }
    template <class F>
    [[nodiscard]] result<bool> find(bytes_view key, F f, place_type& at) const {
        return answer(tree_.find(key, std::move(f), at));
    }
    [[nodiscard]] result<void> prefetch(bytes_view key) const {
        return answer(tree_.prefetch(key));
    }
    [[nodiscard]] result<void> prefetch(bytes_view key, place_type& at) const {
        return answer(tree_.prefetch(key, at));
    }
    [[nodiscard]] result<void> put(bytes_view key, bytes_view value, lsn version) {
        return end_put(tree_.put(key, value, version));
    }
    [[nodiscard]] result<void> put(bytes_view key, bytes_view value, lsn version,
                                   const place_type& at) {
        return end_put(tree_.put(key, value, version, at));
    }
    //   Returns     whether it was there
    [[nodiscard]] result<bool> erase(bytes_view key) {
        auto was_there = answer(tree_.erase(key));
        if (was_there && *was_there) less(1);
        return was_there;
    }
    // As of page_tree_loader.hpp: fills an empty table, as a whole or not at all.
    template <class Next>
    [[nodiscard]] result<std::uint64_t> load_sorted(Next next,
                                                    page_tree_load_options options = {}) {
        auto loaded = answer(mantis::load_sorted(tree_, std::move(next), options));
        if (loaded) about_->entries.fetch_add(*loaded, Platform::memory_order::acq_rel);
        return loaded;
    }
    [[nodiscard]] result<std::uint64_t> erase_range(bytes_view from, bytes_view to) {
        auto erased = tree_.erase_range(from, to);
        if (erased) less(*erased);
        else if (const std::uint64_t* const some = erased.error().number("erased")) less(*some);
        return answer(std::move(erased));
    }
    template <class F>
    [[nodiscard]] result<void> scan(bytes_view from, F f) const {
        return answer(tree_.scan(from, std::move(f)));
    }
    // As of page_tree_walk.
    [[nodiscard]] walk_type walk() const noexcept { return walk_type{tree_}; }
    //   Requires    the walk is of this table
    [[nodiscard]] result<bool> read_rows(walk_type& at, bytes_view from, bytes_view to,
                                         std::size_t limit, row_batch& rows) const {
        return answer(at.read(from, to, limit, rows));
    }
    template <class F>
    [[nodiscard]] result<void> scan_back(bytes_view below, F f) const {
        return answer(tree_.scan_back(below, std::move(f)));
    }
    template <class F>
    [[nodiscard]] result<void> scan_back(F f) const {
        return answer(tree_.scan_back(std::move(f)));
    }
    [[nodiscard]] result<std::uint64_t> estimate(bytes_view from, bytes_view to) const {
        return answer(tree_.estimate(from, to, count()));
    }
    [[nodiscard]] auto height() const { return answer(tree_.height()); }
    [[nodiscard]] result<index_shape> shape() const {
        auto seen = answer(tree_.shape());
        if (seen) seen->entries = count();
        return seen;
    }
    //   Errors      corrupt, besides: there are more or fewer entries than count() says
    [[nodiscard]] result<page_tree_stats> verify() const {
        return verify([](page_id) { return success(); });
    }
    template <class F>
    [[nodiscard]] result<page_tree_stats> verify(F f) const {
        auto seen = answer(tree_.verify(std::move(f)));
        if (!seen || seen->entries == count()) return seen;
        return error{error_code::corrupt, "verifying a table: its entries are not those counted"}
            .with("table", table().value)
            .with("entries", seen->entries)
            .with("counted", count());
    }

private:
    [[nodiscard]] result<void> end_put(result<bool> done) {
        auto is_new = answer(std::move(done));
        if (!is_new) return std::move(is_new).error();
        if (*is_new) about_->entries.fetch_add(1, Platform::memory_order::acq_rel);
        return success();
    }
    void less(std::uint64_t entries) {
        about_->entries.fetch_sub(entries, Platform::memory_order::acq_rel);
    }
    // Pages of a dropped table are nobody's, or another's; where an entry was found before, it may
    // still be found for a while.
    template <class T>
    [[nodiscard]] result<T> answer(result<T> what) const {
        if (!about_->dropped.load(Platform::memory_order::acquire)) return what;
        return error{error_code::not_found, "using a table that was dropped"}.with("table",
                                                                                   table().value);
    }

    tree_type tree_;
    state* about_;
};

}  // namespace mantis
