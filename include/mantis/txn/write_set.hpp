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

// Not intrusive/set.hpp, which brings the streams: it costs three times as much to include.
#include <boost/intrusive/rbtree_algorithms.hpp>

namespace mantis {

namespace detail {

// A place in a red-black tree, and what its algorithms ask of one.
struct tree_link {
    tree_link* parent = nullptr;
    tree_link* left = nullptr;
    tree_link* right = nullptr;
    bool is_red = false;
};

struct tree_links {
    using node = tree_link;
    using node_ptr = tree_link*;
    using const_node_ptr = const tree_link*;
    using color = bool;

    static node_ptr get_parent(const_node_ptr of) noexcept { return of->parent; }
    static node_ptr get_left(const_node_ptr of) noexcept { return of->left; }
    static node_ptr get_right(const_node_ptr of) noexcept { return of->right; }
    static color get_color(const_node_ptr of) noexcept { return of->is_red; }
    static void set_parent(node_ptr of, node_ptr to) noexcept { of->parent = to; }
    static void set_left(node_ptr of, node_ptr to) noexcept { of->left = to; }
    static void set_right(node_ptr of, node_ptr to) noexcept { of->right = to; }
    static void set_color(node_ptr of, color to) noexcept { of->is_red = to; }
    static color black() noexcept { return false; }
    static color red() noexcept { return true; }
};

}  // namespace detail

// What a transaction does to one key. Its views last as long as it is in the write set, the value
// until the key is written again.
struct change : private detail::tree_link {
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
    using algorithms = boost::intrusive::rbtree_algorithms<detail::tree_links>;

public:
    class iterator {
    public:
        explicit iterator(const detail::tree_link* at) noexcept : at_{at} {}

        const change& operator*() const noexcept { return static_cast<const change&>(*at_); }
        const change* operator->() const noexcept { return &**this; }
        iterator& operator++() noexcept {
            at_ = algorithms::next_node(const_cast<detail::tree_link*>(at_));
            return *this;
        }
        friend bool operator==(const iterator&, const iterator&) noexcept = default;

    private:
        const detail::tree_link* at_;
    };

    write_set() noexcept { algorithms::init_header(&ends_); }
    write_set(write_set&& other) noexcept { *this = std::move(other); }
    write_set& operator=(write_set&& other) noexcept {
        clear();
        algorithms::swap_tree(&ends_, &other.ends_);
        std::swap(count_, other.count_);
        held_.swap(other.held_);
        std::swap(payload_bytes_, other.payload_bytes_);
        return *this;
    }

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
        algorithms::init_header(&ends_);
        count_ = 0;
        held_.clear();
        payload_bytes_ = 0;
    }

    //   Returns     what this transaction did to the key, or nullptr
    [[nodiscard]] const change* find(table_id table, bytes_view key) const {
        const place wanted{table, key};
        if (behind_all(wanted)) return nullptr;
        const auto found = lower_bound(table, key);
        return found == end() || before{}(wanted, *found) ? nullptr : &*found;
    }

    [[nodiscard]] iterator begin() const noexcept {
        return iterator{algorithms::begin_node(&ends_)};
    }
    [[nodiscard]] iterator end() const noexcept { return iterator{&ends_}; }
    //   Returns     the first change of the table at or after `from`, else of a later table, else
    //               end()
    [[nodiscard]] iterator lower_bound(table_id table, bytes_view from) const {
        const auto is_before = [](const detail::tree_link* at, const place& wanted) {
            return before{}(static_cast<const change&>(*at), wanted);
        };
        return iterator{algorithms::lower_bound(&ends_, place{table, from}, is_before)};
    }

    [[nodiscard]] bool any_puts() const noexcept {
        for (const change& made : *this)
            if (!made.erases) return true;
        return false;
    }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
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

    // Keys often come in order, and one comparison then does for a search.
    [[nodiscard]] bool behind_all(const place& wanted) const noexcept {
        return empty() || before{}(static_cast<const change&>(*ends_.right), wanted);
    }

    // The change of that key, made now if there is none.
    change& change_of(table_id table, bytes_view key) {
        const place wanted{table, key};
        const auto at = behind_all(wanted) ? end() : lower_bound(table, key);
        if (at != end() && !before{}(wanted, *at)) return const_cast<change&>(*at);
        change& made = *::new (held_.allocate(sizeof(change))) change;
        made.table = table;
        made.key = held_.copy(key);
        payload_bytes_ += key.size();
        algorithms::insert_before(&ends_, at == end() ? &ends_ : &const_cast<change&>(*at), &made);
        ++count_;
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
    detail::tree_link ends_;  // the first change, the last, and the highest of the tree
    std::size_t count_ = 0;
    std::size_t payload_bytes_ = 0;
};

}  // namespace mantis
