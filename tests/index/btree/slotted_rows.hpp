// SPDX-License-Identifier: BSL-1.0
//
// What the tests of slotted nodes share: pages of their own, keys that are hard to tell apart, and
// one level of a tree, without the levels above.
#pragma once

#include <mantis/index/btree/slotted_node.hpp>
#include <mantis/index/btree/slotted_verify.hpp>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace slotted_tests {

using mantis::bytes_view;
using mantis::fence_keys;
using mantis::lsn;
using mantis::node_answer;
using mantis::node_owner;
using mantis::node_payload;
using mantis::slotted_node;
using mantis::slotted_view;
using mantis::table_id;

inline constexpr std::size_t page_sizes[] = {512, 1024, 4096, 16384, 32768};
inline constexpr table_id table{7};

// A page of exactly its bytes, aligned to 8, full of rubbish at first.
class page {
public:
    page(std::size_t size, std::uint64_t id) : id_{id}, words_(size / 8, 0xa5a5a5a5a5a5a5a5u) {}

    std::byte* data() { return reinterpret_cast<std::byte*>(words_.data()); }
    const std::byte* data() const { return reinterpret_cast<const std::byte*>(words_.data()); }
    std::size_t size() const { return words_.size() * 8; }
    node_owner owner() const { return {table, id_}; }
    slotted_node<> node() { return {data(), size()}; }
    slotted_view<> view() const { return {data(), size()}; }
    // What is wrong with it; nothing when it is sound.
    std::string damage() const {
        const auto sound = verify_node(view(), owner());
        return sound ? "" : sound.error().message().as<std::string>();
    }
    std::uint64_t id() const { return id_; }

private:
    std::uint64_t id_;
    std::vector<std::uint64_t> words_;
};

inline std::string joined(const mantis::node_key_parts& key) {
    return key.prefix.as<std::string>() + key.suffix.as<std::string>();
}

// Up to `longest` bytes: long shared starts, few different letters, zeros and ones at the end.
inline std::string random_key(std::mt19937_64& random, std::size_t longest) {
    static const std::string starts[] = {"",
                                         "user",
                                         "user-0000",
                                         std::string(5000, 'p'),
                                         "\xff\xff\xff\xff\xff",
                                         std::string("\0\0\0\0\0", 5)};
    static const std::string letters{"\0\1ab\xff", 5};
    std::string key = starts[random() % 6].substr(0, longest == 0 ? 0 : random() % (longest + 1));
    std::size_t more = random() % 8 == 0 ? random() % (longest + 1) : random() % 6;
    for (; more > 0 && key.size() < longest; --more) key.push_back(letters[random() % 5]);
    return key;
}

// The leaves or the inner nodes of one level, in key order.
class row {
public:
    row(std::size_t page_bytes, std::size_t level) : page_bytes_{page_bytes} {
        pages_.push_back(std::make_unique<page>(page_bytes, next_id_++));
        if (level == 0) pages_[0]->node().init_leaf(pages_[0]->owner(), {});
        else pages_[0]->node().init_inner(level, pages_[0]->owner(), {}, first_child);
    }
    static constexpr std::uint64_t first_child = 1'000'000'000;

    std::size_t size() const { return pages_.size(); }
    page& operator[](std::size_t at) { return *pages_[at]; }
    const page& operator[](std::size_t at) const { return *pages_[at]; }

    // The page whose fences have `key` between them.
    std::size_t index_of(bytes_view key) const {
        std::size_t at = 0;
        std::size_t end = pages_.size();
        while (end - at > 1) {
            const std::size_t middle = at + (end - at) / 2;
            if (pages_[middle]->view().fences().lower <= key) at = middle;
            else end = middle;
        }
        return at;
    }
    // Cuts page `at`; what comes next belongs to the page whose index is returned.
    std::size_t split(std::size_t at, const mantis::node_split& plan, bytes_view next) {
        auto right = std::make_unique<page>(page_bytes_, next_id_++);
        pages_[at]->node().split(plan, right->node(), right->id());
        pages_.insert(pages_.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(right));
        return next < plan.separator.view() ? at : at + 1;
    }
    // Merges page `at` with the next one when both together leave a quarter free.
    bool merge(std::size_t at) {
        if (at + 1 >= pages_.size()) return false;
        slotted_node<> left = pages_[at]->node();
        const slotted_node<> right = pages_[at + 1]->node();
        const std::size_t bytes = left.bytes_merged(right);
        if (bytes > page_bytes_ * 3 / 4) return false;
        left.merge(right);
        if (left.view().bytes_used() != bytes) return false;
        pages_.erase(pages_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
        return true;
    }

    //   Returns     the index of the page that has it now
    std::size_t put(bytes_view key, node_payload payload, lsn version) {
        std::size_t at = index_of(key);
        while (!try_put(at, key, payload, version)) {
            const auto view = pages_[at]->view();
            const bool was_dense = view.is_dense();
            const auto place = view.lower_bound(key);
            const auto plan = pages_[at]->node().plan_leaf_split(
                place.at, place.answer == node_answer::found, key, payload.value.size());
            at = split(at, plan, key);
            // What a dense leaf does not take may want more than one cut.
            if (was_dense) continue;
            return try_put(at, key, payload, version) ? at : ~std::size_t{0};
        }
        return at;
    }
    bool try_put(std::size_t at, bytes_view key, node_payload payload, lsn version) {
        const auto place = pages_[at]->view().lower_bound(key);
        slotted_node<> node = pages_[at]->node();
        return place.answer == node_answer::found ? node.replace(place.at, key, payload, version)
                                                  : node.insert(place.at, key, payload, version);
    }
    //   Returns     the index of the page that has it now
    std::size_t put_child(bytes_view separator, std::uint64_t right) {
        std::size_t at = index_of(separator);
        const std::size_t child = pages_[at]->view().child_of(separator).at;
        if (pages_[at]->node().insert_child(child, separator, right)) return at;
        at = split(at, pages_[at]->node().plan_inner_split(child), separator);
        const std::size_t there = pages_[at]->view().child_of(separator).at;
        return pages_[at]->node().insert_child(there, separator, right) ? at : ~std::size_t{0};
    }

private:
    std::size_t page_bytes_;
    std::uint64_t next_id_ = 1;
    std::vector<std::unique_ptr<page>> pages_;
};

}  // namespace slotted_tests
