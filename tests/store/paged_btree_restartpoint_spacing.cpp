// SPDX-License-Identifier: BSL-1.0
//
// How far apart restartpoints are when a long log is redone over much data in pages, and how much
// disk that takes.
#include "paged_fixture.hpp"

using namespace paged_store_test;

namespace {

[[nodiscard]] std::string key_of(int row) { return "row-" + std::to_string(100'000 + row); }
[[nodiscard]] int drawn(int number, int rows) {
    const auto mixed = static_cast<std::uint64_t>(number + 1) * 0x9e3779b97f4a7c15;
    return static_cast<int>((mixed >> 33) % static_cast<std::uint64_t>(rows));
}
[[nodiscard]] std::string value_of(int number) {
    return std::string(200, static_cast<char>('a' + number % 26)) + "-" + std::to_string(number);
}

// So many rows in pages, and a log behind their checkpoint that puts rows anew, drawn at random.
struct long_log {
    simulation* world;
    int rows;
    int puts;

    void leave() {
        store_options options = small();
        options.segment_bytes = 512 * KiB;
        options.page_memory_bytes = 16 * MiB;  // so that nothing is written to pages
        options.checkpoint_for_space = false;
        {
            store_type db = store_type::open("db", options, world->platform()).value();
            const auto into = db.table<in_pages>("rows").value();
            const auto put = [&](int from, int to, auto row_of) {
                auto tx = db.begin(isolation::read_committed);
                for (int number = from; number < to; ++number)
                    tx.put(into, key_of(row_of(number)), value_of(number));
                (void)tx.commit(durability_class::buffered).value();
            };
            for (int number = 0; number < rows; number += 100)
                put(number, number + 100, [](int at) { return at; });
            (void)db.checkpoint().value();
            for (int number = 0; number < puts; number += 20)
                put(number, number + 20, [this](int at) { return drawn(at, rows); });
            world->crash();
        }
        world->restart(crash_mode::process_only);
    }
    [[nodiscard]] std::map<std::string, std::string> expected() const {
        std::map<std::string, std::string> made;
        for (int number = 0; number < rows; ++number) made[key_of(number)] = value_of(number);
        for (int number = 0; number < puts; ++number)
            made[key_of(drawn(number, rows))] = value_of(number);
        return made;
    }
};

// What was taken of the disk at most while a log was redone.
struct disk_peak {
    simulation* world;
    std::uint64_t most = 0;

    static void look(void* self, const recovery_progress& now) {
        auto& at = *static_cast<disk_peak*>(self);
        const std::uint64_t used = at.world->used_bytes();
        if (now.phase == recovery_phase::redo && used > at.most) at.most = used;
    }
};

struct outcome {
    std::uint64_t restartpoints = 0;
    storage_stats pages;
    std::uint64_t most_bytes = 0;  // of files of pages, but for the reserve
};

[[nodiscard]] store_options with_little_memory() {
    store_options options = small();
    options.page_memory_bytes = 640 * KiB;
    return options;
}
[[nodiscard]] outcome redone(int rows, int puts) {
    outcome seen;
    simulation world{1, {}};
    world.run([&] {
        long_log log{&world, rows, puts};
        log.leave();
        disk_peak peak{&world};
        store_options options = with_little_memory();
        options.on_recovery = &disk_peak::look;
        options.on_recovery_context = &peak;
        store_type db = store_type::open("db", options, world.platform()).value();
        seen = {db.recovery().restartpoints, db.stats().pages, 0};
        seen.most_bytes = peak.most - db.stats().log_bytes - seen.pages.reserve_bytes;
        CHECK(all_of(db).value()["rows"] == log.expected());
    });
    return seen;
}

}  // namespace

TEST_CASE(
    "between two restartpoints files grow by half of the data, and never beyond three times") {
    std::uint64_t with_less_data = UINT64_MAX;
    for (const int rows : {4'000, 8'000}) {
        CAPTURE(rows);
        const outcome seen = redone(rows, 24'000);
        CHECK(seen.restartpoints > 1);
        CHECK(seen.restartpoints <= 1 + 2 * seen.pages.written_bytes / seen.pages.live_bytes);
        CHECK(seen.restartpoints < with_less_data);
        CHECK(seen.most_bytes < 3 * seen.pages.live_bytes);
        with_less_data = seen.restartpoints;
    }
}

TEST_CASE("where the disk has less room than that, restartpoints are made sooner, and suffice") {
    const outcome with_room = redone(8'000, 24'000);
    simulation world{1, {}};
    world.run([&] {
        long_log log{&world, 8'000, 24'000};
        log.leave();
        world.limit_disk(world.used_bytes() - 2 * MiB - 256 * KiB);
        auto db = store_type::open("db", with_little_memory(), world.platform());
        REQUIRE_MESSAGE(db, why(db.error()));
        CHECK(db->recovery().restartpoints > 2 * with_room.restartpoints);
        CHECK(all_of(*db).value()["rows"] == log.expected());
    });
}
