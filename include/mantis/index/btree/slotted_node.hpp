// SPDX-License-Identifier: BSL-1.0
//
// One node of a B+tree in a page of 512 bytes to 32 KiB: what can be done to it, or to it and its
// right sibling, without knowing the tree. It reads no file, takes no latch, allocates nothing.
//
//   leaf    keys with a payload (a value, or a reference to an extent that holds it) and the
//           version that wrote it
//   inner   children c0 ... cn and separators s1 ... sn:  keys of c(i-1)  <  s(i)  <=  keys of c(i)
//
// Invariants (verify_node() checks them):
//   1. keys ascend strictly, inside the fences
//   2. the prefix is what the fences share, so every key begins with it; keys are stored without.
//      In a dense leaf it is as much of the lower fence as all keys are but their last two bytes
//   3. a head is that of its suffix, a hint is the head of its slot
//   4. fences and entries lie in the heap and do not overlap; what they leave is hole_bytes
//   5. no entry is larger than node_limits allows
//
// In a full page holes are first made one gap, by compact(). When that does not help either, the
// node is split, in three steps of the caller's:
//
//   plan  = node.plan_split(...)             where, and the separator
//   node.split(plan, right, its page id)     the right part moves
//   insert into the one or the other         by comparing with the separator; it fits
//
// Why it fits. A is the page without its header, C = A - 2 * longest key, and E the largest entry.
// Leaf: with the new one, the entries are T <= A - lower - upper + E. On the left of a cut there
// may be at most A - lower - longest key, on its right at most A - upper - longest key; so the cut
// may lie anywhere in a window of 2A - T - lower - upper - 2 * longest key >= C - E. Cuts are at
// most E apart, and node_limits has 2E <= C. Inner: the separator at the cut leaves the node, and
// either half must still take the largest separator; the same reasoning wants 2E <= C.
//
// Dense leaves. An ordinary leaf that is full becomes one if it can, and so does what a merge
// makes: its keys have one length, and begin with as much of the lower fence as they have before
// their last two bytes. It stays one, and so do its parts, until a key comes that it does not take.
// Then it becomes an ordinary leaf, where that fits; else it is split, and each half takes less, so
// that in the end it fits.
//
// Page access: readers of an optimistic tree use a slotted_view with the same Access while this
// changes the page.
//
// Stack: most functions that change a node may build it anew in a page of the largest size there.
//
// Threads: one at a time; readers beside it as Access allows.
#pragma once

#include "detail/slotted_build.hpp"
#include "detail/slotted_cut.hpp"

namespace mantis {

template <class Access = detail::plain_access>
class slotted_node {
public:
    using view_type = slotted_view<Access>;

    //   Requires    `page_bytes` is a page size; `page` is aligned to 8 and sound, or init() is
    //               the first that is called
    slotted_node(std::byte* page, std::size_t page_bytes) noexcept
        : page_{page}, page_bytes_{page_bytes} {
        check(node_limits::is_page_size(page_bytes),
              "slotted_node: a page has 512 to 32768 bytes, a power of two");
    }

    // An empty leaf.
    //   Requires    the fences ascend and do not point into the page
    void init_leaf(node_owner owner, fence_keys fences) {
        init(node_kind::leaf, 0, owner, fences, 0);
    }
    // An inner node without a separator, with one child.
    //   Requires    as above; level > 0
    void init_inner(std::size_t level, node_owner owner, fence_keys fences, std::uint64_t child) {
        check(level > 0 && child != 0, "slotted_node: an inner node has a level and a child");
        init(node_kind::inner, level, owner, fences, child);
    }

    [[nodiscard]] view_type view() const { return {page_, page_bytes_}; }
    [[nodiscard]] node_limits limits() const noexcept { return {page_bytes_}; }

    // --- leaves ---

    //   Requires    node_limits::takes(key, payload); `key` is absent and belongs at `at`
    //   Effects     a dense leaf becomes ordinary where it does not take the key; a full one
    //               becomes dense where it can
    //   Returns     false when there is no room: nothing has changed
    [[nodiscard]] bool insert(std::size_t at, bytes_view key, node_payload payload, lsn version) {
        if (!leaf().is_of_kind(key) && !become_ordinary(key, payload.value.size())) return false;
        const slotted_view<> own = leaf();
        must_take(own, key, payload.value.size());
        std::byte front[detail::leaf_entry_fixed_bytes];
        write_front(front, payload, version);
        const auto in = [&] {
            const bytes_view suffix = key.from(leaf().prefix().size());
            return add(at, {front, sizeof front}, suffix, payload.value);
        };
        return in() || (become_dense(key, payload.value.size()) && in());
    }

    // Slot `at`, which is that of `key`, gets another payload and version.
    //   Requires    node_limits::takes(key, payload)
    //   Returns     false when there is no room: nothing has changed
    [[nodiscard]] bool replace(std::size_t at, bytes_view key, node_payload payload, lsn version) {
        const slotted_view<> own = leaf();
        must_take(own, key, payload.value.size());
        leaf_entry old;
        check(own.read_leaf_entry(at, old), "slotted_node: the page is damaged");
        const std::size_t had = old.payload.value.size();
        if (payload.value.size() <= had) {
            overwrite(at, payload, version, had);
            return true;
        }
        if (payload.value.size() - had > own.free_bytes()) return false;
        erase(at);
        check(insert(at, key, payload, version), "slotted_node: room is counted wrong");
        return true;
    }

    //   Requires    at < count()
    void erase(std::size_t at) {
        const slotted_view<> own = leaf();
        check(at < own.count(), "slotted_node: no such slot");
        drop(at);
    }

    // Where to cut a leaf in which the payload for `key` found no room.
    //   Requires    `at` is the place of `key`; `is_there` says whether it is there, for replace()
    //   Returns     a cut in the middle of the bytes; at the end for what is appended to the last
    //               leaf, so that ascending keys leave full nodes behind, and at seven eighths for
    //               what comes shortly before its end
    [[nodiscard]] node_split plan_leaf_split(std::size_t at, bool is_there, bytes_view key,
                                             std::size_t payload_bytes) const {
        return detail::slotted_cut{leaf()}.of_leaf({at, is_there, key, payload_bytes});
    }

    // --- inner nodes ---

    // Child `at` was split: `separator` and `right` go behind it.
    //   Returns     false when there is no room: nothing has changed
    [[nodiscard]] bool insert_child(std::size_t at, bytes_view separator, std::uint64_t right) {
        const slotted_view<> own = inner();
        check(separator.size() <= limits().key_bytes() && separator.starts_with(own.prefix()),
              "slotted_node: a separator that is too long or outside the fences");
        std::uint64_t left = 0;
        check(own.read_child(at, left) && right != 0, "slotted_node: no such child");
        std::byte front[detail::inner_entry_fixed_bytes];
        store_le(front, left);
        if (!add(at, {front, sizeof front}, separator.from(own.prefix().size()), {})) return false;
        set_child(at + 1, right);
        return true;
    }

    // Child `at` was merged with the one behind it: that and the separator go.
    //   Requires    at < count()
    void erase_child(std::size_t at) {
        const slotted_view<> own = inner();
        std::uint64_t left = 0;
        check(at < own.count() && own.read_child(at, left), "slotted_node: no such child");
        set_child(at + 1, left);
        drop(at);
    }

    // Where to cut an inner node in which a separator for slot `at` found no room.
    [[nodiscard]] node_split plan_inner_split(std::size_t at) const {
        return detail::slotted_cut{inner()}.of_inner(at);
    }

    // --- both ---

    // Moves what lies behind the cut into `right`, a page that nobody else sees yet and whose id is
    // `right_id`.
    void split(const node_split& plan, slotted_node right, std::uint64_t right_id) {
        check(right.page_bytes_ == page_bytes_ && right_id != 0,
              "slotted_node: halves have pages of one size");
        const slotted_view<> own = whole();
        const fence_keys fences = own.fences();
        const std::size_t up = own.is_leaf() ? 0 : 1;
        node_key lower;  // the page is overwritten before its fences are used
        lower.assign(fences.lower);
        const bytes_view separator = plan.separator.view();
        // What was dense stays so: the separator begins with the prefix, as all that lies between
        // the lower fence and the last key.
        const std::size_t count = own.is_dense() ? own.count() : 0;
        const std::size_t left_keys =
            count == 0 ? 0 : detail::dense_key_bytes(own, 0, plan.keep, fences.lower);
        const std::size_t right_keys =
            count == 0 ? 0 : detail::dense_key_bytes(own, plan.keep, count, separator);
        build_part(own, {separator, fences.upper}, {plan.keep + up, own.count()},
                   own.header().rightmost_child, right_id, right.page_, right_keys);
        std::uint64_t last_child = 0;
        if (up != 0)
            check(own.read_child(plan.keep, last_child), "slotted_node: the page is damaged");
        build_part(own, {lower.view(), separator}, {0, plan.keep}, last_child, own.header().page,
                   page_, left_keys);
    }

    // What merge() with the right sibling would use; it is possible up to page_bytes. The prefix
    // may become shorter, and keys longer.
    [[nodiscard]] std::size_t bytes_merged(const slotted_node& right) const {
        const slotted_view<> own = whole();
        const slotted_view<> other = right.whole();
        const fence_keys fences{own.fences().lower, other.fences().upper};
        const std::size_t prefix = detail::shared_by_fences(fences);
        const std::size_t dense = dense_key_bytes_merged(own, other);
        std::size_t used = (dense == 0 ? detail::node_slots_offset : detail::dense_slots_offset) +
                           fences.lower.size() + fences.upper.size() +
                           detail::entries_bytes(own, prefix, dense) +
                           detail::entries_bytes(other, prefix, dense);
        if (!own.is_leaf())
            used += node_limits::inner_entry_bytes(other.fences().lower.size() - prefix);
        return used;
    }

    // Takes all of the right sibling.
    //   Requires    bytes_merged(right) <= page_bytes; `right` begins where this ends
    void merge(const slotted_node& right) {
        const slotted_view<> own = whole();
        const slotted_view<> other = right.whole();
        check(own.fences().upper == other.fences().lower && own.level() == other.level() &&
                  own.header().table == other.header().table,
              "slotted_node: only neighbours can be merged");
        check(bytes_merged(right) <= page_bytes_, "slotted_node: more entries than fit");
        detail::node_header like = own.header();
        if (own.is_leaf()) detail::set_dense_key_bytes(like, dense_key_bytes_merged(own, other));
        detail::slotted_build made{page_bytes_, like, {own.fences().lower, other.fences().upper}};
        made.append(own, 0, own.count());
        if (!own.is_leaf()) made.append_child(other.fences().lower, own.header().rightmost_child);
        made.append(other, 0, other.count());
        made.set_rightmost_child(other.header().rightmost_child);
        Access::write(page_, made.finish(), page_bytes_);
    }

    //   Effects     there are no holes
    void compact() {
        const slotted_view<> own = whole();
        build_part(own, own.fences(), {0, own.count()}, own.header().rightmost_child,
                   own.header().page, page_, own.header().dense_key_bytes);
    }

private:
    struct slot_range {
        std::size_t from;
        std::size_t to;
    };

    void init(node_kind kind, std::size_t level, node_owner owner, fence_keys fences,
              std::uint64_t child) {
        check(fences.lower.size() <= limits().key_bytes() &&
                  fences.upper.size() <= limits().key_bytes() &&
                  (fences.upper.empty() || fences.lower < fences.upper),
              "slotted_node: fences are keys and ascend");
        check(owner.page != 0, "slotted_node: page ids begin at 1");
        detail::node_header like;
        like.kind = static_cast<std::uint8_t>(kind);
        like.level = static_cast<std::uint16_t>(level);
        like.table = owner.table.value;
        like.page = owner.page;
        detail::slotted_build made{page_bytes_, like, fences};
        made.set_rightmost_child(child);
        Access::write(page_, made.finish(), page_bytes_);
    }

    // A writer reads its own page with ordinary loads.
    [[nodiscard]] slotted_view<> whole() const {
        const slotted_view<> own{page_, page_bytes_};
        check(!own.malformed(), "slotted_node: the page is no node");
        return own;
    }
    [[nodiscard]] slotted_view<> leaf() const {
        const slotted_view<> own = whole();
        check(own.is_leaf(), "slotted_node: entries are in leaves");
        return own;
    }
    [[nodiscard]] slotted_view<> inner() const {
        const slotted_view<> own = whole();
        check(!own.is_leaf(), "slotted_node: children are in inner nodes");
        return own;
    }
    void must_take(const slotted_view<>& own, bytes_view key, std::size_t payload) const {
        check(limits().takes(key.size(), payload), "slotted_node: an entry larger than allowed");
        check(key.starts_with(own.prefix()), "slotted_node: a key outside the fences");
    }

    //   Returns     false: that has no room for the key; nothing has changed
    [[nodiscard]] bool become_ordinary(bytes_view key, std::size_t payload) {
        const slotted_view<> own = leaf();
        const fence_keys fences = own.fences();
        const std::size_t prefix = detail::shared_by_fences(fences);
        check(key.size() >= prefix, "slotted_node: a key outside the fences");
        const std::size_t used = detail::node_slots_offset + fences.lower.size() +
                                 fences.upper.size() + detail::entries_bytes(own, prefix, 0) +
                                 node_limits::leaf_entry_bytes(key.size() - prefix, payload);
        if (used > page_bytes_) return false;
        build_part(own, fences, {0, own.count()}, 0, own.header().page, page_, 0);
        return true;
    }
    [[nodiscard]] bool become_dense(bytes_view key, std::size_t payload) {
        const slotted_view<> own = leaf();
        const std::size_t size = detail::dense_key_bytes_with(own, key);
        const fence_keys fences = own.fences();
        if (size == 0 || detail::dense_slots_offset + fences.lower.size() + fences.upper.size() +
                                 detail::entries_bytes(own, 0, size) +
                                 node_limits::dense_entry_bytes(payload) >
                             page_bytes_)
            return false;
        build_part(own, fences, {0, own.count()}, 0, own.header().page, page_, size);
        return true;
    }
    // Of the leaf that two make; 0: it is ordinary.
    [[nodiscard]] static std::size_t dense_key_bytes_merged(const slotted_view<>& own,
                                                            const slotted_view<>& other) {
        const bytes_view lower = own.fences().lower;
        const std::size_t left = detail::dense_key_bytes(own, 0, own.count(), lower);
        const std::size_t right = detail::dense_key_bytes(other, 0, other.count(), lower);
        if (own.count() == 0) return right;
        return other.count() == 0 || left == right ? left : 0;
    }

    static void write_front(std::byte* front, node_payload payload, lsn version) {
        check(!payload.is_reference || payload.value.size() == detail::extent_reference_bytes,
              "slotted_node: a reference has 16 bytes");
        const unsigned mark = payload.is_reference ? detail::payload_is_reference : 0u;
        store_le(front, static_cast<std::uint16_t>(payload.value.size() | mark));
        store_le(front + 2, version.value);
    }

    // Puts an entry of three parts into the heap, and its slot at `at`.
    [[nodiscard]] bool add(std::size_t at, bytes_view front, bytes_view suffix,
                           bytes_view payload) {
        slotted_view<> own = whole();
        check(at <= own.count(), "slotted_node: no such place");
        const bytes_view there = own.is_dense() ? bytes_view{} : suffix;  // in the entry
        const std::size_t size = front.size() + there.size() + payload.size();
        const std::size_t slot_bytes = own.slots_end(1) - own.slots_begin();
        if (size + slot_bytes > own.free_bytes()) return false;
        if (size + slot_bytes > own.gap_bytes()) {
            compact();
            own = whole();
        }
        detail::node_header header = own.header();
        const std::size_t offset = header.heap_begin - size;
        std::byte* const entry = page_ + offset;
        Access::write(entry, front.data(), front.size());
        Access::write(entry + front.size(), there.data(), there.size());
        Access::write(entry + front.size() + there.size(), payload.data(), payload.size());
        move_slots(own, at + 1, at);
        if (own.is_dense()) detail::store_dense_slot<Access>(page_, at, offset, suffix);
        else
            detail::store_slot<Access>(
                page_, at,
                {static_cast<std::uint16_t>(offset), static_cast<std::uint16_t>(suffix.size()),
                 static_cast<std::uint32_t>(detail::head_of(suffix) >> 32)});
        header.heap_begin = static_cast<std::uint16_t>(offset);
        ++header.slot_count;
        finish(header, at);
        return true;
    }
    // Takes slot and entry away.
    void drop(std::size_t at) {
        const slotted_view<> own = whole();
        detail::node_header header = own.header();
        const detail::node_slot slot = own.slot(at);
        std::size_t size = own.entry_fixed_bytes() + slot.suffix_bytes;
        if (leaf_entry entry; own.read_leaf_entry(at, entry)) size += entry.payload.value.size();
        if (slot.offset == header.heap_begin)
            header.heap_begin = static_cast<std::uint16_t>(header.heap_begin + size);
        else header.hole_bytes = static_cast<std::uint16_t>(header.hole_bytes + size);
        move_slots(own, at, at + 1);
        --header.slot_count;
        finish(header, at);
    }
    // A payload that is not longer than the one before stays where that is.
    void overwrite(std::size_t at, node_payload payload, lsn version, std::size_t had) {
        const slotted_view<> own = whole();
        const detail::node_slot slot = own.slot(at);
        std::byte front[detail::leaf_entry_fixed_bytes];
        write_front(front, payload, version);
        std::byte* const entry = page_ + slot.offset;
        Access::write(entry, front, sizeof front);
        Access::write(entry + sizeof front + slot.suffix_bytes, payload.value.data(),
                      payload.value.size());
        if (had == payload.value.size()) return;
        detail::node_header header = own.header();
        header.hole_bytes =
            static_cast<std::uint16_t>(header.hole_bytes + had - payload.value.size());
        detail::store_node_header<Access>(page_, header);
    }
    void set_child(std::size_t at, std::uint64_t child) {
        const slotted_view<> own = whole();
        if (at < own.count()) return Access::store(page_ + own.slot(at).offset, child);
        detail::node_header header = own.header();
        header.rightmost_child = child;
        detail::store_node_header<Access>(page_, header);
    }

    // Slots from `from` on go to `to`.
    void move_slots(const slotted_view<>& own, std::size_t to, std::size_t from) {
        const std::size_t begin = own.slots_end(from);
        const std::size_t size = own.slots_end(own.count()) - begin;
        if (!own.is_dense()) return Access::move(page_ + own.slots_end(to), page_ + begin, size);
        std::byte moved[node_limits::max_page_bytes];  // half words are written with what is beside
        std::memcpy(moved, page_ + begin, size);
        Access::write(page_ + own.slots_end(to), moved, size);
    }
    // Slots from `changed` on are others: so are the hints at them, or all if they lie further
    // apart or closer than before.
    void finish(const detail::node_header& header, std::size_t changed) {
        const std::size_t before = view_type::hint_distance(whole().count());
        detail::store_node_header<Access>(page_, header);
        const slotted_view<> own = whole();
        const std::size_t distance = view_type::hint_distance(own.count());
        if ((distance == 0 && before == 0) || own.is_dense()) return;
        const std::size_t first = distance == before ? (changed + distance - 1) / distance : 0;
        for (std::size_t i = first == 0 ? 0 : first - 1; i < detail::node_hint_count; ++i)
            Access::store(page_ + detail::node_hints_offset + 4 * i, own.hint_of_slots(i));
    }

    void build_part(const slotted_view<>& own, fence_keys fences, slot_range slots,
                    std::uint64_t last_child, std::uint64_t page_id, std::byte* into,
                    std::size_t dense_key_bytes) {
        detail::node_header like = own.header();
        if (own.is_leaf()) detail::set_dense_key_bytes(like, dense_key_bytes);
        detail::slotted_build made{page_bytes_, like, fences};
        made.set_page(page_id);
        made.append(own, slots.from, slots.to);
        made.set_rightmost_child(last_child);
        Access::write(into, made.finish(), page_bytes_);
    }

    std::byte* page_;
    std::size_t page_bytes_;
};

}  // namespace mantis
