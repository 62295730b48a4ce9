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

namespace mantis::detail {

template <class Platform, class Store>
class stored_page_numbers {
public:
    //   Requires    the store lives longer
    stored_page_numbers(Store& store, std::size_t page_bytes) noexcept
        : store_{&store}, page_bytes_{page_bytes} {}

    //   Errors      no_space: the disk has no room for another page, or there is no number
    [[nodiscard]] result<page_id> take() {
        const std::uint64_t wanted = free_.used_count() + 1;
        if (wanted > admitted_.load(Platform::memory_order::acquire))
            if (auto grown = grow(wanted); !grown) return std::move(grown).error();
        auto taken = free_.take();
        if (taken) takes_.fetch_add(1, Platform::memory_order::acq_rel);
        return taken;
    }
    // So many more have room, whatever becomes of segments meanwhile, until this is called again.
    //   Errors      as of take()
    [[nodiscard]] result<void> admit(std::uint64_t pages) {
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
    // Segments were removed: whether there is room is asked anew.
    void ask_for_room() { granted_.store(0, Platform::memory_order::release); }
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
    }

private:
    [[nodiscard]] result<void> grow(std::uint64_t wanted) {
        if (wanted <= granted_.load(Platform::memory_order::acquire)) return success();
        const std::uint64_t room = wanted + wanted * manifest_bytes_per_page / page_bytes_;
        if (auto grown = store_->grow(room, page_bytes_); !grown) return grown;
        granted_.store(wanted, Platform::memory_order::release);
        return success();
    }

    // A snapshot, four times that in deltas, and what a frame has besides.
    static constexpr std::uint64_t manifest_bytes_per_page = 5 * 26;

    Store* const store_;
    const std::size_t page_bytes_;
    free_page_numbers<Platform> free_{last_mapped_page};
    typename Platform::template atomic<std::uint32_t> epoch_{1};
    typename Platform::template atomic<std::uint64_t> granted_{0};   // so many pages have room
    typename Platform::template atomic<std::uint64_t> admitted_{0};  // and so many in any case
    typename Platform::template atomic<std::uint64_t> takes_{0};
};

}  // namespace mantis::detail
