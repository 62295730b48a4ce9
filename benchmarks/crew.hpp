// SPDX-License-Identifier: BSL-1.0
//
// Threads that begin together, each on a processor of its own as far as they go.
#pragma once

#include "measure.hpp"

#include <pthread.h>
#include <sched.h>
#include <atomic>
#include <thread>

namespace measure {

//   Returns     the processors that this process may use
inline std::vector<std::size_t> processors() {
    ::cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) give_up("cannot read the affinity");
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(i, &allowed)) all.push_back(i);
    return all;
}

inline void pin_this_thread(unsigned number) {
    static const std::vector<std::size_t> all = processors();
    ::cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(all[number % all.size()], &one);
    if (::pthread_setaffinity_np(::pthread_self(), sizeof one, &one) != 0)
        give_up("cannot pin a thread");
}

// Runs work(0) ... work(count - 1), each on a thread of its own, and begins them together once all
// are there; lead() runs on the calling thread meanwhile. Returns when all have returned.
template <class Work, class Lead>
void together(unsigned count, bool pinned, Work work, Lead lead) {
    std::atomic<unsigned> ready{0};
    std::atomic<bool> begun{false};
    std::vector<std::thread> crew;
    for (unsigned i = 0; i < count; ++i)
        crew.emplace_back([&, i] {
            if (pinned) pin_this_thread(i);
            ++ready;
            while (!begun) std::this_thread::yield();
            work(i);
        });
    while (ready < count) std::this_thread::yield();
    begun = true;
    lead();
    for (std::thread& each : crew) each.join();
}

template <class Work>
void together(unsigned count, bool pinned, Work work) {
    together(count, pinned, work, [] {});
}

}  // namespace measure
