// SPDX-License-Identifier: BSL-1.0
//
// The rows of tables in pages, for a salvage.
//
// Leaves are taken as they lie in the data segments, whatever leads to them: each names its table
// and the keys that it is there for, its fences. A leaf that the manifest says is live belongs to
// its table; so inner pages are of use only for the numbers of leaves that are damaged. What the
// fences of the sound leaves leave open is lost.
//
// Where no manifest says what is live, all rows found are in doubt, and any others may be missing.
//
// Memory: the fences of all leaves besides the rows.
// Threads: one.
#pragma once

#include "page_scan.hpp"
#include "salvaged_tables.hpp"
#include "stored_pages.hpp"

#include <optional>

#include "../../index/btree/detail/extent_reader.hpp"

namespace mantis::detail {

struct page_salvage_figures {
    std::optional<lsn> checkpoint = lsn{};  // P; {}: there are no pages; none: nobody knows
    std::uint64_t rows = 0;
    std::uint64_t pages = 0;  // that were read
    std::uint64_t damaged_pages = 0;
};

template <platform Platform, checksum_policy Checksum>
class salvage_pages {
public:
    using directory = typename Platform::directory;

    //   Requires    `from` and `into` outlive it
    salvage_pages(directory& from, database_id database, salvaged_tables& into)
        : directory_{&from}, database_{database}, pages_{from, database}, into_{&into} {}

    //   Effects     rows, and the keys of those that are lost, are in the tables
    //   Errors      io: the names of the files cannot be read
    [[nodiscard]] result<page_salvage_figures> run(std::uint64_t at_least, lsn log_begin) {
        const auto there = any_file();
        if (!there) return error{there.error()};
        if (!*there && at_least == 0) return figures_;
        const auto known = pages_.read_manifest(at_least, log_begin);
        if (!known) return known.error();
        if (*known) figures_.checkpoint = pages_.state().checkpoint;
        else figures_.checkpoint.reset();
        into_->begin_pages(figures_.checkpoint);
        if (!*known) {
            const auto size = page_scan<Platform>{*directory_, database_}.run(pages_.map());
            if (!size) return size.error();
            pages_.set_page_bytes(*size);
        }
        look_at_all();
        if (*known) find_losses();
        return figures_;
    }

private:
    // Of the fences of leaves: from the lower one as a key to the upper one as a value; the page as
    // the version, where it is damaged.
    struct table_leaves {
        table_id table;
        page_id root;
        byte_map<> fences;
    };

    [[nodiscard]] result<bool> any_file() {
        const auto names = directory_->list();
        if (!names) return names.error();
        for (const bytes& name : *names) {
            std::uint32_t number = 0;
            if (parse_manifest_name(name) != 0 || parse_data_segment_name(name, number))
                return true;
        }
        return false;
    }

    void look_at_all() {
        for (const table_root& each : pages_.roots().all()) {
            into_->add_paged_table(each.table);
            (void)leaves_of(each.table);
            leaves_of(each.table).root = each.root;
        }
        pages_.map().for_each_committed({1}, [&](page_id page, const page_entry&) {
            ++figures_.pages;
            if (!look_at(page)) {
                ++figures_.damaged_pages;
                damaged_.push_back(page);
            }
            return true;
        });
    }
    //   Returns     whether it is a sound page
    [[nodiscard]] bool look_at(page_id page) {
        const auto raw = pages_.image(page);
        if (!raw || !node_limits::is_page_size(raw->size())) return false;
        const extent_header as_extent = load_extent_header(raw->data());
        if (as_extent.kind == extent_kind) return as_extent.page == page.value;
        const slotted_view<> node{raw->data(), raw->size()};
        if (node.malformed() || !verify_node(node, {node.owner().table, page.value})) return false;
        if (pages_.proven() && pages_.roots().find(node.owner().table) == nullptr) return true;
        if (node.is_leaf()) take(node);
        else if (node.level() == 1) lowest_inner_.push_back(page);
        return true;
    }
    void take(const slotted_view<>& leaf) {
        const table_id table = leaf.owner().table;
        if (pages_.proven())
            leaves_of(table).fences.put(leaf.fences().lower, leaf.fences().upper, {});
        else into_->add_paged_table(table);
        for (std::size_t at = 0; at < leaf.count(); ++at) {
            leaf_entry entry;
            node_key key;
            if (!leaf.read_leaf_entry(at, entry) || !leaf.copy_key(at, key)) continue;
            if (!entry.payload.is_reference) {
                load(table, key.view(), entry.payload.value, entry.version);
                continue;
            }
            const extent_reference of = load_extent_reference(entry.payload.value.data());
            bytes value;
            const auto read = read_extent(pages_, table, key.view(), of, value, certain{});
            if (read && *read) load(table, key.view(), value, entry.version);
            else if (pages_.proven()) lose_value(table, key.view(), {of.first_page});
        }
    }
    void load(table_id table, bytes_view key, bytes_view value, lsn version) {
        into_->load_of_page(table, key, value, version);
        ++figures_.rows;
    }
    void lose_value(table_id table, bytes_view key, page_id first) {
        lost_keys lost{bytes{key}, bytes{key}, first};
        lost.to.push_back('\0');
        into_->lose(table, lost);
    }
    struct certain {
        [[nodiscard]] bool has_it() const noexcept { return true; }
        [[nodiscard]] bool unchanged() const noexcept { return true; }
    };

    void find_losses() {
        for (const page_id each : lowest_inner_) {
            if (damaged_.empty()) break;
            if (const auto raw = pages_.image(each)) name_damaged({raw->data(), raw->size()});
        }
        for (const owned<table_leaves>& each : leaves_) find_losses_of(*each);
    }
    //   Requires    a sound node
    void name_damaged(const slotted_view<>& parent) {
        const fence_keys fences = parent.fences();
        for (std::size_t at = 0; at <= parent.count(); ++at) {
            page_id child;
            if (!parent.read_child(at, child.value) || !is_damaged(child)) continue;
            node_key lower;
            node_key upper;
            lower.assign(fences.lower);
            upper.assign(fences.upper);
            if (at != 0) (void)parent.copy_key(at - 1, lower);
            if (at != parent.count()) (void)parent.copy_key(at, upper);
            leaves_of(parent.owner().table)
                .fences.put(lower.view(), upper.view(), lsn{child.value});
        }
    }
    void find_losses_of(const table_leaves& of) {
        bytes reached;
        bool ended = false;
        of.fences.scan({}, [&](bytes_view from, bytes_view to, lsn damaged) {
            if (from > reached.view()) into_->lose(of.table, {reached, bytes{from}, {}});
            if (damaged != lsn{}) into_->lose(of.table, {bytes{from}, bytes{to}, {damaged.value}});
            reached.assign(to);
            ended = to.empty();
            return !ended;
        });
        if (ended) return;
        const bool is_all = of.fences.count() == 0 && is_damaged(of.root);
        into_->lose(of.table, {reached, {}, is_all ? of.root : page_id{}});
    }
    // They are in order.
    [[nodiscard]] bool is_damaged(page_id page) const noexcept {
        std::size_t from = 0;
        std::size_t to = damaged_.size();
        while (from < to) {
            const std::size_t middle = from + (to - from) / 2;
            if (damaged_[middle] < page) from = middle + 1;
            else to = middle;
        }
        return from < damaged_.size() && damaged_[from] == page;
    }
    [[nodiscard]] table_leaves& leaves_of(table_id table) {
        for (const owned<table_leaves>& each : leaves_)
            if (each->table == table) return *each;
        leaves_.push_back(owned<table_leaves>{new table_leaves{table, {}, {}}});
        return *leaves_.back();
    }

    directory* directory_;
    database_id database_;
    stored_pages<Platform, Checksum> pages_;
    salvaged_tables* into_;
    std::vector<owned<table_leaves>> leaves_;
    std::vector<page_id> damaged_;  // ascending
    std::vector<page_id> lowest_inner_;
    page_salvage_figures figures_;
};

}  // namespace mantis::detail
