// SPDX-License-Identifier: BSL-1.0
//
// Packs the leaves of tables in pages, from which much was erased, into fewer pages
// (index/btree/detail/tree_pack.hpp): table after table, in small steps, with nothing held between
// two of them, beside all else.
//
// A step is a change of pages. It is only made where the disk has plenty, as an admission sees it:
// packing is nothing that anybody has to do.
//
// Threads: one; whoever drops tables waits for its steps.
#pragma once

#include "../../core/bytes.hpp"
#include "../../core/ids.hpp"

namespace mantis::detail {

template <class Tables>
class tables_pack {
public:
    //   Requires    `tables` lives longer
    explicit tables_pack(Tables& tables) : tables_{&tables} {}

    //   Requires    while what pause() answers lives, nobody changes anything; no table is dropped
    //               meanwhile
    //   Returns     whether there may be more; false, too: this is not the time for it
    template <class Pause>
    [[nodiscard]] bool step(Pause pause) {
        const auto all = tables_->tables();
        std::size_t next = 0;
        while (next < all.size() && all[next] < table_) ++next;
        if (next == all.size()) return false;
        if (all[next] != table_) from_.clear();
        table_ = all[next];
        auto in = tables_->table(table_);
        if (!in) return false;
        auto tree = in->tree();
        const auto pays = tree.is_sparse(from_);
        if (!pays) return false;
        if (*pays) {
            const auto changes_wait = pause();
            if (!tables_->may_pack() || !tree.pack(from_)) return false;
        }
        if (from_.empty()) table_ = {table_.value + 1};
        return true;
    }

private:
    Tables* const tables_;
    table_id table_;
    bytes from_;  // of that table
};

}  // namespace mantis::detail
