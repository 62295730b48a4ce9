// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated/random.hpp>

using mantis::seeded_random;

TEST_CASE("the numbers of a seed are the same on every machine") {
    seeded_random random{1234567};
    CHECK(random.next() == 6457827717110365317u);  // as the published algorithm gives
    CHECK(random.next() == 3203168211198807973u);
    CHECK(random.next() == 9817491932198370423u);
}

TEST_CASE("numbers below a bound reach every one of them about as often") {
    seeded_random random{1};
    int counts[10] = {};
    for (int i = 0; i < 100'000; ++i) ++counts[random.below(10)];
    for (const int count : counts) {
        CHECK(count > 9'500);
        CHECK(count < 10'500);
    }
    CHECK(random.below(1) == 0);
}

TEST_CASE("numbers between two include both") {
    seeded_random random{1};
    bool low = false;
    bool high = false;
    for (int i = 0; i < 1'000; ++i) {
        const std::int64_t drawn = random.between(-2, 2);
        CHECK(drawn >= -2);
        CHECK(drawn <= 2);
        low = low || drawn == -2;
        high = high || drawn == 2;
    }
    CHECK(low);
    CHECK(high);
    CHECK(random.between(5, 5) == 5);
}

TEST_CASE("a generator that was split off goes its own way") {
    seeded_random random{1};
    seeded_random other = random.split();
    CHECK(random.next() != other.next());
    CHECK(seeded_random{1}.split().next() == seeded_random{1}.split().next());
}
