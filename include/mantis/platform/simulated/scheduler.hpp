// SPDX-License-Identifier: BSL-1.0
//
// Decides which simulated thread runs, and what time it is.
//
// Simulated threads are real ones that pass a baton: all but one wait for their turn. At every step
// (a lock, a wait, an atomic access, an I/O, ...) the one that runs may be made to hand the baton
// on; the seed says when and to whom. So a run is a function of its seed, as long as the body draws
// on nothing from outside the simulation.
//
// Time is virtual: a step takes a few nanoseconds, an I/O what the world says, and when every
// thread sleeps or waits the clock jumps to the next alarm. When there is none either, nobody can
// ever run again: the program stops and says who waits for what.
//
//   ready    --chosen--> running --step--> ready         pass_baton
//   running  --block-->  waiting --wake--> ready         block; wake_all, wake_one, ring_alarms
//   running  --end-->    finished                        finish; leave for the first thread
//
// Invariants:
//   1. whoever reads or writes the scheduler holds the baton, or nobody runs (between two runs)
//   2. a thread is in exactly one of ready_ (the running one included), waiting_, or finished
//   3. next_alarm_ is the earliest alarm of waiting_, or `never`
//
// The first thread of a run is the caller of run(). When it returns, the others are left where they
// are, until the next run.
#pragma once

#include "events.hpp"
#include "strategy.hpp"

namespace mantis {

namespace detail {

// The simulated thread that this real thread is; nullptr outside of a run.
inline thread_local simulated_actor* running_actor = nullptr;
// The newest world that this real thread made, of those that live: where what is done outside of a
// run takes place.
inline thread_local scheduler* newest_scheduler = nullptr;

class scheduler {
public:
    static constexpr std::int64_t never = INT64_MAX;

    scheduler(std::uint64_t seed, std::uint64_t max_steps, const schedule& scheduling = {})
        : seed_{seed},
          max_steps_{max_steps},
          scheduling_{scheduling},
          random_{seed},
          luck_{seed ^ 0x1badb002},
          step_ns_{random_.between(20, 200)},
          strategy_{scheduling, random_},
          older_{std::exchange(newest_scheduler, this)} {}
    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;
    ~scheduler() {
        retire();
        for (const common_object& object : common_) object.destroy(object.at);
        for (const simulated_actor* const actor : actors_) delete actor;
    }

    // From now on this is not where things outside of a run take place.
    //   Threads     the one that made it
    void retire() noexcept {
        for (scheduler** at = &newest_scheduler; *at != nullptr; at = &(*at)->older_)
            if (*at == this) {
                *at = older_;
                return;
            }
    }

    // Runs body() as a simulated thread.
    template <class Body>
    void run(Body&& body) {
        struct entrance {
            explicit entrance(scheduler& of) : home{of} { home.enter(); }
            ~entrance() { home.leave(); }
            scheduler& home;
        };
        const entrance inside{*this};
        body();
    }

    // A moment at which another thread may go on.
    void step(step_kind kind) {
        simulated_actor& self = *running_actor;
        self.last = kind;
        self.stepped = true;
        record(kind, 0);
        advance(step_ns_);
        if (ready_.size() > 1) pass_baton(self, next_after_step(self));
    }
    // Waits until somebody wakes `key` or the clock reaches `alarm`.
    //   Returns     false when it was the alarm
    bool block(step_kind cause, const void* key, std::int64_t alarm, const simulated_actor* other) {
        simulated_actor& self = *running_actor;
        events_.add(clock_, self.id, cause, true);
        trace(self.id, cause, 1);
        self.cause = cause;
        self.key = key;
        self.other = other;
        self.alarm = alarm;
        self.rang = false;
        remove(ready_, self);
        waiting_.push_back(&self);
        if (alarm < next_alarm_) next_alarm_ = alarm;
        pass_baton(self, next_to_run(self.id));
        return !self.rang;
    }
    void wake_all(const void* key) {
        for (std::size_t i = 0; i < waiting_.size();)
            if (waiting_[i]->key == key) wake(*waiting_[i], false);
            else ++i;
    }
    // Wakes one of those that wait for `key`; the seed says which.
    void wake_one(const void* key) {
        std::size_t count = 0;
        for (const simulated_actor* const actor : waiting_) count += actor->key == key ? 1 : 0;
        if (count == 0) return;
        std::size_t chosen = strategy_.woken_of(count);
        for (simulated_actor* const actor : waiting_)
            if (actor->key == key && chosen-- == 0) return wake(*actor, false);
    }

    // The one T of this world, made when it is first asked for.
    template <class T>
    [[nodiscard]] T& common() {
        static char kind;  // its address stands for T
        for (const common_object& object : common_)
            if (object.kind == &kind) return *static_cast<T*>(object.at);
        T* const made = new T();
        common_.push_back({&kind, made, [](void* at) { delete static_cast<T*>(at); }});
        return *made;
    }

    // What an operation asks that may fail for no reason.
    [[nodiscard]] bool fails_for_no_reason() noexcept { return strategy_.fails_for_no_reason(); }
    //   Returns     when a wait on a condition that begins now ends if nobody wakes it: at `alarm`,
    //               or for no reason before it
    [[nodiscard]] std::int64_t end_of_wait(std::int64_t alarm) noexcept {
        if (scheduling_.spurious_one_in == 0 || !luck_.one_in(scheduling_.spurious_one_in))
            return alarm;
        const std::int64_t soon = clock_ + luck_.between(0, 20'000);
        return soon < alarm ? soon : alarm;
    }
    // How far the wall clock was set ahead since the world began; below zero is back.
    [[nodiscard]] nanoseconds wall_offset() {
        if (scheduling_.wall_jump_one_in != 0 && luck_.one_in(scheduling_.wall_jump_one_in)) {
            wall_offset_ += scheduling_.wall_jump.count / 1024 * luck_.between(-1024, 1024);
            record(step_kind::random, static_cast<std::uint64_t>(wall_offset_));
        }
        return {wall_offset_};
    }

    // A thread that will run once it is chosen; its real thread begins with attend() and ends with
    // finish().
    [[nodiscard]] simulated_actor& add_actor() {
        auto* const actor = new simulated_actor{*this, static_cast<std::uint32_t>(actors_.size())};
        strategy_.welcome(*actor);
        actors_.push_back(actor);
        ready_.push_back(actor);
        return *actor;
    }
    static void attend(simulated_actor& self) {
        running_actor = &self;
        self.turn.wait();
    }
    void finish() {
        simulated_actor& self = *running_actor;
        record(step_kind::finish, 0);
        self.finished = true;
        remove(ready_, self);
        wake_all(&self);
        running_actor = nullptr;
        next_to_run(self.id).turn.post();  // the last thing: whoever runs now may end the world
    }

    [[nodiscard]] nanoseconds now() const noexcept { return {clock_}; }
    // Time goes by for everybody; whose alarm it passes is ready again.
    void advance(std::int64_t length) {
        clock_ += length;
        if (clock_ >= next_alarm_) ring_alarms();
    }
    // `what` becomes part of the trace.
    void record(step_kind kind, std::uint64_t what) {
        const std::uint32_t who = running_id();
        events_.add(clock_, who, kind, false);
        trace(who, kind, what);
    }
    // The same, and recent_events() tells the note.
    void record(step_kind kind, std::uint64_t what, const io_note& note) {
        const std::uint32_t who = running_id();
        events_.add(clock_, who, kind, note);
        trace(who, kind, what);
    }
    [[nodiscard]] std::uint64_t trace_hash() const noexcept { return trace_; }
    [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
    [[nodiscard]] std::uint64_t switches() const noexcept { return switches_; }
    [[nodiscard]] bool deserted() const noexcept { return ready_.empty() && waiting_.empty(); }

    [[noreturn]] void stop_with(const char* what) const {
        bytes text = report(what);
        text.append("; the last events:\n");
        text.append(recent_events());
        stop(text.chars(), text.size());
    }
    // What every thread does, in sentences: "simulation of seed 7: <what> 12 steps and 3400 ns;
    // thread 0 ..."
    [[nodiscard]] bytes report(const char* what) const {
        bytes text{bytes_view{"simulation of seed "}};
        append_decimal(text, seed_);
        text.append(": ");
        text.append(what);
        text.append(" ");
        append_decimal(text, steps_);
        text.append(" steps and ");
        append_decimal(text, static_cast<std::uint64_t>(clock_));
        text.append(" ns");
        for (const simulated_actor* const actor : actors_)
            if (!actor->finished) describe(text, *actor);
        if (strategy_.script() == nullptr) return text;
        text.append("; its schedule is ");
        strategy_.script()->append_to(text);
        return text;
    }
    // A line for each of the last events, the oldest first: "3400 ns, thread 1 (writer): locks a
    // mutex".
    [[nodiscard]] bytes recent_events() const {
        bytes text;
        events_.each([&](const recent_event& event) {
            append_decimal(text, static_cast<std::uint64_t>(event.time));
            text.append(" ns, ");
            if (event.who == recent_event::nobody) text.append("outside of a run");
            else name(text, *actors_[event.who]);
            text.append(": ");
            event.append_to(text);
            text.append("\n");
        });
        return text;
    }

private:
    struct common_object {
        const char* kind;
        void* at;
        void (*destroy)(void*);
    };

    void enter() {
        check(running_actor == nullptr, "simulation::run() inside of a simulated thread");
        check(!entered_, "simulation::run() while another real thread is inside");
        entered_ = true;
        running_actor = &add_actor();
    }
    void leave() {
        running_actor->finished = true;
        remove(ready_, *running_actor);
        running_actor = nullptr;
        entered_ = false;
    }

    [[nodiscard]] static std::uint32_t running_id() noexcept {
        return running_actor != nullptr ? running_actor->id : recent_event::nobody;
    }
    void trace(std::uint64_t who, step_kind kind, std::uint64_t what) {
        trace_ = (trace_ ^ (who << 8) ^ static_cast<std::uint64_t>(kind) ^ (what << 32)) *
                 0x9fb21c651e98df25;
        trace_ =
            (trace_ ^ (trace_ >> 29) ^ static_cast<std::uint64_t>(clock_)) * 0xd6e8feb86659fd93;
        trace_ ^= trace_ >> 32;
        if (++steps_ > max_steps_ && running_actor != nullptr) stop_with("no end after");
    }

    void pass_baton(simulated_actor& self, simulated_actor& next) {
        if (&next == &self) return;
        ++switches_;
        next.turn.post();
        self.turn.wait();
    }
    //   Requires    self and at least one other can run
    [[nodiscard]] simulated_actor& next_after_step(simulated_actor& self) {
        const std::size_t count = candidates();
        if (count < ready_.size() && ready_.back() == &self)
            return strategy_.after_wait(ready_.data(), count, self.id);
        return strategy_.after_step(ready_.data(), count, self);
    }
    //   Returns     who goes on when thread `id` cannot
    [[nodiscard]] simulated_actor& next_to_run(std::uint32_t id) {
        while (ready_.empty()) {
            if (next_alarm_ == never) stop_with("dead-lock after");
            advance(next_alarm_ > clock_ ? next_alarm_ - clock_ : 0);
        }
        return strategy_.after_wait(ready_.data(), candidates(), id);
    }
    //   Effects     a thread that is passed over is the last of ready_, where others can run
    //   Returns     how many of ready_ may be chosen
    [[nodiscard]] std::size_t candidates() {
        const std::size_t count = ready_.size();
        if (scheduling_.starve_steps == 0 || count == 1) return count;
        if (steps_ >= starved_until_) {  // a stretch with such a thread, a longer one without
            starved_ = starved_ == nullptr ? ready_[luck_.below(count)] : nullptr;
            starved_until_ = steps_ + 1 + luck_.next() % scheduling_.starve_steps;
            if (starved_ == nullptr) starved_until_ += scheduling_.starve_steps;
        }
        for (std::size_t i = 0; i < count; ++i)
            if (ready_[i] == starved_) {
                ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(i));
                ready_.push_back(starved_);
                return count - 1;
            }
        return count;
    }
    void ring_alarms() {
        next_alarm_ = never;
        for (std::size_t i = 0; i < waiting_.size();) {
            if (waiting_[i]->alarm <= clock_) {
                wake(*waiting_[i], true);
                continue;
            }
            if (waiting_[i]->alarm < next_alarm_) next_alarm_ = waiting_[i]->alarm;
            ++i;
        }
    }
    void wake(simulated_actor& actor, bool rang) {
        remove(waiting_, actor);
        actor.key = nullptr;
        actor.rang = rang;
        ready_.push_back(&actor);
        if (!rang && actor.alarm != never && actor.alarm == next_alarm_) refresh_alarm();
    }
    void refresh_alarm() {
        next_alarm_ = never;
        for (const simulated_actor* const actor : waiting_)
            if (actor->alarm < next_alarm_) next_alarm_ = actor->alarm;
    }
    // Keeps the order of the others: what follows must not depend on where a vector puts things.
    static void remove(std::vector<simulated_actor*>& from, const simulated_actor& actor) {
        for (std::size_t i = 0; i < from.size(); ++i)
            if (from[i] == &actor) {
                from.erase(from.begin() + static_cast<std::ptrdiff_t>(i));
                return;
            }
    }

    static void name(bytes& text, const simulated_actor& actor) {
        text.append("thread ");
        append_decimal(text, actor.id);
        if (actor.label[0] == 0) return;
        text.append(" (");
        text.append(actor.label);
        text.append(")");
    }
    void describe(bytes& text, const simulated_actor& actor) const {
        text.append("; ");
        name(text, actor);
        text.append(" ");
        text.append(waits(actor) ? words_for_wait(actor.cause) : "can run");
        if (waits(actor) && actor.other != nullptr) {
            text.append(actor.cause == step_kind::join ? ", " : ", held by ");
            name(text, *actor.other);
        }
        if (!actor.stepped) return;
        text.append(", last step: ");
        text.append(words_for(actor.last));
    }
    [[nodiscard]] bool waits(const simulated_actor& actor) const noexcept {
        for (const simulated_actor* const other : waiting_)
            if (other == &actor) return true;
        return false;
    }

    const std::uint64_t seed_;
    const std::uint64_t max_steps_;
    const schedule scheduling_;
    seeded_random random_;
    seeded_random luck_;          // for disturbances
    const std::int64_t step_ns_;  // drawn once for a world
    strategy strategy_;
    std::vector<simulated_actor*> actors_;
    std::vector<simulated_actor*> ready_;
    std::vector<simulated_actor*> waiting_;
    std::int64_t clock_ = 0;
    std::int64_t next_alarm_ = never;
    std::uint64_t trace_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t switches_ = 0;
    event_ring events_;
    std::vector<common_object> common_;
    simulated_actor* starved_ = nullptr;  // is passed over
    std::uint64_t starved_until_ = 0;     // or nobody is, until this step
    std::int64_t wall_offset_ = 0;
    bool entered_ = false;
    scheduler* older_;  // the next newest world of the real thread that made this one
};

// Where this thread's locks wake and its clocks tick; nullptr outside of every simulation.
[[nodiscard]] inline scheduler* current_scheduler() noexcept {
    return running_actor != nullptr ? &running_actor->home : newest_scheduler;
}
inline void wake_all(const void* key) {
    if (scheduler* const home = current_scheduler(); home != nullptr) home->wake_all(key);
}
inline void wake_one(const void* key) {
    if (scheduler* const home = current_scheduler(); home != nullptr) home->wake_one(key);
}

// A step of the thread that runs; nothing outside of a run.
inline void simulated_step(step_kind kind) {
    if (running_actor != nullptr) running_actor->home.step(kind);
}

// Runs body() as a simulated thread: this one, or outside of a run one made for it in `home`, so
// that the threads that were left there can go on and end a wait.
template <class Body>
void as_simulated_thread_of(scheduler& home, Body&& body) {
    if (running_actor != nullptr) body();
    else home.run(body);
}
template <class Body>
void as_simulated_thread(Body&& body) {
    scheduler* const home = current_scheduler();
    check(home != nullptr, "a wait outside of every simulation, where nobody could end it");
    as_simulated_thread_of(*home, body);
}

// The actor of a thread that begins in this world.
[[nodiscard]] inline simulated_actor& new_actor() {
    scheduler* const home = current_scheduler();
    check(home != nullptr, "a simulated thread is made outside of every simulation");
    return home->add_actor();
}

}  // namespace detail

}  // namespace mantis
