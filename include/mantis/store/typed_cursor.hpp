// SPDX-License-Identifier: BSL-1.0
//
// Walks a range of a typed table in key order, the transaction's own writes included.
//
//   for (auto row : orders.scan(tx)) {
//       if (!row) return row.error();
//       use(row->key, row->value);
//   }
//
// or next(), key() and value(), as a cursor. A row that does not decode is the error `corrupt`,
// with the table, the key in hexadecimal and what is wrong with it, and the walk goes on behind it;
// after any other error a loop ends.
//
// Threads: one. Lives no longer than its transaction, which must not move meanwhile.
#pragma once

#include "detail/undecodable.hpp"

#include "../core/codec.hpp"
#include "../txn/transaction.hpp"

#include <iterator>

namespace mantis {

template <class Key, class Value, class KeyCodec, class ValueCodec, class Engine>
class typed_cursor {
public:
    // Valid until the cursor moves.
    struct row {
        const Key& key;
        const Value& value;
    };
    class iterator;

    //   Requires    `within` outlives the cursor
    typed_cursor(transaction<Engine>& within, const basic_table_handle<Engine>& of, key_range range)
        : table_{of}, rows_{within.scan(of, range)} {}

    //   Effects     moves to the next row
    //   Returns     false after the last
    //   Errors      corrupt: the row does not decode, and the next call goes on behind it; as
    //               cursor::next()
    [[nodiscard, gnu::always_inline]] result<bool> next() {
        result<bool> more = rows_.next();
        skips_ = false;
        if (!more || !*more) return more;
        const char* wrong = decode<KeyCodec>(rows_.key(), key_);
        if (wrong == nullptr) [[likely]] {
            wrong = decode<ValueCodec>(rows_.value(), value_);
            if (wrong == nullptr) [[likely]]
                return more;
            more = detail::undecodable_value(table_.name(), rows_.key(), wrong, rows_.value());
        } else {
            more = detail::undecodable_key(table_.name(), rows_.key(), wrong);
        }
        skips_ = true;
        return more;
    }

    //   Requires    the last next() returned true; valid until the next call
    [[nodiscard]] const Key& key() const noexcept { return key_; }
    [[nodiscard]] const Value& value() const noexcept { return value_; }
    // As the bytes API has them; also of a row that does not decode.
    [[nodiscard]] bytes_view key_bytes() const noexcept { return rows_.key(); }
    [[nodiscard]] bytes_view value_bytes() const noexcept { return rows_.value(); }

    // Once: the rows that next() has not given yet.
    [[nodiscard]] iterator begin() {
        step();
        return iterator{*this};
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    void step() {
        over_ = failed_.has_value() && !skips_;
        failed_.reset();
        if (over_) return;
        auto more = next();
        if (!more) failed_.emplace(std::move(more).error());
        else over_ = !*more;
    }

    basic_table_handle<Engine> table_;
    cursor<Engine> rows_;
    Key key_{};
    Value value_{};
    std::optional<error> failed_;  // the last step of a loop
    bool skips_ = false;           // that was a row which does not decode
    bool over_ = false;
};

// Of a loop: a result for each row.
template <class Key, class Value, class KeyCodec, class ValueCodec, class Engine>
class typed_cursor<Key, Value, KeyCodec, ValueCodec, Engine>::iterator {
public:
    explicit iterator(typed_cursor& over) noexcept : of_{&over} {}

    [[nodiscard]] result<row> operator*() const {
        if (of_->failed_) return *of_->failed_;
        return row{of_->key_, of_->value_};
    }
    iterator& operator++() {
        of_->step();
        return *this;
    }
    [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept { return of_->over_; }

private:
    typed_cursor* of_;
};

}  // namespace mantis
