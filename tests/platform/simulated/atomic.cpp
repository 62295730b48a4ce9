// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>

#include <atomic>
#include <limits>
#include <set>

using namespace mantis;

namespace {

struct pair {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    friend bool operator==(pair, pair) = default;
};

// The same calls on any atomic; what they answer.
template <class Atomic>
std::vector<std::int32_t> answers_of(Atomic& at) {
    std::vector<std::int32_t> answers;
    constexpr std::int32_t most = (std::numeric_limits<std::int32_t>::max)();
    answers.push_back(at.load(std::memory_order_acquire));
    at.store(5, std::memory_order_release);
    answers.push_back(at.exchange(7));
    std::int32_t expected = 6;
    answers.push_back(at.compare_exchange_strong(expected, 9) ? 1 : 0);
    answers.push_back(expected);
    answers.push_back(at.compare_exchange_strong(expected, 9, std::memory_order_acq_rel,
                                                 std::memory_order_relaxed)
                          ? 1
                          : 0);
    answers.push_back(at.fetch_add(3));
    answers.push_back(at.fetch_sub(1, std::memory_order_relaxed));
    answers.push_back(at.fetch_or(16));
    answers.push_back(at.fetch_and(~1));
    answers.push_back(at.fetch_xor(3));
    for (const std::int32_t answer :
         {++at, at++, --at, at--, at += 5, at -= 2, at |= 1, at &= 7, at ^= 2})
        answers.push_back(answer);
    answers.push_back(at = most);
    answers.push_back(++at);
    answers.push_back(at -= 1);
    answers.push_back(at);
    return answers;
}

}  // namespace

TEST_CASE("a simulated atomic answers as std::atomic does") {
    std::atomic<std::int32_t> real{1};
    simulated::atomic<std::int32_t> made{1};
    CHECK(answers_of(made) == answers_of(real));
    simulation world{1};
    world.run([&] {
        simulated::atomic<std::int32_t> inside{1};
        std::atomic<std::int32_t> again{1};
        CHECK(answers_of(inside) == answers_of(again));
    });
}

TEST_CASE("pointers, flags and small structs are atomic too") {
    int numbers[4] = {};
    simulated::atomic<int*> pointer{numbers};
    CHECK(pointer.fetch_add(2) == numbers);
    CHECK(--pointer == numbers + 1);
    simulated::atomic<bool> flag;
    CHECK_FALSE(flag.exchange(true));
    CHECK(flag.load());
    simulated::atomic<pair> both{pair{1, 2}};
    pair expected{1, 3};
    CHECK_FALSE(both.compare_exchange_strong(expected, pair{}));
    CHECK(expected == pair{1, 2});
    simulated::atomic<std::uint8_t> small{255};
    CHECK(++small == 0);
}

TEST_CASE("every access is a step at which others may run") {
    simulation world{1};
    simulated::atomic<int> value{0};
    world.run([&] {
        const std::uint64_t before = world.steps();
        value.store(value.load() + 1);
        value.fetch_add(1);
        CHECK(world.steps() == before + 3);
    });
}

TEST_CASE("a weak compare-exchange fails now and then for no reason, and a loop gets through") {
    simulation world{1};
    simulated::atomic<int> value{0};
    int failed = 0;
    world.run([&] {
        for (int i = 0; i < 1'000; ++i) {
            int expected = i;
            while (!value.compare_exchange_weak(expected, i + 1)) {
                CHECK(expected == i);
                ++failed;
            }
        }
    });
    CHECK(value.load() == 1'000);
    CHECK(failed > 20);
    CHECK(failed < 200);
}

TEST_CASE("a wait ends when the value has changed and somebody says so") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        simulation world{seed};
        simulated::atomic<int> turn{0};
        int rounds = 0;
        world.run([&] {
            simulated::thread other{[&] {
                for (int i = 0; i < 10; ++i) {
                    turn.wait(0);
                    ++rounds;
                    turn.store(0);
                    turn.notify_all();
                }
            }};
            for (int i = 0; i < 10; ++i) {
                turn.store(1);
                turn.notify_one();
                turn.wait(1);
            }
            other.join();
        });
        CHECK(rounds == 10);
    }
}
