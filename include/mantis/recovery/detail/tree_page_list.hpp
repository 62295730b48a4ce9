// SPDX-License-Identifier: BSL-1.0
//
// The pages of a tree, with those of the values that have pages of their own.
//
// A leaf that is damaged is listed, but not the pages of its values; nor is a page of a value from
// the first damaged one on. They stay taken: who knows whose they are.
//
// Threads: nobody changes the tree meanwhile.
#pragma once

#include "../../index/btree/page_tree.hpp"

#include <cstdlib>

namespace mantis::detail {

template <class Pool>
class tree_page_list {
public:
    // A tree of more than `most_pages` is damaged.
    tree_page_list(Pool& pool, table_id table, std::uint64_t most_pages) noexcept
        : pool_{&pool}, table_{table}, most_pages_{most_pages} {}

    //   Errors      those of the pool; corrupt, with the page that is no inner node of this table,
    //               or is there twice
    //   Complexity  reads every page, and takes as many pages of memory as the tree is high
    [[nodiscard]] result<void> add_all(page_id root) {
        if (auto added = add_below(root, most_levels); !added) return added;
        std::qsort(pages_.data(), pages_.size(), sizeof(page_id), [](const void* a, const void* b) {
            const page_id one = *static_cast<const page_id*>(a);
            const page_id other = *static_cast<const page_id*>(b);
            return one < other ? -1 : one > other ? 1 : 0;
        });
        for (std::size_t at = 1; at < pages_.size(); ++at)
            if (pages_[at] == pages_[at - 1]) return corrupt(pages_[at]);
        return success();
    }
    // Ascending.
    [[nodiscard]] const std::vector<page_id>& pages() const noexcept { return pages_; }
    [[nodiscard]] error corrupt(page_id page) const {
        return error{error_code::corrupt, "listing the pages of a table"}
            .with("table", table_.value)
            .with("page", page.value);
    }

private:
    static constexpr std::size_t most_levels = 64;  // each at least doubles the pages

    // A sound node, or why there is none.
    [[nodiscard]] result<slotted_view<>> read(page_id page, std::vector<std::uint64_t>& words) {
        words.resize(pool_->page_bytes() / sizeof(std::uint64_t));
        auto read = pool_->read(page, [&](const auto& seen) {
            seen.copy(words.data(), 0, words.size() * sizeof(std::uint64_t));
        });
        if (!read) return std::move(read.error()).with("table", table_.value);
        const slotted_view<> node{reinterpret_cast<const std::byte*>(words.data()),
                                  pool_->page_bytes()};
        if (auto sound = verify_node(node, {table_, page.value}); !sound)
            return std::move(sound).error();
        return node;
    }
    [[nodiscard]] result<void> add_below(page_id page, std::size_t parent_level) {
        std::vector<std::uint64_t> words;
        const auto seen = read(page, words);
        if (!seen) return seen.error();
        const slotted_view<>& node = *seen;
        const bool is_root = parent_level == most_levels;
        if (node.level() >= parent_level || (!is_root && node.level() + 1 != parent_level))
            return corrupt(page);
        pages_.push_back(page);
        if (node.is_leaf()) return add_extents(node);
        for (std::size_t at = 0; at <= node.count(); ++at) {
            page_id child;
            if (!node.read_child(at, child.value) || child.value == 0) return corrupt(page);
            if (pages_.size() >= most_pages_) return corrupt(child);
            auto done = node.level() == 1 ? add_leaf(child) : add_below(child, node.level());
            if (!done) return done;
        }
        return success();
    }
    [[nodiscard]] result<void> add_leaf(page_id page) {
        pages_.push_back(page);
        std::vector<std::uint64_t> words;
        const auto seen = read(page, words);
        if (seen) return add_extents(*seen);
        const error_code why = seen.error().code();
        if (why == error_code::invalid_argument) return corrupt(page);  // no page has that number
        const bool damaged = why == error_code::corrupt || why == error_code::not_found;
        return damaged ? success() : result<void>{seen.error()};
    }
    [[nodiscard]] result<void> add_extents(const slotted_view<>& leaf) {
        for (std::size_t at = 0; at < leaf.count(); ++at) {
            leaf_entry entry;
            if (!leaf.read_leaf_entry(at, entry) || !entry.payload.is_reference) continue;
            const extent_reference of = load_extent_reference(entry.payload.value.data());
            if (!of.makes_sense()) continue;
            for (extent_walk walk{*pool_, table_, of}; !walk.done();) {
                const auto page = walk.step(nullptr);
                if (!page && page.error().code() == error_code::corrupt) break;
                if (!page) return page.error();
                if (pages_.size() >= most_pages_) return corrupt(*page);
                pages_.push_back(*page);
            }
        }
        return success();
    }

    Pool* const pool_;
    const table_id table_;
    const std::uint64_t most_pages_;
    std::vector<page_id> pages_;
};

}  // namespace mantis::detail
