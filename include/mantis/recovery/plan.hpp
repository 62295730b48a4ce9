// SPDX-License-Identifier: BSL-1.0
//
// What a recovery is asked for, what it found, what it means to do, and how far it is.
//
// Phases, in order:
//   load       the image of the last checkpoint, where a store has one; the engine begins behind it
//   detect     whose log it is and how much there is of it
//   analyse    every record is read and verified and nothing is touched; the plan is complete
//   redo       the operations of the transactions that the plan keeps
//   verify     as much as was asked for
//   repair     the torn tail is cut, what no sync is known to have reached is synced
//   open       done
//
// Only `repair` touches the log, and only by taking away what no reader hands out and by syncing
// what it does: so a crash in any phase, any number of times, leaves the same plan to find.
#pragma once

#include "../core/ids.hpp"
#include "../core/result.hpp"
#include "../core/units.hpp"

#include <optional>

namespace mantis {

enum class recovery_phase : std::uint8_t { load, detect, analyse, redo, verify, repair, open };

[[nodiscard]] constexpr const char* name_of(recovery_phase phase) noexcept {
    switch (phase) {
        case recovery_phase::load: return "load";
        case recovery_phase::detect: return "detect";
        case recovery_phase::analyse: return "analyse";
        case recovery_phase::redo: return "redo";
        case recovery_phase::verify: return "verify";
        case recovery_phase::repair: return "repair";
        case recovery_phase::open: return "open";
    }
    return "unknown";
}

enum class log_condition : std::uint8_t {
    clean,    // it ends where it was last known to end; a crash before the first commit is no other
    crashed,  // it goes on beyond, or ends in what a crash left behind
    damaged,  // what was durable is missing or cannot be read
};

[[nodiscard]] constexpr const char* name_of(log_condition condition) noexcept {
    switch (condition) {
        case log_condition::clean: return "clean";
        case log_condition::crashed: return "crashed";
        case log_condition::damaged: return "damaged";
    }
    return "unknown";
}

enum class recovery_check : std::uint8_t {
    none,   // the log's own checksums, which are always verified
    quick,  // and redo met what analyse had counted
    full,   // and every target's verify()
};

struct recovery_progress {
    std::uint64_t records = 0;  // in this phase, as is all else; of an image, blocks
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;  // of all segments, their reserve included
    recovery_phase phase = recovery_phase::detect;
};

// Told when a phase begins and about once per thousand records; a plain function, so that nobody
// pays for it.
using recovery_listener = void (*)(void* context, const recovery_progress& progress);

// Where a log is redone from, and what is known of the log before.
struct recovery_start {
    lsn begin;  // {}: from its first record
    transaction_id last_transaction;
    nanoseconds last_time;
};

struct recovery_options {
    recovery_listener listener = nullptr;
    void* listener_context = nullptr;
    // What the superblock promises: a log that ends earlier has lost something. {}: no promise.
    lsn log_reaches;
    // The log before start.begin is neither read nor verified and may be gone: the targets have it.
    recovery_start start;
    // Nothing on disk is changed: a torn tail is reported and left.
    bool read_only = false;
    // The state after the last commit that ends at or before this position, or, for the time, that
    // is stamped so early. {}: all of them. What comes after stays in the log and nothing on disk
    // is changed. Damage behind that place is told by the plan and is no error.
    lsn stop_at;
    nanoseconds stop_at_time;
    // Threads that redo, beside the one that reads: 1 is for the reader to do it alone.
    unsigned threads = 1;
    recovery_check verification = recovery_check::quick;
    // Damage is no error: what lies before it is redone, the plan says what it was, and nothing on
    // disk is changed.
    bool up_to_damage = false;

    [[nodiscard]] constexpr bool stops_early() const noexcept {
        return stop_at != lsn{} || stop_at_time != nanoseconds{};
    }
};

struct recovery_plan {
    log_condition found = log_condition::clean;
    std::optional<error> damage;  // why, if it is damaged
    lsn begins;                   // what was read of the log begins there; {}: all of it was
    std::uint64_t segments = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;  // of records
    // Of what is kept:
    std::uint64_t operations = 0;
    std::uint64_t table_changes = 0;  // of those: tables made and dropped
    std::uint64_t transactions_kept = 0;
    // Of those: nothing proves that their commit was ever synced, so whoever waited for it may have
    // got no answer. They are whole and are kept.
    std::uint64_t transactions_in_doubt = 0;
    // Some of their records survived a crash, their commit did not.
    std::uint64_t transactions_dropped = 0;
    std::uint64_t transactions_after_stop = 0;  // left in the log
    std::uint64_t cut_bytes = 0;                // of a torn tail
    lsn end;                                    // where the log ends once that is cut
    lsn stops_at;            // redo stops here: `end`, unless it was to stop early
    lsn proven;              // it is certain that the log was synced so far
    nanoseconds first_time;  // of the stamps among what is kept; {}: there are none
    nanoseconds last_time;
    transaction_id last_transaction;
};

// What was loaded before the log was read.
struct image_summary {
    lsn redo_from;  // {}: no image was loaded
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    nanoseconds loaded_in;
    std::optional<error> damage;  // why it was not, or not all of it
};

struct recovery_summary : recovery_plan {
    image_summary image;
    nanoseconds analysed_in;
    nanoseconds redone_in;
    nanoseconds elapsed;  // all of it
    // How often a target made durable what was redone so far: tables in pages do, where files would
    // otherwise take much more than lives in them.
    std::uint64_t restartpoints = 0;
    // One of the two files of the superblock was damaged or missing, and the other one served: the
    // file, and what was wrong. Repaired unless the opening may not write or the disk is full.
    std::optional<error> superblock_damage;
    bool superblock_repaired = false;
};

}  // namespace mantis
