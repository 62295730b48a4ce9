// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/id_generator.hpp>
#include <mantis/platform/posix.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace mantis;

namespace {

// The real platform with a clock and a random number that the test sets.
struct staged_world : posix {
    std::shared_ptr<nanoseconds> time = std::make_shared<nanoseconds>();
    std::uint64_t draw = 0;
    [[nodiscard]] nanoseconds wall_time() const { return *time; }
    [[nodiscard]] std::uint64_t random() const { return draw; }
};

}  // namespace

TEST_CASE("an id is 24 lowercase hexadecimal digits: time, counter, random") {
    staged_world world;
    world.draw = 0xffff'fe12'3456'789a;
    *world.time = milliseconds(0x123'4567'89ab);
    id_generator<staged_world> ids{world};
    CHECK(ids.next() == bytes{"123456789ab000123456789a"});
    CHECK(ids.next() == bytes{"123456789ab001123456789a"});
    *world.time = milliseconds(0x123'4567'89ac);
    CHECK(ids.next() == bytes{"123456789ac000123456789a"});
}

TEST_CASE("ids only grow, also when the clock stands still or goes back") {
    staged_world world;
    *world.time = milliseconds(1'000'000);
    id_generator<staged_world> ids{world};
    bytes last = ids.next();
    for (int i = 0; i < 20'000; ++i) {
        if (i == 10'000) *world.time = milliseconds(900'000);
        bytes next = ids.next();
        REQUIRE(last < next);
        last = std::move(next);
    }
}

TEST_CASE("ids of many threads and of two generators are all different") {
    constexpr std::size_t threads = 4;
    constexpr std::size_t each = 20'000;
    id_generator<posix> first{posix{}};
    id_generator<posix> second{posix{}};
    std::vector<std::vector<bytes>> made(threads);
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i)
        running.emplace_back([&, i] {
            auto& ids = i % 2 == 0 ? first : second;
            for (std::size_t n = 0; n < each; ++n) made[i].push_back(ids.next());
        });
    for (auto& thread : running) thread.join();
    std::vector<bytes> all;
    for (auto& some : made) {
        CHECK(std::is_sorted(some.begin(), some.end()));
        all.insert(all.end(), some.begin(), some.end());
    }
    std::sort(all.begin(), all.end());
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
    CHECK(all.size() == threads * each);
}
