// SPDX-License-Identifier: BSL-1.0
//
// What a serializable transaction read, so that its commit can tell whether that still holds.
//
// A key is remembered with the version it had (lsn 0: absent). A scan is remembered as the whole
// table: coarse, and never misses a row that appeared in the middle. A table is remembered with the
// last commit that had been applied to it before the first read: where that is still the last one,
// all reads of the table hold, and none needs to be looked at.
//
// Threads: one.
#pragma once

#include "../core/arena.hpp"
#include "../core/ids.hpp"

#include <vector>

namespace mantis {

struct key_read {
    bytes_view key;
    lsn version;
};

// What was read of one table.
struct table_reads {
    table_id table;
    lsn as_of;             // nothing that was read is older
    bool scanned = false;  // in whole or in part
    std::vector<key_read> keys;
};

class read_set {
public:
    // Where to remember reads of that table. Asked before the first of them is made.
    //   Effects     at the first time, as_of is what applied() returns
    //   Returns     valid until the next call
    template <class Applied>
    table_reads& of(table_id table, Applied applied) {
        for (table_reads& each : tables_)
            if (each.table == table) return each;
        tables_.push_back({table, applied(), false, {}});
        return tables_.back();
    }
    //   Returns     the key, valid until clear()
    bytes_view add_key(table_reads& to, bytes_view key, lsn version) {
        to.keys.push_back({held_.copy(key), version});
        return to.keys.back().key;
    }
    void clear() noexcept {
        tables_.clear();
        held_.clear();
    }

    [[nodiscard]] const std::vector<table_reads>& tables() const noexcept { return tables_; }

private:
    arena held_;
    std::vector<table_reads> tables_;
};

}  // namespace mantis
