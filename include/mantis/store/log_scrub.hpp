// SPDX-License-Identifier: BSL-1.0
//
// The log, for a scrubber: each segment's header and records, their chain and what lies between
// them. It goes on behind damage, so that every damaged range is told and not only the first.
//
//   segment   header | record record | damaged ... | record | zeros | record ... | limit
//                                     begin         end                            ^ next segment,
//                                                                                  or durable
//
//   1. how far the log is durable is asked first, then what segments there are: bytes before that
//      are never written again, so what a writer does meanwhile is not seen
//   2. a record has to fit by checksum, position, salt and chain; zeros up to the next block may
//      stand where one could begin, and at the end of a segment that another one follows
//   3. what does not fit is read a second time; if it fits then, nothing was damaged
//   4. a damaged range ends where the next record is whole, tried at every multiple of 8
//   5. what lies behind the last record in the last block of a segment is judged by the header of
//      the next one, as the reader does
//   6. what was found in a segment that is gone by then is not told
//
// Where nobody writes (scrub_reach::all), the log is read to the end of the last segment; what does
// not fit there is damage if the superblock or a later record says that it was durable, and else
// what a crash left. So it is at the end of the segment before the last, and then the last one is
// not looked at.
//
// Threads: as for scrub_source.
#pragma once

#include "scrubber.hpp"

#include "../wal/detail/last_turn.hpp"
#include "../wal/detail/record_shape.hpp"
#include "../wal/detail/segment_list.hpp"
#include "../wal/detail/segment_window.hpp"

namespace mantis {

// How much of the log there has to be.
struct scrub_reach {
    lsn begin = {};    // it must be there from here on; 0: from its first segment on
    lsn durable = {};  // and up to here
    bool all = false;  // and is read behind that, for nobody writes to it
};

namespace detail {

// One segment, as it is found.
template <platform Platform, checksum_policy Checksum>
class segment_scrub {
public:
    using directory = typename Platform::directory;
    using window = segment_window<Platform>;

    struct place {
        lsn first;
        lsn limit;              // its records end before; that of `all` when it is the last
        bool followed = false;  // by another segment at `limit`
        bool all = false;       // there is no limit but the end of the file
        database_id database;
    };
    // What the next segment has to continue.
    struct chain {
        bool known = false;
        std::uint32_t checksum = 0;
        lsn end = {};         // of the last record
        bytes file;           // in which it lies
        bool ragged = false;  // something lies behind it
    };

    segment_scrub(directory& in, const place& at, scrub_pass<Platform>& pass)
        : directory_{&in}, at_{at}, pass_{&pass}, name_{segment_name(at.first)} {}

    //   Effects     `before` is what the next segment has to continue
    //   Returns     false: stop
    bool run(chain& before, lsn proven) {
        proven_ = proven;
        const auto opened = look_at_all(before);
        if (!opened) {
            before.known = false;
            if (opened.error().code() != error_code::not_found) add_unreadable();
        }
        if (!stopped_) tell();
        return !stopped_;
    }

private:
    static constexpr std::size_t window_bytes = 64 * 1024;

    //   Errors      those of the files
    result<void> look_at_all(chain& before) {
        auto file = window::open(*directory_, name_, window_bytes);
        if (!file) return file.error();
        window_.emplace(std::move(*file));
        if (!at_.all) window_->limit(offset_of(at_.limit));
        pass_->add_file();
        chain_ = before;
        if (auto header = look_at_header(); !header) return header;
        position_ = end_of_records_ = at_.first;
        while (!stopped_ && !ended_ && (at_.all || position_ < at_.limit))
            if (auto one = step(); !one) return one;
        if (at_.all && end_of_records_ < proven_)
            add_range(end_of_records_, proven_, scrub_kind::missing);
        before = chain_;
        before.end = end_of_records_;
        before.file.assign(name_);
        return success();
    }

    [[nodiscard]] std::uint64_t offset_of(lsn position) const noexcept {
        return segment_header_bytes + position.value - at_.first.value;
    }

    result<bytes_view> read(std::uint64_t offset, std::uint64_t least) {
        const std::uint64_t before = window_->end();
        auto got = window_->read(offset, least);
        if (got && window_->end() > before && !pass_->spend(window_->end() - before))
            stopped_ = true;
        return got;
    }

    // --- header ---

    result<void> look_at_header() {
        auto raw = read(0, segment_header_bytes);
        if (!raw) return raw.error();
        auto header = decode_segment_header(*raw);
        if (!header || !belongs(*header)) {
            window_->forget(0);
            raw = read(0, segment_header_bytes);
            if (!raw) return raw.error();
            header = decode_segment_header(*raw);
        }
        if (!header || !belongs(*header)) {
            add({scrub_kind::damaged, bytes{name_}, 0, at_.first, at_.first, false});
            return success();
        }
        if (auto rest = look_at_unread(72, segment_header_bytes - 72); !rest) return rest;
        salt_ = header->salt;
        if (chain_.known && chain_.checksum != header->previous_checksum) add_lost_end();
        chain_.known = true;
        chain_.ragged = false;
        chain_.checksum = header->previous_checksum;
        return success();
    }
    [[nodiscard]] bool belongs(const segment_header& header) const noexcept {
        return header.database == at_.database && header.first == at_.first &&
               header.checksum_format == Checksum::format_id;
    }
    // The segment before ends with another record than this one continues: its last ones are gone.
    void add_lost_end() {
        lsn first;
        const bool named = parse_segment_name(chain_.file, first);
        if (!named)
            return add({scrub_kind::damaged, bytes{name_}, 44, at_.first, at_.first, false});
        add({chain_.ragged ? scrub_kind::damaged : scrub_kind::missing, chain_.file,
             segment_header_bytes + chain_.end.value - first.value, chain_.end, at_.first, false});
    }

    // --- records ---

    // A record, zeros up to the next block, or damage.
    result<void> step() {
        auto size = fitting(position_, chain_.known);
        if (size && *size == 0) {
            auto zeros = skip_zeros();
            if (!zeros) return zeros.error();
            if (*zeros || stopped_ || ended_) return success();
            window_->forget(offset_of(position_));
            size = fitting(position_, chain_.known);
            if (size && *size == 0) zeros = skip_zeros();
            if (!zeros || *zeros) return zeros ? success() : result<void>{zeros.error()};
        }
        if (!size) return size.error();
        if (stopped_) return success();
        if (*size == 0) return at_ragged_end() ? pass_ragged_end() : skip_damage();
        return take(*size);
    }

    //   Returns     how long the record there is, 0 if none fits
    result<std::uint64_t> fitting(lsn here, bool chained) {
        auto raw = read(offset_of(here), sizeof(log_record_header));
        if (!raw) return raw.error();
        if (raw->size() < sizeof(log_record_header)) return std::uint64_t{0};
        const log_record_header header = decode_record_header(*raw);
        const std::uint32_t salt = salt_ ? *salt_ : header.salt;
        const std::uint64_t left =
            at_.all ? window_->size() - offset_of(here) : at_.limit.value - here.value;
        if (header.lsn == 0 || !may_be_record(header, here, salt, left)) return std::uint64_t{0};
        if (chained && header.previous_checksum != chain_.checksum) return std::uint64_t{0};
        const std::uint64_t size = record_bytes(header.payload_bytes);
        auto whole = read(offset_of(here), size);
        if (!whole) return whole.error();
        const bool valid = examine_record<Checksum>(*whole, here, salt) == record_verdict::valid;
        return valid ? size : std::uint64_t{0};
    }

    //   Requires    a record of that size fits at position_
    result<void> take(std::uint64_t size) {
        const bytes_view raw = window_->held(offset_of(position_));
        const log_record_header header = decode_record_header(raw);
        const std::uint64_t used = sizeof header + header.payload_bytes;
        if (auto pad = look_at_unread(offset_of(position_) + used, size - used); !pad) return pad;
        salt_ = header.salt;
        if (header.durable > proven_.value) proven_ = {header.durable};
        chain_.known = true;
        chain_.checksum = static_cast<std::uint32_t>(header.checksum);
        position_.value += size;
        end_of_records_ = position_;
        pass_->add_record();
        return success();
    }

    // After a sync the log goes on at the next block. In a segment that is followed the last zeros
    // may have been trimmed off.
    result<bool> skip_zeros() {
        const std::uint64_t gap = round_up(position_.value, log_block_bytes) - position_.value;
        const lsn after{position_.value + gap};
        const bool last = at_.followed && after == at_.limit;
        if (gap == 0 || (!at_.all && !last && after >= at_.limit)) return false;
        auto rest = read(offset_of(position_), gap);
        if (!rest) return rest.error();
        if (rest->size() < gap && !last) return false;
        const bytes_view looked = rest->size() < gap ? *rest : rest->part(0, gap);
        if (first_not_zero(looked) < looked.size()) return false;
        position_ = after;
        return true;
    }

    //   Effects     position_ is at the next record that is whole, or at the end
    result<void> skip_damage() {
        lsn next{position_.value + log_record_alignment};
        const std::uint64_t stop = at_.all ? window_->size() : offset_of(at_.limit);
        for (; offset_of(next) < stop && !stopped_; next.value += log_record_alignment) {
            auto size = fitting(next, false);
            if (!size) return size.error();
            if (*size != 0) break;
        }
        if (stopped_) return success();
        chain_.known = false;
        if (at_.all && offset_of(next) >= stop) {
            ended_ = true;
            return success();
        }
        if (next > at_.limit && !at_.all) next = at_.limit;
        auto nothing = nothing_until(next);
        if (!nothing) return nothing.error();
        add_range(position_, next, *nothing ? scrub_kind::missing : scrub_kind::damaged);
        position_ = end_of_records_ = next;
        return success();
    }

    // Whether what lies between is zero, or not in the file: then nobody overwrote it, but it is
    // gone, and perhaps in a segment that is.
    result<bool> nothing_until(lsn end) {
        for (lsn at = position_; at < end; at.value += log_block_bytes) {
            const std::uint64_t left = end.value - at.value;
            const std::uint64_t most = left < log_block_bytes ? left : log_block_bytes;
            window_->forget(offset_of(at));
            auto raw = read(offset_of(at), most);
            if (!raw) return raw.error();
            const bytes_view looked =
                raw->size() < most ? *raw : raw->part(0, static_cast<std::size_t>(most));
            if (first_not_zero(looked) < looked.size()) return false;
            if (looked.size() < most || stopped_) return true;
        }
        return true;
    }

    // Bytes in the window that nobody reads.
    result<void> look_at_unread(std::uint64_t offset, std::uint64_t size) {
        const auto count = static_cast<std::size_t>(size);
        if (first_not_zero(window_->held(offset).first(count)) == count) return success();
        window_->forget(offset);
        auto anew = read(offset, size);
        if (!anew || anew->size() < count) return anew ? success() : result<void>{anew.error()};
        const std::size_t odd = first_not_zero(anew->first(count));
        if (odd < count) add({scrub_kind::harmless, bytes{name_}, offset + odd, {}, {}, false});
        return success();
    }

    // In the last block of a segment that is followed bytes prove nothing: a power failure may have
    // brought back what an earlier opening had cut. The header of the next segment decides, for it
    // names the checksum of the last record.
    [[nodiscard]] bool at_ragged_end() const noexcept {
        return at_.followed && position_.value % log_block_bytes != 0 &&
               round_up(position_.value, log_block_bytes) == at_.limit.value && chain_.known;
    }
    result<void> pass_ragged_end() {
        add({scrub_kind::harmless, bytes{name_}, offset_of(position_), {}, {}, false});
        chain_.ragged = true;
        position_ = at_.limit;
        return success();
    }

    [[nodiscard]] static std::size_t first_not_zero(bytes_view raw) noexcept {
        std::size_t at = 0;
        while (at < raw.size() && raw[at] == std::byte{0}) ++at;
        return at;
    }

    // --- findings ---

    void add(scrub_finding what) { found_.push_back(std::move(what)); }
    void add_range(lsn begin, lsn end, scrub_kind kind) {
        add({kind, bytes{name_}, offset_of(begin), begin, end, false});
    }
    void add_unreadable() {
        const lsn from = position_ < at_.first ? at_.first : position_;
        add({scrub_kind::unreadable, bytes{name_}, offset_of(from), from,
             at_.all || at_.limit < from ? from : at_.limit, false});
    }
    // A segment that was removed meanwhile, or used for something else, is no finding. Nor is what
    // a crash left at the end of the log.
    void tell() {
        if (found_.empty()) return;
        const auto there = directory_->exists(name_);
        if (there && !*there) return;
        for (scrub_finding& each : found_) {
            const bool range = each.end > each.begin;
            if (at_.all && range && each.begin >= proven_) continue;
            pass_->found(std::move(each));
        }
    }

    directory* directory_;
    place at_;
    scrub_pass<Platform>* pass_;
    bytes name_;
    std::optional<window> window_;
    std::optional<std::uint32_t> salt_;  // none: the header is damaged and no record was seen
    chain chain_;
    lsn position_;
    lsn end_of_records_;
    lsn proven_;
    std::vector<scrub_finding> found_;
    bool ended_ = false;
    bool stopped_ = false;
};

}  // namespace detail

template <platform Platform, checksum_policy Checksum>
class log_scrub {
public:
    using directory = typename Platform::directory;
    using reach_function = scrub_reach (*)(void* context);

    //   Requires    `in` and `context` outlive it; reach() answers at once
    log_scrub(directory& in, database_id database, reach_function reach, void* context) noexcept
        : directory_{&in}, database_{database}, reach_{reach}, context_{context} {}

    [[nodiscard]] scrub_source<Platform> source() noexcept { return {&scrub, this}; }

private:
    using segment = detail::segment_scrub<Platform, Checksum>;

    static void scrub(void* self, scrub_pass<Platform>& pass) {
        static_cast<log_scrub*>(self)->run(pass);
    }

    void run(scrub_pass<Platform>& pass) {
        const scrub_reach reach = reach_(context_);
        auto segments = detail::list_segments(*directory_);
        if (!segments) {
            pass.found({scrub_kind::unreadable, bytes{directory_->path()}, 0, {}, {}, false});
            return;
        }
        if (reach.all && detail::crashs_work_with_last<Platform, Checksum>(
                             *directory_, database_, *segments, reach.durable))
            segments->pop_back();
        lsn expected = reach.begin;
        typename segment::chain before;
        for (std::size_t i = 0; i < segments->size(); ++i) {
            const lsn first = (*segments)[i];
            if (!reach.all && first >= reach.durable) break;
            if (expected.value != 0 && first > expected) {
                add_missing(pass, expected, first);
                before.known = false;
            }
            const bool last = i + 1 == segments->size();
            typename segment::place at{first, reach.durable, false, reach.all && last, database_};
            if (!last && (reach.all || (*segments)[i + 1] <= reach.durable)) {
                at.limit = (*segments)[i + 1];
                at.followed = true;
            }
            if (!segment{*directory_, at, pass}.run(before, reach.durable)) return;
            expected = at.limit;
        }
        if (expected < reach.durable && (segments->empty() || !reach.all))
            add_missing(pass, expected, reach.durable);
    }

    // Unless it became one that need not be there any more.
    void add_missing(scrub_pass<Platform>& pass, lsn from, lsn to) {
        if (reach_(context_).begin > from) return;
        pass.found({scrub_kind::missing, segment_name(from), 0, from, to, false});
    }

    directory* directory_;
    database_id database_;
    reach_function reach_;
    void* context_;
};

}  // namespace mantis
