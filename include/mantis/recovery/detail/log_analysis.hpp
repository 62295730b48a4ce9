// SPDX-License-Identifier: BSL-1.0
//
// Makes the plan of a recovery out of the records of a log, one after the other.
//
// It keeps one entry for each transaction that is open, and the position of each commit that no
// later record proves to be synced: 8 bytes each, and many only where nobody ever syncs.
//
// Threads: one.
#pragma once

#include "by_transaction.hpp"

#include "../plan.hpp"

#include "../../wal/operation.hpp"
#include "../../wal/segment.hpp"

namespace mantis::detail {

class log_analysis {
public:
    explicit log_analysis(const recovery_options& chosen) noexcept
        : stop_at_{chosen.stop_at},
          stop_at_time_{chosen.stop_at_time},
          reaches_{chosen.log_reaches} {
        plan_.begins = chosen.start.begin;
        plan_.end = plan_.stops_at =
            chosen.start.begin != lsn{} ? chosen.start.begin : first_lsn_of_log;
        plan_.last_transaction = chosen.start.last_transaction;
        plan_.last_time = chosen.start.last_time;
    }

    //   Errors      corrupt: what is in the record are no operations
    [[nodiscard]] result<void> add(const log_record& record) {
        contents inside;
        if (auto walked = walk(record.payload, inside); !walked) return walked;
        ++plan_.records;
        if (record.transaction > plan_.last_transaction)
            plan_.last_transaction = record.transaction;
        plan_.end = record.end;
        prove(record.durable);
        if (record.kind == record_kind::part) {
            if (!stopped_) open_[record.transaction] += inside;
            return success();
        }
        inside += open_.take(record.transaction);
        commit(record.end, inside);
        return success();
    }

    //   Effects     the plan is complete, but for `found` and what only the log knows
    void finish(lsn durable) {
        prove(durable);
        plan_.transactions_dropped = open_.count();
        if (!stopped_) plan_.stops_at = plan_.end;
        for (std::size_t at = first_unproven_; at < unproven_.size(); ++at)
            if (unproven_[at] <= plan_.stops_at) ++plan_.transactions_in_doubt;
    }

    // Whether a commit was met that is to be left out.
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }
    // Whether it has records and, as far as was read, no commit.
    [[nodiscard]] bool unfinished(transaction_id id) const noexcept { return open_.has(id); }
    [[nodiscard]] recovery_plan& plan() noexcept { return plan_; }
    [[nodiscard]] const recovery_plan& plan() const noexcept { return plan_; }

private:
    struct contents {
        std::uint64_t operations = 0;
        std::uint64_t table_changes = 0;
        nanoseconds time;

        contents& operator+=(const contents& more) noexcept {
            operations += more.operations;
            table_changes += more.table_changes;
            if (more.time > time) time = more.time;
            return *this;
        }
    };

    static result<void> walk(bytes_view payload, contents& inside) {
        operation_reader operations{payload};
        operation op;
        while (true) {
            auto more = operations.next(op);
            if (!more) return more.error();
            if (!*more) return success();
            if (op.kind == operation_kind::stamp) {
                inside.time = op.time;
                continue;
            }
            ++inside.operations;
            if (op.kind == operation_kind::create_table || op.kind == operation_kind::drop_table)
                ++inside.table_changes;
        }
    }

    void commit(lsn end, const contents& inside) {
        if (stop_at_ != lsn{} && end > stop_at_) stopped_ = true;
        if (stop_at_time_ != nanoseconds{} && inside.time > stop_at_time_) stopped_ = true;
        if (stopped_) {
            ++plan_.transactions_after_stop;
            return;
        }
        ++plan_.transactions_kept;
        plan_.operations += inside.operations;
        plan_.table_changes += inside.table_changes;
        plan_.stops_at = end;
        if (inside.time > plan_.last_time) plan_.last_time = inside.time;
        if (plan_.first_time == nanoseconds{}) plan_.first_time = inside.time;
        if (end > plan_.proven) unproven_.push_back(end);
    }

    void prove(lsn durable) {
        if (durable > plan_.proven) plan_.proven = durable;
        if (reaches_ > plan_.proven) plan_.proven = reaches_;
        while (first_unproven_ < unproven_.size() && unproven_[first_unproven_] <= plan_.proven)
            ++first_unproven_;
        if (first_unproven_ < unproven_.size() - first_unproven_) return;
        unproven_.erase(unproven_.begin(),
                        unproven_.begin() + static_cast<std::ptrdiff_t>(first_unproven_));
        first_unproven_ = 0;
    }

    lsn stop_at_;
    nanoseconds stop_at_time_;
    lsn reaches_;
    recovery_plan plan_;
    by_transaction<contents> open_;
    std::vector<lsn> unproven_;
    std::size_t first_unproven_ = 0;
    bool stopped_ = false;
};

}  // namespace mantis::detail
