// SPDX-License-Identifier: BSL-1.0
//
// Keeps calls away from something that fails again and again: whoever asks is refused at once
// instead of waiting for one more failure, and one call at a time finds out whether it works again.
//
//   const breaker_pass pass = breaker.admit();
//   if (pass == breaker_pass::refused) return breaker.refusal(path);
//   auto done = call();
//   if (done) breaker.succeeded(pass);
//   else breaker.failed(pass);
//
// States:
//
//              failed(), the last of `failures` in a row
//      closed --------------------------------------------> open <-----------------+
//        ^                                                    |                     |
//        |                                  admit(), after    |                     | failed(probe)
//        |                                  the pause is over |                     | the pause
//        |                                                    v                     | doubles
//        +----------------------------------------------- half_open ---------------+
//              succeeded(probe): the next pause is the first again
//
//   closed      admits every call
//   open        refuses every call until its pause is over
//   half_open   has let one call through, the probe, and refuses every other
//
// Invariants:
//   1. half_open <=> there is one probe that has not said how it ended
//   2. closed    <=> no pause has begun since the last success of a probe
//   3. quiet_ is 1 only where the state is closed and no call has failed since the last success
//   4. a call that was admitted while closed and ends when the breaker is not changes nothing
//   5. each trip from closed to open, and each closing, is noted as an event, in their order
//
// Threads: any number. While all goes well a call costs two loads of one word; the latch is for
// those that meet a failure.
#pragma once

#include "../core/event.hpp"
#include "guard.hpp"
#include "platform.hpp"

namespace mantis {

struct breaker_options {
    // So many failures in a row open it. Fewer: a short fault refuses more calls than it struck;
    // more: a dead disk is asked longer. 0: it never opens.
    std::uint32_t failures = 16;
    // How long it is open at first, and how long at most after probes that failed.
    nanoseconds pause = milliseconds(100);
    nanoseconds longest_pause = seconds(10);
};

enum class breaker_state : std::uint8_t { closed, open, half_open };

[[nodiscard]] constexpr const char* name_of(breaker_state state) noexcept {
    constexpr const char* names[] = {"closed", "open", "half_open"};
    return names[static_cast<std::size_t>(state)];
}

// What the breaker said to a call; the call gives it back when it has ended.
enum class [[nodiscard]] breaker_pass : std::uint8_t{refused, call, probe};

struct breaker_counts {
    breaker_state state = breaker_state::closed;
    std::uint64_t failures = 0;  // of calls and probes
    std::uint64_t trips = 0;     // from closed to open
    std::uint64_t refused = 0;   // calls
    std::uint64_t probes = 0;    // let through
};

template <class Platform>
class circuit_breaker {
public:
    // `events` is told of breaker_opened and breaker_closed about `path`, under the latch.
    explicit circuit_breaker(const breaker_options& options = {}, event_sink events = {},
                             bytes_view path = {})
        : options_{options}, events_{events}, path_{path} {}
    circuit_breaker(const circuit_breaker&) = delete;
    circuit_breaker& operator=(const circuit_breaker&) = delete;

    //   Effects     unless it is refused, the caller calls succeeded() or failed() once
    breaker_pass admit() {
        if (quiet_.load(order::relaxed) != 0) return breaker_pass::call;
        const lock_guard hold{latch_};
        if (counts_.state == breaker_state::closed) return breaker_pass::call;
        if (counts_.state == breaker_state::open && clock::now() >= ends_) {
            counts_.state = breaker_state::half_open;
            ++counts_.probes;
            return breaker_pass::probe;
        }
        ++counts_.refused;
        return breaker_pass::refused;
    }

    //   Requires    `pass` came from admit() and is not refused
    void succeeded(breaker_pass pass) {
        check(pass != breaker_pass::refused, "circuit_breaker: a refused call ended");
        if (quiet_.load(order::relaxed) != 0) return;
        const lock_guard hold{latch_};
        if (pass == breaker_pass::probe) close();
        if (counts_.state != breaker_state::closed) return;
        in_a_row_ = 0;
        quiet_.store(1, order::relaxed);
    }
    //   Requires    as succeeded()
    void failed(breaker_pass pass) {
        check(pass != breaker_pass::refused, "circuit_breaker: a refused call ended");
        const lock_guard hold{latch_};
        ++counts_.failures;
        if (pass == breaker_pass::probe) return open_again();
        if (counts_.state != breaker_state::closed || options_.failures == 0) return;
        quiet_.store(0, order::relaxed);
        if (++in_a_row_ >= options_.failures) open();
    }

    // What a refused call answers: io about `what`, since when the breaker is open and in how long
    // it lets a call try.
    [[nodiscard]] error refusal(bytes_view what) {
        const lock_guard hold{latch_};
        const nanoseconds now = clock::now();
        const auto length = [](nanoseconds from, nanoseconds to) {
            return from < to ? static_cast<std::uint64_t>((to - from).count) : 0;
        };
        return error{error_code::io, "using a directory that failed too often in a row"}
            .about(what)
            .with("failing_for_ns", length(since_, now))
            .with("next_try_in_ns", length(now, ends_))
            .with("failures", counts_.failures);
    }

    [[nodiscard]] breaker_counts counts() {
        const lock_guard hold{latch_};
        return counts_;
    }

private:
    using order = typename Platform::memory_order;
    using clock = typename Platform::parking;

    // What follows is under latch_.

    void open() {
        counts_.state = breaker_state::open;
        ++counts_.trips;
        since_ = clock::now();
        pause_ = options_.pause;
        ends_ = since_ + pause_;
        events_(event{event_code::breaker_opened}
                    .about(path_)
                    .with("failures", counts_.failures)
                    .with("pause_ns", static_cast<std::uint64_t>(pause_.count)));
    }
    void open_again() {
        check(counts_.state == breaker_state::half_open, "circuit_breaker: a probe ended twice");
        counts_.state = breaker_state::open;
        const bool doubles = pause_ < options_.longest_pause - pause_;
        pause_ = doubles ? pause_ + pause_ : options_.longest_pause;
        ends_ = clock::now() + pause_;
    }
    void close() {
        check(counts_.state == breaker_state::half_open, "circuit_breaker: a probe ended twice");
        counts_.state = breaker_state::closed;
        events_(event{event_code::breaker_closed}
                    .about(path_)
                    .with("open_for_ns", static_cast<std::uint64_t>((clock::now() - since_).count))
                    .with("probes", counts_.probes));
    }

    const breaker_options options_;
    const event_sink events_;
    const bytes path_;
    // Read without the latch, so relaxed: a call that misses a change is one that began before it.
    typename Platform::template atomic<std::uint32_t> quiet_{1};
    typename Platform::mutex latch_;  // protects all below
    breaker_counts counts_;
    std::uint32_t in_a_row_ = 0;  // failures of calls while closed
    nanoseconds since_;           // when it was closed last
    nanoseconds pause_;
    nanoseconds ends_;  // of the pause
};

}  // namespace mantis
