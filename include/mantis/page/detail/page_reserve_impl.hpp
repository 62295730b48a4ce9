// SPDX-License-Identifier: BSL-1.0
//
// How a page store keeps its reserve. Included by page_store.hpp.
#pragma once

#include "../page_store.hpp"

namespace mantis {

// --- how much it is ------------------------------------------------------------------------------

//   Effects     so many pages are granted: sizes of what is made, and of the reserve, go by them
template <platform Platform, checksum_policy Checksum>
void page_store<Platform, Checksum>::change_granted(std::uint64_t pages) {
    granted_ = pages;
    std::uint64_t blocks = 0;
    largest_bytes_ = 0;
    for (const auto& each : segments_.all()) {
        blocks += each->newest_blocks;
        const auto size = static_cast<std::uint32_t>(each->blocks * data_block_bytes);
        if (size > largest_bytes_) largest_bytes_ = size;
    }
    // Who grants none has those that are there.
    if (pages != 0) blocks = pages * granted_blocks_;
    unit_bytes_ = least_bytes();
    while (unit_bytes_ < options_.segment_bytes &&
           2 * parts * unit_bytes_ <= blocks * data_block_bytes)
        unit_bytes_ *= 2;
    note_reserve();
}

// Images of all that a commit may have to write; what cleaning takes, and what is left of a spare
// that is begun; and, twice, a delta.
template <platform Platform, checksum_policy Checksum>
std::uint64_t page_store<Platform, Checksum>::whole_images(std::uint64_t blocks) const {
    if (options_.spares == 0) return 0;
    const std::uint64_t pages = is_resting() ? few_pages : granted_ + granted_ / 16 + few_pages;
    const std::uint64_t most = options_.most_unwritten;
    return (pages < most ? pages : most) + options_.spares * cleaned_images(blocks) +
           2 * delta_images(blocks);
}

// Spares that may have to give their space to a delta, or a snapshot.
template <platform Platform, checksum_policy Checksum>
std::uint64_t page_store<Platform, Checksum>::delta_images(std::uint64_t blocks) const {
    if (options_.most_unwritten == 0) return 0;
    const std::uint64_t size = granted_ * (page_delta_entry_bytes + 2) + 4 * KiB;
    return (size + unit_bytes_ - 1) / unit_bytes_ * images_in(unit_bytes_, blocks);
}

// What one segment holds that is cleaned: no more than all pages, if it is of a time when there
// were more.
template <platform Platform, checksum_policy Checksum>
std::uint64_t page_store<Platform, Checksum>::cleaned_images(std::uint64_t blocks) const {
    const std::uint64_t unit = images_in(unit_bytes_, blocks);
    if (largest_bytes_ <= unit_bytes_) return unit;
    const std::uint64_t most = granted_ > unit ? granted_ : unit;
    const std::uint64_t largest = images_in(largest_bytes_, blocks);
    return largest < most ? largest : most;
}

// A cleaner leaves what the next commit may need, and what was promised.
template <platform Platform, checksum_policy Checksum>
bool page_store<Platform, Checksum>::may_take_reserve(std::uint32_t blocks,
                                                      purpose what_for) const {
    if (what_for == purpose::commit) return true;
    if (what_for == purpose::page) return promised_ != 0;
    const std::uint64_t promised = promised_ * promised_blocks_;
    const std::uint64_t left =
        left_for_commit_ ? *left_for_commit_ : unit_bytes_ / data_block_bytes / 4;
    return reserve_images(blocks) * blocks >=
           blocks + left_for_delta(blocks) * blocks + (promised > left ? promised : left);
}

// Whether so many pages and the whole reserve fit into all files there are, without so many bytes
// of them, whatever smaller files they become.
template <platform Platform, checksum_policy Checksum>
bool page_store<Platform, Checksum>::has_room_for(std::uint64_t pages,
                                                  std::uint64_t without) const {
    const std::uint64_t least = images_in(least_bytes(), granted_blocks_);
    const auto in_parts = [&](std::uint64_t size) {
        if (size >= least_bytes()) return size / least_bytes() * least;
        return images_in(static_cast<std::uint32_t>(size), granted_blocks_);
    };
    std::uint64_t all = 0;
    for (const std::uint32_t size : spares_) all += in_parts(size);
    for (const auto& each : segments_.all())
        all += in_parts(std::uint64_t{each->blocks} * data_block_bytes);
    for (const dead_segment& each : dead_)
        all += in_parts(std::uint64_t{each.blocks} * data_block_bytes);
    const std::uint32_t largest = largest_bytes_ > unit_bytes_ ? largest_bytes_ : unit_bytes_;
    return all >= pages + whole_images(granted_blocks_) +
                      open_segments * images_in(largest, granted_blocks_) +
                      (without == 0 ? 0 : in_parts(without));
}

// --- spares --------------------------------------------------------------------------------------

// Of a smaller size where there is no room for another.
template <platform Platform, checksum_policy Checksum>
bool page_store<Platform, Checksum>::make_spare(bool beyond) {
    unique_lock<mutex> hold{mutex_};
    while (making_) made_.wait(mutex_);
    if (!beyond && (is_resting() || !is_tight())) return false;
    const auto number = static_cast<std::uint32_t>(spares_.size());  // changed by who makes, alone
    std::uint32_t size = unit_bytes_;
    making_ = true;
    hold.unlock();
    auto made = files_.make_spare(number, size);
    while (!made && made.error().code() == error_code::no_space && size > least_bytes())
        made = files_.make_spare(number, size /= 2);
    hold.lock();
    making_ = false;
    if (made) add_spare(size);
    made_.notify_all();
    return made.has_value();
}

template <platform Platform, checksum_policy Checksum>
template <class May>
std::uint32_t page_store<Platform, Checksum>::give_up_spare(May may) {
    unique_lock<mutex> hold{mutex_};
    while (making_) made_.wait(mutex_);
    if (spares_.empty() || !may()) return 0;
    const std::uint32_t size = take_spare();
    const auto number = static_cast<std::uint32_t>(spares_.size());
    making_ = true;
    hold.unlock();
    files_.remove_spare(number);
    hold.lock();
    making_ = false;
    made_.notify_all();
    return size;
}

template <platform Platform, checksum_policy Checksum>
bool page_store<Platform, Checksum>::lend_spares(std::uint64_t size) {
    unique_lock<mutex> hold{mutex_};
    while (making_) made_.wait(mutex_);
    if (spares_.empty()) return false;
    making_ = true;
    for (std::uint64_t lent = 0; lent < size && !spares_.empty();) {
        lent += take_spare();
        const auto number = static_cast<std::uint32_t>(spares_.size());
        hold.unlock();
        files_.remove_spare(number);
        hold.lock();
    }
    return true;
}

template <platform Platform, checksum_policy Checksum>
void page_store<Platform, Checksum>::end_lending() {
    {
        const lock_guard<mutex> hold{mutex_};
        making_ = false;
        made_.notify_all();
    }
    make_spares();
}

// The last one is more than is needed, or one of them is so large that less would do. New pages ask
// for room when they are made, and nobody makes one while the reserve rests.
template <platform Platform, checksum_policy Checksum>
bool page_store<Platform, Checksum>::may_give_back() const {
    for (const std::uint32_t size : spares_)
        if (!is_resting() && size > 4 * unit_bytes_) return true;
    const std::uint64_t last = images_in(spares_.back(), granted_blocks_);
    return spare_images(granted_blocks_) >= whole_images(granted_blocks_) + last &&
           reserve_images(granted_blocks_) >= promised_ + promised_besides_ + last &&
           (is_resting() || has_room_for(granted_, spares_.back()));
}

template <platform Platform, checksum_policy Checksum>
bool page_store<Platform, Checksum>::wake(std::uint64_t free_bytes) {
    {
        const lock_guard<mutex> hold{mutex_};
        if (!is_resting()) return false;
        set_resting(false);
        const std::uint64_t there = spare_images(granted_blocks_);
        const std::uint64_t whole = whole_images(granted_blocks_);
        const std::uint64_t each = granted_blocks_ * data_block_bytes;
        if (whole > there && (whole - there) * each + 2 * unit_bytes_ > free_bytes) {
            set_resting(true);
            scarce_ = true;
            return false;
        }
    }
    make_spares();
    return true;
}

// --- pages ---------------------------------------------------------------------------------------

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::grow(std::uint64_t pages, std::size_t page_bytes) {
    std::uint64_t before = 0;
    bool was_tight = false;
    {
        const lock_guard<mutex> hold{mutex_};
        if (options_.spares == 0) return success();
        before = granted_;
        was_tight = is_tight();
        granted_blocks_ = page_bytes / data_block_bytes;
        if (pages > granted_) change_granted(pages);
    }
    for (std::uint32_t made = 0;; ++made) {
        bool enough = false;
        {
            const lock_guard<mutex> hold{mutex_};
            enough = has_room_for(pages, 0);
        }
        if (enough && (was_tight || !is_tight())) return success();
        if (make_spare(true)) continue;
        if (enough) return success();
        while (made-- != 0 && give_up_spare([] { return true; }) != 0) {}  // others have use for it
        const lock_guard<mutex> hold{mutex_};
        change_granted(before);
        return error{error_code::no_space, "making a page: the disk has room for no more"}
            .with("pages", pages)
            .with("bytes", page_bytes);
    }
}

template <platform Platform, checksum_policy Checksum>
void page_store<Platform, Checksum>::set_pages(std::uint64_t pages, std::size_t page_bytes) {
    {
        const lock_guard<mutex> hold{mutex_};
        if (options_.spares == 0) return;
        granted_blocks_ = page_bytes / data_block_bytes;
        // What was whole counts as such until smaller spares have taken the place of large ones:
        // the space of those is free meanwhile, and changes that were let in go on.
        exchanging_ = !is_tight();
        change_granted(pages);
        // One of a time when there were more pages is left to the cleaner.
        if (open_ != nullptr && open_->blocks > 4 * (unit_bytes_ / data_block_bytes)) {
            open_->sealed = true;
            open_ = nullptr;
        }
    }
    while (give_up_spare([this] { return may_give_back(); }) != 0) {}
    const auto is_short = [this] {
        const lock_guard<mutex> hold{mutex_};
        return !is_resting() && (!is_whole() || !has_room_for(granted_, 0));
    };
    while (is_short() && make_spare(true)) {}
    const lock_guard<mutex> hold{mutex_};
    exchanging_ = false;
    note_reserve();
}

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::promise(std::uint64_t images, std::uint64_t besides,
                                                     std::size_t page_bytes) {
    const std::uint64_t blocks = page_bytes / data_block_bytes;
    for (std::uint32_t made = 0;; ++made) {
        {
            const lock_guard<mutex> hold{mutex_};
            if (options_.spares == 0) return success();
            if (reserve_images(blocks) >= images + besides) {
                promised_ = images;
                promised_before_ = 0;
                promised_besides_ = besides;
                promised_blocks_ = blocks;
                return success();
            }
        }
        if (make_spare(true)) continue;
        while (made-- != 0 && give_up_spare([] { return true; }) != 0) {}  // others have use for it
        return error{error_code::no_space, "changing pages: a checkpoint might find no room"}
            .with("pages", images)
            .with("bytes", page_bytes);
    }
}

template <platform Platform, checksum_policy Checksum>
bool page_store<Platform, Checksum>::promise_more(std::uint64_t images, std::uint64_t besides,
                                                  std::size_t page_bytes) {
    const std::uint64_t blocks = page_bytes / data_block_bytes;
    const lock_guard<mutex> hold{mutex_};
    if (options_.spares == 0) return true;
    if (reserve_images(blocks) < promised_ + images + besides) return false;
    promised_ += images;
    promised_besides_ = besides;
    promised_blocks_ = blocks;
    return true;
}

}  // namespace mantis
