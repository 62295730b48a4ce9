// SPDX-License-Identifier: BSL-1.0
//
// When tables in pages ask for a checkpoint because of the space that they take.
#include "paged_fixture.hpp"

using namespace paged_store_test;

namespace {

// Eight rows of each `one_in` * 8 that lie together.
void put_rows(store_type& db, const handle& table, char value, int one_in) {
    auto tx = db.begin(isolation::read_committed);
    for (int at = 0; at < 9000; ++at) {
        if (at / 8 % one_in == 0)
            tx.put(table, std::to_string(10'000 + at), std::string(100, value));
        if (at % 50 != 49) continue;
        REQUIRE(tx.commit());
        tx = db.begin(isolation::read_committed);
    }
}

}  // namespace

TEST_CASE("what a checkpoint takes while it is made is no reason for another one") {
    simulation world{11};
    world.run([&] {
        store_options options = small();
        options.segment_bytes = 1 * MiB;
        options.page_memory_bytes = 6 * MiB;
        auto db = store_type::open("db", options, world.platform()).value();
        const auto table = db.table<in_pages>("t").value();
        put_rows(db, table, 'a', 1);
        REQUIRE(db.checkpoint());
        put_rows(db, table, 'b', 4);  // so that most files are needed for three quarters
        REQUIRE(db.checkpoint());
        const std::uint64_t before = db.stats().checkpoints;
        put_rows(db, table, 'c', 1);
        world.inject({.kind = fault_kind::slow,
                      .on = io_kind::sync,
                      .count = fault::for_ever,
                      .path_part = bytes{bytes_view{"data"}},
                      .slowdown = 1000});
        bool made = false;
        simulated::thread beside{[&] { made = db.checkpoint().has_value(); }};
        world.platform().sleep(milliseconds(300));  // all is written, and being synced
        put_rows(db, table, 'd', 1);
        CHECK_FALSE(made);
        beside.join();
        world.clear_faults();
        CHECK(made);
        world.platform().sleep(seconds(100));
        CHECK(db.stats().checkpoints == before + 1);
    });
}
