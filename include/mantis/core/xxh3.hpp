// SPDX-License-Identifier: BSL-1.0
//
// XXH3, 64 bits (https://xxhash.com): the faster checksum for large blocks. It catches damage, not
// an adversary.
//
// Needs the header xxhash.h, compiled in; nothing is linked.
//
// Threads: any number; no state.
#pragma once

#include "bytes.hpp"

#if defined(XXH_INLINE_ALL)
#include <xxhash.h>
#else
#define XXH_INLINE_ALL
#include <xxhash.h>
#undef XXH_INLINE_ALL
#endif

namespace mantis {

struct xxh3 {
    static constexpr const char* name = "xxh3";
    static constexpr std::uint32_t format_id = 2;

    // `seed` chooses one of 2^64 different functions.
    [[nodiscard]] static std::uint64_t of(bytes_view from, std::uint64_t seed = 0) noexcept {
        return XXH3_64bits_withSeed(from.data(), from.size(), seed);
    }

    //   Effects     out[i] = of(from[i]) for each i < count
    static void of_batch(const bytes_view* from, std::size_t count, std::uint64_t* out) noexcept {
        for (std::size_t i = 0; i < count; ++i) out[i] = of(from[i]);
    }
};

}  // namespace mantis
