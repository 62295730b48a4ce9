// SPDX-License-Identifier: BSL-1.0
//
// What a page store does for a scrubber. Included by page_store.hpp.
#pragma once

#include "../page_store.hpp"

namespace mantis {

template <platform Platform, checksum_policy Checksum>
live_images page_store<Platform, Checksum>::images(page_id from, std::size_t most) {
    const lock_guard<mutex> hold{mutex_};
    live_images found;
    map_.for_each_live(from, [&](page_id page, const page_entry& entry) {
        if (found.images.size() >= most && found.images.back().page != page) {
            found.next = page;
            return false;
        }
        found.images.push_back({page, entry});
        return true;
    });
    return found;
}

template <platform Platform, checksum_policy Checksum>
std::vector<std::uint32_t> page_store<Platform, Checksum>::segments() {
    const lock_guard<mutex> hold{mutex_};
    std::vector<std::uint32_t> found;
    for (const auto& each : segments_.all()) found.push_back(each->number);
    return found;
}

template <platform Platform, checksum_policy Checksum>
bool page_store<Platform, Checksum>::is_live(page_id page, const page_entry& entry) {
    const lock_guard<mutex> hold{mutex_};
    return map_.is_live(page, entry);
}

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::check_image(page_id page, const page_entry& entry,
                                                         bytes& image) {
    auto from = file_of(entry.place.segment());
    if (!from) return std::move(from).error().with("page", page.value);
    auto done = read_image(*from, page, entry, image);
    if (done || done.error().code() != error_code::corrupt) return done;
    return read_image(*from, page, entry, image);
}

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::check_header(std::uint32_t number) {
    auto size = files_.verify(number);
    if (!size && size.error().code() == error_code::corrupt) size = files_.verify(number);
    return size ? success() : result<void>{std::move(size).error()};
}

template <platform Platform, checksum_policy Checksum>
result<bool> page_store<Platform, Checksum>::restore(page_id page, const page_entry& entry,
                                                     bytes_view image) {
    {
        const lock_guard<mutex> hold{mutex_};
        check(!prepared_, "a page is restored while an epoch is prepared");
        if (failed_ || options_.read_only) return stopped();
        if (map_.newest(page) != entry || image.size() != entry.place.size()) return false;
    }
    if (image_checksum<Checksum>(options_.database, page, image) != entry.checksum) return false;
    const auto done = put_elsewhere(page, entry, image);
    if (!done) return done.error();
    return *done != 0;
}

}  // namespace mantis
