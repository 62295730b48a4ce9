// SPDX-License-Identifier: BSL-1.0
//
// The index of a table whose rows are in pages: a door to its tree, which the storage keeps.
//
// An index may have no tree: that of a table which the storage's last checkpoint no longer has,
// until the log that is being redone drops the table; or the storage is damaged. It has no entries,
// and takes none.
//
// Threads: as page_tree.
#pragma once

#include "../../core/ids.hpp"
#include "../../core/result.hpp"
#include "../../index/index_shape.hpp"
#include "../../index/row_batch.hpp"

#include <optional>
#include <utility>

namespace mantis::detail {

template <class Storage>
class paged_index {
public:
    using tree_type = typename Storage::tree_type;
    using place_type = typename tree_type::place_type;

    //   Requires    the storage lives longer
    paged_index(Storage& storage, table_id table, std::optional<tree_type> tree)
        : storage_{&storage}, table_{table}, tree_{std::move(tree)} {}

    [[nodiscard]] result<void> put(bytes_view key, bytes_view value, lsn version) {
        return tree_ ? tree_->put(key, value, version) : success();
    }
    [[nodiscard]] result<void> put(bytes_view key, bytes_view value, lsn version,
                                   const place_type& at) {
        return tree_ ? tree_->put(key, value, version, at) : success();
    }
    [[nodiscard]] result<bool> erase(bytes_view key) {
        return tree_ ? tree_->erase(key) : result<bool>{false};
    }
    template <class F>
    [[nodiscard]] result<bool> find(bytes_view key, F f) const {
        return tree_ ? tree_->find(key, f) : result<bool>{false};
    }
    template <class F>
    [[nodiscard]] result<bool> find(bytes_view key, F f, place_type& at) const {
        return tree_ ? tree_->find(key, f, at) : result<bool>{false};
    }
    // Leaf by leaf, each as it was at one moment.
    template <class F>
    [[nodiscard]] result<void> scan(bytes_view from, F f) const {
        return tree_ ? tree_->scan(from, f) : success();
    }
    // See ordered_index.hpp; as of page_tree_walk.
    using walk_type = std::optional<typename tree_type::walk_type>;
    [[nodiscard]] result<bool> read_rows(walk_type& at, bytes_view from, bytes_view to,
                                         std::size_t limit, row_batch& rows) const {
        if (!tree_) return true;
        if (!at) at.emplace(tree_->walk());
        return tree_->read_rows(*at, from, to, limit, rows);
    }
    [[nodiscard]] std::size_t count() const {
        return tree_ ? static_cast<std::size_t>(tree_->count()) : 0;
    }
    // Pages are memory of the storage.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return 0; }
    //   Complexity  reads every page of the table
    [[nodiscard]] result<void> verify() const {
        if (!tree_) return success();
        auto sound = tree_->verify();
        return sound ? success() : result<void>{std::move(sound.error())};
    }

    [[nodiscard]] result<std::uint64_t> estimate(bytes_view from, bytes_view to) const {
        return tree_ ? tree_->estimate(from, to) : result<std::uint64_t>{0};
    }
    [[nodiscard]] result<index_shape> shape() const {
        return tree_ ? tree_->shape() : result<index_shape>{index_shape{}};
    }

    // --- what an index of a storage offers besides (index/index_storage.hpp) ---

    //   Errors      too_large: a page takes no key of that length
    [[nodiscard]] result<void> prefetch(bytes_view key, place_type& at) const {
        if (!tree_) return success();
        if (key.size() > tree_->max_key_bytes())
            return error{error_code::too_large, "preparing to change a row: its key"}
                .with("bytes", key.size())
                .with("limit", tree_->max_key_bytes());
        return tree_->prefetch(key, at);
    }
    [[nodiscard]] lsn persisted() const { return storage_->persisted(); }
    void retire() { storage_->retire(table_, count()); }
    void discard() { storage_->discard(table_); }

private:
    Storage* storage_;
    table_id table_;
    std::optional<tree_type> tree_;
};

}  // namespace mantis::detail
