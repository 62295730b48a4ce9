// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

using namespace mantis;

namespace {

struct stock : policies<> {};
struct three : policies<with::checksum<xxh3>, with::platform<memory>, with::durability<periodic>> {
};
struct same_three
    : policies<with::platform<memory>, with::durability<periodic>, with::checksum<xxh3>> {};

}  // namespace

TEST_CASE("a slot takes its option, whatever the order, and else the stock policy") {
    static_assert(std::is_same_v<checked<stock>::platform, posix>);
    static_assert(std::is_same_v<checked<stock>::durability, group_commit>);
    static_assert(std::is_same_v<checked<stock>::checksum, crc32c>);
    static_assert(std::is_same_v<checked<stock>::indexes, index_list<btree<>>>);
    static_assert(std::is_same_v<checked<three>::platform, memory>);
    static_assert(std::is_same_v<checked<three>::durability, periodic>);
    static_assert(std::is_same_v<checked<three>::checksum, xxh3>);
    CHECK(policy_option<with::platform<memory>>);
    CHECK_FALSE(policy_option<memory>);
}

TEST_CASE("equal choices share one core") {
    CHECK(std::is_same_v<store<three>::core_type, store<same_three>::core_type>);
    CHECK_FALSE(std::is_same_v<store<three>::core_type, store<stock>::core_type>);
}
