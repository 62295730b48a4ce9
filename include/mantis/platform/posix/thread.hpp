// SPDX-License-Identifier: BSL-1.0
//
// A thread of the operating system. Joined before it is destroyed; the program stops otherwise.
#pragma once

#include "../../core/bytes.hpp"

#include <concepts>
#include <pthread.h>
#include <type_traits>
#include <utility>

namespace mantis {

class posix_thread {
public:
    posix_thread() noexcept = default;

    //   Effects     runs body() in a new thread
    //   Errors      stops the program when the system gives no more threads
    template <class Body>
    requires(!std::same_as<std::remove_cvref_t<Body>, posix_thread> &&
             std::invocable<std::decay_t<Body>&>) explicit posix_thread(Body&& body) {
        using owned = std::decay_t<Body>;
        auto* const copy = new owned(std::forward<Body>(body));
        joinable_ = ::pthread_create(&thread_, nullptr, &enter<owned>, copy) == 0;
        check(joinable_, "the system gives no more threads");
    }

    posix_thread(posix_thread&& other) noexcept
        : thread_{other.thread_}, joinable_{std::exchange(other.joinable_, false)} {}
    //   Requires    !joinable()
    posix_thread& operator=(posix_thread&& other) noexcept {
        check(!joinable_, "a thread is replaced before it was joined");
        thread_ = other.thread_;
        joinable_ = std::exchange(other.joinable_, false);
        return *this;
    }
    ~posix_thread() { check(!joinable_, "a thread is destroyed before it was joined"); }

    [[nodiscard]] bool joinable() const noexcept { return joinable_; }
    //   Requires    joinable()
    void join() noexcept {
        check(joinable_, "join() of a thread that was joined or never started");
        ::pthread_join(thread_, nullptr);
        joinable_ = false;
    }

private:
    template <class Body>
    static void* enter(void* given) {
        Body* const body = static_cast<Body*>(given);
        (*body)();
        delete body;
        return nullptr;
    }

    ::pthread_t thread_{};
    bool joinable_ = false;
};

}  // namespace mantis
