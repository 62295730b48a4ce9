// SPDX-License-Identifier: BSL-1.0
//
// When a commit answers: the durability policies of a store, and the classes of a single commit.
//
//   policy        class        a commit answers when       kill -9 loses  power loss loses
//   group_commit  synchronous  its record is synced        nothing        nothing
//   periodic      periodic     the system has its record;  nothing        at most the window:
//                              a thread syncs                             sync_period, sync_bytes
//   buffered      buffered     the system has its record   nothing        what the system had not
//                                                                         written
//
// The policy is the store's default; begin() and commit() may name another class. There is one log,
// so
//   1. a commit that is durable makes everything before it durable, whatever its class
//   2. what a power failure takes is the end of the log: a commit never without all that came after
//   3. no answer says `durable` before it is
// and what a transaction reads is as durable as the class that the *transaction* was begun with
// says, the store's unless it names one: what others choose for their commits weakens no answer.
//
// Concept durability_policy:
//   expression               type                meaning
//   D::name                  const char*         for messages
//   D::waits_for_sync        bool                commit waits until the record is durable
//   D::syncs_periodically    bool                whatever is committed without waiting for it is
//                                                durable within the window
#pragma once

#include "../config.hpp"

#include <concepts>
#include <cstdint>

namespace mantis {

struct group_commit {
    static constexpr const char* name = "group_commit";
    static constexpr bool waits_for_sync = true;
    static constexpr bool syncs_periodically = false;
};

struct periodic {
    static constexpr const char* name = "periodic";
    static constexpr bool waits_for_sync = false;
    static constexpr bool syncs_periodically = true;
};

struct buffered {
    static constexpr const char* name = "buffered";
    static constexpr bool waits_for_sync = false;
    static constexpr bool syncs_periodically = false;
};

template <class D>
concept durability_policy = requires {
    { D::name } -> std::convertible_to<const char*>;
    { D::waits_for_sync } -> std::convertible_to<bool>;
    { D::syncs_periodically } -> std::convertible_to<bool>;
};

enum class durability_class : std::uint8_t {
    synchronous,  // answers when it is durable
    periodic,     // answers when the system has it, and is durable within the window
    buffered,     // answers when the system has it; within the window in a store that has one
};

[[nodiscard]] constexpr const char* name_of(durability_class chosen) noexcept {
    switch (chosen) {
        case durability_class::synchronous: return "synchronous";
        case durability_class::periodic: return "periodic";
        case durability_class::buffered: return "buffered";
    }
    return "unknown";
}

// The class of a commit that names none.
template <durability_policy D>
inline constexpr durability_class durability_class_of =
    D::waits_for_sync       ? durability_class::synchronous
    : D::syncs_periodically ? durability_class::periodic
                            : durability_class::buffered;

}  // namespace mantis
