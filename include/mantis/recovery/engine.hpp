// SPDX-License-Identifier: BSL-1.0
//
// Brings a target to the state its log describes.
//
// Phases:
//   1. scan     every record of the log, in order, each verified by the reader
//   2. redo     the operations of a transaction, once its commit record is seen; records without
//               one are dropped
//   3. cut      a torn tail is removed from the last segment, so that no later open meets it again
//
// Idempotent: nothing but the cut touches a file, and a crash before or inside the cut leaves the
// same log to read.
//
// Concept log_target:
//   expression                            returns        meaning
//   t.redo(operation, version)            result<void>   do it; version is the position of the
//                                                        commit, one past its end
//
// Threads: one at a time.
#pragma once

#include "../wal/operation.hpp"
#include "../wal/reader.hpp"

#include <vector>

namespace mantis {

template <class T>
concept log_target = requires(T& target, const operation& op, lsn version) {
    { target.redo(op, version) } -> std::same_as<result<void>>;
};

struct recovery_progress {
    std::uint64_t records = 0;
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;  // of all segments, their reserve included
};

// Told now and then while a store opens; a plain function, so that nobody pays for it.
using recovery_listener = void (*)(void* context, const recovery_progress& progress);

struct recovery_summary {
    std::uint64_t segments = 0;
    std::uint64_t records = 0;
    std::uint64_t operations = 0;
    std::uint64_t transactions_kept = 0;
    std::uint64_t transactions_dropped =
        0;                        // some of their records survived a crash, their commit did not
    std::uint64_t bytes = 0;      // of records read
    std::uint64_t cut_bytes = 0;  // of a torn tail, removed
    lsn end;                      // where the log ends now
    transaction_id last_transaction;
    nanoseconds elapsed;
};

template <platform Platform, checksum_policy Checksum>
class recovery_engine {
public:
    using directory = typename Platform::directory;

    struct outcome {
        recovery_summary summary;
        std::uint32_t previous_checksum = 0;  // for the writer's chain
    };
    struct options {
        recovery_listener listener = nullptr;
        void* listener_context = nullptr;
        lsn log_reaches;         // what the superblock promises
        bool read_only = false;  // report a torn tail, and leave it
    };

    recovery_engine(Platform world, directory& in, database_id database) noexcept
        : platform_{std::move(world)}, directory_{&in}, database_{database} {}

    //   Returns     what was found and done, and where a writer goes on
    //   Errors      corrupt (file, offset, lsn), mismatch, io: nothing was changed on disk
    template <log_target Target>
    [[nodiscard]] result<outcome> run(Target& target, const options& chosen) {
        const nanoseconds begun = platform_.now();
        auto reader = log_reader<Platform, Checksum>::open(*directory_, database_);
        if (!reader) return reader.error();
        outcome done;
        done.summary.segments = reader->segment_count();
        if (auto replayed = replay(*reader, target, chosen, done.summary); !replayed)
            return replayed.error();
        const log_end& end = reader->end();
        if (end.end < chosen.log_reaches)
            return error{error_code::corrupt,
                         "recovering: the log ends before what was once durable"}
                .about(end.segment.empty() ? bytes_view{"the log is empty"} : end.segment.view())
                .with("lsn", end.end.value)
                .with("expected_lsn", chosen.log_reaches.value);
        if (!chosen.read_only)
            if (auto clean = cut(end, reader->doubtful_records()); !clean) return clean.error();
        done.summary.cut_bytes = end.cut_bytes;
        done.summary.bytes = reader->bytes_read();
        done.summary.end = end.end;
        done.summary.elapsed = platform_.now() - begun;
        done.previous_checksum = end.previous_checksum;
        return done;
    }

private:
    static constexpr std::uint64_t records_per_report = 1024;

    template <class Target>
    result<void> replay(log_reader<Platform, Checksum>& reader, Target& target,
                        const options& chosen, recovery_summary& summary) {
        log_record record;
        std::vector<bytes> parts;  // of the transaction that is not yet committed
        transaction_id open;
        while (true) {
            auto more = reader.next(record);
            if (!more) return more.error();
            if (!*more || record.transaction != open) {
                if (!parts.empty()) ++summary.transactions_dropped;
                parts.clear();
            }
            if (!*more) break;
            open = record.transaction;
            ++summary.records;
            if (record.transaction > summary.last_transaction)
                summary.last_transaction = record.transaction;
            if (record.kind == record_kind::part) parts.emplace_back(record.payload);
            else if (auto redone = redo(parts, record, target, summary); !redone)
                return redone.error().about(reader.segment()).with("lsn", record.position.value);
            if (summary.records % records_per_report == 0) report(reader, chosen, summary);
        }
        report(reader, chosen, summary);
        return success();
    }

    static void report(const log_reader<Platform, Checksum>& reader, const options& chosen,
                       const recovery_summary& summary) {
        if (chosen.listener != nullptr)
            chosen.listener(chosen.listener_context,
                            {summary.records, reader.bytes_read(), reader.bytes_total()});
    }

    template <class Target>
    static result<void> redo(std::vector<bytes>& parts, const log_record& commit, Target& target,
                             recovery_summary& summary) {
        for (const bytes& part : parts)
            if (auto done = redo_payload(part, commit.end, target, summary); !done) return done;
        if (auto done = redo_payload(commit.payload, commit.end, target, summary); !done)
            return done;
        parts.clear();
        ++summary.transactions_kept;
        return success();
    }

    template <class Target>
    static result<void> redo_payload(bytes_view payload, lsn version, Target& target,
                                     recovery_summary& summary) {
        operation_reader operations{payload};
        operation op;
        while (true) {
            auto more = operations.next(op);
            if (!more) return more.error();
            if (!*more) return success();
            if (auto done = target.redo(op, version); !done) return done;
            ++summary.operations;
        }
    }

    // Removes what a crash left behind the last good record, and a segment that never got its
    // header.
    result<void> cut(const log_end& end, bytes_view doubtful) {
        if (!end.unfinished_segment.empty()) {
            if (auto removed = directory_->remove(end.unfinished_segment); !removed) return removed;
            if (auto synced = directory_->sync(); !synced) return synced;
        }
        if (end.segment.empty()) return success();
        auto last = directory_->open(end.segment, file_mode::write);
        if (!last) return last.error();
        auto size = last->size();
        if (!size) return size.error();
        const std::uint64_t keep = end.offset_in_segment();
        if (*size > keep)
            if (auto resized = last->resize(keep); !resized) return resized;
        // Some systems forget after a failed sync that there is something to write, and still
        // answer reads from memory; the next sync then succeeds and has written nothing. So what no
        // sync is known to have reached is written again.
        if (!doubtful.empty())
            if (auto written = last->write(end.doubtful_offset(), doubtful); !written)
                return written;
        // Also when nothing is cut: records that were read but never synced are answered from now
        // on.
        return last->sync();
    }

    Platform platform_;
    directory* directory_;
    database_id database_;
};

}  // namespace mantis
