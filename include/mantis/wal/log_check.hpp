// SPDX-License-Identifier: BSL-1.0
//
// Reads a whole log and says exactly what it is: sound, torn, or what is wrong with it, where, how
// much is lost, and how much lies behind that. Nothing is changed, and no store is opened.
//
//   records      | sound | lost: no record fits | readable behind | ...
//   lsn          begin   lost_begin             lost_end
//
//   1. the log_reader goes as far as it can; its finding is the diagnosis
//   2. behind damage, every place where a record may begin is tried: the first that is whole ends
//      the lost range, and all of them are counted
//
// Threads: one at a time.
#pragma once

#include "reader.hpp"

namespace mantis {

struct log_check_options {
    std::optional<database_id> database =
        {};          // none: that of the first segment whose header is whole
    lsn begin = {};  // the log must be whole from here on; 0: from where a log begins
    // Or from here on, where what lies before it was removed; 0: nothing was.
    lsn checkpoint = {};
    lsn reaches =
        {};  // and up to here at least, as the superblock promises; 0: no promise is known
};

struct log_diagnosis {
    log_finding kind = log_finding::sound;
    bytes segment;             // where; empty when there is nothing to say
    std::uint64_t offset = 0;  // in its file
    lsn position;              // the same place in the log
    lsn lost_begin;            // end of the last good record before the damage
    lsn lost_end;              // first good record behind it, or what was promised; 0: none
    bytes message;             // the reader's, for people; empty when the log is whole
    std::uint64_t segments = 0;
    std::uint64_t records = 0;         // up to lost_begin, or to the end
    std::uint64_t records_behind = 0;  // that are whole, behind the damage
    std::uint64_t transactions = 0;    // with their commit
    std::uint64_t transactions_unfinished = 0;
    std::uint64_t record_bytes = 0;  // of `records`
    std::uint64_t cut_bytes = 0;     // of a torn tail
    lsn end;                         // of the last good record before the damage, if any
    database_id database;

    [[nodiscard]] bool whole() const noexcept { return is_whole(kind); }
};

//   Returns     the first header in the directory that can be read, of whatever database
//   Errors      io
template <platform Platform>
result<std::optional<segment_header>> first_segment_header(typename Platform::directory& in) {
    auto segments = detail::list_segments(in);
    if (!segments) return segments.error();
    for (const lsn first : *segments) {
        auto file =
            detail::segment_window<Platform>::open(in, segment_name(first), segment_header_bytes);
        if (!file) return file.error();
        auto raw = file->read(0, segment_header_bytes);
        if (!raw) return raw.error();
        if (auto header = decode_segment_header(*raw)) return std::optional{*header};
    }
    return std::optional<segment_header>{};
}

namespace detail {

// Finds records that are whole by themselves.
template <platform Platform, checksum_policy Checksum>
class record_scan {
public:
    using directory = typename Platform::directory;
    using window = segment_window<Platform>;

    record_scan(directory& in, database_id database) noexcept
        : directory_{&in}, database_{database} {}

    //   Effects     tries every place from `begin` on, in all segments of this database
    //   Errors      io
    result<void> run(lsn begin) {
        auto segments = list_segments(*directory_);
        if (!segments) return segments.error();
        for (const lsn first : *segments)
            if (auto done = scan(first, begin); !done) return done;
        return success();
    }
    [[nodiscard]] std::uint64_t records() const noexcept { return records_; }
    [[nodiscard]] lsn first() const noexcept { return first_; }

private:
    result<void> scan(lsn first, lsn begin) {
        auto file = window::open(*directory_, segment_name(first), log_window_bytes);
        if (!file) return file.error();
        if (begin > first && begin.value - first.value >= file->size()) return success();
        auto raw = file->read(0, segment_header_bytes);
        if (!raw) return raw.error();
        const auto header = decode_segment_header(*raw);
        // Without a header, its records say themselves what salt they have.
        if (header ? header->database != database_ || header->first != first ||
                         header->checksum_format != Checksum::format_id
                   : header.error().code() != error_code::corrupt)
            return success();
        const std::uint64_t skip =
            begin > first ? round_up(begin.value - first.value, log_record_alignment) : 0;
        for (std::uint64_t at = segment_header_bytes + skip; at < file->size();) {
            const lsn here{first.value + at - segment_header_bytes};
            auto size = record_at(*file, at, here, header ? &header->salt : nullptr);
            if (!size) return size.error();
            if (*size != 0 && records_++ == 0) first_ = here;
            at += *size != 0 ? *size : log_record_alignment;
        }
        return success();
    }

    //   Returns     how long the record here is; 0 if there is none
    result<std::uint64_t> record_at(window& file, std::uint64_t at, lsn here,
                                    const std::uint32_t* salt) {
        bytes_view raw = file.held(at);
        if (raw.size() < sizeof(log_record_header)) {
            auto read = file.read(at, sizeof(log_record_header));
            if (!read) return read.error();
            raw = *read;
        }
        if (raw.size() < sizeof(log_record_header) ||
            load_le<std::uint64_t>(raw.data() + 8) != here.value)
            return std::uint64_t{0};
        const log_record_header header = decode_record_header(raw);
        const std::uint32_t wanted = salt != nullptr ? *salt : header.salt;
        if (!may_be_record(header, here, wanted, file.size() - at)) return std::uint64_t{0};
        const std::uint64_t size = mantis::record_bytes(header.payload_bytes);
        auto whole = file.read(at, size);
        if (!whole) return whole.error();
        const bool valid = examine_record<Checksum>(*whole, here, wanted) == record_verdict::valid;
        return valid ? size : std::uint64_t{0};
    }

    directory* directory_;
    database_id database_;
    std::uint64_t records_ = 0;
    lsn first_;
};

template <platform Platform, checksum_policy Checksum>
class log_check {
public:
    using directory = typename Platform::directory;

    log_check(directory& in, const log_check_options& chosen) noexcept
        : directory_{&in}, chosen_{chosen} {}

    result<log_diagnosis> run() {
        if (auto known = learn_database(); !known) return known.error();
        if (auto begun = choose_begin(); !begun) return begun.error();
        auto reader =
            log_reader<Platform, Checksum>::open(*directory_, found_.database, chosen_.begin);
        if (!reader) return begins_too_late(reader.error());
        found_.segments = reader->segment_count();
        auto counted = count(*reader);
        found_.record_bytes = reader->bytes_read();
        found_.end = reader->end().end;
        found_.kind = reader->finding();
        if (!counted) return failed(counted.error());
        found_.cut_bytes = reader->end().cut_bytes;
        if (found_.end < chosen_.reaches) found_.kind = log_finding::ends_too_early;
        if (found_.kind == log_finding::sound) return std::move(found_);
        found_.segment = reader->end().segment;
        found_.offset = reader->end().offset_in_segment();
        found_.position = found_.end;
        if (found_.whole()) return std::move(found_);
        found_.lost_begin = found_.end;
        found_.lost_end = chosen_.reaches;
        found_.message.assign("the log ends before what was once durable");
        return std::move(found_);
    }

private:
    result<void> choose_begin() {
        if (chosen_.begin != lsn{} || chosen_.checkpoint == lsn{}) return success();
        auto segments = list_segments(*directory_);
        if (!segments) return segments.error();
        const bool whole = !segments->empty() && segments->front() == first_lsn_of_log;
        if (!whole) chosen_.begin = chosen_.checkpoint;
        return success();
    }
    result<void> learn_database() {
        if (chosen_.database) {
            found_.database = *chosen_.database;
            return success();
        }
        auto header = first_segment_header<Platform>(*directory_);
        if (!header) return header.error();
        if (*header) found_.database = (*header)->database;
        return success();
    }

    result<void> count(log_reader<Platform, Checksum>& reader) {
        log_record record;
        std::vector<transaction_id> open;  // few: those whose records lie around this one
        while (true) {
            auto more = reader.next(record);
            found_.transactions_unfinished = open.size();
            if (!more) return more.error();
            if (!*more) return success();
            ++found_.records;
            std::size_t at = open.size();
            while (at > 0 && open[at - 1] != record.transaction) --at;
            if (record.kind == record_kind::commit) {
                ++found_.transactions;
                if (at > 0) open.erase(open.begin() + static_cast<std::ptrdiff_t>(at - 1));
            } else if (at == 0) {
                open.push_back(record.transaction);
            }
        }
    }

    //   Errors      io: nothing is known then
    result<log_diagnosis> begins_too_late(const error& refused) {
        if (refused.code() != error_code::corrupt && refused.code() != error_code::not_found)
            return refused;
        found_.kind = log_finding::missing_segment;
        found_.end = chosen_.begin > first_lsn_of_log ? chosen_.begin : first_lsn_of_log;
        auto segments = list_segments(*directory_);
        if (!segments) return segments.error();
        found_.segments = segments->size();
        return failed(refused);
    }

    //   Errors      io: nothing is known then
    result<log_diagnosis> failed(const error& refused) {
        if (found_.kind == log_finding::unreadable) return refused;
        found_.message = refused.message();
        found_.segment.assign(refused.subject());
        const std::uint64_t* const offset = refused.number("offset");
        found_.offset = offset != nullptr ? *offset : 0;
        const std::uint64_t* const at = refused.number("lsn");
        found_.position = at != nullptr ? lsn{*at} : found_.end;
        if (found_.kind == log_finding::version_too_new ||
            found_.kind == log_finding::wrong_checksum_policy ||
            found_.kind == log_finding::no_such_position)
            return std::move(found_);
        found_.lost_begin = found_.end;
        record_scan<Platform, Checksum> behind{*directory_, found_.database};
        if (auto scanned = behind.run(found_.end); !scanned) return scanned.error();
        found_.records_behind = behind.records();
        found_.lost_end = behind.first();
        return std::move(found_);
    }

    directory* directory_;
    log_check_options chosen_;
    log_diagnosis found_;
};

}  // namespace detail

//   Requires    no writer appends meanwhile
//   Returns     what the log is; kinds sound and torn_tail lose nothing that was promised
//   Errors      io: the log could not be read, so nothing is known
//   Complexity  one pass, and another over what lies behind damage; memory as for log_reader
template <platform Platform, checksum_policy Checksum>
[[nodiscard]] result<log_diagnosis> verify_log(typename Platform::directory& in,
                                               const log_check_options& chosen = {}) {
    return detail::log_check<Platform, Checksum>{in, chosen}.run();
}

}  // namespace mantis
