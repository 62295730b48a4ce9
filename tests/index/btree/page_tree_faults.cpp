// SPDX-License-Identifier: BSL-1.0
//
// Reads and writes of the source that fail, one at each position, and page numbers that run out.
#include "../../sanitized.hpp"
#include "failing_source.hpp"
#include "tree_rig.hpp"

#include <mantis/platform/posix.hpp>

using namespace tree_tests;

namespace {

using faulty_tree = rig<posix, failing_source>;

struct outcome {
    bool reached = false;  // the position
    std::size_t failed = 0;
};

// The same life each time, with a failure at another position.
outcome live_with_failure_at(std::uint64_t position, std::uint64_t failing, std::uint64_t seed) {
    faulty_tree all{512, 4};
    std::mt19937_64 random{seed};
    model expected;
    outcome seen;
    const auto must_be_right = [&] {
        REQUIRE(all.damage() == "");
        REQUIRE(difference(all.tree, expected) == "");
    };
    const auto failed = [&](const error& why) {
        ++seen.failed;
        REQUIRE((why.code() == error_code::io || why.code() == error_code::out_of_memory));
        const std::uint64_t left = std::exchange(all.disk.calls_left, UINT64_MAX);
        must_be_right();
        if (all.disk.failing != 0) all.disk.calls_left = left;
    };
    for (std::uint64_t step = 0; step < 150; ++step) {
        if (step == 60) all.disk.calls_left = position, all.disk.failing = failing;
        const std::string key = "key-" + std::to_string(random() % 60);
        const bool puts = step < 60 || (step < 100 ? random() % 4 != 0 : random() % 4 == 0);
        if (puts) {
            const std::string value(random() % 100, 'v');
            const auto put = all.tree.put(key, value, lsn{step});
            if (put) expected[key] = {value, step};
            else failed(put.error());
        } else {
            const auto erased = all.tree.erase(key);
            if (erased) REQUIRE(*erased == (expected.erase(key) != 0));
            else failed(erased.error());
        }
        if (step % 8 == 0) {
            const auto found = all.tree.find(key, [](bytes_view, lsn) {});
            if (found) REQUIRE(*found == (expected.count(key) != 0));
            else failed(found.error());
        }
    }
    seen.reached = all.disk.calls_left == UINT64_MAX;
    all.disk.calls_left = UINT64_MAX;
    must_be_right();
    return seen;
}

}  // namespace

TEST_CASE("whichever read or write fails, the call says so and has changed nothing") {
    for (const std::uint64_t failing : {1u, 3u}) {
        std::size_t failed = 0;
        std::uint64_t position = 0;
        for (;; position += one_in) {
            CAPTURE(position);
            const outcome seen = live_with_failure_at(position, failing, 11);
            failed += seen.failed;
            if (!seen.reached) break;
        }
        CHECK(position > 100);
        CHECK(failed > position / 4 / one_in);
    }
}

TEST_CASE("while nothing can be written or read, what is in memory is found, and later all is") {
    faulty_tree all{512, 6};
    model expected;
    for (std::uint64_t i = 0; i < 100; ++i) {
        REQUIRE(all.tree.put(big_endian(i), "value", lsn{i}));
        expected[big_endian(i)] = {"value", i};
    }
    all.disk.failing = UINT64_MAX;
    all.disk.calls_left = 0;
    std::size_t failed = 0;
    for (std::uint64_t i = 0; i < 300; ++i) {
        const auto put = all.tree.put(big_endian(i), "another", lsn{1000 + i});
        if (put) expected[big_endian(i)] = {"another", 1000 + i};
        else ++failed;
        const auto erased = all.tree.erase(big_endian(299 - i));
        if (erased) expected.erase(big_endian(299 - i));
    }
    CHECK(failed > 0);
    all.disk.calls_left = UINT64_MAX;
    CHECK(all.damage() == "");
    CHECK(difference(all.tree, expected) == "");
}

TEST_CASE("whichever number is the last, the put that wants more has changed nothing") {
    for (std::uint64_t spare = 0; spare < 30; ++spare) {
        rig<posix> all{512, 30};
        std::vector<page_id> taken;
        for (auto page = all.numbers.take(); page; page = all.numbers.take())
            taken.push_back(*page);
        for (std::uint64_t i = 0; i < spare; ++i) {
            all.numbers.give_back(taken.back());
            taken.pop_back();
        }
        model expected;
        std::mt19937_64 random{spare};
        std::size_t refused = 0;
        for (std::uint64_t i = 0; i < 600; ++i) {
            const std::string key = random_key(random, 64);
            const auto put = all.tree.put(key, "value", lsn{i});
            if (put) {
                expected[key] = {"value", i};
                continue;
            }
            ++refused;
            REQUIRE(put.error().code() == error_code::no_space);
        }
        CHECK(refused > 0);
        CHECK(difference(all.tree, expected) == "");
        for (const page_id page : taken) all.numbers.give_back(page);
        CHECK(all.damage() == "");
        while (!expected.empty()) {
            REQUIRE(all.tree.erase(expected.begin()->first).value());
            expected.erase(expected.begin());
        }
        CHECK(all.damage() == "");
        CHECK(all.numbers.used_count() == 1);
    }
}
