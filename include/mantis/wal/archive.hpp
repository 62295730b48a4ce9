// SPDX-License-Identifier: BSL-1.0
//
// Where segments of the log go when they are complete: the hook that copies them away, and an
// archive that is another directory.
//
//   directory_archive<posix, crc32c> archive{elsewhere, database};
//   log_keeper_options options{.archive = archive_hook::of(archive)};
//
// A segment is sealed when a later one exists and all of it is durable: it never changes then. The
// log_keeper (wal/retention.hpp) hands each one to the hook, oldest first, and removes none that
// the hook did not take.
//
// Concept log_archive, for `a` of type A:
//   expression          returns       meaning
//   a.archive(segment)  result<void>  success: it is kept there, whatever happens to this machine's
//                                     power. Called again for what it has: success if that is the
//                                     same, else already_exists. Any error: it is kept here, and
//                                     handed over again
// and for one that log_restore.hpp reads back:
//   a.segments()           result<std::vector<lsn>>  the first lsn of each that it has, in order
//   a.fetch(first, to)     result<void>              writes that one's header and records to the
//                                                    empty file `to`, not synced
//
// Threads: called by one at a time.
#pragma once

#include "detail/segment_list.hpp"
#include "detail/segment_walk.hpp"

namespace mantis {

// A segment of the log that is complete, and its bytes.
class sealed_segment {
public:
    //   Requires    `file` is the segment's and outlives the object
    template <class File>
    sealed_segment(File& file, bytes_view name, const detail::segment_extent& extent) noexcept
        : name_{name}, extent_{extent}, file_{&file}, read_{&read_from<File>} {}

    [[nodiscard]] bytes_view name() const noexcept { return name_; }
    [[nodiscard]] database_id database() const noexcept { return extent_.header.database; }
    [[nodiscard]] lsn first() const noexcept { return extent_.header.first; }
    // Of its last record; the next segment begins at the next block.
    [[nodiscard]] lsn end() const noexcept { return extent_.end; }
    // Low half of the last record's checksum, which the next segment continues.
    [[nodiscard]] std::uint32_t previous_checksum() const noexcept {
        return extent_.previous_checksum;
    }
    // Header and records; its file may be longer.
    [[nodiscard]] std::uint64_t size() const noexcept {
        return segment_header_bytes + extent_.end.value - extent_.header.first.value;
    }

    //   Requires    offset + count <= size()
    //   Effects     all of it is at `into`
    //   Errors      io
    [[nodiscard]] result<void> read(std::uint64_t offset, std::byte* into,
                                    std::size_t count) const {
        auto got = read_(file_, offset, into, count);
        if (!got) return got.error();
        if (*got == count) return success();
        return error{error_code::io, "reading a sealed segment: it is shorter than its records"}
            .about(name_)
            .with("offset", offset + *got);
    }

private:
    template <class File>
    static result<std::size_t> read_from(void* file, std::uint64_t offset, std::byte* into,
                                         std::size_t count) {
        return static_cast<File*>(file)->read(offset, into, count);
    }

    bytes_view name_;
    detail::segment_extent extent_;
    void* file_;
    result<std::size_t> (*read_)(void*, std::uint64_t, std::byte*, std::size_t);
};

template <class A>
concept log_archive = requires(A& to, const sealed_segment& segment) {
    { to.archive(segment) } -> std::same_as<result<void>>;
};

// Any log_archive, without its type.
struct archive_hook {
    result<void> (*archive)(void* context, const sealed_segment& segment) = nullptr;
    void* context = nullptr;

    //   Requires    `to` outlives the hook
    template <log_archive A>
    [[nodiscard]] static archive_hook of(A& to) noexcept {
        return {[](void* self, const sealed_segment& segment) {
                    return static_cast<A*>(self)->archive(segment);
                },
                &to};
    }
    [[nodiscard]] explicit operator bool() const noexcept { return archive != nullptr; }
    [[nodiscard]] result<void> operator()(const sealed_segment& segment) const {
        return archive(context, segment);
    }
};

namespace detail {

inline constexpr std::size_t archive_piece_bytes = 256 * 1024;

inline bytes temporary_name(bytes_view name) {
    bytes made{name};
    made.append(".tmp");
    return made;
}

//   Requires    read(offset, into, count) reads all of it or is an error
//   Effects     calls take(offset, piece) for `size` bytes in order
template <class Read, class Take>
result<void> in_pieces(std::uint64_t size, Read&& read, Take&& take) {
    bytes piece;
    for (std::uint64_t at = 0; at < size;) {
        const std::uint64_t left = size - at;
        piece.resize(left < archive_piece_bytes ? static_cast<std::size_t>(left)
                                                : archive_piece_bytes);
        if (auto got = read(at, piece.data(), piece.size()); !got) return got;
        if (auto taken = take(at, piece.view()); !taken) return taken;
        at += piece.size();
    }
    return success();
}

inline error other_content(bytes_view name, lsn first) {
    return error{error_code::already_exists,
                 "archiving a segment: another one of its name is there"}
        .about(name)
        .with("lsn", first.value);
}

}  // namespace detail

// Copies of segments in another directory, under the same names: it is a log that can be read.
template <platform Platform, checksum_policy Checksum>
class directory_archive {
public:
    using directory = typename Platform::directory;
    using file = typename Platform::file;

    //   Requires    `into` is not the log's directory, and outlives the archive
    explicit directory_archive(directory& into) noexcept : into_{&into} {}

    //   Effects     the copy was read back, record by record, before it got its name, and both
    //               survive a power failure
    //   Errors      already_exists (its name is taken by another segment), no_space, io
    [[nodiscard]] result<void> archive(const sealed_segment& segment) {
        auto there = into_->exists(segment.name());
        if (!there) return there.error();
        if (*there)
            if (auto same = same_as_there(segment); !same) return same;
        // Also what is there is written again: nobody knows whether its syncs succeeded.
        const bytes temporary = detail::temporary_name(segment.name());
        if (auto copied = copy(segment, temporary); !copied) {
            (void)into_->remove(temporary);  // the first error is the one to tell
            return copied;
        }
        if (auto renamed = into_->rename(temporary, segment.name()); !renamed) return renamed;
        return into_->sync();
    }

    [[nodiscard]] result<std::vector<lsn>> segments() { return detail::list_segments(*into_); }

    [[nodiscard]] result<void> fetch(lsn first, file& to) {
        const bytes name = segment_name(first);
        auto from = into_->open(name, file_mode::read);
        if (!from) return from.error();
        auto size = from->size();
        if (!size) return size.error();
        return detail::in_pieces(
            *size,
            [&](std::uint64_t at, std::byte* into, std::size_t count) -> result<void> {
                return read_all(*from, at, into, count);
            },
            [&](std::uint64_t at, bytes_view piece) { return to.write(at, piece); });
    }

private:
    static result<void> read_all(file& from, std::uint64_t at, std::byte* into, std::size_t count) {
        auto got = from.read(at, into, count);
        if (!got) return got.error();
        if (*got == count) return success();
        return error{error_code::io, "reading an archived segment: it is shorter than its size"}
            .about(from.path())
            .with("offset", at + *got);
    }

    result<void> same_as_there(const sealed_segment& segment) {
        auto other = into_->open(segment.name(), file_mode::read);
        if (!other) return other.error();
        auto size = other->size();
        if (!size) return size.error();
        if (*size != segment.size()) return detail::other_content(segment.name(), segment.first());
        bytes there;
        return detail::in_pieces(
            *size,
            [&](std::uint64_t at, std::byte* into, std::size_t count) {
                return segment.read(at, into, count);
            },
            [&](std::uint64_t at, bytes_view piece) -> result<void> {
                there.resize(piece.size());
                if (auto got = read_all(*other, at, there.data(), there.size()); !got) return got;
                if (there.view() == piece) return success();
                return detail::other_content(segment.name(), segment.first());
            });
    }

    result<void> copy(const sealed_segment& segment, bytes_view name) {
        {
            auto to = into_->open(name, file_mode::create);
            if (!to) return to.error();
            if (auto emptied = to->resize(0); !emptied) return emptied;
            auto copied = detail::in_pieces(
                segment.size(),
                [&](std::uint64_t at, std::byte* into, std::size_t count) {
                    return segment.read(at, into, count);
                },
                [&](std::uint64_t at, bytes_view piece) { return to->write(at, piece); });
            if (!copied) return copied;
            if (auto synced = to->sync(); !synced) return synced;
        }
        auto found = detail::measure_segment<Platform, Checksum>(
            *into_, {.name = name, .first = segment.first(), .database = segment.database()});
        if (!found) return found.error();
        if (found->end == segment.end() && found->previous_checksum == segment.previous_checksum())
            return success();
        return error{error_code::corrupt, "archiving a segment: the copy does not read the same"}
            .about(name)
            .with("lsn", found->end.value)
            .with("expected_lsn", segment.end().value);
    }

    directory* into_;
};

}  // namespace mantis
