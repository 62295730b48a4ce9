// SPDX-License-Identifier: BSL-1.0
//
// What one owner has, or waits for, at one resource; and the list of whom to wake.
//
// A request of a lock that is taken again in a stronger mode stays what it is: `held` is what it
// has, `wanted` what it waits for. The owner keeps its intents on the store and on tables in
// requests of its own, which are in no queue (not `shared`) until somebody asks for a strong lock
// there; all others come from the pool of a shard and go back there.
//
// Threads: what says "the owner" belongs to the thread that uses the owner; the rest is protected
// by the latch of the shard the head is in.
#pragma once

#include "../../core/error.hpp"
#include "../../core/ids.hpp"
#include "../../core/units.hpp"
#include "../mode.hpp"
#include "request_list.hpp"

namespace mantis::detail {

template <class Platform>
struct lock_head;
template <class Platform>
struct lock_owner_core;
template <class Platform>
class lock_shard;

// How a wait stands; in lock_request::state. Whoever ends a wait wakes the waiter if it parked.
enum lock_wait : std::uint32_t {
    lock_waiting,  // and looks at the state now and then
    lock_parked,   // waits, and has to be woken
    lock_granted,  // the request holds what it wanted, and is out of the queue
    lock_compete,  // the lock is free: come and take it, if nobody else has by then
    lock_refused,  // the request is out of the queue; `refusal` says why
};

// The lists of a head.
struct in_granted;
struct in_waiting;

template <class Platform>
struct lock_request : list_link<in_granted>, list_link<in_waiting> {
    lock_owner_core<Platform>* owner = nullptr;
    lock_head<Platform>* head = nullptr;
    lock_mode held = lock_mode::none;
    lock_mode wanted = lock_mode::none;
    std::uint8_t priority = 0;
    bool pooled = false;     // not one of the owner's own
    bool escalated = false;  // stands for locks below it
    error_code refusal = error_code::deadlock;
    std::uint32_t passed = 0;                 // how often somebody who came later was let ahead
    lock_mode wanted_last = lock_mode::none;  // by the last wait
    lock_shard<Platform>* home = nullptr;     // whose latch
    nanoseconds since;                        // when the wait began
    const char* site = "";                    // who asked, in the words of the caller
    typename Platform::parking::word state{lock_granted};
    typename Platform::parking::word contended{0};  // of an escalated one: somebody waits for it

    // The owner's.
    std::uint32_t position = 0;     // in its list of pooled requests
    lock_request* above = nullptr;  // of a pooled one: the owner's request for what it is in
    std::uint32_t children = 0;     // locks of the owner below this one
    table_id table;                 // of a request of the owner's own
    bool in_use = false;            // of a request of the owner's own: it is held, not only kept
    bool shared = false;  // of a request of the owner's own: it is in the queue, or will be
    bool strong = false;  // counted as a strong lock
    lock_mode listed = lock_mode::none;  // of a range: nothing it meets is in the way of that
    lock_mode plain = lock_mode::none;   // of an escalated one: what it would have else
    std::uint32_t next_escalation = 0;   // not before there are as many children
};

// The waits that ended under a latch, to be told once it is let go. Requests are never freed while
// their table lives, so that a wake-up that comes late only wakes for no reason.
template <class Platform>
class lock_wake_list {
public:
    using resume_function = void (*)(lock_owner_core<Platform>&);

    lock_wake_list() = default;
    lock_wake_list(const lock_wake_list&) = delete;
    lock_wake_list& operator=(const lock_wake_list&) = delete;
    //   Requires    no latch is held
    ~lock_wake_list() {
        if (count_ != 0 || resumed_.first != nullptr) wake();
    }

    //   Requires    the latch of the request's shard
    void add(lock_request<Platform>& request, lock_wait state) {
        // Once it is told, a waiter may go on and begin an asynchronous lock: so this comes first.
        const bool asynchronous = request.owner->resume != nullptr;
        const bool parked = request.state.exchange(state) == lock_parked;
        if (asynchronous) {
            if (state != lock_compete) resumed_.push(*request.owner);
            return;
        }
        if (!parked) return;
        if (count_ == most) wake_parked();
        words_[count_++] = &request.state;
    }
    void wake() {
        wake_parked();
        if (resumed_.first != nullptr) resume();
    }

private:
    static constexpr std::size_t most = 16;

    // First in, first out.
    struct owner_line {
        lock_owner_core<Platform>* first = nullptr;
        lock_owner_core<Platform>* last = nullptr;

        void push(lock_owner_core<Platform>& owner) noexcept {
            owner.next_resumed = nullptr;
            (first == nullptr ? first : last->next_resumed) = &owner;
            last = &owner;
        }
        [[nodiscard]] lock_owner_core<Platform>& pop() noexcept {
            lock_owner_core<Platform>& popped = *first;
            first = popped.next_resumed;
            return popped;
        }
    };
    // What one thread goes on with. A callback that releases locks adds to it: so it is a loop,
    // however many wait for each other.
    struct resuming {
        owner_line line;
        bool under_way = false;
    };

    void resume() {
        resuming& mine = Platform::parking::template own<resuming>();
        while (resumed_.first != nullptr) mine.line.push(resumed_.pop());
        if (std::exchange(mine.under_way, true)) return;
        while (mine.line.first != nullptr) {
            lock_owner_core<Platform>& next = mine.line.pop();
            next.resume(next);
        }
        mine.under_way = false;
    }
    void wake_parked() {
        for (std::size_t i = 0; i < count_; ++i) Platform::parking::wake(*words_[i], 1);
        count_ = 0;
    }

    typename Platform::parking::word* words_[most];
    std::size_t count_ = 0;
    owner_line resumed_;
};

}  // namespace mantis::detail
