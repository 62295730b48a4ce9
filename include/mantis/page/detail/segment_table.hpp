// SPDX-License-Identifier: BSL-1.0
//
// The data segments of a page store: what lives in each, and its open file.
//
//   open    --seal()-->  sealed  --take_dead()-->  not in the table; its file may be removed
//
// Invariants:
//   1. live_blocks is what all states refer to, newest_blocks what the newest one does
//   2. a segment leaves the table when it is sealed, nobody writes into it, and nothing lives there
//   3. the file of a segment is let go only if all that was written to it is synced: a sync through
//      another handle might not tell that the writing failed
//
// Threads: one at a time.
#pragma once

#include "../data_segment.hpp"

#include "../../core/owned.hpp"
#include "../../platform/detail/shared.hpp"

#include <vector>

namespace mantis::detail {

template <class File>
struct segment_state {
    static constexpr std::uint32_t header_blocks = data_header_bytes / data_block_bytes;

    std::uint32_t number = 0;
    std::uint32_t blocks = 0;      // of the file
    std::uint32_t next_block = 0;  // the first that was not handed out
    std::uint32_t live_blocks = 0;
    std::uint32_t newest_blocks = 0;
    std::uint32_t longest_image = 0;  // in blocks, of those that were put there
    std::uint32_t listed_blocks = 0;  // of all in `pages`, or of those that were the newest
    std::uint32_t writing = 0;        // images that are being written
    bool sealed = true;
    bool writable = false;   // its open file is
    bool damaged = false;    // an image in it could not be moved
    bool collected = false;  // it is among those to be synced
    std::uint64_t writes = 0;
    std::uint64_t synced_writes = 0;
    shared<File> file = {};  // none: not open now
    std::vector<std::uint32_t> pages =
        {};  // whose images were put there; they may be elsewhere now

    [[nodiscard]] bool has_room(std::uint32_t wanted) const noexcept {
        return wanted <= blocks - next_block;
    }
    [[nodiscard]] std::uint32_t most_images(std::uint32_t image_blocks) const noexcept {
        return (blocks - header_blocks) / image_blocks;
    }
    // What the newest state needs would fill another segment just as well.
    [[nodiscard]] bool is_packed() const noexcept {
        return newest_blocks + longest_image > blocks - header_blocks;
    }
    void note_image(page_id page, std::uint32_t image_blocks) {
        if (image_blocks > longest_image) longest_image = image_blocks;
        if (pages.size() == pages.capacity()) {
            const std::size_t most = pages.size() + (blocks - next_block) / image_blocks + 1;
            pages.reserve(blocks > next_block && most < 2 * pages.size() ? most
                                                                         : 2 * pages.size() + 8);
        }
        pages.push_back(static_cast<std::uint32_t>(page.value));
        listed_blocks += image_blocks;
    }
    // A third of what is in the list is elsewhere now. An image that is being written is in it and
    // not yet anybody's.
    [[nodiscard]] bool lists_too_much() const noexcept {
        return sealed && writing == 0 &&
               std::uint64_t{newest_blocks} * 3 < std::uint64_t{listed_blocks} * 2;
    }
};

template <class File>
class segment_table {
public:
    using state = segment_state<File>;

    explicit segment_table(std::size_t most_open) noexcept : most_open_{most_open} {}

    //   Returns     nullptr: there is none of that number
    [[nodiscard]] state* find(std::uint32_t number) noexcept {
        const std::size_t at = position(number);
        const bool found = at < all_.size() && all_[at]->number == number;
        return found ? &*all_[at] : nullptr;
    }
    [[nodiscard]] state& of(page_place at) noexcept {
        state* const found = find(at.segment());
        check(found != nullptr, "a place in a data segment that is not there");
        return *found;
    }
    //   Requires    there is none of that number
    //   Returns     one that stays where it is in memory
    state& add(std::uint32_t number) {
        const auto at = static_cast<std::ptrdiff_t>(position(number));
        owned<state> made{new state};
        made->number = number;
        return **all_.insert(all_.begin() + at, std::move(made));
    }
    [[nodiscard]] const std::vector<owned<state>>& all() const noexcept { return all_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        std::size_t sum = all_.capacity() * sizeof(owned<state>);
        for (const auto& each : all_)
            sum += sizeof(state) + each->pages.capacity() * sizeof(std::uint32_t);
        return sum;
    }

    //   Effects     it has an open file; others may be let go for it
    void opened(state& at, shared<File> file, bool writable) {
        if (!at.file) ++open_;
        at.file = std::move(file);
        at.writable = writable;
        for (std::size_t looked = 0; open_ > most_open_ && looked < all_.size(); ++looked) {
            state& each = *all_[++hand_ % all_.size()];
            if (!each.file || &each == &at || !each.sealed) continue;
            if (each.writing != 0 || each.writes != each.synced_writes) continue;
            each.file = {};
            each.writable = false;
            --open_;
        }
    }

    void add_live(page_place at) noexcept {
        if (!at.is_none()) of(at).live_blocks += at.blocks();
    }
    void remove_live(page_place at) noexcept {
        if (at.is_none()) return;
        state& in = of(at);
        check(in.live_blocks >= at.blocks(), "more is freed in a data segment than lives there");
        in.live_blocks -= at.blocks();
    }
    void change_newest(page_place was, page_place is) noexcept {
        if (!was.is_none()) of(was).newest_blocks -= was.blocks();
        if (!is.is_none()) of(is).newest_blocks += is.blocks();
    }

    //   Effects     those without anything alive leave the table: calls dead(number, blocks) for
    //               each
    template <class Dead>
    void take_dead(Dead dead) {
        std::size_t left = 0;
        for (std::size_t at = 0; at < all_.size(); ++at) {
            const state& each = *all_[at];
            if (each.sealed && each.writing == 0 && each.live_blocks == 0) {
                if (each.file) --open_;
                dead(each.number, each.blocks);
            } else if (left++ != at) {
                all_[left - 1] = std::move(all_[at]);
            }
        }
        while (all_.size() > left) all_.pop_back();
    }

private:
    [[nodiscard]] std::size_t position(std::uint32_t number) const noexcept {
        std::size_t from = 0;
        std::size_t to = all_.size();
        while (from < to) {
            const std::size_t middle = from + (to - from) / 2;
            if (all_[middle]->number < number) from = middle + 1;
            else to = middle;
        }
        return from;
    }

    const std::size_t most_open_;
    std::vector<owned<state>> all_;  // by number
    std::size_t open_ = 0;           // that have a file
    std::size_t hand_ = 0;           // where one was let go last
};

}  // namespace mantis::detail
