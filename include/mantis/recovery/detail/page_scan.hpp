// SPDX-License-Identifier: BSL-1.0
//
// Looks for images of pages in data segments where no manifest says where they are.
//
// All pages of a database have one size, so images lie at multiples of it behind a segment's
// header. The size is the one for which the most places hold a node of which every byte is
// accounted for. An image names its page; of the images of one page the one that lies last counts,
// for segments are numbered, and filled, in the order of writing, but for two that are filled at a
// time, and a page is only written again where its last image is. So it is likely the last one, and
// no more than that.
//
// Threads: one.
#pragma once

#include "../../index/btree/detail/extent_layout.hpp"
#include "../../index/btree/slotted_verify.hpp"
#include "../../page/page_map.hpp"
#include "../../platform/platform.hpp"

#include <vector>

namespace mantis::detail {

template <class Platform>
class page_scan {
public:
    using directory = typename Platform::directory;

    //   Requires    `in` outlives it
    page_scan(directory& in, database_id database) noexcept
        : directory_{&in}, database_{database} {}

    //   Effects     `into` has a place for each page of which an image was found
    //   Returns     the size of a page; 0: no image was found
    //   Errors      io: the names of the files cannot be read
    [[nodiscard]] result<std::size_t> run(page_map& into) {
        if (auto listed = list(); !listed) return listed.error();
        const std::size_t size = find_size();
        if (size == 0) return size;
        for (const std::uint32_t number : segments_)
            for_each_image(number, size, [&](std::uint64_t offset, bytes_view raw) {
                const page_id page = page_of(raw);
                if (page.value == 0 || page > last_mapped_page) return true;
                into.load(page, {{number, static_cast<std::uint32_t>(offset / data_block_bytes),
                                  static_cast<std::uint32_t>(size / data_block_bytes)},
                                 0});
                return true;
            });
        return size;
    }

private:
    static constexpr std::size_t sizes = 7;  // 512 to 32,768
    static constexpr std::size_t window_bytes = 64 * KiB;
    // So many nodes of one size settle it, if there are far fewer of others.
    static constexpr std::uint64_t enough = 64;
    static_assert(node_limits::min_page_bytes << (sizes - 1) == node_limits::max_page_bytes);
    static_assert(window_bytes % node_limits::max_page_bytes == 0);

    // Ascending; those of another database are left out, but for what has lost its header.
    [[nodiscard]] result<void> list() {
        const auto names = directory_->list();
        if (!names) return names.error();
        for (const bytes& name : *names) {
            std::uint32_t number = 0;
            if (!parse_data_segment_name(name, number)) continue;
            auto file = directory_->open(name, file_mode::read);
            if (!file) continue;
            bytes raw = bytes::zeros(data_header_bytes);
            const auto got = file->read(0, raw.data(), raw.size());
            if (got) raw.resize(*got);
            const auto header = decode_data_header(got ? raw.view() : bytes_view{});
            if (header && header->database != database_) continue;
            std::size_t at = segments_.size();
            while (at > 0 && segments_[at - 1] > number) --at;
            segments_.insert(segments_.begin() + static_cast<std::ptrdiff_t>(at), number);
        }
        return success();
    }

    [[nodiscard]] std::size_t find_size() {
        std::uint64_t found[sizes] = {};
        std::size_t best = 0;
        for (std::size_t at = segments_.size(); at-- > 0 && found[best] < enough;)
            for (std::size_t i = 0; i < sizes; ++i) {
                const std::size_t size = node_limits::min_page_bytes << i;
                for_each_image(segments_[at], size, [&](std::uint64_t, bytes_view raw) {
                    if (is_node(raw)) ++found[i];
                    return found[i] < enough;
                });
                if (found[i] > found[best]) best = i;
            }
        return found[best] == 0 ? 0 : node_limits::min_page_bytes << best;
    }

    // Calls each(offset, raw) for what may be an image of that size, until it returns false.
    template <class Each>
    void for_each_image(std::uint32_t number, std::size_t size, Each each) {
        auto file = directory_->open(data_segment_name(number), file_mode::read);
        if (!file) return;
        bytes raw = bytes::zeros(window_bytes);
        for (std::uint64_t from = data_header_bytes; from < most_data_segment_bytes;
             from += window_bytes) {
            const auto got = file->read(from, raw.data(), raw.size());
            if (!got) {
                if (!each_alone(*file, from, size, each)) return;
                continue;
            }
            for (std::size_t at = 0; at + size <= *got; at += size)
                if (!each(from + at, raw.view().part(at, size))) return;
            if (*got < raw.size()) return;
        }
    }
    // Where a part of the window cannot be read.
    template <class File, class Each>
    [[nodiscard]] static bool each_alone(File& file, std::uint64_t from, std::size_t size,
                                         Each& each) {
        bytes raw = bytes::zeros(size);
        for (std::size_t at = 0; at + size <= window_bytes; at += size) {
            const auto got = file.read(from + at, raw.data(), size);
            if (got && *got == size && !each(from + at, raw.view())) return false;
        }
        return true;
    }

    [[nodiscard]] static bool is_node(bytes_view raw) {
        const slotted_view<> view{raw.data(), raw.size()};
        return !view.malformed() && view.owner().page != 0 &&
               verify_node(view, view.owner()).has_value();
    }
    //   Returns     page 0: it is no image that could count
    [[nodiscard]] static page_id page_of(bytes_view raw) {
        if (is_node(raw)) return {slotted_view<>{raw.data(), raw.size()}.owner().page};
        const extent_header seen = load_extent_header(raw.data());
        const extent_reference of{seen.first_page, seen.value_bytes, seen.checksum};
        const extent_shape shape{raw.size(), seen.value_bytes};
        if (seen.kind != extent_kind || !of.makes_sense() || seen.index >= shape.page_count())
            return {};
        extent_header expected = header_of_extent({seen.table}, of, shape, seen.index, {seen.page});
        expected.next_page = seen.next_page;
        return seen == expected ? page_id{seen.page} : page_id{};
    }

    directory* directory_;
    database_id database_;
    std::vector<std::uint32_t> segments_;  // ascending
};

}  // namespace mantis::detail
