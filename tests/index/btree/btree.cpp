// SPDX-License-Identifier: BSL-1.0
#include <mantis/index/btree/btree.hpp>
#include <mantis/platform/posix.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using mantis::bytes_view;
using mantis::lsn;
using platform = mantis::posix;

namespace {

struct tiny {
    static constexpr std::size_t leaf_entries = 4;
    static constexpr std::size_t inner_children = 4;
};
using tree = mantis::btree<tiny>::index<platform>;

std::string numbered(std::size_t number) { return "key-" + std::to_string(100'000 + number); }

}  // namespace

TEST_CASE("the policy has the name and format id that table lists carry") {
    CHECK(bytes_view{mantis::btree<>::name} == "btree");
    CHECK(mantis::btree<>::format_id == 1);
}

TEST_CASE("an index of no entries is sound and holds nothing") {
    const tree empty;
    CHECK(empty.verify());
    CHECK(empty.count() == 0);
    CHECK(empty.memory_bytes() == 0);
}

TEST_CASE(
    "four readers and two writers: each read sees a whole entry, each scan ascends, nothing is "
    "lost") {
    constexpr std::size_t keys = 400;
    constexpr std::size_t rounds = 20'000;
    constexpr std::size_t anchors = 20;  // never erased, so that every reader must see them
    tree shared;
    for (std::size_t i = 0; i < anchors; ++i)
        REQUIRE(shared.put(numbered(i * keys / anchors), "anchor", lsn{1}));
    platform::atomic<std::size_t> torn{0}, disorder{0}, lost{0}, writing{2};

    const auto write = [&](std::size_t which) {
        for (std::size_t round = 0; round < rounds; ++round) {
            const std::size_t number = (round * 7919 + which * 31) % keys;
            if (number % (keys / anchors) == 0) continue;
            // The value is one letter, its length is the version: a torn one would show.
            const std::size_t version = round % 50 + 1;
            const std::string letters(version, static_cast<char>('a' + which));
            const bool done = round % 3 == 2
                                  ? shared.erase(numbered(number)).has_value()
                                  : shared.put(numbered(number), letters, lsn{version}).has_value();
            lost.fetch_add(done ? 0u : 1u);
        }
        writing.fetch_sub(1);
    };
    const auto read = [&](std::size_t which) {
        for (std::size_t round = 0; writing.load() != 0 || round < 100; ++round) {
            const std::size_t number = (round * 104'729 + which * 17) % keys;
            const auto found = shared.find(numbered(number), [&](bytes_view value, lsn version) {
                if (value == "anchor") return;
                for (const std::byte letter : value) torn.fetch_add(letter != value[0] ? 1u : 0u);
                torn.fetch_add(value.size() != version.value ? 1u : 0u);
            });
            if ((!found || !*found) && number % (keys / anchors) == 0) lost.fetch_add(1);
            if (round % 16 != 0) continue;
            std::string before;
            std::size_t seen = 0;
            const auto scanned = shared.scan("", [&](bytes_view key, bytes_view value, lsn) {
                disorder.fetch_add(key <= bytes_view{before} ? 1 : 0);
                before = key.as<std::string>();
                seen += value == "anchor" ? 1u : 0u;
                return true;
            });
            lost.fetch_add(!scanned || seen != anchors ? 1 : 0);
            disorder.fetch_add(shared.count() < anchors || shared.memory_bytes() == 0 ? 1 : 0);
            if (round % 64 == 0) disorder.fetch_add(shared.verify() ? 0 : 1);
        }
    };
    std::vector<platform::thread> threads;
    for (std::size_t which = 0; which < 2; ++which)
        threads.emplace_back([&, which] { write(which); });
    for (std::size_t which = 0; which < 4; ++which)
        threads.emplace_back([&, which] { read(which); });
    for (platform::thread& thread : threads) thread.join();

    CHECK(torn.load() == 0);
    CHECK(disorder.load() == 0);
    CHECK(lost.load() == 0);
    CHECK(shared.verify());
}
