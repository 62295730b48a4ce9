// SPDX-License-Identifier: BSL-1.0
//
// Looks at the free space of a directory's disk, and refuses what makes the data grow before the
// disk is full: what is left then is for what shrinks them.
//
// A look is one system call. take() makes one only where space can have changed hands:
//   - as many bytes were taken as the last look allowed, look_bytes at most
//   - a file was made since (space_changed())
//   - it would refuse: the first call after space is back succeeds, nobody has to reset anything
// and failed() makes one, after a write that met a full disk.
//
// States:
//
//              free < soft_bytes             free < hard_bytes, or failed()
//    plenty ----------------------> scarce --------------------------------> refusing
//       ^                              |  ^                                      |
//       +------------------------------+  +--------------------------------------+
//              free >= soft_bytes            free >= hard_bytes, and after failed() a file was made
//
// and from each to each in one look, where the free space jumps. Every change is an event:
// space_soft_limit, space_hard_limit, space_back.
//
// Invariants:
//   1. what take() lets pass from one look to the next is at most what was free then, less
//      hard_bytes; or one call of no more than look_bytes, if hard_bytes were free
//   2. a look that fails refuses nobody: the disk itself says when it is full
//   3. what was refused by the disk though it seems to have space (a quota, a limit of the file
//      system) is refused by the disk again, not by the watch
//
// Threads: take() and failed() one at a time; space_changed() and counts() any number.
#pragma once

#include "../core/event.hpp"
#include "platform.hpp"

namespace mantis {

struct space_limits {
    std::uint64_t soft_bytes = 0;  // 0: none
    std::uint64_t hard_bytes = 0;  // 0: none
    std::uint64_t look_bytes = 16 * MiB;
};

enum class space_state : std::uint8_t { plenty, scarce, refusing };

struct space_counts {
    std::uint64_t free_bytes = 0;  // at the last look
    space_limits limits;
    space_state state = space_state::plenty;
    std::uint64_t looks = 0;
    std::uint64_t refused = 0;    // by take()
    std::uint64_t disk_full = 0;  // failed()
};

template <platform Platform>
class space_watch {
public:
    using directory = typename Platform::directory;

    //   Requires    `of` outlives it
    space_watch(directory& of, const space_limits& limits, event_sink note = {}) noexcept
        : directory_{&of}, limits_{limits}, note_{note} {}
    space_watch(const space_watch&) = delete;
    space_watch& operator=(const space_watch&) = delete;

    // Before data grow by `bytes`.
    //   Errors      no_space, with `free_bytes`, `limit` and `bytes`
    [[nodiscard]] result<void> take(std::uint64_t bytes) {
        if (changed_.load(order::relaxed) != 0) {
            changed_.store(0, order::relaxed);
            disk_refused_ = false;
            allowed_ = 0;
        }
        if (bytes <= allowed_) {
            allowed_ -= bytes;
            return success();
        }
        return look_for(bytes);
    }
    // A file was made, or given up.
    void space_changed() { changed_.store(1, order::relaxed); }
    // A write or the making of a file has met a full disk.
    void failed() {
        disk_full_.fetch_add(1, order::relaxed);
        const bool known = ask();
        disk_refused_ = !known || free_.load(order::relaxed) >= limits_.hard_bytes;
        judge();
    }
    // Does what take() does where it looks, and takes nothing.
    void look() {
        if (ask()) judge();
    }

    [[nodiscard]] space_counts counts() const {
        return {free_.load(order::relaxed),    limits_,
                state_.load(order::relaxed),   looks_.load(order::relaxed),
                refused_.load(order::relaxed), disk_full_.load(order::relaxed)};
    }
    [[nodiscard]] bytes_view path() const noexcept { return directory_->path(); }

private:
    using order = typename Platform::memory_order;
    template <class T>
    using atomic = typename Platform::template atomic<T>;

    //   Effects     a look
    //   Returns     whether the system told
    bool ask() {
        looks_.fetch_add(1, order::relaxed);
        const auto free = directory_->free_bytes();
        allowed_ = limits_.look_bytes;
        if (!free) return false;
        free_.store(*free, order::relaxed);
        if (limits_.hard_bytes != 0 && allowed_ > room_over(*free)) allowed_ = room_over(*free);
        return true;
    }
    [[nodiscard]] std::uint64_t room_over(std::uint64_t free) const noexcept {
        return free > limits_.hard_bytes ? free - limits_.hard_bytes : 0;
    }

    result<void> look_for(std::uint64_t bytes) {
        const bool known = ask();
        if (known) judge();
        const std::uint64_t free = free_.load(order::relaxed);
        const bool fits = bytes <= limits_.look_bytes || bytes <= room_over(free);
        if (!known || limits_.hard_bytes == 0 || (free >= limits_.hard_bytes && fits)) {
            allowed_ = bytes < allowed_ ? allowed_ - bytes : 0;
            return success();
        }
        refused_.fetch_add(1, order::relaxed);
        return error{error_code::no_space, "writing: what is free is kept for deletes"}
            .about(path())
            .with("free_bytes", free)
            .with("limit", limits_.hard_bytes)
            .with("bytes", bytes);
    }
    void judge() {
        const std::uint64_t free = free_.load(order::relaxed);
        enter(disk_refused_ || free < limits_.hard_bytes ? space_state::refusing
              : free < limits_.soft_bytes                ? space_state::scarce
                                                         : space_state::plenty,
              free);
    }
    void enter(space_state next, std::uint64_t free) {
        const space_state before = state_.load(order::relaxed);
        if (before == next) return;
        state_.store(next, order::relaxed);
        const bool worse = next > before;
        const event_code code = !worse                          ? event_code::space_back
                                : next == space_state::refusing ? event_code::space_hard_limit
                                                                : event_code::space_soft_limit;
        const bool hard = (worse ? next : before) == space_state::refusing;
        note_(event{code}
                  .about(path())
                  .with("free_bytes", free)
                  .with("limit", hard ? limits_.hard_bytes : limits_.soft_bytes));
    }

    directory* const directory_;
    const space_limits limits_;
    const event_sink note_;
    std::uint64_t allowed_ = 0;  // to be taken before the next look
    bool disk_refused_ = false;  // and no file was made since
    atomic<std::uint32_t> changed_{0};
    // For counts(); written by one at a time.
    atomic<std::uint64_t> free_{0};
    atomic<space_state> state_{space_state::plenty};
    atomic<std::uint64_t> looks_{0};
    atomic<std::uint64_t> refused_{0};
    atomic<std::uint64_t> disk_full_{0};
};

}  // namespace mantis
