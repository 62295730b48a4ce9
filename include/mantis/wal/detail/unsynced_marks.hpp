// SPDX-License-Identifier: BSL-1.0
//
// Since when commits wait to become durable, in a bounded number of marks.
//
// A mark stands for a run of commits: how far they reach, when the first of them was answered, and
// the first of those that are due: that have to be durable within the window. A run is as long as a
// part of the oldest age, and where there would be too many, neighbours become one. So an age that
// is asked for may be told too long, by a part of the oldest, and never too short.
//
// Invariants:
//   1. marks are in the order of the log, and of time
//   2. every commit that was added and is not settled lies in a mark that is no younger than it
//   3. the same of the commits that are due, and the time that their mark is due since
//
// Threads: one at a time.
#pragma once

#include "../../core/ids.hpp"
#include "../../core/units.hpp"

namespace mantis::detail {

struct unsynced_mark {
    static constexpr nanoseconds never{INT64_MAX};

    lsn last;         // one past the end of the last commit
    nanoseconds at;   // when the first was answered,
    nanoseconds due;  // and the first that is due; or never

    void join(const unsynced_mark& younger) noexcept {
        if (younger.last > last) last = younger.last;
        if (younger.due < due) due = younger.due;
    }
};

class unsynced_marks {
public:
    static constexpr std::size_t most = 32;

    //   Requires    `now` never goes back
    //   Effects     a commit that comes sooner than `step` after the last mark, or a sixteenth of
    //               the oldest age, is counted to it
    void add(lsn position, nanoseconds now, bool due, nanoseconds step) noexcept {
        const unsynced_mark added{position, now, due ? now : unsynced_mark::never};
        if (count_ != 0 && position <= marks_[count_ - 1].last) {
            // Later ones were faster; it may belong to any mark, and each is older than it.
            std::size_t at = 0;
            while (marks_[at].last < position) ++at;
            return marks_[at].join(added);
        }
        if (count_ != 0 && !sealed_) {
            const nanoseconds part{(now - marks_[0].at).count / 16};
            if (now - marks_[count_ - 1].at < (step < part ? part : step))
                return marks_[count_ - 1].join(added);
        }
        sealed_ = false;
        if (count_ == most) halve();
        marks_[count_++] = added;
    }

    // What is added from now on gets a mark of its own: a sync that begins does not cover it.
    void seal() noexcept { sealed_ = true; }

    // Forgets what is durable.
    //   Returns     when the oldest due one of them was answered; `now` if there was none
    nanoseconds settle(lsn durable, nanoseconds now) noexcept {
        nanoseconds oldest = now;
        std::size_t settled = 0;
        for (; settled < count_ && marks_[settled].last <= durable; ++settled)
            if (marks_[settled].due < oldest) oldest = marks_[settled].due;
        if (settled == 0) return oldest;  // as for most commits
        for (std::size_t at = settled; at < count_; ++at) marks_[at - settled] = marks_[at];
        count_ -= settled;
        return oldest;
    }

    //   Returns     the oldest one that reaches beyond `durable`, or nullptr
    [[nodiscard]] const unsynced_mark* first(lsn durable) const noexcept {
        for (std::size_t at = 0; at < count_; ++at)
            if (marks_[at].last > durable) return &marks_[at];
        return nullptr;
    }
    //   Returns     since when one is due; `never` if none is
    [[nodiscard]] nanoseconds due() const noexcept {
        nanoseconds oldest = unsynced_mark::never;
        for (std::size_t at = 0; at < count_; ++at)
            if (marks_[at].due < oldest) oldest = marks_[at].due;
        return oldest;
    }
    //   Returns     how far the commits reach; 0 where none waits
    [[nodiscard]] lsn end() const noexcept { return count_ == 0 ? lsn{} : marks_[count_ - 1].last; }

private:
    void halve() noexcept {
        static_assert(most % 2 == 0);
        for (std::size_t at = 0; at < most / 2; ++at) {
            marks_[at] = marks_[2 * at];
            marks_[at].join(marks_[2 * at + 1]);
        }
        count_ = most / 2;
    }

    unsynced_mark marks_[most] = {};
    std::size_t count_ = 0;
    bool sealed_ = false;
};

}  // namespace mantis::detail
