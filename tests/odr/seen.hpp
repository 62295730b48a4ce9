// SPDX-License-Identifier: BSL-1.0
//
// What one translation unit sees of mantis; a second one in the same program must see the very
// same.
#pragma once

#include <mantis/core/error.hpp>
#include <mantis/core/units.hpp>

struct seen_by_a_unit {
    const char* (*code_name)(mantis::error_code);
    const char* (*class_name)(mantis::error_class);
    const std::size_t* kibibyte;
    std::size_t error_bytes;
};

inline seen_by_a_unit look() {
    return {&mantis::name_of, &mantis::name_of, &mantis::KiB, sizeof(mantis::error)};
}

seen_by_a_unit seen_by_the_first();
seen_by_a_unit seen_by_the_second();
