// SPDX-License-Identifier: BSL-1.0
//
// The tree under a btree_map: places instead of iterators. Its invariants are listed there.
//
// A full leaf gives entries to a neighbour that has room before it is split, so leaves of keys in
// no order are four fifths full.
#pragma once

#include "map_inner.hpp"
#include "map_leaf.hpp"

#include "../../../core/bytes.hpp"
#include "../../../core/result.hpp"

#include <tuple>

namespace mantis {

// The order of operator<, of keys and of whatever can be compared with them.
struct less {
    using is_transparent = void;
    template <class A, class B>
    constexpr bool operator()(const A& a, const B& b) const noexcept {
        return a < b;
    }
};

}  // namespace mantis

namespace mantis::detail {

// Such keys are told apart by bytes: node.hpp.
template <class Key, class Compare>
concept compared_as_bytes = std::same_as<Compare, less> && byte_range<Key>;

template <class Key, class Value, class Compare, class Config>
class map_tree {
    static constexpr bool by_bytes = compared_as_bytes<Key, Compare>;
    static constexpr std::size_t fitting = Config::leaf_bytes / sizeof(map_slot<Key, Value>);
    static constexpr std::size_t leaf_entries =
        fitting < Config::least_leaf_entries ? Config::least_leaf_entries : fitting;

public:
    using leaf_type = map_leaf<Key, Value, leaf_entries>;
    using inner_type = std::conditional_t<by_bytes, inner_node<Config::inner_children>,
                                          map_inner<Key, Config::inner_children>>;
    using separator = std::conditional_t<by_bytes, bytes, Key>;
    // Each level at least doubles the entries, so this is never reached.
    static constexpr std::size_t max_height = 64;

    struct place {
        leaf_type* leaf;
        std::size_t at;
    };
    // The inner nodes from the root to a leaf, and which child was taken in each.
    struct path {
        struct step {
            inner_type* at;
            std::size_t child;
        };
        step steps[max_height];
        std::size_t size = 0;
    };

    map_tree() noexcept = default;
    explicit map_tree(const Compare& order) noexcept : less_{order} {}
    map_tree(const map_tree&) = delete;
    map_tree& operator=(const map_tree&) = delete;
    ~map_tree() { clear(); }

    void swap(map_tree& other) noexcept {
        std::swap(root_, other.root_);
        std::swap(first_, other.first_);
        std::swap(last_, other.last_);
        std::swap(size_, other.size_);
        std::swap(memory_bytes_, other.memory_bytes_);
        std::swap(less_, other.less_);
    }

    [[nodiscard]] const Compare& order() const noexcept { return less_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return memory_bytes_; }
    [[nodiscard]] place begin() const noexcept { return {first_, 0}; }
    [[nodiscard]] place end() const noexcept {
        return {last_, last_ == nullptr ? std::size_t{0} : last_->count};
    }

    //   Returns     the entry of that key, or end()
    template <class K>
    [[nodiscard]] place find(const K& key) const {
        if (root_ == nullptr) return end();
        leaf_type& in = leaf_of(key);
        const std::size_t at = in.first_not_less(key, less_);
        return is_at(in, at, key) ? place{&in, at} : end();
    }
    template <class K>
    [[nodiscard]] place first_not_less(const K& key) const {
        if (root_ == nullptr) return end();
        leaf_type& in = leaf_of(key);
        const std::size_t at = in.first_not_less(key, less_);
        if (at == in.count && in.next != nullptr) return {in.next, 0};
        return {&in, at};
    }

    //   Returns     the entry of that key, and whether it was made now
    template <class K, class... Args>
    std::pair<place, bool> emplace(K&& key, Args&&... args) {
        if (root_ == nullptr) root_ = first_ = last_ = make_leaf();
        path way;
        leaf_type& into = descend(key, way);
        const std::size_t at = into.first_not_less(key, less_);
        if (is_at(into, at, key)) return {{&into, at}, false};
        // Before anything moves: the arguments may lie in this very tree.
        std::pair<Key, Value> made(std::piecewise_construct,
                                   std::forward_as_tuple(std::forward<K>(key)),
                                   std::forward_as_tuple(std::forward<Args>(args)...));
        return {put(way, {&into, at}, std::move(made)), true};
    }
    //   Returns     whether the key belongs behind all others, into a leaf with room
    template <class K>
    [[nodiscard]] bool goes_last(const K& key) const {
        return last_ != nullptr && last_->count < leaf_type::capacity &&
               less_(last_->key(last_->count - std::size_t{1}), key);
    }
    //   Requires    goes_last(made.first)
    place append(std::pair<Key, Value>&& made) {
        path none;
        return put(none, end(), std::move(made));
    }

    //   Returns     whether there was one
    template <class K>
    bool erase(const K& key) {
        if (root_ == nullptr) return false;
        path way;
        leaf_type& from = descend(key, way);
        const std::size_t at = from.first_not_less(key, less_);
        if (!is_at(from, at, key)) return false;
        from.erase(at);
        --size_;
        refill(way);
        return true;
    }
    //   Requires    an entry
    //   Returns     the one behind it
    place erase(place gone) {
        if (gone.leaf->count > leaf_type::fill::least && gone.at + 1 < gone.leaf->count) {
            gone.leaf->erase(gone.at);
            --size_;
            return gone;
        }
        const Key key = gone.leaf->key(gone.at);
        (void)erase(key);
        return first_not_less(key);
    }
    void clear() noexcept {
        if (root_ != nullptr) destroy(root_);
        root_ = nullptr;
        first_ = last_ = nullptr;
        size_ = 0;
        memory_bytes_ = 0;
    }

    //   Errors      corrupt, with the first invariant that does not hold as its text
    [[nodiscard]] result<void> verify() const {
        if (root_ == nullptr) return success();
        walked sum;
        if (auto sound = walk(*root_, nullptr, nullptr, edge::both, sum); !sound) return sound;
        if (sum.last != last_ || last_->next != nullptr) return broken("a link is wrong");
        if (sum.entries != size_) return broken("size() is wrong");
        if (sum.bytes != memory_bytes_) return broken("memory_bytes() is wrong");
        return success();
    }

private:
    static constexpr std::size_t leaf_memory = allocated_bytes(sizeof(leaf_type));
    static constexpr std::size_t inner_memory = allocated_bytes(sizeof(inner_type));

    [[nodiscard]] static inner_type& inner(node* at) noexcept {
        return *static_cast<inner_type*>(at);
    }
    [[nodiscard]] static leaf_type& leaf(node* at) noexcept { return *static_cast<leaf_type*>(at); }

    // --- the way down ---

    template <class K>
    [[nodiscard]] std::size_t child_of(const inner_type& at, const K& key) const {
        if constexpr (by_bytes) return at.child_of(bytes_view{key});
        else return at.child_of(key, less_);
    }
    // A search reads half of a node's lines, one after the other: all are asked for at once.
    static node* fetched(node* child) noexcept {
        constexpr std::size_t most = 512;
        const char* const lines = reinterpret_cast<const char*>(child);
        for (std::size_t at = 0; at < most; at += 64) __builtin_prefetch(lines + at);
        return child;
    }
    template <class K>
    [[nodiscard]] leaf_type& leaf_of(const K& key) const {
        node* at = root_;
        while (at->level != 0) at = fetched(inner(at).children[child_of(inner(at), key)]);
        return leaf(at);
    }
    template <class K>
    [[nodiscard]] leaf_type& descend(const K& key, path& way) const {
        node* at = root_;
        while (at->level != 0) {
            const std::size_t child = child_of(inner(at), key);
            way.steps[way.size++] = {&inner(at), child};
            at = fetched(inner(at).children[child]);
        }
        return leaf(at);
    }
    template <class K>
    [[nodiscard]] bool is_at(const leaf_type& in, std::size_t at, const K& key) const {
        return at < in.count && !less_(key, in.key(at));
    }

    // --- growing ---

    place put(path& way, place at, std::pair<Key, Value>&& made) {
        if (at.leaf->count == leaf_type::capacity) at = make_room(way, at, made.first);
        ::new (at.leaf->open(at.at)) std::pair<Key, Value>(std::move(made));
        ++size_;
        return at;
    }
    //   Returns     where the entry of `key` goes now
    place make_room(path& way, place at, const Key& key) {
        leaf_type& full = *at.leaf;
        const bool growing_end = full.next == nullptr && at.at == full.count;
        if (way.size != 0 && !growing_end) {
            const auto [parent, child] = way.steps[way.size - 1];
            if (child > 0 && has_room(*full.previous)) return shed_left(*parent, child, at, key);
            if (child + 1u < parent->count && has_room(*full.next))
                return shed_right(*parent, child, at, key);
        }
        leaf_type& right = *make_leaf();
        right.link_behind(full);
        if (last_ == &full) last_ = &right;
        // A growing end leaves full leaves behind; one entry goes along, for a separator.
        full.give_back(right, growing_end ? 1 : leaf_type::capacity / 2);
        separator mark = between(full, right);
        const place goes = moved_to(full, right, at.at, is_less(key, mark));
        add_child(way, std::move(mark), &right, growing_end);
        return goes;
    }
    // Between the two, the separator decides.
    static place moved_to(leaf_type& left, leaf_type& right, std::size_t at,
                          bool below_separator) noexcept {
        return at < left.count || (at == left.count && below_separator)
                   ? place{&left, at}
                   : place{&right, at - left.count};
    }
    // Of places: half of them are taken, and one has to stay free.
    static constexpr std::size_t worth_shedding =
        leaf_type::capacity < 16 ? 2 : leaf_type::capacity / 8;
    static bool has_room(const leaf_type& other) noexcept {
        return other.count + worth_shedding <= leaf_type::capacity;
    }
    place shed_left(inner_type& parent, std::size_t child, place at, const Key& key) {
        leaf_type& left = *at.leaf->previous;
        const std::size_t before = left.count;
        left.take_front(*at.leaf, (leaf_type::capacity - before) / 2);
        replace_separator(parent, child - 1, between(left, *at.leaf));
        return moved_to(left, *at.leaf, before + at.at, is_less(key, parent.separators[child - 1]));
    }
    place shed_right(inner_type& parent, std::size_t child, place at, const Key& key) {
        leaf_type& right = *at.leaf->next;
        at.leaf->give_back(right, (leaf_type::capacity - right.count) / 2);
        replace_separator(parent, child, between(*at.leaf, right));
        return moved_to(*at.leaf, right, at.at, is_less(key, parent.separators[child]));
    }

    // Puts `right` behind the child that the last step of `way` took; splits upwards as far as
    // nodes are full.
    void add_child(path& way, separator mark, node* right, bool growing_end) {
        memory_bytes_ += outside(mark);
        while (way.size != 0) {
            const auto [parent, child] = way.steps[--way.size];
            if (parent->count < inner_type::capacity)
                return parent->insert(child, std::move(mark), right);
            inner_type& sibling = *make_inner(parent->level);
            const std::size_t keep =
                growing_end ? inner_type::capacity - 1 : inner_type::capacity / 2;
            separator upper = parent->split(keep, sibling);
            if (child < keep) parent->insert(child, std::move(mark), right);
            else sibling.insert(child - keep, std::move(mark), right);
            mark = std::move(upper);
            right = &sibling;
        }
        inner_type& top = *make_inner(root_->level + std::size_t{1});
        top.add_first(root_);
        top.insert(0, std::move(mark), right);
        root_ = &top;
    }

    // --- shrinking ---

    // Fills or merges the nodes on `way`, from the leaf up, as far as they hold too little.
    void refill(path& way) {
        bool low = true;
        for (bool leaves = true; way.size != 0 && low; leaves = false) {
            const auto [parent, child] = way.steps[--way.size];
            low = leaves ? refill_leaf(*parent, child) : refill_inner(*parent, child);
        }
        if (low) shrink_root();
    }
    //   Returns     whether `parent` lost a child
    bool refill_leaf(inner_type& parent, std::size_t child) {
        const std::size_t at = child == 0 ? 0 : child - 1;
        if (parent.children[child]->count >= leaf_type::fill::least) return false;
        leaf_type& left = leaf(parent.children[at]);
        leaf_type& right = leaf(parent.children[at + 1]);
        const std::size_t total = std::size_t{left.count} + right.count;
        if (total > leaf_type::fill::merged_at_most) {
            if (left.count < total / 2) left.take_front(right, total / 2 - left.count);
            else left.give_back(right, left.count - total / 2);
            replace_separator(parent, at, between(left, right));
            return false;
        }
        left.take_front(right, right.count);
        memory_bytes_ -= outside(parent.erase(at)) + leaf_memory;
        right.unlink();
        if (last_ == &right) last_ = &left;
        delete &right;
        return true;
    }
    bool refill_inner(inner_type& parent, std::size_t child) {
        const std::size_t at = child == 0 ? 0 : child - 1;
        if (parent.children[child]->count >= inner_type::fill::least) return false;
        inner_type& left = inner(parent.children[at]);
        inner_type& right = inner(parent.children[at + 1]);
        if (std::size_t{left.count} + right.count > inner_type::fill::merged_at_most) {
            parent.replace_separator(at, left.balance(std::move(parent.separators[at]), right));
            return false;
        }
        left.merge(parent.erase(at), right);
        memory_bytes_ -= inner_memory;
        delete &right;
        return true;
    }
    void shrink_root() noexcept {
        if (root_->level == 0) {
            if (root_->count == 0) clear();
            return;
        }
        if (root_->count > 1) return;
        inner_type& top = inner(root_);
        root_ = top.children[0];
        memory_bytes_ -= inner_memory;
        delete &top;
    }

    // --- separators and memory ---

    [[nodiscard]] static separator between(const leaf_type& left, const leaf_type& right) {
        if constexpr (by_bytes)
            return shortest_separator(left.key(left.count - std::size_t{1}), right.key(0));
        else return right.key(0);
    }
    [[nodiscard]] bool is_less(const Key& key, const separator& mark) const {
        if constexpr (by_bytes) return bytes_view{key} < mark;
        else return less_(key, mark);
    }
    //   Returns     what it holds outside of its node
    [[nodiscard]] static std::size_t outside(const separator& mark) noexcept {
        if constexpr (by_bytes) return allocated_bytes(mark.capacity());
        else return 0;
    }
    void replace_separator(inner_type& parent, std::size_t at, separator mark) {
        memory_bytes_ += outside(mark);
        memory_bytes_ -= outside(parent.separators[at]);
        parent.replace_separator(at, std::move(mark));
    }
    [[nodiscard]] leaf_type* make_leaf() {
        memory_bytes_ += leaf_memory;
        return new leaf_type;
    }
    [[nodiscard]] inner_type* make_inner(std::size_t level) {
        memory_bytes_ += inner_memory;
        return new inner_type{level};
    }
    // Recurses over the height.
    static void destroy(node* at) noexcept {
        if (at->level == 0) {
            delete &leaf(at);
            return;
        }
        for (std::size_t i = 0; i < at->count; ++i) destroy(inner(at).children[i]);
        delete &inner(at);
    }

    // --- verify ---

    struct walked {
        const leaf_type* last = nullptr;
        std::size_t entries = 0;
        std::size_t bytes = 0;
    };
    // Where a node is: the root is the whole level, the last of a level is on the right edge.
    enum class edge : std::uint8_t { none, right, both };

    [[nodiscard]] static error broken(const char* invariant) {
        return error{error_code::corrupt, invariant};
    }
    [[nodiscard]] static bool is_low(std::size_t count, std::size_t least, edge where) noexcept {
        return count < (where == edge::none ? least : 1);
    }
    [[nodiscard]] result<void> walk(const node& at, const separator* from, const separator* to,
                                    edge where, walked& sum) const {
        if (at.level == 0)
            return walk_leaf(static_cast<const leaf_type&>(at), from, to, where, sum);
        const auto& in = static_cast<const inner_type&>(at);
        sum.bytes += inner_memory;
        if (in.count < 2 || in.count > inner_type::capacity ||
            is_low(in.count, inner_type::fill::least, where))
            return broken("an inner node holds too few or too many children");
        for (std::size_t i = 0; i < in.count; ++i) {
            const bool is_last = i + 1u == in.count;
            if (in.children[i]->level + 1 != in.level)
                return broken("leaves are at different depths");
            if (!is_last) sum.bytes += outside(in.separators[i]);
            const edge child = is_last && where != edge::none ? edge::right : edge::none;
            if (auto sound = walk(*in.children[i], i == 0 ? from : &in.separators[i - 1],
                                  is_last ? to : &in.separators[i], child, sum);
                !sound)
                return sound;
        }
        return success();
    }
    [[nodiscard]] result<void> walk_leaf(const leaf_type& in, const separator* from,
                                         const separator* to, edge where, walked& sum) const {
        if (in.count == 0 || in.count > leaf_type::capacity ||
            is_low(in.count, leaf_type::fill::least, where))
            return broken("a leaf holds too few or too many entries");
        if (in.previous != sum.last || (sum.last != nullptr ? sum.last->next : first_) != &in)
            return broken("a link is wrong");
        for (std::size_t i = 0; i < in.count; ++i)
            if (is_outside(in.key(i), from, to) || (i != 0 && !less_(in.key(i - 1), in.key(i))))
                return broken("a key is out of order");
        sum.last = &in;
        sum.entries += in.count;
        sum.bytes += leaf_memory;
        return success();
    }
    [[nodiscard]] bool is_outside(const Key& key, const separator* from,
                                  const separator* to) const {
        return (from != nullptr && is_less(key, *from)) || (to != nullptr && !is_less(key, *to));
    }

    node* root_ = nullptr;
    leaf_type* first_ = nullptr;
    leaf_type* last_ = nullptr;
    std::size_t size_ = 0;
    std::size_t memory_bytes_ = 0;
    [[no_unique_address]] Compare less_{};
};

}  // namespace mantis::detail
