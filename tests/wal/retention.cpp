// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "keeper_fixture.hpp"

#include <mantis/platform/faulty.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/wal/follower.hpp>

using namespace log_test;

namespace {

log_keeper_options at_once() {
    log_keeper_options chosen;
    chosen.again = {.first = {}, .attempts = 1};
    return chosen;
}

// An archive that refuses so many offers, and counts those that it took.
struct moody_archive {
    std::uint64_t refusals = 0;
    std::vector<lsn> took;
    result<void> archive(const sealed_segment& segment) {
        if (refusals > 0) {
            --refusals;
            return error{error_code::no_space, "archiving"};
        }
        took.push_back(segment.first());
        return success();
    }
};

}  // namespace

TEST_CASE("truncation only of what a checkpoint covers") {
    for (std::uint64_t covered = 0; covered <= 6; ++covered) {
        kept_log log;
        log.fill(6);
        keeper keeps{log.world, log.directory, ours, at_once()};
        const lsn checkpoint = covered == 0 ? first_lsn_of_log : log.ranges[covered - 1].end;
        REQUIRE(keeps.remove_unneeded(checkpoint, log.durable()));
        const auto left = log.payloads_from(segments_of(log.directory).front());
        CHECK(segments_of(log.directory).front() <= checkpoint);
        REQUIRE(left.size() >= 6 - covered);
        // From the checkpoint on a reader finds everything.
        CHECK(log.payloads_from(checkpoint).size() == 6 - covered);
    }
}

TEST_CASE("everything that is covered goes, but the segment that is written") {
    kept_log log;
    log.fill(5);
    keeper keeps{log.world, log.directory, ours, at_once()};
    const auto removed = keeps.remove_unneeded(lsn{1 << 30}, log.durable());
    REQUIRE(removed);
    CHECK(*removed == 4);
    CHECK(segments_of(log.directory).size() == 1);
    CHECK(keeps.stats().why == kept_by::being_written);
    CHECK(keeps.stats().removed_segments == 4);
    CHECK(keeps.stats().oldest == segments_of(log.directory).front());
    CHECK(*keeps.remove_unneeded(lsn{1 << 30}, log.durable()) == 0);
    log.fill(1);  // the writer goes on
    CHECK(log.payloads_from(log.ranges[4].position).size() == 2);
}

TEST_CASE("a segment that is not durable to its end is not sealed") {
    kept_log log;
    log.fill(3);
    keeper keeps{log.world, log.directory, ours, at_once()};
    const lsn end_of_first = log.ranges[0].end;
    CHECK(*keeps.remove_unneeded(lsn{1 << 30}, log.ranges[0].position) == 0);
    CHECK(keeps.stats().why == kept_by::being_written);
    moody_archive archive;
    auto chosen = at_once();
    chosen.archive = archive_hook::of(archive);
    keeper archives{log.world, log.directory, ours, chosen};
    CHECK(*archives.archive(log.ranges[0].position));  // come again
    CHECK(archive.took.empty());
    CHECK(*archives.archive(end_of_first));
    CHECK(archive.took == std::vector<lsn>{first_lsn_of_log});
    CHECK_FALSE(*archives.archive(log.durable()));
    CHECK(archive.took.size() == 2);
}

TEST_CASE("a hold keeps the segment in which its position lies, and tells when that is too much") {
    kept_log log;
    log.fill(8);
    told_events told;
    auto chosen = at_once();
    chosen.held_bytes = 10'000;
    chosen.events = told.sink();
    keeper keeps{log.world, log.directory, ours, chosen};
    auto replica = keeps.hold("replica 7", log.ranges[2].position).value();
    CHECK(*keeps.remove_unneeded(log.durable(), log.durable()) == 2);
    CHECK(keeps.stats().why == kept_by::hold);
    REQUIRE(keeps.stats().holds.size() == 1);
    CHECK(keeps.stats().holds[0].name == bytes{"replica 7"});
    CHECK(log.payloads_from(replica.from()).size() == 6);
    CHECK(told.count(event_code::log_held) == 1);
    CHECK(told.count(event_code::segments_removed) == 1);
    CHECK(*keeps.remove_unneeded(log.durable(), log.durable()) == 0);
    CHECK(told.count(event_code::log_held) == 1);  // once
    // The end of a record is what a follower stands at: its segment stays, for it is opened there.
    replica.move_to(log.ranges[5].end);
    CHECK(*keeps.remove_unneeded(log.durable(), log.durable()) == 3);
    log_follower<memory, crc32c> follows{log.directory, ours, replica.from()};
    log_record record;
    REQUIRE(*follows.next(record, log.durable()));
    CHECK(record.position == log.ranges[6].position);
    CHECK(keeps.hold("late", log.ranges[0].position).error().code() == error_code::not_found);
    replica.release();
    CHECK(*keeps.remove_unneeded(log.durable(), log.durable()) == 2);
}

TEST_CASE("a hold of what an earlier keeper removed is refused") {
    kept_log log;
    log.fill(4);
    keeper earlier{log.world, log.directory, ours, at_once()};
    CHECK(*earlier.remove_unneeded(log.ranges[1].end, log.durable()) == 1);
    keeper keeps{log.world, log.directory, ours, at_once()};
    const auto refused = keeps.hold("backup", first_lsn_of_log);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::not_found);
    CHECK(keeps.stats().holds.empty());
    CHECK(keeps.hold("backup", log.ranges[2].position));
}

TEST_CASE("the last keep_bytes stay, and no more") {
    kept_log log;
    log.fill(6);
    auto chosen = at_once();
    chosen.keep_bytes = log.durable().value - log.ranges[3].position.value;
    keeper keeps{log.world, log.directory, ours, chosen};
    CHECK(*keeps.remove_unneeded(log.durable(), log.durable()) == 3);
    CHECK(keeps.stats().why == kept_by::keep_bytes);
    CHECK(segments_of(log.directory).front() == log.ranges[3].position);
}

TEST_CASE("a segment stays keep_for after its last commit, by the stamps in it") {
    for (const bool stamped : {true, false}) {
        CAPTURE(stamped);
        simulation world{1};
        world.run([&] {
            auto platform = world.platform();
            auto in = platform.open_directory("log", directory_mode::create).value();
            log_writer<simulated, crc32c> to{platform,         in, ours,
                                             first_lsn_of_log, 0,  {.segment_bytes = 8192}};
            for (std::uint64_t i = 1; i <= 6; ++i) {
                bytes payload;
                const std::string value(4000, 'v');
                append_operation(payload, {operation_kind::put, {1}, "k", value, {}});
                if (stamped)
                    append_operation(payload,
                                     {operation_kind::stamp, {}, {}, {}, platform.wall_time()});
                const std::vector<pending_record> one{{record_kind::commit, payload}};
                (void)to.append({i}, one).value();
                to.sync().value();
                platform.sleep(seconds(10));
            }
            auto chosen = at_once();
            chosen.keep_for = seconds(35);
            const lsn durable = to.durable();
            const auto removed = [&](log_keeper<simulated, crc32c>& by) {
                return by.remove_unneeded(durable, durable).value();
            };
            // The ages are 60, 50, 40, 30, 20 and 10 seconds.
            log_keeper<simulated, crc32c> keeps{platform, in, ours, chosen};
            CHECK(removed(keeps) == (stamped ? 3 : 0));
            CHECK(keeps.stats().why == kept_by::keep_for);
            platform.sleep(seconds(20));
            log_keeper<simulated, crc32c> next{platform, in, ours, chosen};
            CHECK(removed(next) == (stamped ? 2 : 0));
            CHECK(removed(keeps) == 0);
            platform.sleep(seconds(20));
            CHECK(removed(keeps) == (stamped ? 0 : 1));  // first seen 40 seconds ago
        });
    }
}

TEST_CASE("what the archive has not taken stays, whatever covers it") {
    kept_log log;
    log.fill(5);
    moody_archive archive;
    told_events told;
    auto chosen = at_once();
    chosen.archive = archive_hook::of(archive);
    chosen.events = told.sink();
    keeper keeps{log.world, log.directory, ours, chosen};
    CHECK(*keeps.remove_unneeded(log.durable(), log.durable()) == 0);
    CHECK(keeps.stats().why == kept_by::not_archived);
    archive.refusals = 1;
    const auto refused = keeps.archive(log.durable());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::no_space);
    CHECK(told.count(event_code::archive_failed) == 1);
    CHECK(keeps.stats().archive_failures == 1);
    CHECK(*keeps.remove_unneeded(log.durable(), log.durable()) == 0);
    REQUIRE(keeps.archive(log.durable()));
    CHECK(archive.took.size() == 4);
    CHECK(told.count(event_code::segment_archived) == 4);
    CHECK(keeps.stats().archived == segments_of(log.directory).back());
    CHECK(*keeps.remove_unneeded(log.durable(), log.durable()) == 4);
}

TEST_CASE("a refused segment is offered again after pauses, then told") {
    kept_log log;
    log.fill(2);
    moody_archive archive;
    told_events told;
    log_keeper_options chosen;
    chosen.archive = archive_hook::of(archive);
    chosen.again = {.first = {}, .attempts = 3};
    chosen.events = told.sink();
    keeper keeps{log.world, log.directory, ours, chosen};
    archive.refusals = 2;
    CHECK(keeps.archive(log.durable()));
    CHECK(told.count(event_code::archive_failed) == 0);
    CHECK(keeps.stats().archive_failures == 2);
    log.fill(1);
    archive.refusals = 3;
    CHECK_FALSE(keeps.archive(log.durable()));
    REQUIRE(told.count(event_code::archive_failed) == 1);
    CHECK(told.lines.back().find("attempts=3") != std::string::npos);
}

TEST_CASE("the next keeper knows what was archived; a mark that does not fit counts as none") {
    kept_log log;
    log.fill(4);
    const auto offered = [&] {
        moody_archive archive;
        auto chosen = at_once();
        chosen.archive = archive_hook::of(archive);
        keeper keeps{log.world, log.directory, ours, chosen};
        REQUIRE(keeps.archive(log.durable()));
        return archive.took.size();
    };
    CHECK(offered() == 3);
    CHECK(offered() == 0);
    log.fill(1);
    CHECK(offered() == 1);
    const auto replaced = [&](archive_mark mark) {
        atomic_replace(log.directory, archive_mark_name, encode_archive_mark(mark)).value();
        return offered();
    };
    const lsn archived = segments_of(log.directory).back();
    SUBCASE("a bit turned") {
        log.flip_bit(archive_mark_name, 33);
        CHECK(offered() == 4);
    }
    SUBCASE("of another database") { CHECK(replaced({{7, 7}, archived, 0}) == 4); }
    SUBCASE("of another log: the record before is another one") {
        CHECK(replaced({ours, archived, 12345}) == 4);
    }
    SUBCASE("beyond the log") { CHECK(replaced({ours, {1 << 30}, 0}) == 4); }
    SUBCASE("removed") {
        log.directory.remove(archive_mark_name).value();
        CHECK(offered() == 4);
        CHECK(offered() == 0);
    }
}

TEST_CASE("a damaged segment is neither archived nor removed, and the log says where it is") {
    kept_log log;
    log.fill(3);
    log.flip_bit(segment_name(first_lsn_of_log), segment_header_bytes + 100);
    moody_archive archive;
    auto chosen = at_once();
    chosen.archive = archive_hook::of(archive);
    keeper keeps{log.world, log.directory, ours, chosen};
    const auto refused = keeps.archive(log.durable());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::corrupt);
    CHECK(refused.error().subject() == segment_name(first_lsn_of_log).view());
    CHECK(archive.took.empty());
    CHECK(*keeps.remove_unneeded(log.durable(), log.durable()) == 0);
}

TEST_CASE("an I/O that fails leaves a log without holes, and a later call goes on") {
    using faulty_memory = faulty<memory>;
    for (std::uint64_t nth = 1; nth < 60; ++nth) {
        CAPTURE(nth);
        kept_log log;
        log.fill(4);
        fault_plan<memory> plan;
        faulty_memory world{log.world, plan};
        auto directory = world.open_directory("log", directory_mode::existing).value();
        auto elsewhere = world.open_directory("archive", directory_mode::existing).value();
        directory_archive<faulty_memory, crc32c> archive{elsewhere};
        auto chosen = at_once();
        chosen.archive = archive_hook::of(archive);
        log_keeper<faulty_memory, crc32c> keeps{world, directory, ours, chosen};
        plan.inject({.nth = nth});
        const auto archived = keeps.archive(log.durable());
        const auto removed = keeps.remove_unneeded(log.durable(), log.durable());
        plan.clear();
        const auto live = segments_of(log.directory);
        const auto kept = segments_of(log.elsewhere);
        CHECK(log.payloads_from(live.front()).size() >= 1);
        for (const log_range& each : log.ranges) {
            bool there = false;
            for (const lsn first : live) there = there || first == each.position;
            for (const lsn first : kept) there = there || first == each.position;
            CHECK(there);
        }
        CHECK(keeps.archive(log.durable()));
        const auto again = keeps.remove_unneeded(log.durable(), log.durable());
        if (again) CHECK(segments_of(log.directory).size() == 1);
        else CHECK(again.error().code() == removed.error().code());  // the directory's sync
        CHECK(segments_of(log.elsewhere).size() == 3);
    }
}

TEST_CASE("once the directory could not be synced nothing is removed any more") {
    kept_log log;
    log.fill(5);
    fault_plan<memory> plan;
    faulty<memory> world{log.world, plan};
    auto directory = world.open_directory("log", directory_mode::existing).value();
    log_keeper<faulty<memory>, crc32c> keeps{world, directory, ours, at_once()};
    plan.inject({.on = io_kind::sync_directory, .nth = 2});
    CHECK_FALSE(keeps.remove_unneeded(log.durable(), log.durable()));
    CHECK(segments_of(log.directory).size() == 3);
    const auto refused = keeps.remove_unneeded(log.durable(), log.durable());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::io);
    CHECK(segments_of(log.directory).size() == 3);
}
