// SPDX-License-Identifier: BSL-1.0
// Databases as earlier versions wrote them: each must open and hold what it held, and its damaged
// twin must be refused.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/store/store.hpp>

#include <cstdlib>
#include <cstring>
#include <string>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>> {};

// The segments of the first three are of version 1; in the last one some follow a turn without a
// sync and some do not.
constexpr const char* fixtures[] = {"store-v1", "store-v2", "store-v3", "store-v3-log-v2"};

// The files of a fixture in a directory in memory, so that no test changes them.
memory copied(const char* name) {
    const char* const folder = std::getenv("MANTIS_FIXTURES");
    REQUIRE_MESSAGE(folder != nullptr, "MANTIS_FIXTURES names the folder tests/fixtures");
    memory files;
    auto from =
        posix{}.open_directory(std::string{folder} + "/" + name, directory_mode::existing).value();
    auto to = files.open_directory("db", directory_mode::create).value();
    for (const bytes& file : from.list().value())
        to.open(file, file_mode::create)
            .value()
            .write(0, read_file(from, file, 64 * MiB).value())
            .value();
    return files;
}

// store-v3-image: tables accounts, gone (dropped) and events, a checkpoint, and three commits.
constexpr const char* image = "checkpoint-0000000000011048.image";
struct block_of_fixture {
    std::size_t at, table, payload_bytes, count, kind;
};
constexpr block_of_fixture blocks_of_fixture[] = {
    {80, 0, 31, 3, 1}, {160, 1, 20, 2, 2}, {232, 3, 26, 1, 2}, {312, 0, 45, 3, 3}};

}  // namespace

TEST_CASE(
    "a database of each superblock version opens, holds what it held, and becomes version 4") {
    for (const char* const name : fixtures) {
        CAPTURE(name);
        memory files = copied(name);
        auto db = store<in_memory>::open("db", {}, files).value();
        const auto accounts = db.find_table("accounts");
        const auto events = db.find_table("events");
        REQUIRE(accounts);
        REQUIRE(events);
        CHECK_FALSE(db.find_table("gone"));
        CHECK(db.get(*accounts, "alice").value()->view() == bytes_view{"90"});
        CHECK_FALSE(db.get(*accounts, "bob").value());
        CHECK(db.get(*events, "2026-01-01/1").value()->view() == bytes_view{"alice -10"});
        CHECK(db.get(*events, "2026-01-01/2").value()->view() ==
              bytes_view{std::string(3000, 'x')});
        CHECK(db.recovery().transactions_kept == 6);
        CHECK(db.recovery().cut_bytes == 0);
        CHECK_FALSE(db.recovery().superblock_damage);
        CHECK(db.scrub().value().sound());
        auto directory = files.open_directory("db", directory_mode::existing).value();
        const auto pair = read_superblocks(directory).value();
        CHECK(pair.complete());
        CHECK(pair.block.version == 4);
    }
}

TEST_CASE(
    "a database of each version with any record byte flipped is refused, with file, offset and "
    "lsn") {
    for (const char* const fixture : fixtures) {
        const memory whole = copied(fixture);
        auto whole_directory = memory{whole}.open_directory("db", directory_mode::existing).value();
        for (const bytes& name : whole_directory.list().value()) {
            const std::uint64_t size = read_file(whole_directory, name, 64 * MiB).value().size();
            for (std::uint64_t offset = 3; offset < size; offset += 97) {
                memory files = copied(fixture);
                auto directory = files.open_directory("db", directory_mode::existing).value();
                auto file = directory.open(name, file_mode::write).value();
                std::byte one{};
                REQUIRE(file.read(offset, &one, 1).value() == 1);
                if (one == std::byte{0}) continue;  // padding is not data
                one ^= std::byte{4};
                file.write(offset, {&one, 1}).value();
                const bool superblock =
                    name == bytes_view{superblock_name} || name == bytes_view{superblock_copy_name};
                if (superblock && whole_directory.exists(superblock_copy_name).value()) {
                    CHECK(store<in_memory>::open("db", {}, files)
                              .value()
                              .recovery()
                              .superblock_repaired);
                    continue;
                }
                const auto refused = store<in_memory>::open("db", {}, files);
                REQUIRE_FALSE(refused);
                CHECK(refused.error().code() == error_code::corrupt);
                if (superblock) continue;
                CHECK(refused.error().subject() == name.view());
                CHECK(refused.error().number("lsn"));
            }
        }
    }
}

TEST_CASE(
    "a database with the image of a checkpoint opens, and its rows are as they were written") {
    memory files = copied("store-v3-image");
    auto db = store<in_memory>::open("db", {}, files).value();
    const auto accounts = db.find_table("accounts");
    const auto events = db.find_table("events");
    REQUIRE(accounts);
    REQUIRE(events);
    CHECK(accounts->id() == table_id{1});
    CHECK(events->id() == table_id{3});
    CHECK_FALSE(db.find_table("gone"));
    CHECK(db.recovery().image.redo_from == lsn{0x11048});
    CHECK(db.recovery().image.rows == 3);
    CHECK_FALSE(db.recovery().image.damage);
    CHECK(db.recovery().transactions_kept == 3);
    CHECK(db.recovery().cut_bytes == 0);
    // As the image has them, but for what the log says since.
    CHECK(db.get(*accounts, "alice").value()->view() == bytes_view{"90"});
    CHECK_FALSE(db.get(*accounts, "bob").value());
    CHECK(db.get(*events, "2026-01-01/1").value()->view() == bytes_view{"alice -10"});
    CHECK(db.get(*events, "2026-01-01/2").value()->view() == bytes_view{std::string(3000, 'x')});
    CHECK_FALSE(db.get(*events, "filler").value());
    CHECK(db.stats().entries == 3);
    CHECK(db.verify());
    CHECK(db.scrub().value().sound());
    REQUIRE(db.checkpoint());
    REQUIRE(db.close());
    auto again = store<in_memory>::open("db", {}, files).value();
    CHECK(again.stats().entries == 3);
}

TEST_CASE("any byte of that image flipped: the database is refused, and the image is named") {
    memory files = copied("store-v3-image");
    auto directory = files.open_directory("db", directory_mode::existing).value();
    const bytes raw = read_file(directory, image, MiB).value();
    auto file = directory.open(image, file_mode::write).value();
    for (std::size_t at = 0; at < raw.size(); ++at) {
        CAPTURE(at);
        const std::byte turned = raw[at] ^ std::byte{4};
        file.write(at, {&turned, 1}).value();
        const auto refused = store<in_memory>::open("db", {}, files);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
        CHECK(refused.error().subject() == bytes_view{image});
        file.write(at, raw.view().part(at, 1)).value();
    }
    CHECK(store<in_memory>::open("db", {}, files));
}

TEST_CASE("header and blocks of that image lie where docs/formats.md says") {
    memory files = copied("store-v3-image");
    auto directory = files.open_directory("db", directory_mode::existing).value();
    const bytes raw = read_file(directory, image, MiB).value();
    const bytes superblock = read_file(directory, superblock_name, KiB).value();
    const auto u64 = [&](std::size_t at) { return load_le<std::uint64_t>(raw.data() + at); };
    const auto u32 = [&](std::size_t at) { return load_le<std::uint32_t>(raw.data() + at); };
    REQUIRE(raw.size() == 408);
    CHECK(raw.view().first(8) == bytes_view{"MANTISCK"});
    CHECK(u32(8) == 1);
    CHECK(u32(12) == crc32c::format_id);
    CHECK(raw.view().part(16, 16) == superblock.view().part(16, 16));
    CHECK(u64(32) == 0x11048);
    CHECK(load_le<std::uint64_t>(superblock.data() + 40) == 0x11048);
    CHECK(u64(48) == 17);                         // transactions
    CHECK(u64(56) == 1'795'322'144'693'764'471);  // in November 2026
    CHECK(u64(64) == 3);
    CHECK(u64(72) == crc32c::of({raw.data(), 72}));
    std::size_t end = 80;
    for (const block_of_fixture& each : blocks_of_fixture) {
        CAPTURE(each.at);
        REQUIRE(each.at == end);
        end += (48 + each.payload_bytes + 7) / 8 * 8;
        CHECK(u64(each.at) == crc32c::of({raw.data() + each.at + 8, end - each.at - 8}));
        CHECK(u64(each.at + 8) == each.at);
        CHECK(u64(each.at + 16) == u64(40));
        CHECK(u64(each.at + 24) == each.table);
        CHECK(u32(each.at + 32) == each.payload_bytes);
        CHECK(u32(each.at + 36) == each.count);
        CHECK(u64(each.at + 40) == each.kind);  // and seven zeros
        for (std::size_t at = each.at + 48 + each.payload_bytes; at < end; ++at)
            CHECK(raw[at] == std::byte{0});
    }
    CHECK(end == raw.size());
}

TEST_CASE("payloads of that image are made up as docs/formats.md says") {
    memory files = copied("store-v3-image");
    auto directory = files.open_directory("db", directory_mode::existing).value();
    const bytes raw = read_file(directory, image, MiB).value();
    const auto payload = [&](std::size_t block) {
        const block_of_fixture& each = blocks_of_fixture[block];
        return raw.view().part(each.at + 48, each.payload_bytes);
    };
    constexpr char tables[] =
        "\0\x08"
        "accounts\x05"
        "btree"
        "\1"
        "\0\x06"
        "events\x05"
        "btree";
    constexpr char accounts[] =
        "\x05"
        "alice\x03"
        "100\xc8\x40"
        "\x03"
        "bob\x01"
        "1\xc8\x60";
    constexpr char events[] =
        "\x0c"
        "2026-01-01/1\x09"
        "alice -10\xd8\x80\x02";
    CHECK(payload(0) == bytes_view{tables, sizeof tables - 1});
    CHECK(payload(1) == bytes_view{accounts, sizeof accounts - 1});
    CHECK(payload(2) == bytes_view{events, sizeof events - 1});
    byte_reader footer{payload(3)};
    // Log needed and last time, as nothing was committed meanwhile; blocks, rows.
    const std::uint64_t expected[] = {0x11048, load_le<std::uint64_t>(raw.data() + 56), 3, 3};
    for (const std::uint64_t each : expected) {
        std::uint64_t number = 0;
        REQUIRE(footer.read_varint(number));
        CHECK(number == each);
    }
    CHECK(footer.rest() == payload(0));
}
