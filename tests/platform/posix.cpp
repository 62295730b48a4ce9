// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "scratch.hpp"

#include <sys/time.h>
#include <csignal>
#include <set>
#include <type_traits>

using namespace platform_test;

static_assert(std::is_empty_v<posix>);
static_assert(std::is_same_v<posix::atomic<int>, std::atomic<int>>);
static_assert(sizeof(posix::mutex) == sizeof(pthread_mutex_t));
static_assert(sizeof(posix::condition) == sizeof(pthread_cond_t));

namespace {

int alarms = 0;

// Signals that interrupt system calls, a thousand times a second.
class interruptions {
public:
    interruptions() {
        struct sigaction action = {};
        action.sa_handler = [](int) { ++alarms; };  // no SA_RESTART
        REQUIRE(::sigaction(SIGALRM, &action, &before_) == 0);
        const itimerval every = {{0, 1'000}, {0, 1'000}};
        REQUIRE(::setitimer(ITIMER_REAL, &every, nullptr) == 0);
    }
    ~interruptions() {
        const itimerval none = {};
        ::setitimer(ITIMER_REAL, &none, nullptr);
        ::sigaction(SIGALRM, &before_, nullptr);
    }

private:
    struct sigaction before_ = {};
};

}  // namespace

TEST_CASE("signals neither cut a sleep short nor fail a file operation") {
    const scratch_directory scratch;
    const posix world;
    const interruptions running;
    alarms = 0;
    const nanoseconds before = world.now();
    world.sleep(milliseconds(30));
    CHECK((world.now() - before).count >= milliseconds(30).count);
    CHECK(alarms > 0);

    auto in = world.open_directory(scratch.path("db"), directory_mode::create).value();
    auto file = in.open("x", file_mode::create).value();
    const bytes block = bytes::zeros(MiB);
    bytes back = bytes::zeros(MiB);
    const nanoseconds give_up = world.now() + seconds(20);
    int rounds = 0;
    while (alarms < 10 && world.now() < give_up) {
        const std::uint64_t at = static_cast<std::uint64_t>(rounds++ % 32) * MiB;
        file.write(at, block).value();
        file.sync().value();
        REQUIRE(file.read(at, back.data(), back.size()).value() == back.size());
    }
    CHECK(alarms >= 10);
}

TEST_CASE("random numbers do not repeat") {
    const posix world;
    std::set<std::uint64_t> drawn;
    for (int i = 0; i < 1000; ++i) drawn.insert(world.random());
    CHECK(drawn.size() == 1000);
}

TEST_CASE("the wall clock is the system's") {
    const posix world;
    const auto now = static_cast<std::int64_t>(::time(nullptr));
    const std::int64_t difference = world.wall_time().count / 1'000'000'000 - now;
    CHECK(difference >= -1);
    CHECK(difference <= 5);
}

TEST_CASE("memory that is to be in large pages keeps what is in it") {
    alignas(2 * MiB) static std::byte memory[4 * MiB];
    memory[3 * MiB] = std::byte{7};
    posix::use_large_pages(memory, sizeof memory);
    CHECK(memory[3 * MiB] == std::byte{7});
    memory[0] = std::byte{1};
    CHECK(memory[MiB] == std::byte{0});
}
