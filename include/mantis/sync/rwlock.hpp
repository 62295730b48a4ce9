// SPDX-License-Identifier: BSL-1.0
//
// A reader-writer lock of eight bytes that prefers writers and bounds how long anybody is passed
// over.
//
// Use it for short critical sections with many readers. Not recursive: a thread that holds a read
// lock and asks for another dead-locks once a writer waits; the watch `checked_use` names that
// thread.
//
// A writer that has to sleep announces itself: readers that come later stay out until a writer was
// inside. Among writers that sleep the highest priority is woken first. A thread that runs may take
// a free lock before one that was woken for it, and a reader one that is not announced to others:
// a lock that waits for sleepers lies idle. How often anybody may be passed by is stated by the
// bound: see rwlock_bound.hpp. Who cannot enter spins briefly before it sleeps.
//
// State: one 64-bit word, rwlock_word.hpp; and who sleeps, in the queue of the parking lot for the
// address of the lock.
//   free     --lock-->                       writing   unless somebody is due, see rule 5
//   free     --lock_shared-->                reading   if no writer is announced
//   reading  --lock_shared-->                reading   if no writer is announced, and no upgrader
//   reading  --upgrade, by the only one-->   writing
//   writing  --downgrade-->                  reading   and a look at the queue: settle()
//   writing  --unlock-->                     free      and a look at the queue
//   reading  --unlock_shared, by the last--> free      and a look at the queue
//   reading  --settle()-->                   writing   handed to the upgrader
//   free     --settle()-->                   writing   handed to the oldest writer, when it is due
//   free, reading --settle()-->              reading   handed to all parked readers, when they are
//
// Invariants:
//   1. a writer inside is alone, but for readers in lock_shared() that counted themselves, saw it,
//      and are about to uncount themselves
//   2. the bits "writers parked" and "readers parked" change only under the latch of the queue, and
//      say under it what is in the queue
//   3. who is handed the lock is inside before it is woken: it need not ask again, and whoever
//      comes meanwhile finds it there
//   4. while somebody is queued, one of these is true: a writer is inside, whose unlock() will
//      look; readers are inside and the last one will look; "waking", and the writer it stands for
//      will enter, or park again, or leave, and the last two look; somebody is about to look
//   5. a lock that is due, to readers or to the oldest writer, is entered exclusively only through
//      settle()
//   6. settle() reads the word only when somebody is queued, who therefore has not destroyed the
//      lock: who unlocks a lock need not keep it alive
//
// Threads: any number. Without contention every lock and unlock is one atomic read-modify-write.
#pragma once

#include "../platform/guard.hpp"
#include "detail/rwlock_time.hpp"
#include "detail/rwlock_word.hpp"
#include "parking_lot.hpp"
#include "rwlock_guards.hpp"
#include "rwlock_watch.hpp"

namespace mantis {

// Among writers that wait: the highest is woken first.
enum class lock_priority : std::uint8_t { low, normal, high };

template <class Platform, rwlock_bound Bound = writer_preference<>, class Watch = unwatched_lock>
class rwlock {
public:
    using watch_type = typename Watch::template of<Platform>;

    rwlock() = default;
    rwlock(const rwlock&) = delete;
    rwlock& operator=(const rwlock&) = delete;

    // Exclusive. As all lock functions:
    //   Requires    not held by this thread
    // and as all that begin with try_:
    //   Returns     false when it was not to be had, at once or in time; try_lock also where a
    //               reader was about to find out that it has to wait
    void lock(lock_priority priority = lock_priority::normal) {
        watch_.wants(rwlock_use::exclusive);
        if (!enter_free()) (void)lock_slowly(priority, parking::never);
        watch_.enters(rwlock_use::exclusive);
    }
    [[nodiscard]] bool try_lock() {
        watch_.wants(rwlock_use::exclusive);
        return told(rwlock_use::exclusive, enter_free() || enter_exclusive());
    }
    //   Units       nanoseconds or a std::chrono::duration
    template <lock_length Length>
    [[nodiscard]] bool try_lock_for(const Length& length,
                                    lock_priority priority = lock_priority::normal) {
        watch_.wants(rwlock_use::exclusive);
        return told(rwlock_use::exclusive, enter_free() || lock_slowly(priority, after(length)));
    }
    //   Units       nanoseconds of the platform's now(), or a std::chrono::time_point
    template <lock_time Time>
    [[nodiscard]] bool try_lock_until(const Time& time,
                                      lock_priority priority = lock_priority::normal) {
        watch_.wants(rwlock_use::exclusive);
        return told(rwlock_use::exclusive, enter_free() || lock_slowly(priority, at(time)));
    }
    //   Requires    held exclusively by this thread
    void unlock() {
        watch_.leaves(rwlock_use::exclusive);
        const word before = state_.fetch_sub(bits::writer_inside);
        if ((before & (bits::writers_parked | bits::readers_parked)) != 0 &&
            (before & bits::waking) == 0)
            look();
    }

    void lock_shared() {
        watch_.wants(rwlock_use::shared);
        if (!enter_open()) (void)lock_shared_slowly(parking::never);
        watch_.enters(rwlock_use::shared);
    }
    [[nodiscard]] bool try_lock_shared() {
        watch_.wants(rwlock_use::shared);
        return told(rwlock_use::shared, enter_shared());
    }
    template <lock_length Length>
    [[nodiscard]] bool try_lock_shared_for(const Length& length) {
        watch_.wants(rwlock_use::shared);
        return told(rwlock_use::shared, enter_open() || lock_shared_slowly(after(length)));
    }
    template <lock_time Time>
    [[nodiscard]] bool try_lock_shared_until(const Time& time) {
        watch_.wants(rwlock_use::shared);
        return told(rwlock_use::shared, enter_open() || lock_shared_slowly(at(time)));
    }
    //   Requires    held shared by this thread
    void unlock_shared() {
        watch_.leaves(rwlock_use::shared);
        leave_shared();
    }

    // Makes this thread's read lock an exclusive one, once the other readers have left; those that
    // come meanwhile stay out, and no writer is in between.
    //   Requires    held shared by this thread
    //   Returns     false at once when another reader is already about to upgrade: it waits for
    //               this one to leave. As in every false answer the read lock is kept.
    [[nodiscard]] bool upgrade() {
        watch_.wants(rwlock_use::upgrade);
        return told(rwlock_use::upgrade, enter_upgraded() || upgrade_slowly(parking::never));
    }
    [[nodiscard]] bool try_upgrade() {
        watch_.wants(rwlock_use::upgrade);
        return told(rwlock_use::upgrade, enter_upgraded());
    }
    template <lock_length Length>
    [[nodiscard]] bool try_upgrade_for(const Length& length) {
        watch_.wants(rwlock_use::upgrade);
        return told(rwlock_use::upgrade, enter_upgraded() || upgrade_slowly(after(length)));
    }
    template <lock_time Time>
    [[nodiscard]] bool try_upgrade_until(const Time& time) {
        watch_.wants(rwlock_use::upgrade);
        return told(rwlock_use::upgrade, enter_upgraded() || upgrade_slowly(at(time)));
    }
    // Makes this thread's exclusive lock a read lock, with no writer in between; readers that wait
    // are let in as well unless a writer waits.
    //   Requires    held exclusively by this thread
    void downgrade() {
        watch_.leaves(rwlock_use::upgrade);
        const word before = state_.fetch_add(bits::reader - bits::writer_inside);
        if ((before & bits::readers_parked) != 0) look();
    }

    [[nodiscard]] watch_type& watch() noexcept { return watch_; }

private:
    using parking = typename Platform::parking;
    using bits = detail::rwlock_word<Bound>;
    using word = typename bits::word;
    using lot = parking_lot<Platform>;
    using queue = typename lot::queue;
    using waiter = typename lot::waiter;
    enum kind : std::uint8_t { reading, writing, upgrading };
    // What a waiter hears: it is inside, or the lock was open to it a moment ago; a reader hears
    // try_again and how many writers passed it while it was parked.
    enum message : std::uint32_t { inside, try_again };
    static constexpr unsigned looks_in_a_crowd = 4;

    [[nodiscard]] static nanoseconds after(const auto& length) {
        return detail::deadline_after<parking>(detail::as_length(length));
    }
    [[nodiscard]] static nanoseconds at(const auto& time) {
        return detail::deadline_of<parking>(time);
    }
    [[nodiscard]] bool told(rwlock_use use, bool entered) {
        if (entered) watch_.enters(use);
        return entered;
    }

    // One attempt to enter each.
    [[nodiscard]] bool enter_free() {
        word free = 0;
        return state_.compare_exchange_strong(free, bits::writer_inside);
    }
    [[nodiscard]] bool enter_exclusive() {
        word seen = state_.load();
        while (bits::may_write(seen))
            if (state_.compare_exchange_weak(seen, bits::after_write(seen))) return true;
        return false;
    }
    // ... of the writer that "waking" stands for.
    [[nodiscard]] bool enter_woken() {
        word seen = state_.load();
        while (bits::may_write(seen))
            if (state_.compare_exchange_weak(seen, bits::after_woken_write(seen))) return true;
        return false;
    }
    [[nodiscard]] bool open() const { return (state_.load() & bits::closed) == 0; }
    // Without looking first: the line of the lock moves to this processor once, not twice.
    [[nodiscard]] bool enter_open() {
        if ((state_.fetch_add(bits::reader) & bits::closed) == 0) return true;
        leave_shared();
        return false;
    }
    [[nodiscard]] bool enter_shared() {
        word seen = state_.load();
        while ((seen & bits::closed) == 0)
            if (state_.compare_exchange_weak(seen, seen + bits::reader)) return true;
        return false;
    }
    //   Requires    this thread is inside as a reader
    [[nodiscard]] bool enter_upgraded() {
        word seen = state_.load();
        while (bits::may_upgrade(seen))
            if (state_.compare_exchange_weak(seen, bits::after_upgrade(seen))) return true;
        return false;
    }
    void leave_shared() {
        const word before = state_.fetch_sub(bits::reader);
        if ((before & bits::somebody_waits) != 0 && bits::calls_for_a_look(before - bits::reader))
            look();
    }

    // Where others sleep already more want in than can run, and those that look slow down the one
    // inside: a few looks are enough.
    [[nodiscard]] bool in_a_crowd(unsigned looks) const {
        return looks >= looks_in_a_crowd && (state_.load() & bits::somebody_waits) != 0;
    }
    //   Returns     false when the time was up
    [[nodiscard]] bool lock_slowly(lock_priority priority, nanoseconds deadline) {
        const auto began = watch_.begins_wait();
        const bool got = wait_to_write(priority, deadline);
        watch_.ends_wait(rwlock_use::exclusive, began, got);
        return got;
    }
    [[nodiscard]] bool wait_to_write(lock_priority priority, nanoseconds deadline) {
        waiter self{writing, static_cast<std::uint8_t>(priority)};
        bool woken = false;  // "waking" stands for this thread
        const auto validate = [&](queue& line) { return sleep_to_write(line, woken); };
        const auto leave = [this](queue& line) { reflect(line); };
        for (;;) {
            for (unsigned i = 0; i <= parking::spins; ++i) {
                if (woken ? enter_woken() : enter_exclusive()) return true;
                if (!woken && in_a_crowd(i)) break;
                parking::relax();
            }
            switch (lot::common().park(this, self, deadline, validate, leave)) {
                case park_result::refused: break;
                case park_result::timed_out: return false;
                case park_result::woken:
                    if (self.message() == inside) return true;
                    woken = true;
            }
        }
    }
    //   Returns     whether a writer has to sleep; then it is announced, and not `woken` any more
    [[nodiscard]] bool sleep_to_write(queue& line, bool& woken) {
        word seen = state_.load();
        for (;;) {
            if (bits::may_write(seen)) return false;
            word next = seen | bits::writers_parked | bits::announced;
            if (woken) next &= ~bits::waking;
            if (state_.compare_exchange_weak(seen, next)) break;
        }
        woken = false;
        settle(line);
        return true;
    }

    [[nodiscard]] bool lock_shared_slowly(nanoseconds deadline) {
        const auto began = watch_.begins_wait();
        const bool got = wait_to_read(deadline);
        watch_.ends_wait(rwlock_use::shared, began, got);
        return got;
    }
    [[nodiscard]] bool wait_to_read(nanoseconds deadline) {
        waiter self{reading};
        word passed = 0;  // by how many writers when it was parked
        const auto validate = [&](queue&) { return sleep_to_read(passed); };
        const auto leave = [this](queue& line) { reflect(line); };
        for (;;) {
            for (unsigned i = 0; i <= parking::spins; ++i) {
                if (open() && enter_open()) return true;
                if (in_a_crowd(i)) break;
                parking::relax();
            }
            switch (lot::common().park(this, self, deadline, validate, leave)) {
                case park_result::refused: break;
                case park_result::timed_out: return false;
                case park_result::woken:
                    if (self.message() == inside) return true;
                    passed = self.message() - try_again;
            }
        }
    }
    //   Returns     whether a reader has to sleep; who closed the lock to it will look
    [[nodiscard]] bool sleep_to_read(word passed) {
        word seen = state_.load();
        do
            if ((seen & bits::closed) == 0) return false;
        while (!state_.compare_exchange_weak(seen, bits::after_reader_parks(seen, passed)));
        return true;
    }

    [[nodiscard]] bool upgrade_slowly(nanoseconds deadline) {
        if ((state_.fetch_or(bits::upgrader) & bits::upgrader) != 0) return false;
        const auto began = watch_.begins_wait();
        const bool got = wait_to_upgrade(deadline);
        watch_.ends_wait(rwlock_use::upgrade, began, got);
        return got;
    }
    //   Requires    "upgrader" stands for this thread
    [[nodiscard]] bool wait_to_upgrade(nanoseconds deadline) {
        waiter self{upgrading};
        const auto validate = [this](queue&) { return !bits::may_upgrade(state_.load()); };
        const auto leave = [this](queue& line) {
            state_.fetch_and(~bits::upgrader);
            reflect(line);
        };
        for (;;) {
            for (unsigned i = 0; i <= parking::spins; ++i) {
                if (enter_upgraded()) return true;
                parking::relax();
            }
            switch (lot::common().park(this, self, deadline, validate, leave)) {
                case park_result::refused: break;
                case park_result::timed_out: return false;
                case park_result::woken: return true;
            }
        }
    }

    void look() {
        lot::common().unpark(this, [this](queue& line) { settle(line); });
    }
    // Somebody left the queue on his own: the word says so, and those he kept out may get in.
    void reflect(queue& line) {
        const std::uint32_t writers = line.count(writing);
        const std::uint32_t readers = line.count(reading);
        word seen = state_.load();
        while (!state_.compare_exchange_weak(seen, bits::with_parked(seen, writers, readers))) {}
        settle(line);
    }

    // Lets in whoever is next, or wakes who may be, in this order:
    //   1. a writer is inside: nobody
    //   2. the parked readers, all of them, when they are due; they are inside from now on
    //   3. the upgrader, when it is the only reader; it is inside from now on
    //   4. the parked readers are woken, when nobody waits to write
    //   5. a woken writer is on its way, or one is announced and waits for the readers inside to
    //      leave: nobody
    //   6. the oldest writer, when it is due and nobody is inside; it is inside from now on
    //   7. the preferred writer is woken
    // The woken compete with those that run.
    void settle(queue& line) {
        if (line.empty()) return;
        word seen = state_.load();
        while (!settled(line, seen)) {}
    }
    //   Returns     false when the word was not `seen` but what it is now
    [[nodiscard]] bool settled(queue& line, word& seen) {
        if ((seen & bits::writer_inside) != 0) return true;
        if (due_to_readers(line, seen)) return admit_readers(line, seen);
        if ((seen & bits::upgrader) != 0) {
            if (line.oldest(upgrading) == nullptr || !bits::may_upgrade(seen)) return true;
            return admit(line, seen, bits::after_upgrade(seen), upgrading);
        }
        if ((seen & bits::writer_waits) == 0) return wake_readers(line, seen);
        if ((seen & bits::waking) != 0) return true;
        const bool free = bits::free(seen);
        if (!free && (seen & bits::announced) != 0) return true;
        return free && bits::due_to_oldest(seen) ? hand_to_oldest(line, seen)
                                                 : wake_writer(line, seen);
    }
    [[nodiscard]] static bool due_to_readers(queue& line, word seen) {
        if (bits::due_to_readers(seen)) return true;
        // A phase of readers follows one of a writer, or readers in turns would keep writers out.
        if ((seen & bits::readers_parked) == 0 || bits::passed_readers(seen) == 0) return false;
        return parking::now() - line.oldest(reading)->since() > Bound::longest_reader_wait;
    }

    // Each makes the word `next` and takes from the queue what it stands for.
    //   Returns     false when the word was not `seen` but what it is now
    [[nodiscard]] bool admit_readers(queue& line, word& seen) {
        const std::uint32_t count = line.count(reading);
        const word next = bits::with_parked(seen, line.count(writing), 0) + count * bits::reader;
        if (!state_.compare_exchange_strong(seen, next)) return false;
        while (waiter* const next_in = line.oldest(reading)) line.take(*next_in, inside);
        return true;
    }
    [[nodiscard]] bool wake_readers(queue& line, word& seen) {
        const auto passed = static_cast<std::uint32_t>(bits::passed_readers(seen));
        const word next = bits::with_parked(seen, 0, 0);
        if (!state_.compare_exchange_strong(seen, next)) return false;
        while (waiter* const woken = line.oldest(reading)) line.take(*woken, try_again + passed);
        return true;
    }
    [[nodiscard]] bool admit(queue& line, word& seen, word next, kind whom) {
        if (!state_.compare_exchange_strong(seen, next)) return false;
        line.take(*line.oldest(whom), inside);
        return true;
    }
    [[nodiscard]] bool hand_to_oldest(queue& line, word& seen) {
        const word next = bits::after_handover(seen, line.count(writing) - 1);
        return admit(line, seen, next, writing);
    }
    [[nodiscard]] bool wake_writer(queue& line, word& seen) {
        const word next =
            bits::with_parked(seen | bits::waking, line.count(writing) - 1, line.count(reading));
        if (!state_.compare_exchange_strong(seen, next)) return false;
        line.take(*line.preferred(writing), try_again);
        return true;
    }

    typename Platform::template atomic<word> state_{0};
    [[no_unique_address]] watch_type watch_;
};

}  // namespace mantis
