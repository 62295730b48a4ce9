// SPDX-License-Identifier: BSL-1.0
//
// scrub: every file of a database against its checksums, at a rate, one JSON object. It opens no
// store, so it also judges what a store refuses.
#include "answer.hpp"
#include "command.hpp"
#include "offline.hpp"
#include "output.hpp"
#include "progress.hpp"

#include <mantis/document/bson_writer.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/store/detail/stored_page_scrub.hpp>
#include <mantis/store/image_scrub.hpp>
#include <mantis/store/log_scrub.hpp>
#include <mantis/store/superblock_scrub.hpp>

#include <unistd.h>

namespace tool {

namespace {

using mantis::bytes_view;
using mantis::posix;
using mantis::scrub_finding;
using mantis::scrub_report;

mantis::bytes describe(const scrub_report& report) {
    mantis::bson_writer answer;
    answer.add("sound", report.sound());
    add_number(answer, "files", report.files);
    add_number(answer, "bytes", report.bytes);
    add_number(answer, "records", report.records);
    if (report.pages != 0) add_number(answer, "pages", report.pages);
    add_number(answer, "findings", report.findings);
    add_number(answer, "harmless", report.harmless);
    answer.begin_array("found");
    for (const scrub_finding& each : report.kept) {
        answer.push_document().add("kind", bytes_view{name_of(each.kind)});
        answer.add("file", each.file.view());
        add_number(answer, "offset", each.offset);
        if (each.begin.value != 0) add_number(answer, "lsn", each.begin.value);
        if (each.end > each.begin) add_number(answer, "end_lsn", each.end.value);
        if (each.page.value != 0) add_number(answer, "page", each.page.value);
        if (each.table.value != 0) add_number(answer, "table", each.table.value);
        answer.end();
    }
    answer.end();
    answer.add("seconds", report.elapsed.seconds());
    return mantis::to_json(mantis::bson_view{answer.finish()});
}

std::string describe(const scrub_finding& what) {
    std::string line = std::string{name_of(what.kind)} + ": " + what.file.as<std::string>() +
                       " offset=" + std::to_string(what.offset);
    if (what.page.value != 0)
        return line + " page=" + std::to_string(what.page.value) +
               " table=" + std::to_string(what.table.value);
    return line + " lsn=" + std::to_string(what.begin.value) +
           " end_lsn=" + std::to_string(what.end.value);
}

exit_code tell(const scrub_report& report) {
    output to{STDOUT_FILENO, "standard output"};
    to.line(describe(report));
    const exit_code told = to.finish();
    if (told != exit_code::done || report.sound()) return told;
    exit_code worst = exit_code::failed;  // what cannot be read may be sound
    for (const scrub_finding& each : report.kept) {
        if (each.kind == mantis::scrub_kind::harmless) continue;
        if (each.kind != mantis::scrub_kind::unreadable) worst = exit_code::damaged;
        (void)complain(worst, describe(each));
    }
    return worst;
}

std::uint64_t total_bytes(posix::directory& directory) {
    std::uint64_t total = 0;
    auto names = directory.list();
    if (!names) return 0;
    for (const mantis::bytes& name : *names) {
        mantis::lsn first;
        std::uint32_t number = 0;
        if (!mantis::parse_segment_name(name, first) && !mantis::is_image_name(name) &&
            !mantis::parse_data_segment_name(name, number))
            continue;
        auto file = directory.open(name, mantis::file_mode::read);
        if (!file) continue;
        if (auto size = file->size()) total += *size;
    }
    return total;
}

struct shown_progress {
    progress line{"scrubbing"};
    std::uint64_t total = 0;
};

template <class Checksum>
exit_code run(offline_files& files, std::uint64_t rate) {
    shown_progress shown;
    shown.total = total_bytes(files.directory);
    const mantis::superblock& block = files.identity.block;
    mantis::scrub_reach reach{
        block.checkpoint != mantis::lsn{} ? block.checkpoint : mantis::first_lsn_of_log,
        block.log_reaches, true};
    mantis::log_scrub<posix, Checksum> log{
        files.directory, files.identity.block.database,
        [](void* known) { return *static_cast<mantis::scrub_reach*>(known); }, &reach};
    mantis::superblock_scrub<posix> superblock{
        files.directory,
        [](void* in) {
            return mantis::superblock_scrub<posix>::look(*static_cast<posix::directory*>(in));
        },
        &files.directory};
    mantis::scrub_options chosen;
    chosen.context = &shown;
    chosen.progress = [](void* to, std::uint64_t bytes) {
        auto& own = *static_cast<shown_progress*>(to);
        own.line.show(bytes, own.total, bytes / 1'000'000, "MB");
    };
    mantis::scrubber<posix> scrubbing{posix{}, chosen};
    scrubbing.add(superblock.source());
    scrubbing.add(log.source());
    mantis::image_scrub<posix, Checksum> image{
        files.directory,
        block.database,
        {[](void* known) { return static_cast<mantis::superblock*>(known)->checkpoint; },
         [](void*) { return false; }, &files.identity.block}};
    scrubbing.add(image.source());
    mantis::stored_page_scrub<posix> pages{files.directory, block};
    scrubbing.add(pages.source());
    const scrub_report report = scrubbing.run(rate);
    shown.line.clear();
    return tell(report);
}

exit_code scrub(const arguments& given) {
    const auto rate = given.number("--rate", 0);
    if (!rate) return complain(exit_code::usage, "--rate takes a number of bytes per second");
    auto files = open_offline(given.word(0));
    if (!files) return complain(files.error());
    return with_checksum_of(*files, [&]<class Checksum>() { return run<Checksum>(*files, *rate); });
}

}  // namespace

command scrub_command() {
    return {.name = "scrub",
            .words = "DIR",
            .summary = "reads all files and tells every damaged place",
            .details =
                "Compares both files of the superblock, each header and record of the log, and "
                "each page, "
                "with their\n"
                "checksums, also behind damage; changes nothing and opens no store. Ends with 6 "
                "and names "
                "file, offset and LSN\n"
                "where bytes are not what was written, with 7 where they cannot be read.\n",
            .fewest_words = 1,
            .most_words = 1,
            .options = {{"--rate", "BYTES", "read so many bytes a second at most"}},
            .run = scrub};
}

}  // namespace tool
