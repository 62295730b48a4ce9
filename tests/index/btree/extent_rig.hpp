// SPDX-License-Identifier: BSL-1.0
//
// What the tests of values in pages of their own share: values whose bytes tell where they belong.
#pragma once

#include "tree_rig.hpp"

#include <mantis/index/btree/page_tree_cursor.hpp>

namespace tree_tests {

// No two parts of it are alike, nor those of two values.
inline std::string patterned(std::size_t size, std::uint64_t salt) {
    std::string made(size, '\0');
    std::uint64_t state = salt * 0x9e37'79b9'7f4a'7c15 + 1;
    for (char& each : made) {
        state = state * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
        each = static_cast<char>(state >> 56);
    }
    return made;
}
// Of a value: small, as large as a leaf may take, a few pages, or up to 100.
template <class Random>
std::size_t drawn_size(Random& random, std::size_t page_bytes) {
    switch (random() % 8) {
        case 0:
        case 1: return random() % 40;
        case 2:
        case 3: return random() % (page_bytes / 2);
        case 4: return random() % (page_bytes * 100);
        default: return random() % (page_bytes * 6);
    }
}

}  // namespace tree_tests
