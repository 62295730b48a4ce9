// SPDX-License-Identifier: BSL-1.0
//
// What every platform does with the names of files: refuse bad ones, join them to a path, put them
// in order.
#pragma once

#include "../../core/error.hpp"

#include <vector>

namespace mantis::detail {

inline constexpr const char* lock_file_name = "LOCK";

// One path component that the platform does not keep for itself.
[[nodiscard]] inline bool usable_file_name(bytes_view name) noexcept {
    if (name.empty() || name == "." || name == ".." || name == lock_file_name) return false;
    for (const std::byte at : name)
        if (at == std::byte{'/'} || at == std::byte{0}) return false;
    return true;
}

// The refusal of a name or path that cannot be one.
[[nodiscard]] inline error bad_name(const char* doing, bytes_view path) {
    return error{error_code::invalid_argument, doing}.about(path);
}

[[nodiscard]] inline bytes joined_path(bytes_view directory, bytes_view name) {
    bytes path;
    path.reserve(directory.size() + 1 + name.size());
    path.append(directory);
    path.push_back('/');
    path.append(name);
    return path;
}

// Heap sort: <algorithm> costs more to include than this is long.
inline void sort_names(std::vector<bytes>& names) {
    const auto sift_down = [&names](std::size_t at, std::size_t count) {
        for (std::size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
            if (child + 1 < count && names[child] < names[child + 1]) ++child;
            if (!(names[at] < names[child])) return;
            names[at].swap(names[child]);
            at = child;
        }
    };
    for (std::size_t at = names.size() / 2; at-- > 0;) sift_down(at, names.size());
    for (std::size_t count = names.size(); count > 1;) {
        names[0].swap(names[--count]);
        sift_down(0, count);
    }
}

}  // namespace mantis::detail
