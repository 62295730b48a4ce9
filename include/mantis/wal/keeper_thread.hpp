// SPDX-License-Identifier: BSL-1.0
//
// The thread that archives and removes segments beside a writer.
//
//   keeper_thread<posix, keeper, writer> keeping{keeper, writer};
//   keeping.look();              // at each segment_begun: the one before is complete
//   keeping.needed_from(C);      // a checkpoint covers all before C: that may go
//
// It is made with the first call that gives it something to do, and waits without a timer; only
// where the archive failed, or a complete segment is not durable yet, it looks again by itself.
//
// Threads: any number at once, but stop() and the destructor.
#pragma once

#include "../core/ids.hpp"
#include "../sync/detail/helper_thread.hpp"

namespace mantis {

// Called by the thread after each look, with no latch held.
struct keeper_listener {
    void (*looked)(void* context) = nullptr;
    void* context = nullptr;

    void operator()() const {
        if (looked != nullptr) looked(context);
    }
};

template <class Platform, class Keeper, class Log>
class keeper_thread {
public:
    //   Requires    `keeper` and `log` outlive it
    //   Units       `again`: after which it looks by itself
    keeper_thread(Keeper& keeper, Log& log, keeper_listener told = {},
                  nanoseconds again = seconds(1))
        : keeper_{&keeper}, log_{&log}, told_{told}, again_{again} {}
    keeper_thread(const keeper_thread&) = delete;
    keeper_thread& operator=(const keeper_thread&) = delete;

    //   Effects     the sealed segments are archived, and what is not needed is removed, soon
    //   Threads     also with latches of the log held
    void look() { helper_.ask(); }

    //   Requires    the state of the database without the log before `checkpoint` is durable
    //   Effects     it may be removed from now on; an earlier position changes nothing
    void needed_from(lsn checkpoint) {
        {
            const lock_guard<mutex> hold{mutex_};
            if (checkpoint > checkpoint_) checkpoint_ = checkpoint;
        }
        helper_.ask();
    }

    //   Effects     the thread has ended
    void stop() { helper_.stop(); }

private:
    using mutex = typename Platform::mutex;

    //   Returns     when to come again: something is left to do, and nobody will say when
    nanoseconds work() {
        const lsn checkpoint = needed();
        const auto archived = keeper_->archive(log_->durable());
        if (checkpoint != lsn{}) (void)keeper_->remove_unneeded(checkpoint, log_->durable());
        // Nor does the writer know any more whether the names of its segments survive.
        if (const auto lost = keeper_->names_lost()) log_->stop(*lost);
        told_();
        return !archived || *archived ? again_ : nanoseconds{};
    }
    [[nodiscard]] lsn needed() {
        const lock_guard<mutex> hold{mutex_};
        return checkpoint_;
    }

    Keeper* keeper_;
    Log* log_;
    const keeper_listener told_;
    const nanoseconds again_;

    mutex mutex_;
    lsn checkpoint_;  // 0: none, and nothing is removed
    detail::helper_thread<Platform> helper_{
        {[](void* self) { return static_cast<keeper_thread*>(self)->work(); }, this}, "log keeper"};
};

}  // namespace mantis
