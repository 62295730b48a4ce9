// SPDX-License-Identifier: BSL-1.0
//
// The writes of a transaction that nobody else sees yet: sorted by table and key, the last write of
// a key counts.
//
// Each change lies with its key and value in an arena: a large transaction costs a few allocations,
// and a key written again and again at most four times the room of its largest value.
//
// Threads: one.
#pragma once

#include "../core/arena.hpp"
#include "../core/ids.hpp"

#include <boost/intrusive/set.hpp>

namespace mantis {

// What a transaction does to one key. Its views last as long as it is in the write set, the value
// until the key is written again.
struct change
    : boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                      boost::intrusive::optimize_size<true>> {
    table_id table;
    bytes_view key;
    bytes_view value;
    bool erases = false;

private:
    friend class write_set;
    std::byte* room = nullptr;  // where the value lies
    std::size_t room_bytes = 0;
};

class write_set {
public:
    write_set() noexcept = default;
    write_set(write_set&& other) noexcept { *this = std::move(other); }
    write_set& operator=(write_set&& other) noexcept {
        clear();
        changes_.swap(other.changes_);
        held_.swap(other.held_);
        std::swap(payload_bytes_, other.payload_bytes_);
        return *this;
    }
    ~write_set() { clear(); }

    void put(table_id table, bytes_view key, bytes_view value) {
        change& made = change_of(table, key);
        made.erases = false;
        payload_bytes_ += value.size();
        payload_bytes_ -= made.value.size();
        assign(made, value);
    }
    void erase(table_id table, bytes_view key) {
        change& made = change_of(table, key);
        made.erases = true;
        payload_bytes_ -= made.value.size();
        made.value = {};
    }
    void clear() noexcept {
        changes_.clear();
        held_.clear();
        payload_bytes_ = 0;
    }

    //   Returns     what this transaction did to the key, or nullptr
    [[nodiscard]] const change* find(table_id table, bytes_view key) const {
        const place wanted{table, key};
        if (behind_all(wanted)) return nullptr;
        const auto found = changes_.find(wanted, before{});
        return found == changes_.end() ? nullptr : &*found;
    }

    [[nodiscard]] auto begin() const noexcept { return changes_.begin(); }
    [[nodiscard]] auto end() const noexcept { return changes_.end(); }
    //   Returns     the first change of the table at or after `from`, else of a later table, else
    //               end()
    [[nodiscard]] auto lower_bound(table_id table, bytes_view from) const {
        return changes_.lower_bound(place{table, from}, before{});
    }

    [[nodiscard]] bool any_puts() const noexcept {
        for (const change& made : changes_)
            if (!made.erases) return true;
        return false;
    }
    [[nodiscard]] bool empty() const noexcept { return changes_.empty(); }
    [[nodiscard]] std::size_t count() const noexcept { return changes_.size(); }
    // Keys and values held, in bytes.
    [[nodiscard]] std::size_t payload_bytes() const noexcept { return payload_bytes_; }

private:
    struct place {
        table_id table;
        bytes_view key;
    };
    struct before {
        template <class A, class B>
        bool operator()(const A& a, const B& b) const noexcept {
            return a.table == b.table ? a.key < b.key : (a.table <=> b.table) < 0;
        }
    };
    using ordered = boost::intrusive::set<change, boost::intrusive::compare<before>>;

    // Keys often come in order, and one comparison then does for a search.
    [[nodiscard]] bool behind_all(const place& wanted) const noexcept {
        return changes_.empty() || before{}(*changes_.rbegin(), wanted);
    }

    // The change of that key, made now if there is none.
    change& change_of(table_id table, bytes_view key) {
        const place wanted{table, key};
        const auto at =
            behind_all(wanted) ? changes_.end() : changes_.lower_bound(wanted, before{});
        if (at != changes_.end() && !before{}(wanted, *at)) return *at;
        change& made = *::new (held_.allocate(sizeof(change))) change;
        made.table = table;
        made.key = held_.copy(key);
        payload_bytes_ += key.size();
        changes_.insert_before(at, made);
        return made;
    }

    void assign(change& made, bytes_view value) {
        if (value.size() > made.room_bytes) {
            const std::size_t doubled = made.room_bytes * 2;
            made.room_bytes = doubled > value.size() ? doubled : value.size();
            made.room = static_cast<std::byte*>(held_.allocate(made.room_bytes));
        }
        // memmove: the new value may be a view of the old one.
        if (!value.empty()) std::memmove(made.room, value.data(), value.size());
        made.value = {made.room, value.size()};
    }

    arena held_;
    ordered changes_;
    std::size_t payload_bytes_ = 0;
};

}  // namespace mantis
