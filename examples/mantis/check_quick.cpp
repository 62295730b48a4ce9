// SPDX-License-Identifier: BSL-1.0
#include "check_quick.hpp"
#include "answer.hpp"
#include "offline.hpp"
#include "output.hpp"

#include <mantis/document/bson_writer.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/wal/detail/segment_fit.hpp>
#include <mantis/wal/detail/segment_list.hpp>
#include <mantis/wal/detail/segment_tail.hpp>

#include <unistd.h>

namespace tool {

namespace {

using mantis::bytes_view;
using mantis::error;
using mantis::error_code;
using mantis::lsn;
using mantis::result;

struct structure {
    lsn checkpoint;
    lsn reaches;  // and so far the log was once durable
    std::uint64_t segments = 0;
    std::uint64_t bytes = 0;  // of the files
    lsn room_until;           // how far records may lie
    std::optional<error> damage;
};

// The header of a segment, the size of its file, and that it begins where the one before ends.
template <class Checksum>
result<void> look_at(mantis::posix::directory& directory, const mantis::database_id& database,
                     lsn first, bool last, structure& found) {
    const mantis::bytes name = mantis::segment_name(first);
    auto file = directory.open(name, mantis::file_mode::read);
    if (!file) return file.error();
    auto size = file->size();
    if (!size) return size.error();
    auto raw = mantis::bytes::zeros(mantis::segment_header_bytes);
    auto got = file->read(0, raw.data(), raw.size());
    if (!got) return got.error();
    raw.resize(*got);
    // A crash may leave the last one without its header, of which then nothing was durable.
    const bool never_used = last && mantis::detail::all_zero(raw) && found.room_until >= first &&
                            found.reaches <= first;
    if (never_used) return mantis::success();
    mantis::detail::segment_place place;
    place.name = name;
    place.first = first;
    place.database = database;
    mantis::log_finding kind{};
    if (auto fits = mantis::detail::read_place<Checksum>(raw, place, kind); !fits)
        return fits.error();
    // What lies before has room up to here, and not further than a reserve that was not trimmed.
    if (found.segments != 0 && found.room_until < first)
        return error{error_code::corrupt, "checking the log: a segment is missing before this one"}
            .about(name)
            .with("offset", 0)
            .with("lsn", found.room_until.value);
    // A checkpoint covers what lay before it.
    if (found.segments == 0 && first != mantis::first_lsn_of_log && first >= found.checkpoint)
        return error{error_code::corrupt, "checking the log: its first segment is missing"}
            .about(name)
            .with("offset", 0)
            .with("lsn", mantis::first_lsn_of_log.value);
    ++found.segments;
    found.bytes += *size;
    const std::uint64_t room = *size - mantis::segment_header_bytes;
    found.room_until = {first.value + mantis::round_up(room, mantis::log_block_bytes)};
    return mantis::success();
}

template <class Checksum>
result<structure> look(offline_files& files) {
    auto segments = mantis::detail::list_segments(files.directory);
    if (!segments) return segments.error();
    structure found;
    found.room_until = mantis::first_lsn_of_log;
    found.checkpoint = files.identity.block.checkpoint;
    found.reaches = files.identity.block.log_reaches;
    for (const lsn first : *segments) {
        auto sound = look_at<Checksum>(files.directory, files.identity.block.database, first,
                                       first == segments->back(), found);
        if (sound) continue;
        if (sound.error().code() != error_code::corrupt &&
            sound.error().code() != error_code::mismatch)
            return sound.error();
        found.damage = sound.error();
        return found;
    }
    if (found.room_until < files.identity.block.log_reaches)
        found.damage =
            error{error_code::corrupt, "checking the log: it ends before what was once durable"}
                .about(segments->empty() ? mantis::bytes{"the log is empty"}
                                         : mantis::segment_name(segments->back()))
                .with("lsn", found.room_until.value)
                .with("expected_lsn", files.identity.block.log_reaches.value);
    return found;
}

mantis::bytes describe(const offline_files& files, const structure& found) {
    mantis::bson_writer answer;
    answer.add("sound", !found.damage && files.superblock_damage() == nullptr);
    answer.add("superblock", bytes_view{files.first_word()});
    answer.add("superblock_copy", bytes_view{files.copy_word()});
    add_number(answer, "segments", found.segments);
    add_number(answer, "file_bytes", found.bytes);
    add_number(answer, "log_reaches", files.identity.block.log_reaches.value);
    answer.begin_array("not_checked");
    for (const char* const each : {"log records", "tables", "documents"})
        answer.push(bytes_view{each});
    answer.end();
    return mantis::to_json(mantis::bson_view{answer.finish()});
}

}  // namespace

exit_code check_quick(std::string_view path) {
    auto files = open_offline(path);
    if (!files) return complain(files.error());
    return with_checksum_of(*files, [&]<class Checksum>() {
        auto found = look<Checksum>(*files);
        if (!found) return complain(found.error());
        output to{STDOUT_FILENO, "standard output"};
        to.line(describe(*files, *found));
        exit_code code = to.finish();
        if (const error* const damage = files->superblock_damage()) {
            const exit_code said = complain(*damage);
            if (code == exit_code::done) code = said;
        }
        if (found->damage) {
            const exit_code said = complain(*found->damage);
            if (code == exit_code::done) code = said;
        }
        return code;
    });
}

}  // namespace tool
