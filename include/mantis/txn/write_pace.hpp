// SPDX-License-Identifier: BSL-1.0
//
// Delays writers by what they owe (write_debt.hpp), so that they come to the pace of the threads
// that work off what was put off, and never stand still until those are done.
//
// How it works:
//   1. pass() is called by each commit before it takes anything. As long as there was no debt at
//      the last look, and the log has not grown by look_bytes since, that is all.
//   2. Else the levels are asked for, by one thread at a time, and again each look_every as long as
//      there is a debt: no timer, no thread, and nothing is asked where nobody writes.
//   3. A commit in debt moves the end of a common queue by its price, and waits for that end where
//      it is least_wait away. So the price is one of all writers together, and who brings less than
//      that does not wait.
//
// Invariants:
//   1. nobody waits for longer than the limit, whatever becomes of the debt: a commit that waits is
//      needed by nobody, and needs nobody
//   2. no latch is held while levels are asked for, nor while waiting
//
// Threads: pass() and stats() any number; begin() and stop() one, stop() beside pass().
#pragma once

#include "write_debt.hpp"

#include "../core/ids.hpp"
#include "../platform/guard.hpp"
#include "../platform/platform.hpp"

namespace mantis {

struct write_pace_stats {
    double debt = 0;            // at the last look
    write_levels levels;        // it was made of
    std::uint64_t looks = 0;    // in this opening; so the rest
    std::uint64_t delayed = 0;  // commits
    nanoseconds delay;          // of all of them
    nanoseconds longest;
};

template <platform Platform>
class write_pace {
public:
    static constexpr std::uint64_t look_bytes = 16 * KiB;
    static constexpr nanoseconds look_every = milliseconds(1);
    // Shorter ones cannot be slept: they add up.
    static constexpr nanoseconds least_wait = microseconds(250);

    //   Units       limit: of one commit; {}: nobody is ever delayed, and nothing asked
    explicit write_pace(nanoseconds limit) noexcept : limit_{limit} {}
    write_pace(const write_pace&) = delete;
    write_pace& operator=(const write_pace&) = delete;

    //   Requires    levels(context) may be called until stop(), by any thread, one at a time
    void begin(write_levels (*levels)(void*), void* context) {
        levels_ = levels;
        context_ = context;
        if (limit_.count > 0) look_at_.store(0, orders::release);
    }
    //   Effects     nobody waits, and nobody will; levels are not asked for any more
    //   Requires    no pass() is under way but those that wait
    void stop() {
        look_at_.store(never, orders::release);
        {
            const lock_guard<mutex> hold{mutex_};
            stopped_ = true;
        }
        changed_.notify_all();
    }

    // A commit of so many bytes comes, and so far the log has grown.
    //   Requires    no latch is held
    //   Complexity  a load without a debt, mostly
    void pass(lsn end, std::uint64_t bytes) {
        if (end.value < look_at_.load(orders::relaxed)) return;
        pay(end, bytes);
    }

    [[nodiscard]] write_pace_stats stats() const {
        const lock_guard<mutex> hold{mutex_};
        return stats_;
    }

private:
    using mutex = typename Platform::mutex;
    using orders = typename Platform::memory_order;

    static constexpr std::uint64_t never = ~std::uint64_t{0};
    static constexpr double whole = 1 << 24;  // a debt of 1, as an integer

    void pay(lsn end, std::uint64_t bytes) {
        const nanoseconds now = Platform::parking::now();
        const bool in_debt = debt_.load(orders::relaxed) != 0;
        if (!in_debt || now.count - looked_.load(orders::relaxed) >= look_every.count)
            look(end, now);
        const std::uint32_t debt = debt_.load(orders::relaxed);
        if (debt == 0) return;
        const nanoseconds price = delay_of(static_cast<double>(debt) / whole, bytes, limit_);
        const nanoseconds until = queue_up(now, price);
        if (until - now >= least_wait) wait(now, until);
    }

    // What another thread asks for at the same time will do.
    void look(lsn end, nanoseconds now) {
        if (looking_.exchange(true, orders::acquire)) return;
        const write_levels levels = levels_(context_);
        const double debt = debt_of(levels);
        const auto told = static_cast<std::uint32_t>(debt * whole);
        debt_.store(told, orders::relaxed);
        looked_.store(now.count, orders::relaxed);
        {
            const lock_guard<mutex> hold{mutex_};
            stats_.debt = debt;
            stats_.levels = levels;
            ++stats_.looks;
            if (!stopped_) look_at_.store(told == 0 ? end.value + look_bytes : 0, orders::relaxed);
        }
        looking_.store(false, orders::release);
    }

    //   Returns     when this commit may go on: no later than the limit from now
    [[nodiscard]] nanoseconds queue_up(nanoseconds now, nanoseconds price) {
        std::int64_t seen = queue_end_.load(orders::relaxed);
        while (true) {
            const std::int64_t from = seen > now.count ? seen : now.count;
            const std::int64_t most = now.count + limit_.count;
            const std::int64_t until = from + price.count < most ? from + price.count : most;
            if (queue_end_.compare_exchange_weak(seen, until, orders::relaxed, orders::relaxed))
                return {until};
        }
    }

    void wait(nanoseconds from, nanoseconds until) {
        unique_lock<mutex> hold{mutex_};
        nanoseconds now = from;
        for (; !stopped_ && now < until; now = Platform::parking::now())
            (void)changed_.wait_for(mutex_, until - now);
        const nanoseconds length = now - from;
        ++stats_.delayed;
        stats_.delay = stats_.delay + length;
        if (length > stats_.longest) stats_.longest = length;
    }

    const nanoseconds limit_;
    write_levels (*levels_)(void*) = nullptr;
    void* context_ = nullptr;
    // From this position of the log on levels are asked for; 0: there is a debt.
    typename Platform::template atomic<std::uint64_t> look_at_{never};
    typename Platform::template atomic<std::uint32_t> debt_{0};
    typename Platform::template atomic<std::int64_t> looked_{0};     // when
    typename Platform::template atomic<std::int64_t> queue_end_{0};  // when the last may go on
    typename Platform::template atomic<bool> looking_{false};

    mutable mutex mutex_;  // protects all below
    typename Platform::condition changed_;
    bool stopped_ = false;
    write_pace_stats stats_;
};

}  // namespace mantis
