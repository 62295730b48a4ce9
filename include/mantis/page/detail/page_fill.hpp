// SPDX-License-Identifier: BSL-1.0
//
// How a frame gets its first contents: the source's image, or zeros.
//
//   expression            returns       meaning
//   F::shares_errors      bool          who waits for this page to arrive fails with it
//   f.fill(frame, page)   result<void>  no mutex is held, the latch exclusively
//   f.arrived(frame)      void          the pool's mutex is held too, and others can find it
#pragma once

#include "../../core/result.hpp"
#include "../../sync/optimistic_load.hpp"
#include "../pool_options.hpp"
#include "page_frame.hpp"

namespace mantis::detail {

template <class Platform>
void clear_page(std::byte* into, std::size_t size) {
    for (std::size_t at = 0; at < size; at += 8)
        optimistic_store<Platform>(*reinterpret_cast<std::uint64_t*>(into + at), 0);
}

template <class Platform, class Source>
struct image_fill {
    static constexpr bool shares_errors = true;
    static constexpr bool makes_dirty = false;
    Source* source;
    std::size_t page_bytes;
    buffer_pool_stats* counts;

    [[nodiscard]] result<void> fill(page_frame<Platform>& at, page_id page) const {
        return source->read(page, at.bytes, page_bytes);
    }
    void arrived(page_frame<Platform>& at) const {
        ++counts->reads;
        at.latch.unlock();
    }
};

// Its latch stays held, for who made it.
template <class Platform>
struct zero_fill {
    static constexpr bool shares_errors = false;  // that it could not be read is nothing to it
    static constexpr bool makes_dirty = true;
    std::size_t page_bytes;
    std::uint32_t epoch;

    [[nodiscard]] result<void> fill(page_frame<Platform>& at, page_id /*page*/) const {
        clear_page<Platform>(at.bytes, page_bytes);
        return success();
    }
    void arrived(page_frame<Platform>& at) const {
        at.dirty_epoch.store(epoch, Platform::memory_order::release);
    }
};

}  // namespace mantis::detail
