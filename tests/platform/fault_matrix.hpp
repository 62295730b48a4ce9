// SPDX-License-Identifier: BSL-1.0
//
// Every fault at every I/O: which faults there are, by what has to become of them, and a walk over
// the positions of one.
#pragma once

#include <mantis/platform/fault.hpp>

#include <string>
#include <vector>

namespace platform_test {

// Nothing that was acknowledged is lost.
inline std::vector<mantis::fault> faults_to_survive() {
    using namespace mantis;
    std::vector<fault> all;
    for (const fault_kind kind : {fault_kind::fail, fault_kind::fail_halfway})
        for (const error_code code : {error_code::io, error_code::no_space})
            for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{3}, fault::for_ever})
                all.push_back({.kind = kind, .code = code, .count = count});
    all.push_back({.on = space_io, .code = error_code::no_space, .count = 5});
    for (const failed_sync how : {failed_sync::forgets, failed_sync::reverts})
        for (const fault_kind kind : {fault_kind::fail, fault_kind::fail_halfway})
            for (const std::uint64_t count : {std::uint64_t{1}, fault::for_ever})
                all.push_back({.kind = kind,
                               .on = io_kind::sync | io_kind::sync_directory,
                               .count = count,
                               .after_sync = how});
    all.push_back({.on = descriptor_io, .count = 2});
    all.push_back({.kind = fault_kind::split});
    all.push_back({.kind = fault_kind::slow});
    return all;
}

// Nothing wrong is told.
inline std::vector<mantis::fault> faults_to_detect() {
    using namespace mantis;
    std::vector<fault> all;
    for (std::size_t kind = 0; kind < fault_kind_count; ++kind)
        if (duty_of(static_cast<fault_kind>(kind)) == fault_duty::must_detect)
            all.push_back({.kind = static_cast<fault_kind>(kind)});
    for (const failed_sync how : {failed_sync::forgets, failed_sync::reverts})
        all.push_back({.kind = fault_kind::lying_sync, .after_sync = how});
    return all;
}

inline std::string text_of(const mantis::fault& what) {
    return std::string{name_of(what.kind)} + " " + name_of(what.code) + " x" +
           std::to_string(what.count) + " on " + std::to_string(what.on.bits()) + " after_sync " +
           std::to_string(static_cast<int>(what.after_sync));
}

// Calls once(fault) with one in so many positions of the fault, until it no longer strikes.
//   Requires    once() returns whether it struck
//   Returns     how many positions that were
template <class Once>
int at_positions(mantis::fault what, std::uint64_t one_in, Once once) {
    int positions = 0;
    for (what.nth = 1; what.nth < 1'000; what.nth += one_in, ++positions)
        if (!once(what)) break;
    return positions;
}
template <class Once>
int at_each_position(const mantis::fault& what, Once once) {
    return at_positions(what, 1, once);
}

}  // namespace platform_test
