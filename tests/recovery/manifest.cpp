// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/recovery/manifest.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

constexpr database_id ours{0x1122334455667788, 0x99aabbccddeeff00};
using manifest_type = manifest<memory, crc32c>;
using kind = manifest_edit_kind;
using texts = std::vector<std::string>;

// Adds each text as an edit.
auto adding(texts edits) {
    return [edits = std::move(edits)](auto& to) -> result<void> {
        for (const std::string& each : edits)
            if (auto added = to.add(kind::table, each); !added) return added;
        return success();
    };
}

struct fixture {
    memory world;
    memory::directory in = world.open_directory("db", directory_mode::create).value();
    texts edits;  // those of the last opening

    auto taking() {
        return [this](const manifest_edit& edit) -> result<void> {
            edits.push_back(edit.value.as<std::string>());
            return success();
        };
    }
    manifest_type create(texts all = {"first"}) {
        return manifest_type::create(world, in, ours, 1, {100}, adding(std::move(all))).value();
    }
    result<manifest_type> open(std::uint64_t at_least = 0, database_id of = ours) {
        edits.clear();
        return manifest_type::open(world, in, of, at_least, taking());
    }
    result<manifest_state> read(std::uint64_t at_least = 0) {
        edits.clear();
        return read_manifest<memory, crc32c>(in, ours, at_least, taking());
    }
    bytes file(std::uint64_t generation) {
        return read_file(in, manifest_name(generation), 8 * MiB).value();
    }
    void put(bytes_view name, bytes_view contents) {
        auto to = in.open(name, file_mode::create).value();
        to.resize(0).value();
        to.write(0, contents).value();
    }
    texts names() {
        texts all;
        for (const bytes& each : in.list().value()) all.push_back(each.as<std::string>());
        return all;
    }
};

// A manifest of version 1, written once; every later build opens it. What is not here is zero.
constexpr std::size_t version_1_bytes = 20480;
constexpr struct {
    std::size_t offset;
    const char* hex;
} version_1[] = {
    {0, "4d414e5449534d460100000001000000887766554433221100ffeeddccbbaa99"},
    {32, "0500000000000000222211110000a5a5"},
    {4088, "4511772b0000000096957790000000000010000000000000222211110000a5a5"},
    {4120, "b100000000000000060000000000000002000000000000000010000000000000"},
    {4152, "4511772b000000001d00000002000000000000000101000001000c006d617020"},
    {4184, "6f6620706167657303000900726f6f74206f662031000000"},
    {8192, "98c4bea1000000000020000000000000222211110000a5a5b200000000000000"},
    {8224, "0700000000000000030000000000000000200000000000009695779000000000"},
    {8256, "1700000002000000"},
    {8272, "01000f006d6170206f66206f6e652070616765e703000000"},
    {12288, "99eecf04000000000030000000000000222211110000a5a5b200000000000000"},
    {12320, "07000000000000000300000000000000002000000000000098c4bea100000000"},
    {12352, "0b000000010000000100000001000000020007007461626c6520320000000000"},
    {16384, "bcb70d60000000000040000000000000222211110000a5a5b300000000000000"},
    {16416, "08000000000000000400000000000000003000000000000099eecf0400000000"},
    {16456, "0000000001000000"},
};

bytes from_hex(bytes_view digits) {
    bytes made;
    const auto value = [](std::byte digit) {
        const int c = static_cast<int>(digit);
        return c <= '9' ? c - '0' : c - 'a' + 10;
    };
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        made.push_back(static_cast<std::byte>(value(digits[i]) * 16 + value(digits[i + 1])));
    return made;
}

}  // namespace

TEST_CASE("appended groups are handed out in order when it is opened again") {
    fixture at;
    {
        auto made = at.create({"a", "b"});
        CHECK(made.sequence() == 1);
        made.append(2, {200}, adding({"c"})).value();
        made.append(3, {300}, adding({})).value();
        made.append(3, {400}, adding({"d", "", "e"})).value();
        CHECK(made.sequence() == 4);
    }
    auto opened = at.open(4).value();
    CHECK(at.edits == texts{"a", "b", "c", "d", "", "e"});
    CHECK(opened.state().generation == 1);
    CHECK(opened.state().sequence == 4);
    CHECK(opened.state().epoch == 3);
    CHECK(opened.state().checkpoint == lsn{400});
    CHECK(opened.state().torn_bytes == 0);
    CHECK(opened.state().bytes == at.file(1).size());
    opened.append(5, {500}, adding({"f"})).value();
    const auto state = at.read(5).value();
    CHECK(state.sequence == 5);
    CHECK(at.edits == texts{"a", "b", "c", "d", "", "e", "f"});
}

TEST_CASE("each edit comes with its kind, its group, and whether it is of the snapshot") {
    fixture at;
    auto made = at.create({"a"});
    made.append(7, {70},
                [](auto& to) -> result<void> {
                    for (const unsigned number : {1u, 2u, 3u, 777u, 65'535u})
                        if (auto added = to.add(static_cast<kind>(number), "x"); !added)
                            return added;
                    return success();
                })
        .value();
    std::vector<unsigned> kinds;
    const auto take = [&](const manifest_edit& edit) -> result<void> {
        CHECK(edit.snapshot == (edit.sequence == 1));
        CHECK(edit.epoch == (edit.sequence == 1 ? 1 : 7));
        CHECK(edit.checkpoint == lsn{edit.sequence == 1 ? 100u : 70u});
        kinds.push_back(static_cast<unsigned>(edit.kind));
        return success();
    };
    CHECK(read_manifest<memory, crc32c>(at.in, ours, 0, take));
    CHECK(kinds == std::vector<unsigned>{2, 1, 2, 3, 777, 65'535});
}

TEST_CASE("a rewriting leaves one file of the whole state, and the sequence goes on") {
    fixture at;
    auto made = at.create();
    made.append(2, {200}, adding({"second"})).value();
    made.rewrite(adding({"first and second"})).value();
    CHECK(at.names() == texts{"manifest-00000002"});
    CHECK(made.state().generation == 2);
    CHECK(made.sequence() == 2);
    CHECK(made.state().epoch == 2);
    CHECK(made.state().bytes == made.state().snapshot_bytes);
    made.append(3, {300}, adding({"third"})).value();
    made.rewrite(adding({"all"})).value();
    made.rewrite(adding({"all again"})).value();
    made.append(4, {400}, adding({"fourth"})).value();
    auto opened = at.open(4).value();
    CHECK(at.edits == texts{"all again", "fourth"});
    CHECK(opened.state().generation == 4);
    CHECK(opened.state().epoch == 4);
    CHECK(opened.state().snapshot_bytes == 8192);
}

TEST_CASE("a rewriting is due when the file is over twice its snapshot, and at least 1 MiB") {
    fixture at;
    const std::string large(60'000, 'x');
    auto made = at.create();
    while (made.state().bytes < 1 * MiB) {
        CHECK_FALSE(made.rewrite_due());
        made.append(2, {200}, adding({large})).value();
    }
    CHECK(made.rewrite_due());
    made.rewrite(adding(texts(15, large))).value();
    const std::uint64_t snapshot = made.state().snapshot_bytes;
    CHECK(snapshot > 900'000);
    while (made.state().bytes <= 2 * snapshot) {
        CHECK_FALSE(made.rewrite_due());
        made.append(2, {200}, adding({large})).value();
    }
    CHECK(made.rewrite_due());
}

TEST_CASE("an edit that is too large, and a producer that fails, append nothing") {
    fixture at;
    auto made = at.create();
    const bytes before = at.file(1);
    const std::string most(manifest_max_edit_bytes, 'x');
    CHECK(made.append(2, {2}, adding({"a", most + "x"})).error().code() == error_code::too_large);
    CHECK(made.append(2, {2},
                      [&](auto& to) -> result<void> {
                          for (int i = 0; i < 5; ++i)
                              (void)to.add(kind::root, i == 3 ? most + "x" : most);
                          return success();  // and did not look
                      })
              .error()
              .code() == error_code::too_large);
    CHECK(made.append(2, {2},
                      [&](auto& to) -> result<void> {
                          for (int i = 0; i < 5; ++i) to.add(kind::root, most).value();
                          return error{error_code::conflict, "test"};
                      })
              .error()
              .code() == error_code::conflict);
    CHECK(made.rewrite([&](auto& to) -> result<void> {
                  for (int i = 0; i < 5; ++i) to.add(kind::root, most).value();
                  return error{error_code::conflict, "test"};
              })
              .error()
              .code() == error_code::conflict);
    CHECK(at.file(1) == before);
    CHECK(at.names() == texts{"manifest-00000001"});
    CHECK_FALSE(made.read_only());
    made.append(2, {2}, adding({most, most})).value();
    CHECK(at.read(2).value().sequence == 2);
    CHECK(at.edits == texts{"first", most, most});
}

TEST_CASE("there is none: not_found, but corrupt where a group is known to be durable") {
    fixture at;
    at.put("manifest-0000000x", "somebody's");
    at.put("manifest-00000001.tmp", "never finished");
    CHECK(at.open().error().code() == error_code::not_found);
    CHECK(at.open(1).error().code() == error_code::corrupt);
    CHECK(at.read().error().code() == error_code::not_found);
    at.create();
    CHECK(at.names() == texts{"manifest-00000001", "manifest-0000000x"});
    const bytes before = at.file(1);
    for (const bool damaged : {false, true}) {
        if (damaged) at.put(manifest_name(1), "noise");
        auto again = manifest_type::create(at.world, at.in, ours, 1, {1}, adding({}));
        CHECK(again.error().code() == error_code::already_exists);
    }
    CHECK(at.file(1) == bytes{bytes_view{"noise"}});
}

TEST_CASE("a torn group is cut, and told; not where somebody knows that it was durable") {
    fixture at;
    auto made = at.create();
    made.append(2, {200}, adding({"second"})).value();
    const std::uint64_t end = made.state().bytes;
    made.append(3, {300}, adding({"third"})).value();
    bytes torn = at.file(1);
    torn[end + 100] ^= std::byte{1};
    at.put(manifest_name(1), torn);
    const auto refused = at.open(3).error();
    CHECK(refused.code() == error_code::corrupt);
    CHECK(refused.subject() == manifest_name(1).view());
    CHECK(*refused.number("offset") == end);
    CHECK(*refused.number("sequence") == 3);
    CHECK(*refused.number("at_least") == 3);
    CHECK(at.read(3).error().code() == error_code::corrupt);
    CHECK(at.read(2).value().torn_bytes == 4096);
    CHECK(at.file(1) == torn);
    auto opened = at.open(2).value();
    CHECK(at.edits == texts{"first", "second"});
    CHECK(opened.state().torn_bytes == 4096);
    CHECK(at.file(1).size() == end);
    opened.append(3, {300}, adding({"another third"})).value();
    CHECK(at.read(3).value().torn_bytes == 0);
    CHECK(at.edits == texts{"first", "second", "another third"});
}

TEST_CASE("of two generations the newer one counts, what is left over is removed, all else stays") {
    fixture at;
    auto made = at.create();
    made.append(2, {200}, adding({"second"})).value();
    const bytes old = at.file(1);
    made.rewrite(adding({"both"})).value();
    at.put(manifest_name(1), old);
    for (const char* const name : {"manifest-00000003.tmp", "manifest-00000002.tmp",
                                   "manifest-00000002.bak", "manifest-2", "superblock"})
        at.put(name, "bytes");
    const texts before = at.names();
    CHECK(at.read(2).value().generation == 2);
    CHECK(at.names() == before);
    auto opened = at.open(2).value();
    CHECK(at.edits == texts{"both"});
    CHECK(at.names() ==
          texts{"manifest-00000002", "manifest-00000002.bak", "manifest-2", "superblock"});
}

TEST_CASE("a damaged snapshot beside the generation before: that one says the same, and serves") {
    for (std::size_t at_byte = 0; at_byte < 8192; at_byte += 128) {
        CAPTURE(at_byte);
        fixture at;
        auto made = at.create();
        made.append(2, {200}, adding({"second"})).value();
        const bytes old = at.file(1);
        made.rewrite(adding({"both"})).value();
        bytes damaged = at.file(2);
        damaged[at_byte] ^= std::byte{1};
        at.put(manifest_name(2), damaged);
        CHECK(at.open().error().code() == error_code::corrupt);
        at.put(manifest_name(1), old);
        auto opened = at.open(2).value();
        CHECK(at.edits == texts{"first", "second"});
        CHECK(at.names() == texts{"manifest-00000001"});
        opened.append(3, {300}, adding({"third"})).value();
        opened.rewrite(adding({"three"})).value();
        CHECK(at.names() == texts{"manifest-00000002"});
        CHECK(at.read(3).value().sequence == 3);
    }
}

TEST_CASE("a generation that is damaged, or older, does not serve for one that went on") {
    fixture at;
    auto made = at.create();
    made.append(2, {200}, adding({"second"})).value();
    const bytes old = at.file(1);
    made.rewrite(adding({"both"})).value();
    made.append(3, {300}, adding({"third"})).value();
    bytes damaged = at.file(2);
    damaged[4200] ^= std::byte{1};
    at.put(manifest_name(2), damaged);
    at.put(manifest_name(1), old);
    const texts before = at.names();
    CHECK(at.open().error().code() == error_code::corrupt);  // the third group is there
    damaged[8300] ^= std::byte{1};                           // now it is not either
    at.put(manifest_name(2), damaged);
    CHECK(at.open(3).error().code() == error_code::corrupt);
    bytes both = old;
    both[4200] ^= std::byte{1};
    at.put(manifest_name(1), both);
    CHECK(at.open().error().code() == error_code::corrupt);
    CHECK(at.names() == before);
    // Not the one right before.
    at.put(manifest_name(1), old);
    at.in.rename(manifest_name(2), manifest_name(3)).value();
    CHECK(at.open().error().code() == error_code::corrupt);
}

TEST_CASE("another database's and a newer one are refused, also beside one that would do") {
    fixture at;
    auto made = at.create();
    CHECK(at.open(0, {1, 2}).error().code() == error_code::mismatch);
    bytes newer = at.file(1);
    store_le(newer.data() + 8, std::uint32_t{2});
    store_le(newer.data() + 32, std::uint64_t{2});
    store_le(newer.data() + 4088, crc32c::of(newer.view().first(4088)));
    at.put(manifest_name(2), newer);
    CHECK(at.open().error().code() == error_code::mismatch);
    const bytes foreign = encode_manifest_header({1, crc32c::format_id, {9, 9}, 2, 7});
    at.put(manifest_name(2), foreign);
    CHECK(at.open().error().code() == error_code::mismatch);
    CHECK(at.names() == texts{"manifest-00000001", "manifest-00000002"});
}

TEST_CASE("the last generation there can be is not rewritten") {
    fixture at;
    at.create();
    bytes last = encode_manifest_header({1, crc32c::format_id, ours, manifest_max_generation, 7});
    bytes frame = bytes::zeros(manifest_frame_header_bytes);
    (void)seal_manifest_frame<crc32c>(
        frame, {.offset = 4096,
                .salt = 7,
                .sequence = 9,
                .previous_checksum = load_le<std::uint64_t>(last.data() + 4088),
                .last = true,
                .snapshot = true});
    last.append(frame);
    at.put(manifest_name(manifest_max_generation), last);
    auto opened = at.open(9).value();
    CHECK(opened.rewrite(adding({})).error().code() == error_code::too_large);
    opened.append(1, {1}, adding({"x"})).value();
    CHECK(at.open(10).value().state().generation == manifest_max_generation);
}

TEST_CASE("a manifest of version 1, as bytes") {
    bytes raw = bytes::zeros(version_1_bytes);
    for (const auto& each : version_1) {
        const bytes there = from_hex(each.hex);
        std::memcpy(raw.data() + each.offset, there.data(), there.size());
    }
    fixture at;
    at.put(manifest_name(5), raw);
    const auto state = at.read(8).value();
    CHECK(state.generation == 5);
    CHECK(state.sequence == 8);
    CHECK(state.epoch == 4);
    CHECK(state.checkpoint == lsn{12'288});
    CHECK(state.bytes == raw.size());
    CHECK(at.edits == texts{"map of pages", "root of 1", "map of one page", "", "table 2"});
    auto opened = at.open(8).value();
    CHECK(at.file(5) == raw);
    opened.append(5, {16'384}, adding({"more"})).value();
    CHECK(at.file(5).view().first(raw.size()) == raw.view());
    CHECK(at.read(9).value().sequence == 9);
}
