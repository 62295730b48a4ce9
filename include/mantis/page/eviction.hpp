// SPDX-License-Identifier: BSL-1.0
//
// Which frame of a buffer pool gives way when a page needs one.
//
//   static_assert(mantis::eviction_policy<my_policy>);
//
// Concept eviction_policy, for `e` of type E made by E{frames}:
//   expression         returns        meaning
//   e.noted(frame)     void           the page in this frame was used; at most one relaxed load
//                                     and one relaxed store
//   e.victim()         std::uint32_t  a frame that may give way. The pool asks again where it
//                                     cannot take that one; asked 2 * frames times in a row while
//                                     nothing is noted, it names every frame
//   E::bytes_per_frame std::size_t    what it takes of the pool's budget for each frame
//
// Frames are numbered from 0.
//
// Threads: noted() any number at once, also during victim(); victim() one at a time.
#pragma once

#include "../config.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace mantis {

template <class E>
concept eviction_policy = std::constructible_from<E, std::uint32_t> &&
    requires(E& eviction, std::uint32_t frame) {
    eviction.noted(frame);
    { eviction.victim() } -> std::same_as<std::uint32_t>;
    { E::bytes_per_frame } -> std::convertible_to<std::size_t>;
};

}  // namespace mantis
