// SPDX-License-Identifier: BSL-1.0
//
// collections, drop, stats and check: commands on a database as a whole.
#include "collection_access.hpp"
#include "command.hpp"
#include "output.hpp"

#include <unistd.h>

namespace tool {

namespace {

void print(mantis::bson_writer& answer, output& to) {
    to.line(mantis::to_json(mantis::bson_view{answer.finish()}));
}

template <class Number>
void add_number(mantis::bson_writer& to, const char* name, Number value) {
    to.add(name, static_cast<std::int64_t>(value));
}

exit_code collections(const arguments& given) {
    std::optional<database> store;
    if (const exit_code opened = open_database(given.word(0), access::read, store);
        opened != exit_code::done)
        return opened;
    output to{STDOUT_FILENO, "standard output"};
    for (const mantis::collection_info& each : store->collections()) {
        mantis::bson_writer line;
        line.add("name", each.name.view());
        add_number(line, "documents", each.documents);
        print(line, to);
    }
    return to.finish();
}

exit_code drop(const arguments& given) {
    std::optional<database> store;
    if (const exit_code opened = open_database(given.word(0), access::write, store);
        opened != exit_code::done)
        return opened;
    const mantis::bytes_view name = given.word(1);
    std::uint64_t count = 0;
    for (const mantis::collection_info& each : store->collections())
        if (each.name.view() == name) count = each.documents;
    if (!store->find_collection(name))
        return complain(
            mantis::error{mantis::error_code::not_found, "there is no collection"}.about(name));
    if (auto dropped = store->drop_collection(name); !dropped) return complain(dropped.error());
    if (const exit_code closed = close_database(*store); closed != exit_code::done) return closed;
    mantis::bson_writer answer;
    answer.add("dropped", name);
    add_number(answer, "documents", count);
    output to{STDOUT_FILENO, "standard output"};
    print(answer, to);
    return to.finish();
}

std::uint64_t document_count(const database& store) {
    std::uint64_t total = 0;
    for (const mantis::collection_info& each : store.collections()) total += each.documents;
    return total;
}

exit_code stats(const arguments& given) {
    std::optional<database> store;
    if (const exit_code opened = open_database(given.word(0), access::read, store);
        opened != exit_code::done)
        return opened;
    const mantis::store_stats sum = store->base().stats();
    const mantis::recovery_summary& opening = store->base().recovery();
    mantis::bson_writer answer;
    answer.add("directory", mantis::bytes_view{given.word(0)});
    add_number(answer, "collections", store->collections().size());
    add_number(answer, "documents", document_count(*store));
    add_number(answer, "memory_bytes", sum.memory_bytes);
    add_number(answer, "log_bytes", sum.log_bytes);
    add_number(answer, "log_files", opening.segments);
    add_number(answer, "log_records", opening.records);
    add_number(answer, "transactions", opening.transactions_kept);
    answer.add("opened_in_seconds", opening.elapsed.seconds());
    output to{STDOUT_FILENO, "standard output"};
    print(answer, to);
    return to.finish();
}

// A row as a collection makes it: BSON, under the key of its _id.
//   Errors      corrupt
mantis::result<void> check_row(mantis::bytes_view key, mantis::bytes_view value) {
    if (auto valid = mantis::validate_bson(value); !valid) return valid;
    const auto wanted = mantis::document_key(mantis::bson_view{value}["_id"]);
    if (wanted && wanted->view() == key) return mantis::success();
    return mantis::error{mantis::error_code::corrupt,
                         "checking a document: its key is not that of its _id"};
}

// Beyond what the store verifies: every row is one that a collection makes.
exit_code check_documents(database& store) {
    for (const mantis::collection_info& each : store.collections()) {
        mantis::bytes table{mantis::detail::collection_prefix};
        table.append(each.name);
        auto reading = store.base().begin(mantis::isolation::read_committed);
        auto rows = reading.scan(*store.base().find_table(table));
        while (true) {
            auto more = rows.next();
            if (!more) return complain(more.error());
            if (!*more) break;
            if (auto sound = check_row(rows.key(), rows.value()); !sound)
                return complain(sound.error().about(each.name));
        }
    }
    return exit_code::done;
}

exit_code check(const arguments& given) {
    std::optional<database> store;
    if (const exit_code opened = open_database(given.word(0), access::read, store);
        opened != exit_code::done)
        return opened;
    const auto verified = store->base().verify();
    if (!verified) return complain(verified.error());
    if (const exit_code sound = check_documents(*store); sound != exit_code::done) return sound;
    const mantis::recovery_summary& opening = store->base().recovery();
    mantis::bson_writer answer;
    answer.add("sound", true);
    add_number(answer, "collections", store->collections().size());
    add_number(answer, "documents", document_count(*store));
    add_number(answer, "log_records", verified->log_records);
    add_number(answer, "log_bytes", verified->log_bytes);
    add_number(answer, "transactions_dropped", opening.transactions_dropped);
    add_number(answer, "torn_bytes", opening.cut_bytes);
    output to{STDOUT_FILENO, "standard output"};
    print(answer, to);
    return to.finish();
}

}  // namespace

command collections_command() {
    return {.name = "collections",
            .words = "DIR",
            .summary = "the collections and how many documents each has",
            .fewest_words = 1,
            .most_words = 1,
            .options = {},
            .run = collections};
}

command drop_command() {
    return {.name = "drop",
            .words = "DIR COLLECTION",
            .summary = "removes a collection and all its documents",
            .fewest_words = 2,
            .most_words = 2,
            .options = {},
            .run = drop};
}

command stats_command() {
    return {.name = "stats",
            .words = "DIR",
            .summary = "how much there is: documents, memory, log",
            .fewest_words = 1,
            .most_words = 1,
            .options = {},
            .run = stats};
}

command check_command() {
    return {.name = "check",
            .words = "DIR",
            .summary = "reads everything and says whether it is sound",
            .details =
                "Verifies each log record, each index, each document and its key; changes "
                "nothing. Ends with 6\n"
                "and names file, offset and LSN, or the collection, where bytes are not what was "
                "written.\n",
            .fewest_words = 1,
            .most_words = 1,
            .options = {},
            .run = check};
}

}  // namespace tool
