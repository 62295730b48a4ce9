// SPDX-License-Identifier: BSL-1.0
//
// What the scheduler knows of one simulated thread, and the words for what a thread does.
#pragma once

#include "../posix/sync.hpp"

#include <cstring>

namespace mantis {

// Why a thread takes a step or waits; part of the trace.
enum class step_kind : std::uint8_t {
    lock,
    try_lock,
    unlock,
    wait,
    notify,
    atomic,
    start,
    join,
    finish,
    sleep,
    random,
    park,
    relax,
    io,
};

// What a thread does at a step: "locks a mutex".
[[nodiscard]] inline const char* words_for(step_kind kind) noexcept {
    switch (kind) {
        case step_kind::lock: return "locks a mutex";
        case step_kind::try_lock: return "tries to lock a mutex";
        case step_kind::unlock: return "unlocks a mutex";
        case step_kind::wait: return "is about to wait on a condition";
        case step_kind::notify: return "notifies";
        case step_kind::atomic: return "uses an atomic";
        case step_kind::start: return "starts a thread";
        case step_kind::join: return "joins a thread";
        case step_kind::finish: return "ends";
        case step_kind::sleep: return "sleeps";
        case step_kind::random: return "draws a number";
        case step_kind::park: return "is about to park";
        case step_kind::relax: return "spins";
        case step_kind::io: break;
    }
    return "does an I/O";
}
// What a thread waits for: "waits for a mutex".
[[nodiscard]] inline const char* words_for_wait(step_kind cause) noexcept {
    switch (cause) {
        case step_kind::lock: return "waits for a mutex";
        case step_kind::wait: return "waits on a condition";
        case step_kind::join: return "waits for the end of a thread";
        case step_kind::atomic: return "waits for an atomic to change";
        case step_kind::park: return "is parked";
        default: return "sleeps";
    }
}

namespace detail {

class scheduler;

// It lives as long as the scheduler.
struct simulated_actor {
    simulated_actor(scheduler& of, std::uint32_t number) noexcept : home{of}, id{number} {}

    //   Effects     keeps the first characters of `text`
    void rename(const char* text) noexcept {
        const std::size_t size = std::strlen(text);
        const std::size_t most = sizeof label - 1;
        const std::size_t kept = size < most ? size : most;
        std::memcpy(label, text, kept);
        label[kept] = 0;
    }

    scheduler& home;
    const std::uint32_t id;
    posix_semaphore turn;
    char label[32] = {};
    step_kind last = step_kind::start;  // the last step it took, if it took any
    bool stepped = false;
    std::int64_t priority = 0;               // belongs to the strategy
    step_kind cause = step_kind::start;      // of the wait
    const void* key = nullptr;               // what is waited for
    const simulated_actor* other = nullptr;  // who holds it, where somebody does
    std::int64_t alarm = 0;                  // when the wait ends in any case
    bool rang = false;                       // the last wait ended by its alarm
    bool finished = false;
};

}  // namespace detail

}  // namespace mantis
