// SPDX-License-Identifier: BSL-1.0
//
// The queue of one resource: who holds it in which mode, and who waits in which order.
//
//   granted   requests with held != none, in no order
//   waiting   requests with wanted != none: conversions first, then newcomers by priority, and of
//             one priority in the order of arrival. A conversion is in both lists
//
// Rules:
//   1. two requests are granted together only if their modes are compatible
//   2. a conversion waits only for holders; under a policy that prevents dead-locks also for
//      conversions ahead of it: who waits for whom is judged once, so no wait may come later
//   3. a newcomer waits for holders and for all who wait ahead of it, as far as their modes
//      conflict
//   4. but when nobody holds the lock, a newcomer may pass those who wait: they sleep, and it runs.
//      The first of them has been told to come and compete. After `bypass_bound` such passes it is
//      granted the lock by whoever releases it
//   5. nobody is passed by a higher priority (or by who blocks more) more than `bypass_bound` times
//
// Invariants:
//   1. granted_modes and waiting_modes are the sets of the modes in the lists
//   2. when the latch is let go, no waiter could be granted by rules 1 to 3 but one that was told
//      to compete
//
// Threads: protected by the latch of its shard.
#pragma once

#include "../path.hpp"
#include "owner_core.hpp"
#include "request.hpp"

namespace mantis::detail {

// Counts modes and knows the set of those with a count.
class lock_mode_counts {
public:
    void add(lock_mode mode) noexcept {
        if (counts_[index_of(mode)]++ == 0) set_ = static_cast<lock_mode_set>(set_ | set_of(mode));
    }
    void remove(lock_mode mode) noexcept {
        if (--counts_[index_of(mode)] == 0) set_ = static_cast<lock_mode_set>(set_ & ~set_of(mode));
    }
    [[nodiscard]] lock_mode_set set() const noexcept { return set_; }
    // The set when one of that mode is left out.
    [[nodiscard]] lock_mode_set without(lock_mode mode) const noexcept {
        if (mode == lock_mode::none || counts_[index_of(mode)] != 1) return set_;
        return static_cast<lock_mode_set>(set_ & ~set_of(mode));
    }

private:
    std::uint32_t counts_[lock_mode_count] = {};
    lock_mode_set set_ = 0;
};

template <class Platform>
struct lock_head {
    using request = lock_request<Platform>;
    using wake_list = lock_wake_list<Platform>;
    using place = typename request_list<request, in_waiting>::iterator;

    lock_head* next = nullptr;  // in a bucket, or in the pool
    std::uint64_t hash = 0;
    lock_level level = lock_level::store;
    table_id table;
    bytes low;
    bytes high;
    request_list<request, in_granted> granted;
    request_list<request, in_waiting> waiting;
    lock_mode_counts granted_modes;
    lock_mode_counts waiting_modes;
    std::uint32_t waiting_count = 0;
    bool in_order = false;         // conversions wait for those ahead of them, see rule 2
    std::uint32_t bypassed = 0;    // newcomers that passed the first waiter
    request* competing = nullptr;  // was told to compete and has not come yet

    void name(const lock_path& path, std::uint64_t path_hash) {
        hash = path_hash;
        level = path.level();
        table = path.table();
        low.assign(path.low());
        high.assign(path.high());
        bypassed = 0;
    }
    [[nodiscard]] lock_path path() const noexcept {
        switch (level) {
            case lock_level::store: return lock_path::store();
            case lock_level::table: return lock_path::table(table);
            case lock_level::key: return lock_path::key(table, low);
            case lock_level::range: break;
        }
        return lock_path::range(table, low, high);
    }
    [[nodiscard]] bool is(const lock_path& path) const noexcept {
        return table == path.table() && level == path.level() && low == path.low() &&
               (level != lock_level::range || high == path.high());
    }
    [[nodiscard]] bool unused() const noexcept { return granted.empty() && waiting.empty(); }

    //   Requires    rule 1
    //   Effects     it holds the lock in that mode
    template <class Choice>
    void hold(request& asked, lock_mode mode) noexcept {
        if (asked.held != lock_mode::none) granted_modes.remove(asked.held);
        else {
            granted.push_back(asked);
            if constexpr (Choice::counts_blocked) asked.owner->blocked.fetch_add(waiting_count);
        }
        granted_modes.add(mode);
        asked.held = mode;
    }
    //   Requires    rule 1, and that it is in no queue
    //   Effects     what its owner alone knew is in the queue
    template <class Choice>
    void adopt(request& held_already) noexcept {
        granted.push_back(held_already);
        granted_modes.add(held_already.held);
        if constexpr (Choice::counts_blocked) held_already.owner->blocked.fetch_add(waiting_count);
    }
    [[nodiscard]] bool fits_holders(const request& asked, lock_mode wanted) const noexcept {
        return (conflicts_of(wanted) & granted_modes.without(asked.held)) == 0;
    }
    //   Effects     grants it when the rules allow
    template <class Choice>
    [[nodiscard]] bool enter(request& asked, lock_mode wanted,
                             std::uint32_t bypass_bound) noexcept {
        if (!fits_holders(asked, wanted)) return false;
        if (asked.held == lock_mode::none &&
            (conflicts_of(wanted) & waiting_modes.set()) != 0) {  // rule 4
            if (granted.empty() && bypassed < bypass_bound) ++bypassed;
            else if (!goes_ahead(asked, wanted, bypass_bound)) return false;
        }
        hold<Choice>(asked, wanted);
        return true;
    }
    // Whether its priority takes it ahead of all whom it would wait for.
    //   Effects     then they are passed once more
    [[nodiscard]] bool goes_ahead(const request& asked, lock_mode wanted,
                                  std::uint32_t bypass_bound) noexcept {
        if (asked.priority == 0) return false;
        const place at = place_of(asked, bypass_bound);
        for (auto ahead = waiting.begin(); ahead != at; ++ahead)
            if (!compatible(ahead->wanted, wanted)) return false;
        count_passed(at);
        return true;
    }
    //   Requires    it could not enter
    template <class Choice>
    void enqueue(request& asked, lock_mode wanted, std::uint32_t bypass_bound) noexcept {
        asked.wanted = wanted;
        asked.passed = 0;
        const place at = place_of(asked, bypass_bound);
        count_passed(at);
        waiting.insert(at, asked);
        waiting_modes.add(wanted);
        ++waiting_count;
        for (request& holder : granted) {
            if (holder.owner == asked.owner) continue;
            if constexpr (Choice::counts_blocked) holder.owner->blocked.fetch_add(1);
            if (holder.escalated) holder.contended.store(1);
        }
    }
    //   Effects     it waits no longer; what it holds stays
    template <class Choice>
    void leave(request& asked) noexcept {
        waiting.erase(asked);
        waiting_modes.remove(asked.wanted);
        --waiting_count;
        asked.wanted = lock_mode::none;
        if (competing == &asked) competing = nullptr;
        if constexpr (Choice::counts_blocked)
            for (request& holder : granted)
                if (holder.owner != asked.owner) holder.owner->blocked.fetch_sub(1);
    }
    //   Effects     it holds nothing
    template <class Choice>
    void release(request& given) noexcept {
        granted.erase(given);
        granted_modes.remove(given.held);
        given.held = lock_mode::none;
        if constexpr (Choice::counts_blocked) given.owner->blocked.fetch_sub(waiting_count);
    }
    //   Effects     grants, or tells to compete, everybody whom the rules now let in
    template <class Choice>
    void serve(std::uint32_t bypass_bound, wake_list& wakes) {
        if (waiting.empty()) return;
        if constexpr (Choice::counts_blocked) arrange(bypass_bound);
        lock_mode_set ahead = 0;  // wanted by those who go on waiting
        for (auto at = waiting.begin(); at != waiting.end();) {
            request& candidate = *at++;
            const bool behind = (candidate.held == lock_mode::none || in_order) &&
                                (conflicts_of(candidate.wanted) & ahead) != 0;
            if (behind || !fits_holders(candidate, candidate.wanted)) {
                ahead = static_cast<lock_mode_set>(ahead | set_of(candidate.wanted));
                if (nobody_after(candidate)) return;
                continue;
            }
            if (granted.empty() && bypassed < bypass_bound && candidate.owner->resume == nullptr) {
                if (competing == nullptr) {
                    competing = &candidate;
                    wakes.add(candidate, lock_compete);
                }
                return;
            }
            admit<Choice>(candidate);
            wakes.add(candidate, lock_granted);
            if (candidate.held == lock_mode::X) return;
        }
    }
    //   Requires    it waits, was told to compete, and has come
    //   Effects     grants it when it is its turn and the lock is still free
    template <class Choice>
    void compete(request& asked, std::uint32_t bypass_bound, wake_list& wakes) {
        if (competing == &asked) competing = nullptr;
        lock_mode_set ahead = 0;
        for (request& other : waiting) {
            if (&other == &asked) break;
            ahead = static_cast<lock_mode_set>(ahead | set_of(other.wanted));
        }
        if (fits_holders(asked, asked.wanted) && (conflicts_of(asked.wanted) & ahead) == 0)
            admit<Choice>(asked);
        asked.state.store(asked.wanted == lock_mode::none ? lock_granted : lock_waiting);
        serve<Choice>(bypass_bound, wakes);
    }

    // Calls see(request, mode, waits) for every request of another owner that `asked` waits for,
    // until it returns false: holders, then those who wait ahead, the nearest first.
    //   Requires    it waits
    template <class See>
    void each_blocker(const request& asked, See see) const {
        for (const request& holder : granted)
            if (holder.owner != asked.owner && !compatible(holder.held, asked.wanted) &&
                !see(holder, holder.held, false))
                return;
        if (asked.held != lock_mode::none && !in_order) return;
        for (auto at = waiting.at(asked); at != waiting.begin();) {
            --at;
            if (!compatible(at->wanted, asked.wanted) && !see(*at, at->wanted, true)) return;
        }
    }

private:
    // In front of whom it waits: conversions before newcomers, those of a larger priority before
    // others, as far as they may be passed.
    [[nodiscard]] place place_of(const request& asked, std::uint32_t bypass_bound) noexcept {
        const bool converts = asked.held != lock_mode::none;
        place at = waiting.end();
        while (at != waiting.begin()) {
            place before = at;
            --before;
            if (before->held != lock_mode::none) break;
            if (!converts && (before->priority >= asked.priority || before->passed >= bypass_bound))
                break;
            at = before;
        }
        return at;
    }
    void count_passed(place first) noexcept {
        for (; first != waiting.end(); ++first) ++first->passed;
    }
    // Whether all that are behind it have to wait as long as it waits.
    [[nodiscard]] bool nobody_after(const request& asked) const noexcept {
        return asked.held == lock_mode::none && asked.wanted == lock_mode::X;
    }
    template <class Choice>
    void admit(request& asked) noexcept {
        const lock_mode wanted = asked.wanted;
        if (&*waiting.begin() == &asked) bypassed = 0;
        leave<Choice>(asked);
        hold<Choice>(asked, wanted);
        asked.owner->end_wait();
    }
    // Those who block more come first, among newcomers of one priority.
    void arrange(std::uint32_t bypass_bound) noexcept {
        for (auto at = waiting.begin(); at != waiting.end();) {
            request& moved = *at++;
            if (moved.held != lock_mode::none) continue;
            auto to = waiting.at(moved);
            while (to != waiting.begin()) {
                auto before = to;
                --before;
                if (before->held != lock_mode::none || before->priority != moved.priority ||
                    before->passed >= bypass_bound ||
                    before->owner->blocked.load() >= moved.owner->blocked.load())
                    break;
                ++before->passed;
                to = before;
            }
            if (to == waiting.at(moved)) continue;
            waiting.erase(moved);
            waiting.insert(to, moved);
        }
    }
};

}  // namespace mantis::detail
