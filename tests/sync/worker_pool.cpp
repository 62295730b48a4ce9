// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../platform/death.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>
#include <mantis/sync/worker_pool.hpp>

#include <memory>
#include <string>

using namespace mantis;
using platform_test::contains;
using platform_test::death_of;

namespace {

// How often a task ran and how often it was destroyed, moved-from shells not counted.
template <class Platform>
struct fate {
    typename Platform::template atomic<int> runs{0};
    typename Platform::template atomic<int> ends{0};
};

// A task that tells its fate. Can be moved only.
template <class Platform, std::size_t PaddingBytes>
class witness {
public:
    explicit witness(fate<Platform>& of) noexcept : of_{&of} {}
    witness(witness&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
    witness& operator=(witness&&) = delete;
    ~witness() {
        if (of_ != nullptr) of_->ends.fetch_add(1);
    }
    void operator()() { of_->runs.fetch_add(1); }
    [[nodiscard]] bool still_there() const noexcept { return of_ != nullptr; }

private:
    fate<Platform>* of_;
    char padding_[PaddingBytes] = {};
};

// Several threads submit in every way, another stops the pool at some moment.
//   Returns     whether each task that was taken ran or was dropped, once, and the report says so
template <class Platform>
bool each_task_has_one_fate(std::uint32_t workers, std::size_t submitters, std::size_t each,
                            nanoseconds wait, nanoseconds grace) {
    using parking = typename Platform::parking;
    std::vector<fate<Platform>> fates(submitters * each);
    std::vector<char> taken(fates.size());
    stop_report report;
    bool right = true;
    {
        worker_pool<Platform> pool{{.workers = workers, .max_queued = 3}};
        std::vector<typename Platform::thread> threads;
        for (std::size_t number = 0; number < submitters; ++number)
            threads.emplace_back([&, number] {
                for (std::size_t i = 0; i < each; ++i) {
                    const std::size_t at = number * each + i;
                    if (i % 3 == 0)
                        taken[at] = pool.submit(witness<Platform, 8>{fates[at]}) ? 1 : 0;
                    else
                        taken[at] = pool.submit_until(parking::now() + microseconds(20),
                                                      witness<Platform, 200>{fates[at]})
                                        ? 1
                                        : 0;
                }
            });
        const nanoseconds moment = parking::now() + wait;
        typename parking::word nobody{0};
        while (parking::wait(nobody, 0, moment)) {}
        (void)pool.stop(parking::now() + grace);
        for (auto& thread : threads) thread.join();
        report = pool.stop(parking::never);
        right = report.running.empty() && pool.counts().queued == 0;
    }
    std::uint64_t ran = 0;
    std::uint64_t dropped = 0;
    for (std::size_t at = 0; at < fates.size(); ++at) {
        const int runs = fates[at].runs.load();
        if (runs > taken[at] || fates[at].ends.load() != 1) right = false;
        ran += static_cast<std::uint64_t>(runs);
        dropped += taken[at] != 0 && runs == 0 ? 1u : 0u;
    }
    return right && ran == report.finished && dropped == report.dropped;
}

// Counts what it is told.
struct tally {
    simulated::atomic<std::uint64_t> count{0};
    simulated::atomic<std::uint64_t> sum{0};
    void record(std::uint64_t ns) {
        count.fetch_add(1);
        sum.fetch_add(ns);
    }
};

// A task of the pool that lasts until it is told to end.
struct gate {
    simulated platform;
    simulated::atomic<bool> open{false};
    void pass() {
        while (!open.load()) platform.sleep(microseconds(100));
    }
};

}  // namespace

TEST_CASE("every schedule: a task that was taken runs once or is dropped once") {
    for (const nanoseconds grace : {nanoseconds{0}, seconds(1)}) {
        const auto report = exhaustive_schedules(
            [&](simulation& world) {
                bool right = false;
                world.run([&] {
                    right = each_task_has_one_fate<simulated>(1, 1, 2, nanoseconds{0}, grace);
                });
                return right;
            },
            {.max_preemptions = 2});
        CHECK(report.exhausted);
        CHECK_FALSE(report.failed);
        CHECK(report.runs > 1'000);
    }
}

TEST_CASE("500 seeds: a task that was taken runs once or is dropped once") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            const auto drawn = static_cast<std::int64_t>(seed % 7);
            CHECK(each_task_has_one_fate<simulated>(1 + static_cast<std::uint32_t>(seed % 3), 2, 6,
                                                    microseconds(4 * drawn),
                                                    microseconds(drawn % 3)));
        });
    }
}

TEST_CASE("real threads: a task that was taken runs once or is dropped once") {
    for (int i = 0; i < 10; ++i)
        CHECK(each_task_has_one_fate<posix>(3, 3, 300, milliseconds(i), microseconds(10 * i)));
}

TEST_CASE("one worker runs tasks in the order in which they were taken") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([] {
            std::string order;
            {
                worker_pool<simulated> pool{{.workers = 1}};
                for (char name = 'a'; name < 'k'; ++name)
                    REQUIRE(pool.submit([&order, name] { order += name; }));
            }
            CHECK(order == "abcdefghij");  // the destructor drops nothing
        });
    }
}

TEST_CASE("a full queue refuses, and leaves the caller its task") {
    simulation world{1};
    gate shut{world.platform()};
    world.run([&] {
        worker_pool<simulated> pool{{.name = "sweeper", .workers = 1, .max_queued = 2}};
        fate<simulated> refused;
        REQUIRE(pool.submit([&] { shut.pass(); }));
        while (pool.counts().running == 0) shut.platform.sleep(microseconds(1));
        REQUIRE(pool.submit([] {}));
        REQUIRE(pool.submit([] {}));
        witness<simulated, 8> kept{refused};
        const auto answer = pool.submit(std::move(kept));
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code() == error_code::out_of_memory);
        CHECK(answer.error().kind() == error_class::resource);
        CHECK(answer.error().subject() == "sweeper");
        CHECK(*answer.error().number("queued") == 2);
        CHECK(kept.still_there());
        CHECK(pool.counts().refused == 1);
        CHECK(pool.counts().queued == 2);
        shut.open.store(true);
    });
}

TEST_CASE("who may wait for room gets it, or its time is up") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        gate shut{world.platform()};
        world.run([&] {
            worker_pool<simulated> pool{{.workers = 1, .max_queued = 1}};
            REQUIRE(pool.submit([&] { shut.pass(); }));
            while (pool.counts().running == 0) shut.platform.sleep(microseconds(1));
            REQUIRE(pool.submit([] {}));
            const nanoseconds start = simulated::parking::now();
            const auto late = pool.submit_until(start + milliseconds(5), [] {});
            REQUIRE_FALSE(late);
            CHECK(late.error().code() == error_code::timed_out);
            CHECK(simulated::parking::now() >= start + milliseconds(5));
            CHECK(simulated::parking::now() < start + milliseconds(6));
            std::vector<simulated::thread> others;
            for (int i = 0; i < 3; ++i)
                others.emplace_back(
                    [&] { CHECK(pool.submit_until(simulated::parking::never, [] {})); });
            shut.platform.sleep(milliseconds(1));
            CHECK(pool.counts().queued == 1);
            shut.open.store(true);
            for (auto& other : others) other.join();
        });
    }
}

TEST_CASE("a task submits another, and does not wait for room that only it can make") {
    simulation world{1};
    world.run([&] {
        int ran = 0;
        error_code refused = error_code::closed;
        {
            worker_pool<simulated> pool{{.workers = 1, .max_queued = 1}};
            REQUIRE(pool.submit([&] {
                ++ran;
                REQUIRE(pool.submit_until(simulated::parking::never, [&] { ++ran; }));
                const auto answer = pool.submit_until(simulated::parking::never, [&] { ++ran; });
                REQUIRE_FALSE(answer);
                refused = answer.error().code();
            }));
            while (pool.counts().finished != 2) world.platform().sleep(microseconds(1));
        }
        CHECK(ran == 2);
        CHECK(refused == error_code::out_of_memory);
    });
}

TEST_CASE("a stop runs what it can until the deadline, drops the rest and names what runs on") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] {
            fate<simulated> fates[10];
            worker_pool<simulated> pool{{.name = "flush", .workers = 1}};
            const nanoseconds start = simulated::parking::now();
            for (auto& one : fates)
                REQUIRE(pool.submit(
                    [&platform, body = witness<simulated, 8>{one}]() mutable {
                        platform.sleep(milliseconds(10));
                        body();
                    },
                    "a slow one"));
            const stop_report report = pool.stop(start + milliseconds(35));
            CHECK(simulated::parking::now() < start + milliseconds(37));
            CHECK(report.finished == 3);
            CHECK(report.dropped == 6);
            REQUIRE(report.running.size() == 1);
            CHECK(bytes_view{report.running[0].label} == "a slow one");
            CHECK(report.running[0].worker.view() == "flush 1");
            CHECK(report.running[0].since >= start + milliseconds(30));
            CHECK(report.running[0].since < start + milliseconds(32));
            CHECK(fates[9].ends.load() == 1);  // what it captured is gone
            CHECK(fates[9].runs.load() == 0);
            const auto refused = pool.submit([] {});
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code() == error_code::closed);
            const stop_report again = pool.stop(simulated::parking::never);
            CHECK(again.finished == 4);
            CHECK(again.dropped == 6);
            CHECK(again.running.empty());
        });
    }
}

TEST_CASE("who waits for room learns of the stop") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        gate shut{world.platform()};
        world.run([&] {
            worker_pool<simulated> pool{{.workers = 1, .max_queued = 1}};
            REQUIRE(pool.submit([&] { shut.pass(); }));
            while (pool.counts().running == 0) shut.platform.sleep(microseconds(1));
            REQUIRE(pool.submit([] {}));
            simulated::thread other{[&] {
                const auto answer = pool.submit_until(simulated::parking::never, [] {});
                REQUIRE_FALSE(answer);
                CHECK(answer.error().code() == error_code::closed);
            }};
            shut.platform.sleep(milliseconds(1));
            CHECK(pool.stop(simulated::parking::now()).running.size() == 1);
            other.join();
            shut.open.store(true);
        });
    }
}

TEST_CASE("an idle pool takes no step, however long it waits") {
    simulation world{1};
    auto platform = world.platform();
    world.run([&] {
        worker_pool<simulated> pool{{.workers = 4}};
        platform.sleep(milliseconds(1));  // all workers are idle
        REQUIRE(pool.submit([] {}));
        platform.sleep(milliseconds(10));
        CHECK(pool.counts().finished == 1);
        const std::uint64_t before = world.steps();
        platform.sleep(seconds(3'600));
        CHECK(world.steps() - before <= 2);
    });
}

TEST_CASE("tasks run side by side, under the names of their threads") {
    simulation world{1};
    auto platform = world.platform();
    world.run([&] {
        worker_pool<simulated> pool{{.name = "a very long name", .workers = 3}};
        const nanoseconds start = simulated::parking::now();
        std::string seen[3];
        for (std::string& name : seen)
            REQUIRE(pool.submit(
                [&] {
                    name = simulated::parking::this_thread_name().view().as<std::string>();
                    platform.sleep(milliseconds(10));
                },
                "sleep"));
        platform.sleep(milliseconds(5));
        CHECK(pool.running().size() == 3);
        CHECK(pool.stop(simulated::parking::never).finished == 3);
        CHECK(simulated::parking::now() < start + milliseconds(12));
        std::string all = seen[0] + "," + seen[1] + "," + seen[2];
        for (const char* const name : {"a very long 1", "a very long 2", "a very long 3"})
            CHECK(all.find(name) != std::string::npos);
    });
}

TEST_CASE("a watch is told how long each task waited and ran") {
    simulation world{1};
    auto platform = world.platform();
    world.run([&] {
        worker_pool<simulated, tally> pool{{.workers = 1}};
        for (int i = 0; i < 3; ++i) REQUIRE(pool.submit([&] { platform.sleep(milliseconds(10)); }));
        CHECK(pool.stop(simulated::parking::never).finished == 3);
        CHECK(pool.queue_times().count.load() == 3);
        CHECK(pool.run_times().count.load() == 3);
        const auto close_to = [](std::uint64_t ns, std::uint64_t ms) {
            return ns >= ms * 1'000'000 && ns < (ms + 1) * 1'000'000;
        };
        CHECK(close_to(pool.run_times().sum.load(), 30));
        CHECK(close_to(pool.queue_times().sum.load(), 0 + 10 + 20));
    });
}

TEST_CASE("what a task captured is destroyed once, small or large") {
    fate<posix> small;
    fate<posix> large;
    {
        worker_pool<posix> pool{{.workers = 1}};
        REQUIRE(pool.submit(witness<posix, 8>{small}));
        REQUIRE(pool.submit(witness<posix, 4'000>{large}));
        auto owned = std::make_unique<int>(7);
        int found = 0;
        REQUIRE(pool.submit([owned = std::move(owned), &found] { found = *owned; }));
        CHECK(pool.stop(posix::parking::never).finished == 3);
        CHECK(found == 7);
    }
    CHECK(small.runs.load() == 1);
    CHECK(small.ends.load() == 1);
    CHECK(large.runs.load() == 1);
    CHECK(large.ends.load() == 1);
}

TEST_CASE("misuse stops the program with a sentence") {
    CHECK(contains(death_of([] {
                       worker_pool<posix> pool{{.workers = 1}};
                       (void)pool.submit([&] { (void)pool.stop(posix::parking::never); });
                       (void)pool.stop(posix::parking::never);
                   }).said,
                   "stopped or destroyed by one of its own tasks"));
    CHECK(contains(death_of([] { worker_pool<posix> none{{.workers = 0}}; }).said,
                   "a worker pool without workers"));
}
