// SPDX-License-Identifier: BSL-1.0
//
// Walks a range of a table in key order, the transaction's own writes included.
//
// Committed rows are copied in batches, so no latch is held between calls and the table may change
// meanwhile: the walk goes on after the last key it gave. Whether that mattered is told by the
// commit of a serializable transaction.
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
        while (true) {
            if (at_ == rows_.size() && !ended_)
                if (auto filled = fill(); !filled) return filled.error();
            const row* const committed = at_ < rows_.size() ? &rows_[at_] : nullptr;
            const auto mine = own_->lower_bound(source_->id(), from_);
            const bool any_mine = mine != own_->end() && mine->table == source_->id() &&
                                  (to_.empty() || mine->key < to_.view());
            if (committed == nullptr && !any_mine) return false;
            const bool take_mine =
                any_mine && (committed == nullptr || mine->key <= committed->key);
            if (!take_mine) {
                give(committed->key, committed->value);
                ++at_;
                return true;
            }
            if (committed != nullptr && committed->key == mine->key) ++at_;
            if (mine->erases) {
                pass(mine->key);
                continue;
            }
            give(mine->key, mine->value);
            return true;
        }
    }

    //   Requires    the last next() returned true; valid until the next call
    [[nodiscard]] bytes_view key() const noexcept { return key_; }
    [[nodiscard]] bytes_view value() const noexcept { return value_; }

private:
    using row = typename Engine::row;

    result<void> fill() {
        rows_.clear();
        at_ = 0;
        auto ended = engine_->read_rows(*source_, from_, to_, batch_bytes, rows_, reader_, *told_);
        if (!ended) {
            rows_.clear();
            return ended.error();
        }
        ended_ = *ended;
        return success();
    }

    void give(bytes_view key, bytes_view value) {
        key_.assign(key);
        value_.assign(value);
        pass(key_);
    }

    // The walk goes on with the least key after this one.
    void pass(bytes_view key) {
        from_.assign(key);
        from_.push_back(std::byte{0});
    }

    Engine* engine_;
    const typename Engine::table_type* source_;
    const write_set* own_;
    durability_class reader_;
    lsn* told_;
    bytes from_;
    bytes to_;
    std::vector<row> rows_;
    std::size_t at_ = 0;
    bool ended_ = false;
    bytes key_;
    bytes value_;
};

}  // namespace mantis
