// SPDX-License-Identifier: BSL-1.0
//
// Reads what is readable of a damaged log into a new database, and says what was lost and what may
// be wrong because of it.
//
//   auto whose  = identify_log(damaged).value();
//   auto report = salvage<posix, crc32c>(world, damaged, whose.block, empty);
//
// The damaged database is not changed. The new one has the newest readable value of each row, under
// the old table names; its superblock is written last, so a salvage that is interrupted leaves no
// database. A table whose making was lost, or whose name another one has, is called "salvaged-"
// and its number.
//
// What a lost range does to rows that were not lost:
//   may_be_stale        last written before it: a newer value, an erase, or the drop of the table
//                       may have been in it
//   may_be_incomplete   written by a transaction that was open in it, or was the first to commit
//                       after it: other writes of the same transaction may have been in it
// A row that is neither is as it was committed last. A torn tail, which was never acknowledged, is
// no lost range.
//
// Where the log does not go back to its first record, it begins with the image of the last
// checkpoint: its intact blocks, and the log since. What lay in the others is told as lost rows.
//
// Tables in pages (docs/pages.md): each row of a sound leaf that the manifest says is live, the log
// behind the pages' checkpoint, and a range of keys for each leaf that is damaged. Without a
// manifest that fits to the log, the newest leaves that lie in the data segments: all of their rows
// that the log since does not have are
//   unproven            nothing says that the page was in use when it was lost: there may have been
//                       newer values, the row or its table may have been erased, or the bytes be
//                       damaged
// and any row of theirs may be missing.
//
// Memory: all tables, also those in pages.
// Threads: one at a time.
#pragma once

#include "detail/by_transaction.hpp"
#include "detail/salvage_pages.hpp"
#include "detail/salvage_scanner.hpp"
#include "detail/salvaged_tables.hpp"
#include "image_reader.hpp"
#include "superblock_pair.hpp"

#include "../core/crc32c.hpp"
#include "../core/xxh3.hpp"
#include "../wal/operation.hpp"
#include "../wal/writer.hpp"

namespace mantis {

enum class row_doubt : std::uint8_t { may_be_stale, may_be_incomplete, unproven };

[[nodiscard]] constexpr const char* name_of(row_doubt doubt) noexcept {
    switch (doubt) {
        case row_doubt::may_be_stale: return "may_be_stale";
        case row_doubt::may_be_incomplete: return "may_be_incomplete";
        case row_doubt::unproven: return "unproven";
    }
    return "unknown";
}

struct doubtful_row {
    bytes table;  // as it is called in the new database
    bytes key;
    lsn version;  // of the commit that wrote it, in the damaged log
    row_doubt why = row_doubt::may_be_stale;
};

// Rows of an image that are not to be had, but for those that the log since has.
struct lost_image_part {
    table_id first_table;  // behind the last of its rows that was read, ...
    bytes after;           // ... this one; empty: from its first
    table_id last_table;   // before the next row that was read, ...
    bytes before;          // ... this one; empty: to the end of the image
};

// Rows of a table in pages that are not to be had, but for those that the log since has.
struct lost_page_part {
    bytes table;   // as it is called in the new database
    bytes from;    // the first key
    bytes to;      // the first one behind them; empty: to the end of the table
    page_id page;  // of the leaf or the large value that is damaged; 0: not known
};

struct salvage_report {
    std::vector<lost_range> lost;  // in order
    std::vector<doubtful_row> doubtful;
    std::vector<lost_image_part> lost_rows;  // in order
    std::vector<lost_page_part> lost_pages;  // in order of the tables and their keys
    std::uint64_t image_rows = 0;            // read from the image of a checkpoint
    std::uint64_t page_rows = 0;             // read from pages
    std::uint64_t pages = 0;                 // that should be there, or were found
    std::uint64_t damaged_pages = 0;         // of them; also those that no row was lost with
    bool pages_proven = true;                // false: nothing says which pages were in use
    std::uint64_t records = 0;               // read
    std::uint64_t transactions_kept = 0;
    std::uint64_t transactions_dropped = 0;  // no commit could be read
    std::uint64_t unreadable_records = 0;    // whole, but what is in them are no operations
    std::uint64_t torn_bytes = 0;
    std::uint64_t tables = 0;
    std::uint64_t rows = 0;
};

namespace detail {

// One salvage, from the damaged log to the report.
template <platform Platform, checksum_policy Checksum>
class salvage_run {
public:
    using directory = typename Platform::directory;

    salvage_run(Platform world, directory& from, const superblock& of, directory& to)
        : platform_{std::move(world)}, from_{&from}, of_{of}, to_{&to} {}

    result<salvage_report> run() {
        if (of_.checksum_format != Checksum::format_id)
            return error{error_code::mismatch,
                         "salvaging: the records have another checksum policy"}
                .with("file_format_id", of_.checksum_format)
                .with("format_id", Checksum::format_id);
        if (auto empty = check_empty(); !empty) return empty.error();
        auto read = read_all();
        if (!read) return read.error();
        tables_.finish();
        judge_pages(*read);
        judge_rows();
        if (auto written = write_all(); !written) return written.error().within("salvaging");
        return std::move(report_);
    }

private:
    static constexpr std::size_t record_target_bytes = 256 * 1024;

    result<void> check_empty() {
        auto names = to_->list();
        if (!names) return names.error();
        if (names->empty()) return success();
        return error{error_code::already_exists, "salvaging: the new directory is not empty"}.about(
            names->front());
    }

    //   Returns     where the log is needed from; {}: from its beginning
    result<lsn> read_all() {
        auto begin = load_image();
        if (!begin) return begin.error();
        if (auto loaded = load_pages(*begin); !loaded) return loaded.error();
        auto scanner = salvage_scanner<Platform, Checksum>::open(*from_, of_.database, *begin,
                                                                 of_.log_reaches);
        if (!scanner) return scanner.error();
        while (const auto record = scanner->next()) {
            if (record->end <= *begin) continue;  // the image has it
            ++report_.records;
            if (scanner->lost().size() > seen_gaps_) begin_after_gap(scanner->lost().size());
            if (record->kind == record_kind::part)
                open_[record->transaction].parts.emplace_back(record->payload);
            else commit(*record);
        }
        report_.lost = scanner->lost();
        report_.transactions_dropped = open_.count();
        // What lies behind the last record was lost if it was ever synced, and else is a torn tail.
        lsn reached = scanner->durable();
        if (of_.log_reaches > reached) reached = of_.log_reaches;
        if (checkpoint_ && *checkpoint_ > reached) reached = *checkpoint_;
        if (reached > scanner->end())
            report_.lost.push_back(scanner->range(scanner->end(), reached));
        else report_.torn_bytes = scanner->tail_bytes();
        return begin;
    }
    result<void> load_pages(lsn begin) {
        const auto names = find_manifests(*from_);
        if (!names) return names.error();
        const std::uint32_t format = manifest_checksum_format(*from_, names->newest);
        return format == crc32c::format_id ? load_pages_of<crc32c>(begin)
                                           : load_pages_of<xxh3>(begin);
    }
    template <checksum_policy OfPages>
    result<void> load_pages_of(lsn begin) {
        const auto seen = salvage_pages<Platform, OfPages>{*from_, of_.database, tables_}.run(
            of_.pages_sequence, begin);
        if (!seen) return error{seen.error()};
        checkpoint_ = seen->checkpoint;
        report_.pages_proven = checkpoint_.has_value();
        report_.page_rows = seen->rows;
        report_.pages = seen->pages;
        report_.damaged_pages = seen->damaged_pages;
        return success();
    }
    //   Returns     where the log is needed from; {}: from its beginning, and no image was read
    //   Errors      io
    result<lsn> load_image() {
        if (of_.checkpoint == lsn{}) return lsn{};
        auto names = from_->list();
        if (!names) return names.error();
        for (const bytes& name : *names)
            if (name == segment_name(first_lsn_of_log)) return lsn{};
        using reader_type = image_reader<Platform, Checksum>;
        auto reader = reader_type::open(*from_, image_name(of_.checkpoint), of_.database);
        image_place last{{1}, {}};
        image_block block;
        result<bool> more = reader.has_value();
        std::size_t gaps = 0;
        while (reader && more && *more) {
            more = reader->next(block);
            const bool rows = more && *more && block.kind == image_block_kind::rows;
            if (rows || !more || !*more) {
                const image_place here = rows ? first_of(block) : image_place{};
                if (reader->gaps().size() > gaps || !more) lose(last, here);
                gaps = reader->gaps().size();
            }
            if (rows) take_rows(block, last);
            else if (more && *more) take_tables(block, reader->header().tables);
        }
        if (!reader || (more && !reader->footer() && gaps == 0)) lose(last, {});
        return of_.checkpoint;
    }
    struct image_place {
        table_id table;
        bytes key;
    };
    void lose(const image_place& after, const image_place& before) {
        report_.lost_rows.push_back({after.table, after.key, before.table, before.key});
    }
    static image_place first_of(const image_block& block) {
        byte_reader from{block.payload};
        image_row row;
        return read_image_row(from, row) ? image_place{block.table, bytes{row.key}}
                                         : image_place{block.table, {}};
    }
    void take_rows(const image_block& block, image_place& last) {
        byte_reader from{block.payload};
        image_row row;
        while (!from.empty() && read_image_row(from, row)) {
            tables_.load(block.table, row);
            last = {block.table, bytes{row.key}};
            ++report_.image_rows;
        }
    }
    void take_tables(const image_block& block, std::uint64_t count) {
        std::vector<image_table> list;
        image_footer footer;
        byte_reader from{block.payload};
        if (block.kind == image_block_kind::footer &&
            read_image_footer(block.payload, count, footer))
            tables_.load(footer.tables, of_.checkpoint);
        if (block.kind == image_block_kind::tables && read_image_tables(from, count, list))
            tables_.load(list, of_.checkpoint);
    }
    void begin_after_gap(std::size_t gaps) {
        seen_gaps_ = gaps;
        first_after_gap_ = true;
        for (auto& each : open_) each.held.over_gap = true;
    }
    void commit(const log_record& record) {
        open_transaction whole = open_.take(record.transaction);
        whole.parts.emplace_back(record.payload);
        if (whole.over_gap || first_after_gap_) incomplete_.push_back(record.end);
        first_after_gap_ = false;
        ++report_.transactions_kept;
        for (const bytes& part : whole.parts) {
            operation_reader operations{part};
            operation op;
            auto more = operations.next(op);
            for (; more && *more; more = operations.next(op)) tables_.redo(op, record.end);
            if (!more) ++report_.unreadable_records;
        }
    }

    // Which keys of tables in pages are lost.
    void judge_pages(lsn begin) {
        const bool by_log = begin == lsn{} && report_.lost.empty();
        for (const auto& table : tables_.all()) {
            if (table.dropped || by_log) continue;
            if (checkpoint_ && table.in_pages) {
                table.lost.scan({}, [&](bytes_view from, bytes_view to, lsn page) {
                    report_.lost_pages.push_back(
                        {table.name, bytes{from}, bytes{to}, {page.value}});
                    return true;
                });
                continue;
            }
            // It was there when the log began, and pages say nothing of it, or nothing certain.
            const bool was_there = table.index == bytes_view{paged_index_name} &&
                                   table.made <= begin && begin != lsn{};
            if (table.in_pages || was_there) report_.lost_pages.push_back({table.name, {}, {}, {}});
        }
    }
    void judge_rows() {
        for (const auto& table : tables_.all()) {
            if (table.dropped) continue;
            // Who has lost its name may have been dropped.
            const bool stale = table.in_pages && !table.is_named;
            table.rows.scan({}, [&](bytes_view key, bytes_view, lsn version) {
                if (stale || (!report_.lost.empty() && version <= report_.lost.back().to))
                    doubt(table.name, key, version, row_doubt::may_be_stale);
                if (table.unproven.find(key, [](bytes_view, lsn) {}))
                    doubt(table.name, key, version, row_doubt::unproven);
                if (incomplete(version))
                    doubt(table.name, key, version, row_doubt::may_be_incomplete);
                return true;
            });
        }
    }
    void doubt(bytes_view table, bytes_view key, lsn version, row_doubt why) {
        report_.doubtful.push_back({bytes{table}, bytes{key}, version, why});
    }
    [[nodiscard]] bool incomplete(lsn version) const noexcept {
        for (const lsn each : incomplete_)
            if (each == version) return true;
        return false;
    }

    result<void> write_all() {
        superblock made;
        made.checksum_format = Checksum::format_id;
        made.database = {platform_.random(), platform_.random()};
        log_writer<Platform, Checksum> log{platform_, *to_, made.database, first_lsn_of_log, 0};
        for (const auto& table : tables_.all())
            if (!table.dropped)
                if (auto written = write_table(log, table); !written) return written;
        if (auto closed = log.close(); !closed) return closed;
        made.log_reaches = log.end();
        made.generation = 1;
        return replace_superblocks(*to_, made);
    }
    template <class Log>
    result<void> write_table(Log& log, const salvaged_tables::table& table) {
        const table_id id{++report_.tables};
        bytes payload;
        append_operation(payload, {operation_kind::create_table, id, table.name, table.index});
        result<void> done = success();
        table.rows.scan({}, [&](bytes_view key, bytes_view value, lsn) {
            ++report_.rows;
            append_operation(payload, {operation_kind::put, id, key, value});
            if (payload.size() >= record_target_bytes) done = flush(log, payload);
            return done.has_value();
        });
        return done ? flush(log, payload) : done;
    }
    template <class Log>
    result<void> flush(Log& log, bytes& payload) {
        if (payload.empty()) return success();
        const nanoseconds now = platform_.wall_time();
        if (now > last_) last_ = now;
        append_operation(payload, {operation_kind::stamp, {}, {}, {}, last_});
        const std::vector<pending_record> records{{record_kind::commit, payload}};
        auto appended = log.append({++transaction_}, records);
        payload.clear();
        return appended ? success() : result<void>{appended.error()};
    }

    struct open_transaction {
        std::vector<bytes> parts;
        bool over_gap = false;
    };

    Platform platform_;
    directory* from_;
    superblock of_;
    directory* to_;
    salvaged_tables tables_;
    by_transaction<open_transaction> open_;
    std::size_t seen_gaps_ = 0;
    bool first_after_gap_ = false;
    std::vector<lsn> incomplete_;            // commits; one or a few for each gap
    std::optional<lsn> checkpoint_ = lsn{};  // of the pages; none: not known
    salvage_report report_;
    std::uint64_t transaction_ = 0;
    nanoseconds last_;
};

}  // namespace detail

//   Requires    `from` and `to` are locked by the caller; `of` comes from identify_log(from)
//   Errors      already_exists (`to` is not empty), io, no_space: `to` holds no database
template <platform Platform, checksum_policy Checksum>
[[nodiscard]] result<salvage_report> salvage(Platform world, typename Platform::directory& from,
                                             const superblock& of,
                                             typename Platform::directory& to) {
    return detail::salvage_run<Platform, Checksum>{std::move(world), from, of, to}.run();
}

}  // namespace mantis
