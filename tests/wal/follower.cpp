// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "log_fixture.hpp"

#include <mantis/platform/faulty.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/wal/follower.hpp>

using namespace log_test;

namespace {

using follower = log_follower<memory, crc32c>;

// All that is durable.
template <class Platform>
std::vector<std::string> drain(log_follower<Platform, crc32c>& from, lsn durable,
                               std::optional<error>* failed = nullptr) {
    std::vector<std::string> got;
    log_record record;
    while (true) {
        auto more = from.next(record, durable);
        if (!more) {
            REQUIRE(failed != nullptr);
            *failed = more.error();
            return got;
        }
        if (!*more) return got;
        CHECK(record.end <= durable);
        got.push_back(record.payload.template as<std::string>());
    }
}

std::vector<log_range> four_synced(log_fixture& log) {
    auto to = log.write();
    std::vector<log_range> ranges;
    for (std::uint64_t i = 1; i <= 4; ++i) {
        ranges.push_back(append(*to, i, "record " + std::to_string(i)));
        to->sync().value();
    }
    return ranges;
}

}  // namespace

TEST_CASE("a follower hands out what is durable, and nothing of what is not") {
    log_fixture log;
    follower from{log.directory, ours};
    CHECK(drain(from, first_lsn_of_log).empty());
    auto to = log.write();
    append(*to, 1, "one");
    append(*to, 2, "two");
    to->wait_written(to->end()).value();
    CHECK(drain(from, to->durable()).empty());
    to->sync().value();
    CHECK(drain(from, to->durable()) == std::vector<std::string>{"one", "two"});
    append(*to, 3, "three");
    to->wait_written(to->end()).value();
    CHECK(drain(from, to->durable()).empty());
    to->sync().value();
    CHECK(drain(from, to->durable()) == std::vector<std::string>{"three"});
    CHECK(from.position() == to->durable());
    CHECK(drain(from, first_lsn_of_log).empty());
}

TEST_CASE("the moving end is never called damage, whatever it looks like") {
    log_fixture log;
    const auto ranges = four_synced(log);
    const bytes name = segment_name(first_lsn_of_log);
    for (std::uint64_t at = ranges[2].position.value; at < ranges[3].end.value; at += 7)
        log.flip_bit(name, at);
    follower from{log.directory, ours};
    CHECK(drain(from, ranges[1].end).size() == 2);
    CHECK(from.finding() == log_finding::sound);
}

TEST_CASE("damage below the durable end is told with its place, and stays told") {
    for (std::size_t victim = 0; victim < 4; ++victim)
        for (const bool lost : {false, true}) {
            log_fixture log;
            const auto ranges = four_synced(log);
            const bytes name = segment_name(first_lsn_of_log);
            if (lost) log.overwrite(name, ranges[victim].position.value, bytes::zeros(4096));
            else log.flip_bit(name, ranges[victim].position.value + 50);
            follower from{log.directory, ours};
            std::optional<error> failed;
            CHECK(drain(from, ranges[3].end, &failed).size() == victim);
            REQUIRE(failed);
            CHECK(failed->code() == error_code::corrupt);
            CHECK(failed->subject() == name.view());
            const lsn end = victim == 0 ? first_lsn_of_log : ranges[victim - 1].end;
            CHECK(*failed->number("lsn") == end.value);
            CHECK(from.finding() == log_finding::damage_in_the_middle);
            log_record record;
            CHECK_FALSE(from.next(record, ranges[3].end));
        }
}

TEST_CASE("what is read wrong once is read again; what reads differently each time is an error") {
    for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{2}, fault::for_ever}) {
        log_fixture log;
        const auto ranges = four_synced(log);
        fault_plan<memory> plan{5};
        plan.inject({.kind = fault_kind::flip_on_read,
                     .count = count,
                     .first_byte = ranges[1].position.value,
                     .end_byte = ranges[1].end.value});
        faulty<memory> world{log.world, plan};
        auto in = world.open_directory("log", directory_mode::existing).value();
        log_follower<faulty<memory>, crc32c> from{in, ours};
        std::optional<error> failed;
        const auto got = drain(from, ranges[3].end, &failed);
        CHECK(got.size() == (count == fault::for_ever ? 1 : 4));
        CHECK(failed.has_value() == (count == fault::for_ever));
        if (failed) CHECK(failed->code() == error_code::io);
        plan.clear();
        CHECK(drain(from, ranges[3].end).size() == 4 - got.size());
    }
}

TEST_CASE("a follower goes on where another one ended, over segments and through any window") {
    log_fixture log;
    std::vector<std::string> expected;
    std::vector<log_range> ranges;
    auto to = log.write();
    for (std::uint64_t i = 1; i <= 120; ++i) {
        expected.push_back(std::string(i * 331 % 5000, static_cast<char>('a' + i % 26)));
        ranges.push_back(append(*to, i, expected.back()));
        if (i % 3 == 0) to->sync().value();
    }
    to->close().value();
    REQUIRE(log.segment_names().size() > 3);
    for (const std::size_t window_bytes : {1U, 500U, 300'000U})
        for (std::size_t i = 0; i <= ranges.size(); i += 9) {
            const lsn begin = i == 0 ? first_lsn_of_log : ranges[i - 1].end;
            follower from{log.directory, ours, begin, window_bytes};
            CHECK(from.position() == begin);
            CHECK(drain(from, to->durable()) ==
                  std::vector<std::string>(expected.begin() + static_cast<std::ptrdiff_t>(i),
                                           expected.end()));
        }
    for (const log_range& range : ranges) {
        if (range.end.value - range.position.value < 16) continue;
        follower inside{log.directory, ours, {range.position.value + 8}};
        std::optional<error> failed;
        CHECK(drain(inside, to->durable(), &failed).empty());
        REQUIRE(failed);
        CHECK(failed->code() == error_code::invalid_argument);
    }
    const auto names = log.segment_names();
    log.directory.remove(names[1]).value();
    follower slow{log.directory, ours};
    std::optional<error> failed;
    CHECK(drain(slow, to->durable(), &failed).size() > 5);
    REQUIRE(failed);
    CHECK(failed->code() == error_code::not_found);
    CHECK(slow.finding() == log_finding::missing_segment);
    log.directory.remove(names[0]).value();
    follower late{log.directory, ours};
    CHECK(drain(late, to->durable(), &failed).empty());
    CHECK(failed->code() == error_code::not_found);
    follower foreign{log.directory, {1, 1}, ranges.back().position};
    CHECK(drain(foreign, to->durable(), &failed).empty());
    CHECK(failed->code() == error_code::mismatch);
    CHECK(foreign.finding() == log_finding::foreign_segment);
}

namespace {

// One boot of writers and a follower that shares nothing with them but the durable LSN.
struct followed {
    std::vector<std::string> durable;  // in order of their positions, told durable
    std::vector<std::string> got;
    lsn position = first_lsn_of_log;
};

void follow(log_follower<simulated, crc32c>& from, lsn durable, followed& into) {
    log_record record;
    while (true) {
        auto more = from.next(record, durable);
        if (!more || !*more) {
            if (!more) CHECK(more.error().code() == error_code::io);
            break;
        }
        CHECK(record.position >= into.position);
        CHECK(record.end <= durable);
        into.position = record.end;
        into.got.push_back(record.payload.as<std::string>());
    }
}

void write_some(log_writer<simulated, crc32c>& to, std::uint64_t who, std::size_t size) {
    for (std::uint64_t n = 0; n < 8; ++n) {
        std::string payload = std::to_string(who) + ":" + std::to_string(n) + ":";
        payload.append((n * 613 + who * 131) % size, 'x');
        const std::vector<pending_record> one{{record_kind::commit, payload}};
        const auto range = to.append({who * 100 + n + 1}, one);
        if (!range) return;
        if ((n + who) % 2 == 0 ? !to.wait_durable(range->end) : !to.wait_written(range->end))
            return;
    }
}

}  // namespace

TEST_CASE("50 seeds: beside writers a follower gets every record once, in order") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            auto platform = world.platform();
            auto in = platform.open_directory("log", directory_mode::create).value();
            log_writer<simulated, crc32c> to{platform,         in, ours,
                                             first_lsn_of_log, 0,  {.segment_bytes = 16 * 1024}};
            simulated::atomic<std::uint32_t> writing{3};
            followed seen;
            std::vector<simulated::thread> threads;
            for (std::uint64_t who = 0; who < 3; ++who)
                threads.emplace_back([&, who] {
                    write_some(to, who, 4000);
                    writing.fetch_sub(1);
                });
            threads.emplace_back([&] {
                log_follower<simulated, crc32c> from{in, ours, first_lsn_of_log,
                                                     seed % 2 == 0 ? 600U : 262'144U};
                while (writing.load() != 0) follow(from, to.durable(), seen);
                to.close().value();
                follow(from, to.durable(), seen);
            });
            for (auto& thread : threads) thread.join();
            auto from = log_reader<simulated, crc32c>::open(in, ours).value();
            log_record record;
            std::vector<std::string> all;
            while (from.next(record).value()) all.push_back(record.payload.as<std::string>());
            CHECK(all.size() == 24);
            CHECK(seen.got == all);
        });
    }
}

TEST_CASE("60 seeds: over a power failure a follower goes on without a gap or a repetition") {
    std::size_t before_crash = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            auto platform = world.platform();
            followed seen;
            std::vector<std::string> all;
            for (int boot = 0; boot < 3; ++boot) {
                auto in = platform.open_directory("log", directory_mode::create).value();
                auto old = log_reader<simulated, crc32c>::open(in, ours).value();
                log_record record;
                while (old.next(record).value()) {}
                const log_end end = old.end();
                if (!end.segment.empty()) {
                    auto last = in.open(end.segment, file_mode::write).value();
                    last.resize(end.offset_in_segment()).value();
                    last.sync().value();
                }
                if (!end.unfinished_segment.empty()) in.remove(end.unfinished_segment).value();
                in.sync().value();
                REQUIRE(end.end >= seen.position);
                log_writer<simulated, crc32c> to{platform,
                                                 in,
                                                 ours,
                                                 end.end,
                                                 end.previous_checksum,
                                                 {.segment_bytes = 16 * 1024}};
                if (boot < 2) world.crash_at_io(5 + (seed * 7 + static_cast<unsigned>(boot)) % 60);
                simulated::atomic<std::uint32_t> writing{2};
                std::vector<simulated::thread> threads;
                for (std::uint64_t who = 0; who < 2; ++who)
                    threads.emplace_back([&, who] {
                        write_some(to, who + static_cast<unsigned>(boot) * 10, 3000);
                        writing.fetch_sub(1);
                    });
                threads.emplace_back([&] {
                    log_follower<simulated, crc32c> from{in, ours, seen.position};
                    while (writing.load() != 0) follow(from, to.durable(), seen);
                    (void)to.sync();
                    follow(from, to.durable(), seen);
                });
                for (auto& thread : threads) thread.join();
                if (boot < 2) {
                    before_crash += seen.got.size();
                    world.crash();
                    world.restart(crash_mode::random_subset);
                }
            }
            auto in = platform.open_directory("log", directory_mode::existing).value();
            auto from = log_reader<simulated, crc32c>::open(in, ours).value();
            log_record record;
            while (from.next(record).value()) all.push_back(record.payload.as<std::string>());
            CHECK(seen.got == all);
        });
    }
    CHECK(before_crash > 150);
}
