// SPDX-License-Identifier: BSL-1.0
// Tables in pages as earlier versions wrote them: each must open and hold what it held, and no
// damage of it may be told as data.
#include <doctest/doctest.h>

#include "paged_life.hpp"

#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/platform/posix.hpp>

#include <cstdlib>

using namespace mantis;
using paged_tests::contents;
using paged_tests::difference;
using paged_tests::ours;
using paged_tests::small_options;

namespace {

constexpr const char* manifest_file = "manifest-00000001";
constexpr const char* data_file = "data-00000001";
constexpr std::uint64_t last_sequence = 3;  // of the empty database, and of two checkpoints

// What the fixture holds: table 1 with leaves below its root, table 2 that was dropped, table 3.
// It was made by this, with a checkpoint after each half, and its files copied without the spare.
template <class Tables>
void make_half(Tables& tables, int half, contents& model) {
    const auto put = [&](std::uint64_t table, int row, std::uint64_t version) {
        const std::string key = "row-" + std::to_string(row);
        const std::string value(static_cast<std::size_t>(row), static_cast<char>('a' + row % 26));
        REQUIRE(tables.table({table}).value().put(key, value, lsn{version}));
        model[table][key] = {value, version};
    };
    if (half == 1) {
        for (const std::uint64_t table : {1u, 2u}) {
            REQUIRE(tables.make_table({table}));
            for (int row = 0; row < 60; ++row) put(table, row, 11);
        }
        return;
    }
    REQUIRE(tables.drop_table({2}));
    model.erase(2);
    REQUIRE(tables.make_table({3}));
    for (int row = 3; row < 6; ++row) put(3, row, 23);
    for (int row = 0; row < 60; row += 7) {
        REQUIRE(tables.table({1}).value().erase("row-" + std::to_string(row)));
        model[1].erase("row-" + std::to_string(row));
    }
}
contents expected() {
    memory world;
    auto in = world.open_directory("db", directory_mode::create).value();
    auto tables = paged_tables<memory>::open(world, in, small_options<memory>(60)).value();
    contents model;
    for (int half = 1; half <= 2; ++half) make_half(*tables, half, model);
    return model;
}

struct fixture {
    fixture() {
        const char* const folder = std::getenv("MANTIS_FIXTURES");
        REQUIRE_MESSAGE(folder != nullptr, "MANTIS_FIXTURES names the folder tests/fixtures");
        auto from = posix{}
                        .open_directory(std::string{folder} + "/pages-v1", directory_mode::existing)
                        .value();
        for (const char* const name : {manifest_file, data_file})
            write(name, 0, read_file(from, name, MiB).value());
        options.at_least = last_sequence;
    }
    void write(const char* name, std::uint64_t offset, bytes_view raw) {
        in.open(name, file_mode::create).value().write(offset, raw).value();
    }
    result<owned<paged_tables<memory>>> open() {
        return paged_tables<memory>::open(world, in, options);
    }
    bytes read(const char* name) { return read_file(in, name, MiB).value(); }

    memory world;
    memory::directory in = world.open_directory("db", directory_mode::create).value();
    paged_tables_options options = small_options<memory>(60);
};

}  // namespace

TEST_CASE("tables in pages of version 1 open and hold what they held, also to be read only") {
    const contents rows = expected();
    for (const bool read_only : {true, false}) {
        fixture from;
        const bytes before = from.read(manifest_file);
        from.options.read_only = read_only;
        auto tables = from.open().value();
        CHECK(difference(*tables, rows) == "");
        CHECK(tables->last_checkpoint().sequence == last_sequence);
        CHECK(tables->last_checkpoint().epoch == 2);
        CHECK(tables->last_checkpoint().position == lsn{24});
        CHECK(from.read(manifest_file) == before);
        if (read_only) continue;
        REQUIRE(tables->table({1}).value().put("more", "rows", lsn{30}));
        REQUIRE(tables->checkpoint([](auto note) {
            note(lsn{30});
            return success();
        }));
        contents more = rows;
        more[1]["more"] = {"rows", 30};
        tables = {};
        tables = from.open().value();
        CHECK(difference(*tables, more) == "");
        CHECK(tables->last_checkpoint().sequence == last_sequence + 1);
    }
}

TEST_CASE("any byte of that manifest flipped: it is refused, and named") {
    fixture from;
    const bytes raw = from.read(manifest_file);
    REQUIRE(raw.size() == 4 * 4096);  // header, snapshot and two groups
    for (std::size_t at = 0; at < raw.size(); at += at % 4096 < 200 ? 1 : 13) {
        CAPTURE(at);
        const std::byte turned = raw[at] ^ std::byte{4};
        from.write(manifest_file, at, {&turned, 1});
        const auto refused = from.open();
        REQUIRE_FALSE(refused);
        CHECK((refused.error().code() == error_code::corrupt ||
               refused.error().code() == error_code::mismatch));
        CHECK(refused.error().subject() == bytes_view{manifest_file});
        from.write(manifest_file, at, raw.view().part(at, 1));
    }
    CHECK(from.open());
}

TEST_CASE("any byte of those data flipped: refused, corrupt where it is read, or nobody's") {
    fixture from;
    const contents rows = expected();
    const bytes raw = from.read(data_file);
    std::uint64_t found = 0;
    std::uint64_t nobodys = 0;
    for (std::size_t at = 0; at < raw.size(); at += at < 48 ? 1 : at < 32 * KiB ? 61 : 4099) {
        CAPTURE(at);
        const std::byte turned = raw[at] ^ std::byte{4};
        from.write(data_file, at, {&turned, 1});
        from.options.read_only = true;  // the files are used again
        auto tables = from.open();
        if (at < 48) {
            REQUIRE_FALSE(tables);
            CHECK(tables.error().message().as<std::string>().find(data_file) != std::string::npos);
        } else {
            const std::string wrong = difference(**tables, rows);
            CHECK((wrong.empty() || wrong.find("corrupt") != std::string::npos));
            ++(wrong.empty() ? nobodys : found);
        }
        from.write(data_file, at, raw.view().part(at, 1));
    }
    CHECK(found > 50);
    CHECK(nobodys > 10);
}

TEST_CASE("manifest, delta and segment lie as docs/formats.md says") {
    fixture from;
    const bytes list = from.read(manifest_file);
    const bytes data = from.read(data_file);
    const auto u64 = [](const bytes& raw, std::size_t at) {
        return load_le<std::uint64_t>(raw.data() + at);
    };
    const auto u32 = [](const bytes& raw, std::size_t at) {
        return load_le<std::uint32_t>(raw.data() + at);
    };
    REQUIRE(data.size() == 64 * KiB);
    CHECK(data.view().first(8) == bytes_view{"MANTISDT"});
    CHECK(u32(data, 8) == 1);
    CHECK(u32(data, 12) == xxh3::format_id);
    CHECK(u64(data, 16) == ours.high);
    CHECK(u64(data, 24) == ours.low);
    CHECK(u32(data, 32) == 1);
    CHECK(u32(data, 36) == 64 * KiB);
    CHECK(u64(data, 40) == crc32c::of(data.view().first(40)));
    CHECK(list.view().first(8) == bytes_view{"MANTISMF"});
    CHECK(u32(list, 8) == 1);
    CHECK(u64(list, 16) == ours.high);
    CHECK(u64(list, 4088) == crc32c::of(list.view().first(4088)));
    for (std::size_t group = 0; group < 3; ++group) {
        const std::size_t at = 4096 * (group + 1);
        CHECK(u64(list, at) == xxh3::of(list.view().part(at + 8, 4088)));
        CHECK(u64(list, at + 8) == at);
        CHECK(u64(list, at + 16) == u64(list, 40));
        CHECK(u64(list, at + 32) == group + 1);   // sequence
        CHECK(u64(list, at + 40) == group);       // epoch
        CHECK(u64(list, at + 48) == 12 * group);  // checkpoint
        CHECK(list[at + 76] == std::byte{1});
    }
    // The last group: one delta, table 2 gone, table 1 with fewer entries, table 3.
    const std::size_t delta = 3 * 4096 + 80 + 4;
    CHECK(u32(list, 3 * 4096 + 68) == 4);
    CHECK(list[delta - 4] == std::byte{static_cast<unsigned char>(manifest_edit_kind::page_map)});
    CHECK(list.view().part(delta, 8) == bytes_view{"MANTISPM"});
    const std::size_t count = u32(list, delta + 36);
    const std::size_t roots = delta + 40 + 24 * count + 8;
    CHECK(u64(list, roots - 8) == crc32c::of(list.view().part(delta, roots - 8 - delta)));
    CHECK(u64(list, roots + 4) == 2);
    CHECK(u64(list, roots + 12) == 0);
    CHECK(u64(list, roots + 20) == 0);
    CHECK(u64(list, roots + 28 + 4) == 1);
    CHECK(u64(list, roots + 28 + 20) == 51);
    CHECK(u64(list, roots + 56 + 4) == 3);
    CHECK(u64(list, roots + 56 + 20) == 3);
    const page_id root{u64(list, roots + 56 + 12)};
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = delta + 40 + 24 * i;
        if (u64(list, at) != root.value) continue;
        const page_place place = page_place::of_bits(u64(list, at + 8));
        CHECK(place.segment() == 1);
        CHECK(place.size() == 512);
        const bytes_view image = data.view().part(static_cast<std::size_t>(place.offset()), 512);
        CHECK(u64(list, at + 16) == image_checksum<xxh3>(ours, root, image));
    }
}
