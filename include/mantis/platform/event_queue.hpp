// SPDX-License-Identifier: BSL-1.0
//
// Takes the events of components, which may hold latches, and tells them to a listener where none
// is held.
//
//   event_queue<posix> events{options.events};
//   component made{..., events.sink()};                    // notes, whatever it holds
//   const event_delivery told{&events};                    // first in a function, so last to end
//
// Invariants:
//   1. what was noted is told once, in the order of noting, unless more than max_waiting wait: then
//      the newest are counted, and the count is told in their place
//   2. one thread tells at a time; another one that comes to tell leaves it to the first
//   3. the listener is called without the latch
//
// Threads: any number. Without a listener noting and telling cost a load.
#pragma once

#include "../core/event.hpp"
#include "guard.hpp"

#include <vector>

namespace mantis {

template <class Platform>
class event_queue {
public:
    static constexpr std::size_t max_waiting = 256;

    explicit event_queue(event_listener to = {}) noexcept : to_{to} {}
    event_queue(const event_queue&) = delete;
    event_queue& operator=(const event_queue&) = delete;

    // What to give to a component; as long as the queue lives.
    [[nodiscard]] event_sink sink() noexcept {
        return to_.tell == nullptr ? event_sink{} : event_sink{&event_queue::note_in, this};
    }

    void note(const event& what) {
        if (to_.tell == nullptr) return;
        const lock_guard hold{latch_};
        if (waiting_.size() >= max_waiting) ++dropped_;
        else waiting_.push_back({what, bytes{what.subject()}});
        any_.store(1, order::relaxed);
    }

    //   Requires    the caller holds nothing that the listener may need
    //   Effects     what was noted before is told, now or by the thread that is telling already
    void deliver() {
        if (to_.tell == nullptr || any_.load(order::relaxed) == 0) return;
        unique_lock hold{latch_};
        if (telling_) return;
        telling_ = true;
        while (take()) {
            hold.unlock();
            for (noted& each : told_) to_.tell(to_.context, each.what.about(each.subject));
            hold.lock();
        }
        telling_ = false;
    }

private:
    using order = typename Platform::memory_order;
    struct noted {
        event what;
        bytes subject;
    };

    static void note_in(void* self, const event& what) {
        static_cast<event_queue*>(self)->note(what);
    }

    //   Requires    latch_
    //   Returns     whether told_ has something to tell
    bool take() {
        told_.clear();
        told_.swap(waiting_);
        if (dropped_ != 0)
            told_.push_back({event{event_code::events_dropped}.with("count", dropped_), {}});
        dropped_ = 0;
        any_.store(0, order::relaxed);
        return !told_.empty();
    }

    const event_listener to_;
    // Something is waiting. Relaxed: who noted it delivers it, or comes behind one who does.
    typename Platform::template atomic<std::uint32_t> any_{0};
    typename Platform::mutex latch_;  // protects all below
    std::vector<noted> waiting_;
    std::uint64_t dropped_ = 0;
    bool telling_ = false;
    std::vector<noted> told_;  // of the thread that tells
};

// Tells what was noted when it ends; before everything else in its scope, so that latches taken
// later are free by then.
template <class Platform>
class [[nodiscard]] event_delivery {
public:
    explicit event_delivery(event_queue<Platform>* of) noexcept : of_{of} {}
    event_delivery(const event_delivery&) = delete;
    event_delivery& operator=(const event_delivery&) = delete;
    ~event_delivery() {
        if (of_ != nullptr) of_->deliver();
    }

private:
    event_queue<Platform>* of_;
};

}  // namespace mantis
