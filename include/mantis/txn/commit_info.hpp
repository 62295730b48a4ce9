// SPDX-License-Identifier: BSL-1.0
//
// What a successful commit answers. A failed one answers an error: `unknown_outcome` may or may not
// survive a restart, every other code means that nothing was committed.
#pragma once

#include "../core/ids.hpp"

namespace mantis {

enum class commit_state : std::uint8_t {
    durable,   // survives power loss
    buffered,  // survives the end of this process; see the class of the commit for the rest
};

struct commit_info {
    transaction_id id;  // 0 if the transaction wrote nothing
    lsn position;       // of its commit in the log, one past its end; of one that wrote nothing, of
                        // the newest commit that it was told of
    commit_state state = commit_state::durable;  // of everything before `position`
    std::uint64_t opening = 0;  // of the store; another opening cannot say what became of it
};

[[nodiscard]] constexpr const char* name_of(commit_state state) noexcept {
    return state == commit_state::durable ? "durable" : "buffered";
}

}  // namespace mantis
