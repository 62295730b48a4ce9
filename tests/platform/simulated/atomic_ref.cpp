// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../death.hpp"

#include <mantis/platform/simulated.hpp>

#include <atomic>

using namespace mantis;
using platform_test::contains;
using platform_test::death_of;

namespace {

struct alignas(8) pair {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
};

// The same calls on any reference; what they answer.
template <class Reference>
std::vector<std::int32_t> answers_of(std::int32_t& value) {
    const Reference at{value};
    std::vector<std::int32_t> answers;
    answers.push_back(at.load(std::memory_order_acquire));
    at.store(5, std::memory_order_release);
    answers.push_back(at.exchange(7));
    std::int32_t expected = 6;
    answers.push_back(at.compare_exchange_strong(expected, 9) ? 1 : 0);
    answers.push_back(expected);
    answers.push_back(at.compare_exchange_strong(expected, 9) ? 1 : 0);
    answers.push_back(at.fetch_add(3, std::memory_order_relaxed));
    answers.push_back(value);
    return answers;
}

}  // namespace

TEST_CASE("a simulated atomic_ref answers as std::atomic_ref does") {
    std::int32_t real = 1;
    std::int32_t made = 1;
    CHECK(answers_of<simulated::atomic_ref<std::int32_t>>(made) ==
          answers_of<std::atomic_ref<std::int32_t>>(real));
    pair both{1, 2};
    const simulated::atomic_ref<pair> at{both};
    at.store({3, 4});
    CHECK(at.load().second == 4);
    CHECK(simulated::atomic_ref<pair>::required_alignment == 8);
}

TEST_CASE("every access through a reference is a step at which others may run") {
    simulation world{1};
    std::uint64_t value = 0;
    world.run([&] {
        const simulated::atomic_ref<std::uint64_t> at{value};
        const std::uint64_t before = world.steps();
        at.store(at.load() + 1);
        at.fetch_add(1);
        (void)at.exchange(9);
        CHECK(world.steps() == before + 4);
    });
}

TEST_CASE("two words that are read one by one may come from two writes") {
    std::uint64_t torn = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        simulation world{seed};
        world.run([&] {
            std::uint64_t words[2] = {};
            simulated::thread writer{[&] {
                for (std::uint64_t& word : words)
                    simulated::atomic_ref<std::uint64_t>{word}.store(1);
            }};
            const std::uint64_t first = simulated::atomic_ref<std::uint64_t>{words[0]}.load();
            const std::uint64_t second = simulated::atomic_ref<std::uint64_t>{words[1]}.load();
            if (first != second) ++torn;
            writer.join();
        });
    }
    CHECK(torn > 0);
}

TEST_CASE("a value that is not aligned is refused") {
    const auto end = death_of([] {
        struct two {
            std::uint32_t words[2];
        };
        static_assert(alignof(two) < simulated::atomic_ref<two>::required_alignment);
        alignas(8) static std::byte room[16] = {};
        (void)simulated::atomic_ref<two>{*new (room + 4) two{}};
    });
    CHECK(contains(end.said, "an atomic_ref of a value that is not aligned"));
}
