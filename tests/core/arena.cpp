// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/core/arena.hpp>

#include <cstdint>
#include <vector>

using namespace mantis;

TEST_CASE("pieces of every size are aligned, keep their bytes and do not overlap") {
    arena held;
    std::vector<std::byte*> pieces;
    std::vector<std::size_t> sizes;
    for (std::size_t size = 0; size < 3000; size += 7) sizes.push_back(size);
    for (std::size_t size : {std::size_t{16 * 1024}, std::size_t{16 * 1024 + 1},
                             std::size_t{1024 * 1024}, std::size_t{5}, std::size_t{64 * 1024}})
        sizes.push_back(size);
    for (std::size_t at = 0; at < sizes.size(); ++at) {
        pieces.push_back(static_cast<std::byte*>(held.allocate(sizes[at])));
        CHECK(reinterpret_cast<std::uintptr_t>(pieces[at]) % arena::alignment == 0);
        for (std::size_t i = 0; i < sizes[at]; ++i) pieces[at][i] = static_cast<std::byte>(at + i);
    }
    bool kept = true;
    for (std::size_t at = 0; at < sizes.size(); ++at)
        for (std::size_t i = 0; i < sizes[at]; ++i)
            kept &= pieces[at][i] == static_cast<std::byte>(at + i);
    CHECK(kept);
}

TEST_CASE("a copy is the arena's own, and moves with it") {
    arena held;
    bytes text{bytes_view{"abc"}};
    const bytes_view copied = held.copy(text);
    text[0] = std::byte{'X'};
    CHECK(held.copy({}).empty());
    arena moved{std::move(held)};
    CHECK(copied == bytes_view{"abc"});
    held = std::move(moved);
    CHECK(copied == bytes_view{"abc"});
    held.clear();
    held.clear();
    CHECK(held.copy("again") == bytes_view{"again"});
}
