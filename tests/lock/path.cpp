// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/lock/path.hpp>

using namespace mantis;

TEST_CASE("a path names what it locks and what is above") {
    const table_id table{7};
    CHECK(lock_path::store().text() == bytes{"store"});
    CHECK(lock_path::table(table).text() == bytes{"table 7"});
    CHECK(lock_path::key(table, "a\n").text() == bytes{"key 7/a\\x0a"});
    CHECK(lock_path::range(table, "a", "c").text() == bytes{"range 7/[a, c)"});
    CHECK(lock_path::key(table, "a").parent() == lock_path::table(table));
    CHECK(lock_path::table(table).parent() == lock_path::store());
    CHECK_FALSE(lock_path::store().has_parent());
    CHECK(lock_path::key(table, "a").hash() != lock_path::key(table, "b").hash());
    CHECK(lock_path::key(table, "").hash() != lock_path::table(table).hash());
    CHECK(lock_path::range(table, "a", "bc").hash() != lock_path::range(table, "ab", "c").hash());
}

TEST_CASE("a key or a range meets a range exactly where some key is in both") {
    const table_id t{1};
    const lock_path range = lock_path::range(t, "b", "d");
    CHECK_FALSE(lock_path::key(t, "a").meets(range));
    CHECK(lock_path::key(t, "b").meets(range));
    CHECK(lock_path::key(t, "c9").meets(range));
    CHECK_FALSE(lock_path::key(t, "d").meets(range));
    CHECK_FALSE(lock_path::range(t, "a", "b").meets(range));
    CHECK(lock_path::range(t, "a", "b1").meets(range));
    CHECK(lock_path::range(t, "c", "").meets(range));
    CHECK_FALSE(lock_path::range(t, "d", "").meets(range));
    CHECK(lock_path::key(t, "z").meets(lock_path::range(t, "b", "")));
}
