// SPDX-License-Identifier: BSL-1.0
//
// Makes durable what was committed buffered, by a thread of its own, while the next batch is made.
//
//   flush_behind<store> behind{db.base()};
//   ... commit, buffered ...
//   behind.committed(ids);
//   for (auto& durable : behind.take_durable()) acknowledge(durable);
//   behind.wait_all();                          // then all is durable, or failure() tells
//
// At most `ahead` batches wait for the disk; then committed() waits, too. After a failed flush
// nothing becomes durable any more.
//
// Invariant: batches become durable in the order in which they were committed, and take_durable()
// gives each of them once, after a flush that began behind its commit.
//
// Threads: one caller beside its own.
#pragma once

#include <mantis/document/document_store.hpp>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace tool {

template <class Store>
class flush_behind {
public:
    using batch = std::vector<mantis::owned_value>;  // the _ids of one commit
    static constexpr std::size_t ahead = 4;

    //   Requires    `store` outlives it
    explicit flush_behind(Store& store) : store_{store}, thread_{[this] { work(); }} {}
    flush_behind(const flush_behind&) = delete;
    flush_behind& operator=(const flush_behind&) = delete;
    //   Effects     what was committed is flushed, or was tried to be
    ~flush_behind() {
        {
            const std::lock_guard hold{mutex_};
            ended_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    void committed(batch ids) {
        std::unique_lock hold{mutex_};
        changed_.wait(hold, [&] { return failed_ || waiting_.size() + flushing_ < ahead; });
        waiting_.push_back(std::move(ids));
        changed_.notify_all();
    }
    [[nodiscard]] std::vector<batch> take_durable() {
        const std::lock_guard hold{mutex_};
        return std::exchange(durable_, {});
    }
    void wait_all() {
        std::unique_lock hold{mutex_};
        changed_.wait(hold, [&] { return failed_ || waiting_.size() + flushing_ == 0; });
    }
    [[nodiscard]] std::optional<mantis::error> failure() const {
        const std::lock_guard hold{mutex_};
        return failed_;
    }

private:
    void work() {
        std::unique_lock hold{mutex_};
        while (true) {
            changed_.wait(hold, [&] { return ended_ || !waiting_.empty(); });
            if (waiting_.empty() || failed_) return;
            std::vector<batch> now = std::exchange(waiting_, {});
            flushing_ = now.size();
            hold.unlock();
            auto flushed = store_.flush();
            hold.lock();
            flushing_ = 0;
            if (flushed)
                for (batch& each : now) durable_.push_back(std::move(each));
            else failed_ = flushed.error();
            changed_.notify_all();
        }
    }

    Store& store_;
    mutable std::mutex mutex_;  // protects all below but the thread
    std::condition_variable changed_;
    std::vector<batch> waiting_;  // committed, and no flush has begun since
    std::size_t flushing_ = 0;    // how many the flush that runs is for
    std::vector<batch> durable_;  // and not taken
    std::optional<mantis::error> failed_;
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace tool
