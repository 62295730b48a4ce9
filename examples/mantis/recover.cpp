// SPDX-License-Identifier: BSL-1.0
//
// recover --dry-run: what opening would do, as one JSON object. It opens no store, so it also tells
// why a store refuses.
#include "answer.hpp"
#include "command.hpp"
#include "database.hpp"
#include "output.hpp"

#include <mantis/document/bson_writer.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/recovery/image_reader.hpp>
#include <mantis/recovery/log_identity.hpp>

#include <unistd.h>

namespace tool {

namespace {

using mantis::bytes_view;

void add_time(mantis::bson_writer& to, const char* name, mantis::nanoseconds since_1970) {
    if (since_1970 != mantis::nanoseconds{})
        to.add(name, mantis::date_time{since_1970.count / 1'000'000});
}

// The image of the last checkpoint, with which an opening begins.
struct image_state {
    mantis::recovery_start start;  // begin {}: there is none, or it is of no use
    mantis::lsn log_needed;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::optional<mantis::error> damage;
};

template <class Checksum>
image_state look_at_image(mantis::posix::directory& directory, const mantis::superblock& of) {
    image_state found;
    if (of.checkpoint == mantis::lsn{}) return found;
    using reader_type = mantis::image_reader<mantis::posix, Checksum>;
    auto reader = reader_type::open(directory, mantis::image_name(of.checkpoint), of.database);
    if (!reader) {
        found.damage = reader.error();
        return found;
    }
    mantis::image_block block;
    mantis::result<bool> more = true;
    while (more && *more) more = reader->next(block);
    if (!more) found.damage = more.error();
    else found.damage = reader->damage();
    if (found.damage) return found;
    found.start = {of.checkpoint, reader->header().last_transaction, reader->header().last_time};
    found.log_needed = reader->footer()->log_needed;
    found.rows = reader->footer()->rows;
    found.bytes = reader->size();
    return found;
}

mantis::bytes describe(const mantis::recovery_plan& plan, const image_state& image) {
    mantis::bson_writer answer;
    answer.add("found", bytes_view{mantis::name_of(plan.found)});
    add_number(answer, "segments", plan.segments);
    add_number(answer, "records", plan.records);
    add_number(answer, "bytes", plan.bytes);
    add_number(answer, "operations", plan.operations);
    add_number(answer, "table_changes", plan.table_changes);
    add_number(answer, "transactions_kept", plan.transactions_kept);
    add_number(answer, "transactions_in_doubt", plan.transactions_in_doubt);
    add_number(answer, "transactions_dropped", plan.transactions_dropped);
    add_number(answer, "transactions_after_stop", plan.transactions_after_stop);
    add_number(answer, "torn_bytes", plan.cut_bytes);
    add_number(answer, "proven_lsn", plan.proven.value);
    add_number(answer, "stops_at_lsn", plan.stops_at.value);
    add_number(answer, "end_lsn", plan.end.value);
    add_time(answer, "first_commit", plan.first_time);
    add_time(answer, "last_commit", plan.last_time);
    if (image.start.begin != mantis::lsn{}) {
        add_number(answer, "checkpoint_lsn", image.start.begin.value);
        add_number(answer, "checkpoint_rows", image.rows);
        add_number(answer, "checkpoint_bytes", image.bytes);
    }
    if (image.damage) answer.add("checkpoint_damage", image.damage->message().view());
    if (plan.damage) answer.add("damage", plan.damage->message().view());
    return mantis::to_json(mantis::bson_view{answer.finish()});
}

template <class Checksum>
exit_code plan(mantis::posix::directory& directory, const mantis::log_identity& of,
               mantis::recovery_options chosen) {
    image_state image = look_at_image<Checksum>(directory, of.block);
    if (chosen.stop_at != mantis::lsn{} && chosen.stop_at < image.log_needed)
        image = {};  // it is of a later moment
    chosen.start = image.start;
    if (image.log_needed > chosen.log_reaches) chosen.log_reaches = image.log_needed;
    mantis::recovery_engine<mantis::log_reader<mantis::posix, Checksum>> recovery{
        mantis::posix{}, directory, of.block.database};
    auto planned = recovery.plan(chosen);
    if (!planned) return complain(planned.error());
    if (of.damage) {
        planned->found = mantis::log_condition::damaged;
        planned->damage = of.damage;
    }
    output to{STDOUT_FILENO, "standard output"};
    to.line(describe(*planned, image));
    const exit_code told = to.finish();
    return told == exit_code::done && planned->damage ? complain(*planned->damage) : told;
}

exit_code recover(const arguments& given) {
    if (!given.has("--dry-run"))
        return complain(exit_code::usage,
                        "every command recovers the database as it opens it; "
                        "'mantis recover DIR --dry-run' tells what that would do");
    const auto stop_at = given.number("--stop-at", 0);
    if (!stop_at) return complain(exit_code::usage, "--stop-at takes a position in the log");
    auto directory =
        mantis::posix{}.open_directory(given.word(0), mantis::directory_mode::existing);
    if (!directory) return complain(directory.error());
    auto found = mantis::identify_log(*directory);
    if (!found) return complain(found.error().about(given.word(0)));
    if (auto locked = directory->lock(); !locked) return complain(locked.error());
    progress reading{"reading the log"};
    mantis::recovery_options chosen;
    chosen.log_reaches = found->block.log_reaches;
    chosen.stop_at = {*stop_at};
    chosen.listener_context = &reading;
    chosen.listener = [](void* shown, const mantis::recovery_progress& at) {
        static_cast<progress*>(shown)->show(at.bytes_done, at.bytes_total, at.records,
                                            "log records");
    };
    if (found->block.checksum_format == mantis::crc32c::format_id)
        return plan<mantis::crc32c>(*directory, *found, chosen);
    if (found->block.checksum_format == mantis::xxh3::format_id)
        return plan<mantis::xxh3>(*directory, *found, chosen);
    return complain(mantis::error{mantis::error_code::mismatch,
                                  "reading the log: its checksums are of an unknown policy"}
                        .with("file_format_id", found->block.checksum_format));
}

}  // namespace

command recover_command() {
    return {.name = "recover",
            .words = "DIR",
            .summary = "what opening the database would do, and why if it cannot be opened",
            .details =
                "Reads the last checkpoint and the log since and changes nothing. 'found' is "
                "clean, crashed or damaged; "
                "transactions_in_doubt\n"
                "are kept, though nothing proves that their commit was ever synced. A database "
                "that is damaged ends\n"
                "with 6, and stops_at_lsn is how far it can be read.\n",
            .fewest_words = 1,
            .most_words = 1,
            .options = {{"--dry-run", nullptr, "say what would be done, and do nothing"},
                        {"--stop-at", "LSN", "as of this position in the log"}},
            .run = recover};
}

}  // namespace tool
