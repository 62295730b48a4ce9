// SPDX-License-Identifier: BSL-1.0
//
// A hold keeps the log from a position on: a checkpoint that is not finished, a backup, a replica
// that is behind.
//
//   auto hold = keeper.hold("replica 2", follower.position());
//   ...
//   hold->move_to(follower.position());       // what lies before it may go
//
// Invariants:
//   1. while a hold at p exists, the segment that holds p and all behind it are there
//   2. a hold is given only where nothing behind its position was given up: `given_up` grows before
//      a segment is removed, under the latch under which holds are made
//
// Threads: a hold is used by one at a time; holds of one list by any number.
#pragma once

#include "../core/ids.hpp"
#include "../core/result.hpp"
#include "../platform/guard.hpp"

#include <vector>

namespace mantis {

struct log_hold_info {
    bytes name;
    lsn from;
};

template <class Platform>
class log_hold;

// The holds on one log.
//   Threads     any number
template <class Platform>
class log_holds {
public:
    //   Errors      not_found: the log from there on is not all there any more
    [[nodiscard]] result<log_hold<Platform>> add(bytes_view name, lsn from) {
        const lock_guard<mutex> hold{mutex_};
        if (from < given_up_)
            return error{error_code::not_found, "holding the log: it begins behind that position"}
                .about(name)
                .with("lsn", from.value)
                .with("first_lsn", given_up_.value);
        entries_.push_back({{bytes{name}, from}, ++last_number_});
        return log_hold<Platform>{*this, last_number_};
    }

    //   Returns     whether nobody holds anything before `end`; then nobody will
    [[nodiscard]] bool give_up(lsn end) {
        const lock_guard<mutex> hold{mutex_};
        for (const entry& each : entries_)
            if (each.info.from < end) return false;
        if (end > given_up_) given_up_ = end;
        return true;
    }

    [[nodiscard]] std::vector<log_hold_info> list() const {
        const lock_guard<mutex> hold{mutex_};
        std::vector<log_hold_info> all;
        for (const entry& each : entries_) all.push_back(each.info);
        return all;
    }

private:
    friend class log_hold<Platform>;
    using mutex = typename Platform::mutex;
    struct entry {
        log_hold_info info;
        std::uint64_t number;
    };

    //   Requires    mutex_
    [[nodiscard]] entry& find(std::uint64_t number) {
        std::size_t at = 0;
        while (entries_[at].number != number) ++at;
        return entries_[at];
    }
    void drop(std::uint64_t number) {
        const lock_guard<mutex> hold{mutex_};
        entries_.erase(entries_.begin() + (&find(number) - entries_.data()));
    }
    void move(std::uint64_t number, lsn to) {
        const lock_guard<mutex> hold{mutex_};
        entry& mine = find(number);
        check(to >= mine.info.from, "log_hold::move_to() goes back");
        mine.info.from = to;
    }
    [[nodiscard]] lsn position(std::uint64_t number) {
        const lock_guard<mutex> hold{mutex_};
        return find(number).info.from;
    }

    mutable mutex mutex_;  // protects all below
    std::vector<entry> entries_;
    lsn given_up_;  // what ends at or before it may be gone
    std::uint64_t last_number_ = 0;
};

template <class Platform>
class [[nodiscard]] log_hold {
public:
    log_hold() noexcept = default;  // holds nothing
    log_hold(log_hold&& other) noexcept
        : in_{std::exchange(other.in_, nullptr)}, number_{other.number_} {}
    log_hold& operator=(log_hold other) noexcept {
        std::swap(in_, other.in_);
        std::swap(number_, other.number_);
        return *this;
    }
    //   Requires    the keeper that gave it still lives
    ~log_hold() { release(); }

    //   Effects     what it held may go
    void release() noexcept {
        if (in_ != nullptr) std::exchange(in_, nullptr)->drop(number_);
    }
    //   Requires    it holds something, and `to` is not before from()
    void move_to(lsn to) {
        check(in_ != nullptr, "log_hold::move_to() of what holds nothing");
        in_->move(number_, to);
    }
    [[nodiscard]] lsn from() const { return in_ != nullptr ? in_->position(number_) : lsn{}; }
    [[nodiscard]] explicit operator bool() const noexcept { return in_ != nullptr; }

private:
    friend class log_holds<Platform>;
    log_hold(log_holds<Platform>& in, std::uint64_t number) noexcept : in_{&in}, number_{number} {}

    log_holds<Platform>* in_ = nullptr;
    std::uint64_t number_ = 0;
};

}  // namespace mantis
