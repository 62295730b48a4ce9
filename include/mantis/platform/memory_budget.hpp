// SPDX-License-Identifier: BSL-1.0
//
// How much memory the parts of a store take together, and what happens when it becomes too much:
// caches shed at the soft limit, and at the hard limit the one operation that needs more fails.
//
//   memory_budget<posix> budget{{.soft_bytes = 900 * MiB, .hard_bytes = 1024 * MiB}};
//   budget.make_room(bytes);                                 // no latch held: caches may shrink
//   if (auto got = budget.reserve(bytes); !got) return got;  // latches may be held
//   ...
//   budget.release(bytes);
//
// States:
//
//             used > soft_bytes            reserve() refused, and not low
//    normal --------------------> above_soft ----------------------------> refusing
//      ^                              |                                        |
//      +------------------------------+----------------------------------------+
//                  low: used <= soft_bytes - soft_bytes / 16
//
// Every change is an event: memory_soft_limit, memory_hard_limit, memory_back. A refusal of
// something that is too large by itself, while little is used, changes nothing; where there is no
// soft limit of its own, normal becomes refusing at once.
//
// Invariants:
//   1. used() is what was reserved and taken, less what was released; reserve() never lifts it
//      above hard_bytes
//   2. shedders are called without a latch of the budget, one at a time, and not after detach()
//   3. the events are noted in the order of the changes
//
// Threads: any number. While the state does not change, reserve and release are an atomic addition
// and a load; nothing is counted that nobody limits but used().
#pragma once

#include "../core/event.hpp"
#include "../core/result.hpp"
#include "guard.hpp"

#include <vector>

namespace mantis {

struct memory_limits {
    std::size_t soft_bytes = 0;  // 0: as hard_bytes
    std::size_t hard_bytes = 0;  // 0: none, and no soft limit either
};

enum class memory_state : std::uint8_t { normal, above_soft, refusing };

struct memory_counts {
    std::size_t used_bytes = 0;
    memory_limits limits;
    memory_state state = memory_state::normal;
    std::uint64_t refused = 0;     // reservations
    std::uint64_t sheds = 0;       // times that caches were asked
    std::uint64_t shed_bytes = 0;  // that they gave
};

// Gives back memory that can be had again: a cache.
struct memory_shedder {
    //   Effects     releases about `wanted_bytes`, to the budget too
    //   Returns     how many it released
    //   Threads     called by one that makes room, which holds no latch of the store; it does not
    //               make room itself, and neither attaches nor detaches a shedder
    std::size_t (*shed)(void* context, std::size_t wanted_bytes) = nullptr;
    void* context = nullptr;
};

template <class Platform>
class memory_budget {
public:
    explicit memory_budget(const memory_limits& limits = {}, event_sink note = {}) noexcept
        : limits_{usual(limits)}, note_{note} {}
    memory_budget(const memory_budget&) = delete;
    memory_budget& operator=(const memory_budget&) = delete;
    ~memory_budget() { check(shedders_.empty(), "memory_budget: ended with shedders attached"); }

    //   Errors      out_of_memory, with `bytes` that were asked for, `used_bytes` and `limit`:
    //               nothing was reserved
    //   Threads     any, latches held or not
    [[nodiscard]] result<void> reserve(std::size_t bytes) {
        std::size_t used = used_.load(order::relaxed);
        do {
            if (limited() && bytes > room_over(used)) return refuse(bytes, used);
        } while (!used_.compare_exchange_weak(used, used + bytes));
        if (used + bytes > limits_.soft_bytes && limited()) grown();
        return success();
    }
    // Counts what is there already, or cannot be refused.
    void take(std::size_t bytes) {
        const std::size_t used = used_.fetch_add(bytes) + bytes;
        if (limited() && used > limits_.soft_bytes) grown();
    }
    //   Requires    they were reserved or taken
    void release(std::size_t bytes) {
        const std::size_t before = used_.fetch_sub(bytes);
        check(before >= bytes, "memory_budget: more was released than taken");
        if (state_.load() != memory_state::normal) shrunk();
    }

    // Lets caches shed, if `bytes` more would pass the soft limit. They may not give enough:
    // reserve() tells.
    //   Requires    the caller holds no latch that a shedder or a user of the budget may need
    void make_room(std::size_t bytes) {
        if (!limited()) return;
        const std::size_t used = used_.load(order::relaxed);
        if (used <= limits_.soft_bytes && bytes <= limits_.soft_bytes - used) return;
        shed(used + bytes - limits_.soft_bytes);
    }

    //   Requires    it is detached before the budget ends
    void attach(memory_shedder caches) {
        const lock_guard hold{latch_};
        shedders_.push_back(caches);
    }
    //   Effects     it is not called any more; waits while it is
    void detach(memory_shedder caches) {
        unique_lock hold{latch_};
        while (shedding_) changed_.wait(latch_);
        for (std::size_t i = 0; i < shedders_.size(); ++i)
            if (shedders_[i].shed == caches.shed && shedders_[i].context == caches.context) {
                shedders_.erase(shedders_.begin() + static_cast<std::ptrdiff_t>(i));
                return;
            }
        check(false, "memory_budget: detached what was not attached");
    }

    [[nodiscard]] std::size_t used() const noexcept { return used_.load(order::relaxed); }
    [[nodiscard]] const memory_limits& limits() const noexcept { return limits_; }
    [[nodiscard]] memory_counts counts() const {
        const lock_guard hold{latch_};
        memory_counts all = counts_;
        all.used_bytes = used();
        all.limits = limits_;
        all.state = state_.load();
        return all;
    }

private:
    using order = typename Platform::memory_order;

    static memory_limits usual(memory_limits limits) noexcept {
        if (limits.soft_bytes == 0 || limits.soft_bytes > limits.hard_bytes)
            limits.soft_bytes = limits.hard_bytes;
        return limits;
    }
    [[nodiscard]] bool limited() const noexcept { return limits_.hard_bytes != 0; }
    [[nodiscard]] std::size_t room_over(std::size_t used) const noexcept {
        return used < limits_.hard_bytes ? limits_.hard_bytes - used : 0;
    }

    error refuse(std::size_t bytes, std::size_t used) {
        {
            const lock_guard hold{latch_};
            ++counts_.refused;
            if (!low())
                enter(memory_state::refusing, event_code::memory_hard_limit, limits_.hard_bytes);
        }
        return error{error_code::out_of_memory, "taking memory: the limit would be passed"}
            .with("bytes", bytes)
            .with("used_bytes", used)
            .with("limit", limits_.hard_bytes);
    }
    void grown() {
        if (limits_.soft_bytes == limits_.hard_bytes || state_.load() != memory_state::normal)
            return;
        const lock_guard hold{latch_};
        if (state_.load() == memory_state::normal && used_.load() > limits_.soft_bytes)
            enter(memory_state::above_soft, event_code::memory_soft_limit, limits_.soft_bytes);
    }
    void shrunk() {
        if (!low()) return;
        const lock_guard hold{latch_};
        leave_if_low();
    }
    [[nodiscard]] bool low() const noexcept {
        return used_.load() <= limits_.soft_bytes - limits_.soft_bytes / 16;
    }
    //   Requires    latch_
    void enter(memory_state next, event_code code, std::size_t limit) {
        if (state_.load() == next) return;
        state_.store(next);
        note_(event{code}.with("used_bytes", used()).with("limit", limit));
        leave_if_low();  // who released meanwhile may have seen the state before
    }
    //   Requires    latch_
    void leave_if_low() {
        if (!low() || state_.load() == memory_state::normal) return;
        state_.store(memory_state::normal);
        note_(event{event_code::memory_back}
                  .with("used_bytes", used())
                  .with("limit", limits_.soft_bytes));
    }

    void shed(std::size_t wanted) {
        unique_lock hold{latch_};
        if (shedding_ || shedders_.empty()) return;
        shedding_ = true;
        ++counts_.sheds;
        std::size_t gained = 0;
        for (std::size_t i = 0; i < shedders_.size() && gained < wanted; ++i) {
            const memory_shedder next = shedders_[i];
            hold.unlock();
            gained += next.shed(next.context, wanted - gained);
            hold.lock();
        }
        counts_.shed_bytes += gained;
        shedding_ = false;
        changed_.notify_all();
    }

    const memory_limits limits_;
    const event_sink note_;
    typename Platform::template atomic<std::size_t> used_{0};
    // Changes under latch_; read without it by those who would change it.
    typename Platform::template atomic<memory_state> state_{memory_state::normal};
    mutable typename Platform::mutex latch_;  // protects all below
    typename Platform::condition changed_;
    bool shedding_ = false;
    std::vector<memory_shedder> shedders_;
    memory_counts counts_;
};

}  // namespace mantis
