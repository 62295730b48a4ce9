// SPDX-License-Identifier: BSL-1.0
//
// What a log flusher does when little or nothing is appended: it ends a segment that is old, and
// goes on in a small one. Included by log_flusher.hpp.
#pragma once

#include "log_flusher.hpp"

namespace mantis::detail {

template <platform Platform, checksum_policy Checksum>
nanoseconds log_flusher<Platform, Checksum>::end_old_segment() {
    if (options_.segment_period.count == 0) return {};
    unique_lock<mutex> hold{mutex_};
    while (!failed_.load(orders::relaxed)) {
        const nanoseconds now = parking::now();
        const nanoseconds left = begun_ + options_.segment_period - now;
        place nothing;
        if (left.count > 0) return left;
        if (!segments_.any() || units_.position() == segments_.last().first) begun_ = now;
        else if (closing_ || !units_.any_free()) pause(hold);
        else if (!turn_segment(hold, 0, nothing)) begun_ = now;  // on a full disk
    }
    return {};
}

// The segment is made as one without a spare is: a power failure takes neither its header nor its
// name, nor anything before it. So the spare is not needed for what comes next.
//   Effects     the log goes on in a small segment, and there is no spare until half of that is
//               filled
//   Returns     whether it does since now; false, too: it did already, or it has no segment
//   Errors      no_space, io: the log goes on as it was; read_only
template <platform Platform, checksum_policy Checksum>
result<bool> log_flusher<Platform, Checksum>::rest() {
    unique_lock<mutex> hold{mutex_};
    while (!failed_.load(orders::relaxed) && (closing_ || !units_.any_free())) pause(hold);
    if (failed_.load(orders::relaxed)) return failure();
    if (!segments_.any() || !segments_.may_be_small() || segments_.is_small()) return false;
    place nothing;
    resting_ = true;
    const auto turned = turn_segment(hold, 0, nothing);
    resting_ = false;
    hold.unlock();
    if (!turned) return turned.error();
    segments_.give_up_spare();
    return true;
}

}  // namespace mantis::detail
