// SPDX-License-Identifier: BSL-1.0
//
// The name of a thread as it is kept for reports: a copy, for the thread may be gone by then.
#pragma once

#include "../core/bytes.hpp"

namespace mantis {

struct thread_name {
    static constexpr std::size_t capacity = 16;

    char text[capacity] = {};  // ends with a zero

    [[nodiscard]] bytes_view view() const noexcept { return {text, std::strlen(text)}; }
};

}  // namespace mantis
