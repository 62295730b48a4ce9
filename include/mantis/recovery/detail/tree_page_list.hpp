// SPDX-License-Identifier: BSL-1.0
//
// The pages of a tree. Leaves are not read: those above them name them.
//
// Threads: nobody changes the tree meanwhile.
#pragma once

#include "../../index/btree/page_tree.hpp"

namespace mantis::detail {

template <class Pool>
class tree_page_list {
public:
    tree_page_list(Pool& pool, table_id table) noexcept : pool_{&pool}, table_{table} {}

    //   Errors      those of the pool; corrupt, with the page that is no node of this table
    //   Complexity  reads every inner node, and as much memory as the tree is high
    [[nodiscard]] result<void> add_all(page_id root) { return add_below(root, most_levels); }
    [[nodiscard]] const std::vector<page_id>& pages() const noexcept { return pages_; }

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
            if (node.level() == 1) pages_.push_back(child);
            else if (auto done = add_below(child, node.level()); !done) return done;
        }
        return success();
    }
    [[nodiscard]] error corrupt(page_id page) const {
        return error{error_code::corrupt, "listing the pages of a table"}
            .with("table", table_.value)
            .with("page", page.value);
    }

    Pool* const pool_;
    const table_id table_;
    std::vector<page_id> pages_;
};

}  // namespace mantis::detail
