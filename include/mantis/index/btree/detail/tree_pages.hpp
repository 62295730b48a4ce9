// SPDX-License-Identifier: BSL-1.0
//
// What the parts of a page_tree share: its pool and its names, views of its pages, and what is
// wrong with one.
//
// Threads: it is not changed.
#pragma once

#include "../../../page/buffer_pool.hpp"
#include "../../../page/page_numbers.hpp"
#include "../slotted_node.hpp"
#include "../slotted_verify.hpp"
#include "optimistic_access.hpp"

namespace mantis::detail {

template <class Page>
struct platform_of_page;
template <class Platform>
struct platform_of_page<optimistic_page<Platform>> {
    using type = Platform;
};

// As memcmp would say of bytes in a page and the caller's own; a prefix comes first.
template <class Access>
[[nodiscard]] int compare_in_page(bytes_view in_page, bytes_view own) {
    const std::size_t common = in_page.size() < own.size() ? in_page.size() : own.size();
    const int order = common == 0 ? 0 : Access::compare(in_page.data(), own.data(), common);
    if (order != 0 || in_page.size() == own.size()) return order;
    return in_page.size() < own.size() ? -1 : 1;
}

// Where to in a tree: the leaf that has `key` between its fences; the one with the keys that come
// before it; the last one.
enum class tree_side : std::uint8_t { at, before, last };
struct tree_target {
    bytes_view key;
    tree_side side = tree_side::at;
};

template <class Access>
[[nodiscard]] bool between_fences(const slotted_view<Access>& node, tree_target to) {
    const fence_keys fences = node.fences();
    if (to.side == tree_side::last) return fences.upper.empty();
    const int lower = compare_in_page<Access>(fences.lower, to.key);
    const int upper = fences.upper.empty() ? 1 : compare_in_page<Access>(fences.upper, to.key);
    if (to.side == tree_side::at) return lower <= 0 && upper > 0;
    return (lower < 0 || to.key.empty()) && upper >= 0;
}

//   Effects     `child` is that page, and `at` which of the children it is
//   Returns     false when malformed
template <class Access>
[[nodiscard]] bool child_towards(const slotted_view<Access>& node, tree_target to, page_id& child,
                                 std::size_t& at) {
    node_place place{node.count(), node_answer::absent};
    if (to.side == tree_side::at) place = node.child_of(to.key);
    if (to.side == tree_side::before) place = node.lower_bound(to.key);
    at = place.at;
    return place.answer != node_answer::malformed && node.read_child(place.at, child.value) &&
           child.value != 0;
}
template <class Access>
[[nodiscard]] bool child_towards(const slotted_view<Access>& node, tree_target to, page_id& child) {
    std::size_t at = 0;
    return child_towards(node, to, child, at);
}

template <class Pool, class Numbers>
struct tree_pages {
    using platform = typename platform_of_page<typename Pool::optimistic>::type;
    using access = optimistic_access<platform>;
    using optimistic = typename Pool::optimistic;
    using shared = typename Pool::shared;
    using exclusive = typename Pool::exclusive;
    using node_type = slotted_node<access>;
    using seen_view = slotted_view<access>;
    using view_type = slotted_view<>;

    static constexpr std::size_t any_level = ~std::size_t{0};
    // Each level at least doubles the pages, so no sound tree reaches it.
    static constexpr std::size_t max_level = 64;

    Pool* pool;
    Numbers* numbers;
    table_id table;
    page_id root;

    [[nodiscard]] static constexpr std::uint64_t mixed(std::uint64_t of) noexcept {
        of = (of ^ (of >> 32)) * 0x9e3779b97f4a7c15;
        return of ^ (of >> 29);
    }
    [[nodiscard]] std::size_t page_bytes() const noexcept { return pool->page_bytes(); }
    [[nodiscard]] node_limits limits() const noexcept { return {page_bytes()}; }
    [[nodiscard]] node_owner owner(page_id page) const noexcept { return {table, page.value}; }
    [[nodiscard]] node_type node(exclusive& held) const { return {held.data(), page_bytes()}; }
    template <class Held>
    [[nodiscard]] view_type view(const Held& held) const {
        return {held.data(), page_bytes()};
    }

    // Of an entry of this tree, for the pool to know its place by.
    [[nodiscard]] place_name name_of(bytes_view key) const noexcept {
        constexpr std::uint64_t mixer = 0x9e3779b97f4a7c15;
        std::uint64_t hash = (root.value ^ key.size()) * mixer;
        std::size_t at = 0;
        for (; at + 8 <= key.size(); at += 8)
            hash = mixed(hash ^ load_le<std::uint64_t>(key.data() + at));
        std::uint64_t rest = 0;
        for (; at < key.size(); ++at) rest = rest << 8 | std::to_integer<std::uint64_t>(key[at]);
        return {root.value, mixed(hash ^ rest)};
    }

    [[nodiscard]] error corrupt(page_id page, const char* what) const {
        return error{error_code::corrupt, "reading a page of a B+tree"}
            .about(what)
            .with("table", table.value)
            .with("page", page.value);
    }
    // A page that a node leads to has to be there.
    [[nodiscard]] error child_failed(error failed, page_id child) const {
        if (failed.code() == error_code::not_found || failed.code() == error_code::invalid_argument)
            return corrupt(child, "a node leads to a page that is not there");
        return std::move(failed).with("table", table.value);
    }

    // Of the node that is to be found in `page`; looks at the header only.
    //   Returns     what is wrong; nullptr: nothing
    template <class Access>
    [[nodiscard]] const char* wrong_node(const slotted_view<Access>& seen, page_id page,
                                         std::size_t level) const {
        if (seen.malformed()) return "a node whose bytes make no sense";
        if (seen.owner() != owner(page)) return "a node of another table or page";
        if (seen.is_leaf() != (seen.level() == 0) || seen.level() > max_level)
            return "a level that is not of its kind";
        if (level != any_level && seen.level() != level) return "a node of another level";
        return nullptr;
    }
    template <class Held>
    [[nodiscard]] result<void> check_node(const Held& held, tree_target to,
                                          std::size_t level) const {
        const view_type seen = view(held);
        if (const char* wrong = wrong_node(seen, held.page(), level))
            return corrupt(held.page(), wrong);
        if (!between_fences(seen, to)) return corrupt(held.page(), "other fences than expected");
        return success();
    }
    // All of a page that is held, before it is built anew.
    template <class Held>
    [[nodiscard]] result<void> verify_held(const Held& held) const {
        return verify_node(view(held), owner(held.page()));
    }
    // All of child `at` of a sound node, and that its fences are those around it there.
    [[nodiscard]] result<void> verify_child(const view_type& parent, std::size_t at,
                                            const view_type& child, page_id page) const {
        if (auto sound = verify_node(child, owner(page)); !sound) return sound;
        if (child.level() + 1 != parent.level()) return corrupt(page, "a node of another level");
        node_key lower;
        node_key upper;
        lower.assign(parent.fences().lower);
        upper.assign(parent.fences().upper);
        if ((at != 0 && !parent.copy_key(at - 1, lower)) ||
            (at != parent.count() && !parent.copy_key(at, upper)))
            return corrupt(page, "a separator that makes no sense");
        if (child.fences().lower != lower.view() || child.fences().upper != upper.view())
            return corrupt(page, "other fences than expected");
        return success();
    }
};

}  // namespace mantis::detail
