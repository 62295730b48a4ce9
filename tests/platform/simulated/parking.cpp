// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>

using namespace mantis;

TEST_CASE("each world has one common object of a type, and another world another") {
    int* first = nullptr;
    simulation one{1};
    one.run([&] {
        first = &simulated::parking::common<int>();
        *first = 7;
        CHECK(&simulated::parking::common<int>() == first);
    });
    simulation two{2};
    two.run([&] {
        CHECK(&simulated::parking::common<int>() != first);
        CHECK(simulated::parking::common<int>() == 0);
    });
}

TEST_CASE("500 seeds: a wake-up after the word changed reaches who parks on it") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([] {
            simulated::parking::word turn{0};
            simulated::thread other{[&] {
                while (turn.load() == 0)
                    (void)simulated::parking::wait(turn, 0, simulated::parking::never);
            }};
            turn.store(1);
            simulated::parking::wake(turn, 1);
            other.join();  // a lost wake-up is a dead-lock, which stops the program
        });
    }
}
