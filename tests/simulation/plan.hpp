// SPDX-License-Identifier: BSL-1.0
//
// One life of a component as a plan: which policies and sizes, who does what in which round, how
// each round ends, and what fails meanwhile. Drawn from a seed, written and read as text, and made
// smaller piece by piece when it finds a violation.
//
//   component store
//   seed 17
//   durability group_commit
//   segment_bytes 8192
//   schedule drawn
//   round crash_at_io=31 end=power_cut
//   fault kind=fail on=512 code=no_space nth=3 one_in=1 count=1 after_sync=keeps
//   thread 4711 12 99
#pragma once

#include <mantis/platform/simulated.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace simulate {

using namespace mantis;

// Numbers for a workload, apart from the scheduler's.
struct dice {
    std::uint64_t state;
    std::uint64_t operator()(std::uint64_t below) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % below;
    }
};

struct round {
    std::uint64_t crash_at_io = 0;  // 0: only when the work is done
    crash_mode end = crash_mode::drop_unsynced;
    bool closes = false;
    std::uint64_t disk_blocks = 0;  // what the disk takes of this round, in 4096 bytes; 0: all
    std::vector<fault> faults;
    std::vector<std::vector<std::uint32_t>> threads;  // what each does, one number an operation

    [[nodiscard]] bool has_fault(fault_duty duty) const noexcept {
        for (const fault& each : faults)
            if (duty_of(each) == duty) return true;
        return false;
    }
};

struct plan {
    std::string component = "store";
    std::string fault_class;  // of which it is; see classes.hpp
    std::uint64_t seed = 1;
    std::string durability = "group_commit";
    std::uint64_t segment_bytes = 8 * KiB;
    std::int64_t sync_period_us = 1000;
    std::uint64_t memory_bytes = 0;  // what the tables may take; 0: all
    std::uint64_t checkpoint_log_bytes = 0;  // 0: no checkpoints, neither due nor asked for
    bool drawn_schedule = false;     // a strategy and disturbances from the seed, else at random
    std::vector<round> rounds;
};

[[nodiscard]] plan draw_plan(std::uint64_t seed, const std::string& component);
[[nodiscard]] std::string text_of(const plan& of);
//   Returns     nothing when the text is no plan
[[nodiscard]] std::optional<plan> read_plan(const std::string& text);

}  // namespace simulate
