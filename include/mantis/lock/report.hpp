// SPDX-License-Identifier: BSL-1.0
//
// What a lock manager tells about itself: lines of who has or wants what, and counts.
//
// Threads: any number.
#pragma once

#include "detail/lock_table.hpp"

namespace mantis {

// One lock of one owner.
struct lock_line {
    std::uint64_t owner = 0;
    const char* label = "";  // of the owner
    bytes path;              // as text: "key 7/alice"
    lock_mode held = lock_mode::none;
    lock_mode wanted = lock_mode::none;  // where it waits
    nanoseconds waited;                  // so far
    const char* site = "";               // where it waits
    bool escalated = false;              // stands for locks below it
};

struct lock_counts {
    std::uint64_t granted_at_once = 0;  // in a queue; what an owner notes alone is not counted
    std::uint64_t waits = 0;
    std::uint64_t timeouts = 0;  // of waits
    std::uint64_t deadlocks = 0;
    std::uint64_t escalations = 0;
    std::uint64_t queues = 0;  // that exist now
};

namespace detail {

template <class Platform>
[[nodiscard]] lock_line line_of(const lock_request<Platform>& request, nanoseconds now) {
    lock_line line;
    line.owner = request.owner->id.load();
    line.label = request.owner->label;
    line.path = request.head->path().text();
    line.held = request.held;
    line.wanted = request.wanted;
    line.escalated = request.escalated;
    if (request.wanted == lock_mode::none) return line;
    line.waited = now - request.since;
    line.site = request.site;
    return line;
}

// Those that wait, or those that hold, shard by shard.
template <class Table>
void each_line(Table& locks, bool waiting, std::vector<lock_line>& into) {
    const nanoseconds now = Table::parking::now();
    for (std::size_t i = 0; i < locks.shard_count(); ++i) {
        auto& home = locks.shard_at(i);
        const typename Table::latch_guard hold{home.latch};
        home.each([&](auto& at) {
            if (waiting)
                for (const auto& request : at.waiting) into.push_back(line_of(request, now));
            else
                for (const auto& request : at.granted) into.push_back(line_of(request, now));
            return true;
        });
    }
}
// Intents that their owners note alone.
template <class Table>
void each_unshared(Table& locks, std::vector<lock_line>& into) {
    locks.each_owner([&](auto& owner) {
        const typename Table::latch_guard hold{owner.own_latch};
        for (const auto& slot : owner.own) {
            if (slot.shared || !slot.in_use) continue;
            lock_line line;
            line.owner = owner.id.load();
            line.label = owner.label;
            line.path =
                (&slot == owner.own ? lock_path::store() : lock_path::table(slot.table)).text();
            line.held = slot.held;
            into.push_back(std::move(line));
        }
    });
}
template <class Table>
[[nodiscard]] lock_counts counts_of(Table& locks) {
    lock_counts counts;
    for (std::size_t i = 0; i < locks.shard_count(); ++i) {
        auto& home = locks.shard_at(i);
        const typename Table::latch_guard hold{home.latch};
        counts.granted_at_once += home.grant_count;
        counts.waits += home.wait_count;
        counts.queues += home.head_count();
    }
    return counts;
}

}  // namespace detail

}  // namespace mantis
