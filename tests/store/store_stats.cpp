// SPDX-License-Identifier: BSL-1.0
#include "paged_fixture.hpp"

using namespace paged_store_test;

TEST_CASE("stats of a store are those of its parts, and nothing of one that is closed") {
    simulation world{1};
    world.run([&] {
        auto db = store_type::open("db", small(), world.platform()).value();
        auto table = db.table<in_pages>("t").value();
        for (int i = 0; i < 20; ++i) REQUIRE(batch_of(i).commit(db, table));
        REQUIRE(db.checkpoint());
        const store_stats seen = db.stats();
        CHECK(seen.tables == 1);
        CHECK(seen.entries == db.tables()[0].entries);
        CHECK(seen.checkpoints == 1);
        CHECK(seen.pages.pages == db.pages().pages);
        CHECK(seen.pages.pages > 1);
        CHECK(seen.writes.looks == db.writes().looks);
        CHECK(seen.writes.looks > 0);
        CHECK(seen.writes.delayed == 0);
        REQUIRE(db.close());
        CHECK(db.stats().tables == 0);
        CHECK(db.pages().pages == 0);
        CHECK(db.writes().looks == 0);
    });
}
