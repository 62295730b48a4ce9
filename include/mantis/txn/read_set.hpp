// SPDX-License-Identifier: BSL-1.0
//
// What a serializable transaction read, so that its commit can tell whether that still holds.
//
// A key is remembered with the version it had (lsn 0: absent). A scan is remembered as the whole
// table with the position of the last commit that changed it: coarse, and never misses a row that
// appeared in the middle.
//
// Threads: one.
#pragma once

#include "../core/arena.hpp"
#include "../core/ids.hpp"

#include <vector>

namespace mantis {

class read_set {
public:
    struct key_read {
        table_id table;
        bytes_view key;
        lsn version;
    };
    struct table_read {
        table_id table;
        lsn changed;
    };

    void add_key(table_id table, bytes_view key, lsn version) {
        keys_.push_back({table, held_.copy(key), version});
    }
    void add_table(table_id table, lsn changed) { tables_.push_back({table, changed}); }
    void clear() noexcept {
        keys_.clear();
        tables_.clear();
        held_.clear();
    }

    [[nodiscard]] const std::vector<key_read>& keys() const noexcept { return keys_; }
    [[nodiscard]] const std::vector<table_read>& tables() const noexcept { return tables_; }

private:
    arena held_;
    std::vector<key_read> keys_;
    std::vector<table_read> tables_;
};

}  // namespace mantis
