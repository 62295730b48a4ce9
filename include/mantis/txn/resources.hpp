// SPDX-License-Identifier: BSL-1.0
//
// What commits take of the memory and of the disk, and who is told when it runs short.
//
//   1. make_room   before the commit mutex: caches may give memory back. pace likewise: whoever
//                  writes may be delayed (write_pace.hpp)
//   2. admit       refuses what would pass a limit
//   3. applied     what it took really, or failed: nothing was taken
//
// A commit that only takes away (erases, drops) has a growth of nothing: it is never refused, and
// no limit is looked at for it.
//
// Threads: make_room and pace any number, the others with the commit mutex.
#pragma once

#include "../platform/event_queue.hpp"
#include "../platform/memory_budget.hpp"
#include "../platform/space_watch.hpp"
#include "write_pace.hpp"

namespace mantis {

struct commit_growth {
    std::size_t memory_bytes = 0;  // a guess: keys and values
    std::uint64_t log_bytes = 0;
};

template <platform Platform>
class commit_resources {
public:
    // nullptr: nobody limits it, nobody is told.
    //   Requires    all of them outlive it
    explicit commit_resources(memory_budget<Platform>* memory = nullptr,
                              space_watch<Platform>* space = nullptr,
                              event_queue<Platform>* events = nullptr,
                              write_pace<Platform>* pace = nullptr) noexcept
        : memory_{memory}, space_{space}, events_{events}, pace_{pace} {}

    //   Requires    no latch is held, nor taken before what it returns
    //   Effects     what is noted until its end is told then
    [[nodiscard]] event_delivery<Platform> tell_at_end() const noexcept {
        return event_delivery<Platform>{events_};
    }
    //   Effects     told at that end
    void note(const event& what) const {
        if (events_ != nullptr) events_->note(what);
    }
    // Tables are asked for their memory only where somebody wants to know.
    [[nodiscard]] bool counts_memory() const noexcept { return memory_ != nullptr; }

    //   Requires    no latch is held
    void make_room(const commit_growth& growth) {
        if (memory_ != nullptr && growth.memory_bytes != 0) memory_->make_room(growth.memory_bytes);
    }
    //   Requires    no latch is held
    void pace(lsn end, std::uint64_t bytes) {
        if (pace_ != nullptr) pace_->pass(end, bytes);
    }
    //   Effects     the growth is reserved, until applied() or failed()
    //   Errors      out_of_memory, no_space: nothing was reserved
    [[nodiscard]] result<void> admit(const commit_growth& growth) {
        if (space_ != nullptr && growth.log_bytes != 0)
            if (auto free = space_->take(growth.log_bytes); !free) return free;
        if (memory_ != nullptr && growth.memory_bytes != 0)
            return memory_->reserve(growth.memory_bytes);
        return success();
    }
    // Memory is now taken by `grown` more, or less where that is negative.
    void applied(const commit_growth& growth, std::ptrdiff_t grown) {
        if (memory_ == nullptr) return;
        // In one step, so that nothing is counted twice for a moment.
        const std::ptrdiff_t more = grown - static_cast<std::ptrdiff_t>(growth.memory_bytes);
        if (more > 0) memory_->take(static_cast<std::size_t>(more));
        if (more < 0) memory_->release(static_cast<std::size_t>(-more));
    }
    void failed(const commit_growth& growth, const error& why) {
        applied(growth, 0);
        if (space_ != nullptr && why.code() == error_code::no_space) space_->failed();
    }

private:
    memory_budget<Platform>* memory_;
    space_watch<Platform>* space_;
    event_queue<Platform>* events_;
    write_pace<Platform>* pace_;
};

}  // namespace mantis
