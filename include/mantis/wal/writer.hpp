// SPDX-License-Identifier: BSL-1.0
//
// Appends records to the log and makes them durable; whoever waits first works for all who wait
// (group commit).
//
// How it works:
//   1. append() reserves a place in the open flush unit by one atomic step, and copies the record
//      there, at the same time as others do. A record's LSN is its place.
//   2. A unit is closed by opening the next one, in the same atomic step. Whoever closes it waits
//      until all have copied, seals the records (chain, checksum, and how far the log is synced)
//      and writes them. Several units are written at once; written() grows over those that lie
//      together.
//   3. A unit is closed because it is full (the one whose record did not fit writes it), or because
//      someone waits for its records: wait_written() writes, wait_durable() writes and syncs, once
//      for all who wait. Where several threads commit, the one that syncs waits a moment for those
//      whom the last sync served. No timer and no other thread is needed.
//   4. Before a sync the log goes on at the next block, so that a block holding synced records is
//      never written again.
//   5. A record that does not fit ends the segment. A thread of the writer's own has made a spare
//      meanwhile (detail/spare_segment.hpp), with all its space: it gets a header and a name, and
//      the log goes on there at once. What the turn leaves open is synced by that thread, or by the
//      next sync, whichever comes first: the old segment, trimmed; the new one's header, which then
//      says so; its name. Without a spare the append syncs all of it and makes the segment, or
//      answers no_space, with nothing appended.
//
// Invariants:
//   1. durable() <= written() <= end(), and each only grows
//   2. units are closed and sealed one after the other (`closing_`), so that the chain follows the
//      log
//   3. at most one sync runs (`syncing_`); it covers what was closed before it began, and all of
//      that is written when it begins
//   4. nothing in a segment is told durable before all of the one before, the header and the name
//      are
//   5. after a failed write or sync nothing is ever written again (`failed_`): what reached the
//      disk is unknown
//   6. at most one segment before the last is not durable; the header of the last one says how far
//      the log was when it was written
//   7. where a segment could not be made and its name could not be taken back for certain, nothing
//      is written again either: what comes after in the old one would contradict it
//
// Threads: all functions any number at once, but close().
#pragma once

#include "detail/log_flusher.hpp"
#include "log_options.hpp"

namespace mantis {

template <platform Platform, checksum_policy Checksum>
class log_writer {
public:
    using directory = typename Platform::directory;

    static constexpr std::uint64_t max_payload_bytes = 1024 * 1024 * 1024;

    // A writer that goes on where a reader ended. Touches no file until the first append.
    //   Requires    `in` outlives the writer; `end` comes from a reader of the same directory, its
    //               tail cut
    log_writer(Platform world, directory& in, database_id database, lsn end,
               std::uint32_t previous_checksum, const log_options& options = {})
        : flusher_{std::move(world), in, database, end, previous_checksum, options} {}
    log_writer(const log_writer&) = delete;
    log_writer& operator=(const log_writer&) = delete;

    // Appends the records of one transaction, in order. They lie together if they fit into a unit
    // of buffer_bytes; else records of others may come between them.
    //   Requires    no record of an earlier transaction has this id, also before the last opening:
    //               recovery_plan::last_transaction is the largest
    //   Returns     where they lie; they are durable only after wait_durable(range.end)
    //   Errors      too_large; no_space, io (what was appended before it was reached has no commit
    //               record and never counts); read_only (an earlier write or sync failed);
    //               unknown_outcome (one fails meanwhile: opening the log again tells)
    template <class Records>
    [[nodiscard]] result<log_range> append(transaction_id transaction, const Records& records) {
        std::uint64_t size = 0;
        for (const pending_record& record : records) {
            if (record.payload.size() > max_payload_bytes)
                return error{error_code::too_large, "appending to the log"}
                    .with("bytes", record.payload.size())
                    .with("limit", max_payload_bytes);
            size += record_bytes(record.payload.size());
        }
        if (size == 0) return log_range{{}, end()};
        if (size <= flusher_.options().buffer_bytes)
            return append_together(transaction, records, size);
        log_range range;
        for (const pending_record& record : records) {
            const pending_record single[] = {record};
            auto one = append_together(transaction, single, record_bytes(record.payload.size()));
            if (!one) return one.error();
            if (range.position.value == 0) range.position = one->position;
            range.end = one->end;
        }
        return range;
    }

    // Waits until everything before `end` is safe from power loss.
    //   Requires    end <= this->end()
    //   Errors      unknown_outcome: a write or sync failed; opening the log again tells what
    //               survived
    [[nodiscard]] result<void> wait_durable(lsn end) {
        return flusher_.wait(end.value, goal::durable);
    }
    // Waits until everything before `end` is with the system: safe from the end of this process,
    // not of the machine.
    [[nodiscard]] result<void> wait_written(lsn end) {
        return flusher_.wait(end.value, goal::written);
    }
    // Makes everything appended before this call durable.
    [[nodiscard]] result<void> sync() { return wait_durable(end()); }

    [[nodiscard]] lsn end() const { return flusher_.end(); }
    // Everything before it survives power loss.
    //   Threads     any; one atomic load
    [[nodiscard]] lsn durable() const noexcept { return flusher_.durable(); }
    // Everything before it is with the system.
    //   Threads     any; one atomic load
    [[nodiscard]] lsn written() const noexcept { return flusher_.written(); }
    [[nodiscard]] log_stats stats() const { return flusher_.stats(); }
    // How near the next turn is for which an append would have to wait: how much of the last
    // segment is filled, while the one before it is not durable or the next one is being made.
    //   Effects     from a half on, who makes the next one hurries
    //   Returns     0 to 1; 0: it would not wait, or nobody works for that
    [[nodiscard]] double turn_level() { return flusher_.turn_level(); }

    // Nothing is appended for the time being: the log goes on in a small segment, and no space is
    // prepared for the next one until half of that is filled. What comes before is durable then,
    // and may be removed once something in the small one is.
    //   Returns     whether there is a new segment; false: it was small already, or segments are so
    //               anyway
    //   Errors      no_space, io: all is as it was; read_only: the log has failed
    //   Threads     any; who appends meanwhile waits for its syncs
    [[nodiscard]] result<bool> rest() { return flusher_.rest(); }
    // As if a sync had failed: something that the log relies on did.
    void stop(const error& why) { flusher_.stop(why); }
    // Makes everything durable and trims the last segment to its records.
    //   Requires    no other call is running; no append follows
    [[nodiscard]] result<void> close() {
        flusher_.stop_helping();
        if (auto synced = sync(); !synced) return synced;
        return flusher_.close();
    }

private:
    using flusher = detail::log_flusher<Platform, Checksum>;
    using goal = detail::log_goal;

    template <class Records>
    result<log_range> append_together(transaction_id transaction, const Records& records,
                                      std::uint64_t size) {
        typename flusher::place mine;
        if (auto reserved = flusher_.reserve(size, mine); !reserved) return reserved.error();
        log_record_header header;
        header.lsn = mine.position;
        header.transaction = transaction.value;
        header.salt = mine.in->salt();
        for (const pending_record& record : records) {
            header.kind = static_cast<std::uint8_t>(record.kind);
            write_unsealed_record(mine.in->at(header.lsn), header, record.payload);
            header.lsn += record_bytes(record.payload.size());
        }
        mine.in->tell_copied(size);
        // The records have their place, and another thread may have written them already.
        if (mine.full && !flusher_.write_full(*mine.full)) return flusher_.unknown(header.lsn);
        return log_range{{mine.position}, {header.lsn}};
    }

    flusher flusher_;
};

}  // namespace mantis
