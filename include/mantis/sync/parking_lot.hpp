// SPDX-License-Identifier: BSL-1.0
//
// Where threads queue for things that have no room for a queue of their own: one table for the
// whole process, keyed by address.
//
// For those who write locks: a lock of a few bytes says in them that somebody waits, and everything
// else about who waits is here. Under the latch of a key's bucket the lock sees the queue of the
// key, so what it decides there about its waiters and its own word happens in one step for all who
// wait.
//
//   park     puts a waiter into the queue, asks the lock whether it shall sleep there, and lets it
//   unpark   lets the lock choose whom to take out of the queue, and wakes those
//
// State of a waiter, which is a record on the stack of its thread:
//   outside   --park-->            queued
//   queued    --take, by another-> taken       under the latch; with a message from the taker
//   queued    --its deadline-->    outside     under the latch, by its own thread
//   queued    --"do not sleep"-->  outside     under the latch, by its own thread
//   taken     --signal-->          outside     after the latch is free again; the taker's last
//                                              access to the record
//
// Invariants:
//   1. a queue and the records in it change only under the latch of the bucket
//   2. of a waiter's deadline and its being taken exactly one happens: whoever is taken stays to
//      hear the signal, also when the deadline has passed, and owns what it was handed
//   3. a record that was signalled is not touched again, for its thread may be gone; the wake-up
//      that follows uses the address alone, and may reach another who then wakes without a cause
//   4. waiters of one key are queued in the order of their tickets. A waiter keeps its ticket when
//      it parks again, and so its place
//
// Threads: any number.
#pragma once

#include "word_latch.hpp"

namespace mantis {

enum class park_result : std::uint8_t {
    woken,      // somebody took it out of the queue; waiter::message() says what for
    timed_out,  // it left the queue at its deadline
    refused,    // it was told not to sleep
};

template <class Platform>
class parking_lot {
    using parking = typename Platform::parking;
    struct bucket;

public:
    class queue;

    // One who waits; lives on the stack of its thread, for one wait with all its attempts.
    class waiter {
    public:
        //   Requires    kind and priority mean what the lock wants them to; a higher priority is
        //               preferred by queue::preferred()
        explicit waiter(std::uint8_t kind, std::uint8_t priority = 0) noexcept
            : kind_{kind}, priority_{priority} {}
        waiter(const waiter&) = delete;
        waiter& operator=(const waiter&) = delete;

        [[nodiscard]] std::uint8_t kind() const noexcept { return kind_; }
        [[nodiscard]] std::uint8_t priority() const noexcept { return priority_; }
        // When it was queued for the first time.
        [[nodiscard]] nanoseconds since() const noexcept { return since_; }
        // From the one who took it, after park_result::woken.
        [[nodiscard]] std::uint32_t message() const noexcept { return message_; }

    private:
        friend class parking_lot;
        friend class queue;

        const void* key_ = nullptr;
        waiter* before_ = nullptr;
        waiter* after_ = nullptr;  // once taken: the next of those that are
        std::uint64_t ticket_ = 0;
        nanoseconds since_{};
        std::uint32_t message_ = 0;
        const std::uint8_t kind_;
        const std::uint8_t priority_;
        bool queued_ = false;
        typename parking::word signal_{0};
    };

    // Those who wait for one key, the one with the oldest ticket first; for callbacks only.
    //   Threads     the one that holds the bucket's latch
    class queue {
    public:
        queue(const queue&) = delete;
        queue& operator=(const queue&) = delete;

        [[nodiscard]] bool empty() const noexcept { return seek(home_.first) == nullptr; }
        //   Complexity  linear in the waiters of the bucket, as are the next three
        [[nodiscard]] std::uint32_t count(std::uint8_t kind) const noexcept {
            std::uint32_t found = 0;
            for (const waiter* at = oldest(kind); at != nullptr; at = seek(at->after_, kind))
                ++found;
            return found;
        }
        //   Returns     the one of this kind who has waited longest, or nullptr
        [[nodiscard]] waiter* oldest(std::uint8_t kind) const noexcept {
            return seek(home_.first, kind);
        }
        //   Returns     the oldest of the highest priority among those of this kind, or nullptr
        [[nodiscard]] waiter* preferred(std::uint8_t kind) const noexcept {
            waiter* best = oldest(kind);
            for (waiter* at = best; at != nullptr; at = seek(at->after_, kind))
                if (at->priority_ > best->priority_) best = at;
            return best;
        }
        //   Requires    chosen is in this queue
        //   Effects     it is not any more, and hears `message` once the latch is free
        void take(waiter& chosen, std::uint32_t message) noexcept {
            home_.remove(chosen);
            chosen.message_ = message;
            (last_taken_ != nullptr ? last_taken_->after_ : first_taken_) = &chosen;
            last_taken_ = &chosen;
        }

    private:
        friend class parking_lot;

        queue(bucket& home, const void* key) noexcept : home_{home}, key_{key} {}

        [[nodiscard]] waiter* seek(waiter* from) const noexcept {
            while (from != nullptr && from->key_ != key_) from = from->after_;
            return from;
        }
        [[nodiscard]] waiter* seek(waiter* from, std::uint8_t kind) const noexcept {
            while (from != nullptr && (from->key_ != key_ || from->kind_ != kind))
                from = from->after_;
            return from;
        }
        //   Requires    the latch is free
        //   Effects     signals and wakes those taken, and only signals `self`, who is awake
        void wake_taken(const waiter* self) {
            for (waiter* at = first_taken_; at != nullptr;) {
                waiter* const next = at->after_;
                const bool sleeps = at != self;
                auto& signal = at->signal_;
                signal.store(1);
                if (sleeps) parking::wake(signal, 1);
                at = next;
            }
        }

        bucket& home_;
        const void* const key_;
        waiter* first_taken_ = nullptr;
        waiter* last_taken_ = nullptr;
    };

    parking_lot() = default;
    parking_lot(const parking_lot&) = delete;
    parking_lot& operator=(const parking_lot&) = delete;

    // The one of this process, or of this simulated world.
    [[nodiscard]] static parking_lot& common() { return parking::template common<parking_lot>(); }

    // Queues `self` for `key` and sleeps until it is taken out of the queue, or until the deadline.
    //   Requires    validate(queue&) -> bool: under the latch, with `self` in the queue; it may
    //               take waiters, `self` too, and says whether `self` shall sleep
    //               leave(queue&): under the latch, after `self` left at its deadline; it may take
    //               others
    //               neither parks, unparks or waits
    template <class Validate, class Leave>
    [[nodiscard]] park_result park(const void* key, waiter& self, nanoseconds deadline,
                                   Validate validate, Leave leave) {
        bucket& home = bucket_of(key);
        if (self.ticket_ == 0) self.since_ = parking::now();
        self.key_ = key;
        self.signal_.store(0);
        queue line{home, key};
        home.latch.lock();
        home.insert(self);
        const bool sleeps = validate(line);
        const bool refused = !sleeps && self.queued_;
        if (refused) home.remove(self);
        home.latch.unlock();
        line.wake_taken(&self);
        return refused ? park_result::refused : sleep(home, self, deadline, leave);
    }

    // Runs choose(queue&) under the latch of `key`, then wakes those it took.
    //   Requires    choose neither parks, unparks or waits
    template <class Choose>
    void unpark(const void* key, Choose choose) {
        bucket& home = bucket_of(key);
        queue line{home, key};
        home.latch.lock();
        choose(line);
        home.latch.unlock();
        line.wake_taken(nullptr);
    }

private:
    struct alignas(64) bucket {
        word_latch<Platform> latch;
        waiter* first = nullptr;
        waiter* last = nullptr;
        std::uint64_t last_ticket = 0;

        //   Requires    latch
        void insert(waiter& added) noexcept {
            if (added.ticket_ == 0) added.ticket_ = ++last_ticket;
            waiter* before = last;
            while (before != nullptr && before->ticket_ > added.ticket_) before = before->before_;
            added.before_ = before;
            added.after_ = before != nullptr ? before->after_ : first;
            (added.before_ != nullptr ? added.before_->after_ : first) = &added;
            (added.after_ != nullptr ? added.after_->before_ : last) = &added;
            added.queued_ = true;
        }
        //   Requires    latch, and `gone` is in this bucket
        void remove(waiter& gone) noexcept {
            (gone.before_ != nullptr ? gone.before_->after_ : first) = gone.after_;
            (gone.after_ != nullptr ? gone.after_->before_ : last) = gone.before_;
            gone.before_ = nullptr;
            gone.after_ = nullptr;
            gone.queued_ = false;
        }
    };

    [[nodiscard]] bucket& bucket_of(const void* key) noexcept {
        if constexpr (parking::shards == 1) return buckets_[0];
        const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(key));
        return buckets_[((address * 0x9e3779b97f4a7c15) >> 32) % parking::shards];
    }

    template <class Leave>
    [[nodiscard]] park_result sleep(bucket& home, waiter& self, nanoseconds deadline, Leave leave) {
        while (self.signal_.load() == 0) {
            if (parking::wait(self.signal_, 0, deadline)) continue;
            queue line{home, self.key_};
            home.latch.lock();
            const bool late = self.queued_;
            if (late) {
                home.remove(self);
                leave(line);
            }
            home.latch.unlock();
            line.wake_taken(nullptr);
            if (late) return park_result::timed_out;
            deadline = parking::never;  // it was taken, and the signal is on its way
        }
        return park_result::woken;
    }

    bucket buckets_[parking::shards];
};

}  // namespace mantis
