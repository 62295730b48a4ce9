// SPDX-License-Identifier: BSL-1.0
//
// The reader from any record on, and through windows of any size.
#include <doctest/doctest.h>

#include "log_fixture.hpp"

#include <mantis/platform/faulty.hpp>

using namespace log_test;

namespace {

struct written_log {
    std::vector<std::string> payloads;
    std::vector<log_range> ranges;
};

// Records of all sizes, synced now and then, over several segments.
written_log fill(log_fixture& log, int records, std::size_t most) {
    written_log made;
    auto to = log.write();
    for (int i = 0; i < records; ++i) {
        made.payloads.push_back(
            std::string(static_cast<std::size_t>(i) * 977 % most, static_cast<char>('a' + i % 26)));
        made.ranges.push_back(append(*to, static_cast<std::uint64_t>(i) + 1, made.payloads.back()));
        if (i % 5 == 0) to->sync().value();
    }
    to->wait_written(to->end()).value();
    return made;
}

struct outcome {
    std::vector<std::string> payloads;
    log_end end;
    log_finding finding = log_finding::unreadable;
    std::string doubtful;
    std::optional<error> failed;
};

template <class Platform = memory>
outcome read(Platform world, lsn from, std::size_t window_bytes) {
    outcome found;
    auto in = world.open_directory("log", directory_mode::existing).value();
    auto opened = log_reader<Platform, crc32c>::open(in, ours, from, window_bytes);
    if (!opened) {
        found.failed = opened.error();
        return found;
    }
    log_record record;
    while (true) {
        auto more = opened->next(record);
        if (!more) found.failed = more.error();
        if (!more || !*more) break;
        found.payloads.push_back(record.payload.as<std::string>());
    }
    found.end = opened->end();
    found.finding = opened->finding();
    if (!found.failed) found.doubtful = opened->doubtful_records().template as<std::string>();
    return found;
}

std::vector<std::string> behind(const written_log& log, std::size_t at) {
    return {log.payloads.begin() + static_cast<std::ptrdiff_t>(at), log.payloads.end()};
}

// What a reader asks of its platform.
struct measured {
    std::size_t most = 0;
};
struct measured_file : memory::file {
    measured* seen = nullptr;
    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) {
        if (count > seen->most) seen->most = count;
        return memory::file::read(offset, into, count);
    }
};
struct measured_directory : memory::directory {
    using file = measured_file;
    measured* seen = nullptr;
    [[nodiscard]] result<file> open(bytes_view name, file_mode mode) {
        auto opened = memory::directory::open(name, mode);
        if (!opened) return opened.error();
        return file{*std::move(opened), seen};
    }
};
struct measured_reads : memory {
    using file = measured_file;
    using directory = measured_directory;
    measured* seen = nullptr;
    [[nodiscard]] result<directory> open_directory(bytes_view path, directory_mode mode) {
        auto opened = memory::open_directory(path, mode);
        if (!opened) return opened.error();
        return directory{*std::move(opened), seen};
    }
};

}  // namespace

TEST_CASE("from any record on, the log is read to its end, also when what lies before is gone") {
    log_fixture log;
    const written_log made = fill(log, 200, 3000);
    REQUIRE(log.segment_names().size() > 3);
    for (std::size_t i = 0; i < made.ranges.size(); ++i) {
        CHECK(read(log.world, made.ranges[i].position, 5000).payloads == behind(made, i));
        const outcome after = read(log.world, made.ranges[i].end, 5000);
        REQUIRE_FALSE(after.failed);
        CHECK(after.payloads == behind(made, i + 1));
        CHECK(after.end.end == made.ranges.back().end);
    }
    for (std::size_t i = 0; i < made.ranges.size(); ++i) {
        for (const bytes& name : log.segment_names()) {
            lsn next;
            const auto names = log.segment_names();
            if (names.size() > 1 && parse_segment_name(names[1], next) &&
                next <= made.ranges[i].position && name == names[0])
                log.directory.remove(name).value();
        }
        CHECK(read(log.world, made.ranges[i].position, 5000).payloads == behind(made, i));
        const outcome after = read(log.world, made.ranges[i].end, 5000);
        CHECK_FALSE(after.failed);
        CHECK(after.payloads == behind(made, i + 1));
    }
    CHECK(log.segment_names().size() == 1);
}

TEST_CASE("what lay in a segment that is gone is not passed over, not even its end") {
    log_fixture log;
    const written_log made = fill(log, 60, 3000);
    const auto names = log.segment_names();
    lsn second;
    REQUIRE(parse_segment_name(names[1], second));
    std::size_t last = 0;
    while (made.ranges[last + 1].position < second) ++last;
    log.directory.remove(names[0]).value();
    CHECK(read(log.world, second, 5000).payloads == behind(made, last + 1));
    for (const lsn lost : {made.ranges[last].position, made.ranges[last].end}) {
        if (lost == second) continue;
        const outcome gone = read(log.world, lost, 5000);
        REQUIRE(gone.failed);
        CHECK(gone.failed->code() == error_code::not_found);
        CHECK(*gone.failed->number("first_lsn") == second.value);
    }
}

TEST_CASE("where no record begins, nothing is read") {
    log_fixture log;
    const written_log made = fill(log, 60, 3000);
    for (std::size_t i = 0; i < made.ranges.size(); ++i)
        for (const std::uint64_t off : {1U, 8U, 47U}) {
            const outcome inside = read(log.world, {made.ranges[i].position.value + off}, 5000);
            REQUIRE(inside.failed);
            CHECK(inside.failed->code() == error_code::invalid_argument);
            CHECK(*inside.failed->number("lsn") == made.ranges[i].position.value + off);
            CHECK(inside.finding == log_finding::no_such_position);
            CHECK(inside.payloads.empty());
        }
    const lsn end = made.ranges.back().end;
    CHECK(read(log.world, end, 5000).finding == log_finding::sound);
    const lsn next_block{round_up(end.value, log_block_bytes)};
    CHECK(read(log.world, next_block, 5000).finding == log_finding::sound);
    for (const lsn behind_end : {lsn{end.value + 1}, lsn{next_block.value + 8}, lsn{~0ULL}}) {
        const outcome none = read(log.world, behind_end, 5000);
        REQUIRE(none.failed);
        CHECK(none.failed->code() == error_code::invalid_argument);
        CHECK(*none.failed->number("end_lsn") == end.value);
    }
    log_fixture empty;
    CHECK(read(empty.world, first_lsn_of_log, 5000).finding == log_finding::sound);
    const outcome nothing = read(empty.world, {8192}, 5000);
    REQUIRE(nothing.failed);
    CHECK(nothing.failed->code() == error_code::not_found);
}

TEST_CASE("damage before the first record that is asked for is told, not passed over") {
    log_fixture log;
    const written_log made = fill(log, 20, 1500);
    const bytes name = segment_name(first_lsn_of_log);
    log.flip_bit(name, made.ranges[3].position.value + 60);
    const outcome found = read(log.world, made.ranges[8].position, 5000);
    REQUIRE(found.failed);
    CHECK(found.failed->code() == error_code::corrupt);
    CHECK(found.finding == log_finding::damage_in_the_middle);
    CHECK(found.payloads.empty());
}

TEST_CASE("a window of any size reads the same: records, end, and what is doubtful") {
    for (const bool torn : {false, true}) {
        log_fixture log;
        log.options.segment_bytes = 256 * 1024;
        const written_log made = fill(log, 80, 40'000);
        const auto names = log.segment_names();
        if (torn) log.flip_bit(names.back(), read(log.world, {}, 4096).end.offset_in_segment() - 9);
        const outcome whole = read(log.world, {}, 64 * 1024 * 1024);
        REQUIRE_FALSE(whole.failed);
        CHECK(whole.payloads.size() == made.payloads.size() - (torn ? 1 : 0));
        CHECK(whole.doubtful.size() > log_block_bytes);
        for (const std::size_t window_bytes : {1U, 64U, 1000U, 4096U, 50'000U, 262'144U}) {
            CAPTURE(window_bytes);
            const outcome found = read(log.world, {}, window_bytes);
            REQUIRE_FALSE(found.failed);
            CHECK(found.payloads == whole.payloads);
            CHECK(found.end.end == whole.end.end);
            CHECK(found.end.durable == whole.end.durable);
            CHECK(found.end.cut_bytes == whole.end.cut_bytes);
            CHECK(found.end.previous_checksum == whole.end.previous_checksum);
            CHECK(found.doubtful == whole.doubtful);
            CHECK(found.finding == (torn ? log_finding::torn_tail : log_finding::sound));
        }
        std::string on_disk(whole.doubtful.size(), '\0');
        auto file = log.directory.open(names.back(), file_mode::read).value();
        (void)file
            .read(whole.end.doubtful_offset(), reinterpret_cast<std::byte*>(on_disk.data()),
                  on_disk.size())
            .value();
        CHECK(whole.doubtful == on_disk);
    }
}

TEST_CASE("a file of absurd size, or a length that it says, takes a window of memory") {
    log_fixture log;
    const bytes name = segment_name(first_lsn_of_log);
    {
        auto to = log.write();
        append(*to, 1, "first");
        to->sync().value();
        append(*to, 2, "second");
        to->sync().value();
    }
    const read_back before = log.read();
    log.directory.open(name, file_mode::write).value().resize(300'000'000).value();
    measured seen;
    outcome found = read(measured_reads{log.world, &seen}, {}, 8192);
    REQUIRE_FALSE(found.failed);
    CHECK(found.payloads.size() == 2);
    CHECK(found.finding == log_finding::sound);
    CHECK(seen.most <= 16 * log_block_bytes);
    // A length beyond the file's end is not read, and one that no record may have neither.
    const std::uint64_t second =
        segment_header_bytes + before.positions[1].value - first_lsn_of_log.value;
    for (const std::uint32_t length : {400'000'000U, 0xffffffffU}) {
        std::byte raw[4];
        store_le(raw, length);
        log.overwrite(name, second + 32, {raw, 4});
        seen.most = 0;
        found = read(measured_reads{log.world, &seen}, {}, 8192);
        REQUIRE_FALSE(found.failed);
        CHECK(found.payloads.size() == 1);
        CHECK(found.finding == log_finding::torn_tail);
        CHECK(seen.most <= 16 * log_block_bytes);
    }
}

TEST_CASE("proof that the log was synced is found however far behind the damage it lies") {
    for (const std::size_t size : {std::size_t{100}, std::size_t{300'000}}) {
        log_fixture log;
        log.options.segment_bytes = 4 * 1024 * 1024;
        log_range lost;
        {
            auto to = log.write();
            append(*to, 1, "kept");
            to->sync().value();
            lost = append(*to, 2, std::string(1'000'000, 'l'));
            to->sync().value();
            append(*to, 3, std::string(size, 'p'));
            to->wait_written(to->end()).value();
        }
        log.overwrite(segment_name(first_lsn_of_log), lost.position.value, bytes::zeros(1'000'000));
        const outcome found = read(log.world, {}, 4096);
        REQUIRE(found.failed);
        CHECK(found.failed->code() == error_code::corrupt);
        CHECK(*found.failed->number("synced_lsn") == lost.end.value);
        CHECK(found.finding == log_finding::damage_in_the_middle);
    }
}

TEST_CASE("a tail behind the window that is read wrong once is read again; for ever is an error") {
    for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{2}, fault::for_ever}) {
        CAPTURE(count);
        log_fixture log;
        log.options.segment_bytes = 1024 * 1024;
        log_range last;
        {
            auto to = log.write();
            append(*to, 1, "kept");
            to->sync().value();
            last = append(*to, 2, std::string(500'000, 't'));
            to->wait_written(last.end).value();
        }
        const bytes name = segment_name(first_lsn_of_log);
        log.flip_bit(name, last.position.value + 48);
        const outcome right = read(log.world, {}, 4096);
        REQUIRE_FALSE(right.failed);
        fault_plan<memory> plan{7};
        plan.inject({.kind = fault_kind::flip_on_read,
                     .nth = 2,  // the first is the record's
                     .count = count,
                     .first_byte = last.position.value + 520'000 - 65'536,
                     .end_byte = last.position.value + 520'000});
        const outcome found = read(faulty<memory>{log.world, plan}, {}, 4096);
        CHECK(plan.struck(fault_kind::flip_on_read) >= 1);
        CHECK(found.failed.has_value() == (count == fault::for_ever));
        if (found.failed) CHECK(found.failed->code() == error_code::io);
        else CHECK(found.end.cut_bytes == right.end.cut_bytes);
    }
}

TEST_CASE("what is doubtful stays in memory when the window ends in the gap behind it") {
    for (std::size_t window_bytes = 5000; window_bytes < 5300; window_bytes += 4) {
        log_fixture log;
        {
            auto to = log.write();
            append(*to, 1, std::string(1000, 'd'));
            to->sync().value();
        }
        const outcome found = read(log.world, {}, window_bytes);
        REQUIRE_FALSE(found.failed);
        // With the header: no record proves that it is synced.
        CHECK(found.doubtful.size() == segment_header_bytes + record_bytes(1000));
        CHECK(found.doubtful.substr(segment_header_bytes + 48, 1000) == std::string(1000, 'd'));
    }
}
