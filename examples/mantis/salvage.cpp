// SPDX-License-Identifier: BSL-1.0
//
// salvage: what is readable of a damaged database into a new one, and a report of what is not.
#include "answer.hpp"
#include "command.hpp"
#include "database.hpp"
#include "key_id.hpp"
#include "output.hpp"

#include <mantis/document/bson_writer.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/recovery/log_identity.hpp>
#include <mantis/recovery/salvage.hpp>

#include <unistd.h>

namespace tool {

namespace {

using mantis::bytes_view;

void print_pages(const mantis::salvage_report& report, mantis::bson_writer& answer) {
    add_number(answer, "page_rows", report.page_rows);
    add_number(answer, "pages", report.pages);
    add_number(answer, "damaged_pages", report.damaged_pages);
    answer.add("pages_proven", report.pages_proven);
    answer.begin_array("lost_pages");
    for (const mantis::lost_page_part& each : report.lost_pages) {
        answer.push_document().add("table", each.table.view());
        answer.add("from", mantis::binary_view{each.from});
        answer.add("to", mantis::binary_view{each.to});
        add_number(answer, "page", each.page.value);
        answer.end();
    }
    answer.end();
}

void print_summary(const mantis::salvage_report& report, output& to) {
    mantis::bson_writer answer;
    add_number(answer, "records", report.records);
    add_number(answer, "transactions_kept", report.transactions_kept);
    add_number(answer, "transactions_dropped", report.transactions_dropped);
    add_number(answer, "tables", report.tables);
    add_number(answer, "rows", report.rows);
    add_number(answer, "torn_bytes", report.torn_bytes);
    add_number(answer, "doubtful", report.doubtful.size());
    answer.begin_array("lost");
    for (const mantis::lost_range& each : report.lost) {
        answer.push_document().add("segment", each.segment.view());
        add_number(answer, "from_lsn", each.from.value);
        add_number(answer, "to_lsn", each.to.value);
        answer.end();
    }
    answer.end();
    add_number(answer, "image_rows", report.image_rows);
    answer.begin_array("lost_rows");
    for (const mantis::lost_image_part& each : report.lost_rows) {
        (void)answer.push_document();
        add_number(answer, "first_table", each.first_table.value);
        answer.add("after", mantis::binary_view{each.after});
        add_number(answer, "last_table", each.last_table.value);
        answer.add("before", mantis::binary_view{each.before});
        answer.end();
    }
    answer.end();
    if (report.pages != 0 || !report.pages_proven) print_pages(report, answer);
    print(answer, to);
}

void print_doubt(const mantis::doubtful_row& row, output& to) {
    mantis::bson_writer line;
    line.add("doubt", bytes_view{mantis::name_of(row.why)});
    line.add("table", row.table.view());
    if (auto id = id_of_key(row.key)) line.add("key", id->view());
    else line.add("key", mantis::binary_view{row.key});
    add_number(line, "version", row.version.value);
    print(line, to);
}

template <class Checksum>
exit_code save(mantis::posix::directory& from, const mantis::log_identity& of,
               std::string_view into) {
    mantis::posix world;
    auto to = world.open_directory(into, mantis::directory_mode::create);
    if (!to) return complain(to.error());
    if (auto locked = to->lock(); !locked) return complain(locked.error());
    auto report = mantis::salvage<mantis::posix, Checksum>(world, from, of.block, *to);
    if (!report) return complain(report.error());
    output out{STDOUT_FILENO, "standard output"};
    print_summary(*report, out);
    for (const mantis::doubtful_row& each : report->doubtful) print_doubt(each, out);
    return out.finish();
}

exit_code salvage(const arguments& given) {
    auto from = mantis::posix{}.open_directory(given.word(0), mantis::directory_mode::existing);
    if (!from) return complain(from.error());
    auto found = mantis::identify_log(*from);
    if (!found) return complain(found.error().about(given.word(0)));
    if (auto locked = from->lock(); !locked) return complain(locked.error());
    if (found->block.checksum_format == mantis::crc32c::format_id)
        return save<mantis::crc32c>(*from, *found, given.word(1));
    if (found->block.checksum_format == mantis::xxh3::format_id)
        return save<mantis::xxh3>(*from, *found, given.word(1));
    return complain(mantis::error{mantis::error_code::mismatch,
                                  "reading the log: its checksums are of an unknown policy"}
                        .with("file_format_id", found->block.checksum_format));
}

}  // namespace

command salvage_command() {
    return {.name = "salvage",
            .words = "DIR NEW",
            .summary = "what is readable of a damaged database, into a new one",
            .details =
                "DIR is not changed; NEW must be empty or missing. First one object, with the "
                "ranges of the log that\n"
                "are lost, and the keys of tables in pages; then one line for each row that may be "
                "wrong because\n"
                "of them.\n",
            .fewest_words = 2,
            .most_words = 2,
            .options = {},
            .run = salvage};
}

}  // namespace tool
