// SPDX-License-Identifier: BSL-1.0
//
// Makes checkpoints when they are due, and looks whether the recovery objectives are kept, by a
// thread of its own: no commit ever makes one.
//
// How it works:
//   1. log_grew() is told of each new segment of the log; if a checkpoint is due by then, the
//      thread is made, or woken. Or somebody calls ask().
//   2. Where a limit or an objective needs a clock, the thread is made by start() and looks every
//      `look_every`. Elsewhere there is no thread before the first checkpoint is due, and no timer.
//   3. After a checkpoint that failed the thread makes none for retry_after, and longer each time,
//      until somebody else has made one. It looks after the objectives meanwhile.
//
// Host, what it works for:
//   expression               returns             meaning
//   h.debt()                 checkpoint_debt     since the last checkpoint
//   h.loss_age()             nanoseconds         how old the oldest commit is that a power failure
//                                                would take; {} if there is none
//   h.make()                 bool                makes a checkpoint; false: it failed
//   h.note(event)            void
//   h.look_later()           bool                whether debt() is to be asked again after
//                                                settle_after; optional
//
// Threads: any number, but stop() and the destructor; log_grew() may be called with latches of the
// log held, and takes one of its own only.
#pragma once

#include "checkpoint_policy.hpp"

#include "../core/event.hpp"
#include "../platform/guard.hpp"
#include "../platform/platform.hpp"

#include <optional>

namespace mantis {

struct recovery_objectives {
    objective point;  // RPO: what a power failure would take
    objective time;   // RTO: how long an opening would take
    nanoseconds estimate;
};

template <platform Platform, class Host>
class checkpoint_thread {
public:
    struct settings {
        checkpoint_limits limits;
        recovery_rates rates;
        nanoseconds point_objective;
        nanoseconds time_objective;
        nanoseconds look_every = milliseconds(100);
        nanoseconds retry_after = seconds(1);
        nanoseconds settle_after = seconds(1);
    };

    //   Requires    `host` outlives it
    checkpoint_thread(Platform world, Host& host, const settings& chosen)
        : platform_{std::move(world)}, host_{&host}, chosen_{chosen} {
        objectives_.point = objective{chosen.point_objective};
        objectives_.time = objective{chosen.time_objective};
    }
    checkpoint_thread(const checkpoint_thread&) = delete;
    checkpoint_thread& operator=(const checkpoint_thread&) = delete;
    ~checkpoint_thread() { stop(); }

    // Called once, when the host is ready to make checkpoints: one may be due already.
    void start() {
        if (ticks() || due() != checkpoint_reason::none) wake();
    }
    // So much log was written since the last checkpoint, and so large is its image.
    void log_grew(std::uint64_t log_bytes, std::uint64_t image_bytes) {
        const checkpoint_debt debt{log_bytes, 0, {}, image_bytes};
        if (checkpoint_due({chosen_.limits.log_bytes, 0, {}, {}}, debt, chosen_.rates) !=
            checkpoint_reason::none)
            wake();
    }

    // Something that host.debt() tells of wants one now.
    void ask() { wake(); }

    // A checkpoint was made, by whomever: what was in the way is gone.
    void made() {
        {
            const lock_guard<mutex> hold{mutex_};
            if (failures_ == 0) return;
            failures_ = 0;
        }
        changed_.notify_all();
    }

    //   Effects     the thread has ended; a checkpoint that it makes must be told to end by others
    void stop() {
        {
            const lock_guard<mutex> hold{mutex_};
            stop_ = true;
        }
        changed_.notify_all();
        if (thread_ && thread_->joinable()) thread_->join();
    }

    // The last one that it made has failed, and there was none since.
    [[nodiscard]] bool failing() const {
        const lock_guard<mutex> hold{mutex_};
        return failures_ != 0;
    }
    [[nodiscard]] recovery_objectives objectives() const {
        const lock_guard<mutex> hold{mutex_};
        return objectives_;
    }

private:
    using mutex = typename Platform::mutex;

    [[nodiscard]] bool ticks() const noexcept {
        return chosen_.limits.need_a_clock() || chosen_.point_objective != nanoseconds{} ||
               chosen_.time_objective != nanoseconds{};
    }
    [[nodiscard]] bool look_later() const {
        if constexpr (requires { host_->look_later(); }) return host_->look_later();
        else return false;
    }
    [[nodiscard]] checkpoint_reason due() const {
        return checkpoint_due(chosen_.limits, host_->debt(), chosen_.rates);
    }

    void wake() {
        const lock_guard<mutex> hold{mutex_};
        if (stop_) return;
        asked_ = true;
        if (!thread_) thread_.emplace([this] { work(); });
        else changed_.notify_all();
    }

    void work() {
        Platform::parking::name_thread("checkpoints");
        unique_lock<mutex> hold{mutex_};
        while (!stop_) {
            asked_ = false;
            hold.unlock();
            look();
            const bool sound = due() == checkpoint_reason::none || host_->make();
            look();
            const bool later = sound && look_later();
            hold.lock();
            failures_ = sound ? 0 : failures_ + 1;
            rest(hold, later);
        }
    }
    //   Effects     waits until there is a reason to look again
    void rest(unique_lock<mutex>& hold, bool later) {
        if (failures_ != 0) {
            const unsigned doubled = failures_ < 6 ? failures_ - 1 : 5;
            const nanoseconds pause{chosen_.retry_after.count << doubled};
            return pause_for(pause, hold, [this] { return stop_ || failures_ == 0; });
        }
        if (later) return pause_for(chosen_.settle_after, hold, [this] { return stop_ || asked_; });
        while (!stop_ && !asked_) {
            if (!ticks()) changed_.wait(mutex_);
            else if (!changed_.wait_for(mutex_, chosen_.look_every)) return;
        }
    }
    // Objectives are looked at meanwhile.
    template <class Ends>
    void pause_for(nanoseconds pause, unique_lock<mutex>& hold, Ends ends) {
        const nanoseconds until = platform_.now() + pause;
        while (!ends() && platform_.now() < until) {
            const nanoseconds left = until - platform_.now();
            const bool looks = ticks() && chosen_.look_every < left;
            (void)changed_.wait_for(mutex_, looks ? chosen_.look_every : left);
            if (!looks || stop_) continue;
            hold.unlock();
            look();
            hold.lock();
        }
    }

    void look() {
        const nanoseconds estimate = estimated_recovery(host_->debt(), chosen_.rates);
        const nanoseconds at_risk = host_->loss_age();
        objective::change point;
        objective::change time;
        {
            const lock_guard<mutex> hold{mutex_};
            objectives_.estimate = estimate;
            point = objectives_.point.look(at_risk);
            time = objectives_.time.look(estimate);
        }
        tell(point, "recovery point", at_risk, chosen_.point_objective);
        tell(time, "recovery time", estimate, chosen_.time_objective);
    }
    void tell(objective::change what, const char* which, nanoseconds now, nanoseconds most) {
        if (what == objective::change::none) return;
        const bool missed = what == objective::change::missed;
        host_->note(event{missed ? event_code::objective_missed : event_code::objective_met}
                        .about(which)
                        .with("now_ns", static_cast<std::uint64_t>(now.count))
                        .with("objective_ns", static_cast<std::uint64_t>(most.count)));
    }

    Platform platform_;
    Host* host_;
    const settings chosen_;

    mutable mutex mutex_;  // protects all below, but thread_ from stop() on
    typename Platform::condition changed_;
    recovery_objectives objectives_;
    unsigned failures_ = 0;  // in a row
    bool asked_ = false;
    bool stop_ = false;
    std::optional<typename Platform::thread> thread_;
};

}  // namespace mantis
