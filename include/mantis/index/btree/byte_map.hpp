// SPDX-License-Identifier: BSL-1.0
//
// A sorted map from bytes to bytes in memory, as a B+tree: the container under the B+tree index,
// useful alone.
//
// Invariants (verify() in verify.hpp checks them):
//   1. keys ascend within a leaf and along the links of the leaves; no key is there twice
//   2. a separator is greater than every key to its left and not greater than any to its right
//   3. all leaves are at the same depth
//   4. every node but the root holds at least node_fill::least, except on the right edge, where
//      splits of a growing end leave a full node behind and start a nearly empty one (at least one
//      entry, or two children)
//   5. heads are what key_heads.hpp says
//   6. count() and memory_bytes() are what a walk over all nodes adds up
//
// Complexity: put, erase and find are O(log n); nothing recurses except over the height, which is
// below max_height.
//
// Threads: like an int: any number of readers, or one writer. The index in btree.hpp adds the
// latch.
#pragma once

#include "node.hpp"

namespace mantis {

// How wide the nodes are. Any type with these two members does; from 32 to 256 little changes at a
// million entries.
struct btree_config {
    static constexpr std::size_t leaf_entries = 64;
    static constexpr std::size_t inner_children = 64;
};

template <class Config = btree_config>
class byte_map {
public:
    using leaf_type = detail::leaf_node<Config::leaf_entries>;
    using inner_type = detail::inner_node<Config::inner_children>;
    // Each level at least doubles the entries, so this is never reached.
    static constexpr std::size_t max_height = 64;

    byte_map() noexcept = default;
    byte_map(const byte_map&) = delete;
    byte_map& operator=(const byte_map&) = delete;
    byte_map(byte_map&& other) noexcept { swap(other); }
    byte_map& operator=(byte_map&& other) noexcept {
        byte_map taken{std::move(other)};
        swap(taken);
        return *this;
    }
    ~byte_map() { clear(); }

    void swap(byte_map& other) noexcept {
        std::swap(root_, other.root_);
        std::swap(count_, other.count_);
        std::swap(memory_bytes_, other.memory_bytes_);
    }

    // The entry of `key` is now `value`, written at `version`.
    //   Requires    key and value below 4 GiB each
    void put(bytes_view key, bytes_view value, lsn version) {
        if (root_ == nullptr) root_ = make_leaf();
        path way;
        leaf_type& leaf = descend(key, way);
        const detail::key_position place = leaf.search(key);
        if (place.found) return replace(leaf.entries[place.at], value, version);
        detail::record* const entry = detail::record::make(key, value, version);
        memory_bytes_ += entry->memory_bytes();
        ++count_;
        if (leaf.count < leaf_type::capacity) return leaf.insert(place.at, entry);
        insert_splitting(leaf, place.at, entry, way);
    }

    //   Returns     false when there was no such entry
    bool erase(bytes_view key) noexcept {
        if (root_ == nullptr) return false;
        path way;
        leaf_type& leaf = descend(key, way);
        const detail::key_position place = leaf.search(key);
        if (!place.found) return false;
        drop(leaf.entries[place.at]);
        leaf.erase(place.at);
        --count_;
        refill(way);
        return true;
    }

    // Calls f(value, version) when there is an entry.
    //   Returns     whether there was
    template <class F>
    bool find(bytes_view key, F f) const {
        const leaf_type* const leaf = leaf_of(key);
        if (leaf == nullptr) return false;
        const detail::key_position place = leaf->search(key);
        if (!place.found) return false;
        const detail::record& entry = *leaf->entries[place.at];
        f(entry.value(), entry.version());
        return true;
    }

    // Calls f(key, value, version) for each entry with a key >= from, ascending, until f returns
    // false.
    template <class F>
    void scan(bytes_view from, F f) const {
        const leaf_type* leaf = leaf_of(from);
        if (leaf == nullptr) return;
        for (std::size_t at = leaf->search(from).at; leaf != nullptr; leaf = leaf->next, at = 0) {
            for (; at < leaf->count; ++at) {
                // Entries are anywhere in memory: fetch some before their turn.
                constexpr std::size_t ahead = leaf_type::capacity > 8 ? 8 : 1;
                if (at + ahead < leaf->count) __builtin_prefetch(leaf->entries[at + ahead]);
                const detail::record& entry = *leaf->entries[at];
                if (!f(entry.key(), entry.value(), entry.version())) return;
            }
        }
    }

    //   Requires    from <= to; an empty `to` has no end
    //   Returns     how many entries there are with from <= key < to
    //   Complexity  of the leaves between
    [[nodiscard]] std::size_t count_between(bytes_view from, bytes_view to) const {
        const leaf_type* leaf = leaf_of(from);
        if (leaf == nullptr) return 0;
        const leaf_type* const end = to.empty() ? nullptr : leaf_of(to);
        std::size_t before = leaf->search(from).at;
        std::size_t count = 0;
        for (; leaf != end; leaf = leaf->next) count += leaf->count;
        if (end != nullptr) count += end->search(to).at;
        return count - before;
    }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    //   Returns     memory held by entries, nodes and separators, as the system's allocator rounds
    //               them
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return memory_bytes_; }
    [[nodiscard]] std::size_t height() const noexcept {
        return root_ == nullptr ? 0 : root_->level + std::size_t{1};
    }
    // The top node, for verify(); nullptr when empty.
    [[nodiscard]] const detail::node* root() const noexcept { return root_; }

    void clear() noexcept {
        if (root_ != nullptr) destroy(root_);
        root_ = nullptr;
        count_ = 0;
        memory_bytes_ = 0;
    }

    // What one node takes, without its entries or separators.
    static constexpr std::size_t leaf_bytes = detail::allocated_bytes(sizeof(leaf_type));
    static constexpr std::size_t inner_bytes = detail::allocated_bytes(sizeof(inner_type));

private:
    using node = detail::node;

    // The inner nodes from the root to a leaf, and which child was taken in each.
    struct path {
        struct step {
            inner_type* at;
            std::size_t child;
        };
        step steps[max_height];
        std::size_t size = 0;
    };

    [[nodiscard]] static inner_type& inner(node* at) noexcept {
        return *static_cast<inner_type*>(at);
    }
    [[nodiscard]] static leaf_type& leaf(node* at) noexcept { return *static_cast<leaf_type*>(at); }

    leaf_type& descend(bytes_view key, path& way) noexcept {
        node* at = root_;
        while (at->level != 0) {
            const std::size_t child = inner(at).child_of(key);
            way.steps[way.size++] = {&inner(at), child};
            at = inner(at).children[child];
        }
        return leaf(at);
    }
    [[nodiscard]] const leaf_type* leaf_of(bytes_view key) const noexcept {
        node* at = root_;
        if (at == nullptr) return nullptr;
        while (at->level != 0) at = inner(at).children[inner(at).child_of(key)];
        return &leaf(at);
    }

    void replace(detail::record*& entry, bytes_view value, lsn version) {
        if (entry->value().size() == value.size()) return entry->overwrite(value, version);
        detail::record* const next = detail::record::make(entry->key(), value, version);
        memory_bytes_ += next->memory_bytes();
        drop(entry);
        entry = next;
    }

    // --- growing ---

    void insert_splitting(leaf_type& full, std::size_t at, detail::record* entry, path& way) {
        leaf_type& right = *make_leaf();
        const bool growing_end = full.next == nullptr && at == full.count;
        const std::size_t keep = growing_end ? leaf_type::capacity : leaf_type::capacity / 2;
        full.split(keep, right);
        if (at <= keep && !growing_end) full.insert(at, entry);
        else right.insert(at - keep, entry);
        bytes separator = detail::shortest_separator(full.entries[full.count - 1]->key(),
                                                     right.entries[0]->key());
        memory_bytes_ += detail::allocated_bytes(separator.capacity());
        insert_child(way, std::move(separator), &right, growing_end);
    }

    // Puts `right` behind the child that the last step of `way` took; splits upwards as far as
    // nodes are full.
    void insert_child(path& way, bytes separator, node* right, bool growing_end) {
        while (way.size != 0) {
            auto [parent, child] = way.steps[--way.size];
            if (parent->count < inner_type::capacity)
                return parent->insert(child, std::move(separator), right);
            inner_type& sibling = *make_inner(parent->level);
            const std::size_t keep =
                growing_end ? inner_type::capacity - 1 : inner_type::capacity / 2;
            bytes upper = parent->split(keep, sibling);
            if (child < keep) parent->insert(child, std::move(separator), right);
            else sibling.insert(child - keep, std::move(separator), right);
            separator = std::move(upper);
            right = &sibling;
        }
        inner_type& top = *make_inner(root_->level + std::size_t{1});
        top.add_first(root_);
        top.insert(0, std::move(separator), right);
        root_ = &top;
    }

    // --- shrinking ---

    // Fills or merges the nodes on `way`, from the leaf up, as far as they hold too little.
    void refill(path& way) noexcept {
        bool low = true;
        for (bool leaves = true; way.size != 0 && low; leaves = false) {
            auto [parent, child] = way.steps[--way.size];
            low = leaves ? refill_child<leaf_type>(*parent, child)
                         : refill_child<inner_type>(*parent, child);
        }
        if (low) shrink_root();
    }

    //   Returns     whether `parent` lost a child
    template <class Node>
    bool refill_child(inner_type& parent, std::size_t child) noexcept {
        if (parent.children[child]->count >= Node::fill::least) return false;
        const std::size_t at = child == 0 ? 0 : child - 1;
        Node& left = *static_cast<Node*>(parent.children[at]);
        Node& right = *static_cast<Node*>(parent.children[at + 1]);
        if (std::size_t{left.count} + right.count > Node::fill::merged_at_most) {
            balance(parent, at, left, right);
            return false;
        }
        merge(parent.erase(at), left, right);
        return true;
    }

    void merge(bytes separator, leaf_type& left, leaf_type& right) noexcept {
        left.merge(right);
        memory_bytes_ -= leaf_bytes + detail::allocated_bytes(separator.capacity());
        delete &right;
    }
    void merge(bytes separator, inner_type& left, inner_type& right) noexcept {
        left.merge(std::move(separator), right);
        memory_bytes_ -= inner_bytes;
        delete &right;
    }
    void balance(inner_type& parent, std::size_t at, leaf_type& left, leaf_type& right) {
        left.balance(right);
        bytes separator = detail::shortest_separator(left.entries[left.count - 1]->key(),
                                                     right.entries[0]->key());
        memory_bytes_ += detail::allocated_bytes(separator.capacity());
        separator = parent.replace_separator(at, std::move(separator));
        memory_bytes_ -= detail::allocated_bytes(separator.capacity());
    }
    void balance(inner_type& parent, std::size_t at, inner_type& left, inner_type& right) noexcept {
        parent.separators[at] = left.balance(std::move(parent.separators[at]), right);
        parent.heads.rebuild(parent.separator_count(), parent.keys());
    }

    void shrink_root() noexcept {
        if (root_->level == 0) {
            if (root_->count == 0) clear();
            return;
        }
        if (root_->count > 1) return;
        inner_type& top = inner(root_);
        root_ = top.children[0];
        memory_bytes_ -= inner_bytes;
        delete &top;
    }

    // --- memory ---

    [[nodiscard]] leaf_type* make_leaf() {
        memory_bytes_ += leaf_bytes;
        return new leaf_type;
    }
    [[nodiscard]] inner_type* make_inner(std::size_t level) {
        memory_bytes_ += inner_bytes;
        return new inner_type{level};
    }
    void drop(detail::record* entry) noexcept {
        memory_bytes_ -= entry->memory_bytes();
        detail::record::destroy(entry);
    }
    // Recurses over the height.
    static void destroy(node* at) noexcept {
        if (at->level == 0) {
            for (std::size_t i = 0; i < at->count; ++i)
                detail::record::destroy(leaf(at).entries[i]);
            delete &leaf(at);
            return;
        }
        for (std::size_t i = 0; i < at->count; ++i) destroy(inner(at).children[i]);
        delete &inner(at);
    }

    node* root_ = nullptr;
    std::size_t count_ = 0;
    std::size_t memory_bytes_ = 0;
};

}  // namespace mantis
