// SPDX-License-Identifier: BSL-1.0
//
// Appends records to the log and makes them durable; whoever waits first works for all who wait
// (group commit).
//
// How it works:
//   1. append() copies the record into the open buffer under the mutex. Its LSN is its place in the
//      log.
//   2. wait_written(end) and wait_durable(end): the first to arrive takes the buffer, leaves the
//      mutex, seals the records (chain, checksum, and how far the log is synced), writes and, for
//      durable, syncs; the others wait and find their work done. There is no timer and no thread of
//      its own.
//   3. After a sync the next record begins at the next block, so that a block holding synced
//      records is never written again.
//   4. A record that does not fit ends the segment: all of it is synced before the next one
//      appears, and trimmed after. A segment's space is reserved when it is made, so a full disk is
//      an error of append(), with nothing appended.
//
// Invariants:
//   1. durable() <= written() <= end(), and each only grows
//   2. at most one thread (`busy_`) does file work
//   3. a segment's header is synced, and its name too, before a record is written to it
//   4. after a failed write or sync nothing is ever written again (`failed_`): what reached the
//      disk is unknown
//   5. the name of a segment says that everything before it is durable: where making one failed and
//      the name could not be taken back for certain, nothing is written again either
//
// Threads: all functions any number at once, but close().
#pragma once

#include "segment.hpp"

#include "../platform/guard.hpp"
#include "../platform/platform.hpp"

#include <optional>
#include <vector>

namespace mantis {

struct log_options {
    std::uint64_t segment_bytes = 16 * 1024 * 1024;  // a new file after so many; at least 8 KiB
    std::uint64_t zero_ahead_bytes =
        1024 * 1024;  // blocks are zeroed so far ahead of small syncs: overwriting written
                      // blocks syncs about half again as fast as
                      // filling new ones; 0: never
};

struct log_stats {
    std::uint64_t records = 0;
    std::uint64_t syncs = 0;
    std::uint64_t writes = 0;
    std::uint64_t segments = 0;  // begun by this writer
};

struct log_range {
    lsn position;  // of the first record
    lsn end;       // after the last
};

struct pending_record {
    record_kind kind = record_kind::commit;
    bytes_view payload;
};

template <platform Platform, checksum_policy Checksum>
class log_writer {
public:
    using directory = typename Platform::directory;

    static constexpr std::uint64_t max_payload_bytes = 1024 * 1024 * 1024;

    // A writer that goes on where a reader ended. Touches no file until the first append.
    //   Requires    `in` outlives the writer; `end` comes from a reader of the same directory, its
    //               tail cut
    log_writer(Platform world, directory& in, database_id database, lsn end,
               std::uint32_t previous_checksum, log_options options = {})
        : platform_{std::move(world)},
          directory_{&in},
          database_{database},
          options_{options},
          next_{round_up(end.value, log_block_bytes)},
          buffer_at_{next_},
          end_{end},
          written_{end},
          durable_{end},
          written_seen_{end.value},
          durable_seen_{end.value},
          previous_checksum_{previous_checksum} {}
    log_writer(const log_writer&) = delete;
    log_writer& operator=(const log_writer&) = delete;

    // Appends the records of one transaction, in order; nothing else comes between them.
    //   Returns     where they lie; they are durable only after wait_durable(range.end)
    //   Errors      too_large; no_space, io (what was appended before it was reached has no commit
    //               record and never counts); read_only (an earlier write or sync failed)
    template <class Records>
    [[nodiscard]] result<log_range> append(transaction_id transaction, const Records& records) {
        unique_lock<mutex> hold{mutex_};
        while (appending_) changed_.wait(mutex_);
        appending_ = true;  // making room leaves the mutex
        auto range = append_all(hold, transaction, records);
        appending_ = false;
        if (left_mutex_) changed_.notify_all();
        left_mutex_ = false;
        return range;
    }

    // Waits until everything before `end` is safe from power loss.
    //   Requires    end <= this->end()
    //   Errors      unknown_outcome: a write or sync failed; opening the log again tells what
    //               survived
    [[nodiscard]] result<void> wait_durable(lsn end) { return wait(end, goal::durable); }
    // Waits until everything before `end` is with the system: safe from the end of this process,
    // not of the machine.
    [[nodiscard]] result<void> wait_written(lsn end) { return wait(end, goal::written); }
    // Makes everything appended before this call durable.
    [[nodiscard]] result<void> sync() { return wait_durable(end()); }

    [[nodiscard]] lsn end() const {
        lock_guard<mutex> hold{mutex_};
        return end_;
    }
    // Everything before it survives power loss.
    //   Threads     any; one atomic load
    [[nodiscard]] lsn durable() const noexcept { return {durable_seen_.load()}; }
    // Everything before it is with the system.
    //   Threads     any; one atomic load
    [[nodiscard]] lsn written() const noexcept { return {written_seen_.load()}; }
    [[nodiscard]] log_stats stats() const {
        lock_guard<mutex> hold{mutex_};
        return stats_;
    }

    // Makes everything durable and trims the last segment to its records.
    //   Requires    no other call is running; no append follows
    [[nodiscard]] result<void> close() {
        if (auto synced = sync(); !synced) return synced;
        if (!segment_) return success();
        trim(*segment_);
        auto synced = segment_->opened.sync();
        segment_.reset();
        return synced;
    }

private:
    using mutex = typename Platform::mutex;
    using file = typename Platform::file;
    enum class goal : std::uint8_t { written, durable };

    struct open_segment {
        file opened;
        std::uint32_t salt = 0;
        std::uint64_t first = 0;             // lsn of its first record
        std::uint64_t room = 0;              // bytes for records
        std::uint64_t zeroed_to_offset = 0;  // of the file

        [[nodiscard]] std::uint64_t offset_of(std::uint64_t position) const noexcept {
            return segment_header_bytes + position - first;
        }
    };

    template <class Records>
    result<log_range> append_all(unique_lock<mutex>& hold, transaction_id transaction,
                                 const Records& records) {
        log_range range;
        for (const pending_record& record : records) {
            if (record.payload.size() > max_payload_bytes)
                return error{error_code::too_large, "appending to the log"}
                    .with("bytes", record.payload.size())
                    .with("limit", max_payload_bytes);
            if (auto room = make_room(hold, record_bytes(record.payload.size())); !room)
                return room.error();
            if (range.position.value == 0) range.position = {next_};
            append_one(transaction, record);
        }
        range.end = end_;
        return range;
    }
    void append_one(transaction_id transaction, const pending_record& record) {
        log_record_header header;
        header.lsn = next_;
        header.transaction = transaction.value;
        header.salt = segment_->salt;
        header.kind = static_cast<std::uint8_t>(record.kind);
        append_unsealed_record(buffer_, header, record.payload);
        next_ += record_bytes(record.payload.size());
        end_ = {next_};
        ++stats_.records;
    }

    error failure() const {
        return error{error_code::read_only,
                     "appending to the log: an earlier write or sync failed"};
    }

    //   Effects     a segment is open that has room for `size` bytes at next_
    result<void> make_room(unique_lock<mutex>& hold, std::uint64_t size) {
        while (true) {
            if (failed_) return failure();
            if (segment_ && next_ + size <= segment_->first + segment_->room) return success();
            left_mutex_ = true;
            if (busy_) {
                changed_.wait(mutex_);
            } else if (segment_ && durable_ < end_) {
                if (!lead(hold, goal::durable)) return failure();
            } else if (auto turned = next_segment(hold, size); !turned) {
                return turned;
            }
        }
    }

    //   Requires    everything appended is durable
    result<void> next_segment(unique_lock<mutex>& hold, std::uint64_t size) {
        const lsn first{round_up(next_, log_block_bytes)};
        std::optional<open_segment> old;
        old.swap(segment_);  // until this is done, nobody appends
        busy_ = true;
        hold.unlock();
        auto made = make_segment(first, size);
        const bool name_is_free = made || remove_segment(first);
        if (made && old) trim(*old);
        hold.lock();
        busy_ = false;
        changed_.notify_all();
        if (made) {
            segment_.emplace(std::move(*made));
            next_ = buffer_at_ = first.value;
            ++stats_.segments;
            return success();
        }
        if (old && !name_is_free) failed_ = true;
        segment_.swap(old);
        return made.error();
    }

    // Gives back the reserve behind the last record. The segment reads the same with and without
    // it, so a failure costs space and no more.
    void trim(open_segment& last) { (void)last.opened.resize(last.offset_of(end_.value)); }

    result<open_segment> make_segment(lsn first, std::uint64_t size) {
        auto opened = directory_->open(segment_name(first), file_mode::create);
        if (!opened) return opened.error();
        open_segment made{std::move(*opened), static_cast<std::uint32_t>(platform_.random()),
                          first.value, round_up(size, log_block_bytes)};
        if (made.room + segment_header_bytes < options_.segment_bytes)
            made.room = round_up(options_.segment_bytes, log_block_bytes) - segment_header_bytes;
        if (auto filled = fill_segment(made); !filled) return filled.error();
        return made;
    }

    result<void> fill_segment(open_segment& made) {
        // A file of this name may be left from a crash before its first record: start from nothing.
        if (auto emptied = made.opened.resize(0); !emptied) return emptied;
        if (auto reserved = made.opened.preallocate(segment_header_bytes + made.room); !reserved)
            return reserved;
        segment_header header;
        header.checksum_format = Checksum::format_id;
        header.database = database_;
        header.first = {made.first};
        header.salt = made.salt;
        header.previous_checksum = previous_checksum_;
        if (auto written = made.opened.write(0, encode_segment_header(header)); !written)
            return written;
        if (auto synced = made.opened.sync(); !synced) return synced;
        return directory_->sync();
    }

    //   Returns     whether it is certain that a power failure does not bring the name back
    bool remove_segment(lsn first) {
        const bytes name = segment_name(first);
        const auto there = directory_->exists(name);
        if (!there) return false;
        if (*there && !directory_->remove(name)) return false;
        return directory_->sync().has_value();
    }

    [[nodiscard]] bool reached(lsn target, goal wanted) const noexcept {
        return (wanted == goal::durable ? durable_ : written_) >= target;
    }

    result<void> wait(lsn target, goal wanted) {
        unique_lock<mutex> hold{mutex_};
        check(target <= end_, "log_writer: waiting for what was never appended");
        while (!reached(target, wanted)) {
            if (failed_)
                return error{error_code::unknown_outcome,
                             "making a commit durable: a write or sync of the log failed"}
                    .with("lsn", target.value)
                    .with("durable_lsn", durable_.value);
            if (busy_) changed_.wait(mutex_);
            else if (auto led = lead(hold, wanted); !led) return led.error();
        }
        return success();
    }

    // Writes what is buffered and, if wanted, syncs it, for everyone who waits.
    result<void> lead(unique_lock<mutex>& hold, goal wanted) {
        busy_ = true;
        flushing_.clear();
        flushing_.swap(buffer_);
        const std::uint64_t offset = segment_->offset_of(buffer_at_);
        const lsn reaches = end_;
        const lsn synced = durable_;
        if (wanted == goal::durable) next_ = round_up(next_, log_block_bytes);
        buffer_at_ = next_;
        hold.unlock();
        previous_checksum_ = seal_records<Checksum>(flushing_, synced, previous_checksum_);
        auto done = write_out(offset, wanted);
        hold.lock();
        busy_ = false;
        if (done) {
            written_ = reaches;
            written_seen_.store(reaches.value);
            ++stats_.writes;
            if (wanted == goal::durable) {
                durable_ = reaches;
                durable_seen_.store(reaches.value);
                ++stats_.syncs;
            }
        } else {
            failed_ = true;
            done = error{error_code::unknown_outcome,
                         "making a commit durable: a write or sync of the log failed"}
                       .about(done.error().subject())
                       .with("lsn", reaches.value)
                       .with("durable_lsn", durable_.value);
        }
        changed_.notify_all();
        return done;
    }

    result<void> write_out(std::uint64_t offset, goal wanted) {
        if (!flushing_.empty()) {
            if (wanted == goal::durable) {
                // Whole blocks: the padding is zero on disk anyway, and the system need not read
                // the block first.
                flushing_.append(
                    static_cast<std::size_t>(round_up(offset + flushing_.size(), log_block_bytes) -
                                             offset - flushing_.size()),
                    std::byte{0});
                zero_ahead(offset);
            }
            if (auto written = segment_->opened.write(offset, flushing_); !written) return written;
        }
        return wanted == goal::durable ? segment_->opened.sync() : success();
    }

    // For speed only: a failure here is told by the write of the records, if at all.
    void zero_ahead(std::uint64_t offset) {
        const std::uint64_t after = offset + flushing_.size();
        if (flushing_.size() > 4 * log_block_bytes || after <= segment_->zeroed_to_offset) return;
        std::uint64_t to = after + options_.zero_ahead_bytes;
        const std::uint64_t file_end = segment_header_bytes + segment_->room;
        if (to > file_end) to = file_end;
        if (to <= after || options_.zero_ahead_bytes == 0) return;
        segment_->zeroed_to_offset = to;
        (void)segment_->opened.write(after, bytes::zeros(static_cast<std::size_t>(to - after)));
    }

    Platform platform_;
    directory* directory_;
    database_id database_;
    log_options options_;

    mutable mutex mutex_;
    typename Platform::condition changed_;
    bool busy_ = false;  // a thread does file work
    bool failed_ = false;
    bool appending_ = false;   // a thread is between the first and the last record of its append
    bool left_mutex_ = false;  // and others may wait for it to end

    bytes buffer_;             // records not yet written, from buffer_at_ on
    bytes flushing_;           // records being written, of the thread that is busy
    std::uint64_t next_;       // where the next record begins
    std::uint64_t buffer_at_;  // lsn of buffer_[0]
    lsn end_;                  // after the last record appended
    lsn written_;
    lsn durable_;
    // The two above, for readers without the mutex.
    typename Platform::template atomic<std::uint64_t> written_seen_;
    typename Platform::template atomic<std::uint64_t> durable_seen_;
    // Of the last record sealed; of the thread that is busy.
    std::uint32_t previous_checksum_;
    std::optional<open_segment> segment_;
    log_stats stats_;
};

}  // namespace mantis
