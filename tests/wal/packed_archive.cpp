// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "keeper_fixture.hpp"

#include <mantis/platform/faulty.hpp>
#include <mantis/wal/packed_archive.hpp>

#include <zlib.h>

using namespace log_test;

namespace {

// A real codec, as a user would write it.
struct zlib_codec {
    static constexpr std::uint32_t format_id = 1001;

    result<bytes> pack(bytes_view from) {
        uLongf size = compressBound(static_cast<uLong>(from.size()));
        bytes packed = bytes::zeros(size);
        if (compress(octets(packed), &size, octets(from), static_cast<uLong>(from.size())) != Z_OK)
            return error{error_code::out_of_memory, "packing"};
        packed.resize(size);
        return packed;
    }
    result<bytes> unpack(bytes_view from, std::size_t size) {
        uLongf got = static_cast<uLongf>(size);
        bytes made = bytes::zeros(size);
        if (uncompress(octets(made), &got, octets(from), static_cast<uLong>(from.size())) != Z_OK)
            return error{error_code::corrupt, "unpacking"};
        made.resize(got);
        return made;
    }

private:
    static Bytef* octets(bytes& of) { return reinterpret_cast<Bytef*>(of.data()); }
    static const Bytef* octets(bytes_view of) { return reinterpret_cast<const Bytef*>(of.data()); }
};

struct other_codec : zlib_codec {
    static constexpr std::uint32_t format_id = 1002;
};

// Packs wrong once.
struct lying_codec : zlib_codec {
    bool lies = true;
    result<bytes> pack(bytes_view from) {
        bytes turned{from};
        if (std::exchange(lies, false)) turned[from.size() / 2] ^= std::byte{1};
        return zlib_codec::pack(turned);
    }
};

struct packed_log : kept_log {
    packed_archive<memory, crc32c, zlib_codec> packed{elsewhere};

    packed_log() {
        options.segment_bytes = 1 << 20;
        to = write();
        for (int i = 0; i < 1000; ++i)
            ranges.push_back(
                append(*to, ranges.size() + 1, std::to_string(i) + std::string(3000, 'x')));
        to->sync().value();
    }
    result<bool> archive_all() {
        log_keeper_options chosen;
        chosen.archive = archive_hook::of(packed);
        chosen.again = {.first = {}, .attempts = 1};
        keeper keeps{world, directory, ours, chosen};
        return keeps.archive(durable());
    }
};

}  // namespace

TEST_CASE("segments are packed by a codec, smaller, and come back byte by byte") {
    packed_log log;
    REQUIRE(log.archive_all());
    const auto archived = log.packed.segments().value();
    REQUIRE(archived.size() == segments_of(log.directory).size() - 1);
    std::uint64_t packed_bytes = 0;
    for (const lsn first : archived)
        packed_bytes +=
            log.elsewhere.open(packed_name(first), file_mode::read).value().size().value();
    CHECK(packed_bytes < archived.size() * 100'000);
    log.to->close().value();
    const auto before = log.read().payloads;
    for (const lsn first : archived) log.directory.remove(segment_name(first)).value();
    CHECK(*restore_segments<memory, crc32c>(log.packed, log.directory, ours) == archived.size());
    const read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    CHECK(found.payloads == before);
}

TEST_CASE("any bit of a packed segment that turned is told") {
    packed_log log;
    REQUIRE(log.archive_all());
    const bytes name = packed_name(first_lsn_of_log);
    const bytes whole = read_file(log.elsewhere, name, 1 << 24).value();
    auto file = log.elsewhere.open(name, file_mode::write).value();
    auto fresh = log.world.open_directory("fresh", directory_mode::create).value();
    for (std::size_t at = 0; at < whole.size(); at += at < 80 ? 1 : 97) {
        CAPTURE(at);
        const std::byte turned = whole[at] ^ std::byte{4};
        file.write(at, {&turned, 1}).value();
        auto to = fresh.open("copy", file_mode::create).value();
        to.resize(0).value();
        const auto read = log.packed.fetch(first_lsn_of_log, to);
        // zlib does not look at some bits; what comes out is then what was put in.
        const bytes_view right{"MANTISWL", 8};
        if (read) CHECK(read_file(fresh, "copy", 1 << 24).value().view().starts_with(right));
        else
            CHECK((read.error().code() == error_code::corrupt ||
                   read.error().code() == error_code::mismatch));
        if (at < packed_header_bytes + packed_piece_bytes) CHECK_FALSE(read);
        file.write(at, whole.view().part(at, 1)).value();
    }
    file.resize(whole.size() - 1).value();
    auto to = fresh.open("copy", file_mode::create).value();
    CHECK(log.packed.fetch(first_lsn_of_log, to).error().code() == error_code::corrupt);
}

TEST_CASE("another codec's segments are refused, and so is another segment of the name") {
    packed_log log;
    REQUIRE(log.archive_all());
    packed_archive<memory, crc32c, other_codec> other{log.elsewhere};
    auto to = log.elsewhere.open("copy", file_mode::create).value();
    CHECK(other.fetch(first_lsn_of_log, to).error().code() == error_code::mismatch);
    log.directory.remove(archive_mark_name).value();
    CHECK(log.archive_all());  // what is there is the same
    const bytes swapped =
        read_file(log.elsewhere, packed_name(segments_of(log.directory)[1]), 1 << 24).value();
    bytes forged = swapped;
    store_le(forged.data() + 16, first_lsn_of_log.value);
    store_le(forged.data() + 32, crc32c::of({forged.data(), 32}));
    atomic_replace(log.elsewhere, packed_name(first_lsn_of_log), forged).value();
    log.directory.remove(archive_mark_name).value();
    const auto refused = log.archive_all();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::already_exists);
}

TEST_CASE("what a codec packed wrong never gets its name") {
    packed_log log;
    packed_archive<memory, crc32c, lying_codec> lying{log.elsewhere};
    log_keeper_options chosen;
    chosen.archive = archive_hook::of(lying);
    chosen.again = {.first = {}, .attempts = 1};
    keeper keeps{log.world, log.directory, ours, chosen};
    const auto refused = keeps.archive(log.durable());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::corrupt);
    CHECK(log.elsewhere.list().value().empty());
    CHECK(keeps.archive(log.durable()));
}

TEST_CASE("names of packed segments are read back, others are not") {
    lsn first;
    CHECK(parse_packed_name(packed_name(lsn{0xabc000}), first));
    CHECK(first == lsn{0xabc000});
    for (const char* const other : {"", "0000000000001000.log", "0000000000001000.pack.tmp",
                                    "000000000000100g.pack", "0000000000001000.pacK"})
        CHECK_FALSE(parse_packed_name(other, first));
}
