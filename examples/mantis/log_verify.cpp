// SPDX-License-Identifier: BSL-1.0
//
// log verify: what the log of a database is, exactly. It opens no store and needs no superblock, so
// it also judges what a store refuses.
#include "log_verify.hpp"
#include "answer.hpp"
#include "output.hpp"

#include <mantis/document/bson_writer.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/recovery/superblock_pair.hpp>
#include <mantis/wal/log_check.hpp>

#include <unistd.h>

namespace tool {

namespace {

using mantis::bytes_view;
using mantis::error;
using mantis::error_code;
using mantis::log_diagnosis;
using mantis::log_finding;
using mantis::result;

// What there is of a superblock and its copy, and what they know.
struct superblock_state {
    const char* word = "sound";
    const char* copy_word = "sound";
    exit_code code = exit_code::done;
    std::optional<mantis::superblock> block;
    std::string complaint;
};

result<superblock_state> read_superblock(mantis::posix::directory& directory) {
    superblock_state found;
    auto pair = mantis::read_superblocks(directory);
    if (pair) {
        found.word = name_of(pair->first);
        found.copy_word = name_of(pair->copy);
        found.block = pair->block;
        if (!pair->damage) return found;
        found.code = exit_code::damaged;
        found.complaint = sentence_of(*pair->damage);
        return found;
    }
    if (pair.error().code() == error_code::not_found) {
        found.word = found.copy_word = "missing";
        found.code = exit_code::damaged;
        found.complaint = "the superblock is missing";
        return found;
    }
    const bool newer = pair.error().code() == error_code::mismatch;
    if (!newer && pair.error().code() != error_code::corrupt) return pair.error();
    found.word = found.copy_word = newer ? "version_too_new" : "damaged";
    found.code = exit_code_of(pair.error());
    found.complaint = sentence_of(pair.error());
    return found;
}

exit_code code_of(log_finding found) noexcept {
    if (mantis::is_whole(found)) return exit_code::done;
    const bool other =
        found == log_finding::version_too_new || found == log_finding::wrong_checksum_policy;
    return other ? exit_code::failed : exit_code::damaged;
}

mantis::bytes describe(const log_diagnosis& found, const superblock_state& state) {
    mantis::bson_writer line;
    line.add("log", bytes_view{name_of(found.kind)});
    line.add("superblock", bytes_view{state.word});
    line.add("superblock_copy", bytes_view{state.copy_word});
    add_number(line, "segments", found.segments);
    add_number(line, "records", found.records);
    add_number(line, "transactions", found.transactions);
    add_number(line, "transactions_unfinished", found.transactions_unfinished);
    add_number(line, "record_bytes", found.record_bytes);
    add_number(line, "end", found.end.value);
    if (found.kind == log_finding::sound) return mantis::to_json(mantis::bson_view{line.finish()});
    line.add("segment", found.segment.view());
    add_number(line, "offset", found.offset);
    add_number(line, "lsn", found.position.value);
    if (found.kind == log_finding::torn_tail) add_number(line, "torn_bytes", found.cut_bytes);
    if (found.lost_begin.value != 0) {
        line.begin_document("lost");
        add_number(line, "begin", found.lost_begin.value);
        if (found.lost_end.value != 0) add_number(line, "end", found.lost_end.value);
        line.end();
        add_number(line, "records_behind", found.records_behind);
    }
    return mantis::to_json(mantis::bson_view{line.finish()});
}

template <class Checksum>
exit_code verify(mantis::posix::directory& directory, const superblock_state& state,
                 mantis::lsn begin) {
    mantis::log_check_options chosen;
    chosen.begin = begin;
    if (state.block) chosen.database = state.block->database;
    if (state.block) chosen.reaches = state.block->log_reaches;
    if (state.block) chosen.checkpoint = state.block->checkpoint;
    auto found = mantis::verify_log<mantis::posix, Checksum>(directory, chosen);
    if (!found) return complain(found.error());
    output to{STDOUT_FILENO, "standard output"};
    to.line(describe(*found, state));
    if (const exit_code written = to.finish(); written != exit_code::done) return written;
    if (state.code != exit_code::done) (void)complain(state.code, state.complaint);
    if (found->cut_bytes != 0)
        (void)complain(exit_code::done, "after the last record: a torn tail of " +
                                            std::to_string(found->cut_bytes) + " bytes");
    const exit_code log = code_of(found->kind);
    if (log == exit_code::done) return state.code;
    return complain(log, found->message.template as<std::string>());
}

// The policy of the log: as the superblock says, or else as its first segment does.
result<std::uint32_t> checksum_format(mantis::posix::directory& directory,
                                      const superblock_state& state) {
    if (state.block) return state.block->checksum_format;
    auto header = mantis::first_segment_header<mantis::posix>(directory);
    if (!header) return header.error();
    return *header ? (*header)->checksum_format : mantis::crc32c::format_id;
}

// A directory with a superblock or a segment is one of a database, however damaged.
result<void> find_any_database(std::string_view path, mantis::posix::directory& directory) {
    auto names = directory.list();
    if (!names) return names.error();
    for (const mantis::bytes& name : *names)
        if (mantis::lsn first; name.view() == bytes_view{mantis::superblock_name} ||
                               name.view() == bytes_view{mantis::superblock_copy_name} ||
                               mantis::parse_segment_name(name, first))
            return mantis::success();
    return error{error_code::not_found, "there is no database"}.about(path);
}

}  // namespace

result<mantis::lsn> asked_begin(const arguments& given, mantis::posix::directory& directory) {
    if (!given.has("--from")) return mantis::lsn{};
    if (given.value("--from") != "first") {
        const auto position = given.number("--from", 0);
        if (position && *position >= mantis::first_lsn_of_log.value) return mantis::lsn{*position};
        return error{error_code::invalid_argument,
                     "--from takes a position of the log, as \"lsn\" in its dump, or 'first'"};
    }
    auto segments = mantis::detail::list_segments(directory);
    if (!segments) return segments.error();
    return segments->empty() ? mantis::first_lsn_of_log : segments->front();
}

exit_code complain_of_begin(const error& why) {
    if (why.code() == error_code::invalid_argument)
        return complain(exit_code::usage, std::string{why.doing()});
    return complain(why);
}

exit_code log_verify(const arguments& given) {
    const std::string_view path = given.word(1);
    auto directory = mantis::posix{}.open_directory(path, mantis::directory_mode::existing);
    if (!directory && directory.error().code() == error_code::not_found)
        return complain(error{error_code::not_found, "there is no database"}.about(path));
    if (!directory) return complain(directory.error());
    if (auto found = find_any_database(path, *directory); !found) return complain(found.error());
    if (auto locked = directory->lock(); !locked) return complain(locked.error());
    const auto begin = asked_begin(given, *directory);
    if (!begin) return complain_of_begin(begin.error());
    auto state = read_superblock(*directory);
    if (!state) return complain(state.error());
    auto format = checksum_format(*directory, *state);
    if (!format) return complain(format.error());
    if (*format == mantis::crc32c::format_id)
        return verify<mantis::crc32c>(*directory, *state, *begin);
    if (*format == mantis::xxh3::format_id) return verify<mantis::xxh3>(*directory, *state, *begin);
    return complain(
        error{error_code::mismatch, "reading the log: its checksums are of an unknown policy"}.with(
            "file_format_id", *format));
}

}  // namespace tool
