// SPDX-License-Identifier: BSL-1.0
//
// Whose log a directory holds and what guards its records: what the superblock or its copy says or,
// where both are lost, what the first readable header of a segment says.
//
// For whoever reads what a store refuses to open: safe mode, a dry run, a salvage. A log that has
// lost both cannot tell how far it once reached.
//
// Threads: one at a time.
#pragma once

#include "image.hpp"
#include "superblock_pair.hpp"

#include "../wal/segment.hpp"

namespace mantis {

struct log_identity {
    // Where both are lost log_reaches is {}, and the checkpoint that of the newest image: one that
    // has its name is whole.
    superblock block;
    std::optional<error> damage;  // why they are
};

//   Errors      not_found (neither a superblock nor a segment), corrupt (neither can be read),
//               mismatch, io
template <directory Directory>
[[nodiscard]] result<log_identity> identify_log(Directory& in) {
    error lost{error_code::not_found, "identifying a log: there is no superblock"};
    if (auto pair = read_superblocks(in)) return log_identity{pair->block, std::nullopt};
    else if (pair.error().code() == error_code::corrupt) lost = pair.error();
    else if (pair.error().code() != error_code::not_found) return pair.error();
    auto names = in.list();
    if (!names) return names.error();
    lsn newest;
    for (const bytes& name : *names)
        if (lsn named; parse_image_name(name, named) && named > newest) newest = named;
    for (const bytes& name : *names) {
        lsn first;
        if (!parse_segment_name(name, first)) continue;
        auto file = in.open(name, file_mode::read);
        if (!file) return file.error();
        bytes raw = bytes::zeros(segment_header_bytes);
        auto got = file->read(0, raw.data(), raw.size());
        if (!got) return got.error();
        raw.resize(*got);
        auto header = decode_segment_header(raw);
        if (header && header->first == first) {
            if (lost.code() == error_code::not_found)
                lost = {error_code::corrupt, "identifying a log: it has lost its superblock"};
            return log_identity{
                {superblock_version, header->checksum_format, header->database, {}, newest, 0, 0},
                lost};
        }
        if (!header && header.error().code() == error_code::mismatch)
            return header.error().about(name);
    }
    return lost;
}

}  // namespace mantis
