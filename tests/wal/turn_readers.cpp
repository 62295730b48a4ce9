// SPDX-License-Identifier: BSL-1.0
//
// What a crash leaves of a turn without a sync, for those who look at segments one by one: they
// agree with the reader about what belongs to the log.
#include <doctest/doctest.h>

#include "turn_fixture.hpp"

#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/salvage.hpp>
#include <mantis/store/log_scrub.hpp>
#include <mantis/wal/log_check.hpp>
#include <mantis/wal/retention.hpp>
#include <mantis/wal/truncation.hpp>

using namespace log_test;

namespace {

scrub_report scrub(two_segments& at, lsn promised) {
    scrub_reach reach{first_lsn_of_log, promised, true};
    log_scrub<memory, crc32c> log{at.log.directory, ours,
                                  [](void* of) { return *static_cast<scrub_reach*>(of); }, &reach};
    scrubber<memory> scrubbing{memory{}, {}};
    scrubbing.add(log.source());
    return scrubbing.run(0);
}

salvage_report salvaged(two_segments& at, lsn promised, const char* name) {
    superblock of;
    of.checksum_format = crc32c::format_id;
    of.database = ours;
    of.log_reaches = promised;
    auto to = at.log.world.open_directory(name, directory_mode::create).value();
    return salvage<memory, crc32c>(at.log.world, at.log.directory, of, to).value();
}

}  // namespace

TEST_CASE("what a crash tore before the last segment is no damage to a scrubber, unless promised") {
    for (std::uint64_t lost = 2; lost <= 3; ++lost) {
        CAPTURE(lost);
        two_segments at;
        CHECK(scrub(at, {}).records == 5);
        at.lose(lost);
        const scrub_report report = scrub(at, {at.ends[lost - 1]});
        CHECK(report.sound());
        CHECK(report.records == 2);  // those of the first segment that are whole
        CHECK_FALSE(scrub(at, {at.ends[lost]}).sound());
        CHECK_FALSE(scrub(at, {at.ends[5]}).sound());
    }
    two_segments proven;
    proven.durable_of_header = {proven.ends[2]};
    proven.build();
    proven.lose(2);
    CHECK_FALSE(scrub(proven, {}).sound());
}

TEST_CASE(
    "what a crash tore before the last segment is not salvaged, and not lost, unless promised") {
    two_segments at;
    at.log.overwrite(segment_name(first_lsn_of_log), 3 * log_block_bytes + 60, "garbage");
    const salvage_report torn = salvaged(at, {at.ends[2]}, "torn");
    CHECK(torn.lost.empty());
    CHECK(torn.records == 2);
    CHECK(torn.torn_bytes == verify_log<memory, crc32c>(at.log.directory).value().cut_bytes);
    CHECK(torn.torn_bytes > log_block_bytes);  // those of the last segment, too
    const salvage_report promised = salvaged(at, {at.ends[3]}, "promised");
    CHECK(promised.records == 4);
    REQUIRE(promised.lost.size() == 1);
    CHECK(promised.lost[0].from == lsn{at.ends[2]});
    at.durable_of_header = {at.ends[3]};
    at.build();
    at.lose(3);
    const salvage_report proven = salvaged(at, {}, "proven");
    CHECK(proven.records == 4);
    CHECK(proven.lost.size() == 1);
}

TEST_CASE("a torn turn is called a torn tail, one that was synced damage in the middle") {
    two_segments at;
    at.lose(2);
    const log_diagnosis torn = verify_log<memory, crc32c>(at.log.directory).value();
    CHECK(torn.kind == log_finding::torn_tail);
    CHECK(torn.records == 1);
    CHECK(torn.end == lsn{at.ends[1]});
    CHECK(torn.segment == segment_name(first_lsn_of_log));
    const log_diagnosis promised =
        verify_log<memory, crc32c>(at.log.directory, {.reaches = {at.ends[3]}}).value();
    CHECK(promised.kind == log_finding::ends_too_early);
    at.durable_of_last = at.ends[3];
    at.build();
    at.lose(2);
    const log_diagnosis damaged = verify_log<memory, crc32c>(at.log.directory).value();
    CHECK(damaged.kind == log_finding::damage_in_the_middle);
    CHECK(damaged.records_behind == 3);
}

TEST_CASE("a log is not taken back to a place behind what a crash tore") {
    two_segments at;
    const auto truncate = [&](std::uint64_t record) {
        return truncate_log<memory, crc32c>(at.log.directory, ours, {at.ends[record]});
    };
    at.lose(2);
    const auto refused = truncate(4);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::corrupt);
    CHECK(*refused.error().number("lsn") == at.ends[1]);
    CHECK(refused.error().subject() == segment_name(first_lsn_of_log).view());
    CHECK(at.log.read().payloads.size() == 1);
    REQUIRE(truncate(1));
    const read_back left = at.log.read();
    REQUIRE_FALSE(left.failed);
    CHECK(left.payloads.size() == 1);
    CHECK(left.end.unfinished_segment.empty());
}

TEST_CASE(
    "once a log was taken back, a power failure takes nothing of the two segments that stay") {
    for (const bool forgets : {false, true}) {
        CAPTURE(forgets);
        two_segments model;
        simulation world{1};
        world.run([&] {
            auto in = world.platform().open_directory("log", directory_mode::create).value();
            for (const lsn first : {first_lsn_of_log, two_segments::last()}) {
                const bytes name = segment_name(first);
                const bytes raw = read_file(model.log.directory, name, MiB).value();
                auto file = in.open(name, file_mode::create).value();
                file.write(0, raw).value();  // and no sync
                if (!forgets) continue;
                world.inject({.on = io_kind::sync, .after_sync = failed_sync::forgets});
                REQUIRE_FALSE(file.sync());
            }
            REQUIRE(truncate_log<simulated, crc32c>(in, ours, {model.ends[4]}));
            world.restart(crash_mode::drop_unsynced);
            in = world.platform().open_directory("log", directory_mode::create).value();
            auto from = log_reader<simulated, crc32c>::open(in, ours).value();
            log_record record;
            std::size_t records = 0;
            while (from.next(record).value()) ++records;
            CHECK(records == 4);
            CHECK(from.end().cut_bytes == 0);
        });
    }
}

TEST_CASE("a segment stays until something behind it is durable") {
    two_segments full;  // the first segment's last block is full
    full.payload_bytes = log_block_bytes - sizeof(log_record_header);
    full.build();
    log_keeper<memory, crc32c> keeper{full.log.world, full.log.directory, ours};
    const lsn next = two_segments::last();
    REQUIRE(lsn{full.ends[3]} == next);
    CHECK(*keeper.remove_unneeded(next, next) == 0);
    CHECK(keeper.stats().why == kept_by::being_written);
    CHECK(*keeper.remove_unneeded(next, {full.ends[4]}) == 1);
}
