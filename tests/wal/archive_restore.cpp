// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "keeper_fixture.hpp"

#include <mantis/platform/faulty.hpp>
#include <mantis/platform/simulated.hpp>

using namespace log_test;

namespace {

// All but the last segment are archived, and all but the last two removed.
struct removed_log : kept_log {
    removed_log() {
        fill(6);
        log_keeper_options chosen;
        chosen.archive = archive_hook::of(archive);
        keeper keeps{world, directory, ours, chosen};
        REQUIRE(keeps.archive(durable()));
        REQUIRE(*keeps.remove_unneeded(ranges[4].position, durable()) == 4);
    }
    result<std::uint64_t> restore(lsn begin = first_lsn_of_log) {
        return restore_segments<memory, crc32c>(archive, directory, ours, begin);
    }
};

}  // namespace

TEST_CASE("archive and log together are the whole log again") {
    removed_log log;
    CHECK(log.read().failed->code() == error_code::corrupt);
    CHECK(*log.restore() == 4);
    const read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    REQUIRE(found.payloads.size() == 6);
    for (std::size_t i = 0; i < 6; ++i) CHECK(found.positions[i] == log.ranges[i].position);
    CHECK(*log.restore() == 0);
}

TEST_CASE("only what is asked for comes back") {
    removed_log log;
    CHECK(*log.restore(log.ranges[2].end) == 2);
    CHECK(log.payloads_from(log.ranges[2].position).size() == 4);
    CHECK(segments_of(log.directory).front() == log.ranges[2].position);
}

TEST_CASE("an archive is a log that can be read, and restores into an empty directory") {
    removed_log log;
    auto from = reader::open(log.elsewhere, ours).value();
    log_record record;
    std::size_t count = 0;
    while (from.next(record).value()) ++count;
    CHECK(count == 5);
    auto fresh = log.world.open_directory("fresh", directory_mode::create).value();
    CHECK(*restore_segments<memory, crc32c>(log.archive, fresh, ours) == 5);
    CHECK(segments_of(fresh) == segments_of(log.elsewhere));
}

TEST_CASE("what does not belong there does not come back, and what lies behind it has") {
    removed_log log;
    const bytes victim = segment_name(log.ranges[1].position);
    SUBCASE("a segment is missing in the archive") {
        log.elsewhere.remove(victim).value();
        const auto refused = log.restore();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
        CHECK(segments_of(log.directory).front() == log.ranges[2].position);
    }
    SUBCASE("a segment is damaged") {
        auto file = log.elsewhere.open(victim, file_mode::write).value();
        file.write(segment_header_bytes + 60, "other").value();
        const auto refused = log.restore();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
        CHECK(refused.error().subject() == victim.view());
        CHECK(segments_of(log.directory).front() == log.ranges[2].position);
    }
    SUBCASE("it begins later") {
        log.elsewhere.remove(segment_name(first_lsn_of_log)).value();
        const auto refused = log.restore();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::not_found);
    }
    SUBCASE("of another database") {
        const auto refused =
            restore_segments<memory, crc32c>(log.archive, log.directory, database_id{1, 2});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::mismatch);
    }
    for (const bytes& name : log.directory.list().value())
        CHECK(name.view().from(16) != ".log.tmp");
}

TEST_CASE("a crash at any I/O of restoring leaves a log without a hole, and restoring goes on") {
    std::uint64_t crashed = 0;
    for (std::uint64_t nth = 1; nth < 200; ++nth) {
        CAPTURE(nth);
        simulation world{nth};
        bool done = false;
        world.run([&] {
            auto platform = world.platform();
            auto live = platform.open_directory("log", directory_mode::create).value();
            auto kept = platform.open_directory("archive", directory_mode::create).value();
            lsn end;
            lsn middle;
            {
                log_writer<simulated, crc32c> to{platform,         live, ours,
                                                 first_lsn_of_log, 0,    {.segment_bytes = 8192}};
                for (std::uint64_t i = 1; i <= 5; ++i) {
                    const std::string payload(4000, 'x');
                    const std::vector<pending_record> one{{record_kind::commit, payload}};
                    const auto range = to.append({i}, one).value();
                    if (i == 4) middle = range.position;
                    to.sync().value();
                }
                end = to.durable();
            }
            directory_archive<simulated, crc32c> archive{kept};
            log_keeper_options chosen;
            chosen.archive = archive_hook::of(archive);
            log_keeper<simulated, crc32c> keeps{platform, live, ours, chosen};
            REQUIRE(keeps.archive(end));
            REQUIRE(*keeps.remove_unneeded(middle, end) == 3);
            world.crash_at_io(nth);
            done = restore_segments<simulated, crc32c>(archive, live, ours).has_value();
            if (!world.powered()) ++crashed;
            world.restart(crash_mode::random_subset);
            live = platform.open_directory("log", directory_mode::create).value();
            kept = platform.open_directory("archive", directory_mode::create).value();
            const auto count = [&](lsn begin) {
                auto from = log_reader<simulated, crc32c>::open(live, ours, begin).value();
                log_record record;
                std::size_t records = 0;
                while (from.next(record).value()) ++records;
                return records;
            };
            CHECK(count(segments_of(live).front()) == segments_of(live).size());
            directory_archive<simulated, crc32c> again{kept};
            REQUIRE(restore_segments<simulated, crc32c>(again, live, ours));
            CHECK(count(first_lsn_of_log) == 5);
        });
        if (done && crashed < nth) break;
    }
    CHECK(crashed > 20);
}
