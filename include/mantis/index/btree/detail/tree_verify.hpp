// SPDX-License-Identifier: BSL-1.0
//
// Looks at every page of a page_tree.
//
// What it checks, page by page from the root down: verify_node(), which sees the page's number and
// table; that the level is one less than the parent's; and that the fences are the separators (or
// fences) around the child's number in the parent.
//
// That is all there is. Fences that agree make the leaves one chain without gaps, so the keys of
// all leaves ascend; and no page is reached twice: its fences would have to be two different ones,
// for separators ascend strictly, or its level two different ones.
//
// Then every extent that a leaf refers to: the header of each of its pages, which is that of one
// place in one value, and the checksum. The key is part of that, so two entries cannot share one.
//
// Memory: a copy of a page for each level, and one. No page is held while another is asked for.
#pragma once

#include "extent_reader.hpp"
#include "tree_descent.hpp"

namespace mantis {

struct page_tree_stats {
    std::uint64_t entries = 0;
    std::uint64_t leaves = 0;
    std::uint64_t inner_nodes = 0;
    std::uint64_t height = 0;      // levels: 1 where the root is a leaf
    std::uint64_t used_bytes = 0;  // of the nodes: headers, slots, fences and entries
    std::uint64_t page_bytes = 0;  // of the nodes
    std::uint64_t extents = 0;     // values in pages of their own
    std::uint64_t extent_pages = 0;
    std::uint64_t extent_bytes = 0;  // of those values

    [[nodiscard]] std::uint64_t pages() const noexcept {
        return leaves + inner_nodes + extent_pages;
    }
};

namespace detail {

template <class Tree, class Visit>
class tree_verify {
public:
    tree_verify(const Tree& tree, Visit& visit)
        : tree_{tree}, visit_{visit}, part_(tree.page_bytes()) {}

    [[nodiscard]] result<page_tree_stats> run() {
        page_copy root{tree_.page_bytes()};
        if (auto read = root.read(tree_, tree_.root); !read) return std::move(read).error();
        const slotted_view<> view = root.view();
        if (auto sound = verify_node(view, tree_.owner(tree_.root)); !sound)
            return std::move(sound).error();
        if (view.level() > Tree::max_level)
            return tree_.corrupt(tree_.root, "a level that is not of its kind");
        if (!view.fences().lower.empty() || !view.fences().upper.empty())
            return tree_.corrupt(tree_.root, "a root with fences");
        figures_.height = view.level() + 1;
        if (auto sound = check_below(root, tree_.root); !sound) return std::move(sound).error();
        return figures_;
    }

private:
    class page_copy {
    public:
        explicit page_copy(std::size_t page_bytes) : words_(page_bytes / sizeof(std::uint64_t)) {}

        [[nodiscard]] result<void> read(const Tree& tree, page_id page) {
            return tree.pool->read(page, [&](const auto& seen) {
                seen.copy(words_.data(), 0, words_.size() * sizeof(std::uint64_t));
            });
        }
        [[nodiscard]] slotted_view<> view() const {
            return {reinterpret_cast<const std::byte*>(words_.data()),
                    words_.size() * sizeof(std::uint64_t)};
        }

    private:
        std::vector<std::uint64_t> words_;
    };

    // Counts a sound node, and checks all below it. As deep as the tree is high.
    [[nodiscard]] result<void> check_below(const page_copy& copy, page_id page) {
        const slotted_view<> view = copy.view();
        if (auto seen = visit_(page); !seen) return seen;
        figures_.used_bytes += view.bytes_used();
        figures_.page_bytes += view.page_bytes();
        if (view.is_leaf()) {
            ++figures_.leaves;
            figures_.entries += view.count();
            return check_extents(view, page);
        }
        ++figures_.inner_nodes;
        page_copy below{tree_.page_bytes()};
        for (std::size_t at = 0; at <= view.count(); ++at) {
            page_id child;
            if (!view.read_child(at, child.value))
                return tree_.corrupt(page, "a child that makes no sense");
            if (auto read = below.read(tree_, child); !read)
                return tree_.child_failed(std::move(read).error(), child);
            if (auto sound = tree_.verify_child(view, at, below.view(), child); !sound)
                return sound;
            if (auto sound = check_below(below, child); !sound) return sound;
        }
        return success();
    }

    //   Requires    a sound leaf
    [[nodiscard]] result<void> check_extents(const slotted_view<>& leaf, page_id page) {
        for (std::size_t at = 0; at < leaf.count(); ++at) {
            leaf_entry entry;
            if (!leaf.read_leaf_entry(at, entry))
                return tree_.corrupt(page, "an entry that makes no sense");
            if (!entry.payload.is_reference) continue;
            const extent_reference of = load_extent_reference(entry.payload.value.data());
            if (!of.makes_sense())
                return tree_.corrupt(page, "a reference to a value that makes no sense");
            if (auto sound = check_extent(entry.key, of); !sound) return sound;
        }
        return success();
    }
    [[nodiscard]] result<void> check_extent(const node_key_parts& key, extent_reference of) {
        std::uint64_t checksum = crc32c::of(key.suffix, crc32c::of(key.prefix));
        extent_walk walk{*tree_.pool, tree_.table, of};
        while (!walk.done()) {
            const std::size_t size = walk.bytes_next();
            const auto page = walk.step(part_.data());
            if (!page) return page.error();
            if (auto seen = visit_(*page); !seen) return seen;
            checksum = crc32c::of({part_.data(), size}, checksum);
            ++figures_.extent_pages;
        }
        if (checksum != of.checksum)
            return walk.corrupt({of.first_page}, "a value with another checksum");
        ++figures_.extents;
        figures_.extent_bytes += of.value_bytes;
        return success();
    }

    const Tree& tree_;
    Visit& visit_;
    std::vector<std::byte> part_;
    page_tree_stats figures_;
};

}  // namespace detail

}  // namespace mantis
