// SPDX-License-Identifier: BSL-1.0
//
// Appends records to the log and makes them durable; whoever waits first works for all who wait
// (group commit).
//
// How it works:
//   1. append() copies the record into the open buffer under the mutex. Its LSN is its place in the
//      log.
//   2. wait_written(end) and wait_durable(end): the first to arrive takes the buffer, leaves the
//      mutex, writes and, for durable, syncs; the others wait and find their work done. There is no
//      timer and no thread of its own.
//   3. After a sync the next record begins at the next block, so that a block holding synced
//      records is never written again.
//   4. A record that does not fit ends the segment: the old one is synced and trimmed before the
//      new one appears. A segment's space is reserved when it is made, so a full disk is an error
//      of append(), with nothing appended.
//
// Invariants:
//   1. durable() <= written() <= end(), and each only grows
//   2. at most one thread (`busy_`) does file work
//   3. a segment's header is synced, and its name too, before a record is written to it
//   4. after a failed write or sync nothing is ever written again (`failed_`): what reached the
//      disk is unknown
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
    //   Errors      too_large; no_space (what was appended before it was reached has no commit
    //               record and never counts); read_only (an earlier write or sync failed)
    template <class Records>
    [[nodiscard]] result<log_range> append(transaction_id transaction, const Records& records) {
        unique_lock<mutex> hold{mutex_};
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

    // Waits until everything before `end` is safe from power loss.
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
        if (!segment_open_) return success();
        segment_open_ = false;
        trim();
        auto synced = file_->sync();
        file_.reset();
        return synced;
    }

private:
    using mutex = typename Platform::mutex;
    using file = typename Platform::file;
    enum class goal : std::uint8_t { written, durable };

    void append_one(transaction_id transaction, const pending_record& record) {
        log_record_header header;
        header.lsn = next_;
        header.transaction = transaction.value;
        header.durable = durable_.value;
        header.salt = salt_;
        header.previous_checksum = previous_checksum_;
        header.kind = static_cast<std::uint8_t>(record.kind);
        previous_checksum_ =
            static_cast<std::uint32_t>(append_record<Checksum>(buffer_, header, record.payload));
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
            if (segment_open_ && next_ + size <= segment_first_ + segment_room_) return success();
            if (busy_) {
                changed_.wait(mutex_);
                continue;
            }
            if (auto turned = next_segment(hold, size); !turned) return turned.error();
        }
    }

    result<void> next_segment(unique_lock<mutex>& hold, std::uint64_t size) {
        if (segment_open_ && durable_ < end_) {
            if (auto synced = lead(hold, goal::durable); !synced) return synced.error();
            return success();  // others may have appended meanwhile: look again
        }
        const bool had_segment = segment_open_;
        const lsn first{round_up(next_, log_block_bytes)};
        const std::uint32_t chain = previous_checksum_;
        busy_ = true;
        segment_open_ = false;  // until this is done, nobody appends
        hold.unlock();
        auto made = make_segment(first, chain, size);
        if (made && had_segment) trim();
        hold.lock();
        busy_ = false;
        segment_open_ = had_segment;
        changed_.notify_all();
        if (!made) return made.error();
        file_ = std::move(made->opened);
        salt_ = made->salt;
        next_ = buffer_at_ = segment_first_ = first.value;
        segment_room_ = made->room;
        zeroed_to_offset_ = 0;
        segment_open_ = true;
        ++stats_.segments;
        return success();
    }

    // Gives back the reserve behind the last record. The segment reads the same with and without
    // it, so a failure costs space and no more.
    void trim() { (void)file_->resize(segment_header_bytes + end_.value - segment_first_); }

    struct made_segment {
        file opened;
        std::uint32_t salt = 0;
        std::uint64_t room = 0;
    };

    result<made_segment> make_segment(lsn first, std::uint32_t chain, std::uint64_t size) {
        const bytes name = segment_name(first);
        auto opened = directory_->open(name, file_mode::create);
        if (!opened) return opened.error();
        made_segment made{std::move(*opened), static_cast<std::uint32_t>(platform_.random()), 0};
        made.room = round_up(size, log_block_bytes);
        if (made.room + segment_header_bytes < options_.segment_bytes)
            made.room = round_up(options_.segment_bytes, log_block_bytes) - segment_header_bytes;
        if (auto filled = fill_segment(made, first, chain); !filled) {
            // Without its header the segment is skipped by every reader, so it may stay where it
            // cannot be removed.
            (void)directory_->remove(name);
            return filled.error();
        }
        return made;
    }

    result<void> fill_segment(made_segment& made, lsn first, std::uint32_t chain) {
        // A file of this name may be left from a crash before its first record: start from nothing.
        if (auto emptied = made.opened.resize(0); !emptied) return emptied;
        if (auto reserved = made.opened.preallocate(segment_header_bytes + made.room); !reserved)
            return reserved;
        segment_header header;
        header.checksum_format = Checksum::format_id;
        header.database = database_;
        header.first = first;
        header.salt = made.salt;
        header.previous_checksum = chain;
        if (auto written = made.opened.write(0, encode_segment_header(header)); !written)
            return written;
        if (auto synced = made.opened.sync(); !synced) return synced;
        return directory_->sync();
    }

    [[nodiscard]] bool reached(lsn target, goal wanted) const noexcept {
        return (wanted == goal::durable ? durable_ : written_) >= target;
    }

    result<void> wait(lsn target, goal wanted) {
        unique_lock<mutex> hold{mutex_};
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
        const std::uint64_t offset = segment_header_bytes + buffer_at_ - segment_first_;
        const lsn reaches = end_;
        if (wanted == goal::durable) next_ = round_up(next_, log_block_bytes);
        buffer_at_ = next_;
        hold.unlock();
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
                if (auto zeroed = zero_ahead(offset); !zeroed) return zeroed;
            }
            if (auto written = file_->write(offset, flushing_); !written) return written;
        }
        return wanted == goal::durable ? file_->sync() : success();
    }

    result<void> zero_ahead(std::uint64_t offset) {
        const std::uint64_t after = offset + flushing_.size();
        if (flushing_.size() > 4 * log_block_bytes || after <= zeroed_to_offset_) return success();
        std::uint64_t to = after + options_.zero_ahead_bytes;
        const std::uint64_t file_end = segment_header_bytes + segment_room_;
        if (to > file_end) to = file_end;
        if (to <= after || options_.zero_ahead_bytes == 0) return success();
        zeroed_to_offset_ = to;
        return file_->write(after, bytes::zeros(static_cast<std::size_t>(to - after)));
    }

    Platform platform_;
    directory* directory_;
    database_id database_;
    log_options options_;

    mutable mutex mutex_;
    typename Platform::condition changed_;
    bool busy_ = false;
    bool failed_ = false;

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
    std::uint32_t previous_checksum_;

    bool segment_open_ = false;
    std::optional<file> file_;  // the current segment
    std::uint32_t salt_ = 0;
    std::uint64_t segment_first_ = 0;
    std::uint64_t segment_room_ = 0;
    std::uint64_t zeroed_to_offset_ = 0;
    log_stats stats_;
};

}  // namespace mantis
