// SPDX-License-Identifier: BSL-1.0
//
// What the thread of a buffer pool does: loads pages before they are asked for, and writes dirty
// ones before their frames are needed.
//
// Threads: any number, also with the pool's mutex held; stop() alone, without it. What the thread
// does then is finished, and what waits is forgotten.
#pragma once

#include "../../core/ids.hpp"
#include "../../sync/detail/helper_thread.hpp"

#include <utility>

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
        {
            const lock_guard<mutex> hold{mutex_};
            if (stopped_ || load_count_ == most_loads) return false;
            loads_[(first_load_ + load_count_++) % most_loads] = page;
        }
        thread_.ask();
        return true;
    }
    void clean_soon() {
        {
            const lock_guard<mutex> hold{mutex_};
            clean_ = true;
        }
        thread_.ask();
    }
    void stop() {
        {
            const lock_guard<mutex> hold{mutex_};
            stopped_ = true;
        }
        thread_.stop();
    }

private:
    using mutex = typename Platform::mutex;

    static nanoseconds serve(void* self) {
        static_cast<pool_helper*>(self)->serve();
        return {};
    }
    // Frames first: loads need some.
    void serve() {
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
                return;
            }
        }
    }

    const pool_work work_;
    mutex mutex_;  // protects what follows, but thread_
    page_id loads_[most_loads] = {};
    std::size_t first_load_ = 0;
    std::size_t load_count_ = 0;
    bool clean_ = false;
    bool stopped_ = false;
    helper_thread<Platform> thread_{{&pool_helper::serve, this}, "page helper"};  // ends first
};

}  // namespace mantis::detail
