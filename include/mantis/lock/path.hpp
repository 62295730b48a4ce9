// SPDX-License-Identifier: BSL-1.0
//
// What a lock is on: the whole store, a table, a key of a table, or a range of a table's keys.
//
// A path names a thing and all that is above it, so that the locks above can be taken first:
//
//   level 0   store
//   level 1   store / table 7
//   level 2   store / table 7 / key "alice"      one key, whether or not it exists
//   level 2   store / table 7 / ["a", "c")       all keys of a range, also those that do not exist
//                                                yet: against phantoms
//
// A path is a view: the bytes of its keys stay with the caller.
//
// Threads: like an int.
#pragma once

#include "../core/bytes.hpp"
#include "../core/ids.hpp"

#include <cstring>
#include <string_view>

namespace mantis {

enum class lock_level : std::uint8_t { store, table, key, range };

class lock_path {
public:
    // The whole store.
    constexpr lock_path() noexcept = default;
    [[nodiscard]] static constexpr lock_path store() noexcept { return {}; }
    [[nodiscard]] static constexpr lock_path table(table_id table) noexcept {
        return {lock_level::table, table, {}, {}};
    }
    [[nodiscard]] static constexpr lock_path key(table_id table, bytes_view key) noexcept {
        return {lock_level::key, table, key, {}};
    }
    // All keys that are not before `low` and before `high`; an empty `high` is no end.
    [[nodiscard]] static constexpr lock_path range(table_id table, bytes_view low,
                                                   bytes_view high) noexcept {
        return {lock_level::range, table, low, high};
    }

    [[nodiscard]] constexpr lock_level level() const noexcept { return level_; }
    // Of the table itself, or the one the keys are of; 0 for the store.
    [[nodiscard]] constexpr table_id table() const noexcept { return table_; }
    // The key, or the first of the range.
    [[nodiscard]] constexpr bytes_view low() const noexcept { return low_; }
    // The end of the range.
    [[nodiscard]] constexpr bytes_view high() const noexcept { return high_; }

    [[nodiscard]] constexpr bool has_parent() const noexcept { return level_ != lock_level::store; }
    //   Requires    has_parent()
    [[nodiscard]] constexpr lock_path parent() const noexcept {
        return level_ == lock_level::table ? store() : table(table_);
    }
    // Whether some key of that table can be in both: a key or a range against a range.
    [[nodiscard]] bool meets(const lock_path& range) const noexcept {
        if (!range.high_.empty() && low_ >= range.high_) return false;
        if (level_ == lock_level::key) return low_ >= range.low_;
        return high_.empty() || range.low_ < high_;
    }

    [[nodiscard]] std::uint64_t hash() const noexcept {
        const std::uint64_t seed =
            table_.value * 0x9e3779b97f4a7c15 + static_cast<unsigned>(level_);
        if (level_ < lock_level::key) return mixed(seed);
        const std::uint64_t first = mixed(seed + hash_of(low_));
        return level_ == lock_level::range ? mixed(first + hash_of(high_)) : first;
    }
    // For reports: "store", "table 7", "key 7/alice", "range 7/[a, c)"; bytes that are not
    // printable ASCII as \x1f, and of long keys the first 64.
    [[nodiscard]] bytes text() const {
        bytes text;
        append_text(text);
        return text;
    }
    void append_text(bytes& text) const {
        constexpr const char* levels[] = {"store", "table ", "key ", "range "};
        text.append(levels[static_cast<unsigned>(level_)]);
        if (level_ == lock_level::store) return;
        append_number(text, table_.value);
        if (level_ == lock_level::table) return;
        text.append(level_ == lock_level::key ? "/" : "/[");
        append_printable(text, low_);
        if (level_ == lock_level::key) return;
        text.append(", ");
        append_printable(text, high_);
        text.append(")");
    }

    [[nodiscard]] friend bool operator==(const lock_path& a, const lock_path& b) noexcept {
        return a.level_ == b.level_ && a.table_ == b.table_ && a.low_ == b.low_ &&
               a.high_ == b.high_;
    }

private:
    static constexpr std::size_t most_shown = 64;

    constexpr lock_path(lock_level level, table_id table, bytes_view low, bytes_view high) noexcept
        : level_{level}, table_{table}, low_{low}, high_{high} {}

    // Keys of up to 16 bytes, as most are, are two words that may overlap.
    [[nodiscard]] static std::uint64_t hash_of(bytes_view text) noexcept {
        const std::size_t size = text.size();
        if (size > 16) return std::hash<std::string_view>{}(text.as<std::string_view>());
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        if (size >= 8) {
            std::memcpy(&first, text.data(), 8);
            std::memcpy(&last, text.data() + size - 8, 8);
        } else if (size >= 4) {
            std::memcpy(&first, text.data(), 4);
            std::memcpy(&last, text.data() + size - 4, 4);
        } else if (size != 0) {
            std::memcpy(&first, text.data(), 1);
            std::memcpy(&last, text.data() + size / 2, size - size / 2);
        }
        return (first * 0x9e3779b97f4a7c15 ^ (first >> 29)) + last + size;
    }
    [[nodiscard]] static constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
        value = (value ^ (value >> 32)) * 0xd6e8feb86659fd93;
        value = (value ^ (value >> 32)) * 0xd6e8feb86659fd93;
        return value ^ (value >> 32);
    }
    static void append_number(bytes& text, std::uint64_t number) {
        char digits[20];
        std::size_t at = sizeof digits;
        do digits[--at] = static_cast<char>('0' + number % 10);
        while ((number /= 10) != 0);
        text.append({digits + at, sizeof digits - at});
    }
    static void append_printable(bytes& text, bytes_view key) {
        constexpr const char* digits = "0123456789abcdef";
        for (std::size_t i = 0; i < key.size() && i < most_shown; ++i) {
            const unsigned value = std::to_integer<unsigned>(key[i]);
            if (value >= 0x20 && value < 0x7f && value != '\\') {
                text.push_back(static_cast<char>(value));
                continue;
            }
            const char escaped[] = {'\\', 'x', digits[value >> 4], digits[value & 15]};
            text.append({escaped, sizeof escaped});
        }
        if (key.size() > most_shown) text.append("...");
    }

    lock_level level_ = lock_level::store;
    table_id table_;
    bytes_view low_;
    bytes_view high_;
};

}  // namespace mantis
