// SPDX-License-Identifier: BSL-1.0
//
// How many pages a commit to tables in pages may take, and how many images, at most: arithmetic.
//
// Pages. A node that is split leaves two that are seven eighths full at most: no entry takes more
// than a quarter of a page, and what is appended at the very end is split off only when that page
// is full. So each leaf that there was may be split by one put, and from then on by an eighth of a
// page of entries at the least. A dense leaf that gets keys of another kind is cut into four in the
// end, twice by one put. What is split off above, by separators of an eighth of a page, is bounded
// by the levels and by the pages that there were.
//
// Images. A page has one place for those of one epoch (page_store.hpp): so no more are needed than
// there are pages, and that are made; and one, so that pages are still changed when each has its
// place. Nor more than pages are changed, even if each leaves its frame each time:
//   erase    its leaf; merging asks by itself
//   put      its leaf, where it was found and when it is looked for; its parent and the leaf again,
//            and a new one; from the root down again two pages for each level, and two more below a
//            root that is split. Trees that grow higher meanwhile have their root split
//
// Threads: like an int.
#pragma once

#include <bit>
#include <cstdint>

namespace mantis::detail {

struct commit_size {
    std::uint64_t bytes = 0;  // of keys and values that are put
    std::uint64_t entries = 0;
    bool puts = false;
};

struct commit_bounds {
    std::uint64_t pages = 0;   // that are made
    std::uint64_t images = 0;  // that take another place

    friend constexpr bool operator==(const commit_bounds&, const commit_bounds&) noexcept = default;
};

constexpr std::uint64_t entry_bytes = 32;  // of an entry besides its key and value

//   Returns     whether it is one of those commits that all have the same bounds
[[nodiscard]] constexpr bool is_small_row(std::uint64_t put_bytes, std::uint64_t entries,
                                          std::uint64_t page_bytes) noexcept {
    return entries == 1 && put_bytes + entry_bytes < page_bytes / 8;
}

//   Requires    fewer than 2^40 of each; `height` is that of the highest tree, and `used` how many
//               pages there are
[[nodiscard]] constexpr commit_bounds bounds_of(const commit_size& commit, std::uint64_t height,
                                                std::uint64_t used,
                                                std::uint64_t page_bytes) noexcept {
    const auto least = [](std::uint64_t a, std::uint64_t b) { return a < b ? a : b; };
    if (!commit.puts || commit.entries == 0) return {0, least(used + 1, 3 * commit.entries)};
    constexpr std::uint64_t extent_bytes = 64;  // of a page of an extent besides the value
    const std::uint64_t eighth = page_bytes / 8;
    const std::uint64_t levels = height + 1 + std::bit_width(commit.entries) / 2;
    const std::uint64_t extents =
        commit.bytes / (page_bytes - extent_bytes) + least(commit.entries, commit.bytes / eighth);
    const std::uint64_t again = (commit.bytes + entry_bytes * commit.entries) / eighth;
    const std::uint64_t leaves = least(2 * commit.entries - 1, 3 * used + again);
    const std::uint64_t inner = least(leaves * (levels - 1), used + leaves);
    const std::uint64_t pages = extents + leaves + inner + levels + 1;
    return {pages, least(used + pages, extents + commit.entries * (2 * levels + 8))};
}
static_assert(bounds_of({0, 0, true}, 1, 1, 4096) == commit_bounds{});
static_assert(bounds_of({100, 1, true}, 1, 1, 4096).pages < 8);
static_assert(bounds_of({55'000'000, 500'000, true}, 1, 1, 4096).images < 400'000);
static_assert(bounds_of({479, 1, true}, 3, 9, 4096) == bounds_of({1, 1, true}, 3, 9, 4096) &&
              is_small_row(479, 1, 4096) && !is_small_row(480, 1, 4096) &&
              !is_small_row(100, 2, 4096));

}  // namespace mantis::detail
