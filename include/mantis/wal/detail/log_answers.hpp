// SPDX-License-Identifier: BSL-1.0
//
// What a log's writer says once a write or a sync of it has failed.
#pragma once

#include "../../core/error.hpp"
#include "../../core/event.hpp"
#include "../../core/ids.hpp"

namespace mantis::detail {

// To who comes later.
[[nodiscard]] inline error log_has_failed() {
    return {error_code::read_only, "appending to the log: an earlier write or sync failed"};
}
// To who has appended up to `target` and waits for it.
[[nodiscard]] inline error log_outcome_unknown(std::uint64_t target, lsn durable) {
    return error{error_code::unknown_outcome,
                 "making a commit durable: a write or sync of the log failed"}
        .with("lsn", target)
        .with("durable_lsn", durable.value);
}
// To who listens.
[[nodiscard]] inline event log_read_only(const error& why, std::uint64_t end, lsn durable) {
    return event{event_code::read_only}
        .about(why.subject())
        .with("lsn", end)
        .with("durable_lsn", durable.value);
}

}  // namespace mantis::detail
