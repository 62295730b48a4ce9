// SPDX-License-Identifier: BSL-1.0
//
// Small files as a whole: replaced so that a reader, or a power failure at any moment, sees the
// old contents or the new ones and never a mixture.
//
// Steps of atomic_replace:
//   1. write NAME.tmp and sync it        a failure up to here leaves NAME as it was
//   2. rename NAME.tmp to NAME           from here on a reader sees the new contents
//   3. sync the directory                from here on they survive a power failure
//
// A NAME.tmp that a crash left behind is overwritten by the next replacement.
#pragma once

#include "platform.hpp"

namespace mantis {

//   Requires    nobody else replaces the same name at the same time
//   Errors      no_space, io; after an error in step 3, which has the number `names_unsynced`, a
//               power failure may bring either contents
template <directory Directory>
[[nodiscard]] result<void> atomic_replace(Directory& entries, bytes_view name,
                                          bytes_view contents) {
    bytes temporary{name};
    temporary.append(".tmp");
    const auto write_synced = [&]() -> result<void> {
        auto file = entries.open(temporary, file_mode::create);
        if (!file) return std::move(file).error();
        if (auto cut = file->resize(0); !cut) return cut;
        if (auto written = file->write(0, contents); !written) return written;
        return file->sync();
    };
    if (auto written = write_synced(); !written) {
        (void)entries.remove(temporary);  // the first error is the one to tell
        return written;
    }
    if (auto renamed = entries.rename(temporary, name); !renamed) return renamed;
    auto synced = entries.sync();
    return synced ? success() : result<void>{synced.error().with("names_unsynced", 1)};
}

//   Returns     the whole contents
//   Errors      not_found, io, too_large (number "bytes": its size)
template <directory Directory>
[[nodiscard]] result<bytes> read_file(Directory& entries, bytes_view name,
                                      std::uint64_t max_bytes) {
    auto file = entries.open(name, file_mode::read);
    if (!file) return std::move(file).error();
    const result<std::uint64_t> size = file->size();
    if (!size) return size.error();
    if (*size > max_bytes)
        return error{error_code::too_large, "reading a whole file"}
            .about(file->path())
            .with("bytes", *size)
            .with("limit", max_bytes);
    bytes contents = bytes::zeros(static_cast<std::size_t>(*size));
    const result<std::size_t> got = file->read(0, contents.data(), contents.size());
    if (!got) return got.error();
    contents.resize(*got);
    return contents;
}

}  // namespace mantis
