// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "keeper_fixture.hpp"

#include <mantis/platform/simulated.hpp>
#include <mantis/wal/keeper_thread.hpp>

using namespace log_test;

namespace {

using simulated_keeper = log_keeper<simulated, crc32c>;
using simulated_writer = log_writer<simulated, crc32c>;

struct counting_archive {
    std::uint64_t refusals = 0;
    std::uint64_t offers = 0;
    std::uint64_t taken = 0;
    result<void> archive(const sealed_segment&) {
        ++offers;
        if (refusals != 0) {
            --refusals;
            return error{error_code::io, "archiving"};
        }
        ++taken;
        return success();
    }
};

// A simulated log with a thread that looks after it.
struct looked_after {
    simulated platform;
    simulated::directory in = platform.open_directory("log", directory_mode::create).value();
    simulated_writer to{platform, in, ours, first_lsn_of_log, 0, {.segment_bytes = 8192}};
    counting_archive archive;
    simulated_keeper keeper;
    std::vector<log_range> ranges;

    explicit looked_after(simulation& world, bool archives = true)
        : platform{world.platform()}, keeper{platform, in, ours, options(archives)} {}
    log_keeper_options options(bool archives) {
        log_keeper_options chosen;
        if (archives) chosen.archive = archive_hook::of(archive);
        chosen.again = {.first = {}, .attempts = 1};
        return chosen;
    }
    void fill(std::uint64_t count, bool syncs = true) {
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::string payload(4000, 'x');
            const std::vector<pending_record> one{{record_kind::commit, payload}};
            ranges.push_back(to.append({ranges.size() + 1}, one).value());
            if (syncs) to.sync().value();
        }
    }
};

}  // namespace

TEST_CASE("under every kind of schedule a look archives what is complete, once") {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            looked_after log{world};
            keeper_thread<simulated, simulated_keeper, simulated_writer> thread{log.keeper, log.to};
            for (int i = 0; i < 4; ++i) {
                log.fill(1);
                thread.look();
                if (seed % 2 == 0) log.platform.sleep(milliseconds(1));
            }
            log.platform.sleep(seconds(30));
            CHECK(log.archive.taken == 3);
            CHECK(log.archive.offers == 3);
            CHECK(segments_of(log.in).size() == 4);  // nobody said that they are not needed
        });
    }
}

TEST_CASE("what the archive refused is offered again by itself, and then no timer runs") {
    simulation world{3};
    world.run([&] {
        looked_after log{world};
        keeper_thread<simulated, simulated_keeper, simulated_writer> thread{log.keeper, log.to};
        log.archive.refusals = 5;
        log.fill(3);
        thread.look();
        log.platform.sleep(milliseconds(500));
        CHECK(log.archive.offers == 1);
        log.platform.sleep(seconds(10));
        CHECK(log.archive.taken == 2);
        CHECK(log.archive.offers == 7);
        const std::uint64_t before = world.io_count();
        log.platform.sleep(seconds(100));
        CHECK(world.io_count() == before);
    });
}

TEST_CASE("a checkpoint lets the thread remove what it covers, and an older one changes nothing") {
    simulation world{4};
    world.run([&] {
        looked_after log{world, false};
        keeper_thread<simulated, simulated_keeper, simulated_writer> thread{log.keeper, log.to};
        log.fill(6);
        thread.look();
        log.platform.sleep(seconds(5));
        CHECK(segments_of(log.in).size() == 6);
        thread.needed_from(log.ranges[3].position);
        thread.needed_from(log.ranges[1].position);
        log.platform.sleep(seconds(5));
        CHECK(segments_of(log.in).front() == log.ranges[3].position);
        thread.stop();
        thread.needed_from(log.ranges[5].position);  // too late, and harmless
        CHECK(segments_of(log.in).size() == 3);
    });
}

TEST_CASE("a thread that is never asked anything is never made, and stops at once") {
    simulation world{5};
    world.run([&] {
        looked_after log{world};
        const std::uint64_t before = world.switches();
        { keeper_thread<simulated, simulated_keeper, simulated_writer> thread{log.keeper, log.to}; }
        CHECK(world.switches() == before);
    });
}

TEST_CASE("with real threads: writers, holds and the keeper's thread at once lose nothing") {
    memory world;
    auto in = world.open_directory("log", directory_mode::create).value();
    auto elsewhere = world.open_directory("archive", directory_mode::create).value();
    directory_archive<memory, crc32c> archive{elsewhere};
    std::uint64_t held = 0;
    {
        writer to{world, in, ours, first_lsn_of_log, 0, {.segment_bytes = 32 * 1024}};
        log_keeper_options chosen;
        chosen.archive = archive_hook::of(archive);
        keeper keeps{world, in, ours, chosen};
        keeper_thread<memory, keeper, writer> thread{keeps, to};
        std::vector<memory::thread> writers;
        for (std::uint64_t who = 0; who < 3; ++who)
            writers.emplace_back([&, who] {
                for (std::uint64_t i = 0; i < 200; ++i) {
                    const auto range = append(to, who * 1000 + i + 1, std::string(700, 'x'));
                    if (i % 10 == 0) to.wait_durable(range.end).value();
                    if (i % 20 == 0) thread.needed_from(to.durable());
                }
            });
        for (int i = 0; i < 50; ++i) {
            const auto hold = keeps.hold("here", to.durable());
            if (!hold) continue;
            ++held;
            const auto there = segments_of(in);
            if (!there.empty()) CHECK(there.front() <= hold->from());
            (void)keeps.stats();
        }
        for (auto& each : writers) each.join();
        to.sync().value();
        REQUIRE(keeps.archive(to.durable()));
        to.close().value();
    }
    CHECK(held > 0);
    REQUIRE(restore_segments<memory, crc32c>(archive, in, ours));
    auto from = reader::open(in, ours).value();
    log_record record;
    std::size_t records = 0;
    while (from.next(record).value()) ++records;
    CHECK(records == 600);
}
