// SPDX-License-Identifier: BSL-1.0
//
// The path of a range that keeps its bytes, and their storage when it becomes another one.
//
// Threads: like an int.
#pragma once

#include "../path.hpp"

namespace mantis::detail {

struct kept_range {
    table_id table;
    bytes low;
    bytes high;

    void assign(const lock_path& path) {
        table = path.table();
        low.assign(path.low());
        high.assign(path.high());
    }
    [[nodiscard]] lock_path path() const noexcept { return lock_path::range(table, low, high); }
};

}  // namespace mantis::detail
