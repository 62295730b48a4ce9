// SPDX-License-Identifier: BSL-1.0
//
// What may differ from one run to the next. What shapes bytes on disk or code is a policy instead
// (store/policies.hpp).
#pragma once

#include "../core/event.hpp"
#include "../core/units.hpp"
#include "../platform/retrying.hpp"
#include "../recovery/plan.hpp"
#include "../wal/archive.hpp"

namespace mantis {

// A limit of free space that goes by segment_bytes.
inline constexpr std::uint64_t usual_space_limit = ~std::uint64_t{0};

struct store_options {
    // A missing directory or database is made; if false, opening it is not_found.
    bool create_if_missing = true;
    // Nothing on disk is changed and every commit answers read_only. A torn tail is reported and
    // left.
    bool read_only = false;
    // Bytes the tables may take; a commit that would go beyond answers out_of_memory and changes
    // nothing. 0: no limit.
    std::size_t memory_bytes = 0;
    // From so many percent of memory_bytes on caches give memory back, and an event says so. Lower:
    // more room for what comes suddenly; higher: more cached. 0 and 100: only the limit counts.
    unsigned memory_soft_percent = 90;
    // Memory for the pages of all tables in pages (store/paged_btree.hpp), not counted above.
    // Larger: fewer reads and writes of the disk. At least 16 pages. What is known of pages on the
    // disk, about 50 bytes of each, is counted in it only up to a 32nd.
    std::size_t page_memory_bytes = 64 * MiB;
    // A file for pages has so many bytes, once there are many. Larger: fewer files; smaller: less
    // is moved at once to give space back.
    std::uint32_t page_segment_bytes = 16 * MiB;
    // A new log file after so many bytes. Larger: fewer files and pauses; smaller: less space
    // reserved ahead.
    std::uint64_t segment_bytes = 16 * MiB;
    // A log file in which records lie for longer is ended, after twice as long at the latest, for
    // those who take whole files away. Shorter: they have them sooner, in more files. 0: only by
    // size.
    nanoseconds segment_period = {};
    // Records of commits that do not wait to be durable go into a mapping of the log where the file
    // system allows for it: several times as fast, and on a disk that disappears the process may
    // end with SIGBUS in the place of an error (docs/log.md). false: by calls of the system.
    bool map_log = true;
    // With less free space on the disk a commit that puts answers no_space and changes nothing;
    // what is left is for erases, drops and the log's next segment. Looked at once a segment.
    // Larger: more can be erased on a disk that others fill; smaller: more of the disk is used.
    // Usual: two segments. 0: the disk itself says when it is full.
    std::uint64_t space_hard_bytes = usual_space_limit;
    // With less free space an event says so. Usual: four segments. 0: none.
    std::uint64_t space_soft_bytes = usual_space_limit;
    // What a power failure can cost of commits of the periodic class: those of so long a time, and
    // so many bytes of log, whichever is less. Syncs begin at half of either and may take the other
    // half; store_stats::window tells where that was not enough. Smaller: more syncs; sync_bytes =
    // 0: no bound by bytes.
    nanoseconds sync_period = milliseconds(100);
    std::uint64_t sync_bytes = 16 * MiB;
    // A read, list or open of a file that fails for a passing reason is made again after pauses: up
    // to five times in all, over 85 ms. More: a longer hiccup of the disk is not seen; less: a disk
    // that is gone is told sooner. attempts = 1: nothing is made again. Syncs never are.
    backoff_options read_again = {};
    // After 16 such failures in a row no file of the directory is read, listed or opened to read
    // for 100 ms, and after a probe that failed for twice as long, up to 10 s: calls fail at once
    // meanwhile. Writes and syncs go on. failures = 0: every call tries for itself.
    breaker_options breaker = {};
    // A commit waits for so long at most, before it takes anything, so that writers do not outrun
    // what the background does for them (docs/pages.md#when-writers-wait). Larger: a slower disk is
    // bridged without a standstill; smaller: no commit is late by more than that, and writers may
    // have to wait for the disk itself. {}: none is ever delayed.
    nanoseconds write_delay_limit = milliseconds(5);
    // A checkpoint is made in the background once so much log was written since the last one, and
    // as much as its image has: log and images together take about three times the size of the
    // tables, or of this. Larger: openings take longer; smaller: more is written. 0: not by bytes.
    std::uint64_t checkpoint_log_bytes = 64 * MiB;
    // And once so many puts and erases were committed, or it is so long ago, or an opening would
    // take about so long. 0: not because of it.
    std::uint64_t checkpoint_operations = 0;
    nanoseconds checkpoint_period = {};
    nanoseconds checkpoint_replay_time = {};
    // And once files of pages take more than twice what lives in them, or a table of many rows in
    // pages was dropped: it gives space back. false: the others do, when they are made.
    bool checkpoint_for_space = true;
    // One that is due when the store was opened is made before open() returns, so that a program
    // that crashes again and again does not replay more each time.
    bool checkpoint_in_opening = false;
    // Closing makes one, so that the next opening redoes nothing.
    bool checkpoint_at_close = false;
    // What a power failure may take at most, and how long an opening may take: looked at ten times
    // a second, told by store_stats::objectives and by events. The second one also makes
    // checkpoints, at half of it, unless checkpoint_replay_time says when. {}: no objective.
    nanoseconds recovery_point_objective = {};
    nanoseconds recovery_time_objective = {};
    // Segments of the log stay when a checkpoint has made them superfluous: for earlier moments,
    // and for who reads the log. Disk usage then grows with everything ever written.
    bool keep_log = false;
    // Opens the state of an earlier moment: after the last commit that ends at or before this
    // position (commit_info::position), or is stamped no later than this time (since 1970). The
    // store is read-only then, and what came after stays in the log. {}: all of the log.
    lsn stop_at = {};
    nanoseconds stop_at_time = {};
    // A database that cannot be recovered opens read-only all the same, and holds what lies before
    // the damage; recovery().damage says what that is. false: opening is an error, and nothing is
    // shown.
    bool safe_mode = false;
    // Threads that fill the tables, beside the one that reads the log. More help where there are
    // several tables and the log is long, and where pages have to be read; each takes about 200 KiB
    // and the values that are on their way to it. 0: one, or eight with tables in pages and 4 MiB
    // for them.
    unsigned recovery_threads = 0;
    // What is verified before the store opens, beyond the checksums of the log; full walks every
    // table.
    recovery_check recovery_verification = recovery_check::quick;
    // Takes each segment of the log that is complete, in a thread of the store (wal/archive.hpp);
    // what it has not taken stays. None: nothing is archived.
    archive_hook archive = {};
    // So much of the end of the log stays even where a checkpoint covers it, and every segment so
    // long after its last commit. Larger: replicas may be further behind, and recovery can go back
    // further; and more disk.
    std::uint64_t keep_log_bytes = 0;
    nanoseconds keep_log_for = {};
    // A hold (store::hold_log) that keeps more of the log than this is told as an event. 0: never.
    std::uint64_t log_held_bytes = 0;
    // All files are read again and again in the background, so many bytes of them a second, and
    // what is damaged is told, and repaired where that is possible (store/scrubber.hpp). Larger:
    // rot is found earlier; smaller: commits and reads share the disk with less. 0: only scrub()
    // does it.
    std::uint64_t scrub_bytes_per_second = 0;
    // From the end of one round to the begin of the next; the first begins when the store is open.
    nanoseconds scrub_period = seconds(86'400);
    // Told what happens besides answers (core/event.hpp; docs/errors.md#events).
    event_listener events = {};
    // Called when a phase of recovery begins, and in it about once per thousand records.
    recovery_listener on_recovery = nullptr;
    void* on_recovery_context = nullptr;

    // Whether nothing on disk may be changed.
    [[nodiscard]] constexpr bool only_reads() const noexcept {
        return read_only || stop_at != lsn{} || stop_at_time != nanoseconds{};
    }
};

}  // namespace mantis
