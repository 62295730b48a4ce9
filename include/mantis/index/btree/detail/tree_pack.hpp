// SPDX-License-Identifier: BSL-1.0
//
// Packs the leaves of a page_tree, from which many entries were erased, into fewer pages: each
// takes what it has room for of the next one.
//
//   1. a look, with nothing locked: would the leaves below a parent, from that of a key on, be an
//      eighth fewer?
//   2. a step: the parent is locked and verified, and then one pair of its leaves after the other,
//      from left to right. Two that fit into one page are merged; else the left one is filled up,
//      but for a 32nd of its page, and the separator between them is another
//   3. behind the last leaf of the parent, inner nodes are merged as after an erase
//
// A leaf that has less than a tenth of its page free is left as it is.
//
// Threads: any number, each with an object of its own.
#pragma once

#include "tree_merge.hpp"

namespace mantis::detail {

// What moves from one leaf to the one before it.
struct leaf_shift {
    std::size_t count = 0;            // of entries
    node_key separator;               // of the two from then on
    std::size_t dense_key_bytes = 0;  // of the first one then
};

// As many entries of `right` as `left` takes, up to so many bytes of its page. The left one stays
// dense as long as what comes lets it; the right one does anyway, for its keys are those it has.
//   Requires    neighbours, sound
//   Returns     not all of them; none: the first has no room
[[nodiscard]] inline leaf_shift plan_shift(const slotted_view<>& left, const slotted_view<>& right,
                                           std::size_t most_bytes) {
    leaf_shift plan;
    node_key before;
    node_key next;
    const bytes_view lower = left.fences().lower;
    // The prefix of the left one is not shorter than what it shares with all of the right one.
    const std::size_t prefix = shared_by_fences({lower, right.fences().upper});
    std::size_t dense = dense_key_bytes(left, 0, left.count(), lower);
    std::size_t used_dense = dense_slots_offset + lower.size() + entries_bytes(left, 0, dense);
    std::size_t used = node_slots_offset + lower.size() + entries_bytes(left, prefix, 0);
    for (std::size_t count = 1; count < right.count(); ++count) {
        leaf_entry entry;
        if (!right.read_leaf_entry(count - 1, entry) || !right.copy_key(count - 1, before) ||
            !right.copy_key(count, next))
            break;
        const bytes_view key = before.view();
        const std::size_t value_bytes = entry.payload.value.size();
        if (dense != 0 &&
            (dense != key.size() || !key.starts_with(lower.first(dense - dense_suffix_bytes))))
            dense = 0;
        used_dense += node_limits::dense_entry_bytes(value_bytes);
        used += node_limits::leaf_entry_bytes(key.size() - prefix, value_bytes);
        const std::size_t separator = common_prefix_bytes(key, next.view()) + 1;
        if ((dense != 0 ? used_dense : used) + separator > most_bytes) break;
        plan.count = count;
        plan.separator.assign(next.view().first(separator));
        plan.dense_key_bytes = dense;
    }
    return plan;
}

template <class Tree>
class tree_pack {
    using exclusive = typename Tree::exclusive;
    using seen_node = typename Tree::seen_node;

public:
    explicit tree_pack(const Tree& tree) noexcept : tree_{tree} {}

    // Pages that step() changes at most, each time that it does.
    static constexpr std::uint64_t most_changes = 64;

    // Step 1, which brings the leaves into memory, too.
    //   Effects     where that is not so, `from` is behind them; empty: there are no more
    [[nodiscard]] result<bool> look(bytes& from) const {
        for (unsigned i = 0; i < Tree::attempts; ++i) {
            auto parent = tree_.seek({from.view()}, 1);
            if (!parent) return std::move(parent).error();
            if (!*parent) continue;
            const bool pays = would_pay(**parent, from.view());
            node_key upper;
            const bool copied = (*parent)->view.copy_upper_fence(upper);
            if (!(*parent)->page.validate()) continue;
            if (!copied) return tree_.corrupt((*parent)->page.page(), "a fence longer than a key");
            if (!pays) from.assign(upper.view());
            return pays;
        }
        from.clear();
        return false;
    }
    // Step 2, for a few pairs, and 3.
    //   Effects     `from` is where to go on; empty: there are no more
    [[nodiscard]] result<void> step(bytes& from) const {
        const bytes begun{from.view()};
        bool last = false;
        {
            auto parent = tree_.lock({from.view()}, 1);
            if (!parent) return std::move(parent).error();
            if (tree_.view(*parent).is_leaf()) {
                from.clear();
                return success();
            }
            if (auto sound = tree_.verify_held(*parent); !sound) return sound;
            if (auto packed = pack_below(*parent, from, last); !packed) return packed;
        }
        if (last) tree_merge<Tree>{tree_}.run(begun.view());
        return success();
    }

private:
    static constexpr unsigned pairs_at_once = 16;

    [[nodiscard]] std::size_t most_bytes() const noexcept { return tree_.page_bytes() / 32 * 31; }

    [[nodiscard]] bool would_pay(const seen_node& parent, bytes_view from) const {
        const auto& view = parent.view;
        if (view.is_leaf()) return false;
        std::size_t count = 0;
        std::size_t used = 0;
        for (std::size_t at = view.child_of(from).at; at <= view.count(); ++at) {
            page_id child;
            if (!view.read_child(at, child.value) || !parent.page.validate()) return false;
            const auto begun = tree_.pool->begin(child);
            if (!begun) return false;
            const typename Tree::seen_view leaf{begun->data(), tree_.page_bytes()};
            const std::size_t own = leaf.bytes_used();
            used += own > leaf.slots_begin() ? own - leaf.slots_begin() : 0;
            ++count;
        }
        const std::size_t room = most_bytes() - node_slots_offset;
        const std::size_t needed = (used + room - 1) / room;
        return needed + 1 <= count && needed + count / 8 <= count;
    }

    [[nodiscard]] result<void> pack_below(exclusive& parent, bytes& from, bool& last) const {
        std::size_t at = tree_.view(parent).child_of(from.view()).at;
        for (unsigned pairs = 0; pairs < pairs_at_once && at < tree_.view(parent).count();
             ++pairs) {
            auto merged = pack_pair(parent, at);
            if (!merged) return std::move(merged).error();
            if (!*merged) ++at;
        }
        const slotted_view<> view = tree_.view(parent);
        node_key next;
        last = at >= view.count();
        if (last) next.assign(view.fences().upper);
        else if (at == 0 || !view.copy_key(at - 1, next)) return success();
        from.assign(next.view());
        return success();
    }
    //   Requires    the parent is sound, and at < its count
    //   Returns     whether the two are one now
    [[nodiscard]] result<bool> pack_pair(exclusive& parent, std::size_t at) const {
        auto left = lock_child(parent, at);
        if (!left) return std::move(left).error();
        if (tree_.view(*left).free_bytes() < tree_.page_bytes() / 10) return false;
        auto right = lock_child(parent, at + 1);
        if (!right) return std::move(right).error();
        auto into = tree_.node(*left);
        const auto rest = tree_.node(*right);
        if (into.bytes_merged(rest) > most_bytes()) {
            shift(parent, at, *left, *right);
            return false;
        }
        into.merge(rest);
        tree_.node(parent).erase_child(at);
        drop_page(tree_, std::move(*right));
        return true;
    }
    [[nodiscard]] result<exclusive> lock_child(const exclusive& parent, std::size_t at) const {
        return lock_sound_child(tree_, parent, at);
    }

    // Both are built before either is written: they are made of each other.
    void shift(exclusive& parent, std::size_t at, exclusive& left, exclusive& right) const {
        const slotted_view<> own = tree_.view(left);
        const slotted_view<> other = tree_.view(right);
        const leaf_shift plan = plan_shift(own, other, most_bytes());
        if (plan.count == 0 || !has_room(parent, at, plan.separator.view())) return;
        const std::size_t page_bytes = tree_.page_bytes();
        const bytes_view separator = plan.separator.view();
        node_header like = own.header();
        set_dense_key_bytes(like, plan.dense_key_bytes);
        slotted_build fuller{page_bytes, like, {own.fences().lower, separator}};
        fuller.append(own, 0, own.count());
        fuller.append(other, 0, plan.count);
        like = other.header();
        set_dense_key_bytes(like, dense_key_bytes(other, plan.count, other.count(), separator));
        slotted_build rest{page_bytes, like, {separator, other.fences().upper}};
        rest.append(other, plan.count, other.count());
        Tree::access::write(left.data(), fuller.finish(), page_bytes);
        Tree::access::write(right.data(), rest.finish(), page_bytes);
        tree_.node(parent).erase_child(at);
        check(tree_.node(parent).insert_child(at, separator, right.page().value),
              "page_tree: room for a separator is counted wrong");
    }
    // For another separator instead of that one.
    [[nodiscard]] bool has_room(const exclusive& parent, std::size_t at, bytes_view with) const {
        const slotted_view<> view = tree_.view(parent);
        node_key was;
        if (!view.copy_key(at, was) || with.size() < view.prefix().size()) return false;
        return with.size() <= view.free_bytes() + was.view().size();
    }

    const Tree& tree_;
};

}  // namespace mantis::detail
