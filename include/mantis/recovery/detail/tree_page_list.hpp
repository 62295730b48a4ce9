// SPDX-License-Identifier: BSL-1.0
//
// The pages of a tree. Leaves are not read: those above them name them.
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

    //   Errors      those of the pool; corrupt, with the page that is no node of this table, or is
    //               there twice
    //   Complexity  reads every inner node, and as much memory as the tree is high
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

    [[nodiscard]] result<void> add_below(page_id page, std::size_t parent_level) {
        std::vector<std::uint64_t> words(pool_->page_bytes() / sizeof(std::uint64_t));
        auto read = pool_->read(page, [&](const auto& seen) {
            seen.copy(words.data(), 0, words.size() * sizeof(std::uint64_t));
        });
        if (!read) return std::move(read.error()).with("table", table_.value);
        const slotted_view<> node{reinterpret_cast<const std::byte*>(words.data()),
                                  pool_->page_bytes()};
        if (auto sound = verify_node(node, {table_, page.value}); !sound) return sound;
        const bool is_root = parent_level == most_levels;
        if (node.level() >= parent_level || (!is_root && node.level() + 1 != parent_level))
            return corrupt(page);
        pages_.push_back(page);
        if (node.is_leaf()) return success();
        for (std::size_t at = 0; at <= node.count(); ++at) {
            page_id child;
            if (!node.read_child(at, child.value) || child.value == 0) return corrupt(page);
            if (pages_.size() >= most_pages_) return corrupt(child);
            if (node.level() == 1) pages_.push_back(child);
            else if (auto done = add_below(child, node.level()); !done) return done;
        }
        return success();
    }

    Pool* const pool_;
    const table_id table_;
    const std::uint64_t most_pages_;
    std::vector<page_id> pages_;
};

}  // namespace mantis::detail
