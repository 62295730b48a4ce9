// SPDX-License-Identifier: BSL-1.0
//
// Who runs next: the strategies of the scheduler, each a function of the seed.
//
//   random        finds most of what is wrong soon; rarely lets one thread wait for long
//   pct           finds what needs a few events in a certain order, with a known probability: at
//                 least 1 / (threads * steps^(depth - 1)) in a run
//   round_robin   one schedule, whatever the seed: for comparison
//   scripted      the schedules of a script, one for each run: see exhaustive.hpp
//
//   Source    Burckhardt, Kothari, Musuvathi, Nagarakatte: A randomized scheduler with
//             probabilistic guarantees of finding bugs (ASPLOS 2010)
#pragma once

#include "actor.hpp"
#include "random.hpp"

#include "../detail/decimal.hpp"

#include <vector>

namespace mantis {

enum class schedule_kind : std::uint8_t { random, pct, round_robin, scripted };

class schedule_script;

// How a world schedules its threads, and what else it does to them.
struct schedule {
    schedule_kind kind = schedule_kind::random;
    // PCT: how many orderings of two events a bug may need; there is one change of priorities less.
    unsigned pct_depth = 3;
    // PCT: how many steps a run takes, roughly; 0 draws 16 to 65'536 for each world.
    std::uint64_t pct_steps = 0;
    // scripted: lives longer than the simulation.
    schedule_script* script = nullptr;

    // One wait on a condition in so many ends for no reason; 0 is none.
    std::uint64_t spurious_one_in = 0;
    // Now and then a thread is passed over for up to so many steps while others can run; 0 is
    // never.
    std::uint64_t starve_steps = 0;
    // One look at the wall clock in so many finds it set ahead or back; 0 is none.
    std::uint64_t wall_jump_one_in = 0;
    // ... by up to this much.
    nanoseconds wall_jump = seconds(24 * 3600);
};

// A schedule for this seed: random or PCT, of any depth up to 5, each disturbance in half of them.
[[nodiscard]] inline schedule drawn_schedule(std::uint64_t seed) noexcept {
    seeded_random random{seed ^ 0x5ced01e5ced01e5c};
    schedule drawn;
    if (random.one_in(2)) drawn.kind = schedule_kind::pct;
    drawn.pct_depth = 1 + static_cast<unsigned>(random.below(5));
    if (random.one_in(2)) drawn.spurious_one_in = std::uint64_t{2} << random.below(6);
    if (random.one_in(2)) drawn.starve_steps = std::uint64_t{16} << random.below(8);
    if (random.one_in(2)) drawn.wall_jump_one_in = std::uint64_t{2} << random.below(6);
    drawn.wall_jump = milliseconds(std::int64_t{1} << random.below(28));
    return drawn;
}

// The decisions of one run: where several threads could go on, which did. It walks through all
// schedules of a program, depth first: use a simulation with it, then next(), until that says no.
//
// A decision is free where the running thread cannot go on. Where it could, choosing another is a
// forced preemption, of which a schedule has at most `max_preemptions`.
//
// Invariant: option 0 of a decision that is not free is the running thread.
class schedule_script {
public:
    explicit schedule_script(unsigned max_preemptions) noexcept
        : max_preemptions_{max_preemptions}, left_{max_preemptions} {}

    //   Effects     the next simulation runs the same schedule again
    void rewind() noexcept {
        at_ = 0;
        left_ = max_preemptions_;
    }
    //   Effects     the next simulation runs the next schedule
    //   Returns     false when there is none, and begins with the first again
    [[nodiscard]] bool next() noexcept {
        rewind();
        while (!decisions_.empty() && decisions_.back().chosen + 1 == decisions_.back().options)
            decisions_.pop_back();
        if (decisions_.empty()) return false;
        ++decisions_.back().chosen;
        return true;
    }
    //   Requires    0 < options < 2^32
    //   Returns     the option to take
    [[nodiscard]] std::size_t choose(std::size_t options, bool free) {
        if (!free && left_ == 0) return 0;
        if (options == 1) return 0;
        if (at_ == decisions_.size())
            decisions_.push_back({0, static_cast<std::uint32_t>(options)});
        const decision& made = decisions_[at_++];
        check(made.options == options,
              "a schedule is repeated and the program goes another way: it draws on something "
              "outside of the simulation");
        if (!free && made.chosen != 0) --left_;
        return made.chosen;
    }
    //   Effects     appends the options that were taken: "0 2 1"
    void append_to(bytes& text) const {
        for (std::size_t i = 0; i < at_; ++i) {
            if (i != 0) text.append(" ");
            detail::append_decimal(text, decisions_[i].chosen);
        }
    }

private:
    struct decision {
        std::uint32_t chosen;
        std::uint32_t options;
    };

    std::vector<decision> decisions_;
    std::size_t at_ = 0;  // how many the run has made
    unsigned max_preemptions_;
    unsigned left_;  // preemptions that the run may still force
};

namespace detail {

// Chooses out of the threads that can run. They are given in the order in which they became ready.
//
// PCT, in steps:
//   1. a thread gets a high random priority when it is made
//   2. depth - 1 change points are drawn: points_[i] is a step, and i + 1 the priority of whoever
//      takes it, below all of 1
//   3. whoever has the highest priority runs
//   4. whoever has run for `patience` steps in a row while others could falls below everybody, for
//      it may be one that spins until another does something
class strategy {
public:
    using actors = simulated_actor* const*;

    strategy(const schedule& chosen, seeded_random& random)
        : kind_{chosen.kind}, script_{chosen.script}, random_{random} {
        check(kind_ != schedule_kind::scripted || script_ != nullptr,
              "a scripted schedule without a script");
        switch_one_in_ = std::uint64_t{1} << random_.below(5);
        if (kind_ == schedule_kind::pct) draw_change_points(chosen);
    }

    //   Effects     knows a thread that was made
    void welcome(simulated_actor& made) noexcept {
        if (kind_ == schedule_kind::pct)
            made.priority = static_cast<std::int64_t>(random_.next() >> 2) + INT32_MAX;
    }
    //   Requires    self is one of several that can run
    //   Returns     who goes on after a step of self
    [[nodiscard]] simulated_actor& after_step(actors ready, std::size_t count,
                                              simulated_actor& self) {
        switch (kind_) {
            case schedule_kind::random:
                return random_.one_in(switch_one_in_) ? *ready[random_.below(count)] : self;
            case schedule_kind::pct: return after_pct_step(ready, count, self);
            case schedule_kind::round_robin: return next_in_turn(ready, count, self.id);
            case schedule_kind::scripted: break;
        }
        std::size_t option = script_->choose(count, false);
        if (option == 0) return self;
        for (std::size_t i = 0;; ++i)
            if (ready[i] != &self && --option == 0) return *ready[i];
    }
    //   Requires    count > 0
    //   Returns     who goes on when `id` cannot
    [[nodiscard]] simulated_actor& after_wait(actors ready, std::size_t count, std::uint32_t id) {
        in_a_row_ = 0;
        if (count == 1) return *ready[0];
        switch (kind_) {
            case schedule_kind::random: return *ready[random_.below(count)];
            case schedule_kind::pct: return highest(ready, count);
            case schedule_kind::round_robin: return next_in_turn(ready, count, id);
            case schedule_kind::scripted: break;
        }
        return *ready[script_->choose(count, true)];
    }
    //   Returns     which of `count` that wait for the same is woken
    [[nodiscard]] std::size_t woken_of(std::size_t count) {
        return kind_ == schedule_kind::scripted ? script_->choose(count, true)
                                                : random_.below(count);
    }
    // What an operation asks that may fail for no reason; a script has no say in that.
    [[nodiscard]] bool fails_for_no_reason() noexcept {
        return kind_ != schedule_kind::scripted && random_.one_in(16);
    }
    // The script, where there is one.
    [[nodiscard]] const schedule_script* script() const noexcept {
        return kind_ == schedule_kind::scripted ? script_ : nullptr;
    }

private:
    static constexpr std::uint64_t patience = 1'000;

    void draw_change_points(const schedule& chosen) {
        const std::uint64_t drawn = std::uint64_t{16} << random_.below(13);
        const std::uint64_t length = chosen.pct_steps == 0 ? drawn : chosen.pct_steps;
        for (unsigned i = 1; i < chosen.pct_depth; ++i)
            points_.push_back(1 + random_.next() % length);
        seek_change_point();
    }
    void seek_change_point() noexcept {
        next_point_ = UINT64_MAX;
        for (const std::uint64_t point : points_)
            if (point > step_ && point < next_point_) next_point_ = point;
    }
    [[nodiscard]] simulated_actor& after_pct_step(actors ready, std::size_t count,
                                                  simulated_actor& self) noexcept {
        if (++step_ == next_point_) {
            for (std::size_t i = 0; i < points_.size(); ++i)
                if (points_[i] == step_) self.priority = static_cast<std::int64_t>(i) + 1;
            seek_change_point();
        }
        if (++in_a_row_ > patience) self.priority = --lowest_;
        simulated_actor& next = highest(ready, count);
        if (&next != &self) in_a_row_ = 0;
        return next;
    }
    [[nodiscard]] static simulated_actor& highest(actors ready, std::size_t count) noexcept {
        simulated_actor* found = ready[0];
        for (std::size_t i = 1; i < count; ++i)
            if (ready[i]->priority > found->priority) found = ready[i];
        return *found;
    }
    // The one with the next higher id, or the lowest.
    [[nodiscard]] static simulated_actor& next_in_turn(actors ready, std::size_t count,
                                                       std::uint32_t id) noexcept {
        simulated_actor* lowest = ready[0];
        simulated_actor* next = nullptr;
        for (std::size_t i = 0; i < count; ++i) {
            if (ready[i]->id < lowest->id) lowest = ready[i];
            if (ready[i]->id > id && (next == nullptr || ready[i]->id < next->id)) next = ready[i];
        }
        return next != nullptr ? *next : *lowest;
    }

    const schedule_kind kind_;
    schedule_script* const script_;
    seeded_random& random_;
    std::uint64_t switch_one_in_ = 1;  // drawn once: some worlds switch at every step, some rarely
    std::vector<std::uint64_t> points_;
    std::uint64_t next_point_ = UINT64_MAX;  // the first of points_ after step_
    std::uint64_t step_ = 0;                 // PCT: steps at which several threads could run
    std::uint64_t in_a_row_ = 0;             // PCT: those of them since another thread ran
    std::int64_t lowest_ = 0;                // PCT: the lowest priority so far
};

}  // namespace detail

}  // namespace mantis
