// SPDX-License-Identifier: BSL-1.0
//
// A new extent, which nobody sees until a leaf refers to it. Unless it is kept, its pages are gone
// with this object, and their numbers are free: nothing of that can fail.
//
// All numbers are taken first, ascending where the numbers are, so that a value lies in one piece
// where it can; then the pages are made, one held at a time. The numbers are noted in memory, eight
// bytes for each page, so that pages that have left the pool by then need not be read to be freed.
//
// Threads: like an int; no epoch begins as long as it is there.
#pragma once

#include "extent_layout.hpp"
#include "tree_pages.hpp"

#include <vector>

namespace mantis::detail {

template <class Tree>
class new_extent {
public:
    explicit new_extent(const Tree& tree) noexcept : tree_{tree} {}
    new_extent(const new_extent&) = delete;
    new_extent& operator=(const new_extent&) = delete;
    ~new_extent() {
        for (std::size_t at = 0; at < pages_.size(); ++at) {
            if (at < made_) tree_.pool->forget(pages_[at]);
            tree_.numbers->give_back(pages_[at]);
        }
    }

    //   Requires    0 < value.size() <= max_extent_bytes; it is called once
    //   Errors      those of the page numbers and of the pool
    [[nodiscard]] result<void> write(bytes_view key, bytes_view value) {
        const extent_shape shape{tree_.page_bytes(), value.size()};
        pages_.reserve(shape.page_count());
        while (pages_.size() < shape.page_count()) {
            const auto number = tree_.numbers->take();
            if (!number) return number.error();
            pages_.push_back(*number);
        }
        const extent_reference of{pages_[0].value, static_cast<std::uint32_t>(value.size()),
                                  extent_checksum(key, value)};
        for (; made_ < pages_.size(); ++made_) {
            auto held = tree_.pool->make(pages_[made_]);
            if (!held) return std::move(held).error();
            extent_header header = header_of_extent(tree_.table, of, shape, made_, pages_[made_]);
            if (made_ + 1 != pages_.size()) header.next_page = pages_[made_ + 1].value;
            std::byte raw[sizeof(extent_header)];
            store_extent_header(raw, header);
            held->write(0, raw, sizeof raw);
            held->write(sizeof raw, value.data() + shape.bytes_before(made_),
                        shape.bytes_in(made_));
        }
        store_extent_reference(reference_, of);
        return success();
    }
    // What a leaf holds for it.
    //   Requires    it was written, and this lives longer
    [[nodiscard]] node_payload payload() const noexcept {
        return {{reference_, sizeof reference_}, true};
    }
    // All of its pages, in their order, until it is kept.
    [[nodiscard]] const std::vector<page_id>& pages() const noexcept { return pages_; }
    //   Requires    a leaf refers to it
    void keep() noexcept { pages_.clear(); }

private:
    const Tree& tree_;
    std::vector<page_id> pages_;
    std::size_t made_ = 0;
    std::byte reference_[extent_reference_bytes] = {};
};

}  // namespace mantis::detail
