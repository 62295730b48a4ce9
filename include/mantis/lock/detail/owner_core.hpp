// SPDX-License-Identifier: BSL-1.0
//
// What the lock manager knows of one owner: its locks, its wait, and what a choice of victims looks
// at. Cores are never freed while their table lives: an owner that begins gets a used one, with
// another id.
//
// The owner's intents on the store and on tables are kept in `own` (slot 0 is the store's): a
// request that is
//   empty     !in_use, !shared, held == none   nothing
//   kept      !in_use, !shared, held != none   not held, but taken again without asking anybody
//   in use    in_use,  !shared                 held, and only the owner knows
//   shared    shared                           held or waited for in the queue of its head, as the
//                                              requests from the pools are
// Whoever asks for a strong lock makes kept ones empty and those in use shared, under own_latch.
//
// wait_state says whether the owner waits, for the how-manieth time, and in which shard; it changes
// under that shard's latch, so who holds the latch and sees the same state again knows that the
// owner waited all the time in between:
//   bit 0       waits
//   bits 1-16   index of the shard
//   bits 17-63  number of the wait
//
// Threads: own_latch protects `own` but what is shared, which belongs to the latch of its shard;
// the owner reads without it what nobody else writes: in_use and shared, and of what is in use the
// rest; waits_for belongs to the latch of the shard in wait_state; lists and indexes belong to the
// owner.
#pragma once

#include "../../platform/thread_name.hpp"
#include "../../sync/word_latch.hpp"
#include "held_index.hpp"
#include "kept_range.hpp"
#include "request.hpp"

#include <bit>
#include <vector>

namespace mantis::detail {

// What an asynchronous lock waits for.
enum class lock_step : std::uint8_t {
    upper,         // the store or a table
    key,           // a key, or a range's own queue
    range_of_key,  // the range that a key is in
    pass,          // what a range meets
};

template <class Platform>
struct lock_owner_core {
    using request = lock_request<Platform>;
    using resume_function = void (*)(lock_owner_core&);
    template <class T>
    using atomic = typename Platform::template atomic<T>;

    static constexpr std::uint32_t own_count = 16;

    // Constant while the owner lives.
    atomic<std::uint64_t> id{0};  // 0: nobody's
    const char* label = "";
    void* user = nullptr;  // the lock_owner

    // The owner's; others read them while it waits, or while it holds what they look at.
    std::uint64_t birth = 0;  // of the transaction; 0: not given yet
    std::uint32_t retries = 0;
    std::uint8_t priority = 0;
    thread_name thread;  // that waited last
    std::uint32_t thread_number = UINT32_MAX;
    std::vector<request*> pooled;
    held_index<request> index;  // the same, by path

    std::uint32_t used = 0;    // bit i: own[i].in_use
    std::uint32_t recent = 1;  // the slot of the table that was looked for last
    word_latch<Platform> own_latch;
    request own[own_count];

    atomic<std::uint64_t> wait_state{0};
    request* waits_for = nullptr;
    atomic<std::uint64_t> attempt{1};  // of a transaction; another after all was released
    atomic<std::uint64_t> wounded{0};  // the attempt that must give way
    atomic<std::uint64_t> work{0};     // as the owner says
    atomic<std::uint32_t> blocked{0};  // how many wait for it; only where the choice asks

    atomic<std::int64_t> async_deadline{INT64_MAX};

    struct pending_step {
        lock_step kind = lock_step::upper;
        request* asked = nullptr;
        table_id table;
        bool made = false;
        bool announced = false;
        lock_mode mode = lock_mode::none;
        bool store = false;
    };
    struct remembered_key {
        table_id table;
        bytes key;
        lock_mode mode;
    };
    pending_step pending;
    struct passed_range {
        request* asked;
        lock_mode before;  // what the owner had there itself
    };
    std::vector<passed_range> passing;  // queues of ranges, held until a key is locked
    kept_range met;                     // a range in the way, or a key with its name in `low`
    request* unchecked = nullptr;       // a key that has not looked for ranges yet
    lock_mode unchecked_before = lock_mode::none;
    std::vector<remembered_key> remembered;  // below escalated locks
    bool forgot = false;                     // there were too many of them

    resume_function resume = nullptr;  // goes on with an asynchronous lock; nullptr: blocking
    lock_owner_core* next_resumed = nullptr;

    // The detector's.
    std::uint64_t visited = 0;

    lock_owner_core() {
        for (request& slot : own) slot.owner = this;
    }
    lock_owner_core(const lock_owner_core&) = delete;
    lock_owner_core& operator=(const lock_owner_core&) = delete;

    //   Threads     the owner's; of what is not shared, under own_latch
    void set_in_use(request& slot, bool in_use) noexcept {
        const std::uint32_t bit = 1U << (&slot - own);
        used = in_use ? used | bit : used & ~bit;
        slot.in_use = in_use;
    }
    [[nodiscard]] static constexpr bool waits(std::uint64_t state) noexcept {
        return (state & 1) != 0;
    }
    [[nodiscard]] static constexpr std::size_t shard_of(std::uint64_t state) noexcept {
        return state >> 1 & 0xffff;
    }
    //   Requires    the latch of that shard
    void begin_wait(request& asked, std::size_t shard) noexcept {
        waits_for = &asked;
        const std::uint64_t number = (wait_state.load() >> 17) + 1;
        wait_state.store(number << 17 | shard << 1 | 1);
    }
    //   Requires    the latch of the shard it waits in
    void end_wait() noexcept {
        waits_for = nullptr;
        wait_state.store(wait_state.load() & ~std::uint64_t{1});
    }
    void know_thread() {
        const std::uint32_t number = Platform::parking::thread_number();
        if (number == thread_number) return;
        thread_number = number;
        thread = Platform::parking::this_thread_name();
    }
    // Locks it holds; right when the owner asks, or while it waits.
    [[nodiscard]] std::size_t lock_count() const noexcept {
        return pooled.size() + static_cast<std::size_t>(std::popcount(used));
    }
};

}  // namespace mantis::detail
