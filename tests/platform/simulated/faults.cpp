// SPDX-License-Identifier: BSL-1.0
//
// Faults as class simulation injects them: what each does, also when the power fails.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>

#include "../fault_promises.hpp"

using namespace platform_test;

namespace {

struct stage {
    explicit stage(std::uint64_t seed) : world{seed} {}

    simulation world;
    simulated platform = world.platform();
    std::string root = "db";

    void inject(const fault& what) { world.inject(what); }
    void clear_faults() { world.clear_faults(); }
    [[nodiscard]] std::uint64_t struck(fault_kind kind) { return world.struck(kind); }
};

// Two synced words of four bytes, of which the second's sync was struck, after a power failure.
std::string after_struck_sync(std::uint64_t seed, const fault& what, bool synced_again) {
    simulation world{seed};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    auto file = in.open("x", file_mode::create).value();
    in.sync().value();
    file.write(0, "old ").value();
    file.sync().value();
    file.write(0, "new ").value();
    world.inject(what);
    (void)file.sync();
    file.write(4, "more").value();
    if (synced_again) file.sync().value();
    world.restart(crash_mode::drop_unsynced);
    auto again = made_directory(platform, "db");
    return get(again, "x");
}

}  // namespace

TEST_CASE("each fault does what it says in the simulator") {
    for_each_fault_promise<stage>([](const char* name, auto promise) {
        CAPTURE(name);
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
            stage made{seed};
            promise(made);
            stage in_run{seed + 100};
            in_run.world.run([&] { promise(in_run); });
        }
    });
}

TEST_CASE("a sync that lies or fails loses what it had to settle, and how long is planned") {
    for (const fault_kind kind : {fault_kind::lying_sync, fault_kind::fail}) {
        const auto after = [kind](failed_sync how, bool synced_again) {
            return after_struck_sync(1, {.kind = kind, .on = io_kind::sync, .after_sync = how},
                                     synced_again);
        };
        CHECK(after(failed_sync::keeps, false) == "old ");
        CHECK(after(failed_sync::keeps, true) == "new more");
        CHECK(after(failed_sync::forgets, true) == "old more");
        CHECK(after(failed_sync::reverts, true) == "old more");
    }
}

TEST_CASE("a sync that fails halfway has settled some of the writes, the earlier ones first") {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        auto in = made_directory(platform, "db");
        auto file = in.open("x", file_mode::create).value();
        in.sync().value();
        for (std::uint64_t i = 0; i < 4; ++i) file.write(i, "x").value();
        world.inject({.kind = fault_kind::fail_halfway, .on = io_kind::sync});
        CHECK_FALSE(file.sync().has_value());
        world.restart(crash_mode::drop_unsynced);
        auto again = made_directory(platform, "db");
        seen.insert(get(again, "x"));
    }
    CHECK(seen == std::set<std::string>{"", "x", "xx", "xxx"});
}

TEST_CASE("a lying sync of a directory loses the names") {
    simulation world{1};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    world.inject({.kind = fault_kind::lying_sync});
    put(in, "x", "here");
    in.sync().value();
    world.restart(crash_mode::drop_unsynced);
    auto again = made_directory(platform, "db");
    CHECK_FALSE(again.exists("x").value());
}

TEST_CASE("other threads see a write that comes in parts half done") {
    int half_done = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] {
            auto in = made_directory(platform, "db");
            auto file = in.open("x", file_mode::create).value();
            world.inject({.kind = fault_kind::split, .on = io_kind::write});
            simulated::thread other{[&] { file.write(0, std::string(1000, 'n')).value(); }};
            for (int i = 0; i < 20; ++i) {
                const std::uint64_t size = file.size().value();
                if (size != 0 && size != 1000) {
                    ++half_done;
                    break;
                }
            }
            other.join();
            CHECK(contents_of(file) == std::string(1000, 'n'));
        });
    }
    CHECK(half_done > 10);
}

TEST_CASE("power that fails between the parts of a write leaves the earlier ones to be synced") {
    int cut = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] {
            auto in = made_directory(platform, "db");
            auto file = in.open("x", file_mode::create).value();
            in.sync().value();
            world.inject({.kind = fault_kind::split, .on = io_kind::write});
            bool written = true;
            simulated::thread other{
                [&] { written = file.write(0, std::string(1000, 'n')).has_value(); }};
            while (file.size().value() == 0) platform.sleep(microseconds(1));
            const bool part = file.size().value() < 1000;
            world.crash();
            other.join();
            world.restart(crash_mode::process_only);
            auto again = made_directory(platform, "db");
            const std::string left = get(again, "x");
            CHECK(left == std::string(left.size(), 'n'));
            if (part && left.size() < 1000) CHECK_FALSE(written);
            cut += !written && left.size() < 1000 ? 1 : 0;
        });
    }
    CHECK(cut > 10);
}

TEST_CASE("a flip at rest is on the platters") {
    simulation world{1};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    put(in, "x", "here");
    in.open("x", file_mode::write).value().sync().value();
    in.sync().value();
    world.inject({.kind = fault_kind::flip_at_rest, .on = io_kind::read});
    const std::string wrong = get(in, "x");
    CHECK(different_bits(wrong, "here") == 1);
    world.restart(crash_mode::drop_unsynced);
    auto again = made_directory(platform, "db");
    CHECK(get(again, "x") == wrong);
}

TEST_CASE("a restart takes the plans to fail back") {
    simulation world{1};
    auto platform = world.platform();
    world.inject({.count = fault::for_ever});
    check_fails(platform.open_directory("db", directory_mode::create), error_code::io);
    world.restart(crash_mode::drop_unsynced);
    CHECK(platform.open_directory("db", directory_mode::create).has_value());
}

TEST_CASE("space that a full disk refused is there again some writes later") {
    simulation world{1};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    auto file = in.open("x", file_mode::create).value();
    world.inject({.on = space_io, .code = error_code::no_space, .nth = 3, .count = 4});
    std::string answers;
    for (std::uint64_t i = 0; i < 10; ++i) answers += file.write(i, "x") ? '+' : '-';
    CHECK(answers == "++----++++");
}

TEST_CASE("a power failure tears at the sectors of the options, or of the seed's choice") {
    const auto cuts = [](std::uint64_t seed, std::uint64_t sector_bytes) {
        simulation world{seed, {.sector_bytes = sector_bytes}};
        auto platform = world.platform();
        auto in = made_directory(platform, "db");
        put(in, "x", std::string(16'384, 'o'));
        auto file = in.open("x", file_mode::write).value();
        file.sync().value();
        in.sync().value();
        file.write(0, std::string(16'384, 'n')).value();
        world.restart(crash_mode::random_subset);
        auto again = made_directory(platform, "db");
        const std::string after = get(again, "x");
        bool between = false;  // sectors of 512 that are no sectors of 4096
        for (std::size_t at = 1; at < after.size(); ++at) {
            if (after[at] == after[at - 1]) continue;
            CHECK(at % 512 == 0);
            between = between || at % 4096 != 0;
        }
        return between;
    };
    int between = 0;
    int drawn_between = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CHECK_FALSE(cuts(seed, 4096));
        between += cuts(seed, 512) ? 1 : 0;
        drawn_between += cuts(seed, 0) ? 1 : 0;
    }
    CHECK(between > 10);
    CHECK(drawn_between > 0);
    CHECK(drawn_between < between);
}

TEST_CASE("the same seed and the same faults give the same trace hash") {
    const auto run = [](std::uint64_t seed, std::uint64_t one_in) {
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] {
            auto in = made_directory(platform, "db");
            auto file = in.open("x", file_mode::create).value();
            for (std::size_t kind = 0; kind < fault_kind_count; ++kind)
                world.inject({.kind = static_cast<fault_kind>(kind),
                              .one_in = one_in,
                              .count = fault::for_ever});
            std::vector<simulated::thread> threads;
            for (std::uint64_t i = 0; i < 3; ++i)
                threads.emplace_back([&file, i] {
                    for (std::uint64_t n = 0; n < 30; ++n) {
                        (void)file.write(i * 1000 + n * 7, "some bytes");
                        (void)file.sync();
                    }
                });
            for (auto& thread : threads) thread.join();
        });
        return world.trace_hash();
    };
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const std::uint64_t hash = run(seed, 5);
        CHECK(run(seed, 5) == hash);
        CHECK(run(seed, 4) != hash);
        hashes.insert(hash);
    }
    CHECK(hashes.size() == 20);
}
