// SPDX-License-Identifier: BSL-1.0
//
// A write set as payloads of records, and what committing it takes.
//
// Threads: like an int.
#pragma once

#include "../resources.hpp"
#include "../write_set.hpp"

#include "../../wal/operation.hpp"
#include "../../wal/record.hpp"

#include <vector>

namespace mantis::detail {

//   Returns     one payload at least where there are changes; a new one where `target_bytes` would
//               be exceeded, but one operation is never split. The last has room for a stamp
[[nodiscard]] inline std::vector<bytes> commit_payloads(const write_set& writes,
                                                        std::size_t target_bytes) {
    constexpr std::size_t around = 16;  // kind, table and lengths, at most
    const std::size_t room = writes.payload_bytes() + writes.count() * around + max_stamp_bytes;
    std::vector<bytes> payloads;
    for (const change& made : writes) {
        if (payloads.empty() || payloads.back().size() + made.value.size() > target_bytes) {
            payloads.emplace_back();
            payloads.back().reserve(room < target_bytes ? room : target_bytes);
        }
        const operation_kind kind = made.erases ? operation_kind::erase : operation_kind::put;
        append_operation(payloads.back(), {kind, made.table, made.key, made.value});
    }
    return payloads;
}

//   Requires    the payloads are of these writes
[[nodiscard]] inline commit_growth growth_of(const write_set& writes,
                                             const std::vector<bytes>& payloads) {
    if (!writes.any_puts()) return {};
    // About what an index takes for a row besides its key and value.
    constexpr std::size_t row_bytes = 48;
    commit_growth growth{writes.payload_bytes() + writes.count() * row_bytes, 0};
    for (const bytes& payload : payloads) growth.log_bytes += record_bytes(payload.size());
    return growth;
}

}  // namespace mantis::detail
