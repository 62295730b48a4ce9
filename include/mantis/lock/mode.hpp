// SPDX-License-Identifier: BSL-1.0
//
// The modes of a lock in a hierarchy, which of them get along, and what two of them make together.
//
//   mode  on the resource itself          on what lies below it          gets along with
//   none  nothing                         nothing                        all
//   IS    nothing                         may take IS and S              all but X
//   IX    nothing                         may take any                   IS IX
//   S     reads                           reads all of it                IS S U
//   U     reads, and may write later      reads all of it                IS S
//   SIX   reads                           reads all, may take any        IS
//   X     reads and writes                reads and writes all of it     none
//
// U is the S of one who is going to write: two holders of S that both ask for X wait for each other
// for ever; of two that want U the second waits before it holds anything.
//
// One mode covers another when it keeps away everybody whom the other keeps away:
//
//   none - IS - S - U - SIX - X
//            \         /
//             IX -----
//
// Everything here follows from the table `conflicts`, one byte for each mode; the static_asserts
// at the end prove what the rest of lock/ relies on, over all combinations:
//   1. two modes get along in both directions or in neither
//   2. covers() is an order, and supremum() the least mode that covers both
//   3. who gets along with a mode gets along with every mode that it covers
//   4. the intent above a stronger lock covers the intent above a weaker one
//   5. mode_below(m) is the strongest mode that m gives on everything below without another lock
//
// Threads: constants and pure functions.
#pragma once

#include "../config.hpp"

#include <cstddef>
#include <cstdint>

namespace mantis {

enum class lock_mode : std::uint8_t { none, IS, IX, S, SIX, U, X };

inline constexpr std::size_t lock_mode_count = 7;

// A set of modes, one bit for each.
using lock_mode_set = std::uint8_t;

[[nodiscard]] constexpr std::size_t index_of(lock_mode mode) noexcept {
    return static_cast<std::size_t>(mode);
}
[[nodiscard]] constexpr lock_mode_set set_of(lock_mode mode) noexcept {
    return static_cast<lock_mode_set>(1U << index_of(mode));
}

namespace detail {

template <class... Modes>
[[nodiscard]] constexpr lock_mode_set mode_set(Modes... modes) noexcept {
    return static_cast<lock_mode_set>((0U | ... | set_of(modes)));
}

// What cannot be held by another owner at the same time, by mode.
inline constexpr lock_mode_set lock_conflicts[lock_mode_count] = {
    /* none */ mode_set(),
    /* IS   */ mode_set(lock_mode::X),
    /* IX   */ mode_set(lock_mode::S, lock_mode::SIX, lock_mode::U, lock_mode::X),
    /* S    */ mode_set(lock_mode::IX, lock_mode::SIX, lock_mode::X),
    /* SIX  */
    mode_set(lock_mode::IX, lock_mode::S, lock_mode::SIX, lock_mode::U, lock_mode::X),
    /* U    */ mode_set(lock_mode::IX, lock_mode::SIX, lock_mode::U, lock_mode::X),
    /* X    */
    mode_set(lock_mode::IS, lock_mode::IX, lock_mode::S, lock_mode::SIX, lock_mode::U,
             lock_mode::X),
};

// The first mode of this order that covers both is the least one, whether or not it is one of them.
inline constexpr lock_mode weakest_first[lock_mode_count] = {
    lock_mode::none, lock_mode::IS,  lock_mode::IX, lock_mode::S,
    lock_mode::U,    lock_mode::SIX, lock_mode::X};

struct supremum_table {
    lock_mode of[lock_mode_count][lock_mode_count];
};
[[nodiscard]] constexpr supremum_table make_supremum_table() noexcept {
    supremum_table made{};
    for (std::size_t a = 0; a < lock_mode_count; ++a)
        for (std::size_t b = 0; b < lock_mode_count; ++b) {
            const unsigned both = lock_conflicts[a] | lock_conflicts[b];
            for (std::size_t i = lock_mode_count; i-- > 0;)
                if ((both & ~unsigned{lock_conflicts[index_of(weakest_first[i])]}) == 0)
                    made.of[a][b] = weakest_first[i];
        }
    return made;
}
inline constexpr supremum_table lock_supremum = make_supremum_table();

}  // namespace detail

// The modes that another owner cannot hold beside `mode`.
[[nodiscard]] constexpr lock_mode_set conflicts_of(lock_mode mode) noexcept {
    return detail::lock_conflicts[index_of(mode)];
}

// Whether two owners may hold these two modes at the same time.
[[nodiscard]] constexpr bool compatible(lock_mode a, lock_mode b) noexcept {
    return (conflicts_of(a) & set_of(b)) == 0;
}

// The least mode that covers both: what one owner holds after it asked for both.
[[nodiscard]] constexpr lock_mode supremum(lock_mode a, lock_mode b) noexcept {
    return detail::lock_supremum.of[index_of(a)][index_of(b)];
}

// Whether the holder of `held` needs nothing more to act as a holder of `wanted`.
[[nodiscard]] constexpr bool covers(lock_mode held, lock_mode wanted) noexcept {
    return supremum(held, wanted) == held;
}

// IS and IX: they say what is going on below, and lock nothing by themselves.
[[nodiscard]] constexpr bool is_intent(lock_mode mode) noexcept {
    return mode == lock_mode::IS || mode == lock_mode::IX;
}

// S, SIX, U and X: some intent is in their way.
[[nodiscard]] constexpr bool is_strong(lock_mode mode) noexcept { return mode > lock_mode::IX; }

// The intent that belongs on every level above a lock of this mode. U announces a write: the X that
// follows it would need IX then, and an intent converted under a lock is a dead-lock in waiting.
[[nodiscard]] constexpr lock_mode intent_for(lock_mode mode) noexcept {
    if (mode == lock_mode::none) return lock_mode::none;
    return mode == lock_mode::IS || mode == lock_mode::S ? lock_mode::IS : lock_mode::IX;
}

// The mode in which the holder of `held` has everything below without locking it.
[[nodiscard]] constexpr lock_mode mode_below(lock_mode held) noexcept {
    if (held == lock_mode::SIX) return lock_mode::U;
    return is_strong(held) ? held : lock_mode::none;
}

[[nodiscard]] constexpr const char* name_of(lock_mode mode) noexcept {
    constexpr const char* names[lock_mode_count] = {"none", "IS", "IX", "S", "SIX", "U", "X"};
    return names[index_of(mode)];
}

namespace detail {

inline constexpr lock_mode every_lock_mode[lock_mode_count] = {
    lock_mode::none, lock_mode::IS, lock_mode::IX, lock_mode::S,
    lock_mode::SIX,  lock_mode::U,  lock_mode::X};

// Whether `holds(a, b, c)` is true of all modes.
template <class Property>
[[nodiscard]] consteval bool for_all_lock_modes(Property holds) {
    for (const lock_mode a : every_lock_mode)
        for (const lock_mode b : every_lock_mode)
            for (const lock_mode c : every_lock_mode)
                if (!holds(a, b, c)) return false;
    return true;
}

static_assert(for_all_lock_modes([](lock_mode a, lock_mode b, lock_mode) {
                  return compatible(a, b) == compatible(b, a) && compatible(a, lock_mode::none);
              }),
              "modes get along in both directions, and none with everything");
static_assert(for_all_lock_modes([](lock_mode a, lock_mode b, lock_mode) {
                  return supremum(a, b) == supremum(b, a) && supremum(a, a) == a &&
                         supremum(a, lock_mode::none) == a &&
                         supremum(a, lock_mode::X) == lock_mode::X;
              }),
              "the supremum is commutative and idempotent, between none and X");
static_assert(for_all_lock_modes([](lock_mode a, lock_mode b, lock_mode c) {
                  return supremum(supremum(a, b), c) == supremum(a, supremum(b, c));
              }),
              "the supremum is associative: the order of requests does not matter");
static_assert(for_all_lock_modes([](lock_mode a, lock_mode b, lock_mode c) {
                  const lock_mode both = supremum(a, b);
                  return covers(both, a) && covers(both, b) &&
                         (!(covers(c, a) && covers(c, b)) || covers(c, both));
              }),
              "the supremum covers both, and is the least mode that does");
static_assert(for_all_lock_modes([](lock_mode a, lock_mode b, lock_mode c) {
                  return covers(a, a) && (!(covers(a, b) && covers(b, a)) || a == b) &&
                         (!(covers(a, b) && covers(b, c)) || covers(a, c));
              }),
              "covering is an order");
static_assert(for_all_lock_modes([](lock_mode a, lock_mode b, lock_mode c) {
                  return !(covers(a, b) && compatible(a, c)) || compatible(b, c);
              }),
              "who gets along with a mode gets along with all that it covers");
static_assert(for_all_lock_modes([](lock_mode a, lock_mode b, lock_mode) {
                  return covers(a, b) == ((conflicts_of(b) & ~unsigned{conflicts_of(a)}) == 0);
              }),
              "a mode covers what keeps away no more than it does");
static_assert(supremum(lock_mode::S, lock_mode::IX) == lock_mode::SIX);
static_assert(supremum(lock_mode::U, lock_mode::S) == lock_mode::U);
static_assert(supremum(lock_mode::U, lock_mode::IX) == lock_mode::SIX);
static_assert(supremum(lock_mode::U, lock_mode::SIX) == lock_mode::SIX);
static_assert(supremum(lock_mode::S, lock_mode::IS) == lock_mode::S);
static_assert(
    for_all_lock_modes([](lock_mode a, lock_mode b, lock_mode) {
        const lock_mode above = intent_for(a);
        return intent_for(above) == above && covers(a, above) == (a != lock_mode::U) &&
               intent_for(supremum(a, b)) == supremum(above, intent_for(b));
    }),
    "the intent above two modes is the intent above both; but for U a mode covers its own");
static_assert(for_all_lock_modes([](lock_mode a, lock_mode, lock_mode) {
                  return (is_intent(a) || is_strong(a)) == (a != lock_mode::none) &&
                         !(is_intent(a) && is_strong(a)) &&
                         is_strong(a) == !(compatible(a, lock_mode::IX) || a == lock_mode::none);
              }),
              "every mode but none is an intent, or strong: in the way of IX");

// Whether one who holds `above` on a level may act as a holder of `below` on everything under it
// that it did not lock: whatever any other owner can have there gets along with that.
[[nodiscard]] constexpr bool is_safe_below(lock_mode above, lock_mode below) noexcept {
    for (const lock_mode other : every_lock_mode) {
        if (!compatible(above, other)) continue;
        if (!compatible(below, mode_below(other))) return false;
        for (const lock_mode locked : every_lock_mode)
            if (covers(other, intent_for(locked)) && !compatible(below, locked)) return false;
    }
    return true;
}
static_assert(for_all_lock_modes([](lock_mode above, lock_mode below, lock_mode) {
                  return is_safe_below(above, below) == covers(mode_below(above), below);
              }),
              "mode_below is safe, and nothing beyond it is");

}  // namespace detail

}  // namespace mantis
