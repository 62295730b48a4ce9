// SPDX-License-Identifier: BSL-1.0
//
// Takes the end of a database's log back, and its superblock's promise with it; the next opening
// finds the database as it was after the last commit before `end`.
//
//   auto done = truncate_database<posix, crc32c>(directory, end, checkpoint);
//
// Steps: truncate_log (wal/truncation.hpp) verifies what stays; the superblock promises no more
// than `end`; the log is cut. After a power failure between them the log is whole and only reaches
// further than is promised, which is what every crash leaves; the same call again finishes.
//
// Threads: one at a time; the database is not open.
#pragma once

#include "image_reader.hpp"
#include "superblock_pair.hpp"

#include "../platform/atomic_replace.hpp"
#include "../wal/truncation.hpp"

namespace mantis {

//   Returns     before that the image of the last checkpoint is of no use; {}: there is none
//   Errors      corrupt (the image), mismatch, io
template <platform Platform, checksum_policy Checksum>
[[nodiscard]] result<lsn> end_of_image(typename Platform::directory& in, const superblock& of) {
    if (of.checkpoint == lsn{}) return lsn{};
    auto reader =
        image_reader<Platform, Checksum>::open(in, image_name(of.checkpoint), of.database);
    if (!reader) return reader.error();
    image_block block;
    while (true) {
        auto more = reader->next(block);
        if (!more) return more.error();
        if (!*more) break;
    }
    if (auto damage = reader->damage()) return *damage;
    return reader->footer()->log_needed;
}

//   Requires    the caller has locked `in`; `floor` is what a checkpoint covers, or somebody holds
//   Errors      as truncate_log; also not_found (there is no superblock) and mismatch (another
//               checksum policy): nothing was changed
template <platform Platform, checksum_policy Checksum>
[[nodiscard]] result<log_truncation> truncate_database(typename Platform::directory& in, lsn end,
                                                       lsn floor) {
    auto pair = read_superblocks(in);
    if (!pair) return pair.error();
    const superblock* const block = &pair->block;
    if (block->checksum_format != Checksum::format_id)
        return error{error_code::mismatch,
                     "truncating a database: with::checksum differs from the one it was made with"}
            .with("file_format_id", block->checksum_format)
            .with("store_format_id", Checksum::format_id);
    auto image_end = end_of_image<Platform, Checksum>(in, *block);
    if (!image_end) return image_end.error();
    if (*image_end > floor) floor = *image_end;
    return truncate_log<Platform, Checksum>(in, block->database, end, floor, [&]() -> result<void> {
        if (block->log_reaches <= end) return success();
        superblock lowered = *block;
        lowered.version = superblock_version;
        lowered.log_reaches = end;
        ++lowered.generation;
        return replace_superblocks(in, lowered);
    });
}

}  // namespace mantis
