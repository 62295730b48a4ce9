// SPDX-License-Identifier: BSL-1.0
//
// Whether what a transaction read is still so.
//
// Threads: with the commit mutex.
#pragma once

#include "../../core/result.hpp"
#include "../read_set.hpp"

namespace mantis::detail {

template <class Table>
[[nodiscard]] result<bool> unchanged(const Table& now, const std::vector<key_read>& keys) {
    for (const key_read& read : keys) {
        lsn version;
        auto found = now.find(read.key, [&](bytes_view, lsn at) { version = at; });
        if (!found) return found;
        if (version != read.version) return false;
    }
    return true;
}

//   Errors      conflict, those of an index
template <class Tables>
[[nodiscard]] result<void> reads_hold(const Tables& tables, const read_set& reads) {
    for (const table_reads& read : reads.tables()) {
        const auto& now = *tables.find(read.table);
        // Not changed(): a commit that could not be applied has changed nothing that is told.
        if (now.applied() == read.as_of) continue;
        auto same = read.scanned ? result<bool>{false} : unchanged(now, read.keys);
        if (!same) return same.error().within("committing: looking again at what was read");
        if (!*same)
            return error{error_code::conflict,
                         "committing: what this transaction read has changed; run it again"}
                .about(now.name())
                .with("changed_lsn", now.changed().value);
    }
    return success();
}

}  // namespace mantis::detail
