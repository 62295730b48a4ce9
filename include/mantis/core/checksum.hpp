// SPDX-License-Identifier: BSL-1.0
//
// The checksum policy: which function tells a record or a page from a damaged one.
//
// What a type C must offer to be one:
//
//   expression                        returns           meaning
//   C::name                           const char*       as it is called in messages and in `stats`
//   C::format_id                      std::uint32_t     written to disk; opening with another one
//                                                       is refused. 1 and 2 are taken; ids below
//                                                       1000 are mantis's
//   C::of(bytes_view)                 std::uint64_t     C::of(view, 0)
//   C::of(bytes_view, seed)           std::uint64_t     a function of the bytes and the seed alone,
//                                                       on every machine; a seed that fits in 32
//                                                       bits is never ignored
//   C::of_batch(views, count, out)    void              out[i] = C::of(views[i]); reads nothing
//                                                       else
//
// All may be called by any number of threads at once and do not throw. What `seed` means beyond
// that is the policy's: crc32c continues an earlier checksum, xxh3 picks another function.
//
//   policy     bits   for
//   crc32c     32     records and pages that other tools should be able to check; the default
//   xxh3       64     large blocks, and machines without a CRC instruction
#pragma once

#include "crc32c.hpp"
#include "xxh3.hpp"

namespace mantis {

template <class C>
concept checksum_policy = requires(bytes_view from, std::uint64_t seed, const bytes_view* views,
                                   std::size_t count, std::uint64_t* out) {
    { C::name } -> std::convertible_to<const char*>;
    { C::format_id } -> std::convertible_to<std::uint32_t>;
    { C::of(from) } -> std::same_as<std::uint64_t>;
    { C::of(from, seed) } -> std::same_as<std::uint64_t>;
    { C::of_batch(views, count, out) } -> std::same_as<void>;
};

static_assert(checksum_policy<crc32c> && checksum_policy<xxh3>);

}  // namespace mantis
