// SPDX-License-Identifier: BSL-1.0
//
// Where a B+tree node is cut in two, and the separator between the parts; slotted_node.hpp says why
// both fit.
#pragma once

#include "../slotted_view.hpp"

namespace mantis {

struct node_split {
    std::size_t keep = 0;  // slots that stay; of an inner node, slot `keep` moves up
    node_key separator;    // upper fence of the left node and lower fence of the right one
};

namespace detail {

struct pending_entry {
    std::size_t at;
    bool is_there;
    bytes_view key;
    std::size_t payload_bytes;
};

class slotted_cut {
public:
    //   Requires    a sound node, that nobody changes
    explicit slotted_cut(const slotted_view<>& own) noexcept : own_{own} {}

    [[nodiscard]] node_split of_leaf(const pending_entry& pending) const {
        const std::size_t items = own_.count() + (pending.is_there ? 0 : 1);
        check(items >= 2, "slotted_node: what is to be split has room");
        const std::size_t cut = !own_.fences().upper.empty() ? middle_cut(pending, items)
                                : is_late(pending)           ? late_cut(pending, items)
                                : pending.at == own_.count() ? last_cut(pending)
                                                             : middle_cut(pending, items);
        node_split plan;
        make_separator(pending, cut, plan.separator);
        plan.keep = !pending.is_there && cut > pending.at ? cut - 1 : cut;
        return plan;
    }
    //   Requires    `at` is the place of the new separator
    [[nodiscard]] node_split of_inner(std::size_t at) const {
        const std::size_t count = own_.count();
        check(count >= 3, "slotted_node: what is to be split has room");
        node_split plan;
        const bool appended = at == count && own_.fences().upper.empty();
        plan.keep = appended ? count - 1 : middle_separator();
        node_key_parts key;
        check(own_.read_key(plan.keep, key), "slotted_node: the page is damaged");
        plan.separator.assign(key.prefix, key.suffix);
        return plan;
    }

private:
    // Slot and entry of slot `at`, as they are.
    [[nodiscard]] std::size_t entry_bytes(std::size_t at) const {
        leaf_entry entry;
        return own_.read_leaf_entry(at, entry)
                   ? own_.leaf_entry_bytes(entry.key.size(), entry.payload.value.size())
                   : node_limits::inner_entry_bytes(own_.slot(at).suffix_bytes);
    }
    // The same of item `at` among the slots and the pending entry.
    [[nodiscard]] std::size_t item_bytes(const pending_entry& pending, std::size_t at) const {
        if (at == pending.at)
            return own_.is_of_kind(pending.key)
                       ? own_.leaf_entry_bytes(pending.key.size(), pending.payload_bytes)
                       : node_limits::leaf_entry_bytes(pending.key.size(), pending.payload_bytes);
        return entry_bytes(!pending.is_there && at > pending.at ? at - 1 : at);
    }
    void item_key(const pending_entry& pending, std::size_t at, node_key& into) const {
        if (at == pending.at) return into.assign(pending.key);
        node_key_parts key;
        check(own_.read_key(!pending.is_there && at > pending.at ? at - 1 : at, key),
              "slotted_node: the page is damaged");
        into.assign(key.prefix, key.suffix);
    }
    // The shortest bytes that are above item `cut` - 1 and not above item `cut`.
    void make_separator(const pending_entry& pending, std::size_t cut, node_key& into) const {
        node_key left;
        node_key right;
        item_key(pending, cut - 1, left);
        item_key(pending, cut, right);
        into.assign(right.view().first(common_prefix_bytes(left.view(), right.view()) + 1));
    }

    // The cut with the smaller of the larger halves.
    [[nodiscard]] std::size_t middle_cut(const pending_entry& pending, std::size_t items) const {
        std::size_t right = own_.fences().upper.size();
        for (std::size_t i = 0; i < items; ++i) right += item_bytes(pending, i);
        std::size_t left = own_.fences().lower.size();
        std::size_t best = 1;
        std::size_t best_larger = ~std::size_t{0};
        for (std::size_t cut = 1; cut < items; ++cut) {
            const std::size_t moved = item_bytes(pending, cut - 1);
            left += moved;
            right -= moved;
            const std::size_t larger = left > right ? left : right;
            if (larger < best_larger) best_larger = larger, best = cut;
        }
        return best;
    }
    // Who puts ascending keys in several threads does so nearly in order: the new one comes shortly
    // before the end, or behind it and others did.
    [[nodiscard]] bool is_late(const pending_entry& pending) const {
        const std::size_t begin = own_.count() - own_.count() / 4;
        if (pending.at < begin || !own_.is_of_kind(pending.key)) return false;
        leaf_entry one;
        lsn before;
        bool late = pending.at != own_.count();
        for (std::size_t at = begin; !late && at < own_.count(); ++at) {
            late = own_.read_leaf_entry(at, one) && one.version < before;
            before = one.version;
        }
        return late;
    }
    // So that an eighth of the page is left for keys that are late.
    [[nodiscard]] std::size_t late_cut(const pending_entry& pending, std::size_t items) const {
        const std::size_t most = own_.page_bytes() / 8 * 7;
        std::size_t left = own_.slots_begin() + own_.fences().lower.size();
        std::size_t cut = 0;
        while (cut + 1 < items && left + item_bytes(pending, cut) <= most)
            left += item_bytes(pending, cut++);
        for (; cut > 0; left -= item_bytes(pending, --cut)) {
            node_key separator;
            make_separator(pending, cut, separator);
            if (left + separator.view().size() <= most) return cut;
        }
        return middle_cut(pending, items);
    }
    // Behind the last entry, or as close as the new upper fence allows.
    [[nodiscard]] std::size_t last_cut(const pending_entry& pending) const {
        std::size_t left = own_.bytes_used();
        std::size_t cut = own_.count();
        for (; cut > 1; --cut) {
            node_key separator;
            make_separator(pending, cut, separator);
            if (left + separator.view().size() <= own_.page_bytes()) break;
            left -= entry_bytes(cut - 1);
        }
        return cut;
    }
    [[nodiscard]] std::size_t middle_separator() const {
        std::size_t right = own_.fences().upper.size();
        for (std::size_t i = 0; i < own_.count(); ++i) right += entry_bytes(i);
        std::size_t left = own_.fences().lower.size();
        std::size_t best = 1;
        std::size_t best_larger = ~std::size_t{0};
        for (std::size_t up = 0; up + 1 < own_.count(); ++up) {
            const std::size_t size = entry_bytes(up);
            right -= size;
            const std::size_t larger = left > right ? left : right;
            if (up != 0 && larger < best_larger) best_larger = larger, best = up;
            left += size;
        }
        return best;
    }

    slotted_view<> own_;
};

}  // namespace detail

}  // namespace mantis
