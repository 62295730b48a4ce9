// SPDX-License-Identifier: BSL-1.0
//
// Options of a pool with so many frames and side copies exactly, of 512 bytes each,
// and no thread of its own that writes.
#pragma once

#include <mantis/page/buffer_pool.hpp>

namespace page_test {

template <class Pool>
mantis::buffer_pool_options room_for(std::size_t frames, std::size_t side_copies = 0) {
    mantis::buffer_pool_options options;
    options.page_bytes = 512;
    options.translation_bytes = 4096;
    options.clean_percent = 0;
    options.side_bytes = 1 + side_copies * Pool::side_copy_bytes(512);
    options.memory_bytes =
        options.translation_bytes + options.side_bytes + frames * Pool::frame_bytes(512);
    return options;
}

}  // namespace page_test
