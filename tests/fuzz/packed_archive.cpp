// SPDX-License-Identifier: BSL-1.0
// Any bytes as a packed segment: fetching it must end, and give an error or all the bytes that its
// header counts, each of them under a checksum, in memory that a piece bounds.
//
// The first byte says what to feed: the whole file, what follows a valid header, or the same with
// the pieces made right, so that the fuzzer gets behind the checksums.
#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/wal/packed_archive.hpp>

using namespace mantis;

namespace {

constexpr lsn first{4096};

// Pairs of a count and a byte.
struct run_codec {
    static constexpr std::uint32_t format_id = 77;

    result<bytes> pack(bytes_view from) {
        bytes packed;
        for (std::size_t at = 0; at < from.size();) {
            std::size_t count = 1;
            while (count < 255 && at + count < from.size() && from[at + count] == from[at]) ++count;
            packed.push_back(static_cast<char>(count));
            packed.append(from.part(at, 1));
            at += count;
        }
        return packed;
    }
    result<bytes> unpack(bytes_view from, std::size_t size) {
        bytes whole;
        for (std::size_t at = 0; at + 1 < from.size(); at += 2)
            for (unsigned left = std::to_integer<unsigned>(from[at]); left > 0; --left)
                whole.append(from.part(at + 1, 1));
        if (whole.size() == size) return whole;
        return error{error_code::corrupt, "unpacking"};
    }
};

bytes valid_header(std::uint64_t segment_bytes) {
    bytes raw = bytes::zeros(packed_header_bytes);
    std::memcpy(raw.data(), "MANTISPK", 8);
    store_le(raw.data() + 8, packed_version);
    store_le(raw.data() + 12, run_codec::format_id);
    store_le(raw.data() + 16, first.value);
    store_le(raw.data() + 24, segment_bytes);
    store_le(raw.data() + 32, crc32c::of({raw.data(), 32}));
    return raw;
}

//   Returns     of how many bytes the pieces are
std::uint64_t make_pieces_right(bytes& raw) {
    run_codec codec;
    std::uint64_t whole = 0;
    std::size_t at = packed_header_bytes;
    while (at + packed_piece_bytes <= raw.size()) {
        std::byte* const piece = raw.data() + at;
        const std::size_t left = raw.size() - at - packed_piece_bytes;
        const std::size_t packed = load_le<std::uint32_t>(piece + 4) % (left + 1);
        store_le(piece + 4, static_cast<std::uint32_t>(packed));
        std::size_t size = 0;
        for (std::size_t pair = 0; pair + 1 < packed; pair += 2)
            size += std::to_integer<unsigned>(piece[packed_piece_bytes + pair]);
        store_le(piece, static_cast<std::uint32_t>(size));
        const auto made = codec.unpack({piece + packed_piece_bytes, packed}, size);
        store_le(piece + 8, crc32c::of(*made));
        whole += size;
        at += packed_piece_bytes + packed;
    }
    return whole;
}

void check_fetched(const bytes& raw, bytes_view fetched) {
    check(fetched.size() == load_le<std::uint64_t>(raw.data() + 24), "fuzz: bytes are missing");
    std::size_t at = packed_header_bytes;
    while (!fetched.empty()) {
        const std::byte* const piece = raw.data() + at;
        const std::size_t size = load_le<std::uint32_t>(piece);
        check(size > 0 && size <= fetched.size(), "fuzz: a piece of a wrong size was taken");
        check(crc32c::of(fetched.first(size)) == load_le<std::uint64_t>(piece + 8),
              "fuzz: bytes that do not fit their checksum");
        fetched = fetched.from(size);
        at += packed_piece_bytes + load_le<std::uint32_t>(piece + 4);
        check(at <= raw.size(), "fuzz: a piece goes beyond the file");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const bytes_view input{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    const unsigned mode = data[0];
    bytes raw;
    if (mode % 4 != 0) raw = valid_header(mode / 4);
    raw.append(input);
    if (mode % 4 >= 2) {
        const std::uint64_t whole = make_pieces_right(raw);
        std::memcpy(raw.data(), valid_header(whole).data(), packed_header_bytes);
    }

    memory world;
    auto in = world.open_directory("archive", directory_mode::create).value();
    in.open(packed_name(first), file_mode::create).value().write(0, raw).value();
    packed_archive<memory, crc32c, run_codec> archive{in};
    auto to = in.open("fetched", file_mode::create).value();
    const auto done = archive.fetch(first, to);
    const bytes fetched = read_file(in, "fetched", 64 * MiB).value();
    if (done) check_fetched(raw, fetched);
    else
        check(mode % 4 < 2 || to.size().value() < load_le<std::uint64_t>(raw.data() + 24) ||
                  done.error().code() == error_code::corrupt,
              "fuzz: an error that is none");
    return 0;
}
