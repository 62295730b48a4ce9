// SPDX-License-Identifier: BSL-1.0
//
// The pages of a database on disk, as its manifest says where they are, or a look at the data
// segments does. Nothing is changed, and what is damaged or missing is no reason to give up: for
// who looks at what no store would open.
//
// Where the pages come from, by what is left of the manifest:
//   whole, up to the group that is known to have been durable     that checkpoint
//   only its beginning, and the log goes on from there            an earlier checkpoint, as good
//   anything else                                                 no checkpoint: the segments are
//                                                                 looked at, page_scan.hpp
//
// Threads: one at a time.
#pragma once

#include "../../page/page_map.hpp"
#include "manifest_choice.hpp"
#include "manifest_figures.hpp"
#include "table_roots.hpp"

namespace mantis::detail {

// The checksum policy of pages is their own.
//   Returns     its format; 0: it cannot be read
template <directory Directory>
[[nodiscard]] std::uint32_t manifest_checksum_format(Directory& in, std::uint64_t generation) {
    auto file = in.open(manifest_name(generation), file_mode::read);
    if (!file) return 0;
    bytes raw = bytes::zeros(manifest_header_bytes);
    const auto got = file->read(0, raw.data(), raw.size());
    if (got) raw.resize(*got);
    const auto header = decode_manifest_header(got ? raw.view() : bytes_view{});
    return header ? header->checksum_format : 0;
}

template <platform Platform, checksum_policy Checksum>
class stored_pages {
public:
    using directory = typename Platform::directory;
    using reader_type = manifest_reader<Platform, Checksum>;

    //   Requires    `in` outlives it
    stored_pages(directory& in, database_id database) noexcept
        : directory_{&in}, database_{database} {}

    //   Effects     the pages are those of the last checkpoint of which the manifest is whole up to
    //               the group `at_least`; or of an earlier one, if it is not before `log_begin`
    //   Returns     false: there is no such checkpoint, and no page
    //   Errors      io: the names of the files cannot be read
    [[nodiscard]] result<bool> read_manifest(std::uint64_t at_least, lsn log_begin) {
        auto chosen = choose_manifest<Platform, Checksum>(*directory_, database_, at_least);
        if (chosen) {
            (void)take_all(chosen->reader);
            // An older manifest than the image: unless there were no tables in pages yet.
            if (state_.checkpoint < log_begin && !roots_.all().empty()) forget();
            return proven_;
        }
        const auto names = find_manifests(*directory_);
        if (!names) return names.error();
        if (names->newest == 0) return false;
        auto reader = reader_type::open(*directory_, names->newest, database_);
        if (!reader) return false;
        (void)reader->verify();  // what lies before the damage is whole
        if (!reader->has_snapshot() || reader->state().checkpoint < log_begin) return false;
        return take_all(*reader);
    }

    //   Requires    the manifest is verified, as far as it is whole
    //   Effects     the pages are what it says
    //   Returns     false: it has edits that are not known here, and says more than can be read
    [[nodiscard]] bool take_all(reader_type& reader) {
        auto taken = reader.hand_out([this](const manifest_edit& edit) { return take(edit); });
        state_ = reader.state();
        proven_ = taken.has_value();
        if (!proven_) forget();
        return proven_;
    }

    [[nodiscard]] const manifest_state& state() const noexcept { return state_; }
    [[nodiscard]] const table_roots& roots() const noexcept { return roots_; }
    [[nodiscard]] const page_map& map() const noexcept { return *map_; }
    [[nodiscard]] page_map& map() noexcept { return *map_; }
    // Images prove by a checksum whose they are.
    [[nodiscard]] bool proven() const noexcept { return proven_; }
    // Of all pages; 0: there are none.
    [[nodiscard]] std::size_t page_bytes() const noexcept { return page_bytes_; }
    void set_page_bytes(std::size_t size) noexcept { page_bytes_ = size; }

    //   Errors      not_found (no such page, or its file is gone), corrupt, io
    [[nodiscard]] result<bytes> image(page_id page) {
        const page_entry entry = map_->newest(page);
        if (entry.place.is_none())
            return error{error_code::not_found, "reading a page"}.with("page", page.value);
        bytes raw;
        auto sound = check_image(page, entry, raw);
        if (!sound) return std::move(sound).error();
        return raw;
    }
    //   Effects     `raw` is what was read, if something was
    //   Errors      not_found (the file), corrupt, io
    [[nodiscard]] result<void> check_image(page_id page, const page_entry& entry, bytes& raw) {
        auto sound = image_at(page, entry, raw);
        if (sound || sound.error().code() != error_code::corrupt) return sound;
        return image_at(page, entry, raw);
    }

    // As a pool does it, for extent_walk.
    struct seen_page {
        const std::byte* raw;
        void copy(void* into, std::size_t offset, std::size_t size) const noexcept {
            if (size != 0) std::memcpy(into, raw + offset, size);
        }
    };
    template <class Read>
    [[nodiscard]] result<void> read(page_id page, Read read) {
        const auto found = image(page);
        if (!found) return error{found.error()};
        if (found->size() != page_bytes_)
            return error{error_code::corrupt, "reading a page: it has another size"}.with(
                "page", page.value);
        read(seen_page{found->data()});
        return success();
    }

private:
    using file = typename Platform::file;

    [[nodiscard]] result<void> take(const manifest_edit& edit) {
        if (edit.kind == manifest_edit_kind::root) {
            const auto root = decode_table_root(edit.value);
            if (!root) return root.error();
            roots_.set(*root);
            return success();
        }
        if (edit.kind == manifest_edit_kind::figures) {
            const auto figures = decode_manifest_figures(edit.value);
            return figures ? success() : result<void>{figures.error()};
        }
        if (edit.kind != manifest_edit_kind::page_map)
            return error{error_code::mismatch, "reading a manifest: an edit of an unknown kind"};
        const auto delta = decode_page_delta(edit.value);
        if (!delta) return delta.error();
        for (const page_change& each : delta->changes) {
            map_->load(each.page, each.now);
            if (!each.now.place.is_none()) page_bytes_ = each.now.place.size();
        }
        return success();
    }
    void forget() {
        map_ = owned<page_map>{new page_map};
        roots_ = {};
        proven_ = false;
        page_bytes_ = 0;
    }

    [[nodiscard]] result<void> image_at(page_id page, const page_entry& entry, bytes& raw) {
        if (!file_ || segment_ != entry.place.segment()) {
            file_.reset();
            auto opened =
                directory_->open(data_segment_name(entry.place.segment()), file_mode::read);
            if (!opened) return std::move(opened).error().with("page", page.value);
            file_.emplace(std::move(*opened));
            segment_ = entry.place.segment();
        }
        raw = bytes::zeros(entry.place.size());
        const auto got = file_->read(entry.place.offset(), raw.data(), raw.size());
        if (!got) return error{got.error()}.with("page", page.value);
        const bool same =
            !proven_ || image_checksum<Checksum>(database_, page, raw) == entry.checksum;
        if (*got == raw.size() && same) return success();
        return error{error_code::corrupt, "reading a page"}
            .about(data_segment_name(entry.place.segment()))
            .with("page", page.value)
            .with("offset", entry.place.offset());
    }

    directory* directory_;
    database_id database_;
    owned<page_map> map_{new page_map};
    table_roots roots_;
    manifest_state state_;
    bool proven_ = false;
    std::size_t page_bytes_ = 0;
    std::optional<file> file_;  // read last
    std::uint32_t segment_ = 0;
};

}  // namespace mantis::detail
