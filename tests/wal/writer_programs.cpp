// SPDX-License-Identifier: BSL-1.0
//
// Random programs of several writers over small units and segments, under every kind of schedule,
// ended by a power failure, by the end of the process, by I/O that fails, or in order.
#include <doctest/doctest.h>

#include "log_fixture.hpp"

#include <mantis/platform/simulated.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

#include <algorithm>
#include <map>
#include <utility>

using namespace log_test;

namespace {

using simulated_writer = log_writer<simulated, crc32c>;

// What an append was told.
struct told {
    log_range range;
    std::string payload;
    bool written = false;
    bool durable = false;
};

struct program {
    explicit program(std::uint64_t seed) : roll{seed} {
        options.segment_bytes = 8192ULL << roll.below(4);
        options.buffer_bytes = 4096ULL << roll.below(4);
        options.zero_ahead_bytes = roll.below(2) * 16 * 1024;
        threads = 1 + roll.below(4);
        steps = 4 + roll.below(12);
    }

    // One thread of it. It sleeps now and then, so that it comes at any moment of what others do.
    void work(simulated platform, simulated_writer& to, std::uint64_t who, seeded_random dice) {
        for (std::uint64_t n = 0; n < steps; ++n) {
            if (dice.one_in(2)) platform.sleep(nanoseconds{dice.between(0, 300'000)});
            const std::uint64_t size = dice.below(dice.below(12) == 0 ? 30'000 : 1'500);
            std::string payload = std::to_string(who) + ":" + std::to_string(n) + ":";
            payload.append(size, static_cast<char>('a' + n % 26));
            const std::vector<pending_record> one{{record_kind::commit, payload}};
            const auto range = to.append({who * 1000 + n + 1}, one);
            if (!range) {  // the log failed
                if (range.error().code() != error_code::unknown_outcome)
                    refused[who] = std::move(payload);
                return;
            }
            all[who].push_back({*range, std::move(payload), false, false});
            told& mine = all[who].back();
            const std::uint64_t what = dice.below(4);
            if (what == 1) mine.written = to.wait_written(range->end).has_value();
            if (what >= 2) mine.durable = to.wait_durable(range->end).has_value();
        }
    }

    void run(simulation& world) {
        auto platform = world.platform();
        auto in = platform.open_directory("log", directory_mode::create);
        if (!in) return;
        simulated_writer to{platform, *in, ours, first_lsn_of_log, 0, options};
        std::vector<simulated::thread> running;
        for (std::uint64_t who = 0; who < threads; ++who)
            running.emplace_back(
                [&, who, dice = seeded_random{roll.next()}] { work(platform, to, who, dice); });
        // What was told never goes back.
        simulated::atomic<bool> over{false};
        bool forward = true;
        simulated::thread observer{[&] {
            lsn written;
            lsn durable;
            while (!over.load()) {
                const lsn before = std::exchange(durable, to.durable());
                forward = forward && durable >= before;
                const lsn earlier = std::exchange(written, to.written());
                forward = forward && written >= earlier;
                platform.sleep(microseconds(20));
            }
        }};
        for (auto& thread : running) thread.join();
        over.store(true);
        observer.join();
        CHECK(forward);
        CHECK(to.durable() <= to.written());
        CHECK(to.written() <= to.end());
        if (!closes || !to.close()) return;
        for (auto& [who, its] : all)
            for (told& each : its) each.durable = true;
    }

    seeded_random roll;
    log_options options;
    std::uint64_t threads = 0;
    std::uint64_t steps = 0;
    bool closes = false;
    std::map<std::uint64_t, std::vector<told>> all;
    std::map<std::uint64_t, std::string> refused;
};

// Every record that is there is one that was appended, at its place; every one that must be there
// is.
void compare(simulation& world, const program& ran, bool power_failed) {
    world.run([&] {
        auto platform = world.platform();
        auto in = platform.open_directory("log", directory_mode::create).value();
        auto from = log_reader<simulated, crc32c>::open(in, ours).value();
        std::map<std::uint64_t, std::string> found;
        log_record record;
        while (true) {
            const auto more = from.next(record);
            REQUIRE(more);
            if (!*more) break;
            found[record.position.value] = record.payload.as<std::string>();
        }
        for (const bytes& name : in.list().value()) {
            const auto size = in.open(name, file_mode::read).value().size().value();
            CHECK(size <= std::max<std::uint64_t>(ran.options.segment_bytes, 40'000));
        }
        std::size_t known = 0;
        for (const auto& [who, its] : ran.all) {
            bool missing = false;  // of this thread: then what it appended later is missing too
            for (const told& each : its) {
                const auto at = found.find(each.range.position.value);
                if (at == found.end()) {
                    CHECK_FALSE(each.durable);
                    CHECK((power_failed || !each.written));
                    missing = true;
                    continue;
                }
                CHECK_FALSE(missing);
                CHECK(at->second == each.payload);
                ++known;
            }
        }
        for (const auto& [who, payload] : ran.refused)
            for (const auto& [position, its] : found) CHECK(its != payload);
        CHECK(found.size() - known <= ran.threads);  // appended, and the append was never answered
    });
}

}  // namespace

TEST_CASE(
    "random programs: what was told durable survives the power, what was told written the "
    "process") {
    std::uint64_t lost = 0;
    std::uint64_t segments = 0;
    for (std::uint64_t seed = 1; seed <= 1'500; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        program ran{seed};
        const std::uint64_t end = seed % 4;
        ran.closes = end == 0;
        if (end != 0) world.crash_at_io(1 + ran.roll.below(60));
        if (end == 1)
            world.inject(
                {.kind = ran.roll.below(2) == 0 ? fault_kind::fail : fault_kind::fail_halfway,
                 .on = ran.roll.below(2) == 0 ? io_kind::sync : io_kind::write,
                 .nth = 1 + ran.roll.below(12)});
        world.run([&] { ran.run(world); });
        const bool power_fails = end != 0 && seed % 8 < 4;
        world.crash();
        world.restart(power_fails ? crash_mode::random_subset : crash_mode::process_only);
        compare(world, ran, power_fails);
        for (const auto& [who, its] : ran.all)
            for (const told& each : its) lost += each.durable ? 0 : 1;
        segments += ran.options.segment_bytes < 20'000 ? 1 : 0;
    }
    CHECK(lost > 1'000);
    CHECK(segments > 300);
}

TEST_CASE("what an append refused is not there, though a write that failed halfway reached it") {
    int refused = 0;
    for (std::uint64_t seed = 1; seed <= 800; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        program ran{seed};
        // Units are full often, and another thread syncs the one behind meanwhile.
        ran.options = {.segment_bytes = 1 << 20, .zero_ahead_bytes = 0, .buffer_bytes = 4096};
        ran.threads = 4;
        ran.steps = 8;
        world.inject({.kind = fault_kind::fail_halfway,
                      .on = io_kind::write,
                      .nth = 2 + ran.roll.below(24)});
        world.run([&] { ran.run(world); });
        world.crash();
        world.restart(crash_mode::process_only);
        compare(world, ran, false);
        refused += static_cast<int>(ran.refused.size());
    }
    CHECK(refused > 200);
}

TEST_CASE("every schedule of two writers with two preemptions: both are durable, and in order") {
    const auto report = exhaustive_schedules(
        [](simulation& world) {
            bool good = true;
            world.run([&] {
                auto platform = world.platform();
                auto in = platform.open_directory("log", directory_mode::create).value();
                simulated_writer to{platform,
                                    in,
                                    ours,
                                    first_lsn_of_log,
                                    0,
                                    {.segment_bytes = 8192,
                                     .zero_ahead_bytes = 0,
                                     .buffer_bytes = 4096,
                                     .spare_segment = false}};
                const std::string half(2000, 'x');  // two fill a unit, and a segment
                const auto work = [&](std::uint64_t who) {
                    const std::vector<pending_record> one{{record_kind::commit, half}};
                    for (std::uint64_t n = 0; n < 2; ++n) {
                        const auto range = to.append({who * 10 + n}, one);
                        good = good && range && (n == 0 || to.wait_durable(range->end)) &&
                               to.durable() <= to.written();
                    }
                };
                simulated::thread other{[&] { work(2); }};
                work(1);
                other.join();
                good = good && to.close();
                auto from = log_reader<simulated, crc32c>::open(in, ours).value();
                log_record record;
                std::uint64_t last[3] = {};
                for (int i = 0; i < 4; ++i) {
                    const auto more = from.next(record);
                    good = good && more && *more;
                    if (!good) return;
                    const std::uint64_t who = record.transaction.value / 10;
                    good = good && record.payload == bytes_view{half} &&
                           record.transaction.value % 10 == last[who]++;
                }
                const auto more = from.next(record);
                good = good && more && !*more;
            });
            return good;
        },
        {.max_preemptions = 2});
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 1000);
}
