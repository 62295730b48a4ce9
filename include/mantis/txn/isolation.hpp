// SPDX-License-Identifier: BSL-1.0
//
// What a transaction is promised about the work of others.
#pragma once

#include "../config.hpp"

#include <cstdint>

namespace mantis {

enum class isolation : std::uint8_t {
    // Commits only if everything it read is still as it was read, so that committed transactions
    // are as if run one after the other. Otherwise commit() answers `conflict` and the caller runs
    // it again.
    serializable,
    // Reads see committed values only, each as of its own moment, and never stand in the way of the
    // commit.
    read_committed,
};

}  // namespace mantis
