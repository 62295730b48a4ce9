// SPDX-License-Identifier: BSL-1.0
//
// The log target: anything whose state is what a log of operations says, and which a recovery
// engine brings there: a store's tables, or a component of the host application.
//
// Concept log_target, for `t` of type T:
//   expression             returns        meaning
//   t.persisted_lsn()      lsn            everything before it is in the target already, so a
//                                         commit that ends there or earlier is not redone; {} if
//                                         the target begins empty
//   t.redo(version, op)    result<void>   do it, also when it was done before; `version` is the
//                                         position of the commit, one past its end, the same for
//                                         all operations of one transaction
//   t.verify()             result<void>   whether its own invariants hold
//
// Optional:
//   T::name                const char*    what errors call it; "a log target" if absent
//   T::parallel_redo       bool           redo() may be called by several threads at once, one
//                                         operation of a key at a time and in order; false if
//                                         absent
//   t.wants_restartpoint() bool           it would like to make durable what was redone; asked
//                                         after each commit, and no answer is owed
//   t.restartpoint(end)    result<bool>   every commit that ends there or earlier was redone and
//                                         nothing of a later one; the log up to there is durable.
//                                         true: persisted_lsn() is `end` in the next recovery,
//                                         after a crash in this one too; false: without room for
//                                         it there is none, and redo goes on
//
// Every target sees every operation of the log and passes over those that are not its own: by
// table id, or by the name that create_table gave to it. put and erase of one key come in the order
// of the log; create_table and drop_table come when everything before them is done and nothing
// after them is begun. Stamps are the engine's and not told.
#pragma once

#include "../wal/operation.hpp"

#include <concepts>

namespace mantis {

template <class T>
concept log_target = requires(T& target, const operation& op, lsn version) {
    { target.persisted_lsn() } -> std::same_as<lsn>;
    { target.redo(version, op) } -> std::same_as<result<void>>;
    { target.verify() } -> std::same_as<result<void>>;
};

//   Returns     what errors call it; a literal
template <log_target T>
[[nodiscard]] constexpr const char* target_name() noexcept {
    if constexpr (requires {
                      { T::name } -> std::convertible_to<const char*>;
                  })
        return T::name;
    else return "a log target";
}

template <log_target T>
[[nodiscard]] constexpr bool redoes_in_parallel() noexcept {
    if constexpr (requires {
                      { T::parallel_redo } -> std::convertible_to<bool>;
                  })
        return T::parallel_redo;
    else return false;
}

// It has both optional functions.
template <class T>
concept restartable_target = requires(T& target, lsn end) {
    { target.wants_restartpoint() } -> std::same_as<bool>;
    { target.restartpoint(end) } -> std::same_as<result<bool>>;
};

}  // namespace mantis
