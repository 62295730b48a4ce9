// SPDX-License-Identifier: BSL-1.0
//
// Images of pages as they were at the end of an epoch, kept until they are written, because the
// pages have been changed since.
//
// State of a copy:
//   free    --begin()-->    filling
//   filling --filled()-->   waiting
//   waiting --claim()-->    writing     by one thread
//   writing --written()-->  free        --not_written()--> waiting
//
// Invariants:
//   1. the copies of one page are claimed in the order in which they were begun: none while an
//      earlier one is there
//   2. no more are there than the budget has buffers for; none is begun beyond the limit
//
// Threads: one at a time, under the pool's mutex; but the bytes of a copy that is filling or
// writing are its thread's, without it.
#pragma once

#include "page_memory.hpp"

#include "../../core/check.hpp"
#include "../../core/ids.hpp"

#include <cstdint>
#include <vector>

namespace mantis::detail {

class side_copies {
public:
    static constexpr std::uint32_t none = UINT32_MAX;

    struct copy {
        page_id page;
        std::uint32_t epoch = 0;
        bool ready = false;           // waiting
        std::uint32_t before = none;  // of all, in the order in which they were begun
        std::uint32_t after = none;   // also of the free ones
        std::uint32_t next = none;    // of the same bucket, later ones last
    };
    static constexpr std::size_t bytes_per_copy = sizeof(copy) + sizeof(std::uint32_t);

    side_copies(std::size_t page_bytes, std::uint32_t count)
        : memory_{page_bytes, count}, copies_(count), buckets_(count, none) {
        for (std::uint32_t at = 0; at < count; ++at) put_free(count - 1 - at);
    }

    [[nodiscard]] std::uint32_t count() const noexcept { return used_; }
    // Of what there is room for.
    [[nodiscard]] double taken() const noexcept {
        const std::size_t room = copies_.size() < most_ ? copies_.size() : most_;
        return room == 0 ? 0 : static_cast<double>(used_) / static_cast<double>(room);
    }
    [[nodiscard]] std::byte* bytes_of(std::uint32_t at) const noexcept { return memory_.page(at); }
    [[nodiscard]] const copy& operator[](std::uint32_t at) const noexcept { return copies_[at]; }

    // There is room for no more than so many from now on.
    void limit(std::uint32_t most) noexcept { most_ = most; }
    //   Returns     the copy, which is filling; none: there is no room
    [[nodiscard]] std::uint32_t begin(page_id page, std::uint32_t epoch) {
        const std::uint32_t at = free_;
        if (at == none || used_ >= most_) return none;
        free_ = copies_[at].after;
        copies_[at] = {page, epoch, false, last_, none, none};
        (last_ != none ? copies_[last_].after : first_) = at;
        last_ = at;
        *end_of(page) = at;
        ++used_;
        return at;
    }
    void filled(std::uint32_t at) noexcept { copies_[at].ready = true; }

    //   Returns     a copy of an epoch up to `epoch`, in any state; none: there is none
    //   Complexity  linear in those of later epochs
    [[nodiscard]] std::uint32_t until(std::uint32_t epoch) const noexcept {
        std::uint32_t at = first_;
        while (at != none && copies_[at].epoch > epoch) at = copies_[at].after;
        return at;
    }
    //   Returns     the earliest copy of this page, in any state; none: there is none
    [[nodiscard]] std::uint32_t of(page_id page) const noexcept {
        if (used_ == 0) return none;
        std::uint32_t at = buckets_[bucket_of(page)];
        while (at != none && copies_[at].page != page) at = copies_[at].next;
        return at;
    }
    //   Returns     whether it is this thread's to write now
    [[nodiscard]] bool claim(std::uint32_t at) noexcept {
        if (!copies_[at].ready) return false;
        copies_[at].ready = false;
        return true;
    }
    void not_written(std::uint32_t at) noexcept { copies_[at].ready = true; }
    void written(std::uint32_t at) noexcept {
        copy& gone = copies_[at];
        check(!gone.ready, "a side copy is given back that nobody writes");
        (gone.before != none ? copies_[gone.before].after : first_) = gone.after;
        (gone.after != none ? copies_[gone.after].before : last_) = gone.before;
        std::uint32_t* link = &buckets_[bucket_of(gone.page)];
        while (*link != at) link = &copies_[*link].next;
        *link = gone.next;
        put_free(at);
        --used_;
    }

private:
    [[nodiscard]] std::size_t bucket_of(page_id page) const noexcept {
        return ((page.value * 0x9e3779b97f4a7c15) >> 20) % buckets_.size();
    }
    [[nodiscard]] std::uint32_t* end_of(page_id page) noexcept {
        std::uint32_t* link = &buckets_[bucket_of(page)];
        while (*link != none) link = &copies_[*link].next;
        return link;
    }
    void put_free(std::uint32_t at) noexcept {
        copies_[at].after = free_;
        free_ = at;
    }

    const page_memory memory_;
    std::vector<copy> copies_;
    std::vector<std::uint32_t> buckets_;
    std::uint32_t first_ = none;
    std::uint32_t last_ = none;
    std::uint32_t free_ = none;
    std::uint32_t used_ = 0;
    std::uint32_t most_ = UINT32_MAX;
};

}  // namespace mantis::detail
