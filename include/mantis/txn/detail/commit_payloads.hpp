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

// One payload at least where there are changes; a new one where `target_bytes` would be exceeded,
// a stamp at its end included, but one operation is never split.
class commit_payloads {
public:
    explicit commit_payloads(const operation& single) { append_operation(first_, single); }
    commit_payloads(const write_set& writes, std::size_t target_bytes) {
        constexpr std::size_t around = 16;  // kind, table and lengths, at most
        const std::size_t room = writes.payload_bytes() + writes.count() * around + max_stamp_bytes;
        const std::size_t reserved = room < target_bytes ? room : target_bytes;
        if (!writes.empty()) first_.reserve(reserved);
        for (const change& made : writes) {
            const std::size_t more = around + made.key.size() + made.value.size();
            if (!last().empty() && last().size() + more + max_stamp_bytes > target_bytes) {
                more_.emplace_back();
                more_.back().reserve(reserved);
            }
            const operation_kind kind = made.erases ? operation_kind::erase : operation_kind::put;
            append_operation(last(), {kind, made.table, made.key, made.value});
        }
    }

    [[nodiscard]] bytes& last() noexcept { return more_.empty() ? first_ : more_.back(); }
    [[nodiscard]] std::uint64_t log_bytes() const noexcept {
        std::uint64_t sum = record_bytes(first_.size());
        for (const bytes& payload : more_) sum += record_bytes(payload.size());
        return sum;
    }
    // Calls f with the records, in their order. Most commits are one, without memory for a list.
    template <class F>
    auto with_records(F f) const {
        const pending_record only[] = {{record_kind::commit, first_}};
        if (more_.empty()) return f(only);
        std::vector<pending_record> records;
        records.push_back({record_kind::part, first_});
        for (const bytes& payload : more_) records.push_back({record_kind::part, payload});
        records.back().kind = record_kind::commit;
        return f(records);
    }

private:
    bytes first_;
    std::vector<bytes> more_;
};

//   Requires    the payloads are of these writes
[[nodiscard]] inline commit_growth growth_of(const write_set& writes,
                                             const commit_payloads& payloads) {
    if (!writes.any_puts()) return {};
    // About what an index takes for a row besides its key and value.
    constexpr std::size_t row_bytes = 48;
    return {writes.payload_bytes() + writes.count() * row_bytes, payloads.log_bytes()};
}

}  // namespace mantis::detail
