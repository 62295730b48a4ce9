// SPDX-License-Identifier: BSL-1.0
//
// Checks every invariant that slotted_node.hpp lists of one node in a page, whatever its bytes are.
//
// What it cannot see are other bytes inside keys, payloads, versions and child ids that keep the
// order: those are for the checksum, which is kept with the pointer to the page.
//
// Complexity: every key once, and a bit for each byte of the page. Stack: 4 KiB.
#pragma once

#include "../../core/result.hpp"
#include "detail/slotted_build.hpp"

namespace mantis {

namespace detail {

class node_check {
public:
    node_check(slotted_view<> node, node_owner expected) noexcept
        : node_{node}, header_{node.header()}, expected_{expected} {
        std::memset(taken_, 0, node.page_bytes() / 8);
    }

    [[nodiscard]] result<void> run() {
        if (auto sound = check_header(); !sound) return sound;
        if (auto sound = check_fences(); !sound) return sound;
        for (std::size_t at = 0; at < node_.count(); ++at)
            if (auto sound = check_slot(at); !sound) return sound;
        if (!node_.is_leaf() && !good_child(header_.rightmost_child))
            return broken("a child that is none", node_.count());
        for (std::size_t i = 0; !node_.is_dense() && i < node_hint_count; ++i)
            if (node_.hint(i) != node_.hint_of_slots(i))
                return broken("a hint that is not its slot's head", i);
        if (header_.heap_begin + header_.hole_bytes + taken_bytes_ != node_.page_bytes())
            return broken("free space is counted wrong");
        return success();
    }

private:
    [[nodiscard]] result<void> check_header() const {
        if (header_.version != node_header::current_version) return broken("an unknown version");
        const bool leaf =
            node_.is_dense() || header_.kind == static_cast<std::uint8_t>(node_kind::leaf);
        if (!leaf && header_.kind != static_cast<std::uint8_t>(node_kind::inner))
            return broken("an unknown kind");
        if (leaf != (header_.level == 0)) return broken("a level that is not of its kind");
        if (header_.table != expected_.table.value) return broken("a node of another table");
        if (header_.page != expected_.page) return broken("another page");
        if (header_.zero != 0 || (leaf && header_.rightmost_child != 0) ||
            (!node_.is_dense() && header_.dense_key_bytes != 0))
            return broken("a field that should be zero");
        if (node_.malformed()) return broken("slots, heap or fences that do not fit");
        return success();
    }

    [[nodiscard]] result<void> check_fences() {
        const fence_keys fences = node_.fences();
        const std::size_t longest = limits().key_bytes();
        if (fences.lower.size() > longest || fences.upper.size() > longest)
            return broken("a fence longer than a key");
        if (!fences.upper.empty() && fences.lower >= fences.upper)
            return broken("fences out of order");
        if (!has_right_prefix(node_, fences))
            return broken("a prefix that is not what the fences share");
        // All keys begin with the prefix, and so do the fences: suffixes tell the order. The upper
        // fence of a dense leaf that does not is above all that do.
        lower_ = fences.lower.from(node_.prefix().size());
        has_upper_ = !fences.upper.empty() && fences.upper.starts_with(node_.prefix());
        if (has_upper_) upper_ = fences.upper.from(node_.prefix().size());
        if (!take(header_.lower_offset, header_.lower_bytes) ||
            !take(header_.upper_offset, header_.upper_bytes))
            return broken("fences or entries that overlap");
        return success();
    }

    [[nodiscard]] result<void> check_slot(std::size_t at) {
        const node_slot slot = node_.slot(at);
        leaf_entry entry;
        if (node_.is_leaf() ? !node_.read_leaf_entry(at, entry) : !node_.read_key(at, entry.key))
            return broken("an entry outside the heap", at);
        const node_key_parts& key = entry.key;
        if (key.size() > limits().key_bytes()) return broken("a key longer than allowed", at);
        std::size_t size = node_.entry_fixed_bytes() + slot.suffix_bytes;
        if (node_.is_leaf()) {
            const std::size_t payload = entry.payload.value.size();
            if (!limits().takes(key.size(), payload))
                return broken("an entry larger than allowed", at);
            if (entry.payload.is_reference && payload != extent_reference_bytes)
                return broken("a reference that is none", at);
            size += payload;
        } else {
            std::uint64_t child = 0;
            if (!node_.read_child(at, child) || !good_child(child))
                return broken("a child that is none", at);
        }
        if (auto sound = check_order(at, slot.head, key); !sound) return sound;
        if (!take(slot.offset, size)) return broken("fences or entries that overlap", at);
        return success();
    }

    [[nodiscard]] result<void> check_order(std::size_t at, std::uint32_t head,
                                           const node_key_parts& key) {
        if (head != static_cast<std::uint32_t>(head_of(key.suffix) >> 32))
            return broken("a head that is not its key's", at);
        if (at != 0 && key.suffix <= last_) return broken("keys out of order", at);
        // The others ascend from the first.
        const bool below =
            at == 0 && (node_.is_leaf() ? key.suffix < lower_ : key.suffix <= lower_);
        if (below || (has_upper_ && key.suffix >= upper_))
            return broken("a key outside the fences", at);
        last_ = key.suffix;
        return success();
    }

    [[nodiscard]] node_limits limits() const noexcept { return {node_.page_bytes()}; }
    [[nodiscard]] bool good_child(std::uint64_t page) const noexcept {
        return page != 0 && page != header_.page;
    }

    //   Requires    inside the page
    //   Returns     whether nothing else had any of these bytes
    [[nodiscard]] bool take(std::size_t offset, std::size_t size) noexcept {
        taken_bytes_ += size;
        while (size != 0) {
            const std::size_t bit = offset % 64;
            const std::size_t some = size < 64 - bit ? size : 64 - bit;
            const std::uint64_t bits = ~std::uint64_t{0} >> (64 - some) << bit;
            std::uint64_t& word = taken_[offset / 64];
            if ((word & bits) != 0) return false;
            word |= bits;
            offset += some;
            size -= some;
        }
        return true;
    }

    [[nodiscard]] error broken(const char* what) const {
        return error{error_code::corrupt, "verifying a B+tree node"}
            .about(what)
            .with("table", expected_.table.value)
            .with("page", expected_.page)
            .with("found_table", header_.table)
            .with("found_page", header_.page);
    }
    [[nodiscard]] error broken(const char* what, std::size_t slot) const {
        return broken(what).with("slot", slot);
    }

    slotted_view<> node_;
    node_header header_;
    node_owner expected_;
    bytes_view lower_;  // fences without the prefix
    bytes_view upper_;
    bool has_upper_ = false;
    bytes_view last_;
    std::size_t taken_bytes_ = 0;
    std::uint64_t taken_[node_limits::max_page_bytes / 64];  // of this page, a bit for each byte
};

}  // namespace detail

//   Errors      corrupt, with the first thing that is wrong as its subject; `slot` where it is in
//               one
//   Threads     as a reader of the page
[[nodiscard]] inline result<void> verify_node(slotted_view<> node, node_owner expected) {
    return detail::node_check{node, expected}.run();
}

}  // namespace mantis
