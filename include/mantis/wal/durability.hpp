// SPDX-License-Identifier: BSL-1.0
//
// When a commit answers: the durability policies.
//
//   policy        commit answers when                    kill -9 loses   power loss loses
//   group_commit  the record is synced to the disk       nothing         nothing
//   periodic      the system has the record; a thread    nothing         at most the last `period`
//                                                                        (store_options)
//                 syncs every period
//   buffered      the system has the record              nothing         what the system had not
//                                                                        written
//
// Concept durability_policy:
//   expression               type                meaning
//   D::name                  const char*         for messages
//   D::waits_for_sync        bool                commit waits until the record is durable
//   D::syncs_periodically    bool                the store runs a thread that syncs every period
#pragma once

#include "../config.hpp"

#include <concepts>

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

}  // namespace mantis
