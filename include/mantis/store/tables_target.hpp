// SPDX-License-Identifier: BSL-1.0
//
// The tables of a store as a log target: recovery fills them from the log.
//
// Threads: redo() may be called by any number at once, one operation of a key at a time; verify()
// alone, after the last redo().
#pragma once

#include "../core/ids.hpp"
#include "../core/result.hpp"
#include "../wal/operation.hpp"

namespace mantis {

template <class Tables>
class tables_target {
public:
    static constexpr const char* name = "the tables of the store";
    static constexpr bool parallel_redo = true;

    //   Requires    `tables` outlives it, and nobody else uses them yet; they hold what the log
    //               says up to `persisted`, or newer, as an image does
    explicit tables_target(Tables& tables, lsn persisted = {}) noexcept
        : tables_{&tables}, persisted_{persisted} {}

    // Of those in memory: what no image had is missing. One in pages may be further.
    [[nodiscard]] lsn persisted_lsn() const noexcept { return persisted_; }

    //   Errors      corrupt (an operation on a table that is not there), mismatch (an index that
    //               this build lacks), those of an index, with the table's name
    [[nodiscard]] result<void> redo(lsn version, const operation& op) {
        if (op.kind == operation_kind::create_table) {
            auto made = tables_->add(op.table, op.key, op.value, version);
            return made ? success() : result<void>{made.error()};
        }
        auto* const into = tables_->find(op.table);
        if (into == nullptr || into->dropped())
            return error{error_code::corrupt, "redoing an operation: its table does not exist"}
                .with("table", op.table.value);
        if (op.kind == operation_kind::drop_table) return into->drop(version);
        if (version <= into->persisted()) return success();
        if (into->is_stored()) tables_->storage().changed(1);
        if (op.kind == operation_kind::put) return into->redo_put(op.key, op.value, version);
        return into->redo_erase(op.key);
    }

    //   Errors      corrupt (the table)
    [[nodiscard]] result<void> verify() const {
        for (const auto* each : tables_->all())
            if (auto sound = each->visit([](const auto& index) { return index.verify(); }); !sound)
                return sound.error().about(each->name());
        return success();
    }

    // Where files of tables in pages take much more than lives in them: a log may change them far
    // more often than there is memory and disk for.
    [[nodiscard]] bool wants_restartpoint() const { return tables_->storage().wants_checkpoint(); }
    //   Returns     false: there was no room for it
    [[nodiscard]] result<bool> restartpoint(lsn end) {
        const auto made = tables_->storage().checkpoint([end](auto note) -> result<void> {
            note(end);
            return success();
        });
        if (!made && made.error().code() != error_code::no_space) return made.error();
        return made.has_value();
    }

    // Tells the tables that what they hold is what the log says up to `end`, and is durable.
    void finish(lsn end) {
        for (auto* each : tables_->all()) each->recovered(end);
    }

private:
    Tables* tables_;
    lsn persisted_;
};

}  // namespace mantis
