// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "log_fixture.hpp"

#include <mantis/platform/faulty.hpp>

using namespace log_test;

namespace {

// Five records, each synced on its own: each begins a block.
std::vector<log_range> five_synced(log_fixture& log) {
    auto to = log.write();
    std::vector<log_range> ranges;
    for (std::uint64_t i = 1; i <= 5; ++i) {
        ranges.push_back(append(*to, i, "record " + std::to_string(i)));
        to->sync().value();
    }
    return ranges;
}

std::uint64_t offset_of(lsn position) {
    return segment_header_bytes + position.value - first_lsn_of_log.value;
}

}  // namespace

TEST_CASE("an empty directory is an empty log") {
    log_fixture log;
    const read_back found = log.read();
    CHECK_FALSE(found.failed);
    CHECK(found.payloads.empty());
    CHECK(found.end.end == first_lsn_of_log);
    CHECK(found.end.cut_bytes == 0);
}

TEST_CASE("a torn tail is cut and reported, whatever byte it was torn at") {
    log_fixture log;
    const auto ranges = five_synced(log);
    const bytes name = segment_name(first_lsn_of_log);
    for (std::uint64_t torn = ranges[4].position.value; torn < ranges[4].end.value; ++torn) {
        log_fixture copy;
        five_synced(copy);
        auto file = copy.directory.open(name, file_mode::write).value();
        file.resize(offset_of(lsn{torn})).value();
        const read_back found = copy.read();
        REQUIRE_FALSE(found.failed);
        CHECK(found.payloads.size() == 4);
        CHECK(found.end.end == ranges[3].end);
    }
}

TEST_CASE("garbage behind the last record is cut and counted") {
    log_fixture log;
    const auto ranges = five_synced(log);
    log.overwrite(segment_name(first_lsn_of_log), offset_of(ranges[4].end) + 10, "garbage");
    const read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    CHECK(found.payloads.size() == 5);
    CHECK(found.end.cut_bytes == 17);
}

TEST_CASE("damage in the middle refuses to open and names file, offset and lsn") {
    const bytes name = segment_name(first_lsn_of_log);
    for (std::size_t victim = 0; victim < 4; ++victim)
        for (const bool lost_block : {false, true}) {
            log_fixture log;
            const auto ranges = five_synced(log);
            const std::uint64_t at = offset_of(ranges[victim].position);
            if (lost_block) log.overwrite(name, at, bytes::zeros(4096));
            else log.flip_bit(name, at + 50);
            const read_back found = log.read();
            REQUIRE(found.failed);
            CHECK(found.failed->code() == error_code::corrupt);
            CHECK(found.failed->subject() == name.view());
            REQUIRE(found.failed->number("offset"));
            REQUIRE(found.failed->number("lsn"));
            const std::uint64_t end_before =
                victim == 0 ? first_lsn_of_log.value : ranges[victim - 1].end.value;
            CHECK(*found.failed->number("lsn") == end_before);
            CHECK(*found.failed->number("offset") == offset_of(lsn{end_before}));
            CHECK(found.payloads.size() == victim);
        }
}

TEST_CASE("an unsynced record lost before a later unsynced one is a torn tail, not damage") {
    log_fixture log;
    auto to = log.write();
    append(*to, 1, "synced");
    to->sync().value();
    // Two whole blocks, so that the record after it begins one, where the reader looks for proof.
    const std::size_t two_blocks = 2 * log_block_bytes - sizeof(log_record_header);
    const log_range lost = append(*to, 2, std::string(two_blocks, 'a'));
    to->wait_written(lost.end).value();
    const log_range kept = append(*to, 3, std::string(9000, 'b'));
    to->wait_written(kept.end).value();
    log.overwrite(segment_name(first_lsn_of_log), offset_of(lost.position), bytes::zeros(4096));
    const read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    CHECK(found.payloads == std::vector<std::string>{"synced"});
    CHECK(found.end.cut_bytes > 9000);
}

TEST_CASE("a lost record that filled its block is no padding: what follows it is lost, too") {
    log_fixture log;
    auto to = log.write();
    const std::string sector(512 - sizeof(log_record_header), 's');
    append(*to, 1, sector);
    const log_range lost = append(*to, 2, std::string(7 * 512 - sizeof(log_record_header), 'l'));
    append(*to, 3, "after");
    to->sync().value();
    REQUIRE(lost.end.value % log_block_bytes == 0);
    log.overwrite(segment_name(first_lsn_of_log),
                  segment_header_bytes + lost.position.value - first_lsn_of_log.value,
                  bytes::zeros(7 * 512));
    const read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    CHECK(found.payloads == std::vector<std::string>{sector});
    CHECK(found.end.cut_bytes > 0);
}

TEST_CASE("a missing segment is told from the end of the log") {
    log_fixture log;
    {
        auto to = log.write();
        for (std::uint64_t i = 1; i <= 300; ++i) append(*to, i, std::string(1000, 'x'));
        to->close().value();
    }
    const auto names = log.segment_names();
    REQUIRE(names.size() > 3);
    SUBCASE("in the middle") {
        log.directory.remove(names[1]).value();
        const read_back found = log.read();
        REQUIRE(found.failed);
        CHECK(found.failed->code() == error_code::corrupt);
        CHECK(found.failed->subject() == names[0].view());
    }
    SUBCASE("at the beginning") {
        log.directory.remove(names[0]).value();
        const read_back found = log.read();
        REQUIRE(found.failed);
        CHECK(found.failed->code() == error_code::corrupt);
        CHECK(found.failed->number("expected_lsn"));
    }
    SUBCASE("cut short") {
        log.directory.open(names[1], file_mode::write).value().resize(20000).value();
        const read_back found = log.read();
        REQUIRE(found.failed);
        CHECK(found.failed->code() == error_code::corrupt);
        CHECK(found.failed->subject() == names[1].view());
    }
}

TEST_CASE("a segment of another database or another checksum policy is refused by name") {
    log_fixture log;
    five_synced(log);
    const read_back foreign = log.read({1, 1});
    REQUIRE(foreign.failed);
    CHECK(foreign.failed->code() == error_code::mismatch);
    auto other = log_reader<memory, xxh3>::open(log.directory, ours).value();
    log_record record;
    const auto refused = other.next(record);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::mismatch);
    CHECK(refused.error().message().as<std::string>().find("with::checksum") != std::string::npos);
}

TEST_CASE("a last segment that never got its header is cut, with what nothing proves") {
    log_fixture log;
    const auto ranges = five_synced(log);
    const bytes next = segment_name({round_up(ranges[4].end.value, log_block_bytes)});
    auto file = log.directory.open(next, file_mode::create).value();
    file.resize(65536).value();
    read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    CHECK(found.payloads.size() == 5);
    CHECK(found.end.unfinished_segment == next);
    file.write(8192, "a record").value();
    found = log.read();
    REQUIRE_FALSE(found.failed);
    CHECK(found.end.unfinished_segment == next);
    CHECK(found.end.cut_bytes > 0);
}

TEST_CASE("a last segment that only has a name says nothing of the one before") {
    log_fixture log;
    const auto ranges = five_synced(log);
    const bytes next =
        segment_name({round_up(ranges[4].end.value, log_block_bytes) + log_block_bytes});
    log.directory.open(next, file_mode::create).value().resize(4096).value();
    const read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    CHECK(found.payloads.size() == 5);
    CHECK(found.end.unfinished_segment == next);
}

TEST_CASE("a last segment with a header and no records ends the log where the one before did") {
    log_fixture log;
    const auto ranges = five_synced(log);
    segment_header header;
    header.checksum_format = crc32c::format_id;
    header.database = ours;
    header.first = {round_up(ranges[4].end.value, log_block_bytes)};
    header.previous_checksum = log.read().end.previous_checksum;
    const bytes next = segment_name(header.first);
    auto file = log.directory.open(next, file_mode::create).value();
    file.write(0, encode_segment_header(header)).value();
    file.resize(65536).value();
    const read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    CHECK(found.payloads.size() == 5);
    CHECK(found.end.end == ranges[4].end);
    CHECK(found.end.segment == next);
    CHECK(found.end.cut_bytes == 0);
    CHECK(found.end.offset_in_segment() == segment_header_bytes);
}

TEST_CASE("no flipped bit anywhere in a log is ever returned as data") {
    log_fixture clean;
    five_synced(clean);
    const bytes name = segment_name(first_lsn_of_log);
    const read_back whole = clean.read();
    for (std::uint64_t offset = 0; offset < segment_header_bytes + 5 * log_block_bytes;
         offset += 13) {
        log_fixture log;
        five_synced(log);
        log.flip_bit(name, offset);
        const read_back found = log.read();
        for (std::size_t i = 0; i < found.payloads.size(); ++i)
            CHECK(found.payloads[i] == whole.payloads[i]);
    }
}

namespace {

// Files whose long reads stop before the file does.
struct short_file : memory::file {
    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) {
        return memory::file::read(offset, into, count > 10'000 ? 10'000 : count);
    }
};
struct short_directory : memory::directory {
    using file = short_file;
    [[nodiscard]] result<file> open(bytes_view name, file_mode mode) {
        auto opened = memory::directory::open(name, mode);
        if (!opened) return opened.error();
        return file{*std::move(opened)};
    }
};
struct short_reads : memory {
    using file = short_file;
    using directory = short_directory;
    [[nodiscard]] result<directory> open_directory(bytes_view path, directory_mode mode) {
        auto opened = memory::open_directory(path, mode);
        if (!opened) return opened.error();
        return directory{*std::move(opened)};
    }
};

// Reads the fixture's log through another platform.
template <class Platform>
read_back read_through(Platform world) {
    read_back found;
    auto in = world.open_directory("log", directory_mode::existing).value();
    auto from = log_reader<Platform, crc32c>::open(in, ours).value();
    log_record record;
    while (true) {
        auto more = from.next(record);
        if (!more) found.failed = more.error();
        if (!more || !*more) break;
        found.payloads.push_back(record.payload.as<std::string>());
    }
    found.end = from.end();
    return found;
}

}  // namespace

TEST_CASE("a read that leaves something out is an error, not the end of the log") {
    log_fixture log;
    five_synced(log);
    const read_back found = read_through(short_reads{log.world});
    REQUIRE(found.failed);
    CHECK(found.failed->code() == error_code::io);
    CHECK(found.failed->subject() == segment_name(first_lsn_of_log).view());
    CHECK(*found.failed->number("offset") == 10'000);
}

TEST_CASE("records that are read wrong once are read again, wherever the log is wrong") {
    for (std::size_t victim = 0; victim < 5; ++victim) {
        log_fixture log;
        const auto ranges = five_synced(log);
        fault_plan<memory> plan{victim};
        plan.inject({.kind = fault_kind::flip_on_read,
                     .count = 2,
                     .first_byte = offset_of(ranges[victim].position),
                     .end_byte = offset_of(ranges[victim].end)});
        const read_back found = read_through(faulty<memory>{log.world, plan});
        CHECK_FALSE(found.failed);
        CHECK(found.payloads.size() == 5);
        CHECK(found.end.cut_bytes == 0);
        CHECK(plan.struck(fault_kind::flip_on_read) == 2);
    }
}

TEST_CASE("an end that reads differently each time is an error") {
    log_fixture log;
    const auto ranges = five_synced(log);
    fault_plan<memory> plan;
    plan.inject({.kind = fault_kind::flip_on_read,
                 .count = fault::for_ever,
                 .first_byte = offset_of(ranges[4].position),
                 .end_byte = offset_of(ranges[4].end)});
    const read_back found = read_through(faulty<memory>{log.world, plan});
    REQUIRE(found.failed);
    CHECK(found.failed->code() == error_code::io);
    CHECK(*found.failed->number("lsn") == ranges[3].end.value);
    CHECK(found.payloads.size() == 4);
}

TEST_CASE("a read that fails is an error, wherever it is, and the next reader finds everything") {
    log_fixture log;
    five_synced(log);
    for (std::uint64_t nth = 1;; ++nth) {
        fault_plan<memory> plan;
        plan.inject({.on = io_kind::read | io_kind::size, .nth = nth});
        auto world = faulty<memory>{log.world, plan};
        auto in = world.open_directory("log", directory_mode::existing).value();
        auto from = log_reader<faulty<memory>, crc32c>::open(in, ours);
        if (from) {
            log_record record;
            auto more = from->next(record);
            while (more && *more) more = from->next(record);
            CHECK(more.has_value() == (plan.struck(fault_kind::fail) == 0));
            if (more) break;
            CHECK(more.error().code() == error_code::io);
        } else CHECK(from.error().code() == error_code::io);
        CHECK(log.read().payloads.size() == 5);
    }
}
