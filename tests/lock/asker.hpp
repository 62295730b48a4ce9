// SPDX-License-Identifier: BSL-1.0
//
// Owners that wait without a thread of their own, and other short words for tests of locks.
#pragma once

#include <doctest/doctest.h>

#include <mantis/lock/manager.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

#include <string>

namespace lock_test {

using namespace mantis;

inline constexpr lock_options at_once{.until = lock_deadline::at_once()};
inline constexpr table_id accounts{1};
inline constexpr table_id orders{2};

inline lock_path key(bytes_view name) { return lock_path::key(accounts, name); }
inline lock_path range(bytes_view low, bytes_view high) {
    return lock_path::range(accounts, low, high);
}

//   Returns     "granted", or the name of the error
inline std::string said(const result<void>& answer) {
    return answer ? "granted" : name_of(answer.error().code());
}

// An owner that locks asynchronously and notes what it is told.
template <class Manager>
class asker {
public:
    explicit asker(Manager& locks, const char* label = "") : owner{locks, label} {}

    //   Returns     what it has been told by then
    const std::string& ask(const lock_path& path, lock_mode mode,
                           const lock_options& options = {}) {
        heard = "waits";
        owner.lock_async(
            path, mode,
            [](void* context, result<void> done) {
                asker& me = *static_cast<asker*>(context);
                ++me.calls;
                me.heard = said(done);
            },
            this, options);
        return heard;
    }

    lock_owner<Manager> owner;
    std::string heard;
    int calls = 0;
};
template <class Manager>
asker(Manager&) -> asker<Manager>;
template <class Manager>
asker(Manager&, const char*) -> asker<Manager>;

template <class Platform>
void rest(nanoseconds length) {
    const typename Platform::parking::word nobody{0};
    const nanoseconds until = Platform::parking::now() + length;
    while (Platform::parking::wait(nobody, 0, until)) {}
}

// Comes back when so many wait.
template <class Manager>
void until_waiting(Manager& locks, std::size_t count) {
    while (locks.waiting().size() < count) rest<typename Manager::platform>(microseconds(5));
}

// Whether nothing is left of any lock.
template <class Manager>
void check_untouched(Manager& locks) {
    CHECK(locks.held().empty());
    CHECK(locks.waiting().empty());
    CHECK(locks.counts().queues == 0);
}

// Runs body() in a simulated world for each seed.
template <class Body>
void for_seeds(std::uint64_t count, Body body) {
    for (std::uint64_t seed = 0; seed < count; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 2'000'000, .scheduling = drawn_schedule(seed)}};
        world.run(body);
    }
}

// Runs body() -> bool under every schedule of its threads with two preemptions.
//   Returns     how many there were; 0 when the body returned false or they were too many
template <class Body>
std::uint64_t all_schedules(Body body, unsigned max_preemptions = 2) {
    const auto report = exhaustive_schedules(
        [&](simulation& world) {
            bool good = false;
            world.run([&] { good = body(); });
            return good;
        },
        {.max_preemptions = max_preemptions, .max_runs = 200'000});
    return report.exhausted && !report.failed ? report.runs : 0;
}

}  // namespace lock_test
