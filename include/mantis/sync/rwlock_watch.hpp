// SPDX-License-Identifier: BSL-1.0
//
// Who looks on while a reader-writer lock is used: a policy of rwlock. Nobody, unless asked:
//
//   unwatched_lock                nobody; takes no space and no time
//   wait_stats<Histogram>    rwlock_stats.hpp: how long readers, writers and upgraders waited
//   checked_use              rwlock_checked.hpp: who holds it, and stops a program that misuses it
//
// A watch of your own is a type with a member template of<Platform>, default constructible, one in
// every lock. For `w` of that type:
//   expression                 when, and meaning
//   w.wants(use)               a call begins; for `upgrade` by a thread that claims to hold a read
//                              lock
//   w.enters(use)              it got what it wanted
//   w.leaves(use)              unlock_shared (shared), unlock (exclusive) or downgrade (upgrade)
//                              begins
//   w.begins_wait()            its first attempt failed; the result is given back to ends_wait
//   w.ends_wait(use, b, got)   `got`: it is inside; else the time was up
#pragma once

#include "../config.hpp"

#include <cstdint>

namespace mantis {

enum class rwlock_use : std::uint8_t { shared, exclusive, upgrade };

[[nodiscard]] constexpr const char* name_of(rwlock_use use) noexcept {
    switch (use) {
        case rwlock_use::shared: return "reading";
        case rwlock_use::exclusive: return "writing";
        case rwlock_use::upgrade: return "upgrading";
    }
    return "nothing";
}

struct unwatched_lock {
    template <class Platform>
    struct of {
        struct nothing {};

        static constexpr void wants(rwlock_use) noexcept {}
        static constexpr void enters(rwlock_use) noexcept {}
        static constexpr void leaves(rwlock_use) noexcept {}
        static constexpr nothing begins_wait() noexcept { return {}; }
        static constexpr void ends_wait(rwlock_use, nothing, bool) noexcept {}
    };
};

}  // namespace mantis
