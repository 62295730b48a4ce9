// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/posix.hpp>

#include <vector>

using namespace mantis;

TEST_CASE("numbers of threads that live differ, and those of threads that ended are used again") {
    std::uint32_t highest = 0;
    for (int round = 0; round < 20; ++round) {
        std::uint32_t numbers[4] = {};
        std::atomic<int> there{0};
        std::vector<posix::thread> threads;
        for (std::uint32_t& number : numbers)
            threads.emplace_back([&] {
                number = posix::parking::thread_number();
                there.fetch_add(1);
                while (there.load() != 4) posix{}.sleep(microseconds(10));
            });
        for (posix::thread& thread : threads) thread.join();
        for (int i = 0; i < 4; ++i)
            for (int j = 0; j < i; ++j) CHECK(numbers[i] != numbers[j]);
        for (const std::uint32_t number : numbers) highest = number > highest ? number : highest;
    }
    CHECK(highest < 16);
}
