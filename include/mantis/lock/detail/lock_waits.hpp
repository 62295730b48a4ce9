// SPDX-License-Identifier: BSL-1.0
//
// The one way into a queue, and out of it: acquire() enters or waits; a wait ends when the lock is
// granted, when its time is up, or when the owner has to give way.
//
// A blocked wait, step by step:
//   1. under the latch of the shard: join the queue, and say so in wait_state
//   2. look for a little while at the request's state, then park on it
//   3. when the policy says so, search for a dead-lock that this wait is part of
//   4. state `granted` or `refused`: it is over; whoever set it took the request out of the queue
//      under the latch. `compete`: take the latch and see. Time is up: take the latch and leave,
//      unless it was over by then
//
// Threads: any number.
#pragma once

#include "../../metrics/histogram.hpp"
#include "../adaptive_timeout.hpp"
#include "../options.hpp"
#include "detector.hpp"
#include "wait_profile.hpp"

namespace mantis::detail {

enum class lock_status : std::uint8_t { granted, pending, refused };

struct lock_answer {
    lock_status status = lock_status::granted;
    error_code why = error_code::timed_out;  // where it was refused
    std::uint64_t other = 0;                 // an owner that was in the way, if one is known
    nanoseconds waited;

    [[nodiscard]] bool granted() const noexcept { return status == lock_status::granted; }
};

// What a call of lock() asks, with its deadline on the clock.
struct lock_call {
    nanoseconds deadline;
    bool at_once;
    std::uint8_t priority;
    const char* site;
};

template <class Platform, class Deadlock, class Choice>
class lock_waits {
public:
    using table = lock_table<Platform, Choice>;
    using core = typename table::core;
    using request = typename table::request;
    using head = typename table::head;
    using shard = typename table::shard;
    using wake_list = typename table::wake_list;
    using latch_guard = typename table::latch_guard;
    using parking = typename Platform::parking;
    template <class T>
    using atomic = typename Platform::template atomic<T>;
    using deadlock_detector = detector<Platform, Deadlock, Choice>;

    lock_waits(table& locks, deadlock_detector& search, const lock_manager_options& options)
        : locks_{locks},
          detector_{search},
          profile_one_in_{options.profile_one_in == 0 ? 1 : options.profile_one_in},
          adaptive_{{options.least_adaptive_wait, options.most_adaptive_wait, 4}} {}

    [[nodiscard]] lock_call call(const lock_options& options) {
        lock_call made{parking::never, options.until.is_at_once(), options.priority, options.site};
        if (made.at_once) return made;
        if (options.until.is_adaptive())
            made.deadline = lock_deadline::within(adaptive_.current()).after(parking::now());
        else if (options.until.after({}) != parking::never)
            made.deadline = options.until.after(parking::now());
        return made;
    }

    // Takes `path` in a mode that covers `mode` and what `asked` holds.
    //   Requires    asked is the owner's request for the path, or nullptr: then one is made
    //   Effects     refused: nothing has changed, and a request that was made is gone
    lock_answer acquire(core& owner, request*& asked, const lock_path& path, std::uint64_t hash,
                        lock_mode mode, const lock_call& call) {
        shard& home = locks_.shard_of(hash);
        lock_mode wanted;
        std::conditional_t<Deadlock::prevents, wounds, no_wounds> to_wound;
        const bool blocks = owner.resume == nullptr;  // later it may be somebody else's
        std::uint64_t this_wait = 0;
        {
            wake_list wakes;
            const latch_guard hold{home.latch};
            head& at = home.find_or_make(path, hash);
            if (asked == nullptr) asked = &home.take_request(owner);
            asked->head = &at;
            asked->home = &home;
            at.in_order = Deadlock::prevents;
            wanted = supremum(asked->held, mode);
            const lock_mode before = asked->held;
            asked->priority = Deadlock::prevents ? std::uint8_t{0} : call.priority;
            if (at.template enter<Choice>(*asked, wanted, locks_.bypass_bound())) {
                ++home.grant_count;
                if (at.competing !=
                    nullptr)  // the lock is not free any more: let in who fits beside
                    at.template serve<Choice>(locks_.bypass_bound(), wakes);
                if constexpr (Deadlock::prevents)
                    if (before != lock_mode::none) judge_waiters(at, *asked, wakes);
                return {};
            }
            if (call.at_once) return undo(home, at, asked, error_code::timed_out);
            join(home, at, *asked, wanted, call);
            if constexpr (Deadlock::prevents) {
                if (!may_wait(at, *asked, to_wound)) {
                    at.template leave<Choice>(*asked);
                    owner.end_wait();
                    at.template serve<Choice>(locks_.bypass_bound(), wakes);
                    return undo(home, at, asked, error_code::deadlock);
                }
                judge_waiters(at, *asked, wakes);
            }
            this_wait = owner.wait_state.load();
        }
        if constexpr (Deadlock::prevents) {
            to_wound.strike(locks_);
            if (must_give_way(owner)) (void)locks_.cancel(owner, this_wait, error_code::deadlock);
        }
        if (!blocks) {
            if constexpr (Deadlock::detects && !Deadlock::in_background)
                if (Deadlock::delay.count == 0) (void)detector_.search(owner);
            return {lock_status::pending, {}, 0, {}};
        }
        return wait(owner, asked, path, call);
    }

    //   Requires    the wait is over: of an asynchronous request
    lock_answer settle(request*& asked, const lock_path& path) {
        const bool granted = asked->state.load() == lock_granted;
        const nanoseconds waited = parking::now() - asked->since;
        note_wait(asked->wanted_last, waited);
        profile(path, asked->site, waited);
        if (granted) {
            adaptive_.observe(waited);
            return {lock_status::granted, {}, 0, waited};
        }
        return refused(asked, asked->refusal, waited);
    }
    //   Effects     asynchronous waits whose deadline is over end
    void expire(core& owner, wake_list& wakes) {
        const std::uint64_t state = owner.wait_state.load();
        if (!core::waits(state) || owner.async_deadline.load() > parking::now().count) return;
        (void)locks_.cancel(owner, state, error_code::timed_out, wakes);
    }

    // Gives the transaction its age. Where nothing else asks for it, when it first waits.
    void born(core& owner) {
        if (owner.birth == 0) owner.birth = births_.fetch_add(1) + 1;
    }
    [[nodiscard]] static bool must_give_way(core& owner) {
        if constexpr (!Deadlock::prevents) return false;
        else return owner.wounded.load() == owner.attempt.load();
    }

    [[nodiscard]] histogram_snapshot waits_for(lock_mode mode) const {
        return waits_[index_of(mode)].snapshot();
    }
    [[nodiscard]] const wait_profile<Platform>& paths() const noexcept { return paths_; }
    [[nodiscard]] const wait_profile<Platform>& sites() const noexcept { return sites_; }
    [[nodiscard]] std::uint64_t timeout_count() const { return timeouts_.load(); }
    [[nodiscard]] nanoseconds adaptive_wait() const { return adaptive_.current(); }

private:
    // Who came to compete, and came too late, looks longer before it parks again: the lock is in
    // use, and to be woken costs those who use it more than being looked at.
    static constexpr unsigned competing_looks = 8;

    // Effects     that attempt, or a later one that was told already, has to give way
    static void wound(core& owner, std::uint64_t attempt) {
        std::uint64_t told = owner.wounded.load();
        while (told < attempt && !owner.wounded.compare_exchange_strong(told, attempt)) {}
    }
    // Owners of transactions that must give way, to be told once the latch is let go.
    struct wounds {
        std::vector<std::pair<core*, std::uint64_t>> whom;  // and which attempt of it
        void strike(table& locks) {
            for (auto [owner, attempt] : whom) {
                wound(*owner, attempt);
                const std::uint64_t state = owner->wait_state.load();
                if (core::waits(state)) (void)locks.cancel(*owner, state, error_code::deadlock);
            }
        }
    };

    struct no_wounds {};

    //   Requires    the latch
    void join(shard& home, head& at, request& asked, lock_mode wanted, const lock_call& call) {
        core& owner = *asked.owner;
        ++home.wait_count;
        owner.know_thread();
        born(owner);
        owner.pending.asked = &asked;
        asked.priority = Deadlock::prevents ? std::uint8_t{0} : call.priority;
        owner.priority = call.priority;
        asked.site = call.site;
        asked.since = parking::now();
        asked.wanted_last = wanted;
        asked.state.store(lock_waiting);
        at.template enqueue<Choice>(asked, wanted, locks_.bypass_bound());
        owner.begin_wait(asked, static_cast<std::size_t>(&home - &locks_.shard_at(0)));
    }
    //   Requires    the latch; it neither waits nor was anything granted
    lock_answer undo(shard& home, head& at, request*& asked, error_code why) {
        lock_answer answer{lock_status::refused, why, 0, {}};
        for (const request& holder : at.granted)
            if (&holder != asked) answer.other = holder.owner->id.load();
        if (asked->held == lock_mode::none) {
            const bool pooled = asked->pooled;
            locks_.forget(home, *asked);
            if (pooled) asked = nullptr;
        }
        home.drop_unused(at);
        return answer;
    }
    // The wait is over, and it was refused.
    lock_answer refused(request*& asked, error_code why, nanoseconds waited) {
        if (why == error_code::timed_out) {
            timeouts_.fetch_add(1);
            adaptive_.observe(waited);
        }
        if (asked->held == lock_mode::none) {
            const bool pooled = asked->pooled;
            shard& home = *asked->home;
            const latch_guard hold{home.latch};
            locks_.forget(home, *asked);
            if (pooled) asked = nullptr;
        }
        return {lock_status::refused, why, 0, waited};
    }

    lock_answer wait(core& owner, request*& asked, const lock_path& path, const lock_call& call) {
        const nanoseconds since = asked->since;
        nanoseconds patience = Deadlock::delay;
        nanoseconds next_search = parking::never;
        if constexpr (Deadlock::detects && !Deadlock::in_background) next_search = since + patience;
        lock_answer answer;
        unsigned looks = parking::spins;
        for (;;) {
            const nanoseconds until = call.deadline < next_search ? call.deadline : next_search;
            const std::uint32_t state = look(asked->state, looks, until);
            if (state == lock_granted || state == lock_refused) break;
            if (state == lock_compete) {
                compete(*asked);
                looks = competing_looks * parking::spins;
                continue;
            }
            looks = 0;
            const nanoseconds now = parking::now();
            if (now >= call.deadline && give_up(*asked, answer)) break;
            if (now < next_search) continue;
            (void)detector_.search(owner);
            patience = patience + (patience.count == 0 ? milliseconds(1) : patience);
            if (patience > seconds(1)) patience = seconds(1);
            next_search = parking::now() + patience;
        }
        const nanoseconds waited = parking::now() - since;
        note_wait(asked->wanted_last, waited);
        profile(path, call.site, waited);
        if (answer.status == lock_status::refused) {  // its time was up
            const std::uint64_t other = answer.other;
            answer = refused(asked, error_code::timed_out, waited);
            answer.other = other;
            return answer;
        }
        if (asked->state.load() == lock_refused) return refused(asked, asked->refusal, waited);
        adaptive_.observe(waited);
        return {lock_status::granted, {}, 0, waited};
    }
    //   Returns     the state, no longer `waiting` or `parked` unless the time is up
    static std::uint32_t look(typename parking::word& state, unsigned looks, nanoseconds until) {
        for (unsigned i = 0; i < looks; ++i) {
            if (const std::uint32_t seen = state.load(); seen > lock_parked) return seen;
            parking::relax();
        }
        for (;;) {
            std::uint32_t seen = lock_waiting;
            if (!state.compare_exchange_strong(seen, lock_parked) && seen != lock_parked)
                return seen;
            if (!parking::wait(state, lock_parked, until)) return state.load();
        }
    }
    void compete(request& asked) {
        shard& home = *asked.home;
        wake_list wakes;
        const latch_guard hold{home.latch};
        if (asked.state.load() != lock_compete) return;
        asked.head->template compete<Choice>(asked, locks_.bypass_bound(), wakes);
    }
    //   Returns     false when the wait was over already
    bool give_up(request& asked, lock_answer& answer) {
        shard& home = *asked.home;
        wake_list wakes;
        const latch_guard hold{home.latch};
        const std::uint32_t state = asked.state.load();
        if (state == lock_granted || state == lock_refused) return false;
        head& at = *asked.head;
        answer.status = lock_status::refused;
        at.each_blocker(asked, [&](const request& blocker, lock_mode, bool) {
            answer.other = blocker.owner->id.load();
            return false;
        });
        at.template leave<Choice>(asked);
        asked.owner->end_wait();
        locks_.after_change(home, at, wakes);
        return true;
    }

    // Prevention.
    //   Requires    the latch, and that it waits
    [[nodiscard]] static bool may_wait(head& at, request& asked, wounds& to_wound) {
        bool may = true;
        at.each_blocker(asked, [&](const request& blocker, lock_mode, bool) {
            const lock_verdict verdict = Deadlock::judge(asked.owner->birth, blocker.owner->birth);
            if (verdict == lock_verdict::die) may = false;
            if (verdict == lock_verdict::wound)
                to_wound.whom.push_back({blocker.owner, blocker.owner->attempt.load()});
            return true;
        });
        return may;
    }
    // Who is passed by a conversion waits for one more, and may not be allowed to.
    //   Requires    the latch
    void judge_waiters(head& at, request& passing, wake_list& wakes) {
        const bool waits = passing.wanted != lock_mode::none;
        const lock_mode mode = waits ? passing.wanted : passing.held;
        auto next = at.waiting.begin();
        if (waits) next = ++at.waiting.at(passing);
        while (next != at.waiting.end()) {
            request& passed = *next++;
            if (compatible(passed.wanted, mode)) continue;
            switch (Deadlock::judge(passed.owner->birth, passing.owner->birth)) {
                case lock_verdict::wait: break;
                case lock_verdict::wound:
                    wound(*passing.owner, passing.owner->attempt.load());
                    break;
                case lock_verdict::die:
                    at.template leave<Choice>(passed);
                    passed.owner->end_wait();
                    passed.refusal = error_code::deadlock;
                    wakes.add(passed, lock_refused);
            }
        }
        at.template serve<Choice>(locks_.bypass_bound(), wakes);
    }

    // Accounts.
    void note_wait(lock_mode mode, nanoseconds waited) {
        waits_[index_of(mode)].record(static_cast<std::uint64_t>(waited.count));
    }
    void profile(const lock_path& path, const char* site, nanoseconds waited) {
        if (profile_one_in_ > 1 && profiled_.fetch_add(1) % profile_one_in_ != 0) return;
        paths_.add(path, waited);
        sites_.add(*site == 0 ? "(no site)" : site, waited);
    }

    table& locks_;
    deadlock_detector& detector_;
    const std::uint32_t profile_one_in_;
    adaptive_timeout<Platform> adaptive_;
    small_histogram<Platform> waits_[lock_mode_count];
    wait_profile<Platform> paths_;
    wait_profile<Platform> sites_;
    atomic<std::uint64_t> profiled_{0};
    atomic<std::uint64_t> timeouts_{0};
    atomic<std::uint64_t> births_{0};
};

}  // namespace mantis::detail
