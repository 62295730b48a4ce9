// SPDX-License-Identifier: BSL-1.0
//
// An image never holds what the log may still lose.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <string>

using namespace mantis;

namespace {

struct lazy : policies<with::platform<simulated>, with::durability<buffered>> {};

}  // namespace

TEST_CASE("what was committed while the image was written is in the log before the image counts") {
    int behind = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            lsn needed;
            {
                auto db = store<lazy>::open("db", {}, world.platform()).value();
                auto table = db.table("t").value();
                const auto put = [&](int number) {
                    auto tx = db.begin(isolation::read_committed);
                    tx.put(table, std::to_string(number % 600), std::to_string(number));
                    return tx.commit().has_value();
                };
                for (int i = 0; i < 600; ++i) REQUIRE(put(i));
                simulated::thread writer{[&] {
                    for (int i = 600; put(i);) ++i;  // until the power fails
                }};
                const auto made = db.checkpoint();
                world.crash();
                writer.join();
                REQUIRE(made);
                needed = made->log_needed;
                behind += made->log_needed > made->redo_from ? 1 : 0;
            }
            world.restart(crash_mode::drop_unsynced);
            auto db = store<lazy>::open("db", {}, world.platform());
            REQUIRE(db);
            CHECK(db->recovery().image.redo_from != lsn{});
            CHECK(db->recovery().end >= needed);
        });
    }
    CHECK(behind > 20);
}
