// SPDX-License-Identifier: BSL-1.0
//
// An archive of compressed segments in another directory, by a codec of the user's.
//
//   packed_archive<posix, crc32c, my_zlib> archive{elsewhere, my_zlib{}};
//
// Concept archive_codec, for `c` of type C:
//   expression             returns        meaning
//   C::format_id           std::uint32_t  written to the file; another one is refused
//   c.pack(bytes_view)     result<bytes>  what unpack() makes the same bytes of
//   c.unpack(view, size)   result<bytes>  `size` bytes, or corrupt for anything that pack() did not
//                                         make
//
// A file, named after the segment, ".log" being ".pack":
//   offset  bytes  field
//        0      8  magic            "MANTISPK"
//        8      4  version          1
//       12      4  codec            its format_id
//       16      8  first lsn        of the segment
//       24      8  segment bytes    header and records
//       32      8  header checksum  crc32c of bytes 0 to 31
//       40         pieces, until the segment is whole
//
//   a piece
//        0      4  segment bytes    at most 262,144
//        4      4  packed bytes
//        8      8  checksum         crc32c of the segment's bytes
//       16         packed bytes
//
// Threads: one at a time.
#pragma once

#include "archive.hpp"

#include "../core/crc32c.hpp"

namespace mantis {

template <class C>
concept archive_codec = requires(C& codec, bytes_view from, std::size_t size) {
    { C::format_id } -> std::convertible_to<std::uint32_t>;
    { codec.pack(from) } -> std::same_as<result<bytes>>;
    { codec.unpack(from, size) } -> std::same_as<result<bytes>>;
};

inline constexpr std::size_t packed_header_bytes = 40;
inline constexpr std::size_t packed_piece_bytes = 16;  // of a piece's own header
inline constexpr std::uint32_t packed_version = 1;

//   Returns     as segment_name(), ending in ".pack"
[[nodiscard]] inline bytes packed_name(lsn first) {
    bytes name{segment_name(first).view().first(16)};
    name.append(".pack");
    return name;
}

//   Returns     whether `name` is a packed segment's, and then its first lsn
[[nodiscard]] inline bool parse_packed_name(bytes_view name, lsn& first) {
    if (name.size() != 21 || name.from(16) != bytes_view{".pack"}) return false;
    bytes plain{name.first(16)};
    plain.append(".log");
    return parse_segment_name(plain, first);
}

template <platform Platform, checksum_policy Checksum, archive_codec Codec>
class packed_archive {
public:
    using directory = typename Platform::directory;
    using file = typename Platform::file;

    //   Requires    `into` outlives the archive
    explicit packed_archive(directory& into, Codec codec = {})
        : into_{&into}, codec_{std::move(codec)} {}

    //   Effects     what was packed was unpacked again and compared before it got its name, and
    //               both survive a power failure
    //   Errors      already_exists (its name is taken by another segment), no_space, io, those of
    //               the codec
    [[nodiscard]] result<void> archive(const sealed_segment& segment) {
        const bytes name = packed_name(segment.first());
        auto there = into_->exists(name);
        if (!there) return there.error();
        if (*there) {
            auto same = holds(name, segment);
            if (!same) return same.error();
            if (!*same) return detail::other_content(name, segment.first());
        }
        // Also what is there is written again: nobody knows whether its syncs succeeded.
        const bytes temporary = detail::temporary_name(name);
        auto packed = pack(segment, temporary);
        if (packed) packed = check_packed(temporary, segment);
        if (!packed) {
            (void)into_->remove(temporary);  // the first error is the one to tell
            return packed;
        }
        if (auto renamed = into_->rename(temporary, name); !renamed) return renamed;
        return into_->sync();
    }

    [[nodiscard]] result<std::vector<lsn>> segments() {
        auto names = into_->list();
        if (!names) return names.error();
        std::vector<lsn> found;
        for (const bytes& name : *names)
            if (lsn first; parse_packed_name(name, first)) found.push_back(first);
        return found;
    }

    //   Errors      corrupt, mismatch (another codec or a newer version), io
    [[nodiscard]] result<void> fetch(lsn first, file& to) {
        return unpack(packed_name(first), first,
                      [&](std::uint64_t at, bytes_view piece) { return to.write(at, piece); });
    }

private:
    static error damaged(bytes_view name, std::uint64_t offset) {
        return error{error_code::corrupt, "reading a packed segment"}.about(name).with("offset",
                                                                                       offset);
    }

    result<void> pack(const sealed_segment& segment, bytes_view name) {
        auto to = into_->open(name, file_mode::create);
        if (!to) return to.error();
        if (auto emptied = to->resize(0); !emptied) return emptied;
        bytes raw = bytes::zeros(packed_header_bytes);
        std::memcpy(raw.data(), "MANTISPK", 8);
        store_le(raw.data() + 8, packed_version);
        store_le(raw.data() + 12, static_cast<std::uint32_t>(Codec::format_id));
        store_le(raw.data() + 16, segment.first().value);
        store_le(raw.data() + 24, segment.size());
        store_le(raw.data() + 32, crc32c::of({raw.data(), 32}));
        std::uint64_t end = 0;
        auto packed = detail::in_pieces(
            segment.size(),
            [&](std::uint64_t at, std::byte* into, std::size_t count) {
                return segment.read(at, into, count);
            },
            [&](std::uint64_t, bytes_view piece) -> result<void> {
                auto small = codec_.pack(piece);
                if (!small) return small.error();
                std::byte head[packed_piece_bytes];
                store_le(head, static_cast<std::uint32_t>(piece.size()));
                store_le(head + 4, static_cast<std::uint32_t>(small->size()));
                store_le(head + 8, crc32c::of(piece));
                raw.append({head, sizeof head});
                raw.append(*small);
                if (auto written = to->write(end, raw); !written) return written;
                end += raw.size();
                raw.clear();
                return success();
            });
        return packed ? to->sync() : packed;
    }

    //   Effects     calls take(offset in the segment, piece) for all of it
    template <class Take>
    result<void> unpack(bytes_view name, lsn first, Take&& take) {
        auto from = into_->open(name, file_mode::read);
        if (!from) return from.error();
        auto head = read_exactly(*from, 0, packed_header_bytes, name);
        if (!head) return head.error();
        const std::byte* const raw = head->data();
        if (!head->view().starts_with({"MANTISPK", 8}) ||
            load_le<std::uint64_t>(raw + 32) != crc32c::of({raw, 32}) ||
            load_le<std::uint64_t>(raw + 16) != first.value)
            return damaged(name, 0);
        if (load_le<std::uint32_t>(raw + 8) != packed_version ||
            load_le<std::uint32_t>(raw + 12) != Codec::format_id)
            return error{error_code::mismatch, "reading a packed segment"}
                .about(name)
                .with("version", load_le<std::uint32_t>(raw + 8))
                .with("codec", load_le<std::uint32_t>(raw + 12));
        const std::uint64_t size = load_le<std::uint64_t>(raw + 24);
        std::uint64_t offset = packed_header_bytes;
        for (std::uint64_t at = 0; at < size;) {
            auto piece = unpack_piece(*from, offset, size - at, name);
            if (!piece) return piece.error();
            if (auto taken = take(at, piece->view()); !taken) return taken;
            at += piece->size();
        }
        return success();
    }

    //   Effects     `offset` is behind the piece
    result<bytes> unpack_piece(file& from, std::uint64_t& offset, std::uint64_t most,
                               bytes_view name) {
        auto head = read_exactly(from, offset, packed_piece_bytes, name);
        if (!head) return head.error();
        const auto size = load_le<std::uint32_t>(head->data());
        const auto packed_size = load_le<std::uint32_t>(head->data() + 4);
        auto length = from.size();
        if (!length) return length.error();
        if (size == 0 || size > most || size > detail::archive_piece_bytes ||
            packed_size > *length - offset - packed_piece_bytes)
            return damaged(name, offset);
        auto packed = read_exactly(from, offset + packed_piece_bytes, packed_size, name);
        if (!packed) return packed.error();
        auto piece = codec_.unpack(*packed, size);
        if (!piece) return piece.error().about(name).with("offset", offset);
        if (piece->size() != size || crc32c::of(*piece) != load_le<std::uint64_t>(head->data() + 8))
            return damaged(name, offset);
        offset += packed_piece_bytes + packed_size;
        return piece;
    }

    static result<bytes> read_exactly(file& from, std::uint64_t offset, std::size_t count,
                                      bytes_view name) {
        bytes into = bytes::zeros(count);
        auto got = from.read(offset, into.data(), count);
        if (!got) return got.error();
        if (*got != count) return damaged(name, offset + *got);
        return into;
    }

    //   Returns     whether the file holds that segment
    //   Errors      corrupt, mismatch, io
    result<bool> holds(bytes_view name, const sealed_segment& segment) {
        bool same = true;
        std::uint64_t end = 0;
        bytes own;
        auto read =
            unpack(name, segment.first(), [&](std::uint64_t at, bytes_view piece) -> result<void> {
                end = at + piece.size();
                if (!same || end > segment.size()) {
                    same = false;
                    return success();
                }
                own.resize(piece.size());
                if (auto got = segment.read(at, own.data(), own.size()); !got) return got;
                same = own.view() == piece;
                return success();
            });
        if (!read) return read.error();
        return same && end == segment.size();
    }

    result<void> check_packed(bytes_view name, const sealed_segment& segment) {
        auto same = holds(name, segment);
        if (!same) return same.error();
        if (*same) return success();
        return error{error_code::corrupt, "archiving a segment: the copy does not read the same"}
            .about(name)
            .with("lsn", segment.first().value);
    }

    directory* into_;
    Codec codec_;
};

}  // namespace mantis
