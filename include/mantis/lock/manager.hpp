// SPDX-License-Identifier: BSL-1.0
//
// The hierarchical lock manager: transactional locks on the store, on tables, on keys and on ranges
// of keys, in the modes of mode.hpp.
//
//   lock_manager<posix> locks;
//   lock_owner owner{locks, "transfer"};                        // a transaction or a connection
//   auto done = owner.lock(lock_path::key(accounts, "alice"), lock_mode::X);
//   if (!done) { owner.release_to_retry(); ... }                // deadlock, timed_out
//   owner.release_all();
//
// A lock on a key is three: intents on the store and on the table, and the lock itself. Intents are
// noted by their owner alone while nobody wants a strong lock there (detail/intents.hpp), and stay
// noted when the owner releases them: an owner that is kept for many transactions, as by a
// connection, hardly ever visits a shared queue for them.
//
// Policies:
//   Deadlock   what is done about owners that wait for each other: deadlock.hpp
//   Choice     who of those that wait comes first: first_come_first, most_blocking_first
//
// Threads: any number; an owner is used by one thread at a time.
#pragma once

#include "detail/lock_engine.hpp"
#include "report.hpp"

namespace mantis {

template <class Manager>
class lock_owner;

template <class Platform, class Deadlock = detect_after<>, class Choice = first_come_first>
class lock_manager {
    static_assert(deadlock_policy<Deadlock>,
                  "mantis: lock_manager<Platform, Deadlock>: Deadlock is not a deadlock_policy "
                  "(docs/locks.md#deadlocks)");
    static_assert(!Deadlock::prevents || !Choice::counts_blocked,
                  "mantis: lock_manager: a policy that prevents dead-locks needs first_come_first: "
                  "a queue that changes its order makes waits it does not know of");

public:
    using platform = Platform;

    //   Requires    options.shard_count is a power of two of at most 65,536
    explicit lock_manager(const lock_manager_options& options = {}) : engine_{options} {
        if constexpr (Deadlock::in_background)
            background_ = typename Platform::thread{[this] { look_after_waits(); }};
    }
    lock_manager(const lock_manager&) = delete;
    lock_manager& operator=(const lock_manager&) = delete;
    //   Requires    its owners are gone
    ~lock_manager() {
        if (!background_.joinable()) return;
        {
            const lock_guard<mutex> hold{latch_};
            stopping_ = true;
            stop_.notify_one();
        }
        background_.join();
    }

    //   Effects     asynchronous waits whose deadline is over end, and so do dead-locks, if the
    //               policy ends them. For programs that lock asynchronously to call now and then;
    //               a policy that detects in the background calls it
    void expire() {
        {
            detail::lock_wake_list<Platform> wakes;
            engine_.locks().each_owner(
                [&](core& owner) { engine_.all_waits().expire(owner, wakes); });
        }
        if constexpr (Deadlock::detects && !Deadlock::in_background) (void)end_deadlocks();
    }
    //   Effects     ends every dead-lock there is, whatever the policy would do
    //   Returns     how many
    std::size_t end_deadlocks() { return engine_.deadlocks().search_all(); }

    // Looking inside. What is told was so at some moment during the call, each line for itself.
    [[nodiscard]] std::vector<lock_line> held() {
        std::vector<lock_line> lines;
        detail::each_unshared(engine_.locks(), lines);
        detail::each_line(engine_.locks(), false, lines);
        return lines;
    }
    [[nodiscard]] std::vector<lock_line> waiting() {
        std::vector<lock_line> lines;
        detail::each_line(engine_.locks(), true, lines);
        return lines;
    }
    // Who waits for whom. dot() makes Graphviz text of it.
    [[nodiscard]] wait_graph waits() { return engine_.deadlocks().snapshot(); }
    // The last dead-locks that were ended, the latest first.
    [[nodiscard]] std::vector<deadlock_report> deadlocks() { return engine_.deadlocks().reports(); }
    // Where most time was waited: by path, and by lock_options::site.
    [[nodiscard]] std::vector<waited_at> hottest(std::size_t count) const {
        return engine_.all_waits().paths().top(count);
    }
    [[nodiscard]] std::vector<waited_at> hottest_sites(std::size_t count) const {
        return engine_.all_waits().sites().top(count);
    }
    // How long locks of that mode were waited for, in nanoseconds.
    [[nodiscard]] histogram_snapshot wait_times(lock_mode mode) const {
        return engine_.all_waits().waits_for(mode);
    }
    [[nodiscard]] lock_counts counts() {
        lock_counts counts = detail::counts_of(engine_.locks());
        counts.timeouts = engine_.all_waits().timeout_count();
        counts.deadlocks = engine_.deadlocks().deadlock_count();
        counts.escalations = engine_.escalation_count();
        return counts;
    }
    // What lock_deadline::adaptive() is at the moment.
    [[nodiscard]] nanoseconds adaptive_wait() const { return engine_.all_waits().adaptive_wait(); }

private:
    template <class Manager>
    friend class lock_owner;

    using engine = detail::lock_engine<Platform, Deadlock, Choice>;
    using core = typename engine::core;
    using mutex = typename Platform::mutex;

    void look_after_waits() {
        Platform::parking::name_thread("lock detector");
        unique_lock<mutex> hold{latch_};
        while (!stopping_) {
            (void)stop_.wait_for(latch_, Deadlock::delay);
            if (stopping_) return;
            hold.unlock();
            (void)engine_.deadlocks().search_all();
            expire();
            hold.lock();
        }
    }

    mutable engine engine_;
    mutex latch_;
    typename Platform::condition stop_;
    bool stopping_ = false;
    typename Platform::thread background_;
};

}  // namespace mantis

#include "owner.hpp"
