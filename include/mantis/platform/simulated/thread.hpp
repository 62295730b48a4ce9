// SPDX-License-Identifier: BSL-1.0
//
// A thread of the simulator: a real one that runs only while it has the baton. Joined before it is
// destroyed.
//
// Made outside of simulation::run(), it begins with the next run, or when it is joined.
#pragma once

#include "scheduler.hpp"

#include "../posix/thread.hpp"

namespace mantis {

// Gives the simulated thread that calls this a name for reports, of which they keep 31 characters;
// nothing outside of a run.
inline void label_thread(const char* label) noexcept {
    if (detail::running_actor != nullptr) detail::running_actor->rename(label);
}

class simulated_thread {
public:
    simulated_thread() noexcept = default;

    template <class Body>
    requires(!std::same_as<std::remove_cvref_t<Body>, simulated_thread> &&
             std::invocable<std::decay_t<Body>&>) explicit simulated_thread(Body&& body)
        : actor_{&detail::new_actor()} {
        real_ = posix_thread{
            [self = actor_, body = std::decay_t<Body>(std::forward<Body>(body))]() mutable {
                detail::scheduler::attend(*self);
                {
                    auto own = std::move(body);  // destroyed while this thread still has the baton
                    own();
                }
                self->home.finish();
            }};
        detail::simulated_step(step_kind::start);
    }
    simulated_thread(simulated_thread&& other) noexcept = default;
    //   Requires    !joinable()
    simulated_thread& operator=(simulated_thread&& other) noexcept = default;

    [[nodiscard]] bool joinable() const noexcept { return real_.joinable(); }
    //   Requires    joinable()
    void join() {
        check(joinable(), "join() of a thread that was joined or never started");
        detail::simulated_step(step_kind::join);
        if (!actor_->finished) wait_for_end();
        real_.join();
    }

private:
    void wait_for_end() {
        detail::simulated_actor* const ended = actor_;
        detail::as_simulated_thread_of(ended->home, [ended] {
            while (!ended->finished)
                detail::running_actor->home.block(step_kind::join, ended, detail::scheduler::never,
                                                  ended);
        });
    }

    detail::simulated_actor* actor_ = nullptr;
    posix_thread real_;
};

}  // namespace mantis
