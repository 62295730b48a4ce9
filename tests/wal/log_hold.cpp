// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/wal/log_hold.hpp>

#include <string>
#include <utility>

using namespace mantis;

TEST_CASE("what is held is not given up, and what was given up cannot be held") {
    log_holds<memory> holds;
    auto replica = holds.add("replica", lsn{8192}).value();
    CHECK(replica.from() == lsn{8192});
    CHECK(holds.give_up(lsn{8192}));
    CHECK_FALSE(holds.give_up(lsn{8193}));
    const auto late = holds.add("late", lsn{8191});
    REQUIRE_FALSE(late);
    CHECK(late.error().code() == error_code::not_found);
    CHECK(late.error().subject() == bytes_view{"late"});
    CHECK(*late.error().number("first_lsn") == 8192);
    CHECK(holds.add("in time", lsn{8192}));
}

TEST_CASE("a refusal to give up leaves nothing given up") {
    log_holds<memory> holds;
    auto held = holds.add("backup", lsn{4096}).value();
    CHECK_FALSE(holds.give_up(lsn{12288}));
    CHECK(holds.add("second", lsn{4096}));
}

TEST_CASE("a hold moves on, is moved from, and ends once") {
    log_holds<memory> holds;
    auto first = holds.add("a", lsn{4096}).value();
    auto second = holds.add("b", lsn{8192}).value();
    first.move_to(lsn{12288});
    CHECK(holds.list().size() == 2);
    CHECK(holds.list()[0].from == lsn{12288});
    CHECK(holds.list()[1].name == bytes{"b"});
    log_hold<memory> taken = std::move(first);
    CHECK(taken.from() == lsn{12288});
    second.release();
    second.release();
    CHECK_FALSE(second);
    REQUIRE(holds.list().size() == 1);
    CHECK(holds.list()[0].name == bytes{"a"});
    taken = {};
    CHECK(holds.list().empty());
    CHECK(holds.give_up(lsn{1 << 20}));
}
