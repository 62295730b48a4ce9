// SPDX-License-Identifier: BSL-1.0
//
// The files of a database, locked and looked at without opening a store: for commands that also
// judge what a store refuses.
#pragma once

#include "exit_code.hpp"

#include <mantis/core/crc32c.hpp>
#include <mantis/core/xxh3.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/recovery/log_identity.hpp>

#include <optional>
#include <string_view>

namespace tool {

struct offline_files {
    mantis::posix::directory directory;
    mantis::log_identity identity;
    // What there is of the two files of the superblock; none: both are lost, identity.damage says
    // how.
    std::optional<mantis::superblock_pair> pair;

    [[nodiscard]] const char* first_word() const noexcept {
        return pair ? name_of(pair->first) : "damaged";
    }
    [[nodiscard]] const char* copy_word() const noexcept {
        return pair ? name_of(pair->copy) : "damaged";
    }
    //   Returns     what is wrong with the superblock, if something is
    [[nodiscard]] const mantis::error* superblock_damage() const noexcept {
        if (identity.damage) return &*identity.damage;
        return pair && pair->damage ? &*pair->damage : nullptr;
    }
};

//   Errors      not_found, locked, io, corrupt (nothing tells whose log it is), mismatch
[[nodiscard]] inline mantis::result<offline_files> open_offline(std::string_view path) {
    auto directory = mantis::posix{}.open_directory(path, mantis::directory_mode::existing);
    if (!directory) return directory.error();
    auto found = mantis::identify_log(*directory);
    if (!found) return found.error().about(path);
    if (auto locked = directory->lock(); !locked) return locked.error();
    offline_files files{std::move(*directory), std::move(*found), std::nullopt};
    if (auto pair = mantis::read_superblocks(files.directory)) files.pair = std::move(*pair);
    return files;
}

// Calls work.template operator()<Checksum>() with the policy that the log was written by.
template <class Work>
[[nodiscard]] exit_code with_checksum_of(const offline_files& files, Work work) {
    const std::uint32_t format = files.identity.block.checksum_format;
    if (format == mantis::crc32c::format_id) return work.template operator()<mantis::crc32c>();
    if (format == mantis::xxh3::format_id) return work.template operator()<mantis::xxh3>();
    return complain(mantis::error{mantis::error_code::mismatch,
                                  "reading the log: its checksums are of an unknown policy"}
                        .with("file_format_id", format));
}

}  // namespace tool
