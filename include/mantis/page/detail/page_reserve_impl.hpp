// SPDX-License-Identifier: BSL-1.0
//
// How a page store keeps its reserve. Included by page_store.hpp.
#pragma once

#include "../page_store.hpp"

namespace mantis {

template <platform Platform, checksum_policy Checksum>
bool page_store<Platform, Checksum>::make_spare(std::uint32_t most) {
    unique_lock<mutex> hold{mutex_};
    while (making_) made_.wait(mutex_);
    if (spares_ >= most) return false;
    making_ = true;
    hold.unlock();
    const bool ready = files_.make_spare(spares_).has_value();  // changed by who makes, alone
    hold.lock();
    making_ = false;
    if (ready) set_spares(spares_ + 1);
    made_.notify_all();
    return ready;
}

template <platform Platform, checksum_policy Checksum>
bool page_store<Platform, Checksum>::give_up_spare() {
    unique_lock<mutex> hold{mutex_};
    while (making_) made_.wait(mutex_);
    if (spares_ == 0) return false;
    set_spares(spares_ - 1);
    making_ = true;
    hold.unlock();
    files_.remove_spare(spares_);
    hold.lock();
    making_ = false;
    made_.notify_all();
    return true;
}

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::grow(std::uint64_t pages, std::size_t page_bytes) {
    const std::uint64_t each = images_per_segment(page_bytes / data_block_bytes);
    for (std::uint32_t made = 0;; ++made) {
        {
            const lock_guard<mutex> hold{mutex_};
            if (options_.spares == 0) return success();
            std::uint64_t most = each * spares_;
            for (const auto& at : segments_.all())
                most += at->most_images(static_cast<std::uint32_t>(page_bytes / data_block_bytes));
            if (most >= pages + each * (options_.spares + std::uint64_t{open_segments}))
                return success();
        }
        if (make_spare(UINT32_MAX)) continue;
        while (made-- != 0 && give_up_spare()) {}  // others have use for it
        return error{error_code::no_space, "making a page: the disk has room for no more"}
            .with("pages", pages)
            .with("bytes", page_bytes);
    }
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
                promised_blocks_ = blocks;
                return success();
            }
        }
        if (make_spare(UINT32_MAX)) continue;
        while (made-- != 0 && give_up_spare()) {}  // others have use for it
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
    promised_blocks_ = blocks;
    return true;
}

}  // namespace mantis
