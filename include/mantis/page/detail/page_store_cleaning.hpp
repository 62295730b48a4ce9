// SPDX-License-Identifier: BSL-1.0
//
// What a page store does for a cleaner. Included by page_store.hpp.
#pragma once

#include "../page_store.hpp"

namespace mantis {

template <platform Platform, checksum_policy Checksum>
std::optional<std::uint32_t> page_store<Platform, Checksum>::least_used(unsigned below_percent) {
    const lock_guard<mutex> hold{mutex_};
    if (prepared_ || failed_) return std::nullopt;
    if (is_tight() && (!is_resting() || scarce_)) below_percent = 100;  // whatever gives any back
    const segment* least = nullptr;
    for (const auto& each : segments_.all()) {
        if (!each->sealed || each->damaged || each->newest_blocks == 0) continue;
        if (each->is_packed()) continue;
        if (std::uint64_t{each->newest_blocks} * 100 >= std::uint64_t{each->blocks} * below_percent)
            continue;
        // Shares are compared crosswise: sizes may differ.
        if (least == nullptr || std::uint64_t{each->newest_blocks} * least->blocks <
                                    std::uint64_t{least->newest_blocks} * each->blocks)
            least = &*each;
    }
    if (least == nullptr) return std::nullopt;
    return least->number;
}

template <platform Platform, checksum_policy Checksum>
result<std::size_t> page_store<Platform, Checksum>::move(page_id page, std::uint32_t number) {
    page_entry entry;
    {
        const lock_guard<mutex> hold{mutex_};
        check(!prepared_, "a page is moved while an epoch is prepared");
        entry = map_.newest(page);
    }
    if (entry.place.segment() != number) return std::size_t{0};
    bytes image;
    auto from = file_of(number);
    auto had = from ? read_image(*from, page, entry, image) : result<void>{std::move(from).error()};
    auto moved = had ? put_elsewhere(page, entry, image) : result<std::size_t>{had.error()};
    if (had && (moved || moved.error().code() != error_code::too_large)) return moved;
    const lock_guard<mutex> hold{mutex_};
    if (map_.newest(page) != entry) return std::size_t{0};  // it was written while it was read
    if (segment* const at = segments_.find(number)) at->damaged = true;  // cannot be moved
    return std::move(moved).error().with("page", page.value);
}

template <platform Platform, checksum_policy Checksum>
result<std::size_t> page_store<Platform, Checksum>::put_elsewhere(page_id page,
                                                                  const page_entry& entry,
                                                                  bytes_view image) {
    room into;
    {
        unique_lock<mutex> hold{mutex_};
        auto found = find_room(entry.place.blocks(), purpose::cleaning, hold);
        if (!found) return std::move(found).error().with("page", page.value);
        into = take(**found, page, entry.place.blocks());
    }
    auto written = into.into->write(into.at.offset(), image);
    const lock_guard<mutex> hold{mutex_};
    end_write(into, written.has_value(), purpose::cleaning);
    if (!written) return std::move(written.error()).with("page", page.value);
    page_map::outcome done;
    if (!map_.move(page, entry, {into.at, entry.checksum}, done)) return std::size_t{0};
    segments_.add_live(into.at);
    learn(done);
    ++counts_.images_moved;
    counts_.bytes_moved += into.at.size();
    return into.at.size();
}

}  // namespace mantis
