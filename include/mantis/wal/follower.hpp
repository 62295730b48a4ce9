// SPDX-License-Identifier: BSL-1.0
//
// Follows a log while it is written: hands out each record once it is durable, in order, and waits
// for nothing. For replicas, archives and feeds, in the writer's process or in another.
//
//   log_follower<posix, crc32c> feed = ...open(directory, database, from);
//   while (running)
//       if (*feed.next(record, writer.durable())) use(record);
//       else wait_a_little();
//
//   records  | handed out | durable, to hand out | being written, torn, or not there yet |
//            ^            ^ position()           ^ durable, told by the caller
//   bytes    may be read: those below `durable` only
//
// Invariants:
//   1. no byte at or behind the highest `durable` is read: whatever the end of the log looks like,
//      it is neither believed nor called torn
//   2. every record that ends at or below `durable` is handed out once, in order, or an error is;
//      bytes below it were synced and never change, so what does not fit there is damage, once two
//      reads gave it alike
//   3. a segment is left only when the next one is there and continues it
//
// Threads: one at a time; the writer is not disturbed.
#pragma once

#include "detail/record_shape.hpp"
#include "detail/segment_fit.hpp"
#include "detail/segment_list.hpp"
#include "detail/segment_tail.hpp"

namespace mantis {

template <platform Platform, checksum_policy Checksum>
class log_follower {
public:
    using directory = typename Platform::directory;

    // Follows from the record at `begin`, or behind the record that ends there; by default from
    // the first of all. Where that lies is looked up by the first next() that has something to
    // read, for the log may be empty yet.
    //   Requires    `in` outlives the follower
    //   Units       window_bytes are read at once; for tests
    log_follower(directory& in, database_id database, lsn begin = first_lsn_of_log,
                 std::size_t window_bytes = detail::log_window_bytes)
        : directory_{&in}, database_{database}, window_bytes_{window_bytes}, asked_{begin} {}

    //   Requires    everything before `durable` is synced, and a record ends there: what
    //               log_writer::durable() tells, by whatever way it gets here. One that is lower
    //               than an earlier one changes nothing
    //   Returns     true and the next record, its payload valid until the next call; false: none is
    //               durable yet
    //   Errors      corrupt, mismatch: damage below `durable`; not_found: the segment was removed
    //               before it was followed; invalid_argument: no record begins or ends at `begin`;
    //               these stay. io: the same call may be made again
    result<bool> next(log_record& record, lsn durable) {
        if (failed_) return *failed_;
        if (durable > durable_) durable_ = durable;
        auto more = find_next(record);
        if (!more && more.error().code() != error_code::io &&
            more.error().code() != error_code::interrupted)
            failed_ = more.error();
        return more;
    }

    // Behind the last record that was handed out: where another follower would go on.
    [[nodiscard]] lsn position() const noexcept { return end_ > asked_ ? end_ : asked_; }
    [[nodiscard]] log_finding finding() const noexcept { return finding_; }
    // The segment of the record handed out last, for messages.
    [[nodiscard]] bytes_view segment() const noexcept { return name_; }

private:
    using window = detail::segment_window<Platform>;
    static constexpr int most_reads = 4;

    result<bool> find_next(log_record& record) {
        while (true) {
            if (window_ && end_ >= durable_) return false;
            if (!window_ && (asked_ >= durable_ || durable_ <= first_lsn_of_log)) return false;
            if (!window_) {
                if (auto found = find_first_segment(); !found) return found.error();
                continue;
            }
            window_->limit(offset_of(durable_));
            auto taken = take(record);
            if (!taken) return taken.error();
            if (!*taken) {
                if (auto moved = move_on(); !moved) return moved.error();
                continue;
            }
            reads_ = 0;
            const bool over = record.position < asked_ && record.end > asked_;
            const bool between = end_before_ < asked_ && record.position > asked_;
            if (over || between) return no_record_there(end_before_);
            if (record.position >= asked_) return true;
        }
    }

    error no_record_there(lsn end_before) {
        finding_ = log_finding::no_such_position;
        return error{error_code::invalid_argument,
                     "following the log: no record begins where the first was asked for"}
            .about(name_)
            .with("lsn", asked_.value)
            .with("end_lsn", end_before.value);
    }

    [[nodiscard]] std::uint64_t offset_of(lsn position) const noexcept {
        return segment_header_bytes + position.value - header_.first.value;
    }

    // Takes the record at position_, or at the next block if zeros lead there.
    //   Returns     false: there is none
    result<bool> take(log_record& record) {
        if (auto here = take_at(record, end_); !here || *here) return here;
        const lsn block{round_up(end_.value, log_block_bytes)};
        if (block == end_ || block >= durable_) return false;
        const auto gap = static_cast<std::size_t>(block.value - end_.value);
        auto between = window_->read(offset_of(end_), gap);
        if (!between) return between.error();
        if (between->size() < gap || !detail::all_zero(between->first(gap))) return false;
        return take_at(record, block);
    }

    result<bool> take_at(log_record& record, lsn at) {
        const std::uint64_t offset = offset_of(at);
        auto raw = window_->read(offset, sizeof(log_record_header));
        if (!raw) return raw.error();
        if (raw->size() < sizeof(log_record_header)) return false;
        const log_record_header header = decode_record_header(*raw);
        if (header.previous_checksum != previous_checksum_ ||
            !detail::may_be_record(header, at, header_.salt, window_->size() - offset))
            return false;
        raw = window_->read(offset, record_bytes(header.payload_bytes));
        if (!raw) return raw.error();
        if (examine_record<Checksum>(*raw, at, header_.salt) != record_verdict::valid) return false;
        record = detail::record_of(*raw, at);
        previous_checksum_ = load_le<std::uint32_t>(raw->data());
        end_before_ = end_;
        end_ = record.end;
        return true;
    }

    // There is no record where one was synced: the log goes on in the next segment, or this is
    // damage.
    result<void> move_on() {
        const lsn next{round_up(end_.value, log_block_bytes)};
        if (next > header_.first && next < durable_) {
            auto there = directory_->exists(segment_name(next));
            if (!there) return there.error();
            if (*there && asked_ > end_ && asked_ < next) return no_record_there(end_);
            if (*there) return open_segment(next, true);
        }
        return read_again();
    }

    // What does not fit is read anew, until two reads are alike.
    result<void> read_again() {
        const std::uint64_t offset = offset_of(end_);
        auto rest = window_->read(offset, log_block_bytes);
        if (!rest) return rest.error();
        const std::uint64_t fingerprint = xxh3::of(*rest, rest->size());
        const bool alike = reads_ > 0 && fingerprint == fingerprint_;
        if (alike) return gone();
        if (++reads_ == most_reads) {
            reads_ = 0;
            return error{error_code::io, "following the log: each time it reads differently"}
                .about(name_)
                .with("offset", offset)
                .with("lsn", end_.value);
        }
        fingerprint_ = fingerprint;
        window_->forget(offset);
        return window_->learn_size();
    }

    result<void> gone() {
        auto segments = detail::list_segments(*directory_);
        if (!segments) return segments.error();
        const bool later = !segments->empty() && segments->back() > header_.first;
        auto rest = window_->read(offset_of(end_), log_block_bytes);
        if (!rest) return rest.error();
        const bool missing = later && detail::all_zero(*rest);
        finding_ = missing ? log_finding::missing_segment : log_finding::damage_in_the_middle;
        return (missing
                    ? error{error_code::not_found,
                            "following the log: the segment behind this one was removed"}
                    : error{error_code::corrupt, "following the log: a synced record is damaged"})
            .about(name_)
            .with("offset", offset_of(end_))
            .with("lsn", end_.value)
            .with("durable_lsn", durable_.value);
    }

    result<void> find_first_segment() {
        auto segments = detail::list_segments(*directory_);
        if (!segments) return segments.error();
        auto chosen = detail::segments_from(*std::move(segments), asked_);
        if (chosen && !chosen->empty()) return open_segment(chosen->front(), false);
        finding_ = log_finding::missing_segment;
        if (!chosen) return chosen.error();
        return error{error_code::not_found, "following the log: there is no segment"}
            .with("lsn", asked_.value)
            .with("durable_lsn", durable_.value);
    }

    result<void> open_segment(lsn first, bool follows) {
        const bytes name = segment_name(first);
        auto opened = window::open(*directory_, name, window_bytes_);
        if (!opened) return opened.error();
        opened->limit(segment_header_bytes);
        auto raw = opened->read(0, segment_header_bytes);
        if (!raw) return raw.error();
        const detail::segment_place place{.name = name,
                                          .first = first,
                                          .database = database_,
                                          .follows = follows,
                                          .expected = first,
                                          .previous_checksum = previous_checksum_};
        auto header = detail::read_place<Checksum>(*raw, place, finding_);
        if (!header) return header.error();
        window_.emplace(*std::move(opened));
        header_ = *header;
        name_ = name;
        end_ = first;
        previous_checksum_ = header->previous_checksum;
        reads_ = 0;
        return success();
    }

    directory* directory_;
    database_id database_;
    std::size_t window_bytes_;
    lsn asked_;
    lsn durable_;                   // the highest that was told
    std::optional<window> window_;  // of the segment that is followed
    bytes name_;
    segment_header header_;
    lsn end_;         // of the last record that was read
    lsn end_before_;  // and of the one before it
    std::uint32_t previous_checksum_ = 0;
    std::uint64_t fingerprint_ = 0;  // of what did not fit
    int reads_ = 0;                  // of it
    log_finding finding_ = log_finding::sound;
    std::optional<error> failed_;
};

}  // namespace mantis
