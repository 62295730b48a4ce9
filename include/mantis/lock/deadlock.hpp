// SPDX-License-Identifier: BSL-1.0
//
// What the lock manager does about owners that wait for each other: deadlock policies.
//
// Concept deadlock_policy, for a type P:
//   member            type         meaning
//   P::name           const char*  for messages
//   P::victim                      of a policy that detects: a victim_policy, else void
//   P::detects        bool         cycles are looked for
//   P::in_background  bool         by a thread of the manager, every `delay`; else by the owner
//                                  that waits, `delay` after its wait began, and again after
//                                  twice, four times, ... as long
//   P::delay          nanoseconds
//   P::prevents       bool         a wait that could close a cycle does not begin: see judge()
//   P::judge(w, b)    lock_verdict what becomes of a wait of the transaction born at w for the one
//                                  born at b; smaller is older
//
//   policy                    cycles are          costs                          for
//   detect_at_once<V>         found when closed   a search for every wait        few waits
//   detect_after<V, ns>       found a little      a search for every long wait   the stock choice
//                             later
//   detect_in_background<V,   found a little      a thread; a search now and     many waits that
//     ns>                     later               then                           are no dead-lock
//   wait_die                  impossible          who would wait for an older    short transactions
//                                                 one gives way
//   wound_wait                impossible          who is waited for by an older  long ones among
//                                                 one gives way                  short ones
//   no_wait                   impossible          whoever would wait gives way   no waits at all
//
// What gives way gets error_code::deadlock from lock(), and releases its locks; its age survives
// if it says release_to_retry(), so that with wait_die and wound_wait it becomes the oldest one
// day.
//
//   Source    Rosenkrantz, Stearns, Lewis: System level concurrency control for distributed
//             database systems (TODS 1978), for wait_die and wound_wait
//
// Threads: constants and pure functions.
#pragma once

#include "../core/units.hpp"
#include "victim.hpp"

namespace mantis {

enum class lock_verdict : std::uint8_t {
    wait,
    die,    // who asks gives way
    wound,  // who is in the way gives way
};

template <class P>
concept deadlock_policy = requires(std::uint64_t birth) {
    { P::name } -> std::convertible_to<const char*>;
    { P::detects } -> std::convertible_to<bool>;
    { P::in_background } -> std::convertible_to<bool>;
    { P::delay } -> std::convertible_to<nanoseconds>;
    { P::prevents } -> std::convertible_to<bool>;
    { P::judge(birth, birth) } -> std::same_as<lock_verdict>;
};

namespace detail {

template <class Victim>
struct detecting {
    static_assert(victim_policy<Victim>,
                  "mantis: the victim policy has no choose(const deadlock_cycle&) "
                  "(docs/locks.md#victims)");
    using victim = Victim;
    static constexpr bool detects = true;
    static constexpr bool prevents = false;
    [[nodiscard]] static constexpr lock_verdict judge(std::uint64_t, std::uint64_t) noexcept {
        return lock_verdict::wait;
    }
};

struct preventing {
    using victim = void;
    static constexpr bool detects = false;
    static constexpr bool in_background = false;
    static constexpr nanoseconds delay{};
    static constexpr bool prevents = true;
};

}  // namespace detail

template <class Victim = youngest_victim>
struct detect_at_once : detail::detecting<Victim> {
    static constexpr const char* name = "detect_at_once";
    static constexpr bool in_background = false;
    static constexpr nanoseconds delay{};
};

template <class Victim = youngest_victim, std::int64_t DelayNs = 2'000'000>
struct detect_after : detail::detecting<Victim> {
    static_assert(DelayNs > 0, "mantis: detect_after<V, ns>: the delay is above zero");
    static constexpr const char* name = "detect_after";
    static constexpr bool in_background = false;
    static constexpr nanoseconds delay{DelayNs};
};

template <class Victim = youngest_victim, std::int64_t PeriodNs = 10'000'000>
struct detect_in_background : detail::detecting<Victim> {
    static_assert(PeriodNs > 0, "mantis: detect_in_background<V, ns>: the period is above zero");
    static constexpr const char* name = "detect_in_background";
    static constexpr bool in_background = true;
    static constexpr nanoseconds delay{PeriodNs};
};

struct wait_die : detail::preventing {
    static constexpr const char* name = "wait_die";
    [[nodiscard]] static constexpr lock_verdict judge(std::uint64_t waiter,
                                                      std::uint64_t blocker) noexcept {
        return waiter < blocker ? lock_verdict::wait : lock_verdict::die;
    }
};

struct wound_wait : detail::preventing {
    static constexpr const char* name = "wound_wait";
    [[nodiscard]] static constexpr lock_verdict judge(std::uint64_t waiter,
                                                      std::uint64_t blocker) noexcept {
        return waiter < blocker ? lock_verdict::wound : lock_verdict::wait;
    }
};

struct no_wait : detail::preventing {
    static constexpr const char* name = "no_wait";
    [[nodiscard]] static constexpr lock_verdict judge(std::uint64_t, std::uint64_t) noexcept {
        return lock_verdict::die;
    }
};

// Who of those that wait is let in first, within the rules of detail/head.hpp.
//   member             meaning
//   C::counts_blocked  the one that blocks most others first; else the one that came first
//   Source    Tian, Huang, Mozafari, Schoenebeck: Contention-aware lock scheduling for
//             transactional databases (VLDB 2018), for most_blocking_first
struct first_come_first {
    static constexpr bool counts_blocked = false;
};
struct most_blocking_first {
    static constexpr bool counts_blocked = true;
};

}  // namespace mantis
