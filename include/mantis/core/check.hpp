// SPDX-License-Identifier: BSL-1.0
//
// What to do when the program itself is wrong: say the sentence and stop before anything reaches a
// disk.
//
// For invariants and for misuse that has no better answer; a thing that can happen to a correct
// program is a result<T>. Always on: a check is one compare and a jump that is never taken.
#pragma once

#include "../config.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace mantis {

[[noreturn]] inline void stop(const char* sentence, std::size_t size) noexcept {
    std::fprintf(stderr, "mantis: %.*s\n", static_cast<int>(size), sentence);
    std::abort();
}

inline void check(bool holds, const char* sentence) noexcept {
    if (!holds) [[unlikely]]
        stop(sentence, std::strlen(sentence));
}

}  // namespace mantis
