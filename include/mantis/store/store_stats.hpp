// SPDX-License-Identifier: BSL-1.0
//
// What an open store tells of itself and of its tables.
//
// Threads: plain values.
#pragma once

#include "checkpoint_thread.hpp"
#include "checkpointer.hpp"

#include "../platform/memory_budget.hpp"
#include "../platform/retrying.hpp"
#include "../platform/space_watch.hpp"
#include "../txn/write_pace.hpp"
#include "../wal/log_options.hpp"
#include "../wal/periodic_sync.hpp"

namespace mantis {

struct table_info {
    bytes name;
    table_id id;
    bytes_view index;
    std::size_t entries = 0;
    std::size_t memory_bytes = 0;
};

struct store_stats {
    std::size_t tables = 0;
    std::size_t entries = 0;
    std::size_t memory_bytes = 0;
    std::uint64_t log_bytes = 0;  // of records and their padding, since the database was made
    log_stats log;                // of this opening
    lsn durable;
    checkpoint_info checkpoint;     // the last one; redo_from {}: there is none
    std::uint64_t checkpoints = 0;  // made in this opening
    recovery_objectives objectives;
    loss_window window;  // what a power failure would take of what was answered
    file_health files;   // reads, lists and opens that failed, in this opening
    space_counts space;
    memory_counts memory;     // of the budget; nothing is counted where memory_bytes is 0
    storage_stats pages;      // of tables in pages
    write_pace_stats writes;  // how they were delayed
};

}  // namespace mantis
