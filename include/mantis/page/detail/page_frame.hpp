// SPDX-License-Identifier: BSL-1.0
//
// What a buffer pool knows of one frame, and what its latch protects.
//
// States, by `page` and `dirty_epoch`:
//   free     0, 0     in the pool's list, or being filled by the thread that took it from there
//   clean    p, 0     the source has what is here
//   dirty    p, e     changed in epoch e, not before; the source has an older image
//
//   free   --load, make--> clean, dirty     clean --evict--> free
//   clean  --change------> dirty            dirty --write--> clean        any --drop--> free
//
// Invariants:
//   1. page, and what is in the frame, change under the latch in exclusive mode only
//   2. dirty_epoch is raised under the latch in exclusive mode, and becomes 0 under it in either:
//      in shared mode by the one who set `writing`
//   3. whoever holds the latch, in either mode, and has found the page there, keeps it there
//   4. the translation names this frame for a page  =>  `page` is that page, or the latch is held
//      in exclusive mode
//
// Threads: see above.
#pragma once

#include "../../core/ids.hpp"
#include "../../sync/optimistic_latch.hpp"

namespace mantis::detail {

// Two in a line of the cache: readers of pages at random find more of them there, and writers of
// neighbours are seldom at it at once.
template <class Platform>
struct alignas(32) page_frame {
    optimistic_latch<Platform> latch;
    typename Platform::template atomic<std::uint64_t> page{0};
    typename Platform::template atomic<std::uint32_t> dirty_epoch{0};
    bool writing = false;  // somebody writes it; under the pool's mutex
    std::byte* bytes = nullptr;

    [[nodiscard]] bool has(page_id wanted) const {
        return page.load(Platform::memory_order::acquire) == wanted.value;
    }
    [[nodiscard]] std::uint32_t dirty() const {
        return dirty_epoch.load(Platform::memory_order::acquire);
    }
};

}  // namespace mantis::detail
