// SPDX-License-Identifier: BSL-1.0
//
// A directory's names, in order, each with what it names. Several names may mean the same thing.
#pragma once

#include "shared.hpp"

#include <vector>

namespace mantis::detail {

template <class Node>
class name_table {
public:
    struct entry {
        bytes name;
        shared<Node> node;
    };

    //   Returns     what the name means, or an empty owner
    [[nodiscard]] shared<Node> find(bytes_view name) const {
        const std::size_t at = lower_bound(name);
        return here(at, name) ? entries_[at].node : shared<Node>{};
    }
    //   Effects     the name means `node`, whatever it meant before
    void set(bytes_view name, shared<Node> node) {
        const std::size_t at = lower_bound(name);
        if (!here(at, name)) {
            const auto before = entries_.begin() + static_cast<std::ptrdiff_t>(at);
            entries_.insert(before, entry{bytes{name}, std::move(node)});
            return;
        }
        entries_[at].node = std::move(node);
    }
    //   Returns     false when there was no such name
    bool erase(bytes_view name) {
        const std::size_t at = lower_bound(name);
        if (!here(at, name)) return false;
        entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
        return true;
    }
    //   Effects     no name means `node` any more
    void erase_node(const shared<Node>& node) {
        for (std::size_t at = entries_.size(); at-- > 0;)
            if (entries_[at].node == node)
                entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    [[nodiscard]] const std::vector<entry>& entries() const noexcept { return entries_; }

private:
    [[nodiscard]] bool here(std::size_t at, bytes_view name) const noexcept {
        return at < entries_.size() && entries_[at].name.view() == name;
    }
    [[nodiscard]] std::size_t lower_bound(bytes_view name) const noexcept {
        std::size_t low = 0;
        std::size_t high = entries_.size();
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (entries_[middle].name.view() < name) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    std::vector<entry> entries_;
};

}  // namespace mantis::detail
