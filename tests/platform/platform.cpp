// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "conformance.hpp"
#include "scratch.hpp"

using namespace platform_test;

static_assert(platform<posix>);
static_assert(platform<memory>);
static_assert(platform<simulated>);
static_assert(!platform<int>);

namespace {

struct forgetful_file : memory_file {
    void sync() {}  // no result
};
struct forgetful_mutex {
    void lock() {}
    void unlock() {}  // no try_lock
};
struct no_clock : memory {
    void now() const {}
};
struct weak_mutex : memory {
    using mutex = forgetful_mutex;
};

}  // namespace

static_assert(block_file<memory_file> && !block_file<forgetful_file>);
static_assert(latch<memory::mutex> && !latch<forgetful_mutex>);
static_assert(!platform<no_clock>);
static_assert(!platform<weak_mutex>);
static_assert(!directory<memory_file>);

TEST_CASE_TEMPLATE("every platform keeps the promises of platform.hpp", Stage, posix_stage,
                   memory_stage, simulated_stage) {
    Stage stage;
    stage.run([&] { check_conformance(stage.platform, stage.root); });
}

TEST_CASE("a simulated platform keeps them under every schedule") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] { check_conformance(platform, "root"); });
    }
}
