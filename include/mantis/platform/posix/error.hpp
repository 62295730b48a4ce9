// SPDX-License-Identifier: BSL-1.0
//
// errno as an error of mantis: ENOSPC and EDQUOT are no_space, ENOENT not_found, EEXIST
// already_exists, the rest io.
#pragma once

#include "../../core/error.hpp"

#include <cerrno>

namespace mantis {

[[nodiscard]] constexpr error_code posix_error_code(int number) noexcept {
    switch (number) {
        case ENOSPC:
        case EDQUOT: return error_code::no_space;
        case ENOENT: return error_code::not_found;
        case EEXIST: return error_code::already_exists;
        default: return error_code::io;
    }
}

// `number` is an errno; `doing` a literal such as "writing a file".
[[nodiscard]] inline error posix_error(const char* doing, bytes_view path, int number) {
    return error{posix_error_code(number), doing}.about(path).with(
        "errno", static_cast<std::uint64_t>(number));
}

}  // namespace mantis
