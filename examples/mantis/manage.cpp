// SPDX-License-Identifier: BSL-1.0
//
// collections, drop, stats and check: commands on a database as a whole.
#include "answer.hpp"
#include "check_full.hpp"
#include "check_quick.hpp"
#include "collection_access.hpp"
#include "command.hpp"
#include "document_check.hpp"
#include "output.hpp"

#include <unistd.h>

namespace tool {

namespace {

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

void add_table(mantis::bson_writer& to, bytes_view name, const mantis::index_shape& of) {
    to.push_document();
    to.add("name", name);
    add_number(to, "rows", of.entries);
    if (of.page_bytes != 0) {
        add_number(to, "bytes", of.bytes());
        add_number(to, "height", of.height);
        add_number(to, "leaves", of.leaves);
        add_number(to, "inner_nodes", of.inner_nodes);
        add_number(to, "value_pages", of.value_pages);
        add_number(to, "fill_percent", of.fill_percent);
    } else {
        add_number(to, "memory_bytes", of.memory_bytes);
    }
    to.end();
}
// Of a table that is damaged, what is known of it, and why there is no more.
exit_code add_tables(mantis::bson_writer& to, database& store) {
    exit_code worst = exit_code::done;
    to.begin_array("tables");
    for (const mantis::table_info& each : store.base().tables()) {
        const auto seen = store.base().shape(*store.base().find_table(each.name));
        if (seen) {
            add_table(to, each.name.view(), *seen);
            continue;
        }
        worst = complain(seen.error());
        to.push_document();
        to.add("name", each.name.view());
        add_number(to, "rows", each.entries);
        to.add("damage", seen.error().message());
        to.end();
    }
    to.end();
    return worst;
}
// Of pages that were looked for in memory, and of what was written since the database was made.
void add_ratios(mantis::bson_writer& to, const mantis::store_stats& sum) {
    const auto ratio = [](std::uint64_t part, std::uint64_t of) {
        return of == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(of);
    };
    to.begin_document("cache");
    add_number(to, "hits", sum.pages.hits);
    add_number(to, "misses", sum.pages.misses);
    to.add("hit_ratio", ratio(sum.pages.hits, sum.pages.hits + sum.pages.misses));
    add_number(to, "bytes", sum.pages.memory_bytes);
    to.end();
    to.begin_document("written");
    add_number(to, "log_bytes", sum.log_bytes);
    add_number(to, "page_bytes", sum.pages.written_ever_bytes);
    to.add("amplification", ratio(sum.log_bytes + sum.pages.written_ever_bytes, sum.log_bytes));
    to.end();
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
    answer.begin_document("pages");
    add_number(answer, "count", sum.pages.pages);
    add_number(answer, "page_bytes", sum.pages.page_bytes);
    add_number(answer, "live_bytes", sum.pages.live_bytes);
    add_number(answer, "file_bytes", sum.pages.disk_bytes);
    add_number(answer, "reserve_bytes", sum.pages.reserve_bytes);
    answer.end();
    const exit_code looked = add_tables(answer, *store);
    add_ratios(answer, store->base().stats());
    add_number(answer, "log_bytes", sum.log_bytes);
    add_number(answer, "log_files", opening.segments);
    add_number(answer, "log_records", opening.records);
    add_number(answer, "transactions", opening.transactions_kept);
    add_number(answer, "checkpoint_lsn", sum.checkpoint.redo_from.value);
    add_number(answer, "checkpoint_bytes", sum.checkpoint.bytes);
    answer.add("opened_in_seconds", opening.elapsed.seconds());
    output to{STDOUT_FILENO, "standard output"};
    print(answer, to);
    const exit_code told = to.finish();
    return looked == exit_code::done ? told : looked;
}

exit_code checkpoint(const arguments& given) {
    std::optional<database> store;
    if (const exit_code opened = open_database(given.word(0), access::write, store);
        opened != exit_code::done)
        return opened;
    const auto made = store->base().checkpoint();
    if (!made) return complain(made.error());
    if (const exit_code closed = close_database(*store); closed != exit_code::done) return closed;
    mantis::bson_writer answer;
    add_number(answer, "checkpoint_lsn", made->redo_from.value);
    add_number(answer, "rows", made->rows);
    add_number(answer, "bytes", made->bytes);
    answer.add("seconds", made->elapsed.seconds());
    output to{STDOUT_FILENO, "standard output"};
    print(answer, to);
    return to.finish();
}

exit_code compact(const arguments& given) {
    std::optional<database> store;
    if (const exit_code opened = open_database(given.word(0), access::write, store);
        opened != exit_code::done)
        return opened;
    const std::uint64_t before = store->base().stats().pages.disk_bytes;
    const auto left = store->base().compact();
    if (!left) return complain(left.error());
    if (const exit_code closed = close_database(*store); closed != exit_code::done) return closed;
    mantis::bson_writer answer;
    add_number(answer, "file_bytes_before", before);
    add_number(answer, "file_bytes", left->disk_bytes);
    add_number(answer, "live_bytes", left->live_bytes);
    add_number(answer, "reserve_bytes", left->reserve_bytes);
    output to{STDOUT_FILENO, "standard output"};
    print(answer, to);
    return to.finish();
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
    if (given.has("--quick") && given.has("--full"))
        return complain(exit_code::usage, "--quick and --full exclude each other");
    if (given.has("--quick")) return check_quick(given.word(0));
    if (given.has("--full")) return check_full(given.word(0));
    std::optional<database> store;
    if (const exit_code opened = open_database(given.word(0), access::read, store);
        opened != exit_code::done)
        return opened;
    const auto verified = store->base().verify();
    if (!verified) return complain(verified.error());
    if (const exit_code sound = check_documents(*store); sound != exit_code::done) return sound;
    const mantis::recovery_summary& opening = store->base().recovery();
    mantis::bson_writer answer;
    answer.add("sound", !opening.superblock_damage);
    add_number(answer, "collections", store->collections().size());
    add_number(answer, "documents", document_count(*store));
    add_number(answer, "log_records", verified->log_records);
    add_number(answer, "log_bytes", verified->log_bytes);
    add_number(answer, "checkpoint_lsn", opening.image.redo_from.value);
    add_number(answer, "checkpoint_bytes", opening.image.bytes);
    add_number(answer, "transactions_dropped", opening.transactions_dropped);
    add_number(answer, "torn_bytes", opening.cut_bytes);
    output to{STDOUT_FILENO, "standard output"};
    print(answer, to);
    const exit_code told = to.finish();
    if (told != exit_code::done || !opening.superblock_damage) return told;
    return complain(*opening.superblock_damage);
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
    return {
        .name = "stats",
        .words = "DIR",
        .summary = "how much there is: documents, pages, log, and what it costs",
        .details =
            "Of each table its rows, pages, the height and fill of its tree: inner nodes are\n"
            "read, and at most 128 leaves. `amplification` is what was written to files of log\n"
            "and pages for each byte of log since the database was made.\n",
        .fewest_words = 1,
        .most_words = 1,
        .options = {},
        .run = stats};
}

command checkpoint_command() {
    return {
        .name = "checkpoint",
        .words = "DIR",
        .summary = "makes all documents durable beside the log, for the next opening to begin with",
        .details = "The log before it is removed.\n",
        .fewest_words = 1,
        .most_words = 1,
        .options = {},
        .run = checkpoint};
}

command compact_command() {
    return {
        .name = "compact",
        .words = "DIR",
        .summary = "makes the files as small as they can be",
        .details = "An open database does it by itself when nothing is committed for a while.\n",
        .fewest_words = 1,
        .most_words = 1,
        .options = {},
        .run = compact};
}

command check_command() {
    return {.name = "check",
            .words = "DIR",
            .summary = "whether the database opens and is sound, with all its rows",
            .details =
                "Opens the database as other commands do, verifies the log since the last "
                "checkpoint, each index,\n"
                "each document and its key, and ends at the first damage.\n"
                "With --full it opens nothing, reads every byte of every file that counts, and "
                "tells all that is\n"
                "wrong: superblocks, the whole log, the image, the manifest, each page and how "
                "pages hang together,\n"
                "large values, the number of rows, each document. It works with a database that "
                "cannot be opened.\n"
                "With --quick only the superblock, the headers of the log's segments, and that "
                "they follow each\n"
                "other; 'not_checked' says what that leaves out. All change nothing, and end "
                "with 6 and name file,\n"
                "offset and LSN, page or collection, where bytes are not what was written.\n",
            .fewest_words = 1,
            .most_words = 1,
            .options = {{"--quick", nullptr, "the structure only: no record is read"},
                        {"--full", nullptr, "all files and all of them, also behind damage"}},
            .run = check};
}

}  // namespace tool
