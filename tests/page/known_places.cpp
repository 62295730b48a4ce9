// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../sanitized.hpp"

#include <mantis/page/detail/known_places.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;
using detail::known_place;

namespace {

constexpr place_name name_of(std::uint64_t tree, std::uint64_t hash) {
    return {tree, hash * 0x9e3779b97f4a7c15};
}
// All parts tell the same number.
constexpr known_place numbered(std::uint32_t number) {
    return {number,
            static_cast<std::uint16_t>(number),
            static_cast<std::uint16_t>(number),
            {std::uint64_t{number} << 20}};
}
bool is_whole(const known_place& place) {
    const known_place same = numbered(place.frame);
    return place.slot == same.slot && place.offset == same.offset && place.seen == same.seen;
}

}  // namespace

TEST_CASE("a place is known by its tree and its hash, and is the last that was noted") {
    detail::known_places<posix> places{64};
    known_place seen;
    CHECK_FALSE(places.find(name_of(1, 7), seen));
    places.note(name_of(1, 7), numbered(5));
    REQUIRE(places.find(name_of(1, 7), seen));
    CHECK((seen.frame == 5 && is_whole(seen)));
    CHECK_FALSE(places.find(name_of(2, 7), seen));
    CHECK_FALSE(places.find(name_of(1, 8), seen));
    places.note(name_of(1, 7), numbered(6));
    REQUIRE(places.find(name_of(1, 7), seen));
    CHECK((seen.frame == 6 && is_whole(seen)));
}

TEST_CASE("of a bucket the older place gives way, and what is known is renewed in its place") {
    detail::known_places<posix> places{1};
    known_place seen;
    for (std::uint32_t i = 1; i <= 3; ++i) places.note(name_of(i, i), numbered(i));
    CHECK_FALSE(places.find(name_of(1, 1), seen));
    for (std::uint32_t i = 2; i <= 3; ++i) {
        places.note(name_of(i, i), numbered(i + 10));
        REQUIRE(places.find(name_of(i, i), seen));
        CHECK(seen.frame == i + 10);
    }
}

TEST_CASE("who looks in vain looks seldom, until something is found") {
    detail::known_places<posix> places{64};
    const auto looks = [&](int turns, bool in_vain) {
        int looked = 0;
        for (int i = 0; i < turns; ++i) {
            if (!places.worth_looking()) continue;
            ++looked;
            places.looked(in_vain);
        }
        return looked;
    };
    CHECK(looks(1000, true) == 1000);  // at first there is nothing to be found
    (void)looks(1'000'000, true);
    const int seldom = looks(1600, true);
    CHECK((seldom > 50 && seldom < 200));
    CHECK(looks(1000, false) > 900);
}

TEST_CASE("200 seeds: what is read of a place is of one writer") {
    for (std::uint64_t seed = 0; seed < 200; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            detail::known_places<simulated> places{1};
            std::vector<simulated::thread> threads;
            for (std::uint32_t thread = 1; thread <= 2; ++thread)
                threads.emplace_back([&places, thread] {
                    for (std::uint32_t i = 0; i < 12; ++i)
                        places.note(name_of(1 + i % 3, i % 3), numbered(thread * 100 + i));
                });
            int torn = 0;
            threads.emplace_back([&] {
                for (std::uint64_t i = 0; i < 30; ++i) {
                    known_place seen;
                    if (!places.find(name_of(1 + i % 3, i % 3), seen)) continue;
                    if (!is_whole(seen) || seen.frame % 100 % 3 != i % 3) ++torn;
                }
            });
            for (auto& each : threads) each.join();
            CHECK(torn == 0);
        });
    }
}
