// SPDX-License-Identifier: BSL-1.0
//
// A thread for the work that nobody has to wait for. Made when it is asked for the first time;
// where nothing is asked of it, it sleeps without a timer.
//
// States:
//   none     --ask()-->   asked
//   asked    --run()-->   working     asked again meanwhile: once more, however often
//   working  ---------->  asleep      for as long as the work says, or until ask()
//   any      --stop()-->  stopped     for good; work that has begun is finished first
//
// Threads: ask() any number at once; stop() alone.
#pragma once

#include "../../core/units.hpp"
#include "../../platform/guard.hpp"
#include "../../platform/platform.hpp"

#include <optional>

namespace mantis::detail {

// Does what there is to do; no latch is held.
//   Returns     when to call it again without being asked; 0: never
struct helper_work {
    nanoseconds (*call)(void* context) = nullptr;
    void* context = nullptr;

    nanoseconds operator()() const { return call(context); }
};

template <class Platform>
class helper_thread {
public:
    //   Requires    `name` lives for ever
    helper_thread(helper_work work, const char* name) noexcept : work_{work}, name_{name} {}
    helper_thread(const helper_thread&) = delete;
    helper_thread& operator=(const helper_thread&) = delete;
    ~helper_thread() { stop(); }

    //   Effects     the work is done once more, from its beginning; nothing after stop()
    void ask() {
        const lock_guard<mutex> hold{mutex_};
        if (stopped_) return;
        asked_ = true;
        if (!thread_) thread_.emplace([this] { run(); });
        else changed_.notify_one();
    }
    void stop() {
        {
            const lock_guard<mutex> hold{mutex_};
            stopped_ = true;
        }
        changed_.notify_one();
        if (thread_ && thread_->joinable()) thread_->join();
    }

private:
    using mutex = typename Platform::mutex;

    void run() {
        Platform::parking::name_thread(name_);
        unique_lock<mutex> hold{mutex_};
        nanoseconds again;
        while (!stopped_) {
            if (!asked_ && again.count == 0) changed_.wait(mutex_);
            else if (!asked_) asked_ = !changed_.wait_for(mutex_, again);
            if (stopped_ || !asked_) continue;
            asked_ = false;
            hold.unlock();
            again = work_();
            hold.lock();
        }
    }

    const helper_work work_;
    const char* const name_;
    mutex mutex_;  // protects all below, but thread_ from stop() on
    typename Platform::condition changed_;
    bool asked_ = false;
    bool stopped_ = false;
    std::optional<typename Platform::thread> thread_;
};

}  // namespace mantis::detail
