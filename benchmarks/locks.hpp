// SPDX-License-Identifier: BSL-1.0
//
// The parts of the benchmark `locks`, each in a file of its own.
#pragma once

#include "measure.hpp"

namespace locks {

// Reader-writer locks beside each other: read-uncontended, write-uncontended, mix-99-1, mix-90-10,
// mix-50-50, writer-wait, reader-wait.
std::vector<measure::comparison> rwlock_cases(const measure::settings& chosen);

// The lock manager: lockmgr-key, lockmgr-intent, lockmgr-hot. Nobody else offers one to embed, so
// that there is no peer.
std::vector<measure::comparison> manager_cases(const measure::settings& chosen);

//   Returns     which builds the peers are, one a line
std::string rwlock_builds();

}  // namespace locks
