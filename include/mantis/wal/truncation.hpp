// SPDX-License-Identifier: BSL-1.0
//
// Takes the end of a log back: for a replica whose log goes on with what its leader never had.
//
// Steps of truncate_log:
//   1. the segment in which `end` lies is verified up to it; a record must end there. Where it is
//      the last one, a crash may have torn the one before: that is verified to reach it
//   2. the segments behind it are removed, the last one first, each for certain before the next
//   3. what is kept and was perhaps never synced is, the segment before first; then it is cut
//
// A power failure leaves the whole log, or one that ends at `end` or at the end of some segment
// behind it; the same call again finishes.
//
// What a checkpoint covers must not be taken back, nor what somebody holds: `floor`. An archive
// that has taken a segment of which something is taken back keeps it: the log_keeper notices, and
// the archive answers already_exists until that segment is removed there.
//
// The superblock may promise that the log reaches further: recovery refuses the log then.
// recovery/database_truncation.hpp lowers the promise before.
//
// Threads: one at a time; nobody reads or writes the log.
#pragma once

#include "detail/segment_list.hpp"
#include "detail/segment_removal.hpp"
#include "detail/segment_walk.hpp"

namespace mantis {

struct log_truncation {
    lsn end;                              // for a writer that goes on,
    std::uint32_t previous_checksum = 0;  // with this
    std::uint64_t removed_segments = 0;
};

namespace detail {

inline error no_end_there(const char* doing, lsn end, lsn other) {
    return error{error_code::invalid_argument, doing}
        .with("lsn", end.value)
        .with("end_lsn", other.value);
}

//   Returns     which of the segments `end` lies in: behind its first byte
//   Errors      not_found
inline result<std::size_t> segment_of_end(const std::vector<lsn>& segments, lsn end) {
    std::size_t at = segments.size();
    while (at > 0 && segments[at - 1] >= end) --at;
    if (at > 0) return at - 1;
    return error{error_code::not_found, "truncating the log: it begins behind that position"}
        .with("lsn", end.value)
        .with("first_lsn", segments.empty() ? 0 : segments.front().value);
}

//   Effects     the segments from segments[from] on are gone
template <class Directory>
result<void> remove_last_first(Directory& in, const std::vector<lsn>& segments, std::size_t from) {
    for (std::size_t at = segments.size(); at-- > from;)
        if (auto removed = remove_segment(in, segments[at]).answer; !removed)
            return removed.error().within("truncating the log");
    return success();
}

// The segment before the one that `end` lies in, where it may not have been synced: before the
// last.
template <platform Platform, checksum_policy Checksum>
class segment_before_end {
public:
    using directory = typename Platform::directory;
    using walk = segment_walk<Platform, Checksum>;

    //   Requires    segments[at] is the one that `end` lies in, and has that header
    //   Errors      corrupt (it does not reach that one), mismatch, io
    static result<segment_before_end> open(directory& in, const std::vector<lsn>& segments,
                                           std::size_t at, const segment_header& header) {
        segment_before_end made{in};
        if (at == 0 || at + 1 != segments.size()) return made;
        const lsn first = segments[at - 1];
        made.name_ = segment_name(first);
        auto opened = walk::open(in, {.name = made.name_,
                                      .first = first,
                                      .database = header.database,
                                      .limit = header.first,
                                      .keeps_doubtful = true});
        if (!opened) return opened.error();
        log_record record;
        auto more = opened->next(record);
        while (more && *more) more = opened->next(record);
        if (!more) return more.error();
        if (round_up(opened->end().value, log_block_bytes) != header.first.value ||
            opened->previous_checksum() != header.previous_checksum)
            return error{error_code::corrupt,
                         "truncating the log: the segment before does not reach the one that is "
                         "cut"}
                .about(made.name_)
                .with("lsn", opened->end().value)
                .with("next_segment_lsn", header.first.value);
        made.walk_.emplace(*std::move(opened));
        return made;
    }

    //   Effects     its records are durable, and the names of the segments
    result<void> settle() {
        if (!walk_) return success();
        if (auto safe =
                write_again(*in_, name_, walk_->doubtful_offset(), walk_->doubtful_records());
            !safe)
            return safe;
        return in_->sync();
    }

private:
    explicit segment_before_end(directory& in) noexcept : in_{&in} {}

    directory* in_;
    bytes name_;
    std::optional<walk> walk_;
};

}  // namespace detail

//   Effects     the log ends at `end`; at first_lsn_of_log it is empty. Calls before(), a
//               result<void>, once nothing is left to refuse and before anything is changed
//   Requires    `end` is no less than what any checkpoint covers
//   Errors      invalid_argument (no record ends there, or it lies before `floor`), not_found (the
//               log begins behind it), corrupt, mismatch, those of before(): nothing was changed;
//               io: perhaps a part
template <platform Platform, checksum_policy Checksum, class Before>
[[nodiscard]] result<log_truncation> truncate_log(typename Platform::directory& in,
                                                  database_id database, lsn end, lsn floor,
                                                  Before&& before) {
    if (end < floor)
        return detail::no_end_there("truncating the log: what lies there is still needed", end,
                                    floor);
    auto segments = detail::list_segments(in);
    if (!segments) return segments.error();
    if (end == first_lsn_of_log && (segments->empty() || segments->front() == end)) {
        if (auto ready = before(); !ready) return ready.error();
        if (auto gone = detail::remove_last_first(in, *segments, 0); !gone) return gone.error();
        return log_truncation{end, 0, segments->size()};
    }
    const auto at = detail::segment_of_end(*segments, end);
    if (!at) return at.error();
    const lsn first = (*segments)[*at];
    const bytes name = segment_name(first);
    auto walk = detail::segment_walk<Platform, Checksum>::open(
        in, {.name = name, .first = first, .database = database, .keeps_doubtful = true});
    if (!walk) return walk.error();
    for (log_record record; walk->end() < end;) {
        auto more = walk->next(record);
        if (!more) return more.error();
        if (!*more) break;
    }
    if (walk->end() != end)
        return detail::no_end_there("truncating the log: no record ends there", end, walk->end())
            .about(name);
    auto left =
        detail::segment_before_end<Platform, Checksum>::open(in, *segments, *at, walk->header());
    if (!left) return left.error();
    if (auto ready = before(); !ready) return ready.error();
    const log_truncation done{end, walk->previous_checksum(), segments->size() - *at - 1};
    if (auto gone = detail::remove_last_first(in, *segments, *at + 1); !gone) return gone.error();
    if (auto safe = left->settle(); !safe) return safe.error().within("truncating the log");
    if (auto cut = detail::cut_segment(in, name, walk->offset_of(end), walk->doubtful_offset(),
                                       walk->doubtful_records());
        !cut)
        return cut.error().within("truncating the log");
    return done;
}

template <platform Platform, checksum_policy Checksum>
[[nodiscard]] result<log_truncation> truncate_log(typename Platform::directory& in,
                                                  database_id database, lsn end, lsn floor = {}) {
    return truncate_log<Platform, Checksum>(in, database, end, floor, [] { return success(); });
}

}  // namespace mantis
