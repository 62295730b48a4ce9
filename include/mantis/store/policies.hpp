// SPDX-License-Identifier: BSL-1.0
//
// How an application says what its database is made of:
//
//   struct ledger : mantis::policies<with::durability<mantis::periodic>,
//   with::checksum<mantis::xxh3>> {}; auto db = mantis::store<ledger>::open("ledger.db");
//
// with::x<T> only records T. `checked` resolves each slot once and replaces a choice that does not
// fit by the stock policy; `policy_sentences` says in one sentence what is wrong: a choice that is
// no such policy, an argument that is no with:: option, an option given twice. So one mistake is
// one error. docs/policies.md has a table per slot.
#pragma once

#include "../core/checksum.hpp"
#include "../index/btree/btree.hpp"
#include "../index/index_storage.hpp"
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
inline constexpr bool names_slot_of =
    (std::is_same_v<typename slot_of<First>::type, typename slot_of<Rest>::type> || ...);

template <class... With>
inline constexpr bool any_repeated = false;
template <class First, class... Rest>
inline constexpr bool any_repeated<First, Rest...> =
    names_slot_of<First, Rest...> || any_repeated<Rest...>;

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

template <class Platform, class List>
inline constexpr unsigned storages_of = 0;
template <class Platform, class... Index>
inline constexpr unsigned storages_of<Platform, index_list<Index...>> =
    (0u + ... + (stored_index_policy<Index, Platform> ? 1u : 0u));

}  // namespace detail

template <class... With>
struct policies : detail::policies_base {
    static constexpr bool only_options = (policy_option<With> && ...);
    static constexpr bool each_once = !detail::any_repeated<With...>;
    template <class Slot, class Default>
    using chosen = typename detail::choose<Slot, Default, With...>::type;
};

struct default_policies : policies<> {};

// The choices of an application, each taken as it is if it fits, or replaced by the stock policy.
template <class App>
struct checked {
private:
    static constexpr bool is_bundle = std::is_base_of_v<detail::policies_base, App>;
    using bundle = std::conditional_t<is_bundle, App, default_policies>;

    template <class Slot, class Stock>
    using requested = typename bundle::template chosen<Slot, Stock>;
    using requested_platform = requested<slot::platform, posix>;
    using requested_durability = requested<slot::durability, group_commit>;
    using requested_checksum = requested<slot::checksum, crc32c>;
    using requested_indexes = requested<slot::indexes, index_list<btree<>>>;

public:
    static constexpr bool app_fits = is_bundle;
    static constexpr bool only_options = bundle::only_options;
    static constexpr bool each_once = bundle::each_once;
    static constexpr bool platform_fits = mantis::platform<requested_platform>;
    static constexpr bool durability_fits = durability_policy<requested_durability>;
    static constexpr bool checksum_fits = checksum_policy<requested_checksum>;
    using platform = std::conditional_t<platform_fits, requested_platform, posix>;
    using durability = std::conditional_t<durability_fits, requested_durability, group_commit>;
    using checksum = std::conditional_t<checksum_fits, requested_checksum, crc32c>;
    static constexpr bool indexes_fit = detail::all_index_policies<platform, requested_indexes>;
    static constexpr bool one_storage = detail::storages_of<platform, requested_indexes> <= 1;
    using indexes =
        std::conditional_t<indexes_fit && one_storage, requested_indexes, index_list<btree<>>>;
};

// Says in one sentence what is wrong with a choice; a base of the store, so that the store itself
// stays sound.
template <class App>
struct policy_sentences {
    using fit = checked<App>;
    static_assert(
        fit::app_fits,
        "mantis: store<App>: App does not derive from mantis::policies<...> (docs/policies.md)");
    static_assert(
        fit::only_options,
        "mantis: policies<...>: every argument must be a with::... option (docs/policies.md)");
    static_assert(fit::each_once,
                  "mantis: policies<...>: a with::... option is given twice (docs/policies.md)");
    static_assert(fit::platform_fits,
                  "mantis: with::platform<T>: T is not a platform (docs/policies.md#platform)");
    static_assert(fit::durability_fits,
                  "mantis: with::durability<T>: T is not a durability_policy "
                  "(docs/policies.md#durability)");
    static_assert(
        fit::checksum_fits,
        "mantis: with::checksum<T>: T is not a checksum_policy (docs/policies.md#checksum)");
    static_assert(
        fit::indexes_fit,
        "mantis: with::indexes<T...>: a T is not an index_policy (docs/policies.md#indexes)");
    static_assert(
        fit::one_storage,
        "mantis: with::indexes<T...>: two of them are in pages (docs/policies.md#indexes)");
};

}  // namespace mantis
