// SPDX-License-Identifier: BSL-1.0
//
// When a checkpoint is due, and whether a database keeps its recovery objectives: arithmetic
// without a clock, a file or a thread.
//
//   due because of   when
//   log_bytes        so much log was written since the last checkpoint, and as much as its image
//                    has: so a large database is not written anew for every few commits
//   operations       so many puts and erases were committed since
//   period           it is so long ago, and something was committed since
//   replay_time      an opening would take longer: the image at its load rate and the log since at
//                    its replay rate. Not if the log is the smaller part of it, which a checkpoint
//                    would not make much shorter
//   space            the storage of tables in pages says that one would give space back, whether
//                    something was committed since or not
//
// Rates are those of the last opening if it read enough to tell, and else the defaults below.
#pragma once

#include "../core/units.hpp"

#include <cstdint>

namespace mantis {

// How much of the log that there may be without a checkpoint is there, so that writers are delayed
// (txn/write_debt.hpp): of four times what makes one due, and four segments, at whose ends it is
// looked at.
[[nodiscard]] constexpr double log_level(std::uint64_t log_bytes, std::uint64_t due_at,
                                         std::uint64_t image_bytes,
                                         std::uint64_t segment_bytes) noexcept {
    const double due = static_cast<double>(due_at > image_bytes ? due_at : image_bytes);
    return static_cast<double>(log_bytes) / (4 * due + 4 * static_cast<double>(segment_bytes));
}

enum class checkpoint_reason : std::uint8_t {
    none,
    log_bytes,
    operations,
    period,
    replay_time,
    space
};

[[nodiscard]] constexpr const char* name_of(checkpoint_reason reason) noexcept {
    switch (reason) {
        case checkpoint_reason::none: return "none";
        case checkpoint_reason::log_bytes: return "log_bytes";
        case checkpoint_reason::operations: return "operations";
        case checkpoint_reason::period: return "period";
        case checkpoint_reason::replay_time: return "replay_time";
        case checkpoint_reason::space: return "space";
    }
    return "unknown";
}

// 0: not because of it.
struct checkpoint_limits {
    std::uint64_t log_bytes = 0;
    std::uint64_t operations = 0;
    nanoseconds period;
    nanoseconds replay_time;

    // Whether time must pass, or somebody count, to see that one is due.
    [[nodiscard]] constexpr bool need_a_clock() const noexcept {
        return operations != 0 || period != nanoseconds{} || replay_time != nanoseconds{};
    }
};

// What was written since the last checkpoint.
struct checkpoint_debt {
    std::uint64_t log_bytes = 0;
    std::uint64_t operations = 0;
    nanoseconds age;
    std::uint64_t image_bytes = 0;  // of the last checkpoint
    bool space = false;             // files of pages take more than they should
};

struct recovery_rates {
    static constexpr std::uint64_t usual_replay = 50'000'000;
    static constexpr std::uint64_t usual_load = 100'000'000;
    static constexpr std::uint64_t enough_bytes = 1024 * 1024;  // to tell a rate from

    std::uint64_t replay = usual_replay;  // bytes of log a second
    std::uint64_t load = usual_load;      // bytes of an image a second

    //   Returns     bytes a second, `usual` if they are too few to tell
    [[nodiscard]] static constexpr std::uint64_t measured(std::uint64_t bytes, nanoseconds in,
                                                          std::uint64_t usual) noexcept {
        if (bytes < enough_bytes || in.count <= 0) return usual;
        const double rate = static_cast<double>(bytes) / in.seconds();
        return rate < 1.0 ? 1 : static_cast<std::uint64_t>(rate);
    }
};

//   Returns     at most about 146 years, so that two of them can be added
[[nodiscard]] constexpr nanoseconds time_for(std::uint64_t bytes,
                                             std::uint64_t per_second) noexcept {
    constexpr std::int64_t most = INT64_MAX / 2;
    const double count = static_cast<double>(bytes) / static_cast<double>(per_second) * 1e9;
    return {count < static_cast<double>(most) ? static_cast<std::int64_t>(count) : most};
}

// How far a counter is past the place noted at the last checkpoint.
//   Returns     0 if another checkpoint was made after the counter was read
[[nodiscard]] constexpr std::uint64_t grown(std::uint64_t to, std::uint64_t from) noexcept {
    return to > from ? to - from : 0;
}

//   Returns     about how long an opening would take at this moment
[[nodiscard]] constexpr nanoseconds estimated_recovery(const checkpoint_debt& debt,
                                                       const recovery_rates& rates) noexcept {
    return time_for(debt.image_bytes, rates.load) + time_for(debt.log_bytes, rates.replay);
}

[[nodiscard]] constexpr checkpoint_reason checkpoint_due(const checkpoint_limits& limits,
                                                         const checkpoint_debt& debt,
                                                         const recovery_rates& rates) noexcept {
    if (debt.space) return checkpoint_reason::space;
    if (debt.log_bytes == 0) return checkpoint_reason::none;
    if (limits.log_bytes != 0 && debt.log_bytes >= limits.log_bytes &&
        debt.log_bytes >= debt.image_bytes)
        return checkpoint_reason::log_bytes;
    if (limits.operations != 0 && debt.operations >= limits.operations)
        return checkpoint_reason::operations;
    if (limits.period != nanoseconds{} && debt.age >= limits.period)
        return checkpoint_reason::period;
    const bool long_log =
        time_for(debt.log_bytes, rates.replay) >= time_for(debt.image_bytes, rates.load);
    if (limits.replay_time != nanoseconds{} && long_log &&
        estimated_recovery(debt, rates) >= limits.replay_time)
        return checkpoint_reason::replay_time;
    return checkpoint_reason::none;
}

// Whether something stays within what is allowed, each time that it is looked at.
class objective {
public:
    //   Units       0: nothing is promised, and everything is within
    explicit constexpr objective(nanoseconds most) noexcept : most_{most} {}
    constexpr objective() noexcept = default;

    enum class change : std::uint8_t { none, missed, met };

    constexpr change look(nanoseconds now) noexcept {
        if (most_ == nanoseconds{}) return change::none;
        const bool within = now <= most_;
        ++looks_;
        if (within) ++within_;
        if (now > worst_) worst_ = now;
        const bool changed = within == missed_;
        missed_ = !within;
        if (!changed) return change::none;
        if (!within) ++misses_;
        return within ? change::met : change::missed;
    }

    [[nodiscard]] constexpr nanoseconds most() const noexcept { return most_; }
    [[nodiscard]] constexpr nanoseconds worst() const noexcept { return worst_; }
    [[nodiscard]] constexpr bool missed() const noexcept { return missed_; }
    // How often it began to be missed.
    [[nodiscard]] constexpr std::uint64_t misses() const noexcept { return misses_; }
    [[nodiscard]] constexpr std::uint64_t looks() const noexcept { return looks_; }
    // At how many of them it was within.
    [[nodiscard]] constexpr std::uint64_t kept() const noexcept { return within_; }
    // The share of the looks at which it was within; 1 before the first.
    [[nodiscard]] constexpr double compliance() const noexcept {
        return looks_ == 0 ? 1.0 : static_cast<double>(within_) / static_cast<double>(looks_);
    }

private:
    nanoseconds most_;
    nanoseconds worst_;
    std::uint64_t looks_ = 0;
    std::uint64_t within_ = 0;
    std::uint64_t misses_ = 0;
    bool missed_ = false;
};

}  // namespace mantis
