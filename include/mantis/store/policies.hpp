// SPDX-License-Identifier: BSL-1.0
//
// How an application says what its database is made of:
//
//   struct ledger : mantis::policies<with::durability<mantis::periodic>, with::checksum<mantis::xxh3>> {};
//   auto db = mantis::store<ledger>::open("ledger.db");
//
// with::x<T> only records T. `policies` refuses what is not a with:: option and what is given twice; `checked` resolves each
// slot once, says in one sentence what is wrong with a choice, and goes on with the stock policy, so that one mistake is one
// error. docs/policies.md has a table per slot.
#pragma once

#include "../core/checksum.hpp"
#include "../index/btree/btree.hpp"
#include "../platform/posix.hpp"
#include "../wal/durability.hpp"

#include <type_traits>

namespace mantis {

// The slots, as tags.
namespace slot {
struct platform;
struct indexes;
struct durability;
struct checksum;
}  // namespace slot

template <class... Index>
struct index_list {};

namespace with {
template <class T>
struct platform {
    using slot = mantis::slot::platform;
    using choice = T;
};
template <class... T>
struct indexes {
    using slot = mantis::slot::indexes;
    using choice = index_list<T...>;
};
template <class T>
struct durability {
    using slot = mantis::slot::durability;
    using choice = T;
};
template <class T>
struct checksum {
    using slot = mantis::slot::checksum;
    using choice = T;
};
}  // namespace with

template <class T>
concept policy_option = requires {
    typename T::slot;
    typename T::choice;
};

namespace detail {

struct policies_base {};

template <class T>
struct slot_of {
    using type = T;  // what is no option is a slot of its own
};
template <policy_option T>
struct slot_of<T> {
    using type = typename T::slot;
};

template <class First, class... Rest>
inline constexpr bool names_slot_of = (std::is_same_v<typename slot_of<First>::type, typename slot_of<Rest>::type> || ...);

template <class... With>
inline constexpr bool any_repeated = false;
template <class First, class... Rest>
inline constexpr bool any_repeated<First, Rest...> = names_slot_of<First, Rest...> || any_repeated<Rest...>;

template <class Slot, class Default, class... With>
struct choose {
    using type = Default;
};
template <class Slot, class Default, class First, class... Rest>
struct choose<Slot, Default, First, Rest...> : choose<Slot, Default, Rest...> {};
template <class Slot, class Default, policy_option First, class... Rest>
    requires std::is_same_v<typename First::slot, Slot>
struct choose<Slot, Default, First, Rest...> {
    using type = typename First::choice;
};

template <class Platform, class List>
inline constexpr bool all_index_policies = false;
template <class Platform, class First, class... Rest>
inline constexpr bool all_index_policies<Platform, index_list<First, Rest...>> =
    index_policy<First, Platform> && (index_policy<Rest, Platform> && ...);

}  // namespace detail

template <class... With>
struct policies : detail::policies_base {
    static_assert((policy_option<With> && ...),
                  "mantis: policies<...>: every argument must be a with::... option (docs/policies.md)");
    static_assert(!detail::any_repeated<With...>,
                  "mantis: policies<...>: a with::... option is given twice (docs/policies.md)");
    template <class Slot, class Default>
    using chosen = typename detail::choose<Slot, Default, With...>::type;
};

struct default_policies : policies<> {};

// The choices of an application, each checked and then taken as it is, or replaced by the stock policy.
template <class App>
struct checked {
private:
    static constexpr bool is_bundle = std::is_base_of_v<detail::policies_base, App>;
    static_assert(is_bundle, "mantis: store<App>: App does not derive from mantis::policies<...> (docs/policies.md)");
    using bundle = std::conditional_t<is_bundle, App, default_policies>;

    template <class Slot, class Stock>
    using requested = typename bundle::template chosen<Slot, Stock>;
    using requested_platform = requested<slot::platform, posix>;
    using requested_durability = requested<slot::durability, group_commit>;
    using requested_checksum = requested<slot::checksum, crc32c>;
    using requested_indexes = requested<slot::indexes, index_list<btree<>>>;

    static constexpr bool platform_fits = mantis::platform<requested_platform>;
    static_assert(platform_fits, "mantis: with::platform<T>: T is not a platform (docs/policies.md#platform)");
    static constexpr bool durability_fits = durability_policy<requested_durability>;
    static_assert(durability_fits,
                  "mantis: with::durability<T>: T is not a durability_policy (docs/policies.md#durability)");
    static constexpr bool checksum_fits = checksum_policy<requested_checksum>;
    static_assert(checksum_fits, "mantis: with::checksum<T>: T is not a checksum_policy (docs/policies.md#checksum)");

public:
    using platform = std::conditional_t<platform_fits, requested_platform, posix>;
    using durability = std::conditional_t<durability_fits, requested_durability, group_commit>;
    using checksum = std::conditional_t<checksum_fits, requested_checksum, crc32c>;

private:
    static constexpr bool indexes_fit = detail::all_index_policies<platform, requested_indexes>;
    static_assert(indexes_fit, "mantis: with::indexes<T...>: a T is not an index_policy (docs/policies.md#indexes)");

public:
    using indexes = std::conditional_t<indexes_fit, requested_indexes, index_list<btree<>>>;
};

}  // namespace mantis
