// SPDX-License-Identifier: BSL-1.0
//
// Where a buffer pool gets pages from and puts them: files, memory, another machine.
//
//   static_assert(mantis::page_source<my_source>);
//
// Concept page_source, for `s` of type S:
//   expression                   returns       meaning, and errors
//   s.read(page, into, size)     result<void>  the page's last image, `size` bytes of it;
//                                              not_found, corrupt, io: what is in `into` then
//                                              counts for nothing
//   s.write(page, epoch, image)  result<void>  takes another image; no_space, io: the source has
//                                              the images it had, but perhaps none of this epoch
//
// What a source can rely on:
//   1. the images of one page come one after another, their epochs never go back, and a page that
//      was not dropped is not read meanwhile
//   2. the state at the end of epoch e is, for each page, its last image of an epoch up to e, once
//      the pool's write_epoch(e) has answered. A source that may have to return to that state
//      keeps these images beside later ones
//   3. `image` does not change before write() returns
//
// What a pool relies on: `into` may be looked at meanwhile by readers who came too late and will
// throw away what they saw. So the bytes are put there by optimistic_write, or by the system.
//
// Neither has to wait for any log, and write() has made nothing durable.
//
// Threads: any number, also with latches of the pool's pages held; it calls nothing of the pool.
#pragma once

#include "../core/ids.hpp"
#include "../core/result.hpp"

namespace mantis {

template <class S>
concept page_source = requires(S& source, page_id page, std::uint32_t epoch, std::byte* into,
                               std::size_t size, bytes_view image) {
    { source.read(page, into, size) } -> std::same_as<result<void>>;
    { source.write(page, epoch, image) } -> std::same_as<result<void>>;
};

}  // namespace mantis
