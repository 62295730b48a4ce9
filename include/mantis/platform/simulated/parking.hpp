// SPDX-License-Identifier: BSL-1.0
//
// Where simulated threads wait for a word to change: the seed decides whom a wake-up reaches, and
// where schedule::spurious_one_in says so a wait ends for no reason.
//
// Threads: any number of simulated ones.
#pragma once

#include "../thread_name.hpp"
#include "atomic.hpp"

namespace mantis {

struct simulated_parking {
    using word = simulated_atomic<std::uint32_t>;

    static constexpr nanoseconds never{detail::scheduler::never};
    static constexpr unsigned spins = 1;
    static constexpr unsigned shards = 1;

    [[nodiscard]] static nanoseconds now() {
        detail::scheduler* const home = detail::current_scheduler();
        if (home == nullptr) return {};
        home->advance(20);  // a loop that waits for a time must get there
        return home->now();
    }

    [[nodiscard]] static bool wait(const word& at, std::uint32_t seen,
                                   nanoseconds deadline = never) {
        detail::simulated_step(step_kind::park);
        if (at.load() != seen) return true;
        bool woken = false;
        detail::as_simulated_thread([&] {  // and no step before the wait begins
            detail::scheduler& home = detail::running_actor->home;
            const std::int64_t end = home.end_of_wait(deadline.count);
            woken = home.block(step_kind::park, &at, end, nullptr) || end < deadline.count;
        });
        return woken;
    }
    static void wake(const word& at, std::uint32_t most) {
        detail::simulated_step(step_kind::notify);
        if (most >= INT32_MAX) return detail::wake_all(&at);
        for (std::uint32_t i = 0; i < most; ++i) detail::wake_one(&at);
    }
    static void relax() { detail::simulated_step(step_kind::relax); }
    // Others have run when it comes back: a loop of it takes few steps.
    static void yield() {
        if (detail::running_actor == nullptr) return;
        auto& home = detail::running_actor->home;
        home.block(step_kind::sleep, nullptr, home.now().count + 10'000, nullptr);
    }

    [[nodiscard]] static std::uint32_t thread_number() noexcept {
        return detail::running_actor != nullptr ? detail::running_actor->id : 0;
    }
    static void name_thread(const char* name) noexcept {
        if (detail::running_actor != nullptr) detail::running_actor->rename(name);
    }
    [[nodiscard]] static thread_name this_thread_name() noexcept {
        thread_name name;
        if (detail::running_actor != nullptr)
            std::memcpy(name.text, detail::running_actor->label, sizeof name.text - 1);
        return name;
    }

    template <class T>
    [[nodiscard]] static T& own() {
        static thread_local T only{};
        return only;
    }
    // The only one of the world this thread is in.
    template <class T>
    [[nodiscard]] static T& common() {
        detail::scheduler* const home = detail::current_scheduler();
        check(home != nullptr, "what all threads of a world share is used outside of every world");
        return home->common<T>();
    }
};

}  // namespace mantis
