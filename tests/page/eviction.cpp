// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/page/clock_eviction.hpp>
#include <mantis/page/eviction.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;

namespace {

struct without_a_victim {
    explicit without_a_victim(std::uint32_t) {}
    static constexpr std::size_t bytes_per_frame = 0;
    void noted(std::uint32_t) {}
};
struct in_turn : without_a_victim {
    using without_a_victim::without_a_victim;
    std::uint32_t victim() { return 0; }
};

}  // namespace

TEST_CASE("a policy notes uses and names victims") {
    CHECK_FALSE(eviction_policy<without_a_victim>);
    CHECK(eviction_policy<in_turn>);
    CHECK(eviction_policy<clock_eviction<posix>>);
    CHECK(eviction_policy<clock_eviction<simulated>>);
}
