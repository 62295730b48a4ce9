// SPDX-License-Identifier: BSL-1.0
//
// Decides which segments of a log are still needed, has the complete ones archived, and removes the
// rest from the front.
//
//   log_keeper<posix, crc32c> keeper{posix{}, directory, database, {.archive = hook}};
//   auto replica = keeper.hold("replica", position);
//   keeper.archive(writer.durable());
//   keeper.remove_unneeded(checkpoint, writer.durable());
//
//   segments  | gone | archived, kept  | sealed, kept, not archived | written |
//             0      oldest            archived                             durable
//
// What keeps a segment, asked in this order; the first that does is log_keeper_stats::kept_by:
//   being_written   it is the last one, or not all of it is durable, or nothing behind it is: then
//                   a power failure may take the next one, and leave no log at all
//   checkpoint      it ends behind what the checkpoint covers
//   not_archived    there is an archive, and it has not taken it
//   keep_bytes      it reaches into the last so many bytes
//   keep_for        its last commit is younger than that
//   hold            somebody holds what lies in it
//
// A checkpoint or a hold at p needs the segment in which p lies: what a reader is opened from.
//
// Invariants:
//   1. the log has no hole at any moment, whatever fails: segments go from the front, each for
//      certain before the next
//   2. no segment is removed that one of the rules above keeps; the last one never
//   3. a segment is archived before all behind it, and after the archive took it the mark says so
//   4. once a sync of the directory failed nothing is removed any more
//
// Threads: any number at once. archive() and remove_unneeded() wait for each other, hold() and
// stats() for neither.
#pragma once

#include "archive.hpp"
#include "archive_mark.hpp"
#include "detail/segment_removal.hpp"
#include "log_hold.hpp"

#include "../core/backoff.hpp"
#include "../core/event.hpp"
#include "../platform/atomic_replace.hpp"

namespace mantis {

struct log_keeper_options {
    // Takes each complete segment; nothing is removed that it has not. None: there is no archive.
    archive_hook archive = {};
    // So much of the end of the log stays, needed or not. Larger: a replica may fall further behind
    // before it has to begin anew; and more disk.
    std::uint64_t keep_bytes = 0;
    // A segment stays so long after its last commit, to go back to a point in time. By the stamps
    // in it; one without any counts from when it was first seen to be complete.
    nanoseconds keep_for = {};
    // A hold that keeps more than this is told as an event. 0: never.
    std::uint64_t held_bytes = 0;
    // How often, and after which pauses, a segment that the archive refused is offered again.
    backoff_options again = {};
    event_sink events = {};  // segment_archived, archive_failed, segments_removed, log_held
};

enum class kept_by : std::uint8_t {
    being_written,
    checkpoint,
    not_archived,
    keep_bytes,
    keep_for,
    hold,
};

[[nodiscard]] constexpr const char* name_of(kept_by why) noexcept {
    constexpr const char* names[] = {"being_written", "checkpoint", "not_archived",
                                     "keep_bytes",    "keep_for",   "hold"};
    return names[static_cast<std::size_t>(why)];
}

struct log_keeper_stats {
    lsn oldest;                            // the log begins here; 0: nothing was looked at yet
    lsn archived;                          // everything before it is in the archive
    std::uint64_t segments = 0;            // there, at the last look
    std::uint64_t log_bytes = 0;           // from `oldest` to the last known end
    kept_by why = kept_by::being_written;  // the oldest one
    std::uint64_t archived_segments = 0;   // by this keeper
    std::uint64_t archive_failures = 0;    // offers that the archive refused
    std::uint64_t removed_segments = 0;
    std::uint64_t removed_bytes = 0;  // of log
    std::vector<log_hold_info> holds;
};

template <platform Platform, checksum_policy Checksum>
class log_keeper {
public:
    using directory = typename Platform::directory;
    using hold_type = log_hold<Platform>;

    //   Requires    `in`, and what the options name, outlive the keeper; there is one keeper for a
    //               directory
    log_keeper(Platform world, directory& in, database_id database, log_keeper_options options = {})
        : platform_{std::move(world)}, directory_{&in}, database_{database}, options_{options} {}
    log_keeper(const log_keeper&) = delete;
    log_keeper& operator=(const log_keeper&) = delete;

    // Keeps the log from `from` on until the hold ends.
    //   Errors      not_found: some of that is gone, or about to go; io
    [[nodiscard]] result<hold_type> hold(bytes_view name, lsn from) {
        auto made = holds_.add(name, from);
        if (!made) return made;
        // Now nothing goes any more; what went earlier, the directory tells.
        auto segments = detail::list_segments(*directory_);
        if (!segments) return segments.error();
        if (segments->empty() || segments->front() <= from) return made;
        return error{error_code::not_found, "holding the log: it begins behind that position"}
            .about(name)
            .with("lsn", from.value)
            .with("first_lsn", segments->front().value);
    }

    // Offers every sealed segment to the archive that it has not yet, oldest first.
    //   Requires    everything before `durable` is synced: log_writer::durable()
    //   Returns     whether a segment is complete that is not yet durable: come again
    //   Errors      the archive's, after the pauses; io, corrupt (the segment is damaged). What was
    //               not taken is kept
    [[nodiscard]] result<bool> archive(lsn durable) {
        const lock_guard<mutex> working{working_};
        auto segments = look(durable);
        if (!segments) return segments.error();
        std::size_t at = 0;
        for (; sealed(*segments, at, durable); ++at) {
            const lsn next = (*segments)[at + 1];
            if (!options_.archive || next <= archived_) continue;
            if (auto taken = archive_patiently((*segments)[at], next); !taken) return taken.error();
        }
        return at + 1 < segments->size();
    }

    // Removes the sealed segments from the front that nothing keeps.
    //   Requires    the state of the database without the log before `checkpoint` is durable; as
    //               for archive()
    //   Returns     how many
    //   Errors      io; what was removed stays so
    [[nodiscard]] result<std::uint64_t> remove_unneeded(lsn checkpoint, lsn durable) {
        const lock_guard<mutex> working{working_};
        if (failed_) return *failed_;
        auto segments = look(durable);
        if (!segments) return segments.error();
        std::uint64_t removed = 0;
        result<void> done = success();
        kept_by why = kept_by::being_written;
        while (done && sealed(*segments, removed, durable)) {
            const lsn first = (*segments)[removed];
            const lsn next = (*segments)[removed + 1];
            if (const auto keeps = keeps_segment(first, next, checkpoint, durable)) {
                why = *keeps;
                break;
            }
            done = remove(first);
            if (done) ++removed;
        }
        note_removed(*segments, removed, why);
        tell_held(durable);
        if (!done) return done.error().within("removing a segment of the log");
        return removed;
    }

    // A sync of the directory failed: which names survive a power failure is not known, to nobody
    // who uses the directory. Nothing is removed any more.
    [[nodiscard]] std::optional<error> names_lost() const {
        const lock_guard<mutex> working{working_};
        return failed_;
    }
    [[nodiscard]] bytes_view path() const noexcept { return directory_->path(); }
    [[nodiscard]] log_keeper_stats stats() const {
        log_keeper_stats now;
        {
            const lock_guard<mutex> hold{mutex_};
            now = stats_;
        }
        now.holds = holds_.list();
        return now;
    }

private:
    using mutex = typename Platform::mutex;
    struct seen_segment {
        lsn first;
        nanoseconds time;
    };

    //   Requires    working_
    //   Returns     the segments that are there
    result<std::vector<lsn>> look(lsn durable) {
        auto segments = detail::list_segments(*directory_);
        if (!segments) return segments;
        if (options_.archive && !learned_) {
            if (auto known = learn_archived(*segments); !known) return known.error();
            learned_ = true;
        }
        const lsn oldest = segments->empty() ? lsn{} : segments->front();
        const lock_guard<mutex> hold{mutex_};
        stats_.oldest = oldest;
        stats_.segments = segments->size();
        stats_.log_bytes = durable > oldest ? durable.value - oldest.value : 0;
        stats_.archived = archived_;
        return segments;
    }

    //   Returns     whether that one is complete, and all of it synced
    [[nodiscard]] static bool sealed(const std::vector<lsn>& segments, std::size_t at,
                                     lsn durable) noexcept {
        // The last record ends in the block before the next segment, and a sync goes on at the next
        // block.
        return at + 1 < segments.size() &&
               round_up(durable.value, log_block_bytes) >= segments[at + 1].value;
    }

    // --- archive ---

    // A mark that does not fit this log counts as none.
    result<void> learn_archived(const std::vector<lsn>& segments) {
        auto raw = read_file(*directory_, archive_mark_name, 64 * KiB);
        if (!raw)
            return raw.error().code() == error_code::not_found ? success()
                                                               : result<void>{raw.error()};
        const auto mark = decode_archive_mark(*raw);
        if (!mark || mark->database != database_) return success();
        for (const lsn first : segments) {
            if (first != mark->archived) continue;
            auto file = directory_->open(segment_name(first), file_mode::read);
            if (!file) return file.error();
            bytes block = bytes::zeros(segment_header_bytes);
            auto got = file->read(0, block.data(), block.size());
            if (!got) return got.error();
            const auto header = decode_segment_header(block.view().first(*got));
            if (header && header->database == database_ && header->first == first &&
                header->previous_checksum == mark->previous_checksum)
                archived_ = first;
        }
        return success();
    }

    result<void> archive_patiently(lsn first, lsn next) {
        auto taken = archive_one(first, next);
        if (!taken) {
            backoff pauses{options_.again, platform_.random()};
            std::uint64_t attempts = 1;
            for (; !taken && pauses.left(); ++attempts) {
                platform_.sleep(pauses.next());
                taken = archive_one(first, next);
            }
            if (!taken) {
                options_.events(
                    event{event_code::archive_failed}
                        .about(segment_name(first))
                        .with("lsn", first.value)
                        .with("attempts", attempts)
                        .with("error", static_cast<std::uint64_t>(taken.error().code())));
                return taken.error().within("archiving a segment of the log");
            }
        }
        archived_ = next;
        {
            const lock_guard<mutex> hold{mutex_};
            stats_.archived = next;
            ++stats_.archived_segments;
        }
        options_.events(event{event_code::segment_archived}
                            .about(segment_name(first))
                            .with("lsn", first.value)
                            .with("next_lsn", next.value));
        return success();
    }

    //   Effects     the archive has it, and the mark says so
    result<void> archive_one(lsn first, lsn next) {
        auto taken = offer(first, next);
        if (taken) return taken;
        const lock_guard<mutex> hold{mutex_};
        ++stats_.archive_failures;
        return taken;
    }
    result<void> offer(lsn first, lsn next) {
        auto extent =
            detail::measure_sealed_segment<Platform, Checksum>(*directory_, first, next, database_);
        if (!extent) return extent.error();
        const bytes name = segment_name(first);
        auto file = directory_->open(name, file_mode::read);
        if (!file) return file.error();
        if (auto taken = options_.archive(sealed_segment{*file, name, *extent}); !taken)
            return taken;
        auto marked =
            atomic_replace(*directory_, archive_mark_name,
                           encode_archive_mark({database_, next, extent->previous_checksum}));
        if (!marked && marked.error().number("names_unsynced") != nullptr) failed_ = marked.error();
        return marked;
    }

    // --- retention ---

    //   Returns     what keeps it; nothing: it may go, and nobody can hold it any more
    std::optional<kept_by> keeps_segment(lsn first, lsn next, lsn checkpoint, lsn durable) {
        if (next >= durable) return kept_by::being_written;
        if (next > checkpoint) return kept_by::checkpoint;
        if (options_.archive && next > archived_) return kept_by::not_archived;
        if (next.value + options_.keep_bytes > durable.value && options_.keep_bytes != 0)
            return kept_by::keep_bytes;
        if (options_.keep_for.count > 0 &&
            platform_.wall_time() - time_of(first, next) < options_.keep_for)
            return kept_by::keep_for;
        if (!holds_.give_up(next)) return kept_by::hold;
        return std::nullopt;
    }

    // When its last commit was made, or it was first seen.
    nanoseconds time_of(lsn first, lsn next) {
        for (const seen_segment& each : seen_)
            if (each.first == first) return each.time;
        const auto extent =
            detail::measure_sealed_segment<Platform, Checksum>(*directory_, first, next, database_);
        const bool stamped = extent && extent->last_stamp.count != 0;
        seen_.push_back({first, stamped ? extent->last_stamp : platform_.wall_time()});
        return seen_.back().time;
    }

    result<void> remove(lsn first) {
        auto removed = detail::remove_segment(*directory_, first);
        if (removed.how == detail::segment_removal::unknown)
            failed_ = removed.answer.error().with("names_unsynced", 1);
        for (std::size_t at = 0; at < seen_.size(); ++at)
            if (seen_[at].first == first) {
                seen_.erase(seen_.begin() + static_cast<std::ptrdiff_t>(at));
                break;
            }
        return removed.answer;
    }

    //   Requires    the first `removed` of `segments` are gone
    void note_removed(const std::vector<lsn>& segments, std::size_t removed, kept_by why) {
        std::uint64_t gone = 0;
        lsn oldest;
        if (removed > 0) {
            oldest = segments[removed];
            gone = oldest.value - segments.front().value;
        }
        {
            const lock_guard<mutex> hold{mutex_};
            stats_.why = why;
            stats_.removed_segments += removed;
            stats_.removed_bytes += gone;
            stats_.segments -= removed;
            stats_.log_bytes -= gone < stats_.log_bytes ? gone : stats_.log_bytes;
            if (removed > 0) stats_.oldest = oldest;
        }
        if (removed > 0)
            options_.events(event{event_code::segments_removed}
                                .about(directory_->path())
                                .with("count", removed)
                                .with("bytes", gone)
                                .with("lsn", oldest.value));
    }

    // Each hold is told once, until it no longer keeps too much.
    void tell_held(lsn durable) {
        if (options_.held_bytes == 0) return;
        std::vector<bytes> held;
        for (const log_hold_info& each : holds_.list()) {
            const std::uint64_t kept =
                durable > each.from ? durable.value - each.from.value : std::uint64_t{0};
            if (kept <= options_.held_bytes) continue;
            bool known = false;
            for (const bytes& told : told_held_) known = known || told.view() == each.name.view();
            if (!known)
                options_.events(event{event_code::log_held}
                                    .about(each.name)
                                    .with("bytes", kept)
                                    .with("limit", options_.held_bytes)
                                    .with("lsn", each.from.value));
            held.push_back(each.name);
        }
        told_held_.swap(held);
    }

    Platform platform_;
    directory* directory_;
    database_id database_;
    log_keeper_options options_;
    log_holds<Platform> holds_;

    mutable mutex working_;  // protects all below but stats_; held over I/O
    bool learned_ = false;
    lsn archived_;
    std::optional<error> failed_;  // a sync of the directory
    std::vector<seen_segment> seen_;
    std::vector<bytes> told_held_;

    mutable mutex mutex_;  // protects stats_
    log_keeper_stats stats_;
};

}  // namespace mantis
