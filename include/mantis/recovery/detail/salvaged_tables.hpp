// SPDX-License-Identifier: BSL-1.0
//
// What the readable parts of a damaged database say, table by table.
//
// Rows come from the image and from pages first, and from the log then. For a table in pages, what
// the log says up to P, the pages' checkpoint, is passed over: pages have that, and newer. It is
// taken where rows are lost. Rows of pages that nothing proves to be the last ones give way to
// whatever the log says of their keys, unless it is older.
//
// Threads: one at a time.
#pragma once

#include "../image.hpp"

#include "../../index/btree/btree.hpp"
#include "../../wal/operation.hpp"

#include <optional>

namespace mantis::detail {

// What the index policy of tables in pages is called; store/paged_btree.hpp is above this floor.
inline constexpr const char* paged_index_name = "paged_btree";

// Keys of a table in pages that are not to be had.
struct lost_keys {
    bytes from;
    bytes to;  // the first behind them; empty: to the end of the table
    page_id page;

    [[nodiscard]] bool has(bytes_view key) const noexcept {
        return key >= from.view() && (to.empty() || key < to.view());
    }
};

class salvaged_tables {
public:
    struct table {
        table_id id;
        bytes name;
        bytes index;
        bool dropped = false;
        bool is_named = false;  // as it was called
        byte_map<> rows;

        // Of one in pages:
        bool in_pages = false;  // pages have told of it
        lsn made;               // known from here on
        byte_map<> unproven;    // keys of rows that nothing proves to be the last ones
        byte_map<> lost;        // from -> to, and the page as the version
    };

    //   Requires    what the image and pages have was loaded
    void redo(const operation& op, lsn version) {
        if (op.kind == operation_kind::stamp) return;
        table& into = table_of(op.table);
        if (op.kind == operation_kind::create_table) {
            into.name.assign(op.key);
            into.index.assign(op.value);
            if (into.made == lsn{}) into.made = version;
        } else if (op.kind == operation_kind::drop_table) {
            into.dropped = true;
        } else if (!into.in_pages || is_news(into, op.key, version)) {
            (void)into.unproven.erase(op.key);
            if (op.kind == operation_kind::put) into.rows.put(op.key, op.value, version);
            else (void)into.rows.erase(op.key);
        }
    }
    //   Requires    the image is as of `at`
    void load(const std::vector<image_table>& list, lsn at) {
        for (const image_table& each : list) {
            table& into = table_of(each.id);
            into.name.assign(each.name);
            into.index.assign(each.index);
            into.dropped = each.dropped;
            into.made = at;
        }
    }
    void load(table_id id, const image_row& row) {
        table_of(id).rows.put(row.key, row.value, row.version);
    }

    // Pages are of the checkpoint at this place, or nobody knows of which.
    void begin_pages(std::optional<lsn> checkpoint) { pages_ = checkpoint; }
    void add_paged_table(table_id id) { table_of(id).in_pages = true; }
    //   Requires    begin_pages()
    void load_of_page(table_id id, bytes_view key, bytes_view value, lsn version) {
        table& into = table_of(id);
        into.in_pages = true;
        bool is_older = false;
        (void)into.rows.find(key, [&](bytes_view, lsn was) { is_older = version < was; });
        if (is_older) return;
        into.rows.put(key, value, version);
        if (!pages_) into.unproven.put(key, {}, version);
    }
    void lose(table_id id, const lost_keys& what) {
        table_of(id).lost.put(what.from, what.to, lsn{what.page.value});
    }

    //   Effects     every table that is left has a name of its own, and those in pages are what
    //               the pages' checkpoint says
    void finish() {
        for (table& each : tables_) finish_pages(each);
        for (std::size_t at = tables_.size(); at-- > 0;) {
            tables_[at].is_named = !tables_[at].name.empty();
            if (tables_[at].name.empty() || taken(at)) {
                tables_[at].name = made_up(tables_[at].id);
                while (taken_by_any(at)) tables_[at].name.append(bytes_view{"-"});
            }
            if (tables_[at].index.empty())
                tables_[at].index.assign(
                    bytes_view{tables_[at].in_pages ? paged_index_name : btree<>::name});
        }
    }
    [[nodiscard]] const std::vector<table>& all() const noexcept { return tables_; }

private:
    [[nodiscard]] bool is_news(const table& of, bytes_view key, lsn version) const {
        if (pages_) return version > *pages_ || is_lost(of, key);
        bool is_older = false;
        (void)of.rows.find(key, [&](bytes_view, lsn was) { is_older = version < was; });
        return !is_older;
    }
    [[nodiscard]] static bool is_lost(const table& of, bytes_view key) {
        bool found = false;
        of.lost.scan({}, [&](bytes_view from, bytes_view to, lsn) {
            found = key >= from && (to.empty() || key < to);
            return !found && from <= key;
        });
        return found;
    }
    // A table that was made before P and is not in the pages of P was dropped before it. Without
    // any pages, or with pages of an unknown checkpoint, all of it may be missing.
    void finish_pages(table& each) const {
        const bool should_be = each.index == bytes_view{paged_index_name} && each.made != lsn{};
        if (pages_ && *pages_ != lsn{} && should_be && !each.in_pages && each.made <= *pages_)
            each.dropped = true;
    }
    table& table_of(table_id id) {
        std::size_t at = tables_.size();
        while (at > 0 && tables_[at - 1].id > id) --at;
        if (at > 0 && tables_[at - 1].id == id) return tables_[at - 1];
        table made;
        made.id = id;
        return *tables_.insert(tables_.begin() + static_cast<std::ptrdiff_t>(at), std::move(made));
    }
    // The newer of two tables of one name keeps it: the drop of the other was lost.
    [[nodiscard]] bool taken(std::size_t at) const {
        for (std::size_t later = at + 1; later < tables_.size(); ++later)
            if (!tables_[later].dropped && tables_[later].name == tables_[at].name.view())
                return true;
        return false;
    }
    [[nodiscard]] bool taken_by_any(std::size_t at) const {
        for (std::size_t other = 0; other < tables_.size(); ++other)
            if (other != at && tables_[other].name == tables_[at].name.view()) return true;
        return false;
    }
    static bytes made_up(table_id id) {
        bytes digits;
        for (std::uint64_t left = id.value; left != 0 || digits.empty(); left /= 10)
            digits.push_back(static_cast<char>('0' + left % 10));
        bytes name{bytes_view{"salvaged-"}};
        for (std::size_t at = digits.size(); at-- > 0;) name.push_back(digits[at]);
        return name;
    }

    std::vector<table> tables_;  // by id
    std::optional<lsn> pages_ = lsn{};
};

}  // namespace mantis::detail
