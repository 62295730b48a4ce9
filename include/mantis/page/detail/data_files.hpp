// SPDX-License-Identifier: BSL-1.0
//
// Makes, opens and removes the files of data segments.
//
// A new segment has all its space and its header before it is handed out. None of that survives a
// power failure before its file and the directory are synced.
//
// A spare is a file with the space of one segment of its size. Where the disk is full it becomes
// one, for those images that have to be written so that something can be freed. Spares are numbered
// from 0 on.
//
// Threads: any number; making and removing one at a time.
#pragma once

#include "../data_segment.hpp"

#include "../../platform/detail/shared.hpp"
#include "../../platform/platform.hpp"

namespace mantis::detail {

template <class Platform, class Checksum>
class data_files {
public:
    using directory = typename Platform::directory;
    using file = shared<typename Platform::file>;

    //   Requires    `in` outlives it
    data_files(directory& in, database_id database) noexcept
        : directory_{&in}, database_{database} {}

    //   Errors      no_space, io, already_exists; nothing of that name is left, as far as the
    //               system lets it go
    [[nodiscard]] result<file> make(std::uint32_t number, std::uint32_t size) {
        const bytes name = data_segment_name(number);
        auto opened = directory_->open(name, file_mode::create_new);
        if (!opened) return std::move(opened).error();
        auto filled = opened->preallocate(size);
        if (filled) filled = opened->write(0, header(number, size));
        if (filled) return file::make(*std::move(opened));
        (void)directory_->remove(name);
        return filled.error();
    }
    //   Requires    make_spare(spare, size) succeeded and it was not used since
    //   Effects     there is no such spare any more, even where this fails, nor then a file of that
    //               number, as far as the system lets it go
    [[nodiscard]] result<file> make_of_spare(std::uint32_t spare, std::uint32_t number,
                                             std::uint32_t size) {
        const bytes name = data_segment_name(number);
        if (auto named = directory_->rename(spare_name(spare), name); !named) {
            remove_spare(spare);
            return named.error();
        }
        auto opened = directory_->open(name, file_mode::write);
        auto done = opened ? opened->write(0, header(number, size)) : result<void>{opened.error()};
        if (done) return file::make(*std::move(opened));
        (void)directory_->remove(name);
        return done.error();
    }
    //   Effects     there is a spare of that number, or no file of its name
    [[nodiscard]] result<void> make_spare(std::uint32_t spare, std::uint32_t size) {
        remove_spare(spare);
        auto opened = directory_->open(spare_name(spare), file_mode::create_new);
        if (!opened) return std::move(opened).error();
        auto filled = opened->preallocate(size);
        if (!filled) remove_spare(spare);
        return filled;
    }
    void remove_spare(std::uint32_t spare) {
        const bytes name = spare_name(spare);
        const auto there = directory_->exists(name);
        if (there && *there) (void)directory_->remove(name);
    }
    //   Effects     all of them go, however many an earlier opening had
    void remove_spares() {
        const auto names = directory_->list();
        if (!names) return;
        for (const bytes& name : *names)
            if (is_spare_name(name)) (void)directory_->remove(name);
    }

    //   Errors      not_found, io
    [[nodiscard]] result<file> open(std::uint32_t number, file_mode mode) {
        auto opened = directory_->open(data_segment_name(number), mode);
        if (!opened) return std::move(opened).error();
        return file::make(*std::move(opened));
    }
    //   Returns     bytes of the segment, whose file is of this database and at least that long
    //   Errors      not_found, io; corrupt, mismatch: it is not what it should be
    [[nodiscard]] result<std::uint32_t> verify(std::uint32_t number) {
        constexpr const char* doing = "opening a data segment";
        auto opened = open(number, file_mode::read);
        if (!opened) return std::move(opened).error().within(doing);
        bytes raw = bytes::zeros(data_header_bytes);
        const auto got = (**opened).read(0, raw.data(), raw.size());
        if (!got) return got.error();
        const auto found = decode_data_header(raw.view().first(*got));
        if (!found) return error{found.error()}.about((**opened).path()).within(doing);
        if (found->database != database_ || found->checksum_format != Checksum::format_id)
            return error{error_code::mismatch, doing}
                .about((**opened).path())
                .with("checksum", found->checksum_format);
        const auto size = (**opened).size();
        if (!size) return size.error();
        if (found->number != number || *size < found->segment_bytes)
            return error{error_code::corrupt, doing}
                .about((**opened).path())
                .with("segment", found->number)
                .with("bytes", *size)
                .with("expected_bytes", found->segment_bytes);
        return found->segment_bytes;
    }

    [[nodiscard]] result<void> remove(std::uint32_t number) {
        return directory_->remove(data_segment_name(number));
    }
    //   Returns     the numbers of all files that are named as segments, ascending
    [[nodiscard]] result<std::vector<std::uint32_t>> list() {
        auto names = directory_->list();
        if (!names) return std::move(names).error();
        std::vector<std::uint32_t> found;
        for (const bytes& name : *names)
            if (std::uint32_t number; parse_data_segment_name(name, number))
                found.push_back(number);
        return found;
    }
    [[nodiscard]] result<void> sync_names() { return directory_->sync(); }

private:
    // "data-spare" for the first, "data-spare-1" for the next.
    [[nodiscard]] static bytes spare_name(std::uint32_t spare) {
        bytes name{bytes_view{spare_data_name}};
        if (spare == 0) return name;
        name.push_back('-');
        std::uint32_t unit = 1;
        while (spare / unit >= 10) unit *= 10;
        for (; unit != 0; unit /= 10) name.push_back(static_cast<char>('0' + spare / unit % 10));
        return name;
    }
    [[nodiscard]] static bool is_spare_name(bytes_view name) {
        constexpr std::size_t stem = 10;
        if (!name.starts_with(spare_data_name) || name.size() > stem + 11) return false;
        if (name.size() == stem) return true;
        if (name[stem] != std::byte{'-'} || name.size() == stem + 1) return false;
        for (const std::byte each : name.from(stem + 1))
            if (each < std::byte{'0'} || each > std::byte{'9'}) return false;
        return true;
    }
    [[nodiscard]] bytes header(std::uint32_t number, std::uint32_t size) const {
        return encode_data_header(
            {data_segment_version, Checksum::format_id, database_, number, size});
    }

    directory* directory_;
    database_id database_;
};

}  // namespace mantis::detail
