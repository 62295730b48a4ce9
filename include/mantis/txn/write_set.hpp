// SPDX-License-Identifier: BSL-1.0
//
// The writes of a transaction that nobody else sees yet: sorted by table and key, the last write of
// a key counts.
//
// Threads: one.
#pragma once

#include "../core/bytes.hpp"
#include "../core/ids.hpp"

#include <map>

namespace mantis {

class write_set {
public:
    struct key_type {
        table_id table;
        bytes key;
    };
    struct key_view {
        table_id table;
        bytes_view key;
    };
    struct change {
        bytes value;
        bool erases = false;
    };

    void put(table_id table, bytes_view key, bytes_view value) {
        set(table, key, change{bytes{value}, false});
    }
    void erase(table_id table, bytes_view key) { set(table, key, change{{}, true}); }
    void clear() noexcept {
        changes_.clear();
        payload_bytes_ = 0;
    }

    //   Returns     what this transaction did to the key, or nullptr
    [[nodiscard]] const change* find(table_id table, bytes_view key) const {
        const auto found = changes_.find(key_view{table, key});
        return found == changes_.end() ? nullptr : &found->second;
    }

    [[nodiscard]] auto begin() const noexcept { return changes_.begin(); }
    [[nodiscard]] auto end() const noexcept { return changes_.end(); }
    //   Returns     the first change of the table at or after `from`, else of a later table, else
    //               end()
    [[nodiscard]] auto lower_bound(table_id table, bytes_view from) const {
        return changes_.lower_bound(key_view{table, from});
    }

    [[nodiscard]] bool any_puts() const noexcept {
        for (const auto& [at, made] : changes_)
            if (!made.erases) return true;
        return false;
    }
    [[nodiscard]] bool empty() const noexcept { return changes_.empty(); }
    [[nodiscard]] std::size_t count() const noexcept { return changes_.size(); }
    // Keys and values held, in bytes.
    [[nodiscard]] std::size_t payload_bytes() const noexcept { return payload_bytes_; }

private:
    struct before {
        using is_transparent = void;
        static bool less(table_id table_a, bytes_view key_a, table_id table_b,
                         bytes_view key_b) noexcept {
            return table_a != table_b ? table_a < table_b : key_a < key_b;
        }
        bool operator()(const key_type& a, const key_type& b) const noexcept {
            return less(a.table, a.key, b.table, b.key);
        }
        bool operator()(const key_type& a, const key_view& b) const noexcept {
            return less(a.table, a.key, b.table, b.key);
        }
        bool operator()(const key_view& a, const key_type& b) const noexcept {
            return less(a.table, a.key, b.table, b.key);
        }
    };

    void set(table_id table, bytes_view key, change made) {
        const auto at = changes_.lower_bound(key_view{table, key});
        if (at != changes_.end() && at->first.table == table && at->first.key.view() == key) {
            payload_bytes_ += made.value.size();
            payload_bytes_ -= at->second.value.size();
            at->second = std::move(made);
            return;
        }
        payload_bytes_ += key.size() + made.value.size();
        changes_.emplace_hint(at, key_type{table, bytes{key}}, std::move(made));
    }

    std::map<key_type, change, before> changes_;
    std::size_t payload_bytes_ = 0;
};

}  // namespace mantis
