// SPDX-License-Identifier: BSL-1.0
//
// What a store does when nothing has been committed for a while: it gives back the space that it
// keeps for what might come.
//
//   1. where many pages have gone, those that are left are packed, a few at a time, and then moved
//      together on the disk
//   2. the log goes on in a small segment, with a commit of nothing in it
//   3. a checkpoint: all of the log before that goes, and nothing is dirty
//   4. the reserve of the pages becomes small
//
// A commit ends it, by its admission: the reserve is as before when that is over, and the log
// prepares its next segment when half of the small one is filled. So that who commits now and then
// does not pay for it each time, the pause before the next rest is twice as long where the last one
// was short and little was committed since.
//
// Threads: one looks; the store's log, engine and storage say who may be beside it.
#pragma once

#include "../options.hpp"

#include "../../core/ids.hpp"

namespace mantis::detail {

// Host, what it works for:
//   expression               returns      meaning
//   h.now()                  nanoseconds
//   h.end()                  lsn          one past the last commit
//   h.rests()                bool         nothing was changed since storage_rests() has succeeded
//   h.pack()                 bool         some of step 1; whether there is more
//   h.log_rests()            bool         step 2 and 3; false: something failed
//   h.storage_rests()        bool         step 4; false: something was changed meanwhile
template <class Host>
class idle_rest {
public:
    //   Requires    `host` outlives it
    explicit idle_rest(Host& host) noexcept : host_{&host} {}

    //   Returns     whether to look again in a second; false: when something is changed
    [[nodiscard]] bool look() {
        const lsn end = host_->end();
        const nanoseconds now = host_->now();
        if (end != end_ || (done_ && !host_->rests())) {
            if (done_) pause_ = next_pause(now - since_);
            done_ = false;
            end_ = end;
            since_ = now;
            return true;
        }
        if (done_) return false;
        const bool much = end_.value - rested_end_.value >= much_bytes;
        if (now - since_ < (much ? least_pause : pause_)) return true;
        while (host_->pack())
            if (host_->end() != end_) return true;
        const bool log_rests = host_->log_rests();
        end_ = host_->end();
        since_ = host_->now();
        rested_end_ = end_;
        done_ = !log_rests || host_->storage_rests();
        return !done_;
    }

private:
    static constexpr nanoseconds least_pause = seconds(2);
    static constexpr nanoseconds most_pause = seconds(48);
    static constexpr nanoseconds long_rest = seconds(60);
    static constexpr std::uint64_t much_bytes = 8 * MiB;  // of log: a rest costs little beside it

    [[nodiscard]] nanoseconds next_pause(nanoseconds rested) const noexcept {
        if (rested > long_rest) return least_pause;
        const nanoseconds twice{2 * pause_.count};
        return twice < most_pause ? twice : most_pause;
    }

    Host* const host_;
    nanoseconds pause_ = least_pause;
    lsn end_;            // at the last look
    lsn rested_end_;     // at the last rest
    nanoseconds since_;  // it has been there, or all has been at rest
    bool done_ = false;  // nothing is left to be given back
};

}  // namespace mantis::detail
