// SPDX-License-Identifier: BSL-1.0
//
// A store archives the complete segments of its log while it works, and holds keep them.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>
#include <mantis/wal/archive_restore.hpp>
#include <mantis/wal/log_check.hpp>

#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<simulated>> {};
using files_type = retrying<simulated>;

void put(store<app>& db, const store<app>::table_handle& into, std::uint64_t number) {
    auto tx = db.begin();
    tx.put(into, std::to_string(number), std::string(3000, 'v'));
    (void)tx.commit();
}

struct listener {
    std::uint64_t archived = 0;
    std::uint64_t failed = 0;
    event_listener hook() {
        return {[](void* self, const event& what) {
                    auto& all = *static_cast<listener*>(self);
                    if (what.code() == event_code::segment_archived) ++all.archived;
                    if (what.code() == event_code::archive_failed) ++all.failed;
                },
                this};
    }
};

struct full_archive {
    bool full = true;
    result<void> archive(const sealed_segment&) {
        if (full) return error{error_code::no_space, "archiving"};
        return success();
    }
};

}  // namespace

TEST_CASE("what a store had archived and what is left of its log are all of it, after any crash") {
    std::uint64_t archived = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            auto elsewhere =
                world.platform().open_directory("archive", directory_mode::create).value();
            directory_archive<simulated, crc32c> archive{elsewhere};
            store_options options;
            options.segment_bytes = 8 * KiB;
            options.archive = archive_hook::of(archive);
            std::uint64_t acknowledged = 0;
            {
                auto db = store<app>::open("db", options, world.platform()).value();
                const auto table = db.table("t").value();
                world.crash_at_io(20 + seed * 5);
                for (std::uint64_t i = 1; i <= 20; ++i) {
                    auto tx = db.begin();
                    tx.put(table, std::to_string(i), std::string(3000, 'v'));
                    if (tx.commit()) acknowledged = i;
                }
                archived += db.kept_log().stats().archived_segments;
            }
            world.restart(crash_mode::random_subset);
            auto platform = world.platform();
            auto live = platform.open_directory("db", directory_mode::existing).value();
            auto kept = platform.open_directory("archive", directory_mode::create).value();
            directory_archive<simulated, crc32c> from{kept};
            // The live log loses what the archive has: only the last segment is left.
            auto firsts = from.segments().value();
            for (const lsn first : firsts) live.remove(segment_name(first)).value();
            const auto header = first_segment_header<simulated>(live).value();
            REQUIRE(header);
            REQUIRE(restore_segments<simulated, crc32c>(from, live, header->database));
            auto db = store<app>::open("db", {}, world.platform());
            REQUIRE(db);
            const auto table = db->find_table("t");
            REQUIRE(table);
            for (std::uint64_t i = 1; i <= acknowledged; ++i)
                CHECK(db->get(*table, std::to_string(i)).value().has_value());
        });
    }
    CHECK(archived > 60);
}

TEST_CASE(
    "an archive that is full stops nothing and is told; when it has room it gets everything") {
    simulation world{7};
    world.run([&] {
        full_archive archive;
        listener heard;
        store_options options;
        options.segment_bytes = 8 * KiB;
        options.archive = archive_hook::of(archive);
        options.events = heard.hook();
        auto db = store<app>::open("db", options, world.platform()).value();
        const auto table = db.table("t").value();
        for (std::uint64_t i = 1; i <= 10; ++i) put(db, table, i);
        auto waits = world.platform();
        waits.sleep(seconds(10));
        CHECK(heard.failed > 1);
        CHECK(heard.archived == 0);
        CHECK(db.get(table, "10").value().has_value());
        archive.full = false;
        waits.sleep(seconds(10));
        CHECK(heard.archived > 3);
        CHECK(db.kept_log().stats().archived_segments == heard.archived);
        CHECK(db.verify());
    });
}

TEST_CASE("a hold is seen by its name, and refused where the log is gone") {
    simulation world{8};
    world.run([&] {
        auto db = store<app>::open("db", {.segment_bytes = 8 * KiB}, world.platform()).value();
        const auto table = db.table("t").value();
        for (std::uint64_t i = 1; i <= 10; ++i) put(db, table, i);
        {
            const auto hold = db.hold_log("replica", db.stats().durable);
            REQUIRE(hold);
            REQUIRE(db.kept_log().stats().holds.size() == 1);
            CHECK(db.kept_log().stats().holds[0].name == bytes{"replica"});
        }
        CHECK(db.kept_log().stats().holds.empty());
        CHECK(db.hold_log("replica", lsn{1}).error().code() == error_code::not_found);
        REQUIRE(db.close());
        CHECK(db.hold_log("replica", lsn{1}).error().code() == error_code::closed);
    });
}

TEST_CASE("a read-only store archives nothing, and one without an archive makes no thread") {
    simulation world{9};
    world.run([&] {
        {
            auto db = store<app>::open("db", {.segment_bytes = 8 * KiB}, world.platform()).value();
            const auto table = db.table("t").value();
            for (std::uint64_t i = 1; i <= 10; ++i) put(db, table, i);
        }
        full_archive archive{false};
        store_options options;
        options.read_only = true;
        options.archive = archive_hook::of(archive);
        auto db = store<app>::open("db", options, world.platform()).value();
        auto waits = world.platform();
        waits.sleep(seconds(5));
        CHECK(db.kept_log().stats().archived_segments == 0);
        CHECK(db.kept_log().stats().oldest == lsn{});  // nobody looked
        REQUIRE(db.close());
        CHECK_FALSE(waits.open_directory("db", directory_mode::existing)
                        .value()
                        .exists(archive_mark_name)
                        .value());
    });
}

TEST_CASE("once a checkpoint covers it the log goes, but for what options and holds keep") {
    simulation world{10};
    world.run([&] {
        auto outside = world.platform();
        files_type files{outside, {}};
        auto in = files.open_directory("log", directory_mode::create).value();
        event_queue<files_type> events;
        store_options options;
        options.keep_log_bytes = 20'000;
        log_retention<files_type, crc32c> retention{files, in, {1, 2}, options, events, {}};
        log_writer<files_type, crc32c> to{
            files,  in,
            {1, 2}, first_lsn_of_log,
            0,      {.segment_bytes = 8192, .events = retention.of_log()}};
        retention.start(to);
        const auto fill = [&](std::uint64_t count) {
            for (std::uint64_t i = 1; i <= count; ++i) {
                const std::string payload(4000, 'x');
                const std::vector<pending_record> one{{record_kind::commit, payload}};
                (void)to.append({i}, one).value();
                to.sync().value();
            }
        };
        fill(10);
        const lsn begin = to.durable();
        retention.needed_from(begin).value();
        outside.sleep(seconds(3));
        const lsn oldest = retention.keeper().stats().oldest;
        CHECK(oldest > first_lsn_of_log);
        CHECK(oldest.value + 20'000 <= begin.value);
        CHECK(oldest.value + 20'000 + 2 * 8192 > begin.value);
        {
            const auto hold = retention.hold("backup", oldest).value();
            fill(10);
            retention.needed_from(to.durable()).value();
            outside.sleep(seconds(3));
            CHECK(retention.keeper().stats().oldest == oldest);
            CHECK(retention.keeper().stats().why == kept_by::hold);
        }
        retention.needed_from(to.durable()).value();
        outside.sleep(seconds(3));
        CHECK(retention.keeper().stats().oldest > oldest);
        retention.stop();
    });
}
