// SPDX-License-Identifier: BSL-1.0
//
// The superblock of an open store, in memory and in its two files.
//
// Threads: any number at once, but read(), adopt() and make().
#pragma once

#include "../../platform/guard.hpp"
#include "../../recovery/plan.hpp"
#include "../../recovery/superblock_pair.hpp"
#include "../../wal/segment.hpp"
#include "../superblock_scrub.hpp"

namespace mantis {

template <platform Platform, checksum_policy Checksum>
class store_superblock {
public:
    using directory = typename Platform::directory;

    //   Requires    `in` outlives it
    explicit store_superblock(directory& in) noexcept : directory_{&in} {}
    store_superblock(const store_superblock&) = delete;
    store_superblock& operator=(const store_superblock&) = delete;

    //   Errors      not_found (there is none), corrupt, mismatch, io
    [[nodiscard]] result<void> read(bool read_only) {
        auto found = read_superblocks(*directory_);
        if (!found) return found.error();
        // It may be there without being durable: what made it may have ended before its sync.
        if (!read_only)
            if (auto synced = directory_->sync(); !synced) return synced;
        block_ = found->block;
        found_ = std::move(*found);
        return check_slots();
    }
    // Both files are lost; this is what the log says instead.
    [[nodiscard]] result<void> adopt(const superblock& instead) {
        block_ = instead;
        return check_slots();
    }
    [[nodiscard]] result<void> make(database_id database) {
        block_.checksum_format = Checksum::format_id;
        block_.database = database;
        return replace(first_lsn_of_log, {});
    }

    [[nodiscard]] superblock now() const {
        const lock_guard<mutex> hold{latch_};
        return block_;
    }

    //   Effects     both files say so, and survive power loss
    //   Errors      no_space, io
    [[nodiscard]] result<void> replace(lsn reaches, lsn checkpoint) {
        const lock_guard<mutex> hold{latch_};
        return write(reaches, checkpoint, block_.pages_sequence);
    }
    [[nodiscard]] result<void> replace(lsn reaches, lsn checkpoint, std::uint64_t pages_sequence) {
        const lock_guard<mutex> hold{latch_};
        return write(reaches, checkpoint, pages_sequence);
    }

    // What this opening answers must not be missing at the next; a build that knows no stamps must
    // not meet one; and of the two files neither is left behind.
    //   Effects     `said` tells what was wrong with one of them
    [[nodiscard]] result<void> bring_up(recovery_summary& said, bool read_only) {
        said.superblock_damage = found_.damage;
        if (read_only) return success();
        const superblock block = now();
        const bool needed = block.version != superblock_version || said.end > block.log_reaches;
        if (!needed && found_.complete()) return success();
        auto written = replace(said.end, block.checkpoint);
        said.superblock_repaired = written && found_.damage;
        // One is whole: no reason to refuse a full disk, where somebody has to make room.
        if (!needed && !written && written.error().code() == error_code::no_space) return success();
        return written;
    }

    // For the scrubber. The latch is held over these two reads: they are small, and somebody who
    // replaces both files would be taken for damage else.
    //   Effects     `names_lost` is why nobody knows any more which names survive a power failure
    [[nodiscard]] std::vector<scrub_finding> settle(bool read_only,
                                                    std::optional<error>& names_lost) {
        const lock_guard<mutex> hold{latch_};
        auto found = superblock_scrub<Platform>::look(*directory_);
        if (found.empty() || read_only) return found;
        for (const scrub_finding& each : found)
            if (each.kind == scrub_kind::unreadable) return found;
        const auto repaired = write(block_.log_reaches, block_.checkpoint, block_.pages_sequence);
        if (!repaired && repaired.error().number("names_unsynced") != nullptr)
            names_lost = repaired.error();
        for (scrub_finding& each : found) each.repaired = repaired.has_value();
        return found;
    }

private:
    using mutex = typename Platform::mutex;

    [[nodiscard]] result<void> check_slots() const {
        if (block_.checksum_format == Checksum::format_id) return success();
        return error{error_code::mismatch,
                     "opening a database: with::checksum differs from the one it was made with"}
            .with("file_format_id", block_.checksum_format)
            .with("store_format_id", Checksum::format_id);
    }
    //   Requires    latch_
    [[nodiscard]] result<void> write(lsn reaches, lsn checkpoint, std::uint64_t pages_sequence) {
        superblock next = block_;
        next.version = superblock_version;
        next.log_reaches = reaches;
        next.checkpoint = checkpoint;
        next.pages_sequence = pages_sequence;
        ++next.generation;
        block_.generation = next.generation;  // also of an attempt that fails
        if (auto written = replace_superblocks(*directory_, next); !written) return written;
        block_ = next;
        return success();
    }

    directory* directory_;
    superblock_pair found_;
    mutable mutex latch_;  // protects block_ and its files
    superblock block_;
};

}  // namespace mantis
