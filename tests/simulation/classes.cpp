// SPDX-License-Identifier: BSL-1.0
#include "classes.hpp"

namespace simulate {

namespace {

crash_mode draw_end(dice& roll) { return static_cast<crash_mode>(roll(3)); }
std::vector<std::vector<std::uint32_t>> draw_threads(dice& roll, std::uint64_t most_operations) {
    std::vector<std::vector<std::uint32_t>> threads(1 + roll(3));
    for (auto& thread : threads)
        for (std::uint64_t left = 1 + roll(most_operations); left > 0; --left)
            thread.push_back(static_cast<std::uint32_t>(roll(1u << 30)));
    return threads;
}
std::uint64_t reached(const outcome& what, const char* point) {
    const auto found = what.reached.find(point);
    return found == what.reached.end() ? 0 : found->second;
}
std::uint64_t strikes(const outcome& what) { return what.strikes; }

void loop_of_crashes(plan& of, dice& roll) {
    of.rounds.resize(1);
    of.rounds[0].crash_at_io = roll(3) == 0 ? 0 : 20 + roll(100);
    for (int i = 0; i < 10; ++i) {
        round made;
        made.crash_at_io = 1 + roll(roll(4) == 0 ? 60 : 20);
        made.end = draw_end(roll);
        made.threads = draw_threads(roll, 4);
        of.rounds.push_back(made);
    }
}

void full_disk(plan& of, dice& roll) {
    for (round& each : of.rounds) {
        const bool at_once = roll(3) == 0;  // others took it all
        if (at_once)
            each.faults.push_back({.on = space_io,
                                   .code = error_code::no_space,
                                   .nth = 4 + roll(30),
                                   .count = roll(2) == 0 ? 1 + roll(30) : fault::for_ever});
        else each.disk_blocks = 1 + roll(3 * of.segment_bytes / 4096);
        if (roll(2) == 0) each.crash_at_io = 0;
        each.threads = draw_threads(roll, 16);
    }
}

void memory_limit(plan& of, dice& roll) {
    of.memory_bytes = 10'000 + roll(60'000);
    for (round& each : of.rounds) {
        if (roll(2) == 0) each.crash_at_io = 0;
        each.threads = draw_threads(roll, 16);
    }
}

void failed_sync_that(failed_sync leaves, plan& of, dice& roll) {
    for (round& each : of.rounds) {
        fault made{.on = io_kind::sync, .nth = 1 + roll(8), .after_sync = leaves};
        if (roll(4) == 0) made.on = io_kind::sync | io_kind::sync_directory;
        if (roll(3) == 0) made.kind = fault_kind::fail_halfway;
        if (roll(4) == 0) made.count = fault::for_ever;
        each.faults.push_back(made);
        if (roll(2) == 0) each.crash_at_io = 0;
    }
}

void bit_rot(plan& of, dice& roll) {
    for (round& each : of.rounds) {
        fault made{.kind = fault_kind::flip_on_read, .nth = 1 + roll(6)};
        if (roll(2) == 0) made = {.kind = fault_kind::flip_at_rest, .nth = 1 + roll(30)};
        if (roll(4) == 0) made.count = 1 + roll(4);
        each.faults.push_back(made);
    }
}

void rotation(plan& of, dice& roll) {
    of.segment_bytes = 8 * KiB;
    for (round& each : of.rounds) {
        if (each.crash_at_io != 0) each.crash_at_io += roll(100);
        each.threads = draw_threads(roll, 20);
        if (roll(3) != 0) continue;
        each.faults.push_back(
            {.on = io_kind::preallocate, .code = error_code::no_space, .nth = 1 + roll(5)});
        if (roll(2) == 0)
            each.faults.push_back({.on = roll(2) == 0 ? io_kind::remove : io_kind::sync_directory,
                                   .nth = 1 + roll(6)});
    }
}

}  // namespace

const std::vector<fault_class>& fault_classes() {
    static const std::vector<fault_class> all{
        {"crash-loop",
         loop_of_crashes,
         [](const outcome& what) { return reached(what, "crash in the middle"); },
         {"crash while opening", "crash in the middle", "torn tail", "process killed"}},
        {"full-disk",
         full_disk,
         [](const outcome& what) { return strikes(what) + reached(what, "no space"); },
         {"no space", "fault fail"}},
        {"memory-limit",
         memory_limit,
         [](const outcome& what) { return reached(what, "out of memory"); },
         {"out of memory", "crash in the middle"}},
        {"failed-sync-keeps",
         [](plan& of, dice& roll) { failed_sync_that(failed_sync::keeps, of, roll); },
         strikes,
         {"fault fail", "fault fail_halfway"}},
        {"failed-sync-forgets",
         [](plan& of, dice& roll) { failed_sync_that(failed_sync::forgets, of, roll); },
         strikes,
         {"fault fail", "fault fail_halfway"}},
        {"failed-sync-reverts",
         [](plan& of, dice& roll) { failed_sync_that(failed_sync::reverts, of, roll); },
         strikes,
         {"fault fail", "fault fail_halfway"}},
        {"bit-rot",
         bit_rot,
         strikes,
         {"fault flip_on_read", "fault flip_at_rest", "damage detected"}},
        {"rotation",
         rotation,
         [](const outcome& what) { return reached(what, "several segments"); },
         {"several segments", "fault fail", "crash in the middle"}},
    };
    return all;
}

const fault_class* find_class(const std::string& name) {
    for (const fault_class& each : fault_classes())
        if (name == each.name) return &each;
    return nullptr;
}

bool applies(const fault_class& which, const std::string& component) {
    return component != "log" || std::string{"memory-limit"} != which.name;
}

plan draw_plan(std::uint64_t seed, const std::string& component, const fault_class& which) {
    plan made = draw_plan(seed, component);
    dice roll{seed * 0x9e3779b97f4a7c15 + 2};
    made.fault_class = which.name;
    for (round& each : made.rounds) each.faults.clear();
    which.force(made, roll);
    return made;
}

}  // namespace simulate
