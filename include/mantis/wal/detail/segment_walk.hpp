// SPDX-License-Identifier: BSL-1.0
//
// Walks the records of one segment that nobody writes, wherever its file lies: in a log or in an
// archive, under its own name or another one.
//
// Unlike log_reader it knows nothing of other segments and judges no end: it stops where no record
// fits, and whoever asked says whether that is where the segment has to end.
//
// Threads: one at a time.
#pragma once

#include "../operation.hpp"
#include "record_shape.hpp"
#include "segment_fit.hpp"
#include "segment_tail.hpp"

namespace mantis::detail {

// Which segment, and what of it.
struct walked_segment {
    bytes_view name;  // of its file
    lsn first;
    std::optional<database_id> database = {};  // none: any
    lsn limit{~std::uint64_t{0}};  // where the next one begins; nothing is read behind it
    bool keeps_doubtful = false;   // doubtful_records() will be asked for
};

template <platform Platform, checksum_policy Checksum>
class segment_walk {
public:
    using directory = typename Platform::directory;

    //   Errors      io, corrupt and mismatch (its header does not fit)
    static result<segment_walk> open(directory& in, const walked_segment& which,
                                     std::size_t window_bytes = log_window_bytes) {
        auto opened = window::open(in, which.name, window_bytes);
        if (!opened) return opened.error();
        auto raw = opened->read(0, segment_header_bytes);
        if (!raw) return raw.error();
        log_finding found = log_finding::sound;
        segment_place place;
        place.name = which.name;
        place.first = which.first;
        place.database = which.database;
        auto header = read_place<Checksum>(*raw, place, found);
        if (!header) return header.error();
        segment_walk made{*std::move(opened), *header, which.keeps_doubtful};
        if (which.limit.value != ~std::uint64_t{0}) made.window_.limit(made.offset_of(which.limit));
        return made;
    }

    //   Returns     true and the next record, its payload valid until the next call; false: none
    //               fits here
    //   Errors      io
    result<bool> next(log_record& record) {
        auto here = take_at(record, end_);
        if (!here || *here) return here;
        const std::uint64_t gap = round_up(end_.value, log_block_bytes) - end_.value;
        if (gap == 0) return false;
        auto padding = window_.read(offset_of(end_), gap);
        if (!padding) return padding.error();
        if (padding->size() < gap || !all_zero(padding->first(static_cast<std::size_t>(gap))))
            return false;
        return take_at(record, {end_.value + gap});
    }

    [[nodiscard]] const segment_header& header() const noexcept { return header_; }
    // Of the last record that was handed out, or where the first one belongs.
    [[nodiscard]] lsn end() const noexcept { return end_; }
    [[nodiscard]] std::uint32_t previous_checksum() const noexcept { return previous_checksum_; }
    [[nodiscard]] std::uint64_t offset_of(lsn position) const noexcept {
        return segment_header_bytes + position.value - header_.first.value;
    }
    // Where the first block lies that no record handed out proves to be synced; the header is one,
    // too.
    [[nodiscard]] std::uint64_t doubtful_offset() const noexcept {
        return durable_ > header_.first ? offset_of({round_up(durable_.value, log_block_bytes)})
                                        : 0;
    }
    // What lies from there to end(), as it was verified; valid until the next call.
    //   Requires    walked_segment::keeps_doubtful
    [[nodiscard]] bytes_view doubtful_records() const noexcept {
        const std::uint64_t from = doubtful_offset();
        const std::uint64_t to = offset_of(end_);
        if (from >= to) return {};
        const bytes_view held = window_.held(from);
        check(held.size() >= to - from, "segment_walk: doubtful records are not in memory");
        return held.first(static_cast<std::size_t>(to - from));
    }

private:
    using window = segment_window<Platform>;

    segment_walk(window seen, const segment_header& header, bool keeps_doubtful) noexcept
        : window_{std::move(seen)},
          header_{header},
          keeps_doubtful_{keeps_doubtful},
          end_{header.first},
          previous_checksum_{header.previous_checksum} {}

    result<bool> take_at(log_record& record, lsn at) {
        const std::uint64_t offset = offset_of(at);
        window_.keep_from(keeps_doubtful_ ? doubtful_offset() : offset);
        auto raw = window_.read(offset, sizeof(log_record_header));
        if (!raw) return raw.error();
        if (raw->size() < sizeof(log_record_header)) return false;
        const log_record_header header = decode_record_header(*raw);
        if (header.previous_checksum != previous_checksum_ ||
            !may_be_record(header, at, header_.salt, window_.size() - offset))
            return false;
        raw = window_.read(offset, record_bytes(header.payload_bytes));
        if (!raw) return raw.error();
        if (examine_record<Checksum>(*raw, at, header_.salt) != record_verdict::valid) return false;
        record = record_of(*raw, at);
        previous_checksum_ = load_le<std::uint32_t>(raw->data());
        end_ = record.end;
        if (record.durable > durable_) durable_ = record.durable;
        return true;
    }

    window window_;
    segment_header header_;
    bool keeps_doubtful_;
    lsn end_;
    lsn durable_;  // the records say that the log was synced so far
    std::uint32_t previous_checksum_;
};

// What a segment was found to hold.
struct segment_extent {
    segment_header header;
    lsn end;                              // of its last record
    std::uint32_t previous_checksum = 0;  // of that record: what the next segment has to continue
    std::uint64_t records = 0;
    nanoseconds last_stamp;  // the latest time among its commits; {}: none has one
};

//   Returns     how far the records of the segment reach, all verified
//   Errors      io, corrupt, mismatch
template <platform Platform, checksum_policy Checksum>
result<segment_extent> measure_segment(typename Platform::directory& in,
                                       const walked_segment& which) {
    auto walk = segment_walk<Platform, Checksum>::open(in, which);
    if (!walk) return walk.error();
    segment_extent found{walk->header(), {}, 0, 0, {}};
    log_record record;
    while (true) {
        auto more = walk->next(record);
        if (!more) return more.error();
        if (!*more) break;
        ++found.records;
        if (record.kind != record_kind::commit) continue;
        operation_reader operations{record.payload};
        operation op;
        for (auto has = operations.next(op); has && *has; has = operations.next(op))
            if (op.kind == operation_kind::stamp && op.time > found.last_stamp)
                found.last_stamp = op.time;
    }
    found.end = walk->end();
    found.previous_checksum = walk->previous_checksum();
    return found;
}

// As measure_segment, of a segment that ends where the next one begins, and is continued by it.
//   Errors      io, corrupt, mismatch
template <platform Platform, checksum_policy Checksum>
result<segment_extent> measure_sealed_segment(typename Platform::directory& in, lsn first, lsn next,
                                              database_id database) {
    const bytes name = segment_name(first);
    auto found = measure_segment<Platform, Checksum>(in, {name, first, database, next});
    if (!found) return found;
    if (round_up(found->end.value, log_block_bytes) != next.value)
        return error{error_code::corrupt,
                     "reading a segment of the log: it does not reach the next"}
            .about(name)
            .with("offset", segment_header_bytes + found->end.value - first.value)
            .with("lsn", found->end.value)
            .with("next_segment_lsn", next.value);
    const bytes next_name = segment_name(next);
    auto behind = segment_window<Platform>::open(in, next_name, segment_header_bytes);
    if (!behind) return behind.error();
    const segment_place place{.name = next_name,
                              .first = next,
                              .database = database,
                              .follows = true,
                              .expected = next,
                              .previous_checksum = found->previous_checksum};
    result<segment_header> header = segment_header{};
    // Twice: a writer writes it anew once, perhaps right now.
    for (int reads = 0; reads < 2; ++reads) {
        behind->forget(0);
        auto raw = behind->read(0, segment_header_bytes);
        if (!raw) return raw.error();
        log_finding fits = log_finding::sound;
        header = read_place<Checksum>(*raw, place, fits);
        if (header) return found;
    }
    return header.error();
}

}  // namespace mantis::detail
