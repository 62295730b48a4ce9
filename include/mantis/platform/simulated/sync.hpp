// SPDX-License-Identifier: BSL-1.0
//
// The mutex and the condition of the simulator: the seed decides who gets the one and whom the
// other wakes.
//
// A wait may end for no reason, where schedule::spurious_one_in says so.
//
// Outside of simulation::run() they work for one thread. A wait there lets the threads that the
// last run left behind go on.
//
// Threads: any number of simulated ones.
#pragma once

#include "scheduler.hpp"

namespace mantis {

class simulated_mutex {
public:
    simulated_mutex() noexcept = default;
    simulated_mutex(const simulated_mutex&) = delete;
    simulated_mutex& operator=(const simulated_mutex&) = delete;

    void lock() {
        detail::simulated_step(step_kind::lock);
        take();
    }
    [[nodiscard]] bool try_lock() {
        detail::simulated_step(step_kind::try_lock);
        if (held_) return false;
        hold();
        return true;
    }
    //   Requires    held by this thread
    void unlock() {
        check(held_ && holder_ == detail::running_actor,
              "a mutex is unlocked by a thread that does not hold it");
        let_go();
        detail::simulated_step(
            step_kind::unlock);  // the last thing: who gets it now may destroy it
    }

private:
    friend class simulated_condition;

    void take() {
        if (held_)
            detail::as_simulated_thread([this] {
                while (held_)
                    detail::running_actor->home.block(step_kind::lock, this,
                                                      detail::scheduler::never, holder_);
            });
        hold();
    }
    void hold() noexcept {
        held_ = true;
        holder_ = detail::running_actor;
    }
    void let_go() {
        held_ = false;
        holder_ = nullptr;
        detail::wake_all(this);
    }

    bool held_ = false;
    const detail::simulated_actor* holder_ = nullptr;  // also nullptr when held outside of a run
};

class simulated_condition {
public:
    simulated_condition() noexcept = default;
    simulated_condition(const simulated_condition&) = delete;
    simulated_condition& operator=(const simulated_condition&) = delete;

    //   Requires    the caller holds `mutex`
    void wait(simulated_mutex& mutex) { (void)wait_until(mutex, detail::scheduler::never); }
    //   Requires    the caller holds `mutex`
    //   Returns     false when the time was up
    [[nodiscard]] bool wait_for(simulated_mutex& mutex, nanoseconds length) {
        const detail::scheduler* const home = detail::current_scheduler();
        if (home == nullptr) return false;  // no world, no time, and nobody to wake us
        const std::int64_t now = home->now().count;
        const std::int64_t wait = length.count < 0 ? 0 : length.count;
        const std::int64_t never = detail::scheduler::never;
        return wait_until(mutex, wait < never - now ? now + wait : never);
    }
    void notify_one() {
        detail::simulated_step(step_kind::notify);
        detail::wake_one(this);
    }
    void notify_all() {
        detail::simulated_step(step_kind::notify);
        detail::wake_all(this);
    }

private:
    bool wait_until(simulated_mutex& mutex, std::int64_t alarm) {
        check(mutex.held_ && mutex.holder_ == detail::running_actor,
              "a condition is waited on with a mutex that this thread does not hold");
        detail::simulated_step(step_kind::wait);  // between the caller's last look and the wait
        bool woken = false;
        detail::as_simulated_thread([&] {
            mutex.let_go();  // and no step before the wait begins: the two are one
            detail::scheduler& home = detail::running_actor->home;
            const std::int64_t end = home.end_of_wait(alarm);
            woken = home.block(step_kind::wait, this, end, nullptr) || end < alarm;
            mutex.take();
        });
        mutex.holder_ = detail::running_actor;  // outside of a run another thread waited for us
        return woken;
    }
};

}  // namespace mantis
