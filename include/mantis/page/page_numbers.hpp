// SPDX-License-Identifier: BSL-1.0
//
// Where the numbers of new pages come from.
//
//   static_assert(mantis::page_numbers<my_numbers>);
//
// Concept page_numbers, for `n` of type N:
//   expression         returns          meaning, and errors
//   n.take()           result<page_id>  a number that no page has, from 1 on; no_space,
//                                       out_of_memory
//   n.give_back(page)  void             no page has this number any more: take() may answer it. It
//                                       came from take(), or was there before
//
// Threads: any number, also with latches of pages held; it calls nothing of a pool.
#pragma once

#include "../core/ids.hpp"
#include "../core/result.hpp"

#include <concepts>

namespace mantis {

template <class N>
concept page_numbers = requires(N& numbers, page_id page) {
    { numbers.take() } -> std::same_as<result<page_id>>;
    { numbers.give_back(page) } -> std::same_as<void>;
};

}  // namespace mantis
