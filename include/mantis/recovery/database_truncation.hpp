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

#include "detail/manifest_choice.hpp"
#include "detail/stored_pages.hpp"
#include "image_reader.hpp"
#include "superblock_pair.hpp"

#include "../core/crc32c.hpp"
#include "../core/xxh3.hpp"
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

// Pages may be further than the image: a crash came in between.
//   Returns     what tables in pages hold is of that moment, and of none before; {}: there are none
//   Errors      corrupt (the manifest), mismatch, io
template <platform Platform>
[[nodiscard]] result<lsn> end_of_pages(typename Platform::directory& in, const superblock& of) {
    const auto names = detail::find_manifests(in);
    if (!names) return names.error();
    if (names->newest == 0 && of.pages_sequence == 0) return lsn{};
    const auto read = [&]<class Checksum>(Checksum) -> result<lsn> {
        auto chosen =
            detail::choose_manifest<Platform, Checksum>(in, of.database, of.pages_sequence);
        if (!chosen) return chosen.error();
        return chosen->reader.state().checkpoint;
    };
    const bool is_crc32c = detail::manifest_checksum_format(in, names->newest) == crc32c::format_id;
    return is_crc32c ? read(crc32c{}) : read(xxh3{});
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
    auto pages_end = end_of_pages<Platform>(in, *block);
    if (!pages_end) return pages_end.error();
    if (*pages_end > floor) floor = *pages_end;
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
