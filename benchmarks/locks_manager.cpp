// SPDX-License-Identifier: BSL-1.0
//
// The lock manager, as it comes (detect_after, first_come_first):
//
//   lockmgr-key      an owner locks and unlocks a key in X, over and over, 1,000 keys of its own in
//                    turn; it keeps the intents on the store and the table. 1 and 8 threads: the
//                    total of all
//   lockmgr-txn      the same, but releases all each time, as a transaction of one key does: the
//                    intents are given back and taken again
//   lockmgr-intent   an owner that has IX on a table asks for it again
//   lockmgr-hot      all lock and release the same key in X. 2 and 100 threads; what it protects is
//                    counted, and the count is checked
#include "crew.hpp"
#include "locks.hpp"

#include <mantis/lock/manager.hpp>
#include <mantis/platform/posix.hpp>

#include <cstring>
#include <memory>

namespace {

using namespace mantis;
using measure::clock_type;
using measure::comparison;
using measure::goal;
using measure::sample;
using measure::settings;
using measure::summary;

using manager = lock_manager<posix>;
using owner = lock_owner<manager>;

constexpr table_id accounts{7};

struct run {
    unsigned threads;
    std::chrono::milliseconds length;
    bool pinned;
};

// Each thread repeats step(owner, thread, i) until the time is up.
//   Returns     nanoseconds for a step of one thread, and steps of all in a second
template <class Step>
sample take(const run& of, manager& locks, Step step) {
    struct alignas(128) tally {
        std::uint64_t steps = 0;
    };
    std::vector<tally> tallies(of.threads);
    std::atomic<bool> stop{false};
    double seconds = 0;
    const auto work = [&](unsigned thread) {
        owner mine{locks, "benchmark"};
        std::uint64_t steps = 0;
        while (!stop.load(std::memory_order_relaxed)) {
            for (int i = 0; i < 16; ++i) step(mine, thread, steps++);
        }
        tallies[thread].steps = steps;
    };
    measure::together(of.threads, of.pinned, work, [&] {
        const auto begun = clock_type::now();
        std::this_thread::sleep_for(of.length);
        stop = true;
        seconds = measure::seconds_since(begun);
    });
    std::uint64_t all = 0;
    for (const tally& each : tallies) all += each.steps;
    const double per_second = static_cast<double>(all) / seconds;
    return {1e9 / per_second * std::min<double>(of.threads, 1), per_second};
}

void must(const result<void>& done) {
    if (!done) measure::give_up(done.error().message().as<std::string>());
}

sample take_key(const run& of, bool release_all) {
    manager locks;
    return take(of, locks, [&](owner& mine, unsigned thread, std::uint64_t i) {
        char key[8] = {};
        const std::uint64_t number = thread * 1'000 + i % 1'000;
        std::memcpy(key + 4, &number, 4);
        const lock_path path = lock_path::key(accounts, bytes_view{key, sizeof key});
        must(mine.lock(path, lock_mode::X));
        if (release_all) mine.release_all();
        else must(mine.unlock(path));
    });
}

sample take_intent(const run& of) {
    manager locks;
    return take(of, locks, [&](owner& mine, unsigned, std::uint64_t) {
        must(mine.lock(lock_path::table(accounts), lock_mode::IX));
    });
}

sample take_hot(const run& of) {
    manager locks;
    std::uint64_t count = 0;  // only the lock protects it
    std::atomic<std::uint64_t> counted{0};
    sample taken = take(of, locks, [&](owner& mine, unsigned, std::uint64_t) {
        const lock_path path = lock_path::key(accounts, "hot");
        must(mine.lock(path, lock_mode::X));
        ++count;
        must(mine.unlock(path));
        counted.fetch_add(1, std::memory_order_relaxed);
    });
    if (count != counted) measure::give_up("the lock manager does not protect a hot key");
    return taken;
}

template <class Take>
comparison of(const std::string& name, const settings& chosen, unsigned threads, Take take_one) {
    const run length{threads,
                     chosen.either(std::chrono::milliseconds{300}, std::chrono::milliseconds{60}),
                     chosen.pinned};
    comparison made{
        name, threads, chosen.either(9u, 3u), {{"pairs_per_s", goal::more, summary::median}}, {}};
    if (threads == 1) {
        made.metrics = {{"ns_per_pair", goal::less, summary::median}};
        made.subjects = {{"mantis-lock-manager", measure::role::ours,
                          [=] { return sample{take_one(length)[0]}; }}};
    } else {
        made.subjects = {{"mantis-lock-manager", measure::role::ours,
                          [=] { return sample{take_one(length)[1]}; }}};
    }
    return made;
}

}  // namespace

namespace locks {

std::vector<comparison> manager_cases(const settings& chosen) {
    const auto key = [](const run& length) { return take_key(length, false); };
    const auto transaction = [](const run& length) { return take_key(length, true); };
    return {
        of("lockmgr-key", chosen, 1, key),
        of("lockmgr-key", chosen, 8, key),
        of("lockmgr-txn", chosen, 1, transaction),
        of("lockmgr-txn", chosen, 8, transaction),
        of("lockmgr-intent", chosen, 1, take_intent),
        of("lockmgr-hot", chosen, 2, take_hot),
        of("lockmgr-hot", chosen, 100, take_hot),
    };
}

}  // namespace locks
