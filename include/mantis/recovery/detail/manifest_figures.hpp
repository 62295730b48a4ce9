// SPDX-License-Identifier: BSL-1.0
//
// What was done to the pages of a database since it was made, as an edit of a manifest.
//
//   offset  bytes  field
//        0      8  bytes written  to data segments, until the checkpoint that the edit is of
//
// Threads: like an int.
#pragma once

#include "../manifest_format.hpp"

namespace mantis::detail {

inline constexpr std::size_t manifest_figures_bytes = 8;

struct manifest_figures {
    std::uint64_t bytes_written = 0;
};
static_assert(sizeof(manifest_figures) == manifest_figures_bytes);

[[nodiscard]] inline bytes encode_manifest_figures(manifest_figures from) {
    bytes raw = bytes::zeros(manifest_figures_bytes);
    store_le(raw.data(), from.bytes_written);
    return raw;
}
//   Errors      corrupt
[[nodiscard]] inline result<manifest_figures> decode_manifest_figures(bytes_view raw) {
    if (raw.size() != manifest_figures_bytes)
        return error{error_code::corrupt, "reading the figures of a manifest"}.with("bytes",
                                                                                    raw.size());
    return manifest_figures{load_le<std::uint64_t>(raw.data())};
}

}  // namespace mantis::detail
