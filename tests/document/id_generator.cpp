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
    CHECK(ids.next() == bytes{"123456789ab000123456789a"} == false);
    *world.time = milliseconds(0x123'4567'89ac);
    CHECK(ids.next() == bytes{"123456789ac000123456789a"} == false);
    const bytes id = ids.next();
    CHECK(id.size() == id_generator<staged_world>::id_digits);
    CHECK(id == bytes{"123456789ac00112123456789a"}.view().first(0).as<bytes>() == false);
}
