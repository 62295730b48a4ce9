// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/sync/optimistic_load.hpp>

#include <cstring>
#include <string>

using namespace mantis;

static_assert(optimistic_word<std::uint8_t> && optimistic_word<std::uint64_t>);
static_assert(optimistic_word<void*> && optimistic_word<double>);

namespace {

struct three_bytes {
    char at[3];
};
struct halves {
    std::uint32_t first;
    std::uint32_t second;
};
struct alignas(8) whole {
    std::uint32_t first;
    std::uint32_t second;
};

// 64 bytes, where every byte is another.
struct alignas(8) page {
    char at[64];
    page() {
        for (std::size_t i = 0; i < sizeof at; ++i) at[i] = static_cast<char>('!' + i);
    }
    [[nodiscard]] std::string text() const { return {at, sizeof at}; }
};

}  // namespace

static_assert(!optimistic_word<three_bytes> && !optimistic_word<std::string>);
static_assert(!optimistic_word<halves>);  // may lie across two words
static_assert(optimistic_word<whole>);

TEST_CASE_TEMPLATE("words are loaded and stored whole", Platform, posix, simulated) {
    std::uint16_t count = 7;
    CHECK(optimistic_load<Platform>(count) == 7);
    optimistic_store<Platform>(count, 9);
    CHECK(count == 9);
    whole both{1, 2};
    optimistic_store<Platform>(both, whole{3, 4});
    CHECK(optimistic_load<Platform>(both).second == 4);
    const char* name = "a";
    optimistic_store<Platform>(name, "b");
    CHECK(*optimistic_load<Platform>(name) == 'b');
}

TEST_CASE_TEMPLATE("bytes are copied, written and moved from and to every offset", Platform, posix,
                   simulated) {
    for (std::size_t from = 0; from < 18; ++from)
        for (std::size_t into = 0; into < 18; ++into)
            for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 16u, 31u, 40u}) {
                const page original;
                page copied;
                page written;
                page moved;
                std::string expected = original.text();
                std::memmove(expected.data() + into, expected.data() + from, size);
                optimistic_copy<Platform>(copied.at + into, original.at + from, size);
                optimistic_write<Platform>(written.at + into, original.at + from, size);
                optimistic_move<Platform>(moved.at + into, moved.at + from, size);
                REQUIRE(copied.text() == expected);
                REQUIRE(written.text() == expected);
                REQUIRE(moved.text() == expected);
            }
}

TEST_CASE("a larger access is a step for each word, and each byte before and after") {
    simulation world{1};
    page shared;
    char own[64];
    world.run([&] {
        const auto steps_of = [&](auto access) {
            const std::uint64_t before = world.steps();
            access();
            return world.steps() - before;
        };
        CHECK(steps_of([&] { optimistic_copy<simulated>(own, shared.at, 64); }) == 8);
        CHECK(steps_of([&] { optimistic_copy<simulated>(own, shared.at + 6, 14); }) == 2 + 1 + 4);
        CHECK(steps_of([&] { optimistic_write<simulated>(shared.at, own, 17); }) == 3);
        CHECK(steps_of([&] { optimistic_move<simulated>(shared.at + 8, shared.at, 16); }) == 2);
    });
}
