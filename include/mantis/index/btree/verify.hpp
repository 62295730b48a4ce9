// SPDX-License-Identifier: BSL-1.0
//
// Walks a whole B+tree and checks every invariant that byte_map.hpp lists.
//
// Complexity: every node and key once; recurses over the height.
#pragma once

#include "../../core/result.hpp"
#include "byte_map.hpp"

namespace mantis {

namespace detail {

template <class Config>
class btree_walk {
public:
    explicit btree_walk(const byte_map<Config>& tree) noexcept : tree_{tree} {}

    [[nodiscard]] result<void> run() {
        if (tree_.root() == nullptr) return totals();
        if (auto failed = visit(*tree_.root(), {}, edge::both); !failed) return failed;
        if (last_leaf_->next != nullptr) return broken("a link leads past the last leaf");
        return totals();
    }

private:
    using leaf_type = typename byte_map<Config>::leaf_type;
    using inner_type = typename byte_map<Config>::inner_type;

    // The keys that a node may hold: from <= key < to.
    struct bounds {
        const bytes* from = nullptr;
        const bytes* to = nullptr;
    };
    // Where a node is: the root is the whole level, the last of a level is on the right edge.
    enum class edge : std::uint8_t { none, right, both };

    [[nodiscard]] result<void> visit(const node& at, bounds within, edge where) {
        if (at.level == 0) return visit_leaf(static_cast<const leaf_type&>(at), within, where);
        return visit_inner(static_cast<const inner_type&>(at), within, where);
    }

    [[nodiscard]] result<void> visit_inner(const inner_type& at, bounds within, edge where) {
        memory_bytes_ += tree_.inner_bytes;
        if (at.count > at.capacity || at.count < least<inner_type>(2, where))
            return broken("an inner node holds too few or too many children");
        if (auto failed = visit_separators(at, within); !failed) return failed;
        for (std::size_t i = 0; i < at.count; ++i) {
            const bool last = i + 1 == at.count;
            if (at.children[i]->level + 1 != at.level)
                return broken("leaves are at different depths");
            const bounds inside{i == 0 ? within.from : &at.separators[i - 1],
                                last ? within.to : &at.separators[i]};
            const edge child = last && where != edge::none ? edge::right : edge::none;
            if (auto failed = visit(*at.children[i], inside, child); !failed) return failed;
        }
        return success();
    }

    [[nodiscard]] result<void> visit_separators(const inner_type& at, bounds within) {
        for (std::size_t i = 0; i < at.separator_count(); ++i) {
            const bytes& separator = at.separators[i];
            memory_bytes_ += allocated_bytes(separator.capacity());
            if (i != 0 && separator <= at.separators[i - 1])
                return broken("separators out of order");
            if (!inside(separator, within))
                return broken("a separator outside its parent's bounds");
        }
        return visit_heads(at.heads, at.separator_count(), at.keys());
    }

    [[nodiscard]] result<void> visit_leaf(const leaf_type& at, bounds within, edge where) {
        memory_bytes_ += tree_.leaf_bytes;
        if (at.count > at.capacity || at.count < least<leaf_type>(1, where))
            return broken("a leaf holds too few or too many entries");
        if (last_leaf_ != nullptr && last_leaf_->next != &at)
            return broken("a link misses the next leaf");
        last_leaf_ = &at;
        for (std::size_t i = 0; i < at.count; ++i) {
            const record& entry = *at.entries[i];
            if (last_key_ != nullptr && entry.key() <= last_key_->key())
                return broken("keys out of order");
            if (!inside(entry.key(), within))
                return broken("a key on the wrong side of a separator");
            last_key_ = &entry;
            memory_bytes_ += entry.memory_bytes();
            ++count_;
        }
        return visit_heads(at.heads, at.count, at.keys());
    }

    template <class Heads, class KeyAt>
    [[nodiscard]] result<void> visit_heads(const Heads& heads, std::size_t count,
                                           KeyAt key_at) const {
        const std::size_t shared = heads.prefix().size();
        for (std::size_t i = 0; i < count; ++i) {
            if (!key_at(i).starts_with(heads.prefix()))
                return broken("a key without its node's prefix");
            if (heads[i] != head_of(key_at(i).from(shared)))
                return broken("a head that is not its key's");
        }
        return success();
    }

    [[nodiscard]] result<void> totals() const {
        if (count_ != tree_.count()) return broken("the count of entries is wrong");
        if (memory_bytes_ != tree_.memory_bytes())
            return broken("the count of memory bytes is wrong");
        return success();
    }

    template <class Node>
    [[nodiscard]] static std::size_t least(std::size_t on_the_edge, edge where) noexcept {
        return where == edge::none ? Node::fill::least : on_the_edge;
    }
    [[nodiscard]] static bool inside(bytes_view key, bounds within) noexcept {
        if (within.from != nullptr && key < within.from->view()) return false;
        return within.to == nullptr || key < within.to->view();
    }
    // With the number of entries before the place, for whoever looks at it in a debugger.
    [[nodiscard]] error broken(const char* what) const {
        return error{error_code::corrupt, "verifying a B+tree"}.about(what).with("entries_before",
                                                                                 count_);
    }

    const byte_map<Config>& tree_;
    const leaf_type* last_leaf_ = nullptr;
    const record* last_key_ = nullptr;
    std::size_t count_ = 0;
    std::size_t memory_bytes_ = 0;
};

}  // namespace detail

//   Errors      corrupt, with the first invariant that does not hold as its subject
//   Threads     as a reader of `tree`
template <class Config>
[[nodiscard]] result<void> verify(const byte_map<Config>& tree) {
    return detail::btree_walk<Config>{tree}.run();
}

}  // namespace mantis
