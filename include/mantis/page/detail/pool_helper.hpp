// SPDX-License-Identifier: BSL-1.0
//
// The thread of a buffer pool: loads pages before they are asked for, and writes dirty ones before
// their frames are needed. Made when there is something to do for the first time; else it sleeps
// without a timer.
//
// States:
//   none     --load_soon(), clean_soon()-->  working
//   working  ----------------------------->  asleep     nothing is left to do
//   asleep   --load_soon(), clean_soon()-->  working
//   any      --stop()--------------------->  stopped    for good; what it does then is finished
//
// Threads: any number, also with the pool's mutex held; stop() alone, without it.
#pragma once

#include "../../core/ids.hpp"
#include "../../platform/guard.hpp"
#include "../../platform/platform.hpp"

#include <optional>

namespace mantis::detail {

// Both are called by the thread, with no mutex held.
struct pool_work {
    void (*load)(void* context, page_id page) = nullptr;
    void (*clean)(void* context) = nullptr;
    void* context = nullptr;
};

template <class Platform>
class pool_helper {
public:
    static constexpr std::size_t most_loads = 64;

    explicit pool_helper(pool_work work) noexcept : work_{work} {}
    pool_helper(const pool_helper&) = delete;
    pool_helper& operator=(const pool_helper&) = delete;
    ~pool_helper() { stop(); }

    //   Returns     false: as many wait already as there may
    [[nodiscard]] bool load_soon(page_id page) {
        const lock_guard<mutex> hold{mutex_};
        if (stopped_ || load_count_ == most_loads) return false;
        loads_[(first_load_ + load_count_++) % most_loads] = page;
        wake();
        return true;
    }
    void clean_soon() {
        const lock_guard<mutex> hold{mutex_};
        if (stopped_) return;
        clean_ = true;
        wake();
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

    //   Requires    mutex_
    void wake() {
        if (!thread_) thread_.emplace([this] { run(); });
        else changed_.notify_one();
    }
    // Frames first: loads need some.
    void run() {
        Platform::parking::name_thread("page helper");
        unique_lock<mutex> hold{mutex_};
        while (!stopped_) {
            if (std::exchange(clean_, false)) {
                hold.unlock();
                work_.clean(work_.context);
                hold.lock();
            } else if (load_count_ != 0) {
                const page_id page = loads_[first_load_];
                first_load_ = (first_load_ + 1) % most_loads;
                --load_count_;
                hold.unlock();
                work_.load(work_.context, page);
                hold.lock();
            } else {
                changed_.wait(mutex_);
            }
        }
    }

    const pool_work work_;
    mutex mutex_;  // protects all below, but thread_ from stop() on
    typename Platform::condition changed_;
    page_id loads_[most_loads] = {};
    std::size_t first_load_ = 0;
    std::size_t load_count_ = 0;
    bool clean_ = false;
    bool stopped_ = false;
    std::optional<typename Platform::thread> thread_;
};

}  // namespace mantis::detail
