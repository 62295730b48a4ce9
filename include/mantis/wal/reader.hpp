// SPDX-License-Identifier: BSL-1.0
//
// Reads a log from its first record, or from any other, to its end, and says exactly how it ends.
//
// What the reader finds                                             what it says
//   records up to bytes never written                               end, cut_bytes == 0
//   a record that does not fit, nothing synced after it             end, cut_bytes > 0: a torn
//                                                                   tail, the work of a crash
//   the same at the end of the last segment but one, and nothing    the same; the last segment
//     in the last one proves that more was synced                   belongs to what is cut
//   a record that does not fit, and a later one that proves that    corrupt: damage in the middle,
//     the log was synced beyond it, or the header of the next       with file, offset and lsn
//     segment, or one behind that
//   a hole between segments                                         corrupt: a missing segment,
//                                                                   with the lsn
//   a segment whose header does not fit its name, or does not       corrupt
//     continue the segment before
//   a segment of another database, by another checksum policy or    mismatch
//     of a newer version
//   a last segment without a header and without records             end: the crash came while it
//                                                                   was made
//   a read that fails or is short, or bytes that are read           io: nothing is known of the
//     differently each time                                         rest, so no end is told
//   no record where the first was asked for                         invalid_argument; not_found if
//                                                                   the log begins only behind it
//
// A segment is seen through a window that moves over it. Memory is used for the window, for the
// record at hand, and in the last segment for doubtful_records(), whatever the sizes of the files.
//
// Invariants:
//   1. a record is handed out only if its checksum, its position, its salt and its chain on the
//      record before fit
//   2. end() never lies before a record that was synced, unless next() returned an error; but for
//      the last unit that was synced, which nothing after it can prove (the superblock does, once
//      the store was closed or opened again)
//   3. bytes that do not fit were read twice, and the same, before they are called torn or damaged:
//      what was read wrong once is not cut
//
// Threads: one at a time.
#pragma once

#include <vector>
#include "detail/segment_fit.hpp"
#include "detail/segment_list.hpp"
#include "detail/segment_tail.hpp"
#include "detail/torn_turn.hpp"
#include "log_finding.hpp"

namespace mantis {

struct log_end {
    lsn end;                              // first byte after the last good record
    lsn durable;                          // the log says of itself that it was synced so far
    std::uint32_t previous_checksum = 0;  // of the last good record
    std::uint64_t cut_bytes = 0;          // bytes after it that a crash left behind
    bytes segment;                        // the last segment with a header; empty if there is none
    lsn segment_first;                    // and its first lsn
    // A last segment that holds nothing of the log: it never got its header, or begins behind what
    // a crash cut. Empty if there is none.
    bytes unfinished_segment;

    // Where the records of the last segment with a header end, in its file.
    [[nodiscard]] std::uint64_t offset_in_segment() const noexcept {
        return segment_header_bytes + (end > segment_first ? end.value - segment_first.value : 0);
    }
    // Where in its file begins what nothing proves to be synced: with the header, where no record
    // of the segment is proven to be.
    [[nodiscard]] std::uint64_t doubtful_offset() const noexcept {
        return doubtful_offset(segment_first);
    }
    [[nodiscard]] std::uint64_t doubtful_offset(lsn first) const noexcept {
        return durable > first
                   ? segment_header_bytes + round_up(durable.value - first.value, log_block_bytes)
                   : 0;
    }
};

// Bytes of a segment that were read, and that nothing proves to be synced.
struct doubtful_bytes {
    bytes segment;
    std::uint64_t offset = 0;
    bytes_view held;
};

template <platform Platform, checksum_policy Checksum>
class log_reader {
public:
    using directory = typename Platform::directory;

    // Reads from the record at `begin`, or behind the record that ends there. The segment that it
    // lies in is verified from its beginning; those before that one are not looked at and may be
    // gone. Without `begin` the log has to begin where a log begins.
    //   Requires    `from` outlives the reader
    //   Errors      io, corrupt (the log does not begin where a log begins), not_found (the log
    //               begins behind `begin`). That no record begins or ends at `begin` is told by
    //               next()
    //   Units       window_bytes are read at once; for tests
    static result<log_reader> open(directory& from, database_id database, lsn begin = {},
                                   std::size_t window_bytes = detail::log_window_bytes) {
        log_reader reader{from, database, begin, window_bytes};
        auto chosen = detail::segments_to_read(from, begin);
        if (!chosen) return chosen.error();
        reader.segments_ = *std::move(chosen);
        if (!reader.segments_.empty()) reader.end_.end = reader.segments_.front();
        for (const lsn first : reader.segments_) {
            auto file = from.open(segment_name(first), file_mode::read);
            if (!file) return file.error();
            auto size = file->size();
            if (!size) return size.error();
            reader.bytes_total_ += *size;
        }
        return reader;
    }

    //   Requires    next() was not called, and doubtful_records() and doubtful_before() will not be
    //   Effects     no more of the last two segments is in memory than of the others
    void forget_doubtful() noexcept { keeps_doubtful_ = false; }

    //   Returns     true and the next record, its payload valid until the next call; false at the
    //               end
    //   Errors      io, corrupt, mismatch, invalid_argument, as in the table above; every later
    //               call returns the same
    result<bool> next(log_record& record) {
        if (!failed_) {
            auto more = find_next(record);
            if (more) return more;
            failed_ = more.error();
            const error_code code = failed_->code();
            if (code != error_code::corrupt && code != error_code::mismatch &&
                code != error_code::invalid_argument)
                finding_ = log_finding::unreadable;
        }
        return *failed_;
    }

    // Complete once next() returned false.
    [[nodiscard]] const log_end& end() const noexcept { return end_; }
    // What the log was found to be, once next() returned false or an error.
    [[nodiscard]] log_finding finding() const noexcept { return finding_; }
    // The records of the last segment that no later one proves to be synced, as they were verified,
    // and its header, where no record does: what belongs at end().doubtful_offset().
    //   Requires    next() returned false; valid until the next call
    [[nodiscard]] bytes_view doubtful_records() const noexcept {
        return doubtful_of(window_, end_.segment_first, end_.end);
    }
    // The same of the segment before, which may not have been synced either.
    [[nodiscard]] doubtful_bytes doubtful_before() const {
        if (!left_) return {};
        return {bytes{left_->file.name()}, end_.doubtful_offset(left_->header.first),
                doubtful_of(left_->file, left_->header.first, left_->end)};
    }
    // Where the record handed out last lies: segment name and offset are for messages.
    [[nodiscard]] bytes_view segment() const noexcept { return name_; }
    // Of records that were verified, those before the first that was asked for included.
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
    // Of the segment files that are read, headers and reserve included.
    [[nodiscard]] std::uint64_t bytes_total() const noexcept { return bytes_total_; }
    [[nodiscard]] std::size_t segment_count() const noexcept { return segments_.size(); }

private:
    using window = detail::segment_window<Platform>;
    using tail = detail::segment_tail<Platform, Checksum>;
    static constexpr int most_exchanges = 3;

    // The last segment but one, while the last one is read.
    struct left_segment {
        window file;
        segment_header header;
        lsn end;  // of its last record
    };

    log_reader(directory& from, database_id database, lsn begin, std::size_t window_bytes)
        : directory_{&from}, database_{database}, window_bytes_{window_bytes}, asked_{begin} {
        end_.end = first_lsn_of_log;
    }

    result<bool> find_next(log_record& record) {
        while (true) {
            if (finished_) return false;
            if (!reading_) {
                if (auto loaded = load_segment(); !loaded) return loaded.error();
                continue;
            }
            bytes_view rest = window_->held(offset_of(position_));
            if (!holds_record(rest)) {
                auto more = read_record();
                if (!more) return more.error();
                rest = *more;
            }
            const record_verdict verdict = examine_record<Checksum>(rest, position_, header_.salt);
            if (verdict == record_verdict::valid && chained(rest)) {
                const lsn before = end_.end;
                take(rest, record);
                if (record.position >= asked_) {
                    if (auto begins = begins_at(before, record.position); !begins)
                        return begins.error();
                    return true;
                }
                continue;
            }
            // Also where a header would reach over the block: in a gap of 8 bytes the lsn that was
            // examined is not the gap's.
            if (verdict != record_verdict::valid) {
                auto skipped = skip_padding();
                if (!skipped) return skipped.error();
                if (*skipped) continue;
            }
            if (auto ended = end_segment(); !ended) return ended.error();
        }
    }

    [[nodiscard]] bool last_segment() const noexcept { return at_segment_ + 1 == segments_.size(); }
    // One of those of which not everything need be synced.
    [[nodiscard]] bool one_of_last_two() const noexcept {
        return at_segment_ + 2 >= segments_.size();
    }
    [[nodiscard]] bytes_view doubtful_of(const std::optional<window>& file, lsn first,
                                         lsn end) const noexcept {
        return file ? doubtful_of(*file, first, end) : bytes_view{};
    }
    [[nodiscard]] bytes_view doubtful_of(const window& file, lsn first, lsn end) const noexcept {
        const std::uint64_t from = end_.doubtful_offset(first);
        const std::uint64_t to = segment_header_bytes + (end > first ? end.value - first.value : 0);
        if (end_.segment.empty() || from >= to) return {};
        const bytes_view held = file.held(from);
        check(held.size() >= to - from, "log_reader: doubtful records are not in memory");
        return held.first(static_cast<std::size_t>(to - from));
    }
    [[nodiscard]] std::uint64_t offset_of(lsn position) const noexcept {
        return segment_header_bytes + position.value - header_.first.value;
    }
    [[nodiscard]] bool chained(bytes_view raw) const noexcept {
        return decode_record_header(raw).previous_checksum == end_.previous_checksum;
    }
    [[nodiscard]] static bool holds_record(bytes_view raw) noexcept {
        return raw.size() >= sizeof(log_record_header) &&
               record_bytes(load_le<std::uint32_t>(raw.data() + 32)) <= raw.size();
    }

    // Moves the window on to the record at position_. A length that makes no sense moves it no
    // further than the header.
    result<bytes_view> read_record() {
        const std::uint64_t offset = offset_of(position_);
        window_->keep_from(keeps_doubtful_ && one_of_last_two() ? end_.doubtful_offset() : offset);
        auto some = window_->read(offset, sizeof(log_record_header));
        if (!some || some->size() < sizeof(log_record_header)) return some;
        const log_record_header header = decode_record_header(*some);
        if (!detail::may_be_record(header, position_, header_.salt, window_->size() - offset))
            return some;
        return window_->read(offset, record_bytes(header.payload_bytes));
    }

    void take(bytes_view raw, log_record& record) noexcept {
        record = detail::record_of(raw, position_);
        position_ = end_.end = record.end;
        if (record.durable > end_.durable) end_.durable = record.durable;
        end_.previous_checksum = load_le<std::uint32_t>(raw.data());
        bytes_read_ += record.end.value - record.position.value;
    }

    // After a sync the log goes on at the next block; what is left of the old one is zero.
    result<bool> skip_padding() {
        const std::uint64_t gap = round_up(position_.value, log_block_bytes) - position_.value;
        if (gap == 0) return false;
        auto rest = window_->read(offset_of(position_), gap);
        if (!rest) return rest.error();
        if (gap > rest->size() || !detail::all_zero(rest->first(static_cast<std::size_t>(gap))))
            return false;
        position_.value += gap;
        return true;
    }

    // Whether the first record that is handed out is the one that was asked for.
    result<void> begins_at(lsn end_before, lsn position) {
        const bool fits = asked_.value == 0 || asked_ == position || asked_ == end_before;
        if (!fits)
            return no_record_there(
                "reading the log: no record begins where the first was asked for");
        asked_ = {};  // told once
        return success();
    }
    error no_record_there(const char* doing) {
        finding_ = log_finding::no_such_position;
        return error{error_code::invalid_argument, doing}
            .about(name_)
            .with("lsn", asked_.value)
            .with("end_lsn", end_.end.value);
    }

    error damage(const char* doing, lsn at) const {
        return error{error_code::corrupt, doing}
            .about(name_)
            .with("offset", offset_of(at))
            .with("lsn", at.value);
    }

    result<void> load_segment() {
        if (at_segment_ == segments_.size()) return finish();
        const lsn first = segments_[at_segment_];
        name_ = segment_name(first);
        exchanged_ = 0;
        auto opened = window::open(*directory_, name_, window_bytes_);
        if (!opened) return opened.error();
        window_.emplace(*std::move(opened));
        if (keeps_doubtful_ && one_of_last_two()) window_->keep_from(0);
        auto header = read_header(first);
        if (!header && header.error().code() == error_code::corrupt) {
            window_->forget(0);  // perhaps it was read wrong
            header = read_header(first);
        }
        // A header that is whole and does not fit here is damage, whatever follows.
        if (!header && finding_ == log_finding::damage_in_the_middle && last_segment()) {
            auto unused = never_used();
            if (!unused) return unused.error();
            if (*unused && !ragged_) return go_back(name_);
        }
        if (!header && header.error().code() == error_code::corrupt && left_) {
            auto cut = cut_before(first);
            if (!cut || *cut) return cut ? success() : result<void>{cut.error()};
        }
        if (!header && ragged_ && header.error().code() == error_code::corrupt) {
            name_ = end_.segment;  // the records at its end are gone
            finding_ = log_finding::damage_in_the_middle;
            return damage("reading the log: damage in the middle", end_.end)
                .with("next_segment_lsn", first.value);
        }
        if (!header) return header.error();
        ragged_ = false;
        header_ = *header;
        position_ = first;
        if (header->durable > end_.durable && at_segment_ != 0) end_.durable = header->durable;
        if (at_segment_ == 0) end_.previous_checksum = header->previous_checksum;
        end_.segment = name_;
        end_.segment_first = first;
        reading_ = true;
        return success();
    }

    result<segment_header> read_header(lsn first) {
        auto raw = window_->read(0, segment_header_bytes);
        if (!raw) return raw.error();
        return detail::read_place<Checksum>(*raw, place(first), finding_);
    }
    [[nodiscard]] detail::segment_place place(lsn first) const noexcept {
        return {.name = name_,
                .first = first,
                .database = database_,
                .follows = at_segment_ != 0,
                .expected = {round_up(end_.end.value, log_block_bytes)},
                .previous_checksum = end_.previous_checksum};
    }

    // The header is synced before the first record is written, so a segment with records has a
    // header.
    result<bool> never_used() {
        if (window_->size() <= segment_header_bytes) return true;
        auto rest = tail::look_at(*directory_, *window_, segment_header_bytes, window_bytes_);
        if (!rest) return rest.error();
        return rest->used_end() == segment_header_bytes;
    }

    // Nothing readable at position_: the end of this segment, if that is where it may end.
    result<void> end_segment() {
        const std::uint64_t end_offset = end_.offset_in_segment();
        if (!last_segment() && next_segment_fits()) {
            auto padded = rest_of_block_is_zero();
            if (!padded) return padded.error();
            if (*padded) return leave_segment();
        }
        auto rest = tail::look_at(*directory_, *window_, end_offset, window_bytes_);
        if (!rest) return rest.error();
        const std::uint64_t cut_bytes = rest->used_end() - end_offset;
        if (last_segment() && window_->size() <= end_offset) return finish();
        auto found = rest->judge(header_.first, &header_.salt, end_.end);
        if (!found) return found.error();
        if (!found->reads_alike) return read_anew(end_offset);
        if (!last_segment() && next_segment_fits()) {
            // A record that rotted, or what an earlier opening cut and a power failure brought
            // back: whether the next segment continues the last good record tells.
            ragged_ = true;
            return leave_segment();
        }
        if (!last_segment()) return end_before_next(cut_bytes == 0);
        if (found->synced) {
            finding_ = log_finding::damage_in_the_middle;
            return damage("reading the log: damage in the middle", end_.end)
                .with("synced_lsn", found->synced->value);
        }
        end_.cut_bytes = cut_bytes;
        return finish();
    }

    [[nodiscard]] bool next_segment_fits() const noexcept {
        return round_up(end_.end.value, log_block_bytes) == segments_[at_segment_ + 1].value;
    }
    result<void> leave_segment() {
        reading_ = false;
        left_.reset();
        ++at_segment_;
        if (last_segment()) left_.emplace(left_segment{*std::move(window_), header_, end_.end});
        return success();
    }
    // The next segment begins too far on: a torn tail before the last one, or a hole.
    result<void> end_before_next(bool nothing_behind) {
        if (one_of_last_two()) {
            const lsn next = segments_[at_segment_ + 1];
            left_.emplace(left_segment{*std::move(window_), header_, end_.end});
            auto cut = cut_before(next);
            if (!cut) return cut.error();
            if (*cut) return success();
        }
        return hole(nothing_behind);
    }
    //   Requires    the last segment does not continue `left_`
    //   Returns     whether both look as a crash leaves them: then this is the end
    result<bool> cut_before(lsn last) {
        detail::torn_turn_test<Platform, Checksum> test{*directory_, window_bytes_, left_->header,
                                                        end_.end};
        auto found = test.run(last);
        if (!found) return found.error();
        if (!found->torn) return false;
        end_.cut_bytes = found->cut_bytes;
        if (auto ended = go_back(segment_name(last)); !ended) return ended.error();
        return true;
    }
    // The log ends in the segment before, if there is one.
    result<void> go_back(const bytes& unfinished) {
        end_.unfinished_segment = unfinished;
        if (left_) window_.emplace(std::move(left_->file));
        left_.reset();
        return finish();
    }
    // A record of the last block may be what no longer fits.
    result<bool> rest_of_block_is_zero() {
        const std::uint64_t gap = round_up(end_.end.value, log_block_bytes) - end_.end.value;
        if (gap == 0) return true;
        auto rest = window_->read(offset_of(end_.end), gap);
        if (!rest) return rest.error();
        return detail::all_zero(
            rest->first(static_cast<std::size_t>(rest->size() < gap ? rest->size() : gap)));
    }

    // What does not fit was read differently the second time. What was verified stays as it was
    // read then.
    result<void> read_anew(std::uint64_t offset) {
        if (++exchanged_ > most_exchanges)
            return error{error_code::io, "reading the log: each time it reads differently"}
                .about(name_)
                .with("offset", offset)
                .with("lsn", end_.end.value);
        window_->forget(offset);
        position_ = end_.end;
        return success();
    }

    error hole(bool nothing_behind) {
        finding_ =
            nothing_behind ? log_finding::missing_segment : log_finding::damage_in_the_middle;
        return damage(nothing_behind ? "reading the log: a segment is missing behind this one"
                                     : "reading the log: damage in the middle",
                      end_.end)
            .with("next_segment_lsn", segments_[at_segment_ + 1].value);
    }

    result<void> finish() {
        const lsn next_block{round_up(end_.end.value, log_block_bytes)};
        if (asked_.value != 0 && asked_ != end_.end && asked_ != next_block)
            return asked_ > end_.end
                       ? no_record_there("reading the log: it ends before what was asked for")
                       : no_record_there("reading the log: what was asked for is inside a record");
        finding_ = end_.cut_bytes == 0 ? log_finding::sound : log_finding::torn_tail;
        finished_ = true;
        return success();
    }

    directory* directory_;
    database_id database_;
    std::size_t window_bytes_;
    lsn asked_;  // 0 once its record was handed out
    std::vector<lsn> segments_;
    std::size_t at_segment_ = 0;
    segment_header header_;
    bytes name_;
    std::optional<window> window_;  // of the segment being read, or of the last one
    std::optional<left_segment> left_;
    lsn position_;
    log_end end_;
    int exchanged_ = 0;  // how often this segment read differently
    std::uint64_t bytes_read_ = 0;
    std::uint64_t bytes_total_ = 0;
    bool reading_ = false;  // a segment with a header that fits
    bool finished_ = false;
    bool keeps_doubtful_ = true;
    bool ragged_ = false;  // behind the last good record its block is not zero
    log_finding finding_ = log_finding::sound;
    std::optional<error> failed_;
};

}  // namespace mantis
