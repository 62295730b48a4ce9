// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../platform/death.hpp"

#include <mantis/page/free_page_numbers.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

#include <random>
#include <set>

using namespace mantis;
using platform_test::death_of;

TEST_CASE("the lowest number that is free, from 1 to the last") {
    free_page_numbers<posix> numbers{page_id{130}};
    for (std::uint64_t i = 1; i <= 130; ++i) CHECK(numbers.take().value() == page_id{i});
    const auto none = numbers.take();
    REQUIRE_FALSE(none);
    CHECK(none.error().code() == error_code::no_space);
    CHECK(*none.error().number("limit") == 130);
    numbers.give_back({128});
    numbers.give_back({3});
    CHECK(numbers.used_count() == 128);
    CHECK(numbers.take().value() == page_id{3});
    CHECK(numbers.take().value() == page_id{128});
    CHECK_FALSE(numbers.take());
    CHECK_FALSE(free_page_numbers<posix>{page_id{0}}.take());
}

TEST_CASE("pages that are there are noted in any order, once each") {
    free_page_numbers<posix> numbers{page_id{1000}};
    for (const std::uint64_t page : {700u, 1u, 2u, 64u, 65u}) REQUIRE(numbers.note_used({page}));
    CHECK(numbers.used_count() == 5);
    for (const std::uint64_t page : {64u, 700u}) CHECK(numbers.is_taken({page}));
    for (const std::uint64_t page : {0u, 3u, 999u, 5000u}) CHECK_FALSE(numbers.is_taken({page}));
    CHECK(numbers.note_used({64}).error().code() == error_code::already_exists);
    CHECK(numbers.note_used({0}).error().code() == error_code::invalid_argument);
    CHECK(numbers.note_used({1001}).error().code() == error_code::invalid_argument);
    CHECK(numbers.used_count() == 5);
    for (std::uint64_t i = 3; i < 64; ++i) CHECK(numbers.take().value() == page_id{i});
    CHECK(numbers.take().value() == page_id{66});
    numbers.give_back({700});
    REQUIRE(numbers.note_used({700}));
}

TEST_CASE("it says what a set of numbers says") {
    std::mt19937_64 random{7};
    free_page_numbers<posix> numbers{page_id{500}};
    std::set<std::uint64_t> used;
    for (int step = 0; step < 20'000; ++step) {
        const bool grow = step / 1000 % 2 == 0;
        if (random() % 3 == 0 ? !grow : grow) {
            std::uint64_t lowest = 1;
            for (const std::uint64_t page : used) {
                if (page != lowest) break;
                ++lowest;
            }
            const auto taken = numbers.take();
            REQUIRE(taken.has_value() == (lowest <= 500));
            if (taken) REQUIRE(taken->value == lowest);
            if (taken) used.insert(lowest);
        } else if (!used.empty()) {
            auto at = used.lower_bound(random() % 500);
            if (at == used.end()) at = used.begin();
            numbers.give_back({*at});
            used.erase(at);
        }
        REQUIRE(numbers.used_count() == used.size());
    }
}

TEST_CASE("its memory is a bit for each number at most") {
    free_page_numbers<posix> numbers{page_id{100'000}};
    CHECK(numbers.memory_bytes() == 0);
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        REQUIRE(numbers.take());
        REQUIRE(numbers.memory_bytes() <= 100'000 / 8 + 7);
    }
    free_page_numbers<posix> sparse{page_id{100'000}};
    REQUIRE(sparse.note_used({99'999}));
    CHECK(sparse.memory_bytes() <= 100'000 / 8 + 7);
}

TEST_CASE("a number that nobody has is not given back") {
    for (const std::uint64_t page : {0u, 2u, 65u, 5000u})
        CHECK(death_of([&] {
                  free_page_numbers<posix> numbers{page_id{100}};
                  (void)numbers.take();
                  numbers.give_back({page});
              }).said.find("a page number is given back that nobody has") != std::string::npos);
}

namespace {

// Threads that take and give back; nobody has what another has.
template <class Platform>
bool take_in_turns(std::size_t rounds) {
    free_page_numbers<Platform> numbers{page_id{12}};
    typename Platform::template atomic<std::uint64_t> owners[13] = {};
    typename Platform::template atomic<std::uint64_t> wrong{0};
    std::vector<typename Platform::thread> running;
    for (int i = 0; i < 4; ++i)
        running.emplace_back([&] {
            for (std::size_t round = 0; round < rounds; ++round) {
                const page_id pages[] = {numbers.take().value(), numbers.take().value(),
                                         numbers.take().value()};
                for (const page_id page : pages)
                    if (owners[page.value].fetch_add(1) != 0) wrong.fetch_add(1);
                for (const page_id page : pages) {
                    owners[page.value].fetch_sub(1);
                    numbers.give_back(page);
                }
            }
        });
    for (auto& thread : running) thread.join();
    return wrong.load() == 0 && numbers.used_count() == 0;
}

}  // namespace

TEST_CASE("threads never take the same number") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] { CHECK(take_in_turns<simulated>(4)); });
    }
    CHECK(take_in_turns<posix>(2000));
}
