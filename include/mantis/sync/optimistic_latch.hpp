// SPDX-License-Identifier: BSL-1.0
//
// A latch of eight bytes whose readers write nothing: they look at a version before they read and
// again after, and read once more when it has changed.
//
// For data that is read far more often than changed and by many cores at once: nodes of a B+tree,
// frames of a page table. A reader that cannot repeat takes it in shared mode, a writer in
// exclusive mode. Optimistic readers need what they follow to stay memory: see epoch.hpp; and go
// through optimistic_load.hpp.
//
//   for (;;) {
//       const optimistic_start start = node.latch.begin();
//       if (!start) return restart_from_root();             // closed: the node was unlinked
//       const auto count = optimistic_load<Platform>(node.count);
//       ... optimistic_load<Platform>(node.keys[i]) for i below count and below the capacity ...
//       if (node.latch.validate(start.seen)) return found;
//   }
//
// State (one 64-bit word):
//   bits 20-63  version            one more with each exclusive section that changed something
//   bits 3-19   shared holders     at most 131,071
//   bit 2       waiters            somebody sleeps until the word is let go
//   bit 1       closed             the data is no part of its structure any more
//   bit 0       exclusive holder
//
//   free       --lock, try_lock, try_upgrade-->                  exclusive
//   free       --lock_shared, try_lock_shared-->                 shared
//   shared 1   --try_upgrade_shared-->                           exclusive
//   exclusive  --downgrade-->                     version + 1,   shared 1
//   exclusive  --unlock-->                        version + 1,   free
//   exclusive  --unlock_unchanged-->              same version,  free
//
// Invariants:
//   1. exclusive  =>  no shared holders
//   2. waiters    =>  exclusive or shared holders: the bit is set on a held word only, and cleared
//                     by the very write that lets it go
//   3. the version of a word that is not exclusive names one state of the data, but for 2^44
//      changes during one optimistic read
//   4. while waiters is set no new shared holder enters: a writer waits for those inside only
//
// Why a validated read is of one state. begin() acquires from the write that published version v,
// so every load sees v's data or newer. Should a load see a word of a later writer, it acquires
// from that store, which releases, and which comes after the writer took the latch; so the load in
// validate(), which is later, sees that or a later state of the word, and no later state equals v.
//
// Why no wake-up is lost. Sleepers wait for a bell, one for each shard of addresses, that counts.
// A sleeper looks at the bell first, then finds the word held and the bit set or sets it, then
// sleeps if the bell has not rung since. Whoever lets the word go clears the bit in the same write
// and then rings, to all of the shard. If the sleeper's look at the bell came after that ring, its
// look at the word came after that write, and the bit it relied on is for a later holder.
//
// No promise about order: who comes while it is free gets it, also before those that sleep.
//
// Not recursive: a thread that holds it in shared mode and asks for it again waits for ever, once
// a writer waits.
//
// Threads: any number. begin() and validate() are a load each; a lock is one compare-exchange.
#pragma once

#include "../platform/guard.hpp"
#include "../platform/platform.hpp"

#include <optional>

namespace mantis {

// Names one state of what an optimistic_latch protects. Only the latch that gave it can tell more.
struct optimistic_version {
    std::uint64_t bits = 0;
    friend bool operator==(optimistic_version, optimistic_version) noexcept = default;
};

enum class optimistic_state : std::uint8_t {
    ready,   // read, then validate
    busy,    // somebody changes it: come again
    closed,  // it is no part of its structure any more: begin where it was found
};

struct optimistic_start {
    optimistic_state state = optimistic_state::busy;
    optimistic_version seen = {};  // where it is ready

    [[nodiscard]] explicit operator bool() const noexcept {
        return state == optimistic_state::ready;
    }
};

template <class Platform>
class optimistic_latch {
public:
    optimistic_latch() noexcept = default;
    optimistic_latch(const optimistic_latch&) = delete;
    optimistic_latch& operator=(const optimistic_latch&) = delete;

    // Optimistic mode.
    //   Returns     what is there now; it never waits
    [[nodiscard]] optimistic_start try_begin() const { return start_of(look()); }
    //   Effects     waits while somebody holds it exclusively
    //   Returns     ready or closed
    [[nodiscard]] optimistic_start begin() {
        const std::uint64_t seen = look();
        return start_of((seen & exclusive) == 0 ? seen : wait_until(not_exclusive));
    }
    // For a latch that is used again for other data, as that of a frame is: waits no longer than
    // keep() is true, which is asked before each sleep and after each time the latch is let go. So
    // nobody waits for the holder of what it did not ask for, if the latch is let go once between
    // the last moment at which keep() is true and the next holder.
    //   Requires    keep() looks at what changes under the latch in exclusive mode only
    //   Returns     ready, closed, or busy: keep() was false
    template <class Keep>
    [[nodiscard]] optimistic_start begin_while(Keep keep) {
        for (;;) {
            const optimistic_start start = try_begin();
            if (start.state != optimistic_state::busy || !wait_while(not_exclusive, keep))
                return start;
        }
    }
    //   Returns     whether all that was read since `seen` was begun is of one state
    [[nodiscard]] bool validate(optimistic_version seen) const {
        return (look() & ~(holders | waiters)) == seen.bits;
    }
    // Reads until it has read one state: optimistically up to `attempts` times, then in shared
    // mode, so that writers cannot keep it from ending.
    //   Requires    read() can be repeated, and reads as optimistic_load.hpp says
    //   Returns     false when it is closed; what read() did then counts for nothing
    template <class Read>
    [[nodiscard]] bool read(Read read, unsigned attempts = 8) {
        for (unsigned i = 0; i < attempts; ++i) {
            const optimistic_start start = begin();
            if (!start) return false;
            read();
            if (validate(start.seen)) return true;
        }
        lock_shared();
        const bool open = !closed();
        if (open) read();
        unlock_shared();
        return open;
    }

    // Shared mode.
    void lock_shared() {
        while (!try_lock_shared()) (void)wait_until(may_share);
    }
    //   Returns     false: it is not held, and keep() was false; see begin_while()
    template <class Keep>
    [[nodiscard]] bool lock_shared_while(Keep keep) {
        while (!try_lock_shared())
            if (!wait_while(may_share, keep)) return false;
        return true;
    }
    //   Returns     false when somebody holds it exclusively, or waits for that
    [[nodiscard]] bool try_lock_shared() {
        std::uint64_t seen = state_.load(Platform::memory_order::relaxed);
        while (may_share(seen))
            if (enter_shared(seen)) return true;
        return false;
    }
    //   Returns     whether it holds it now, and nothing has changed since `seen` was begun
    [[nodiscard]] bool try_lock_shared(optimistic_version since) {
        std::uint64_t seen = state_.load(Platform::memory_order::relaxed);
        while (may_share(seen) && (seen & ~holders) == since.bits)
            if (enter_shared(seen)) return true;
        return false;
    }
    //   Requires    held in shared mode by this thread
    void unlock_shared() {
        std::uint64_t seen = state_.load(Platform::memory_order::relaxed);
        std::uint64_t next = 0;
        do {
            check((seen & holders) != 0,
                  "an optimistic latch is unlocked in shared mode and nobody holds it so");
            next = seen - one_holder;
            if ((next & holders) == 0) next &= ~waiters;
        } while (!state_.compare_exchange_weak(seen, next, Platform::memory_order::release,
                                               Platform::memory_order::relaxed));
        if ((seen & ~next & waiters) != 0) ring();
    }

    // Exclusive mode.
    void lock() {
        while (!try_lock()) (void)wait_until(is_free);
    }
    //   Returns     false: it is not held, and keep() was false; see begin_while()
    template <class Keep>
    [[nodiscard]] bool lock_while(Keep keep) {
        while (!try_lock())
            if (!wait_while(is_free, keep)) return false;
        return true;
    }
    [[nodiscard]] bool try_lock() {
        std::uint64_t seen = state_.load(Platform::memory_order::relaxed);
        return is_free(seen) && enter(seen, seen | exclusive);
    }
    //   Returns     whether it holds it now, and nothing has changed since `seen` was begun. False
    //               also while others hold it in shared mode
    [[nodiscard]] bool try_upgrade(optimistic_version since) {
        std::uint64_t seen = since.bits;  // a free word has no other bits
        return enter(seen, seen | exclusive);
    }
    //   Requires    held in shared mode by this thread
    //   Returns     whether it is held exclusively instead; false while another shares it, and then
    //               it is still held in shared mode
    [[nodiscard]] bool try_upgrade_shared() {
        std::uint64_t seen = state_.load(Platform::memory_order::relaxed);
        check((seen & holders) != 0,
              "an optimistic latch is upgraded and nobody holds it in shared mode");
        while ((seen & holders) == one_holder)
            if (enter(seen, (seen - one_holder) | exclusive)) return true;
        return false;
    }
    //   Requires    held exclusively by this thread
    //   Effects     what was changed is a new version, held in shared mode
    void downgrade() { leave(version_step + one_holder); }
    //   Requires    held exclusively by this thread
    //   Effects     what was changed is a new version
    void unlock() { leave(version_step); }
    //   Requires    held exclusively by this thread
    //   Returns     that version
    [[nodiscard]] optimistic_version next() const {
        return {(look() & ~(exclusive | holders | waiters)) + version_step};
    }
    //   Requires    held exclusively by this thread, which has changed nothing
    //   Effects     optimistic readers that began before need not repeat
    void unlock_unchanged() { leave(0); }

    // What is unlinked is closed before it is unlocked: who comes later, or waited, finds out.
    // Locking works on as before; who locks what may have been closed asks closed().
    //   Requires    held exclusively by this thread
    void close() { check_exclusive(state_.fetch_or(closed_bit, Platform::memory_order::relaxed)); }
    //   Requires    held exclusively by this thread
    //   Effects     it protects something new; versions go on, so no reader of the old is fooled
    void reopen() {
        check_exclusive(state_.fetch_and(~closed_bit, Platform::memory_order::relaxed));
    }
    [[nodiscard]] bool closed() const { return (look() & closed_bit) != 0; }

private:
    using parking = typename Platform::parking;
    using word = typename Platform::template atomic<std::uint64_t>;

    static constexpr std::uint64_t exclusive = 1;
    static constexpr std::uint64_t closed_bit = 2;
    static constexpr std::uint64_t waiters = 4;
    static constexpr std::uint64_t one_holder = 8;
    static constexpr std::uint64_t holders = 0xF'FFF8;
    static constexpr std::uint64_t version_step = 0x10'0000;
    static_assert(word::is_always_lock_free && holders + one_holder == version_step);

    struct alignas(64) bell {
        typename parking::word rung{0};
    };
    struct bells {
        bell of_shard[parking::shards];
    };

    static bool not_exclusive(std::uint64_t seen) noexcept { return (seen & exclusive) == 0; }
    static bool may_share(std::uint64_t seen) noexcept {
        return (seen & (exclusive | waiters)) == 0;
    }
    static bool is_free(std::uint64_t seen) noexcept { return (seen & (exclusive | holders)) == 0; }

    [[nodiscard]] std::uint64_t look() const {
        return state_.load(Platform::memory_order::acquire);
    }
    [[nodiscard]] static optimistic_start start_of(std::uint64_t seen) noexcept {
        if ((seen & exclusive) != 0) return {optimistic_state::busy};
        if ((seen & closed_bit) != 0) return {optimistic_state::closed};
        return {optimistic_state::ready, {seen & ~(holders | waiters)}};
    }

    //   Effects     the word is `next` if it was `seen`; else `seen` is what it is
    [[nodiscard]] bool enter(std::uint64_t& seen, std::uint64_t next) {
        return state_.compare_exchange_strong(seen, next, Platform::memory_order::acquire,
                                              Platform::memory_order::relaxed);
    }
    [[nodiscard]] bool enter_shared(std::uint64_t& seen) {
        check((seen & holders) != holders, "an optimistic latch has too many shared holders");
        return enter(seen, seen + one_holder);
    }
    //   Effects     not exclusive any more, and `added` to the rest
    void leave(std::uint64_t added) {
        const std::uint64_t seen = state_.load(Platform::memory_order::relaxed);
        check_exclusive(seen);
        // Only the bit for waiters may have changed since: the exchange takes it out.
        const std::uint64_t next = (seen & ~(exclusive | waiters)) + added;
        if ((state_.exchange(next, Platform::memory_order::release) & waiters) != 0) ring();
    }
    static void check_exclusive(std::uint64_t seen) noexcept {
        check((seen & exclusive) != 0,
              "an optimistic latch is used as if held exclusively and nobody holds it so");
    }

    //   Returns     a state that is `enough`, or was when it was looked at
    [[nodiscard]] std::uint64_t wait_until(bool (*enough)(std::uint64_t) noexcept) {
        constexpr auto always = [] { return true; };
        return *wait_while(enough, always);
    }
    // Who gives up leaves the bit behind: the next to let go rings for nobody.
    //   Returns     such a state; none: keep() has ended the wait
    template <class Keep>
    [[nodiscard]] std::optional<std::uint64_t> wait_while(bool (*enough)(std::uint64_t) noexcept,
                                                          Keep& keep) {
        for (unsigned i = 0; i < parking::spins; ++i) {
            parking::relax();
            if (const std::uint64_t seen = look(); enough(seen)) return seen;
        }
        const typename parking::word& rung = own_bell().rung;
        for (;;) {
            const std::uint32_t heard = rung.load(Platform::memory_order::acquire);
            std::uint64_t seen = look();
            if (enough(seen)) return seen;
            if (!keep()) return std::nullopt;
            if ((seen & waiters) == 0 && !state_.compare_exchange_strong(
                                             seen, seen | waiters, Platform::memory_order::acq_rel,
                                             Platform::memory_order::relaxed))
                continue;
            if (!keep()) return std::nullopt;
            (void)parking::wait(rung, heard, parking::never);
        }
    }
    // The latch may be gone by now: who got it may have destroyed it.
    void ring() const {
        typename parking::word& rung = own_bell().rung;
        rung.fetch_add(1, Platform::memory_order::release);
        parking::wake(rung, UINT32_MAX);
    }
    [[nodiscard]] bell& own_bell() const {
        const std::uint64_t mixed = reinterpret_cast<std::uintptr_t>(this) * 0x9e3779b97f4a7c15;
        return parking::template common<bells>().of_shard[(mixed >> 40) % parking::shards];
    }

    word state_{0};
};

}  // namespace mantis
