// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "log_fixture.hpp"

#include <mantis/platform/faulty.hpp>
#include <mantis/wal/log_check.hpp>

using namespace log_test;

namespace {

std::vector<log_range> fill(log_fixture& log, std::uint64_t records = 120) {
    std::vector<log_range> ranges;
    auto to = log.write();
    for (std::uint64_t i = 1; i <= records; ++i) {
        ranges.push_back(append(*to, i, std::string(1500, 'r')));
        if (i % 4 == 0) to->sync().value();
    }
    to->close().value();
    return ranges;
}

log_diagnosis verify(log_fixture& log, log_check_options chosen = {}) {
    return verify_log<memory, crc32c>(log.directory, chosen).value();
}

std::vector<bytes> names(log_fixture& log) { return log.segment_names(); }

lsn first_of(bytes_view name) {
    lsn first;
    REQUIRE(parse_segment_name(name, first));
    return first;
}

std::uint64_t offset_in(bytes_view name, lsn position) {
    return segment_header_bytes + position.value - first_of(name).value;
}

// How many of them lie in the segment of that name, and before it.
std::size_t count_before(const std::vector<log_range>& ranges, lsn end) {
    std::size_t count = 0;
    while (count < ranges.size() && ranges[count].position < end) ++count;
    return count;
}

// Writes the segment's header again, changed, with a checksum that fits.
template <class Change>
void forge(log_fixture& log, bytes_view name, Change change) {
    auto file = log.directory.open(name, file_mode::write).value();
    std::byte raw[72];
    REQUIRE(file.read(0, raw, sizeof raw).value() == sizeof raw);
    change(raw);
    store_le(raw + 48, segment_header_checksum(raw));
    file.write(0, {raw, sizeof raw}).value();
}

}  // namespace

TEST_CASE("a sound log is counted") {
    log_fixture log;
    const auto ranges = fill(log);
    const log_diagnosis found = verify(log, {.reaches = ranges.back().end});
    CHECK(found.kind == log_finding::sound);
    CHECK(found.whole());
    CHECK(found.records == 120);
    CHECK(found.transactions == 120);
    CHECK(found.transactions_unfinished == 0);
    CHECK(found.record_bytes == 120 * record_bytes(1500));
    CHECK(found.segments == names(log).size());
    CHECK(found.end == ranges.back().end);
    CHECK(found.database == ours);
    CHECK(found.message.empty());
    log_fixture empty;
    CHECK(verify(empty).kind == log_finding::sound);
    CHECK(verify(log, {.begin = ranges[100].position}).records == 20);
}

TEST_CASE("parts without their commit are an unfinished transaction") {
    log_fixture log;
    {
        auto to = log.write();
        append(*to, 1, "whole");
        const std::vector<pending_record> parts{{record_kind::part, "a"}, {record_kind::part, "b"}};
        (void)to->append({2}, parts).value();
        append(*to, 3, "whole");
        (void)to->append({4}, parts).value();
        to->close().value();
    }
    const log_diagnosis found = verify(log);
    CHECK(found.transactions == 2);
    CHECK(found.transactions_unfinished == 2);
    CHECK(found.records == 6);
}

TEST_CASE("a torn tail is said with its place and size, and is no damage") {
    log_fixture log;
    const auto ranges = fill(log, 10);
    log.overwrite(names(log)[0], offset_in(names(log)[0], ranges.back().end) + 8, "torn");
    const log_diagnosis found = verify(log);
    CHECK(found.kind == log_finding::torn_tail);
    CHECK(found.whole());
    CHECK(found.cut_bytes == 12);
    CHECK(found.segment == names(log)[0]);
    CHECK(found.offset == offset_in(names(log)[0], ranges.back().end));
    CHECK(found.position == ranges.back().end);
    CHECK(found.records == 10);
}

TEST_CASE("damage in the middle is said with what is lost and what lies behind it") {
    log_fixture log;
    const auto ranges = fill(log);
    for (const std::size_t victim : {std::size_t{2}, std::size_t{50}}) {
        const std::size_t segment = victim == 2 ? 0 : 1;
        const bytes name = names(log)[segment];
        const std::uint64_t at = offset_in(name, ranges[victim].position);
        log.flip_bit(name, at + 100);
        const log_diagnosis found = verify(log);
        CHECK(found.kind == log_finding::damage_in_the_middle);
        CHECK_FALSE(found.whole());
        CHECK(found.segment == name);
        CHECK(found.offset == offset_in(name, ranges[victim - 1].end));
        CHECK(found.position == ranges[victim - 1].end);
        CHECK(found.lost_begin == ranges[victim - 1].end);
        CHECK(found.lost_end == ranges[victim + 1].position);
        CHECK(found.records == victim);
        CHECK(found.records_behind == ranges.size() - victim - 1);
        CHECK_FALSE(found.message.empty());
        log.flip_bit(name, at + 100);
    }
    CHECK(verify(log).kind == log_finding::sound);
}

TEST_CASE("a damaged segment header is damage, and the records behind it are found") {
    log_fixture log;
    const auto ranges = fill(log);
    const bytes name = names(log)[1];
    log.flip_bit(name, 20);
    const log_diagnosis found = verify(log);
    CHECK(found.kind == log_finding::damage_in_the_middle);
    CHECK(found.segment == name);
    CHECK(found.offset == 48);
    CHECK(found.position == first_of(name));
    CHECK(found.lost_end == first_of(name));
    CHECK(found.records == count_before(ranges, first_of(name)));
    CHECK(found.records + found.records_behind == ranges.size());
}

TEST_CASE("a segment of another database is foreign") {
    log_fixture log;
    const auto ranges = fill(log);
    const bytes name = names(log)[1];
    forge(log, name, [](std::byte* raw) { store_le(raw + 16, std::uint64_t{7}); });
    const log_diagnosis found = verify(log);
    CHECK(found.kind == log_finding::foreign_segment);
    CHECK(found.segment == name);
    CHECK(found.position == first_of(name));
    CHECK(found.lost_end == first_of(names(log)[2]));
    CHECK(found.records == count_before(ranges, first_of(name)));
    CHECK(verify(log, {.database = database_id{7, 7}}).kind == log_finding::foreign_segment);
    CHECK(verify(log, {.database = database_id{7, 7}}).records == 0);
}

TEST_CASE("a missing segment is told from damage, wherever it was") {
    for (const std::size_t victim : {std::size_t{0}, std::size_t{1}}) {
        log_fixture log;
        const auto ranges = fill(log);
        const auto before = names(log);
        log.directory.remove(before[victim]).value();
        const log_diagnosis found = verify(log);
        CHECK(found.kind == log_finding::missing_segment);
        CHECK(found.segment == (victim == 0 ? before[1] : before[0]));
        CHECK(found.lost_end == first_of(before[victim + 1]));
        CHECK(round_up(found.lost_begin.value, log_block_bytes) == first_of(before[victim]).value);
        CHECK(found.records == (victim == 0 ? 0 : count_before(ranges, first_of(before[1]))));
        CHECK(found.records_behind ==
              ranges.size() - count_before(ranges, first_of(before[victim + 1])));
    }
    log_fixture log;
    const auto ranges = fill(log);
    log.directory.remove(names(log).back()).value();
    const log_diagnosis found = verify(log, {.reaches = ranges.back().end});
    CHECK(found.kind == log_finding::ends_too_early);
    CHECK_FALSE(found.whole());
    CHECK(found.lost_begin == found.end);
    CHECK(found.lost_end == ranges.back().end);
    CHECK(verify(log).kind == log_finding::sound);
}

TEST_CASE("a segment under another name, or from another copy, is misplaced") {
    log_fixture log;
    fill(log);
    const auto before = names(log);
    SUBCASE("renamed") {
        log.directory.rename(before[2], before[1]).value();
        const log_diagnosis found = verify(log);
        CHECK(found.kind == log_finding::misplaced_segment);
        CHECK(found.segment == before[1]);
        CHECK(found.offset == 32);
    }
    SUBCASE("another history") {
        forge(log, before[1], [](std::byte* raw) { raw[44] ^= std::byte{1}; });
        const log_diagnosis found = verify(log);
        CHECK(found.kind == log_finding::misplaced_segment);
        CHECK(found.segment == before[1]);
        CHECK(found.offset == 44);
    }
}

TEST_CASE("a newer version and another checksum policy are not called damage") {
    log_fixture log;
    const auto ranges = fill(log);
    const bytes name = names(log)[1];
    const log_diagnosis other = verify_log<memory, xxh3>(log.directory).value();
    CHECK(other.kind == log_finding::wrong_checksum_policy);
    CHECK(other.segment == names(log)[0]);
    forge(log, name, [](std::byte* raw) { store_le(raw + 8, segment_version + 1); });
    const log_diagnosis newer = verify(log);
    CHECK(newer.kind == log_finding::version_too_new);
    CHECK(newer.segment == name);
    CHECK(newer.records == count_before(ranges, first_of(name)));
    CHECK(newer.lost_end == lsn{});
}

TEST_CASE("what cannot be read is an error and no diagnosis, wherever it is") {
    log_fixture log;
    fill(log, 20);
    for (std::uint64_t nth = 1;; ++nth) {
        fault_plan<memory> plan;
        plan.inject({.on = io_kind::read | io_kind::size | io_kind::list, .nth = nth});
        faulty<memory> world{log.world, plan};
        auto in = world.open_directory("log", directory_mode::existing).value();
        const auto found = verify_log<faulty<memory>, crc32c>(in);
        if (plan.struck(fault_kind::fail) == 0) {
            CHECK(found.has_value());
            CHECK(nth > 4);
            break;
        }
        REQUIRE_FALSE(found);
        CHECK(found.error().code() == error_code::io);
    }
}
