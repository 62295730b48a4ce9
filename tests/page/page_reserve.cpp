// SPDX-License-Identifier: BSL-1.0
//
// The reserve of a page store, for changes that go on while it becomes another.
#include <doctest/doctest.h>

#include <mantis/page/page_store.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;

namespace {

constexpr std::size_t page_bytes = 4096;

page_store_options options_of() {
    page_store_options options;
    options.database = {1, 2};
    options.segment_bytes = 1 * MiB;
    options.least_segment_bytes = 64 * KiB;
    options.spares = 2;
    options.most_unwritten = 100'000;
    return options;
}

}  // namespace

TEST_CASE("changes that were let in go on while large spares give way to smaller ones") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            auto in = world.platform().open_directory("d", directory_mode::create).value();
            page_store<simulated> disk{in, options_of()};
            REQUIRE(disk.opened());
            REQUIRE(disk.grow(20'000, page_bytes));
            REQUIRE_FALSE(disk.is_tight());
            const std::uint64_t large = disk.stats().segment_bytes;
            bool done = false;
            int tight = 0;
            simulated::thread changes{[&] {
                while (!done) {
                    if (disk.is_tight()) ++tight;
                    world.platform().sleep(nanoseconds{1000});
                }
            }};
            disk.set_pages(60, page_bytes);
            done = true;
            changes.join();
            CHECK(disk.stats().segment_bytes * 4 < large);
            CHECK(tight == 0);
            CHECK_FALSE(disk.is_tight());
        });
    }
}

TEST_CASE("a reserve at rest is small, holds what cleaning and a few images need, and comes back") {
    simulation world{1};
    world.run([&] {
        auto in = world.platform().open_directory("d", directory_mode::create).value();
        page_store<simulated> disk{in, options_of()};
        REQUIRE(disk.opened());
        REQUIRE(disk.grow(4000, page_bytes));
        const std::uint64_t unit = disk.stats().segment_bytes;
        CHECK_FALSE(disk.wake(1 * GiB));
        disk.rest();
        CHECK(disk.is_tight());
        disk.give_back_spares();
        const std::uint64_t rested = disk.stats().spare_bytes;
        CHECK(rested <= 6 * unit);
        CHECK(disk.reserved_images(page_bytes) >= 32);
        // A checkpoint does not bring it back; a change does.
        disk.make_spares();
        disk.set_pages(4000, page_bytes);
        CHECK(disk.stats().spare_bytes == rested);
        CHECK(disk.wake(1 * GiB));
        CHECK_FALSE(disk.is_tight());
        CHECK(disk.stats().spare_bytes >= 4000 * page_bytes);
        // Others have taken what was free: it stays what it was, and says so.
        disk.rest();
        disk.give_back_spares();
        CHECK_FALSE(disk.wake(2000 * page_bytes));
        CHECK(disk.is_resting());
        world.limit_disk(world.used_bytes());
        CHECK(disk.wake(1 * GiB));
        CHECK(disk.is_tight());
        CHECK(disk.reserved_images(page_bytes) >= 32);
    });
}
