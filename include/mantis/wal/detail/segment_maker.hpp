// SPDX-License-Identifier: BSL-1.0
//
// Makes the files of a log's segments, and takes back what could not be made.
//
// Where there is a spare, it gets the header first and the name then; else all is made at once.
//
// Invariants:
//   1. a segment that make() made has its header, all its space and its name, and a power failure
//      takes none of them, before it is handed out
//   2. one that make_of() made got its header before its name, and a power failure takes no more
//      than these
//
// Threads: one at a time.
#pragma once

#include "spare_segment.hpp"

namespace mantis::detail {

// What a file that cannot be mapped has in the place of its mapping.
struct no_mapping {};
template <class File>
struct mapping_of {
    using type = no_mapping;
};
template <mappable_file File>
struct mapping_of<File> {
    using type = decltype(std::declval<File&>().map(0));
};

template <class File>
struct open_segment {
    File opened;
    std::uint32_t salt = 0;
    std::uint64_t first = 0;             // lsn of its first record
    std::uint64_t room = 0;              // bytes for records
    std::uint64_t zeroed_to_offset = 0;  // of the file
    bool of_spare = false;
    segment_header header = {};  // of a spare's
    std::optional<typename mapping_of<File>::type> mapping = {};

    [[nodiscard]] std::uint64_t end() const noexcept { return first + room; }
    [[nodiscard]] std::uint64_t offset_of(std::uint64_t position) const noexcept {
        return segment_header_bytes + position - first;
    }
    //   Requires    one thread at a time
    //   Returns     whether the system has the records, without a call of it
    [[nodiscard]] bool write_mapped(std::uint64_t position, bytes_view records) {
        if constexpr (mappable_file<File>) {
            if (!mapping) mapping = opened.map(offset_of(end()));
            return mapping->write(offset_of(position), records);
        } else {
            return false;
        }
    }
    // For speed only: a failure here is told by the write of the records, if at all.
    void zero_ahead(std::uint64_t after, std::uint64_t ahead_bytes) {
        const std::uint64_t file_end = offset_of(end());
        const std::uint64_t to = after + ahead_bytes < file_end ? after + ahead_bytes : file_end;
        if (after <= zeroed_to_offset || to <= after) return;
        zeroed_to_offset = to;
        (void)opened.write(after, bytes::zeros(static_cast<std::size_t>(to - after)));
    }
    // Gives back the reserve behind the last record. The segment reads the same with and without
    // it, so a failure costs space and no more.
    void trim(std::uint64_t end_of_records) { (void)opened.resize(offset_of(end_of_records)); }
};

template <class Platform, class Checksum>
class segment_maker {
public:
    using directory = typename Platform::directory;
    using segment = open_segment<typename Platform::file>;
    using spare_type = spare_segment<Platform>;

    //   Requires    `in` outlives the maker
    segment_maker(Platform world, directory& in, database_id database) noexcept
        : platform_{std::move(world)}, directory_{&in}, database_{database} {}

    // What goes into a header besides.
    struct place {
        std::uint64_t first = 0;
        std::uint32_t previous_checksum = 0;
        lsn durable;
        lsn before;
    };

    //   Returns     a segment that begins there and has room for `size` bytes of records, of so
    //               many bytes at least
    //   Errors      no_space, io: something of that name may be there
    [[nodiscard]] result<segment> make(const place& at, std::uint64_t size,
                                       std::uint64_t file_bytes) {
        const segment_header header = header_of(at);
        auto opened = directory_->open(segment_name(header.first), file_mode::create);
        if (!opened) return opened.error();
        segment made{std::move(*opened), header.salt, header.first.value,
                     round_up(size, log_block_bytes)};
        if (made.room + segment_header_bytes < file_bytes)
            made.room = round_up(file_bytes, log_block_bytes) - segment_header_bytes;
        if (auto filled = fill(made, header); !filled) return filled.error();
        if (auto named = sync_names(); !named) return named.error();
        return made;
    }
    // The same of the spare. Neither the header nor the name survives a power failure yet.
    //   Returns     none: there is no spare, it is too small, or it failed, and something of that
    //               name may be there
    [[nodiscard]] std::optional<segment> make_of(spare_type& spare, const place& at,
                                                 std::uint64_t size) {
        if (segment_header_bytes + size > spare.file_bytes()) return std::nullopt;
        auto taken = spare.take();
        if (!taken) return std::nullopt;
        auto made = begin_spare(*std::move(taken), header_of(at), spare.file_bytes());
        spare.let_go();
        return made;
    }

    [[nodiscard]] result<void> sync_names() {
        auto named = directory_->sync();
        sync_failed_ = sync_failed_ || !named;
        return named;
    }

    //   Returns     whether it is certain that a power failure does not bring the name back
    [[nodiscard]] bool remove(std::uint64_t first) {
        if (sync_failed_) return false;
        const bytes name = segment_name({first});
        const auto there = directory_->exists(name);
        if (!there) return false;
        if (*there && !directory_->remove(name)) return false;
        return directory_->sync().has_value();
    }

    // A sync of the directory failed: what names survive a power failure is not known, and another
    // sync would not tell.
    [[nodiscard]] bool sync_failed() const noexcept { return sync_failed_; }

private:
    [[nodiscard]] segment_header header_of(const place& at) {
        segment_header header;
        header.checksum_format = Checksum::format_id;
        header.database = database_;
        header.first = {at.first};
        header.salt = static_cast<std::uint32_t>(platform_.random());
        header.previous_checksum = at.previous_checksum;
        header.durable = at.durable;
        header.before = at.before;
        return header;
    }

    std::optional<segment> begin_spare(typename spare_type::spare taken,
                                       const segment_header& header, std::uint64_t file_bytes) {
        const bytes name = segment_name(header.first);
        if (!taken.opened.write(0, encode_segment_header(header))) return std::nullopt;
        if (!directory_->rename(spare_segment_name, name)) return std::nullopt;
        auto opened = directory_->open(name, file_mode::write);  // what fails names its file
        if (!opened) return std::nullopt;
        return segment{std::move(*opened),
                       header.salt,
                       header.first.value,
                       file_bytes - segment_header_bytes,
                       taken.zeroed_to_offset,
                       true,
                       header};
    }
    result<void> fill(segment& made, const segment_header& header) {
        // A file of this name may be left from a crash before its first record: start from nothing.
        if (auto emptied = made.opened.resize(0); !emptied) return emptied;
        if (auto reserved = made.opened.preallocate(segment_header_bytes + made.room); !reserved)
            return reserved;
        if (auto written = made.opened.write(0, encode_segment_header(header)); !written)
            return written;
        return made.opened.sync();
    }

    Platform platform_;
    directory* directory_;
    database_id database_;
    bool sync_failed_ = false;
};

}  // namespace mantis::detail
