// SPDX-License-Identifier: BSL-1.0
//
// Looks at all files of tables in pages of a database that nobody has opened: the manifest, the
// headers of the data segments, and each image that the manifest says is live. Where the manifest
// is damaged nothing else can be judged.
//
// Threads: one.
#pragma once

#include "../../core/crc32c.hpp"
#include "../../core/xxh3.hpp"
#include "../superblock.hpp"
#include "stored_pages.hpp"
#include "tables_scrub.hpp"

namespace mantis::detail {

template <platform Platform, checksum_policy Checksum, class Sink>
class stored_scrub {
public:
    using directory = typename Platform::directory;

    stored_scrub(directory& in, const superblock& of, Sink& sink) noexcept
        : directory_{&in}, of_{of}, pages_{in, of.database}, sink_{&sink} {}

    void run(std::uint64_t generation) {
        if (look_at_manifest(generation) && look_at_headers()) look_at_images();
    }
    // All but the images.
    //   Returns     whether the manifest is whole, and not stopped: pages() are known then
    [[nodiscard]] bool run_without_images(std::uint64_t generation) {
        return look_at_manifest(generation) && look_at_headers();
    }
    [[nodiscard]] stored_pages<Platform, Checksum>& pages() noexcept { return pages_; }
    // Segments of which the file is gone are told as a whole, by the headers.
    [[nodiscard]] bool is_missing(std::uint32_t number) const noexcept {
        for (const std::uint32_t each : missing_)
            if (each == number) return true;
        return false;
    }

private:
    //   Returns     whether it is whole, and not stopped
    bool look_at_manifest(std::uint64_t generation) {
        sink_->add_file();
        const bytes name = manifest_name(generation);
        std::uint64_t size = 0;
        if (auto file = directory_->open(name, file_mode::read))
            if (const auto known = file->size()) size = *known;
        auto chosen =
            choose_manifest<Platform, Checksum>(*directory_, of_.database, of_.pages_sequence);
        if (!sink_->spend(size)) return false;
        if (!chosen) {
            page_damage what;
            what.file = generation == 0 ? bytes{bytes_view{"manifest"}} : name;
            what.code = generation == 0 ? error_code::not_found : chosen.error().code();
            if (const std::uint64_t* const at = chosen.error().number("offset")) what.offset = *at;
            sink_->found(std::move(what));
            return false;
        }
        return pages_.take_all(chosen->reader);
    }
    bool look_at_headers() {
        std::vector<std::uint32_t> numbers;
        pages_.map().for_each_committed({1}, [&](page_id, const page_entry& entry) {
            std::size_t at = numbers.size();
            while (at > 0 && numbers[at - 1] > entry.place.segment()) --at;
            if (at == 0 || numbers[at - 1] != entry.place.segment())
                numbers.insert(numbers.begin() + static_cast<std::ptrdiff_t>(at),
                               entry.place.segment());
            return true;
        });
        data_files<Platform, Checksum> files{*directory_, of_.database};
        for (const std::uint32_t number : numbers) {
            sink_->add_file();
            const auto sound = files.verify(number);
            if (!sink_->spend(data_header_bytes)) return false;
            if (sound) continue;
            if (sound.error().code() == error_code::not_found) missing_.push_back(number);
            sink_->found({sound.error().code(), data_segment_name(number), 0, {}, {}, false});
        }
        return true;
    }
    void look_at_images() {
        pages_.map().for_each_committed({1}, [&](page_id page, const page_entry& entry) {
            bytes raw;
            const auto sound = pages_.check_image(page, entry, raw);
            if (sound) sink_->add_page();
            else if (!is_missing(entry.place.segment()))
                sink_->found({sound.error().code(), data_segment_name(entry.place.segment()),
                              entry.place.offset(), page, table_named_in(raw, page), false});
            return sink_->spend(entry.place.size());
        });
    }
    directory* directory_;
    superblock of_;
    stored_pages<Platform, Checksum> pages_;
    Sink* sink_;
    std::vector<std::uint32_t> missing_;
};

template <platform Platform, class Sink>
void scrub_stored_pages(typename Platform::directory& in, const superblock& of, Sink& sink) {
    const auto names = find_manifests(in);
    if (!names || (names->newest == 0 && of.pages_sequence == 0)) return;
    if (manifest_checksum_format(in, names->newest) == crc32c::format_id)
        return stored_scrub<Platform, crc32c, Sink>{in, of, sink}.run(names->newest);
    stored_scrub<Platform, xxh3, Sink>{in, of, sink}.run(names->newest);
}

}  // namespace mantis::detail
