// SPDX-License-Identifier: BSL-1.0
// A store with three policies changed: where its files live, when a commit answers, which checksum
// guards the log.
//
//   build/examples/03_policies
#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

#include <cstdio>

namespace with = mantis::with;

// A bundle has a name, so errors, symbols and debuggers say store<session_cache>.
struct session_cache
    : mantis::policies<
          with::platform<
              mantis::memory>,  // files in RAM: a test, or data that need not outlive the process
          with::durability<mantis::buffered>,  // a commit answers once the platform has the record
          with::checksum<mantis::xxh3>> {};

int main() {
    mantis::memory files;  // two stores opened on the same `files` meet the same database
    {
        auto db =
            mantis::store<session_cache>::open("sessions", {.segment_bytes = mantis::MiB}, files)
                .value();
        auto sessions = db.table("sessions").value();
        auto tx = db.begin();
        tx.put(sessions, "token-1", "user 7");
        std::printf("committed: %s\n", mantis::name_of(tx.commit().value().state));
    }
    auto db = mantis::store<session_cache>::open("sessions", {}, files).value();
    const auto found = db.get(db.table("sessions").value(), "token-1").value();
    std::printf("token-1: %.*s\n", static_cast<int>(found->size()), found->chars());
}
