// SPDX-License-Identifier: BSL-1.0
//
// A place in a btree_map. Forward and backward; one past the last entry is the end of the last
// leaf.
//
// Any change of the map but of values makes all its iterators invalid.
#pragma once

#include <compare>
#include <type_traits>
#include <utility>
#include <vector>  // the iterator tags, without the streams that <iterator> brings

namespace mantis::detail {

template <class Leaf, bool Const>
class map_iterator {
public:
    using entry_type = typename Leaf::slot_type::entry_type;
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = entry_type;
    using difference_type = std::ptrdiff_t;
    using reference = std::conditional_t<Const, const entry_type&, entry_type&>;
    using pointer = std::conditional_t<Const, const entry_type*, entry_type*>;

    map_iterator() noexcept = default;
    map_iterator(Leaf* leaf, std::size_t at) noexcept : leaf_{leaf}, at_{at} {}
    operator map_iterator<Leaf, true>() const noexcept requires(!Const) { return {leaf_, at_}; }

    [[nodiscard]] reference operator*() const noexcept { return leaf_->slots[at_].entry; }
    [[nodiscard]] pointer operator->() const noexcept { return &leaf_->slots[at_].entry; }

    map_iterator& operator++() noexcept {
        if (++at_ == leaf_->count && leaf_->next != nullptr) {
            leaf_ = leaf_->next;
            at_ = 0;
        }
        return *this;
    }
    map_iterator operator++(int) noexcept {
        const map_iterator before = *this;
        ++*this;
        return before;
    }
    map_iterator& operator--() noexcept {
        if (at_ == 0) {
            leaf_ = leaf_->previous;
            at_ = leaf_->count;
        }
        --at_;
        return *this;
    }
    map_iterator operator--(int) noexcept {
        const map_iterator before = *this;
        --*this;
        return before;
    }

    bool operator==(const map_iterator&) const noexcept = default;

    // For the map.
    [[nodiscard]] Leaf* leaf() const noexcept { return leaf_; }
    [[nodiscard]] std::size_t at() const noexcept { return at_; }

private:
    Leaf* leaf_ = nullptr;
    std::size_t at_ = 0;
};

}  // namespace mantis::detail
