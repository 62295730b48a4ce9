// SPDX-License-Identifier: BSL-1.0
#include "check_full.hpp"
#include "check_pages.hpp"
#include "check_tables.hpp"
#include "offline.hpp"
#include "output.hpp"
#include "progress.hpp"

#include <mantis/recovery/detail/salvaged_tables.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/recovery/image_reader.hpp>
#include <mantis/store/log_scrub.hpp>
#include <mantis/store/superblock_scrub.hpp>
#include <mantis/wal/log_check.hpp>

#include <unistd.h>

namespace tool {

namespace {

template <class Checksum>
class full_check {
    using posix = mantis::posix;
    using log_type = mantis::log_reader<posix, Checksum>;

public:
    explicit full_check(offline_files& files)
        : files_{&files}, block_{files.identity.block}, begun_{posix{}.now()} {
        start_.begin = block_.checkpoint;
    }

    exit_code run() {
        scrub();
        diagnose();
        look_at_image();
        redo();
        page_check pages{files_->directory, block_, tables_, wrong_in_files_, found_};
        pages.run(planned_ ? planned_->stops_at : mantis::lsn{});
        if (!wrong_in_files_.empty()) {
            replacing_target since{start_.begin, wrong_in_files_};
            if (auto read = follow_log(since); !read) found_.add("damaged", read.error());
        }
        wrong_in_log_.tell(tables_, found_);
        wrong_in_files_.tell(tables_, found_);
        return answer(pages);
    }

private:
    // --- superblocks, and every record of the log ---

    void scrub() {
        struct shown {
            progress line{"checking the log"};
            std::uint64_t total = 0;
        } showing;
        mantis::scrub_reach reach{
            block_.checkpoint != mantis::lsn{} ? block_.checkpoint : mantis::first_lsn_of_log,
            block_.log_reaches, true};
        mantis::log_scrub<posix, Checksum> log{
            files_->directory, block_.database,
            [](void* known) { return *static_cast<mantis::scrub_reach*>(known); }, &reach};
        mantis::superblock_scrub<posix> superblock{
            files_->directory,
            [](void* in) {
                return mantis::superblock_scrub<posix>::look(*static_cast<posix::directory*>(in));
            },
            &files_->directory};
        mantis::scrub_options chosen;
        chosen.context = &showing;
        chosen.progress = [](void* to, std::uint64_t bytes) {
            static_cast<shown*>(to)->line.show(bytes, 0, bytes / 1'000'000, "MB");
        };
        mantis::scrubber<posix> scrubbing{posix{}, chosen};
        scrubbing.add(superblock.source());
        scrubbing.add(log.source());
        log_ = scrubbing.run(0);
        for (const mantis::scrub_finding& each : log_.kept) found_.add(each);
        // Damage is kept before what is harmless.
        const std::uint64_t told = found_.count();
        found_.add_untold(log_.findings - told, exit_code::damaged);
        found_.add_untold_harmless(log_.harmless - (log_.kept.size() - told));
        showing.line.clear();
    }
    // What the whole log is, from the oldest record that is there.
    void diagnose() {
        auto segments = mantis::detail::list_segments(files_->directory);
        if (!segments) return found_.add("damaged", segments.error());
        mantis::log_check_options chosen;
        chosen.database = block_.database;
        chosen.reaches = block_.log_reaches;
        chosen.checkpoint = block_.checkpoint;
        if (!segments->empty()) chosen.begin = segments->front();
        whole_log_ = !segments->empty() && segments->front() == mantis::first_lsn_of_log;
        auto diagnosed = mantis::verify_log<posix, Checksum>(files_->directory, chosen);
        if (!diagnosed) return found_.add("damaged", diagnosed.error());
        diagnosis_ = std::move(*diagnosed);
        const bool told = log_.findings != 0;
        if (diagnosis_.whole() || told) return;
        check_finding what;
        what.kind = "damaged";
        what.file = diagnosis_.segment;
        what.offset = diagnosis_.offset;
        what.lsn = diagnosis_.lost_begin.value;
        what.end_lsn = diagnosis_.lost_end.value;
        what.problem = diagnosis_.message.template as<std::string>();
        found_.add(std::move(what), exit_code::damaged);
    }

    // --- the image of the last checkpoint ---

    using image_type = mantis::image_reader<posix, Checksum>;

    void look_at_image() {
        if (block_.checkpoint == mantis::lsn{}) return;
        image_file_ = mantis::image_name(block_.checkpoint);
        // Where the list of tables is damaged, the footer has it once more.
        if (!read_image(true) || !tables_.all().empty() || image_tables_ == 0) return;
        (void)read_image(false);
    }
    //   Returns     false: it cannot be opened
    bool read_image(bool first) {
        auto reader = image_type::open(files_->directory, image_file_, block_.database);
        if (!reader) {
            add_of_image(
                reader.error().code() == mantis::error_code::not_found ? "missing" : "damaged", 0,
                reader.error());
            tables_.incomplete = true;
            return false;
        }
        image_tables_ = reader->header().tables;
        image_bytes_ = reader->size();
        start_ = {block_.checkpoint, reader->header().last_transaction, reader->header().last_time};
        progress line{"checking the image"};
        mantis::image_block block;
        if (!first) note_tables(footer_tables_);
        while (true) {
            auto more = reader->next(block);
            line.show(reader->bytes_read(), reader->size(), reader->bytes_read() / 1'000'000, "MB");
            if (!more) add_of_image("unreadable", reader->bytes_read(), more.error());
            if (!more || !*more) break;
            take(block);
        }
        line.clear();
        if (!first) return true;
        for (const mantis::image_gap& each : reader->gaps())
            add_of_image("damaged", each.from, *reader->damage());
        if (const auto damage = reader->damage(); damage && reader->gaps().empty())
            add_of_image("damaged", number_of(*damage, "offset"), *damage);
        if (!reader->footer()) {
            tables_.incomplete = tables_.all().empty();
            image_tables_ = 0;
            return true;
        }
        log_needed_ = reader->footer()->log_needed;
        footer_tables_ = reader->footer()->tables;
        return true;
    }
    void take(const mantis::image_block& block) {
        mantis::byte_reader from{block.payload};
        std::vector<mantis::image_table> list;
        if (block.kind == mantis::image_block_kind::tables) {
            if (!mantis::read_image_tables(from, image_tables_, list)) malformed(block, "tables");
            else note_tables(list);
        } else if (block.kind == mantis::image_block_kind::rows && !tables_.all().empty()) {
            take_rows(block, from);
        }
    }
    void note_tables(const std::vector<mantis::image_table>& list) {
        for (const mantis::image_table& each : list)
            tables_.add(each.id, {each.name, each.index, {}, each.dropped});
    }
    void take_rows(const mantis::image_block& block, mantis::byte_reader& from) {
        known_table* const into = tables_.find(block.table);
        if (into == nullptr || into->dropped ||
            into->index.view() == mantis::bytes_view{mantis::detail::paged_index_name})
            return malformed(block, "rows of a table that has none here");
        if (block.table < row_table_) malformed(block, "tables out of order");
        if (block.table != row_table_) row_key_.clear();
        const bool first_of_table = block.table != row_table_;
        row_table_ = block.table;
        const bool collection = tables_.is_collection(block.table);
        mantis::image_row row;
        for (std::uint32_t at = 0; at < block.count; ++at) {
            if (!mantis::read_image_row(from, row)) return malformed(block, "no rows");
            if ((!first_of_table || at != 0) && row.key <= row_key_.view())
                return malformed(block, "rows out of order");
            row_key_.assign(row.key);
            ++image_rows_;
            if (!collection) continue;
            ++image_documents_;
            const auto sound = check_row(row.key, row.value);
            if (sound) continue;
            check_finding what = in_block(block, sentence_of(sound.error()));
            what.kind = "document";
            what.name = into->name;
            wrong_in_files_.add(block.table, row.key, row.version, std::move(what));
        }
        if (!from.empty()) malformed(block, "more than its rows");
    }
    [[nodiscard]] check_finding in_block(const mantis::image_block& block,
                                         std::string problem) const {
        check_finding what;
        what.kind = "broken";
        what.file = image_file_;
        what.offset = block.offset;
        what.table = block.table.value;
        what.problem = std::move(problem);
        return what;
    }
    void malformed(const mantis::image_block& block, const char* what) {
        found_.add(in_block(block, std::string{"the block's checksum fits, and it has "} + what),
                   exit_code::damaged);
    }
    void add_of_image(const char* kind, std::uint64_t offset, const mantis::error& why) {
        check_finding what;
        what.kind = kind;
        what.file = image_file_;
        what.offset = offset;
        what.problem = sentence_of(why);
        const exit_code code =
            exit_code_of(why) == exit_code::failed ? exit_code::failed : exit_code::damaged;
        found_.add(std::move(what), code);
    }

    // --- what the log does since the checkpoint ---

    template <class Target>
    mantis::result<mantis::recovery_summary> follow_log(Target& target) {
        mantis::recovery_options chosen;
        chosen.read_only = true;
        chosen.up_to_damage = true;
        chosen.log_reaches = log_needed_ > block_.log_reaches ? log_needed_ : block_.log_reaches;
        chosen.start = start_;
        mantis::recovery_engine<log_type, Target> engine{posix{}, files_->directory,
                                                         block_.database, target};
        auto done = engine.run(chosen);
        if (!done) return done.error();
        return std::move(done->summary);
    }
    void redo() {
        if (tables_.incomplete && whole_log_) {  // it names them all, too
            start_ = {};
            tables_.incomplete = false;
        }
        progress line{"checking what the log does"};
        line.show(0, 0, 0, "");
        checking_target target{start_.begin, tables_, wrong_in_log_, found_};
        auto done = follow_log(target);
        line.clear();
        log_documents_ = target.documents();
        if (!done) return found_.add("damaged", done.error());
        planned_ = std::move(*done);
        if (!planned_->damage) return;
        tables_.incomplete = true;
        if (found_.count() == 0) found_.add("damaged", *planned_->damage);
    }

    // --- the answer ---

    exit_code answer(const page_check& pages) {
        mantis::bson_writer to;
        to.add("sound", found_.count() == 0);
        to.add("superblock", mantis::bytes_view{files_->first_word()});
        to.add("superblock_copy", mantis::bytes_view{files_->copy_word()});
        to.add("log", mantis::bytes_view{mantis::name_of(diagnosis_.kind)});
        add_number(to, "log_segments", diagnosis_.segments);
        add_number(to, "log_records", log_.records);
        add_number(to, "log_bytes", diagnosis_.record_bytes);
        add_number(to, "transactions", diagnosis_.transactions);
        add_number(to, "torn_bytes", diagnosis_.cut_bytes);
        describe_reach(to, pages);
        add_number(to, "checkpoint_lsn", block_.checkpoint.value);
        add_number(to, "checkpoint_bytes", image_bytes_);
        add_number(to, "checkpoint_rows", image_rows_);
        std::uint64_t collections = 0;
        std::uint64_t live = 0;
        for (const auto& [id, each] : tables_.all()) {
            live += each.dropped ? 0U : 1U;
            collections += tables_.is_collection({id}) ? 1U : 0U;
        }
        add_number(to, "tables", live);
        add_number(to, "collections", collections);
        add_number(to, "documents_checked", image_documents_ + log_documents_ + pages.documents());
        pages.describe(to);
        found_.describe(to);
        to.add("seconds", (posix{}.now() - begun_).seconds());
        output out{STDOUT_FILENO, "standard output"};
        print(to, out);
        const exit_code told = out.finish();
        const exit_code judged = found_.complain();
        return told == exit_code::done ? judged : told;
    }

    // As of when what was checked is: tables in pages and images do not have the log behind them.
    void describe_reach(mantis::bson_writer& to, const page_check& pages) const {
        to.begin_document("checked");
        if (block_.checkpoint != mantis::lsn{})
            add_number(to, "image_as_of_lsn", block_.checkpoint.value);
        if (const mantis::lsn as_of = pages.as_of(); as_of != mantis::lsn{})
            add_number(to, "pages_as_of_lsn", as_of.value);
        add_number(to, "log_to_lsn", diagnosis_.end.value);
        to.end();
    }

    offline_files* files_;
    const mantis::superblock block_;
    known_tables tables_;
    check_findings found_;
    wrong_documents wrong_in_log_;
    wrong_documents wrong_in_files_;
    mantis::nanoseconds begun_;

    mantis::scrub_report log_;
    mantis::log_diagnosis diagnosis_;
    bool whole_log_ = false;  // it goes back to its first record
    std::optional<mantis::recovery_summary> planned_;
    std::uint64_t log_documents_ = 0;

    mantis::bytes image_file_;
    mantis::recovery_start start_;
    mantis::lsn log_needed_;
    std::vector<mantis::image_table> footer_tables_;
    std::uint64_t image_tables_ = 0;
    std::uint64_t image_bytes_ = 0;
    std::uint64_t image_rows_ = 0;
    std::uint64_t image_documents_ = 0;
    mantis::table_id row_table_;
    mantis::bytes row_key_;
};

}  // namespace

exit_code check_full(std::string_view path) {
    auto files = open_offline(path);
    if (!files) return complain(files.error());
    return with_checksum_of(*files,
                            [&]<class Checksum>() { return full_check<Checksum>{*files}.run(); });
}

}  // namespace tool
