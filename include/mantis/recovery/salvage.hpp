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
// Memory: all tables, as for opening the database.
// Threads: one at a time.
#pragma once

#include "detail/by_transaction.hpp"
#include "detail/salvage_scanner.hpp"
#include "image_reader.hpp"
#include "superblock_pair.hpp"

#include "../index/btree/btree.hpp"
#include "../wal/operation.hpp"
#include "../wal/writer.hpp"

namespace mantis {

enum class row_doubt : std::uint8_t { may_be_stale, may_be_incomplete };

[[nodiscard]] constexpr const char* name_of(row_doubt doubt) noexcept {
    return doubt == row_doubt::may_be_stale ? "may_be_stale" : "may_be_incomplete";
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

struct salvage_report {
    std::vector<lost_range> lost;  // in order
    std::vector<doubtful_row> doubtful;
    std::vector<lost_image_part> lost_rows;  // in order
    std::uint64_t image_rows = 0;            // read from the image of a checkpoint
    std::uint64_t records = 0;               // read
    std::uint64_t transactions_kept = 0;
    std::uint64_t transactions_dropped = 0;  // no commit could be read
    std::uint64_t unreadable_records = 0;    // whole, but what is in them are no operations
    std::uint64_t torn_bytes = 0;
    std::uint64_t tables = 0;
    std::uint64_t rows = 0;
};

namespace detail {

// What the readable records say, table by table.
class salvaged_tables {
public:
    struct table {
        table_id id;
        bytes name;
        bytes index;
        bool dropped = false;
        byte_map<> rows;
    };

    void redo(const operation& op, lsn version) {
        if (op.kind == operation_kind::stamp) return;
        table& into = table_of(op.table);
        if (op.kind == operation_kind::create_table) {
            into.name.assign(op.key);
            into.index.assign(op.value);
        } else if (op.kind == operation_kind::drop_table) {
            into.dropped = true;
        } else if (op.kind == operation_kind::put) {
            into.rows.put(op.key, op.value, version);
        } else {
            (void)into.rows.erase(op.key);
        }
    }
    void load(const std::vector<image_table>& list) {
        for (const image_table& each : list) {
            table& into = table_of(each.id);
            into.name.assign(each.name);
            into.index.assign(each.index);
            into.dropped = each.dropped;
        }
    }
    void load(table_id id, const image_row& row) {
        table_of(id).rows.put(row.key, row.value, row.version);
    }
    //   Effects     every table that is left has a name of its own
    void finish() {
        for (std::size_t at = tables_.size(); at-- > 0;) {
            if (tables_[at].name.empty() || taken(at)) {
                tables_[at].name = made_up(tables_[at].id);
                while (taken_by_any(at)) tables_[at].name.append(bytes_view{"-"});
            }
            if (tables_[at].index.empty()) tables_[at].index.assign(bytes_view{btree<>::name});
        }
    }
    [[nodiscard]] const std::vector<table>& all() const noexcept { return tables_; }

private:
    table& table_of(table_id id) {
        std::size_t at = tables_.size();
        while (at > 0 && tables_[at - 1].id > id) --at;
        if (at > 0 && tables_[at - 1].id == id) return tables_[at - 1];
        table made;
        made.id = id;
        return *tables_.insert(tables_.begin() + static_cast<std::ptrdiff_t>(at), std::move(made));
    }
    // The newer of two tables of one name keeps it: the drop of the other was lost.
    [[nodiscard]] bool taken(std::size_t at) const {
        for (std::size_t later = at + 1; later < tables_.size(); ++later)
            if (!tables_[later].dropped && tables_[later].name == tables_[at].name.view())
                return true;
        return false;
    }
    [[nodiscard]] bool taken_by_any(std::size_t at) const {
        for (std::size_t other = 0; other < tables_.size(); ++other)
            if (other != at && tables_[other].name == tables_[at].name.view()) return true;
        return false;
    }
    static bytes made_up(table_id id) {
        bytes digits;
        for (std::uint64_t left = id.value; left != 0 || digits.empty(); left /= 10)
            digits.push_back(static_cast<char>('0' + left % 10));
        bytes name{bytes_view{"salvaged-"}};
        for (std::size_t at = digits.size(); at-- > 0;) name.push_back(digits[at]);
        return name;
    }

    std::vector<table> tables_;  // by id
};

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

    result<void> read_all() {
        auto begin = load_image();
        if (!begin) return begin.error();
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
        if (reached > scanner->end())
            report_.lost.push_back(scanner->range(scanner->end(), reached));
        else report_.torn_bytes = scanner->tail_bytes();
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
            tables_.load(footer.tables);
        if (block.kind == image_block_kind::tables && read_image_tables(from, count, list))
            tables_.load(list);
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

    void judge_rows() {
        for (const auto& table : tables_.all()) {
            if (table.dropped) continue;
            table.rows.scan({}, [&](bytes_view key, bytes_view, lsn version) {
                if (!report_.lost.empty() && version <= report_.lost.back().from)
                    doubt(table.name, key, version, row_doubt::may_be_stale);
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
    std::vector<lsn> incomplete_;  // commits; one or a few for each gap
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
