// SPDX-License-Identifier: BSL-1.0
//
// A last segment without records: taken for one that a crash left half made only if its header was
// never written. A header that is whole and does not belong there is damage: something is missing.
#include <doctest/doctest.h>

#include "log_fixture.hpp"

using namespace log_test;

namespace {

constexpr std::uint64_t reserved_bytes = 65536;

// A log that was synced, and behind it a segment of zeros with this header under that name.
struct ended_log {
    log_fixture log;
    segment_header header;

    ended_log() {
        auto to = log.write();
        (void)append(*to, 1, "first");
        const lsn end = append(*to, 2, "second").end;
        to->sync().value();
        header.checksum_format = crc32c::format_id;
        header.database = ours;
        header.first = {round_up(end.value, log_block_bytes)};
        header.durable = end;
        header.previous_checksum = log.read().end.previous_checksum;
    }

    void add(lsn name, const segment_header& which) {
        auto file = log.directory.open(segment_name(name), file_mode::create).value();
        file.write(0, encode_segment_header(which)).value();
        file.resize(reserved_bytes).value();
    }
    log_finding found() {
        auto from = reader::open(log.directory, ours).value();
        log_record record;
        auto more = from.next(record);
        while (more && *more) more = from.next(record);
        CHECK(more.has_value() == is_whole(from.finding()));
        return from.finding();
    }
};

}  // namespace

TEST_CASE("a last segment that continues the log is its end") {
    ended_log here;
    here.add(here.header.first, here.header);
    CHECK(here.found() == log_finding::sound);
}

TEST_CASE("a last segment whose header does not continue the log is damage, though it is empty") {
    ended_log chained;
    chained.header.previous_checksum ^= 1;
    chained.add(chained.header.first, chained.header);
    CHECK(chained.found() == log_finding::misplaced_segment);

    ended_log renamed;
    const lsn name = renamed.header.first;
    renamed.header.first = {name.value + log_block_bytes};
    renamed.add(name, renamed.header);
    CHECK(renamed.found() == log_finding::misplaced_segment);
}

TEST_CASE("a last segment behind a hole is damage, though it is empty") {
    ended_log here;
    here.header.first = {here.header.first.value + 4 * log_block_bytes};
    here.add(here.header.first, here.header);
    const log_finding told = here.found();
    CHECK_FALSE(is_whole(told));
}

TEST_CASE("an empty last segment of another database, or by another checksum, is refused") {
    ended_log foreign;
    foreign.header.database = {1, 2};
    foreign.add(foreign.header.first, foreign.header);
    CHECK(foreign.found() == log_finding::foreign_segment);

    ended_log other;
    other.header.checksum_format = xxh3::format_id;
    other.add(other.header.first, other.header);
    CHECK(other.found() == log_finding::wrong_checksum_policy);
}
