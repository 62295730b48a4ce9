// SPDX-License-Identifier: BSL-1.0
//
// Keeps what a power failure may take of a log inside a window: so long ago at most, and so many
// bytes, whichever is less.
//
//   periodic_sync<posix, log> syncing{posix{}, writer, {.period = milliseconds(100)}};
//   writer.wait_written(end);
//   syncing.note(end, true);       // answered; durable 100 ms from now at the latest
//
// How it works:
//   1. note() is told of each commit that is answered before it is durable.
//   2. A thread, made with the first one that is due, syncs the log when the oldest of them has
//      waited for half the period, or when half the bytes have come together: the other half is
//      what the disk may take. Where nothing is due it waits without a timer.
//   3. A disk or a machine too slow for that is not hidden: window() tells how often the window was
//      exceeded, and by how much, and what is not durable at this moment.
//
// A failed sync stops the log for good, and the thread ends; what was not durable then goes on
// growing old in window().
//
// Invariants:
//   1. every commit noted as due is durable, or has waited less than half the period, or the thread
//      is about to sync it
//   2. window() never tells less than a power failure would take of the commits noted
//
// Threads: any number at once, but stop() and the destructor.
#pragma once

#include "detail/unsynced_marks.hpp"

#include "../platform/guard.hpp"

#include <optional>

namespace mantis {

// What may be lost, as it is promised.
struct sync_limits {
    nanoseconds period = milliseconds(100);
    std::uint64_t bytes = 0;  // of the log; 0: no bound
};

// Called by the thread that syncs after a sync that failed, with no latch held.
struct sync_failure_listener {
    void (*failed)(void* context) = nullptr;
    void* context = nullptr;

    void operator()() const {
        if (failed != nullptr) failed(context);
    }
};

// What may be lost, as it is.
struct loss_window {
    // A power failure at this moment would take so much of the log that was answered,
    std::uint64_t bytes = 0;
    // and the oldest commit among it was answered so long ago; told up to a few percent too long.
    nanoseconds age;
    // How often what had to be durable within the period was not, and the longest it ever took. A
    // sync that somebody else asked for may be seen late, and is then counted as late.
    std::uint64_t exceeded_period = 0;
    nanoseconds longest;
    // How often there was more than the bytes allowed, and the most there ever was.
    std::uint64_t exceeded_bytes = 0;
    std::uint64_t most_bytes = 0;
};

template <class Platform, class Log>
class periodic_sync {
public:
    //   Requires    `log` outlives it
    periodic_sync(Platform world, Log& log, sync_limits promised, sync_failure_listener failed = {})
        : platform_{std::move(world)}, log_{&log}, promised_{promised}, failed_{failed} {}
    periodic_sync(const periodic_sync&) = delete;
    periodic_sync& operator=(const periodic_sync&) = delete;
    ~periodic_sync() { stop(); }

    // A commit is about to be answered that was not durable a moment ago.
    //   Requires    `position` was appended and is written; called before the answer
    //   Effects     if `due`, it is durable within the window
    void note(lsn position, bool due) {
        const lock_guard<mutex> hold{mutex_};
        const nanoseconds now = settle();
        const lsn durable = log_->durable();
        if (position <= durable) return;
        marks_.add(position, now, due, {promised_.period.count / steps});
        if (!due) return;
        judge_bytes(marks_.end().value - durable.value);
        if (!thread_) thread_.emplace([this] { work(); });
        const bool hurry = !hurried_ && too_many(durable);
        if (hurry) hurried_ = true;
        if (idle_ || hurry) changed_.notify_all();
    }

    [[nodiscard]] loss_window window() {
        const lock_guard<mutex> hold{mutex_};
        const nanoseconds now = platform_.now();
        const lsn durable = log_->durable();
        loss_window told = so_far_;
        if (const auto* const oldest = marks_.first(durable)) {
            told.bytes = marks_.end().value - durable.value;
            told.age = now - oldest->at;
        }
        return told;
    }

    //   Effects     the thread has ended; nothing is synced any more
    void stop() {
        {
            const lock_guard<mutex> hold{mutex_};
            stop_ = true;
        }
        changed_.notify_all();
        if (thread_ && thread_->joinable()) thread_->join();
    }

private:
    using mutex = typename Platform::mutex;

    // Of a period: how finely the times of commits are told apart.
    static constexpr std::int64_t steps = 32;

    void work() {
        Platform::parking::name_thread("log sync");
        unique_lock<mutex> hold{mutex_};
        while (!stop_) {
            const nanoseconds now = settle();
            const nanoseconds due = marks_.due();
            if (due == detail::unsynced_mark::never) {
                idle_ = true;
                changed_.wait(mutex_);
                idle_ = false;
                continue;
            }
            const nanoseconds left = due + nanoseconds{promised_.period.count / 2} - now;
            if (left > nanoseconds{} && !too_many(log_->durable())) {
                hurried_ = false;
                (void)changed_.wait_for(mutex_, left);
                continue;
            }
            marks_.seal();
            hold.unlock();
            const bool synced = log_->sync().has_value();
            hold.lock();
            if (synced) continue;
            hold.unlock();
            failed_();  // the next commit answers it, if there is one
            return;
        }
    }

    //   Requires    mutex_
    //   Returns     the time
    nanoseconds settle() {
        const nanoseconds now = platform_.now();
        const lsn durable = log_->durable();
        const nanoseconds took = now - marks_.settle(durable, now);
        if (took > so_far_.longest) so_far_.longest = took;
        if (took > promised_.period) ++so_far_.exceeded_period;
        if (marks_.end() <= durable) over_bytes_ = false;
        return now;
    }

    [[nodiscard]] bool too_many(lsn durable) const noexcept {
        return promised_.bytes != 0 && marks_.end() > durable &&
               marks_.end().value - durable.value >= promised_.bytes / 2;
    }
    void judge_bytes(std::uint64_t now) noexcept {
        if (now > so_far_.most_bytes) so_far_.most_bytes = now;
        const bool over = promised_.bytes != 0 && now > promised_.bytes;
        if (over && !over_bytes_) ++so_far_.exceeded_bytes;
        over_bytes_ = over;
    }

    Platform platform_;
    Log* log_;
    const sync_limits promised_;
    const sync_failure_listener failed_;

    mutex mutex_;  // protects all below, but thread_ from stop() on
    typename Platform::condition changed_;
    detail::unsynced_marks marks_;
    loss_window so_far_;  // but its bytes and age
    bool over_bytes_ = false;
    bool hurried_ = false;  // the thread knows of too many bytes, or will look
    bool idle_ = false;     // the thread waits without a timer
    bool stop_ = false;
    std::optional<typename Platform::thread> thread_;
};

}  // namespace mantis
