// SPDX-License-Identifier: BSL-1.0
//
// Reads the records of a log that can be read, whatever lies between them, and says what cannot.
//
// A record proves itself by its checksum and by the position that it carries, so the next one is
// found by trying every multiple of 8. A segment whose header is lost is read as well, by its name
// and by the salt that its records carry.
//
// Threads: one at a time.
#pragma once

#include "../../wal/detail/last_turn.hpp"

#include "../../platform/platform.hpp"

#include <optional>
#include <vector>

namespace mantis {

// Bytes of the log that held something once and are not to be had: [from, to).
struct lost_range {
    bytes segment;  // it begins in it, or a segment after it is missing; empty if none is before it
    lsn from;
    lsn to;
};

namespace detail {

template <platform Platform, checksum_policy Checksum>
class salvage_scanner {
public:
    using directory = typename Platform::directory;

    // From `begin` on; segments that end before it may be gone, and are read where they are there.
    // What a crash left, behind a place up to which the log was not `promised`, is not read.
    //   Errors      io: the names of the segments cannot be read
    static result<salvage_scanner> open(directory& in, database_id database, lsn begin = {},
                                        lsn promised = {}) {
        salvage_scanner made{in, database};
        auto names = in.list();
        if (!names) return names.error();
        for (const bytes& name : *names)
            if (lsn first; parse_segment_name(name, first)) made.segments_.push_back(first);
        made.cut_bytes_ =
            crashs_work_with_last<Platform, Checksum>(in, database, made.segments_, promised);
        if (made.cut_bytes_) made.segments_.pop_back();
        if (begin == lsn{}) return made;
        made.chain_.reset();
        const bool there = !made.segments_.empty() && made.segments_.front() < begin;
        made.expected_ = there ? made.segments_.front() : begin;
        return made;
    }

    //   Effects     adds what was passed over to lost()
    //   Returns     the next record, its payload valid until the next call; none at the end
    [[nodiscard]] std::optional<log_record> next() {
        while (true) {
            if (loaded_)
                if (auto found = next_in_segment()) return found;
            if (at_segment_ == segments_.size()) return std::nullopt;
            load();
        }
    }

    // In order; those before the record that next() returned last, and no others.
    [[nodiscard]] const std::vector<lost_range>& lost() const noexcept { return lost_; }
    [[nodiscard]] lost_range range(lsn from, lsn to) const {
        lost_range made{{}, from, to};
        for (const lsn first : segments_)
            if (first.value <= round_up(from.value, log_block_bytes))
                made.segment = segment_name(first);
        return made;
    }
    // Once next() returned none: where the last record ends, ...
    [[nodiscard]] lsn end() const noexcept { return expected_; }
    // ... how far some record, read or not, is known to have been synced, ...
    [[nodiscard]] lsn durable() const noexcept { return durable_; }
    // ... and how many bytes follow it that are neither record nor zero.
    [[nodiscard]] std::uint64_t tail_bytes() const noexcept {
        return cut_bytes_.value_or(tail_bytes_);
    }

private:
    salvage_scanner(directory& in, database_id database) noexcept
        : directory_{&in}, database_{database} {}

    [[nodiscard]] lsn position_of(std::size_t offset) const noexcept {
        return {first_.value + offset - segment_header_bytes};
    }

    // The next segment, or nothing if it cannot be read or is foreign: what it held is then found
    // to be missing by whatever follows.
    void load() {
        first_ = segments_[at_segment_++];
        name_ = segment_name(first_);
        loaded_ = false;
        if (first_ < expected_) return;
        if (!read_whole()) return pass_over();
        auto header = decode_segment_header(raw_);
        if (header && (header->database != database_ || header->first != first_ ||
                       header->checksum_format != Checksum::format_id))
            return pass_over();
        salt_.reset();
        if (header) salt_ = header->salt;
        // What the segment before held to its end, and what it should hold.
        const bool follows =
            round_up(expected_.value, log_block_bytes) == first_.value &&
            (header ? !chain_ || header->previous_checksum == *chain_ : tail_bytes_ == 0);
        if (!follows) {
            lost_.push_back(range(expected_, first_));
            expected_ = first_;
            chain_.reset();
        }
        if (header) chain_ = header->previous_checksum;
        offset_ = segment_header_bytes;
        loaded_ = raw_.size() > segment_header_bytes;
    }
    // What it held is at least one byte.
    void pass_over() noexcept {
        if (first_ >= durable_) durable_ = {first_.value + 1};
    }
    bool read_whole() {
        auto file = directory_->open(name_, file_mode::read);
        if (!file) return false;
        auto size = file->size();
        if (!size) return false;
        raw_.clear();
        raw_.resize(static_cast<std::size_t>(*size));
        auto got = file->read(0, raw_.data(), raw_.size());
        if (!got) return read_pieces(*file);
        raw_.resize(*got);
        return true;
    }
    // Block by block: one that cannot be read is as if it was zero, and something was there.
    template <class File>
    bool read_pieces(File& file) {
        bool any = false;
        for (std::size_t at = 0; at < raw_.size(); at += log_block_bytes) {
            const std::size_t left = raw_.size() - at;
            const std::size_t count = left < log_block_bytes ? left : log_block_bytes;
            const auto got = file.read(at, raw_.data() + at, count);
            any = any || got.has_value();
            if (got) continue;
            std::memset(raw_.data() + at, 0, count);
            if (at < segment_header_bytes) continue;
            const lsn behind{position_of(at).value + 1};
            if (behind > durable_) durable_ = behind;
        }
        return any;
    }

    std::optional<log_record> next_in_segment() {
        std::size_t at = offset_;
        while (at + sizeof(log_record_header) <= raw_.size() && !valid(at))
            at += log_record_alignment;
        if (at + sizeof(log_record_header) > raw_.size()) {
            loaded_ = false;
            tail_bytes_ = used_from(offset_);
            return std::nullopt;
        }
        const lsn position = position_of(at);
        const bool adjacent =
            round_up(expected_.value, log_block_bytes) == position.value || expected_ == position;
        const auto before = load_le<std::uint32_t>(raw_.data() + at + 40);
        if (!adjacent || (chain_ && before != *chain_)) lost_.push_back(range(expected_, position));
        return take(at);
    }
    [[nodiscard]] bool valid(std::size_t at) const noexcept {
        const bytes_view rest = bytes_view{raw_}.from(at);
        const lsn position = position_of(at);
        if (load_le<std::uint64_t>(rest.data() + 8) != position.value) return false;
        if (at_segment_ < segments_.size() && position >= segments_[at_segment_]) return false;
        const std::uint32_t salt = salt_ ? *salt_ : decode_record_header(rest).salt;
        return examine_record<Checksum>(rest, position, salt) == record_verdict::valid;
    }
    log_record take(std::size_t at) noexcept {
        const bytes_view rest = bytes_view{raw_}.from(at);
        const log_record_header header = decode_record_header(rest);
        log_record record;
        record.position = position_of(at);
        record.end = {record.position.value + record_bytes(header.payload_bytes)};
        record.transaction = {header.transaction};
        record.durable = {header.durable};
        record.kind = static_cast<record_kind>(header.kind);
        record.payload = rest.part(sizeof header, header.payload_bytes);
        offset_ = at + static_cast<std::size_t>(record_bytes(header.payload_bytes));
        expected_ = record.end;
        chain_ = static_cast<std::uint32_t>(header.checksum);
        tail_bytes_ = 0;
        if (record.durable > durable_) durable_ = record.durable;
        return record;
    }
    [[nodiscard]] std::uint64_t used_from(std::size_t from) const noexcept {
        std::size_t used = from;
        for (std::size_t at = from; at < raw_.size(); ++at)
            if (raw_[at] != std::byte{0}) used = at + 1;
        return used - from;
    }

    directory* directory_;
    database_id database_;
    std::vector<lsn> segments_;
    std::size_t at_segment_ = 0;
    bool loaded_ = false;
    lsn first_;
    bytes name_;
    bytes raw_;
    std::optional<std::uint32_t> salt_;
    std::size_t offset_ = 0;
    lsn expected_ = first_lsn_of_log;
    std::optional<std::uint32_t> chain_ = 0;  // low half of the last checksum; none: not known
    lsn durable_;
    std::uint64_t tail_bytes_ = 0;            // of the segment that was read last
    std::optional<std::uint64_t> cut_bytes_;  // where the last one is not read at all
    std::vector<lost_range> lost_;
};

}  // namespace detail

}  // namespace mantis
