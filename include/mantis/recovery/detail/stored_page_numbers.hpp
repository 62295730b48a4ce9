// SPDX-License-Identifier: BSL-1.0
//
// Numbers of pages, of which a page store is told when nobody has them any more.
//
// Why a number may be taken again at once. It is given back in epoch E, where its page was dropped
// exclusively held, so:
//   - an image that the page had in E was written before, or never will be: the frame is gone, and
//     was written only by who held it shared
//   - an image that waits in a side copy is of an epoch before E, and the page map puts it before
//     the erasure, whenever it comes
//   - no epoch begins between the drop and the erasure: both are inside one change of a tree, and
//     the barrier of a checkpoint keeps all changes out. So E is the epoch of both
//   - the erasure comes before the number is free, so an image of the page that has it next is of E
//     or later, and comes after: it takes the place of the erasure, or follows it
// A reader who came too late may load the old image once more. It is clean in its frame, and making
// a page there overwrites it.
//
// Threads: any number; next_epoch() while nobody takes or gives back.
#pragma once

#include "../../page/free_page_numbers.hpp"
#include "../../page/page_delta.hpp"
#include "../../platform/guard.hpp"

namespace mantis::detail {

template <class Platform, class Store>
class stored_page_numbers {
public:
    //   Requires    the store lives longer
    stored_page_numbers(Store& store, std::size_t page_bytes) noexcept
        : store_{&store}, page_bytes_{page_bytes} {}

    //   Errors      no_space: the disk has no room for another page, or there is no number
    [[nodiscard]] result<page_id> take() {
        if (free_.used_count() < admitted_.load(Platform::memory_order::acquire))
            return take_free();
        const lock_guard<mutex> hold{mutex_};
        if (auto grown = grow(free_.used_count() + 1); !grown) return std::move(grown).error();
        return take_free();
    }
    // So many more have room, whatever becomes of segments meanwhile, until this is called again or
    // an epoch ends.
    //   Errors      as of take()
    [[nodiscard]] result<void> admit(std::uint64_t pages) {
        const lock_guard<mutex> hold{mutex_};
        const std::uint64_t wanted = free_.used_count() + pages;
        if (auto grown = grow(wanted); !grown) return grown;
        admitted_.store(wanted, Platform::memory_order::release);
        return success();
    }
    // How often one was taken.
    [[nodiscard]] std::uint64_t takes() const {
        return takes_.load(Platform::memory_order::acquire);
    }
    [[nodiscard]] page_id highest() { return free_.highest(); }
    // The reserve of the store rests: whether there is room is asked anew.
    //   Requires    nobody takes a number
    void rest() {
        const lock_guard<mutex> hold{mutex_};
        granted_ = 0;
        admitted_.store(0, Platform::memory_order::release);
        store_->rest();
    }
    // Segments were removed: whether there is room is asked anew. The reserve of the store is made
    // for the pages that there are.
    void ask_for_room() {
        const lock_guard<mutex> hold{mutex_};
        granted_ = 0;
        const std::uint64_t used = free_.used_count();
        const std::uint64_t admitted = admitted_.load(Platform::memory_order::acquire);
        store_->set_pages(with_manifest(used > admitted ? used : admitted), page_bytes_);
    }
    // A store that is stopped need not know: nothing is committed any more.
    void give_back(page_id page) {
        const auto erased = store_->erase(page, epoch());
        check(erased || erased.error().code() == error_code::read_only,
              "a page is given back in an epoch that has ended");
        free_.give_back(page);
    }
    [[nodiscard]] result<void> note_used(page_id page) { return free_.note_used(page); }
    [[nodiscard]] bool is_taken(page_id page) { return free_.is_taken(page); }
    [[nodiscard]] std::uint64_t used_count() { return free_.used_count(); }

    // Of the pool and the store, which count from 1 at each opening.
    [[nodiscard]] std::uint32_t epoch() const {
        return epoch_.load(Platform::memory_order::acquire);
    }
    //   Requires    the pool's begin_epoch() has just answered `ended`
    void next_epoch(std::uint32_t ended) {
        check(ended == epoch(), "the epochs of a pool and of its page numbers differ");
        epoch_.store(ended + 1, Platform::memory_order::release);
        admitted_.store(0, Platform::memory_order::release);  // all of it is done
    }

private:
    using mutex = typename Platform::mutex;

    [[nodiscard]] result<page_id> take_free() {
        auto taken = free_.take();
        if (taken) takes_.fetch_add(1, Platform::memory_order::acq_rel);
        return taken;
    }
    //   Requires    mutex_
    [[nodiscard]] result<void> grow(std::uint64_t wanted) {
        if (wanted <= granted_) return success();
        if (auto grown = store_->grow(with_manifest(wanted), page_bytes_); !grown) return grown;
        granted_ = wanted;
        return success();
    }
    [[nodiscard]] std::uint64_t with_manifest(std::uint64_t pages) const noexcept {
        return pages + pages * manifest_bytes_per_page / page_bytes_;
    }

    // A snapshot, four times that in deltas, and what a frame has besides.
    static constexpr std::uint64_t manifest_bytes_per_page = 5 * 26;

    Store* const store_;
    const std::size_t page_bytes_;
    free_page_numbers<Platform> free_{last_mapped_page};
    typename Platform::template atomic<std::uint32_t> epoch_{1};
    typename Platform::template atomic<std::uint64_t> admitted_{
        0};  // so many have room in any case
    typename Platform::template atomic<std::uint64_t> takes_{0};

    mutex mutex_;                // protects the next one; and admitted_ grows with it
    std::uint64_t granted_ = 0;  // so many pages have room
};

}  // namespace mantis::detail
