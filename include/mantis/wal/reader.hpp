// SPDX-License-Identifier: BSL-1.0
//
// Reads a log from its first record to its end, and says exactly how it ends.
//
// What the reader finds                                             what it says
//   records up to bytes never written                               end, cut_bytes == 0
//   a record that does not fit, nothing synced after it             end, cut_bytes > 0: a torn
//                                                                   tail, the work of a crash
//   a record that does not fit, and a later one that proves that    corrupt: damage in the middle,
//                                                                   with file, offset and lsn
//     the log was synced beyond it, or a later segment
//   a hole between segments                                         corrupt: a missing segment,
//                                                                   with the lsn
//   a segment of another database, or by another checksum policy    mismatch
//   a last segment without a header and without records             end: the crash came while it
//                                                                   was made
//   a read that fails or is short, or bytes that are read           io: nothing is known of the
//     differently each time                                         rest, so no end is told
//
// Invariants:
//   1. a record is handed out only if its checksum, its position, its salt and its chain on the
//      record before fit
//   2. end() never lies before a record that was synced, unless next() returned an error; but for
//      the last unit that was synced, which nothing after it can prove (the superblock does, once
//      the store was closed or opened again)
//   3. bytes that fit no record were read twice, and the same, before they are called torn or
//      damaged: what was read wrong once is not cut. Headers of segments, and tails that are zero,
//      are read once
//
// Not told yet: damage in the last block of a segment whose successor has no header, and damage
// that is proven only by a record that begins no block. Both pass for the end of the log.
//
// Threads: one at a time.
#pragma once

#include "segment.hpp"

#include "../platform/platform.hpp"

#include <optional>
#include <vector>

namespace mantis {

struct log_end {
    lsn end;                              // first byte after the last good record
    lsn durable;                          // the log says of itself that it was synced so far
    std::uint32_t previous_checksum = 0;  // of the last good record
    std::uint64_t cut_bytes = 0;          // bytes after it that a crash left behind
    bytes segment;                        // the last segment with a header; empty if there is none
    lsn segment_first;                    // and its first lsn
    bytes unfinished_segment;  // a last segment that never got its header; empty if there is none

    // Where the records of the last segment with a header end, in its file.
    [[nodiscard]] std::uint64_t offset_in_segment() const noexcept {
        return segment_header_bytes + (end > segment_first ? end.value - segment_first.value : 0);
    }
    // Where the first of them lies that no later record proves to be synced.
    [[nodiscard]] std::uint64_t doubtful_offset() const noexcept {
        return segment_header_bytes +
               (durable > segment_first
                    ? round_up(durable.value - segment_first.value, log_block_bytes)
                    : 0);
    }
};

template <platform Platform, checksum_policy Checksum>
class log_reader {
public:
    using directory = typename Platform::directory;

    //   Requires    `from` outlives the reader
    //   Errors      io, corrupt (the log does not begin where a log begins)
    static result<log_reader> open(directory& from, database_id database) {
        auto names = from.list();
        if (!names) return names.error();
        log_reader reader{from, database};
        for (const bytes& name : *names) {
            lsn first;
            if (!parse_segment_name(name, first)) continue;
            reader.segments_.push_back(first);
            auto file = from.open(name, file_mode::read);
            if (!file) return file.error();
            auto size = file->size();
            if (!size) return size.error();
            reader.bytes_total_ += *size;
        }
        if (!reader.segments_.empty() && reader.segments_.front() != first_lsn_of_log)
            return error{error_code::corrupt, "opening the log: its first segment is missing"}
                .about(segment_name(reader.segments_.front()))
                .with("expected_lsn", first_lsn_of_log.value);
        return reader;
    }

    //   Returns     true and the next record, its payload valid until the next call; false at the
    //               end
    //   Errors      io, corrupt, mismatch, as in the table above; every later call returns the same
    result<bool> next(log_record& record) {
        if (!failed_) {
            auto more = find_next(record);
            if (more) return more;
            failed_ = more.error();
        }
        return *failed_;
    }

    // Complete once next() returned false.
    [[nodiscard]] const log_end& end() const noexcept { return end_; }
    // The records of the last segment that no later one proves to be synced, as they were verified:
    // what belongs at end().doubtful_offset().
    //   Requires    next() returned false; valid until the next call
    [[nodiscard]] bytes_view doubtful_records() const noexcept {
        const std::uint64_t from = end_.doubtful_offset();
        const std::uint64_t to = end_.offset_in_segment();
        // Before a segment gets its name, all of the one before is synced.
        if (!end_.unfinished_segment.empty() || end_.segment.empty() || from >= to) return {};
        return raw_.view().part(static_cast<std::size_t>(from),
                                static_cast<std::size_t>(to - from));
    }
    // Where the record handed out last lies: segment name and offset are for messages.
    [[nodiscard]] bytes_view segment() const noexcept { return name_; }
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
    // Of all segment files, headers and reserve included.
    [[nodiscard]] std::uint64_t bytes_total() const noexcept { return bytes_total_; }
    [[nodiscard]] std::size_t segment_count() const noexcept { return segments_.size(); }

private:
    static constexpr int most_exchanges = 3;

    log_reader(directory& from, database_id database) : directory_{&from}, database_{database} {
        end_.end = first_lsn_of_log;
    }

    result<bool> find_next(log_record& record) {
        while (true) {
            if (finished_) return false;
            if (!loaded_) {
                if (auto loaded = load_segment(); !loaded) return loaded.error();
                continue;
            }
            const bytes_view rest = bytes_view{raw_}.from(offset_of(position_));
            const record_verdict verdict = examine_record<Checksum>(rest, position_, header_.salt);
            if (verdict == record_verdict::valid && chained(rest)) {
                take(rest, record);
                return true;
            }
            // Also where a header would reach over the block: in a gap of 8 bytes the lsn that was
            // examined is not the gap's.
            if (verdict != record_verdict::valid && skip_padding(rest)) continue;
            if (auto ended = end_segment(); !ended) return ended.error();
        }
    }

    [[nodiscard]] bool last_segment() const noexcept { return at_segment_ + 1 == segments_.size(); }
    [[nodiscard]] std::size_t offset_of(lsn position) const noexcept {
        return static_cast<std::size_t>(segment_header_bytes + position.value -
                                        header_.first.value);
    }
    [[nodiscard]] bool chained(bytes_view raw) const noexcept {
        return decode_record_header(raw).previous_checksum == end_.previous_checksum;
    }

    void take(bytes_view raw, log_record& record) noexcept {
        const log_record_header header = decode_record_header(raw);
        const std::uint64_t size = record_bytes(header.payload_bytes);
        record.position = position_;
        record.end = {position_.value + size};
        record.transaction = {header.transaction};
        record.durable = {header.durable};
        record.kind = static_cast<record_kind>(header.kind);
        record.payload = raw.part(sizeof header, header.payload_bytes);
        position_ = end_.end = record.end;
        end_.durable = record.durable;
        end_.previous_checksum = static_cast<std::uint32_t>(header.checksum);
        bytes_read_ += size;
    }

    // After a sync the log goes on at the next block; what is left of the old one is zero.
    bool skip_padding(bytes_view rest) noexcept {
        const std::uint64_t gap = round_up(position_.value, log_block_bytes) - position_.value;
        if (gap == 0 || gap > rest.size() || !all_zero(rest.first(static_cast<std::size_t>(gap))))
            return false;
        position_.value += gap;
        return true;
    }

    static bool all_zero(bytes_view some) noexcept {
        for (const std::byte b : some)
            if (b != std::byte{0}) return false;
        return true;
    }

    error damage(const char* doing, lsn at) const {
        return error{error_code::corrupt, doing}
            .about(name_)
            .with("offset", offset_of(at))
            .with("lsn", at.value);
    }

    result<void> load_segment() {
        if (at_segment_ == segments_.size()) {
            finished_ = true;
            return success();
        }
        const lsn first = segments_[at_segment_];
        name_ = segment_name(first);
        if (auto read = read_whole(raw_); !read) return read.error();
        exchanged_ = 0;
        auto header = decode_segment_header(raw_);
        if (!header && header.error().code() == error_code::corrupt && last_segment() &&
            never_used()) {
            end_.unfinished_segment = name_;
            finished_ = true;
            return success();
        }
        if (!header) return header.error().about(name_).with("lsn", first.value);
        if (auto fits = check_header(*header, first); !fits) return fits.error();
        header_ = *header;
        position_ = first;
        end_.segment = name_;
        end_.segment_first = first;
        loaded_ = true;
        return success();
    }

    result<void> check_header(const segment_header& header, lsn first) const {
        constexpr const char* doing = "opening a log segment";
        if (header.database != database_)
            return error{error_code::mismatch,
                         "opening a log segment: it belongs to another database"}
                .about(name_);
        if (header.checksum_format != Checksum::format_id)
            return error{
                error_code::mismatch,
                "opening a log segment: with::checksum differs from the one it was written with"}
                .about(name_)
                .with("file_format_id", header.checksum_format)
                .with("store_format_id", Checksum::format_id);
        if (header.first != first)
            return error{error_code::corrupt, doing}
                .about(name_)
                .with("offset", 32)
                .with("lsn", header.first.value);
        const std::uint64_t expected = round_up(end_.end.value, log_block_bytes);
        if (at_segment_ != 0 && first.value != expected)
            return error{error_code::corrupt, "opening a log segment: the log has a hole before it"}
                .about(name_)
                .with("expected_lsn", expected)
                .with("lsn", first.value);
        if (at_segment_ != 0 && header.previous_checksum != end_.previous_checksum)
            return error{error_code::corrupt,
                         "opening a log segment: it does not continue the one before"}
                .about(name_)
                .with("offset", 44)
                .with("lsn", first.value);
        return success();
    }

    // All bytes of the segment: those that a short read leaves out would look like the end.
    result<void> read_whole(bytes& into) const {
        auto file = directory_->open(name_, file_mode::read);
        if (!file) return file.error();
        auto size = file->size();
        if (!size) return size.error();
        into.clear();
        into.resize(static_cast<std::size_t>(*size));
        auto got = file->read(0, into.data(), into.size());
        if (!got) return got.error();
        if (*got == into.size()) return success();
        return error{error_code::io, "reading a log segment: it is shorter than its size"}
            .about(name_)
            .with("offset", *got)
            .with("bytes", *size);
    }

    // Reads again what does not fit. What was verified stays as it was read then.
    //   Returns     whether it is the same; if not, it was exchanged and is to be looked at anew
    //   Errors      io, also if it goes on changing
    result<bool> reads_the_same() {
        bytes again;
        if (auto read = read_whole(again); !read) return read.error();
        const std::size_t known = static_cast<std::size_t>(end_.offset_in_segment());
        const bool same_size = again.size() == raw_.size() && known <= raw_.size();
        const bytes_view old_rest = bytes_view{raw_}.from(same_size ? known : 0);
        if (same_size && again.view().from(known) == old_rest) return true;
        if (!same_size || ++exchanged_ > most_exchanges)
            return error{error_code::io, "reading the log: each time it reads differently"}
                .about(name_)
                .with("offset", known)
                .with("lsn", end_.end.value);
        std::memcpy(raw_.data() + known, again.data() + known, raw_.size() - known);
        return false;
    }

    // The header is synced before the first record is written, so a segment with records has a
    // header.
    [[nodiscard]] bool never_used() const noexcept {
        return raw_.size() <= segment_header_bytes ||
               all_zero(bytes_view{raw_}.from(segment_header_bytes));
    }

    // Nothing readable at position_: the end of this segment, if that is where it may end.
    result<void> end_segment() {
        const bool clean = ends_cleanly();
        if (!clean) {
            auto same = reads_the_same();
            if (!same) return same.error();
            if (!*same) return success();
        }
        loaded_ = false;
        if (last_segment()) {
            finished_ = true;
            return clean ? success() : judge_tail();
        }
        if (!clean)
            return damage("reading the log: damage in the middle", position_)
                .with("next_segment_lsn", segments_[at_segment_ + 1].value);
        ++at_segment_;
        return success();
    }

    // Nothing was ever written behind position_, or the next segment goes on there.
    [[nodiscard]] bool ends_cleanly() const noexcept {
        if (last_segment())
            return all_zero(
                bytes_view{raw_}.from(static_cast<std::size_t>(end_.offset_in_segment())));
        return round_up(end_.end.value, log_block_bytes) == segments_[at_segment_ + 1].value;
    }

    // Damage, if a later record proves that the log was synced beyond it; else torn.
    result<void> judge_tail() {
        const std::uint64_t end_offset = end_.offset_in_segment();
        const std::uint64_t scan_from = round_up(end_offset, log_block_bytes);
        for (std::uint64_t at = scan_from; at < raw_.size(); at += log_block_bytes) {
            const bytes_view rest = bytes_view{raw_}.from(static_cast<std::size_t>(at));
            const lsn here{header_.first.value + at - segment_header_bytes};
            if (examine_record<Checksum>(rest, here, header_.salt) != record_verdict::valid)
                continue;
            if (const lsn synced{decode_record_header(rest).durable}; synced > end_.end)
                return damage("reading the log: damage in the middle", end_.end)
                    .with("synced_lsn", synced.value);
        }
        std::uint64_t used = end_offset;
        for (std::uint64_t at = used; at < raw_.size(); ++at)
            if (raw_[static_cast<std::size_t>(at)] != std::byte{0}) used = at + 1;
        end_.cut_bytes = used - end_offset;
        return success();
    }

    directory* directory_;
    database_id database_;
    std::vector<lsn> segments_;
    std::size_t at_segment_ = 0;
    segment_header header_;
    bytes name_;
    bytes raw_;
    lsn position_;
    log_end end_;
    int exchanged_ = 0;  // how often this segment read differently
    std::uint64_t bytes_read_ = 0;
    std::uint64_t bytes_total_ = 0;
    bool loaded_ = false;
    bool finished_ = false;
    std::optional<error> failed_;
};

}  // namespace mantis
