// SPDX-License-Identifier: BSL-1.0
//
// What may differ from one run to the next. What shapes bytes on disk or code is a policy instead
// (store/policies.hpp).
#pragma once

#include "../core/units.hpp"
#include "../platform/retrying.hpp"
#include "../recovery/engine.hpp"

namespace mantis {

struct store_options {
    // A missing directory or database is made; if false, opening it is not_found.
    bool create_if_missing = true;
    // Nothing on disk is changed and every commit answers read_only. A torn tail is reported and
    // left.
    bool read_only = false;
    // Bytes the tables may take; a commit that would go beyond answers out_of_memory and changes
    // nothing. 0: no limit.
    std::size_t memory_bytes = 0;
    // A new log file after so many bytes. Larger: fewer files and pauses; smaller: less space
    // reserved ahead.
    std::uint64_t segment_bytes = 16 * MiB;
    // How often a store with with::durability<periodic> syncs: what a power loss can cost.
    nanoseconds sync_period = milliseconds(100);
    // A read, list or open of a file that fails for a passing reason is made again after pauses: up
    // to five times in all, over 85 ms. More: a longer hiccup of the disk is not seen; less: a disk
    // that is gone is told sooner. attempts = 1: nothing is made again. Syncs never are.
    backoff_options read_again = {};
    // After 16 such failures in a row no file of the directory is read, listed or opened to read
    // for 100 ms, and after a probe that failed for twice as long, up to 10 s: calls fail at once
    // meanwhile. Writes and syncs go on. failures = 0: every call tries for itself.
    breaker_options breaker = {};
    // Called while the log is replayed, about once per thousand records.
    recovery_listener on_recovery = nullptr;
    void* on_recovery_context = nullptr;
};

}  // namespace mantis
