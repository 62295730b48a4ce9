// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/guard.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

#include "conformance.hpp"
#include "death.hpp"

#include <set>
#include <string>

using namespace platform_test;

namespace {

// Three threads that append to a text at every step they get.
struct interleaving {
    std::string order;
    std::uint64_t hash = 0;
};
interleaving interleave(std::uint64_t seed) {
    simulation world{seed};
    interleaving seen;
    simulated::atomic<int> step{0};
    world.run([&] {
        std::vector<simulated::thread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&, i] {
                for (int n = 0; n < 4; ++n) {
                    ++step;
                    seen.order += static_cast<char>('a' + i);
                }
            });
        for (auto& thread : threads) thread.join();
    });
    seen.hash = world.trace_hash();
    return seen;
}

// One acknowledged file, one that was never synced, in a directory that was synced in between.
void write_two_files(simulated platform) {
    auto in = made_directory(platform, "db");
    auto synced = in.open("synced", file_mode::create).value();
    synced.write(0, "synced").value();
    synced.sync().value();
    in.sync().value();
    synced.write(6, " and not").value();
    put(in, "unsynced", "gone");
}

}  // namespace

TEST_CASE("the same seed gives the same run and the same trace hash") {
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        const interleaving first = interleave(seed);
        const interleaving second = interleave(seed);
        CHECK(first.order == second.order);
        CHECK(first.hash == second.hash);
        hashes.insert(first.hash);
    }
    CHECK(hashes.size() == 100);
}

TEST_CASE("different seeds reach different interleavings") {
    std::set<std::string> orders;
    for (std::uint64_t seed = 0; seed < 300; ++seed) orders.insert(interleave(seed).order);
    CHECK(orders.size() > 100);
    CHECK(orders.count("aaaabbbbcccc") + orders.count("ccccbbbbaaaa") > 0);
}

TEST_CASE("a lost update that real threads hide is found, and only under some seeds") {
    int lost = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        simulation world{seed};
        simulated::atomic<int> count{0};
        world.run([&] {
            const auto increment = [&] { count.store(count.load() + 1); };
            simulated::thread other{increment};
            increment();
            other.join();
        });
        lost += count.load() == 1 ? 1 : 0;
    }
    CHECK(lost > 10);
    CHECK(lost < 190);
}

TEST_CASE("an hour of sleep takes no real time and wakes everybody in order") {
    simulation world{1};
    auto platform = world.platform();
    const nanoseconds real_before = posix{}.now();
    std::string order;
    world.run([&] {
        std::vector<simulated::thread> threads;
        for (int i = 3; i > 0; --i)
            threads.emplace_back([&, i, own = platform]() mutable {
                own.sleep(seconds(i * 1200));
                order += static_cast<char>('0' + i);
            });
        for (auto& thread : threads) thread.join();
    });
    CHECK(order == "123");
    CHECK(world.now().count >= seconds(3600).count);
    CHECK(world.now().count < seconds(3601).count);
    CHECK((posix{}.now() - real_before).count < seconds(60).count);
}

TEST_CASE("a loop that only looks at the clock gets to its end") {
    simulation world{1};
    auto platform = world.platform();
    world.run([&] {
        const nanoseconds until = platform.now() + microseconds(100);
        int looks = 0;
        while (platform.now() < until) ++looks;
        CHECK(looks > 0);
    });
}

TEST_CASE("random numbers come from the seed") {
    const auto draw = [](std::uint64_t seed) {
        simulation world{seed};
        auto platform = world.platform();
        return std::vector<std::uint64_t>{platform.random(), platform.random()};
    };
    CHECK(draw(1) == draw(1));
    CHECK(draw(1) != draw(2));
}

TEST_CASE("a power failure drops exactly what was not synced") {
    simulation world{7};
    auto platform = world.platform();
    world.run([&] { write_two_files(platform); });
    world.crash();
    CHECK_FALSE(world.powered());
    world.restart(crash_mode::drop_unsynced);
    CHECK(world.powered());
    auto in = platform.open_directory("db", directory_mode::existing).value();
    CHECK(get(in, "synced") == "synced");
    CHECK_FALSE(in.exists("unsynced").value());
}

TEST_CASE("a power failure may keep any of what was not synced, never less than what was") {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] { write_two_files(platform); });
        world.restart(crash_mode::random_subset);
        auto in = platform.open_directory("db", directory_mode::existing).value();
        const std::string synced = get(in, "synced");
        CHECK(synced.substr(0, 6) == "synced");
        seen.insert(synced);
        if (in.exists("unsynced").value()) seen.insert("+" + get(in, "unsynced"));
        else seen.insert("lost");
    }
    CHECK(seen.count("synced") == 1);
    CHECK(seen.count("synced and not") == 1);
    CHECK(seen.count("+gone") == 1);  // name and bytes
    CHECK(seen.count("+") == 1);      // name without bytes
    CHECK(seen.count("lost") == 1);
}

TEST_CASE("the nth I/O fails and so does every one after it, until the power is back") {
    for (std::uint64_t nth = 1; nth <= 5; ++nth) {
        CAPTURE(nth);
        simulation world{nth};
        auto platform = world.platform();
        auto in = made_directory(platform, "db");
        auto file = in.open("x", file_mode::create).value();
        const std::uint64_t before = world.io_count();
        world.crash_at_io(nth);
        for (std::uint64_t i = 1; i <= 8; ++i) CHECK(file.write(i, "x").has_value() == (i < nth));
        CHECK_FALSE(world.powered());
        CHECK(world.io_count() == before + nth);
        CHECK_FALSE(platform.open_directory("db", directory_mode::create).has_value());
        world.restart(crash_mode::drop_unsynced);
        CHECK(platform.open_directory("db", directory_mode::existing).has_value());
    }
}

TEST_CASE("a plan to crash can be taken back") {
    simulation world{1};
    auto platform = world.platform();
    world.crash_at_io(1);
    world.crash_at_io(0);
    CHECK(platform.open_directory("db", directory_mode::create).has_value());
}

TEST_CASE("an I/O of a kind fails once, with the code asked for, and does nothing") {
    simulation world{1};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    auto file = in.open("x", file_mode::create).value();
    world.fail_io(io_kind::write, 2, error_code::no_space);
    world.fail_io(io_kind::sync, 1, error_code::io);
    file.write(0, "one").value();
    const auto refused = file.write(3, "two");
    check_fails(refused, error_code::no_space);
    CHECK(*refused.error().number("offset") == 3);
    check_fails(file.sync(), error_code::io);
    CHECK(get(in, "x") == "one");
    file.write(3, "two").value();
    file.sync().value();
    CHECK(get(in, "x") == "onetwo");
    CHECK(world.io_count(io_kind::write) == 3);
}

TEST_CASE("a full disk refuses what makes files longer, and takes it when there is room again") {
    simulation world{1, {.disk_bytes = 10'000}};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    auto first = in.open("first", file_mode::create).value();
    auto second = in.open("second", file_mode::create).value();
    first.preallocate(8'000).value();
    check_fails(second.preallocate(2'001), error_code::no_space);
    CHECK(second.size().value() == 0);
    second.preallocate(2'000).value();
    first.write(100, "inside").value();
    check_fails(first.write(7'999, "over"), error_code::no_space);
    check_fails(first.resize(8'001), error_code::no_space);
    in.remove("second").value();
    check_fails(first.write(7'999, "over"), error_code::no_space);  // it is still open
    { const auto closed = std::move(second); }
    first.write(7'999, "over").value();
    CHECK(world.used_bytes() == 8'003);
    world.limit_disk(100);
    check_fails(first.resize(9'000), error_code::no_space);
    first.resize(50).value();
    first.resize(100).value();
    world.limit_disk(0);
    first.resize(MiB).value();
}

TEST_CASE("what was opened before a power failure fails harmlessly, for ever") {
    simulation world{3};
    auto platform = world.platform();
    world.run([&] {
        auto in = made_directory(platform, "db");
        auto file = in.open("x", file_mode::create).value();
        in.lock().value();
        in.sync().value();
        world.crash();
        check_fails(file.write(0, "x"), error_code::io);
        world.restart(crash_mode::drop_unsynced);
        auto again = made_directory(platform, "db");
        again.lock().value();  // the old holder died with the power
        std::byte byte;
        check_fails(file.write(0, "x"), error_code::io);
        check_fails(file.read(0, &byte, 1), error_code::io);
        check_fails(file.sync(), error_code::io);
        check_fails(in.sync(), error_code::io);
        check_fails(in.list(), error_code::io);
        check_fails(in.open("x", file_mode::read), error_code::io);
        { const auto destroyed = std::move(in); }
        auto third = made_directory(platform, "db");
        const auto refused = third.lock();  // and the old one's end did not free the new one's lock
        check_fails(refused, error_code::locked);
        CHECK(*refused.error().number("pid") == 2);
        CHECK(get(again, "x").empty());
    });
}

TEST_CASE("handles and files may outlive their world") {
    auto left = [] {
        simulation world{1};
        auto platform = world.platform();
        auto in = made_directory(platform, "db");
        return in.open("x", file_mode::create).value();
    }();
    check_fails(left.write(0, "x"), error_code::io);
}

TEST_CASE("locks work for one thread outside of every simulation") {
    simulated::mutex mutex;
    simulated::condition changed;
    simulated::atomic<int> count{1};
    mutex.lock();
    CHECK_FALSE(mutex.try_lock());
    changed.notify_one();
    changed.notify_all();
    CHECK_FALSE(changed.wait_for(mutex, seconds(1)));
    mutex.unlock();
    CHECK(mutex.try_lock());
    mutex.unlock();
    CHECK(++count == 2);
}

TEST_CASE("threads that a run left behind are stopped and joined by who destroys their owner") {
    struct worker {
        explicit worker(simulated platform)
            : thread{[this, own = std::move(platform)]() mutable { work(own); }} {}
        ~worker() {
            {
                const lock_guard<simulated::mutex> hold{mutex};
                stopping = true;
                changed.notify_one();
            }
            thread.join();
        }
        void work(simulated&) {
            const lock_guard<simulated::mutex> hold{mutex};
            while (!stopping) rounds += changed.wait_for(mutex, milliseconds(1)) ? 0 : 1;
        }
        simulated::mutex mutex;
        simulated::condition changed;
        bool stopping = false;
        int rounds = 0;
        simulated::thread thread;
    };
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        worker* left = nullptr;
        world.run([&] {
            left = new worker{platform};
            platform.sleep(milliseconds(20));
        });
        CHECK(left->rounds > 5);
        delete left;
    }
}

TEST_CASE("a dead-lock stops the program and says who waits for what") {
    const death end = death_of([] {
        for (std::uint64_t seed = 0; seed < 200; ++seed) {
            simulation world{seed};
            simulated::mutex first;
            simulated::mutex second;
            world.run([&] {
                simulated::thread other{[&] {
                    const lock_guard<simulated::mutex> hold_second{second};
                    const lock_guard<simulated::mutex> hold_first{first};
                }};
                {
                    const lock_guard<simulated::mutex> hold_first{first};
                    const lock_guard<simulated::mutex> hold_second{second};
                }
                other.join();
            });
        }
    });
    CHECK(end.signal == SIGABRT);
    CAPTURE(end.said);
    CHECK(contains(end.said, "mantis: simulation of seed "));
    CHECK(contains(end.said, "dead-lock after "));
    CHECK(contains(end.said, "thread 0 waits for a mutex, held by thread 1"));
    CHECK(contains(end.said, "thread 1 waits for a mutex, held by thread 0"));
}

TEST_CASE("a lost wake-up is a dead-lock that names the condition") {
    const death end = death_of([] {
        simulation world{1};
        simulated::mutex mutex;
        simulated::condition changed;
        world.run([&] {
            const lock_guard<simulated::mutex> hold{mutex};
            changed.wait(mutex);
        });
    });
    CHECK(end.signal == SIGABRT);
    CHECK(contains(end.said, "thread 0 waits on a condition"));
}

TEST_CASE("threads that spin for ever are stopped at the step limit") {
    const death end = death_of([] {
        simulation world{1, {.max_steps = 10'000}};
        simulated::atomic<int> never{0};
        world.run([&] {
            while (never.load() == 0) {}
        });
    });
    CHECK(end.signal == SIGABRT);
    CHECK(contains(end.said, "no end after 10001 steps"));
}

TEST_CASE("a world that ends before its threads stops the program and names them") {
    const death end = death_of([] {
        auto* const world = new simulation{1};
        auto* const mutex = new simulated::mutex;
        auto* const changed = new simulated::condition;
        world->run([&] {
            new simulated::thread{[=] {
                const lock_guard<simulated::mutex> hold{*mutex};
                changed->wait(*mutex);
            }};
            world->platform().sleep(seconds(1));
        });
        delete world;
    });
    CHECK(end.signal == SIGABRT);
    CHECK(contains(end.said, "destroyed with threads"));
    CHECK(contains(end.said, "thread 1 waits on a condition"));
}

TEST_CASE("a run inside a run is refused") {
    const death end = death_of([] {
        simulation world{1};
        world.run([&] { world.run([] {}); });
    });
    CHECK(end.signal == SIGABRT);
    CHECK(contains(end.said, "simulation::run() inside of a simulated thread"));
}
