// SPDX-License-Identifier: BSL-1.0
//
// log dump: the log as it lies on disk, one JSON object a record. It opens no store, so it also
// reads what a store refuses.
#include "command.hpp"
#include "database.hpp"
#include "key_id.hpp"
#include "output.hpp"

#include <mantis/document/bson_validate.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/recovery/superblock.hpp>
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

// A key that is an _id's as the _id, any other as bytes.
void add_key(mantis::bson_writer& to, bytes_view key) {
    if (auto id = id_of_key(key)) to.add("key", id->view());
    else to.add("key", mantis::binary_view{key});
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
    while (true) {
        auto more = operations.next(op);
        if (!more) return more.error().about(segment).with("lsn", record.position.value);
        if (!*more) break;
        add_operation(line, op, names);
    }
    return mantis::to_json(mantis::bson_view{line.end().finish()});
}

template <class Checksum>
exit_code dump(mantis::posix::directory& directory, const mantis::superblock& block) {
    auto reader = mantis::log_reader<mantis::posix, Checksum>::open(directory, block.database);
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
    if (given.word(0) != "dump")
        return complain(exit_code::usage, "log knows only 'mantis log dump DIR'");
    if (auto found = find_database(given.word(1)); !found) return complain(found.error());
    auto directory =
        mantis::posix{}.open_directory(given.word(1), mantis::directory_mode::existing);
    if (!directory) return complain(directory.error());
    if (auto locked = directory->lock(); !locked) return complain(locked.error());
    auto raw = mantis::read_file(*directory, mantis::superblock_name, 64 * mantis::KiB);
    if (!raw) return complain(raw.error());
    auto block = mantis::decode_superblock(*raw);
    if (!block) return complain(block.error());
    if (block->checksum_format == mantis::crc32c::format_id)
        return dump<mantis::crc32c>(*directory, *block);
    if (block->checksum_format == mantis::xxh3::format_id)
        return dump<mantis::xxh3>(*directory, *block);
    return complain(
        error{error_code::mismatch, "reading the log: its checksums are of an unknown policy"}.with(
            "file_format_id", block->checksum_format));
}

}  // namespace

command log_command() {
    return {.name = "log",
            .words = "dump DIR",
            .summary = "the log as it lies on disk, one JSON object a record",
            .details =
                "Keys that are no _id and values that are no document are shown as "
                "{\"$binary\":...}. 'durable' is how\n"
                "far the log was synced when the record was written. Works on a database that is "
                "too damaged to\n"
                "open, up to the damage.\n",
            .fewest_words = 2,
            .most_words = 2,
            .options = {},
            .run = log_dump};
}

}  // namespace tool
