// SPDX-License-Identifier: BSL-1.0
//
// log dump: the log as it lies on disk, one JSON object a record. It opens no store, so it also
// reads what a store refuses.
#include "command.hpp"
#include "database.hpp"
#include "key_id.hpp"
#include "log_verify.hpp"
#include "output.hpp"

#include <mantis/document/bson_validate.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/recovery/superblock_pair.hpp>
#include <mantis/wal/operation.hpp>
#include <mantis/wal/reader.hpp>

#include <unistd.h>
#include <map>

namespace tool {

namespace {

using mantis::bytes_view;
using mantis::error;
using mantis::error_code;
using mantis::operation;
using mantis::operation_kind;
using mantis::result;

using table_names = std::map<std::uint64_t, mantis::bytes>;

// A value that is a document as a document, any other as bytes.
void add_value(mantis::bson_writer& to, bytes_view value) {
    if (mantis::validate_bson(value)) to.add("value", mantis::bson_view{value});
    else to.add("value", mantis::binary_view{value});
}

void add_operation(mantis::bson_writer& to, const operation& op, table_names& names) {
    if (op.kind == operation_kind::create_table) names[op.table.value].assign(op.key);
    to.push_document().add("operation", bytes_view{mantis::name_of(op.kind)});
    to.add("table", static_cast<std::int64_t>(op.table.value));
    if (const auto name = names.find(op.table.value); name != names.end())
        to.add("name", name->second.view());
    if (op.kind == operation_kind::create_table) to.add("index", op.value);
    if (op.kind == operation_kind::put || op.kind == operation_kind::erase) add_key(to, op.key);
    if (op.kind == operation_kind::put) add_value(to, op.value);
    to.end();
}

//   Errors      corrupt: the record is whole, but what is in it are not operations
result<mantis::bytes> describe(const mantis::log_record& record, bytes_view segment,
                               table_names& names) {
    const bool commit = record.kind == mantis::record_kind::commit;
    mantis::bson_writer line;
    line.add("lsn", static_cast<std::int64_t>(record.position.value));
    line.add("end", static_cast<std::int64_t>(record.end.value));
    line.add("transaction", static_cast<std::int64_t>(record.transaction.value));
    line.add("kind", bytes_view{commit ? "commit" : "part"});
    line.add("durable", static_cast<std::int64_t>(record.durable.value));
    line.add("segment", segment);
    line.begin_array("operations");
    mantis::operation_reader operations{record.payload};
    operation op;
    mantis::nanoseconds committed;
    while (true) {
        auto more = operations.next(op);
        if (!more) return more.error().about(segment).with("lsn", record.position.value);
        if (!*more) break;
        if (op.kind == operation_kind::stamp) committed = op.time;
        else add_operation(line, op, names);
    }
    line.end();
    if (committed != mantis::nanoseconds{})
        line.add("committed", mantis::date_time{committed.count / 1'000'000});
    return mantis::to_json(mantis::bson_view{line.finish()});
}

template <class Checksum>
exit_code dump(mantis::posix::directory& directory, const mantis::superblock& block,
               mantis::lsn begin) {
    using reader_type = mantis::log_reader<mantis::posix, Checksum>;
    auto reader = reader_type::open(directory, block.database, begin);
    if (!reader && begin == mantis::lsn{} && block.checkpoint != mantis::lsn{})
        reader = reader_type::open(directory, block.database, block.checkpoint);  // what is left
    if (!reader) return complain(reader.error());
    output to{STDOUT_FILENO, "standard output"};
    table_names names;
    mantis::log_record record;
    while (!to.closed() && !to.failed()) {
        auto more = reader->next(record);
        if (!more) {
            (void)to.finish();
            return complain(more.error());
        }
        if (!*more) break;
        auto line = describe(record, reader->segment(), names);
        if (!line) {
            (void)to.finish();
            return complain(line.error());
        }
        to.line(*line);
    }
    if (const std::uint64_t torn = reader->end().cut_bytes; torn != 0)
        (void)complain(exit_code::done,
                       "after the last record: a torn tail of " + std::to_string(torn) + " bytes");
    return to.finish();
}

exit_code log_dump(const arguments& given) {
    if (given.word(0) == "verify") return log_verify(given);
    if (given.word(0) != "dump")
        return complain(exit_code::usage,
                        "log knows only 'mantis log dump DIR' and 'mantis log verify DIR'");
    if (auto found = find_database(given.word(1)); !found) return complain(found.error());
    auto directory =
        mantis::posix{}.open_directory(given.word(1), mantis::directory_mode::existing);
    if (!directory) return complain(directory.error());
    if (auto locked = directory->lock(); !locked) return complain(locked.error());
    const auto begin = asked_begin(given, *directory);
    if (!begin) return complain_of_begin(begin.error());
    auto pair = mantis::read_superblocks(*directory);
    if (!pair) return complain(pair.error());
    const mantis::superblock& block = pair->block;
    if (block.checksum_format == mantis::crc32c::format_id)
        return dump<mantis::crc32c>(*directory, block, *begin);
    if (block.checksum_format == mantis::xxh3::format_id)
        return dump<mantis::xxh3>(*directory, block, *begin);
    return complain(
        error{error_code::mismatch, "reading the log: its checksums are of an unknown policy"}.with(
            "file_format_id", block.checksum_format));
}

}  // namespace

command log_command() {
    return {
        .name = "log",
        .words = "dump|verify DIR",
        .summary = "the log as it lies on disk, or what it is: sound, torn, damaged",
        .details =
            "dump: one JSON object a record. Keys that are no _id and values that are no\n"
            "document are shown as {\"$binary\":...}. 'durable' is how far the log was synced\n"
            "when the record was written, 'committed' when it was. Works on a database that is\n"
            "too damaged to open, up to the damage.\n"
            "verify: one JSON object that says whether the log is sound, torn by a crash (0) or\n"
            "damaged (6), where, which range of it is lost, and how many records are whole\n"
            "behind that. Changes nothing and needs no superblock.\n"
            "A log whose beginning is no longer needed begins later: --from says where.\n",
        .fewest_words = 2,
        .most_words = 2,
        .options = {{"--from", "LSN", "begin at this record; 'first': at the first there is"}},
        .run = log_dump};
}

}  // namespace tool
