// SPDX-License-Identifier: BSL-1.0
//
// The tables that a check knows of, by the image and the log, and rows that are not what they
// should be, as long as nothing says that they were replaced since.
#pragma once

#include "check_findings.hpp"
#include "document_check.hpp"

#include <mantis/document/detail/stored_document.hpp>
#include <mantis/recovery/target.hpp>
#include <mantis/wal/operation.hpp>

#include <map>

namespace tool {

struct known_table {
    mantis::bytes name;
    mantis::bytes index;
    mantis::lsn made;  // {}: by the image
    bool dropped = false;
};

class known_tables {
public:
    //   Returns     nullptr: there was never such a table
    [[nodiscard]] known_table* find(mantis::table_id id) {
        const auto at = all_.find(id.value);
        return at == all_.end() ? nullptr : &at->second;
    }
    void add(mantis::table_id id, known_table table) { all_[id.value] = std::move(table); }
    [[nodiscard]] bool is_collection(mantis::table_id id) {
        const known_table* const table = find(id);
        return table != nullptr && !table->dropped &&
               table->name.view().starts_with(mantis::detail::collection_prefix);
    }
    [[nodiscard]] const std::map<std::uint64_t, known_table>& all() const noexcept { return all_; }

    // Not all tables are known, for what names them is damaged.
    bool incomplete = false;

private:
    std::map<std::uint64_t, known_table> all_;
};

// Rows of collections that no collection makes.
class wrong_documents {
public:
    void add(mantis::table_id table, mantis::bytes_view key, mantis::lsn version,
             check_finding what) {
        if (all_.size() >= check_findings::most_kept && all_.count(place(table, key)) == 0)
            return void(++untold_[table.value]);
        what.key.assign(key);
        all_[place(table, key)] = {version, std::move(what)};
    }
    //   Effects     a row of an earlier version counts no more
    void replaced(mantis::table_id table, mantis::bytes_view key, mantis::lsn version) {
        if (all_.empty()) return;
        const auto at = all_.find(place(table, key));
        if (at != all_.end() && at->second.version < version) all_.erase(at);
    }
    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
    void tell(known_tables& tables, check_findings& to) {
        for (auto& [where, each] : all_)
            if (tables.is_collection({where.first}))
                to.add(std::move(each.what), exit_code::damaged);
        for (const auto& [table, count] : untold_)
            if (tables.is_collection({table})) to.add_untold(count, exit_code::damaged);
    }

private:
    struct wrong_one {
        mantis::lsn version;
        check_finding what;
    };
    using place_type = std::pair<std::uint64_t, std::string>;
    static place_type place(mantis::table_id table, mantis::bytes_view key) {
        return {table.value, key.as<std::string>()};
    }

    std::map<place_type, wrong_one> all_;
    std::map<std::uint64_t, std::uint64_t> untold_;  // of each table
};

// What the log since the checkpoint does, as a target of a recovery that redoes nothing.
class checking_target {
public:
    static constexpr const char* name = "the check";

    checking_target(mantis::lsn begin, known_tables& tables, wrong_documents& wrong,
                    check_findings& found) noexcept
        : begin_{begin}, tables_{&tables}, wrong_{&wrong}, found_{&found} {}

    [[nodiscard]] mantis::lsn persisted_lsn() const noexcept { return begin_; }
    [[nodiscard]] mantis::result<void> redo(mantis::lsn version, const mantis::operation& op) {
        using mantis::operation_kind;
        if (op.kind == operation_kind::create_table) {
            tables_->add(op.table, {mantis::bytes{op.key}, mantis::bytes{op.value}, version});
            return mantis::success();
        }
        known_table* const into = tables_->find(op.table);
        if (into == nullptr || into->dropped) {
            if (!tables_->incomplete) no_table(version, op);
        } else if (op.kind == operation_kind::drop_table) {
            into->dropped = true;
        } else if (tables_->is_collection(op.table)) {
            wrong_->replaced(op.table, op.key, version);
            if (op.kind == operation_kind::put) look_at(version, op, *into);
        }
        return mantis::success();
    }
    [[nodiscard]] mantis::result<void> verify() const { return mantis::success(); }

    [[nodiscard]] std::uint64_t documents() const noexcept { return documents_; }

private:
    void no_table(mantis::lsn version, const mantis::operation& op) {
        check_finding what;
        what.kind = "broken";
        what.lsn = version.value;
        what.table = op.table.value;
        what.problem = "an operation of the log on a table that is not there";
        found_->add(std::move(what), exit_code::damaged);
    }
    void look_at(mantis::lsn version, const mantis::operation& op, const known_table& into) {
        ++documents_;
        const auto sound = check_row(op.key, op.value);
        if (sound) return;
        check_finding what;
        what.kind = "document";
        what.lsn = version.value;
        what.table = op.table.value;
        what.name = into.name;
        what.problem = sentence_of(sound.error());
        wrong_->add(op.table, op.key, version, std::move(what));
    }

    mantis::lsn begin_;
    known_tables* tables_;
    wrong_documents* wrong_;
    check_findings* found_;
    std::uint64_t documents_ = 0;
};

// Which wrong documents of pages and images the log has replaced.
class replacing_target {
public:
    static constexpr const char* name = "the check";

    replacing_target(mantis::lsn begin, wrong_documents& wrong) noexcept
        : begin_{begin}, wrong_{&wrong} {}

    [[nodiscard]] mantis::lsn persisted_lsn() const noexcept { return begin_; }
    [[nodiscard]] mantis::result<void> redo(mantis::lsn version, const mantis::operation& op) {
        if (op.kind == mantis::operation_kind::put || op.kind == mantis::operation_kind::erase)
            wrong_->replaced(op.table, op.key, version);
        return mantis::success();
    }
    [[nodiscard]] mantis::result<void> verify() const { return mantis::success(); }

private:
    mantis::lsn begin_;
    wrong_documents* wrong_;
};

}  // namespace tool
