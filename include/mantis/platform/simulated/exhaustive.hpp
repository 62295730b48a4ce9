// SPDX-License-Identifier: BSL-1.0
//
// Runs a small program under every schedule of its threads, up to a number of forced preemptions.
//
//   const auto report = exhaustive_schedules([](simulation& world) {
//       simulated::atomic<int> count{0};
//       world.run([&] {
//           simulated::thread other{[&] { ++count; }};
//           ++count;
//           other.join();
//       });
//       return count.load() == 2;
//   });
//   check(report.exhausted && !report.failed, "two increments of one atomic");
//
// Most bugs of schedules need no more than two preemptions; the number of schedules grows with the
// steps to the power of the preemptions. A dead-lock stops the program, as it does in every
// simulation, with the schedule in its report.
//
//   Source    Musuvathi, Qadeer: Iterative context bounding for systematic testing of multithreaded
//             programs (PLDI 2007)
#pragma once

#include "../simulated.hpp"

namespace mantis {

struct exhaustive_options {
    // How often a schedule takes the turn from a thread that could go on.
    unsigned max_preemptions = 2;
    // After so many runs it stops, exhausted or not.
    std::uint64_t max_runs = 1'000'000;
    // Of every run: the disk, the clock and the random numbers are the same in all.
    std::uint64_t seed = 1;
    simulation_options world = {};
};

struct exhaustive_report {
    std::uint64_t runs = 0;
    bool exhausted = false;  // every schedule was run
    bool failed = false;     // the last run's body returned false
    schedule_script last;    // the last run's schedule; after rewind() a simulation runs it again
};

// Runs body(world) for every schedule, depth first, each time in a new simulation, until one run
// returns false. A body that returns nothing never does.
//   Requires    the body draws on nothing from outside the simulation
template <class Body>
[[nodiscard]] exhaustive_report exhaustive_schedules(Body body,
                                                     const exhaustive_options& options = {}) {
    schedule_script script{options.max_preemptions};
    simulation_options scripted = options.world;
    scripted.scheduling.kind = schedule_kind::scripted;
    scripted.scheduling.script = &script;
    std::uint64_t runs = 0;
    while (runs < options.max_runs) {
        simulation world{options.seed, scripted};
        ++runs;
        if constexpr (std::is_void_v<decltype(body(world))>) body(world);
        else if (!body(world)) return {runs, false, true, script};
        const schedule_script last = script;
        if (!script.next()) return {runs, true, false, last};
    }
    return {runs, false, false, script};
}

}  // namespace mantis
