// SPDX-License-Identifier: BSL-1.0
//
// Redo by several threads: operations go to lanes by table and key, and each lane is one thread
// that does them in order.
//
// Operations travel in batches with their keys and values copied, for the reader's buffer moves on.
// A lane has three batches: one that is filled, one that waits, one that is worked on; who fills
// waits while one waits.
//
// Invariants:
//   1. operations of one lane are done in the order in which they were given
//   2. after a failure a lane does nothing more; the others do everything that was given before the
//      failure was noticed. So the failure with the lowest position is the one that a single thread
//      would have met
//
// Threads: the functions are for one; the lanes are its own.
#pragma once

#include "../../core/owned.hpp"
#include "../../platform/guard.hpp"
#include "../../wal/operation.hpp"

#include <optional>
#include <vector>

namespace mantis::detail {

// Where an operation comes from.
struct redo_place {
    lsn position;  // of its commit record
    lsn version;   // one past that record's end
};

struct redo_failure {
    redo_place at;
    error why;
};

// Apply is called as apply(targets, place, op) -> result<void>.
template <class Platform, class Apply>
class redo_lanes {
public:
    //   Requires    count > 0; `apply` outlives the lanes and may be called by all at once
    redo_lanes(Apply& apply, unsigned count) {
        for (unsigned i = 0; i < count; ++i) lanes_.push_back(owned<lane>{new lane{apply}});
        for (auto& each : lanes_) each->start();
    }
    redo_lanes(const redo_lanes&) = delete;
    redo_lanes& operator=(const redo_lanes&) = delete;
    ~redo_lanes() { end(); }

    [[nodiscard]] std::size_t count() const noexcept { return lanes_.size(); }

    //   Effects     lane `at` will do it for these targets
    //   Returns     false if some lane is known to have failed: nothing more need be given
    bool give(std::size_t at, std::uint64_t targets, redo_place place, const operation& op) {
        return lanes_[at]->give(targets, place, op);
    }
    //   Effects     everything given is done, or a lane failed
    //   Returns     whether none has
    bool settle() {
        for (auto& each : lanes_) each->hand_over();
        bool sound = true;
        for (auto& each : lanes_) sound = each->settled() && sound;
        return sound;
    }
    //   Effects     everything given is done, or failed, and the threads are gone
    //   Returns     the first failure, in the order of the log
    std::optional<redo_failure> end() {
        (void)settle();
        std::optional<redo_failure> first;
        for (auto& each : lanes_)
            if (auto failed = each->stop();
                failed && (!first || failed->at.position < first->at.position))
                first.emplace(std::move(*failed));
        lanes_.clear();
        return first;
    }

private:
    using mutex = typename Platform::mutex;

    struct item {
        std::uint64_t targets;
        redo_place place;
        operation_kind kind;
        table_id table;
        std::size_t key_bytes;
        std::size_t value_bytes;
    };
    static constexpr std::size_t batch_bytes = 64 * 1024;
    struct batch {
        std::vector<item> items;
        bytes data;  // keys and values, in order

        void swap(batch& other) noexcept {
            items.swap(other.items);
            data.swap(other.data);
        }
        void clear() noexcept {
            items.clear();
            data.clear();
            if (data.capacity() > 2 * batch_bytes) data = bytes{};  // of a large value
        }
    };

    class lane {
    public:
        explicit lane(Apply& apply) noexcept : apply_{&apply} {}

        void start() {
            thread_.emplace([this] { work(); });
        }

        bool give(std::uint64_t targets, redo_place place, const operation& op) {
            filling_.items.push_back(
                {targets, place, op.kind, op.table, op.key.size(), op.value.size()});
            filling_.data.append(op.key);
            filling_.data.append(op.value);
            return filling_.data.size() + filling_.items.size() * sizeof(item) < batch_bytes ||
                   hand_over();
        }
        bool hand_over() {
            unique_lock<mutex> hold{mutex_};
            if (filling_.items.empty()) return !failed_;
            while (!waiting_.items.empty()) changed_.wait(mutex_);
            filling_.swap(waiting_);
            changed_.notify_all();
            return !failed_;
        }
        bool settled() {
            unique_lock<mutex> hold{mutex_};
            while (busy_ || !waiting_.items.empty()) changed_.wait(mutex_);
            return !failed_;
        }
        std::optional<redo_failure> stop() {
            {
                lock_guard<mutex> hold{mutex_};
                ended_ = true;
                changed_.notify_all();
            }
            thread_->join();
            return std::move(failed_);
        }

    private:
        void work() {
            unique_lock<mutex> hold{mutex_};
            while (true) {
                while (waiting_.items.empty() && !ended_) changed_.wait(mutex_);
                if (waiting_.items.empty()) return;
                working_.swap(waiting_);
                busy_ = true;
                const bool sound = !failed_;
                changed_.notify_all();
                hold.unlock();
                std::optional<redo_failure> failed;
                if (sound) failed = redo();
                working_.clear();
                hold.lock();
                if (failed) failed_ = std::move(failed);
                busy_ = false;
                changed_.notify_all();
            }
        }
        std::optional<redo_failure> redo() {
            bytes_view rest = working_.data;
            for (const item& each : working_.items) {
                const operation op{each.kind,
                                   each.table,
                                   rest.first(each.key_bytes),
                                   rest.part(each.key_bytes, each.value_bytes),
                                   {}};
                rest = rest.from(each.key_bytes + each.value_bytes);
                if (auto done = (*apply_)(each.targets, each.place, op); !done)
                    return redo_failure{each.place, done.error()};
            }
            return std::nullopt;
        }

        Apply* apply_;
        batch filling_;  // of the giver
        batch working_;  // of the thread
        mutex mutex_;
        typename Platform::condition changed_;
        batch waiting_;
        bool busy_ = false;
        bool ended_ = false;
        std::optional<redo_failure> failed_;
        std::optional<typename Platform::thread> thread_;
    };

    std::vector<owned<lane>> lanes_;
};

}  // namespace mantis::detail
