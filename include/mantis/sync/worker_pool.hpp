// SPDX-License-Identifier: BSL-1.0
//
// A fixed number of named threads that run tasks out of one bounded queue.
//
// For work that need not be done by who finds it: flushing, compacting, sweeping. Tasks are any
// callables that can be moved; those of up to 64 bytes cost no allocation once the pool is warm.
//
//   worker_pool<posix> pool{{.name = "flush", .workers = 2, .max_queued = 100}};
//   if (auto taken = pool.submit([table] { flush(table); }, "flush a table"); !taken)
//       return taken;                                  // full: hold back; closed: it stops
//   const stop_report left = pool.stop(posix::parking::now() + seconds(5));
//   for (const running_task& leaked : left.running) log(leaked.label, leaked.since);
//
// State: open --stop--> stopping --last task ends, or deadline--> stopped; the destructor joins.
//
// Invariants:
//   1. a task that was taken is run exactly once or dropped exactly once, by whoever took it off
//      the queue under the mutex:  taken == queued + running + finished + dropped
//   2. tasks begin in the order in which they were taken
//   3. a worker sleeps only while the queue is empty, and only a submit or a stop wakes it
//   4. what a task captured is destroyed before it counts as finished, or before the stop() that
//      dropped it returns
//   5. there are at most max_queued + workers places for tasks; they are kept for the next
//
// Threads: any number may use it at once, tasks of its own included; destroyed by one that is not
// its own, when no other uses it.
#pragma once

#include "../platform/guard.hpp"
#include "../platform/platform.hpp"

#include <new>
#include <type_traits>
#include <vector>

namespace mantis {

struct worker_pool_options {
    // Threads are named "worker 1", "worker 2", ...; the first 11 characters count.
    const char* name = "worker";
    std::uint32_t workers = 2;
    // More tasks than this wait for nobody: they are refused.
    std::uint32_t max_queued = 1024;
};

// What a pool tells its times to: nothing.
struct unwatched {
    void record(std::uint64_t) const noexcept {}
};

// Such as a histogram.
//   expression     meaning
//   W{}            each pool has two
//   w.record(ns)   called by any number of threads at once
template <class W>
concept time_watch = std::default_initializable<W> && requires(W& watch, std::uint64_t ns) {
    watch.record(ns);
};

struct running_task {
    const char* label;
    thread_name worker;
    nanoseconds since;  // at Platform::parking::now()
};

// taken == finished + dropped + running.size(), since the pool was made
struct stop_report {
    std::uint64_t finished = 0;
    std::uint64_t dropped = 0;  // and never run
    std::vector<running_task> running;
};

struct worker_pool_counts {
    std::uint64_t queued = 0;
    std::uint64_t running = 0;
    std::uint64_t finished = 0;
    std::uint64_t dropped = 0;
    std::uint64_t refused = 0;  // full, or too late
};

template <class Platform, time_watch Watch = unwatched>
class worker_pool {
public:
    static constexpr std::size_t inline_bytes = 64;

    explicit worker_pool(worker_pool_options options = {})
        : options_{options}, workers_(options.workers) {
        check(options_.workers >= 1 && options_.max_queued >= 1,
              "a worker pool without workers, or without a queue");
        for (std::size_t i = 0; i < workers_.size(); ++i)
            workers_[i].runs = thread{[this, i] { work(workers_[i], i + 1); }};
    }
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;
    //   Effects     stops it, where that was not done, without dropping anything, and waits for
    //               every task that is left
    ~worker_pool() {
        (void)stop(parking::never);
        for (worker& each : workers_) each.runs.join();
        while (task* const unused = take_free()) delete unused;
    }

    // Hands over a task that one of the workers calls as body(), soon. It never waits.
    //   Requires    `label` lives as long as the pool; the move constructor of body does not use
    //               the pool
    //   Errors      out_of_memory (max_queued tasks wait), closed (it was stopped); body is then
    //               left as it was
    template <class Body>
    requires std::invocable < std::decay_t<Body>
    & > result<void> submit(Body&& body, const char* label = "task") {
        const lock_guard<mutex> hold{mutex_};
        return put(std::forward<Body>(body), label);
    }

    // The same, and where the queue is full it waits for room until `deadline`. A task of this pool
    // does not wait: all workers may be tasks that do.
    //   Errors      timed_out, closed; for a task of this pool those of submit()
    //   Units       the clock of Platform::parking
    template <class Body>
    requires std::invocable < std::decay_t<Body>
    & > result<void> submit_until(nanoseconds deadline, Body&& body, const char* label = "task") {
        const lock_guard<mutex> hold{mutex_};
        if (own_pool == this) return put(std::forward<Body>(body), label);
        while (!stopping_ && counts_.queued == options_.max_queued) {
            const nanoseconds now = parking::now();
            if (now >= deadline)
                return refuse(error_code::timed_out, "waiting for room in a queue");
            ++submitters_;
            (void)room_.wait_for(mutex_, deadline - now);
            --submitters_;
        }
        return put(std::forward<Body>(body), label);
    }

    // Takes no more tasks, runs what is queued until `deadline`, and drops what is queued then. A
    // task that runs is never interrupted; the report names it. May be called again, to wait for
    // longer or to look.
    //   Requires    not called by a task of this pool
    //   Units       the clock of Platform::parking
    stop_report stop(nanoseconds deadline) {
        check(own_pool != this, "a worker pool is stopped or destroyed by one of its own tasks");
        unique_lock<mutex> hold{mutex_};
        stopping_ = true;
        work_.notify_all();
        room_.notify_all();
        while (counts_.queued + counts_.running != 0) {
            const nanoseconds now = parking::now();
            if (now >= deadline) break;
            (void)done_.wait_for(mutex_, deadline - now);
        }
        drop_queue(hold);
        return {counts_.finished, counts_.dropped, list_running()};
    }

    [[nodiscard]] worker_pool_counts counts() const {
        const lock_guard<mutex> hold{mutex_};
        return counts_;
    }
    // What runs at this moment, and since when.
    [[nodiscard]] std::vector<running_task> running() const {
        const lock_guard<mutex> hold{mutex_};
        return list_running();
    }
    // How long tasks waited in the queue, and how long they ran: what Watch makes of it.
    [[nodiscard]] const Watch& queue_times() const noexcept { return queue_times_; }
    [[nodiscard]] const Watch& run_times() const noexcept { return run_times_; }

private:
    using parking = typename Platform::parking;
    using mutex = typename Platform::mutex;
    using condition = typename Platform::condition;
    using thread = typename Platform::thread;

    static constexpr bool watched = !std::is_same_v<Watch, unwatched>;

    // A place for a task, on the queue or on the list of free ones.
    struct task {
        task* next = nullptr;
        const char* label = nullptr;
        nanoseconds queued_at{};
        void (*run)(task&) = nullptr;
        void (*destroy)(task&) = nullptr;
        alignas(std::max_align_t) std::byte body[inline_bytes];
    };
    struct worker {
        const char* label = nullptr;  // of the task that runs; nullptr when none does
        nanoseconds since{};
        thread_name name;
        thread runs;
    };

    // How a body is kept in a place: in it, or beside it where it is too large.
    template <class Body>
    struct kept_inside {
        template <class Given>
        static void make(task& at, Given&& given) {
            ::new (static_cast<void*>(at.body)) Body(std::forward<Given>(given));
        }
        static Body& get(task& at) noexcept {
            return *std::launder(reinterpret_cast<Body*>(at.body));
        }
        static void run(task& at) { get(at)(); }
        static void destroy(task& at) { get(at).~Body(); }
    };
    template <class Body>
    struct kept_beside {
        template <class Given>
        static void make(task& at, Given&& given) {
            ::new (static_cast<void*>(at.body)) Body*(new Body(std::forward<Given>(given)));
        }
        static Body* get(task& at) noexcept {
            return *std::launder(reinterpret_cast<Body**>(at.body));
        }
        static void run(task& at) { (*get(at))(); }
        static void destroy(task& at) { delete get(at); }
    };

    // All below, where nothing else is said: the mutex is held.

    template <class Given>
    [[nodiscard]] result<void> put(Given&& given, const char* label) {
        using body = std::decay_t<Given>;
        constexpr bool small =
            sizeof(body) <= inline_bytes && alignof(body) <= alignof(std::max_align_t);
        using kept = std::conditional_t<small, kept_inside<body>, kept_beside<body>>;
        if (stopping_) return refuse(error_code::closed, "submitting a task to a stopped pool");
        if (counts_.queued == options_.max_queued)
            return refuse(error_code::out_of_memory, "submitting a task to a full queue");
        task* made = take_free();
        if (made == nullptr) made = new task;
        kept::make(*made, std::forward<Given>(given));
        made->run = kept::run;
        made->destroy = kept::destroy;
        made->label = label;
        if constexpr (watched) made->queued_at = parking::now();
        (last_ != nullptr ? last_->next : first_) = made;
        last_ = made;
        ++counts_.queued;
        if (idle_ != 0) work_.notify_one();
        return success();
    }
    [[nodiscard]] error refuse(error_code code, const char* doing) {
        ++counts_.refused;
        return error{code, doing}.about(options_.name).with("queued", counts_.queued);
    }

    //   Requires    the mutex is not held
    void work(worker& self, std::size_t number) {
        own_pool = this;
        char name[thread_name::capacity + 16];
        (void)std::snprintf(name, sizeof name, "%.11s %u", options_.name,
                            static_cast<unsigned>(number));
        parking::name_thread(name);
        unique_lock<mutex> hold{mutex_};
        self.name = parking::this_thread_name();
        while (task* const mine = next_task()) {
            begin(self, *mine);
            hold.unlock();
            run(*mine, self.since);
            hold.lock();
            end(self, mine);
        }
    }
    //   Returns     the oldest task; nullptr when it stops and none is left
    [[nodiscard]] task* next_task() {
        while (first_ == nullptr) {
            if (stopping_) return nullptr;
            ++idle_;
            work_.wait(mutex_);
            --idle_;
        }
        task* const oldest = first_;
        first_ = oldest->next;
        if (first_ == nullptr) last_ = nullptr;
        oldest->next = nullptr;
        return oldest;
    }
    void begin(worker& self, const task& mine) {
        --counts_.queued;
        ++counts_.running;
        self.label = mine.label;
        self.since = parking::now();
        if (submitters_ != 0) room_.notify_one();
    }
    //   Requires    the mutex is not held
    void run(task& mine, nanoseconds since) {
        mine.run(mine);
        if constexpr (watched) {
            queue_times_.record(static_cast<std::uint64_t>((since - mine.queued_at).count));
            run_times_.record(static_cast<std::uint64_t>((parking::now() - since).count));
        }
        mine.destroy(mine);
    }
    void end(worker& self, task* mine) {
        self.label = nullptr;
        --counts_.running;
        ++counts_.finished;
        give_back(mine);
        if (stopping_ && counts_.queued + counts_.running == 0) done_.notify_all();
    }
    //   Effects     lets go of the mutex while what the tasks captured is destroyed
    void drop_queue(unique_lock<mutex>& hold) {
        task* const dropped = std::exchange(first_, nullptr);
        last_ = nullptr;
        if (dropped == nullptr) return;
        counts_.dropped += std::exchange(counts_.queued, 0);
        hold.unlock();
        for (task* at = dropped; at != nullptr; at = at->next) at->destroy(*at);
        hold.lock();
        for (task* at = dropped; at != nullptr;) give_back(std::exchange(at, at->next));
        if (counts_.running == 0) done_.notify_all();
    }
    [[nodiscard]] std::vector<running_task> list_running() const {
        std::vector<running_task> all;
        for (const worker& each : workers_)
            if (each.label != nullptr) all.push_back({each.label, each.name, each.since});
        return all;
    }
    [[nodiscard]] task* take_free() noexcept {
        task* const taken = free_;
        if (taken != nullptr) free_ = std::exchange(taken->next, nullptr);
        return taken;
    }
    void give_back(task* unused) noexcept {
        unused->next = free_;
        free_ = unused;
    }

    // The pool whose worker this thread is.
    static inline thread_local const worker_pool* own_pool = nullptr;

    const worker_pool_options options_;
    mutable mutex mutex_;
    condition work_;  // there is a task, or it stops
    condition room_;  // the queue is not full, or it stops
    condition done_;  // it stops, and nothing is queued or runs
    task* first_ = nullptr;
    task* last_ = nullptr;
    task* free_ = nullptr;
    worker_pool_counts counts_;
    std::uint32_t idle_ = 0;        // workers that wait
    std::uint32_t submitters_ = 0;  // that wait for room
    bool stopping_ = false;
    Watch queue_times_{};
    Watch run_times_{};
    std::vector<worker> workers_;
};

}  // namespace mantis
