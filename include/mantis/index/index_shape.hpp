// SPDX-License-Identifier: BSL-1.0
//
// What the index of a table looks like, for who wants to know where space goes.
//
// Threads: like an int.
#pragma once

#include <cstdint>

namespace mantis {

// Beside changes the counts are of no one moment.
struct index_shape {
    std::uint64_t entries = 0;
    std::uint64_t memory_bytes = 0;  // of an index in memory, which has nothing of the rest
    std::uint64_t page_bytes = 0;
    std::uint64_t height = 0;  // levels: 1 where the root is a leaf
    std::uint64_t leaves = 0;
    std::uint64_t inner_nodes = 0;
    std::uint64_t value_pages = 0;   // of values that have pages of their own; about so many
    std::uint64_t fill_percent = 0;  // of the leaves, by some of them

    // Of pages; as many are in files.
    [[nodiscard]] constexpr std::uint64_t bytes() const noexcept {
        return (leaves + inner_nodes + value_pages) * page_bytes;
    }
};

}  // namespace mantis
