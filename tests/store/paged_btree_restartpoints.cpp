// SPDX-License-Identifier: BSL-1.0
//
// Recovery of tables in pages from a log that changes them far more often than there is memory for:
// what was redone is made durable in between, and the files stay in proportion to what lives in
// them.
#include "../sanitized.hpp"
#include "paged_fixture.hpp"

using namespace paged_store_test;

namespace {

constexpr int rows = 1'000;
constexpr int rows_of_a_commit = 20;
using state = std::map<std::string, std::string>;

[[nodiscard]] std::string key_of(int number) {
    return "row-" + std::to_string((number * 7'919) % rows);
}
[[nodiscard]] std::string value_of(int number) {
    return std::string(200, static_cast<char>('a' + number % 26)) + "-" + std::to_string(number);
}
// What the commits up to the change of that number leave.
[[nodiscard]] state state_of(int changes) {
    state made;
    for (int number = 0; number < changes; ++number) made[key_of(number)] = value_of(number);
    return made;
}
// The newest change that a state has, and all before it.
[[nodiscard]] int changes_in(const state& found) {
    int newest = -1;
    for (const auto& [key, value] : found) {
        const int number = std::stoi(value.substr(value.find('-') + 1));
        newest = number > newest ? number : newest;
    }
    return newest + 1;
}

// A process that changes few rows very often, all in the log since no checkpoint, and ends in the
// middle. What is behind `synced` no sync has reached.
void leave_a_long_log(simulation& world, int changes, int synced) {
    store_options options = small();
    options.segment_bytes = 512 * KiB;    // a segment is synced when it is full
    options.page_memory_bytes = 4 * MiB;  // so that nothing is written to pages
    options.checkpoint_for_space = false;
    {
        store_type db = store_type::open("db", options, world.platform()).value();
        const auto into = db.table<in_pages>("rows").value();
        for (int number = 0; number < changes;) {
            auto tx = db.begin(isolation::read_committed);
            for (int i = 0; i < rows_of_a_commit; ++i, ++number)
                tx.put(into, key_of(number), value_of(number));
            (void)tx
                .commit(number > synced ? durability_class::buffered
                                        : durability_class::synchronous)
                .value();
        }
        world.crash();
    }
    world.restart(crash_mode::process_only);
}

[[nodiscard]] state contents_now(simulation& world) {
    auto opened = store_type::open("db", small(), world.platform());
    REQUIRE_MESSAGE(opened, why(opened.error()));
    const auto sound = opened->verify();
    REQUIRE_MESSAGE(sound, why(sound.error()));
    auto found = all_of(*opened);
    REQUIRE_MESSAGE(found, why(found.error()));
    return (*found)["rows"];
}

// Of an opening after that, which nothing cuts off and which makes restartpoints.
[[nodiscard]] std::uint64_t ios_of_recovery(int changes, int synced) {
    std::uint64_t ios = 0;
    simulation world{1, {}};
    world.run([&] {
        leave_a_long_log(world, changes, synced);
        ios = world.io_count();
        const store_type db = store_type::open("db", small(), world.platform()).value();
        CHECK(db.recovery().restartpoints >= 2);
        ios = world.io_count() - ios;
    });
    return ios;
}

}  // namespace

TEST_CASE("a log that changes pages again and again is redone in files of three times the data") {
    simulation world{1, {}};
    world.run([&] {
        leave_a_long_log(world, 12'000, 12'000);
        store_type db = store_type::open("db", small(), world.platform()).value();
        CHECK(db.recovery().restartpoints > 3);
        const storage_stats pages = db.stats().pages;
        CHECK(pages.written_bytes > 10 * pages.live_bytes);
        CHECK(pages.disk_bytes - pages.reserve_bytes < 3 * pages.live_bytes + 4 * 64 * KiB);
        db.close().value();
        CHECK(contents_now(world) == state_of(12'000));
    });
}

TEST_CASE("opened to be read only, the same log changes nothing on disk") {
    simulation world{1, {}};
    world.run([&] {
        leave_a_long_log(world, 3'000, 3'000);
        const std::uint64_t before = world.used_bytes();
        store_options options = small();
        options.read_only = true;
        options.page_memory_bytes = 4 * MiB;
        store_type db = store_type::open("db", options, world.platform()).value();
        CHECK(db.recovery().restartpoints == 0);
        CHECK(all_of(db).value()["rows"] == state_of(3'000));
        db.close().value();
        CHECK(world.used_bytes() == before);
    });
}

TEST_CASE("a power failure anywhere in such a recovery, and in the one after it, loses nothing") {
    constexpr int changes = 6'000;
    constexpr int synced = 1'000;
    const std::uint64_t ios = ios_of_recovery(changes, synced);
    for (const crash_mode mode :
         {crash_mode::drop_unsynced, crash_mode::random_subset, crash_mode::process_only}) {
        const std::uint64_t lives = (mode == crash_mode::drop_unsynced ? 16 : 8) / one_in;
        std::uint64_t cut = 0;
        for (std::uint64_t life = 1; life <= lives; ++life) {
            const std::uint64_t at = ios * life / (lives + 1);
            CAPTURE(at);
            simulation world{at, {}};
            world.run([&] {
                leave_a_long_log(world, changes, synced);
                for (const std::uint64_t then : {at, at / 2}) {
                    world.crash_at_io(1 + then);
                    { const auto db = store_type::open("db", small(), world.platform()); }
                    if (world.powered()) world.crash();
                    else ++cut;
                    world.restart(mode);
                }
                const state found = contents_now(world);
                const int kept = changes_in(found);
                CHECK(kept >= (mode == crash_mode::process_only ? changes : synced));
                CHECK(found == state_of(kept));
            });
        }
        CHECK(cut >= lives);
    }
}

TEST_CASE("such a recovery on a disk that gets full is refused or complete, and loses nothing") {
    int refused = 0;
    int opened = 0;
    for (std::uint64_t room = 0; room < 24; room += one_in) {
        CAPTURE(room);
        simulation world{room, {}};
        world.run([&] {
            leave_a_long_log(world, 5'000, 5'000);
            world.limit_disk(3 * MiB + room * 192 * KiB);
            {
                auto db = store_type::open("db", small(), world.platform());
                if (!db) CHECK_MESSAGE(db.error().code() == error_code::no_space, why(db.error()));
                else CHECK(all_of(*db).value()["rows"] == state_of(5'000));
                ++(db ? opened : refused);
            }
            world.limit_disk(0);
            CHECK(contents_now(world) == state_of(5'000));
        });
    }
    CHECK(refused > 0);
    CHECK(opened > 0);
}

TEST_CASE("eight threads redo a log into pages, and one where 4 MiB are too much for them") {
    // The same each time, so that who does the same takes the same time.
    const auto redone_in = [](std::uint64_t memory_bytes, unsigned threads) {
        nanoseconds time;
        simulation world{1, {}};
        world.run([&] {
            leave_a_long_log(world, 600, 600);
            store_options options = small();
            options.page_memory_bytes = memory_bytes;
            options.recovery_threads = threads;
            time = store_type::open("db", options, world.platform()).value().recovery().redone_in;
        });
        return time;
    };
    for (const std::uint64_t memory_bytes : {4 * MiB - 1, 4 * MiB}) {
        CAPTURE(memory_bytes);
        const unsigned expected = memory_bytes < 4 * MiB ? 1 : 8;
        CHECK(redone_in(memory_bytes, 0) == redone_in(memory_bytes, expected));
        CHECK(redone_in(memory_bytes, 1) != redone_in(memory_bytes, 8));
    }
}
