// SPDX-License-Identifier: BSL-1.0
//
// A sorted map of typed keys in memory, as a B+tree: the manners of std::map, in a fraction of its
// memory and time.
//
//   mantis::btree_map<std::uint64_t, order> orders;
//   orders.try_emplace(17, "alice", 90);
//   for (auto& [number, each] : orders) ...
//
// Entries lie side by side in leaves of about `Config::leaf_bytes`, linked to both sides; what is
// above them is small and stays in the processor's caches. Keys that are bytes (std::string,
// mantis::bytes) in their usual order are told apart there by eight of their bytes, mostly without
// a look at a key.
//
// Unlike std::map, every change but to a value makes all iterators and references invalid; keys can
// be copied; and nothing throws, so key, value and order must not either.
//
// Invariants (verify() checks them):
//   1. keys ascend within a leaf and along the links of the leaves; no key is there twice
//   2. a separator is greater than every key to its left and not greater than any to its right
//   3. all leaves are at the same depth; every node but the root holds at least node_fill::least,
//      except on the right edge, where a growing end leaves full nodes behind
//
// Complexity: what finds, inserts or erases one entry is O(log n); size() is O(1).
//
// Threads: like an int: any number of readers, or one writer.
#pragma once

#include "detail/map_iterator.hpp"
#include "detail/map_tree.hpp"

#include "../../core/check.hpp"

#include <initializer_list>

namespace mantis {

// How wide the nodes are.
struct btree_map_config {
    // Larger: less memory, slower inserts.
    static constexpr std::size_t leaf_bytes = 512;
    // Of large entries; with fewer, what is above the leaves takes as much memory as they do.
    static constexpr std::size_t least_leaf_entries = 24;
    static constexpr std::size_t inner_children = 64;
};

template <class Key, class Value, class Compare = less, class Config = btree_map_config>
class btree_map {
    using tree = detail::map_tree<Key, Value, Compare, Config>;
    using place = typename tree::place;
    using leaf_type = typename tree::leaf_type;

public:
    using key_type = Key;
    using mapped_type = Value;
    using value_type = std::pair<const Key, Value>;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using key_compare = Compare;
    using reference = value_type&;
    using const_reference = const value_type&;
    using iterator = detail::map_iterator<leaf_type, false>;
    using const_iterator = detail::map_iterator<leaf_type, true>;
    using reverse_iterator = std::reverse_iterator<iterator>;
    using const_reverse_iterator = std::reverse_iterator<const_iterator>;

    btree_map() noexcept = default;
    explicit btree_map(const Compare& order) noexcept : tree_{order} {}
    btree_map(std::initializer_list<value_type> entries, const Compare& order = {})
        : btree_map(entries.begin(), entries.end(), order) {}
    template <std::input_iterator Input>
    btree_map(Input from, Input to, const Compare& order = {}) : tree_{order} {
        insert(from, to);
    }
    btree_map(const btree_map& other) : tree_{other.key_comp()} {
        insert(other.begin(), other.end());
    }
    btree_map(btree_map&& other) noexcept : tree_{other.key_comp()} { swap(other); }
    btree_map& operator=(btree_map other) noexcept {
        swap(other);
        return *this;
    }

    void swap(btree_map& other) noexcept { tree_.swap(other.tree_); }
    friend void swap(btree_map& a, btree_map& b) noexcept { a.swap(b); }

    // --- looking ---

    [[nodiscard]] iterator begin() noexcept { return at_place(tree_.begin()); }
    [[nodiscard]] const_iterator begin() const noexcept { return at_place(tree_.begin()); }
    [[nodiscard]] const_iterator cbegin() const noexcept { return begin(); }
    [[nodiscard]] iterator end() noexcept { return at_place(tree_.end()); }
    [[nodiscard]] const_iterator end() const noexcept { return at_place(tree_.end()); }
    [[nodiscard]] const_iterator cend() const noexcept { return end(); }
    [[nodiscard]] reverse_iterator rbegin() noexcept { return reverse_iterator{end()}; }
    [[nodiscard]] const_reverse_iterator rbegin() const noexcept {
        return const_reverse_iterator{end()};
    }
    [[nodiscard]] reverse_iterator rend() noexcept { return reverse_iterator{begin()}; }
    [[nodiscard]] const_reverse_iterator rend() const noexcept {
        return const_reverse_iterator{begin()};
    }

    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] size_type size() const noexcept { return tree_.size(); }
    [[nodiscard]] key_compare key_comp() const { return tree_.order(); }
    //   Returns     memory held by the nodes, as the system's allocator rounds it; not what keys
    //               and values hold themselves
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return tree_.memory_bytes(); }

    // Keys of another type are looked for as they are, where the order compares them with Key.
    template <class K = Key>
    [[nodiscard]] iterator find(const K& key) {
        return at_place(tree_.find(key));
    }
    template <class K = Key>
    [[nodiscard]] const_iterator find(const K& key) const {
        return at_place(tree_.find(key));
    }
    template <class K = Key>
    [[nodiscard]] bool contains(const K& key) const {
        return find(key) != end();
    }
    template <class K = Key>
    [[nodiscard]] size_type count(const K& key) const {
        return contains(key) ? 1 : 0;
    }
    // The first entry whose key is not less.
    template <class K = Key>
    [[nodiscard]] iterator lower_bound(const K& key) {
        return at_place(tree_.first_not_less(key));
    }
    template <class K = Key>
    [[nodiscard]] const_iterator lower_bound(const K& key) const {
        return at_place(tree_.first_not_less(key));
    }
    // The first entry whose key is greater.
    template <class K = Key>
    [[nodiscard]] iterator upper_bound(const K& key) {
        return behind(lower_bound(key), key);
    }
    template <class K = Key>
    [[nodiscard]] const_iterator upper_bound(const K& key) const {
        return behind(lower_bound(key), key);
    }
    template <class K = Key>
    [[nodiscard]] std::pair<iterator, iterator> equal_range(const K& key) {
        const iterator from = lower_bound(key);
        return {from, behind(from, key)};
    }
    template <class K = Key>
    [[nodiscard]] std::pair<const_iterator, const_iterator> equal_range(const K& key) const {
        const const_iterator from = lower_bound(key);
        return {from, behind(from, key)};
    }

    //   Requires    the key is there
    template <class K = Key>
    [[nodiscard]] Value& at(const K& key) {
        const iterator found = find(key);
        check(found != end(), "btree_map::at: the key is not there");
        return found->second;
    }
    template <class K = Key>
    [[nodiscard]] const Value& at(const K& key) const {
        const const_iterator found = find(key);
        check(found != end(), "btree_map::at: the key is not there");
        return found->second;
    }

    // --- changing ---

    //   Returns     the entry of the key, and whether it was made now: if it was there, it stays as
    //               it is, and the arguments are not touched
    template <class K, class... Args>
    std::pair<iterator, bool> try_emplace(K&& key, Args&&... args) {
        const auto done = tree_.emplace(std::forward<K>(key), std::forward<Args>(args)...);
        return {at_place(done.first), done.second};
    }
    template <class... Args>
    std::pair<iterator, bool> emplace(Args&&... args) {
        std::pair<Key, Value> made(std::forward<Args>(args)...);
        return try_emplace(std::move(made.first), std::move(made.second));
    }
    std::pair<iterator, bool> insert(const value_type& entry) {
        return try_emplace(entry.first, entry.second);
    }
    std::pair<iterator, bool> insert(value_type&& entry) {
        return try_emplace(entry.first, std::move(entry.second));
    }
    // Fast where the keys come in order and behind those that are there: O(1) for each then.
    template <std::input_iterator Input>
    void insert(Input from, Input to) {
        for (; from != to; ++from) {
            if (tree_.goes_last(from->first))
                (void)tree_.append({Key(from->first), Value(from->second)});
            else (void)try_emplace(from->first, from->second);
        }
    }
    template <class K, class V>
    std::pair<iterator, bool> insert_or_assign(K&& key, V&& value) {
        const auto done = try_emplace(std::forward<K>(key), std::forward<V>(value));
        if (!done.second) done.first->second = std::forward<V>(value);
        return done;
    }
    template <class K>
    Value& operator[](K&& key) {
        return try_emplace(std::forward<K>(key)).first->second;
    }

    //   Returns     how many there were: 1 or 0
    template <class K = Key>
    requires(!std::convertible_to<K, const_iterator>) size_type erase(const K& key) {
        return tree_.erase(key) ? 1 : 0;
    }
    //   Requires    an entry of this map
    //   Returns     the entry behind it
    iterator erase(const_iterator gone) {
        return at_place(tree_.erase(place{gone.leaf(), gone.at()}));
    }
    iterator erase(const_iterator from, const_iterator to) {
        size_type left = 0;
        for (const_iterator each = from; each != to; ++each) ++left;
        if (left == size()) clear();
        if (empty()) return end();
        iterator at = at_place(place{from.leaf(), from.at()});
        for (; left > 0; --left) at = erase(at);
        return at;
    }
    void clear() noexcept { tree_.clear(); }

    friend bool operator==(const btree_map& a, const btree_map& b) {
        if (a.size() != b.size()) return false;
        const_iterator other = b.begin();
        for (const auto& each : a)
            if (!(each == *other++)) return false;
        return true;
    }

    // For tests and debugging: looks at every node.
    //   Errors      corrupt, with the first invariant that does not hold as its text
    [[nodiscard]] result<void> verify() const { return tree_.verify(); }

private:
    static detail::map_iterator<leaf_type, false> at_place(place found) noexcept {
        return {found.leaf, found.at};
    }
    template <class Iterator, class K>
    Iterator behind(Iterator from, const K& key) const {
        if (from != end() && !tree_.order()(key, from->first)) ++from;
        return from;
    }

    tree tree_;
};

}  // namespace mantis
