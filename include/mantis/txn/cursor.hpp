// SPDX-License-Identifier: BSL-1.0
//
// Walks a range of a table in key order, the transaction's own writes included.
//
// Committed rows are copied in batches, small ones first, so no latch is held between calls and the
// table may change meanwhile: the walk goes on after the last key it gave. Whether that mattered is
// told by the commit of a serializable transaction.
//
// Threads: one. Lives no longer than its transaction, which must not move meanwhile.
#pragma once

#include "engine.hpp"

namespace mantis {

// Keys from `from` on and before `to`; an empty `to` has no end.
struct key_range {
    bytes_view from;
    bytes_view to;
};

template <class Engine>
class cursor {
public:
    // Whoever wants a few rows does not pay for many.
    static constexpr std::size_t first_batch_bytes = 2 * 1024;
    static constexpr std::size_t batch_bytes = 64 * 1024;

    //   Requires    `engine`, `source`, `own` and `told` outlive the cursor
    //   Effects     `told` is raised to the newest commit that the rows tell of, which is as
    //               durable as `reader` promises
    cursor(Engine& engine, const typename Engine::table_type& source, const write_set& own,
           key_range range, durability_class reader, lsn& told)
        : engine_{&engine},
          source_{&source},
          own_{&own},
          reader_{reader},
          told_{&told},
          from_{range.from},
          to_{range.to} {}

    //   Effects     moves to the next row
    //   Returns     false after the last
    //   Errors      as Engine::read_rows; the cursor may then be asked again
    [[nodiscard]] result<bool> next() {
        if (rows_.done() && !ended_)
            if (auto filled = fill(); !filled) return filled.error();
        if (!own_->empty()) return next_of_both();
        if (rows_.done()) return false;
        hand_out(rows_.row());
        return true;
    }

    //   Requires    the last next() returned true; valid until the next call
    [[nodiscard]] bytes_view key() const noexcept { return key_; }
    [[nodiscard]] bytes_view value() const noexcept { return value_; }

private:
    [[nodiscard]] result<bool> next_of_both() {
        while (true) {
            if (rows_.done() && !ended_)
                if (auto filled = fill(); !filled) return filled.error();
            const bool any_committed = !rows_.done();
            const batch_row committed = any_committed ? rows_.row() : batch_row{};
            const change* const mine = next_own();
            if (!any_committed && mine == nullptr) return false;
            if (mine == nullptr || (any_committed && committed.key < mine->key)) {
                hand_out(committed);
                return true;
            }
            if (any_committed && committed.key == mine->key) rows_.advance();
            pass(mine->key);
            if (mine->erases) continue;
            // The transaction may write that key again before the next call.
            own_key_.assign(mine->key);
            own_value_.assign(mine->value);
            key_ = own_key_;
            value_ = own_value_;
            return true;
        }
    }
    void hand_out(const batch_row& committed) {
        key_ = committed.key;
        value_ = committed.value;
        passed_ = true;
        rows_.advance();
    }

    result<void> fill() {
        settle();
        rows_.clear();
        auto ended =
            engine_->read_rows(*source_, walk_, from_, to_, limit_, rows_, reader_, *told_);
        if (!ended) {
            rows_.clear();
            walk_ = {};  // it may be behind what was read and not told
            return ended.error();
        }
        ended_ = *ended;
        // A quarter of what was copied so far: little of what is copied is not wanted.
        copied_ += rows_.held_bytes();
        const std::size_t more = copied_ / 4;
        limit_ = more < first_batch_bytes ? first_batch_bytes
                 : more < batch_bytes     ? more
                                          : batch_bytes;
        return success();
    }

    // The first of the transaction's own changes in what is left of the range.
    [[nodiscard]] const change* next_own() {
        settle();
        const auto mine = own_->lower_bound(source_->id(), from_);
        const bool there = mine != own_->end() && mine->table == source_->id() &&
                           (to_.empty() || mine->key < to_.view());
        return there ? &*mine : nullptr;
    }

    // The walk goes on with the least key after this one.
    void pass(bytes_view key) {
        passed_ = false;
        from_.assign(key);
        from_.push_back(std::byte{0});
    }
    // The same with the last row of the batch that was handed out; put off, for most are followed
    // by another.
    void settle() {
        if (passed_) pass(key_);
    }

    Engine* engine_;
    const typename Engine::table_type* source_;
    const write_set* own_;
    durability_class reader_;
    lsn* told_;
    bytes from_;  // of what is left, behind key_ too if `passed_`
    bytes to_;
    bool passed_ = false;  // key_ is of a row of the batch
    typename Engine::table_type::walk_type walk_;
    std::size_t limit_ = first_batch_bytes;
    std::size_t copied_ = 0;
    row_batch rows_;
    bool ended_ = false;
    bytes own_key_;
    bytes own_value_;
    bytes_view key_;  // of a row of the batch, or of the two above
    bytes_view value_;
};

}  // namespace mantis
