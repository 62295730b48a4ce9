// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "keeper_fixture.hpp"

#include <mantis/platform/faulty.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/wal/truncation.hpp>

using namespace log_test;

namespace {

// Twelve records, two of them in most segments.
struct long_log : log_fixture {
    std::vector<log_range> ranges;
    long_log() {
        options.segment_bytes = 12288;
        auto to = write();
        for (std::uint64_t i = 0; i < 12; ++i) {
            ranges.push_back(append(*to, i + 1, std::string(2000, 'a')));
            if (i % 2 == 1) to->sync().value();
        }
        to->sync().value();
    }
    result<log_truncation> truncate(lsn end, lsn floor = {}) {
        return truncate_log<memory, crc32c>(directory, ours, end, floor);
    }
};

// A log of eight records whose truncation is cut off by a power failure.
class crashing_truncation {
public:
    explicit crashing_truncation(std::uint64_t seed) : seed_{seed}, keep_{1 + seed % 4} {}

    //   Returns     whether the power failed inside
    bool is_cut_off_at(std::uint64_t nth) {
        simulation world{seed_ * 1000 + nth, {.scheduling = drawn_schedule(seed_)}};
        bool cut_off = false;
        world.run([&] {
            write(world);
            const lsn end = ranges_[keep_ - 1].end;
            auto in = open(world);
            world.crash_at_io(nth);
            (void)truncate_log<simulated, crc32c>(in, ours, end);
            cut_off = !world.powered();
            world.restart(seed_ % 3 == 0 ? crash_mode::drop_unsynced : crash_mode::random_subset);
            in = open(world);
            CHECK(count(in) >= keep_);
            const auto done = truncate_log<simulated, crc32c>(in, ours, end);
            REQUIRE(done);
            CHECK(count(in) == keep_);
            // What was answered survives, and so does what comes after.
            world.restart(crash_mode::drop_unsynced);
            in = open(world);
            CHECK(count(in) == keep_);
            go_on(world, in, *done);
            world.restart(crash_mode::random_subset);
            in = open(world);
            CHECK(count(in) == keep_ + 1);
        });
        return cut_off;
    }

private:
    using simulated_writer = log_writer<simulated, crc32c>;

    static simulated::directory open(simulation& world) {
        return world.platform().open_directory("log", directory_mode::create).value();
    }
    void write(simulation& world) {
        auto in = open(world);
        simulated_writer to{world.platform(), in, ours,
                            first_lsn_of_log, 0,  {.segment_bytes = 12288}};
        for (std::uint64_t i = 1; i <= 8; ++i) {
            const std::string payload(2000, static_cast<char>('a' + i));
            const std::vector<pending_record> one{{record_kind::commit, payload}};
            ranges_.push_back(to.append({i}, one).value());
            if (i % 2 == seed_ % 2) to.sync().value();
        }
        to.sync().value();
    }
    void go_on(simulation& world, simulated::directory& in, const log_truncation& from) {
        simulated_writer to{world.platform(),        in, ours, from.end, from.previous_checksum,
                            {.segment_bytes = 12288}};
        const std::vector<pending_record> one{{record_kind::commit, "on"}};
        ranges_.resize(keep_);
        ranges_.push_back(to.append({100}, one).value());
        to.sync().value();
    }
    std::size_t count(simulated::directory& in) {
        auto from = log_reader<simulated, crc32c>::open(in, ours).value();
        log_record record;
        std::size_t records = 0;
        for (auto more = from.next(record); more.value(); more = from.next(record))
            CHECK(record.position == ranges_[records++].position);
        return records;
    }

    std::uint64_t seed_;
    std::size_t keep_;
    std::vector<log_range> ranges_;
};

}  // namespace

TEST_CASE("the log ends at any record it is truncated at, and a writer goes on there") {
    for (std::size_t keep = 1; keep <= 12; ++keep) {
        CAPTURE(keep);
        long_log log;
        const std::size_t before = segments_of(log.directory).size();
        const lsn end = log.ranges[keep - 1].end;
        const auto done = log.truncate(end);
        REQUIRE(done);
        CHECK(done->end == end);
        CHECK(done->removed_segments == before - segments_of(log.directory).size());
        const read_back found = log.read();
        REQUIRE_FALSE(found.failed);
        CHECK(found.payloads.size() == keep);
        CHECK(found.end.end == end);
        CHECK(found.end.cut_bytes == 0);
        CHECK(found.end.previous_checksum == done->previous_checksum);
        REQUIRE(log.truncate(end));  // again changes nothing
        writer to{log.world, log.directory, ours, end, done->previous_checksum, log.options};
        append(to, 100, "of the leader");
        to.sync().value();
        const read_back after = log.read();
        REQUIRE_FALSE(after.failed);
        REQUIRE(after.payloads.size() == keep + 1);
        CHECK(after.payloads.back() == "of the leader");
    }
}

TEST_CASE("all of a log can be taken back") {
    long_log log;
    const auto done = log.truncate(first_lsn_of_log);
    REQUIRE(done);
    CHECK(segments_of(log.directory).empty());
    CHECK(log.truncate(first_lsn_of_log));
    CHECK(log.read().payloads.empty());
}

TEST_CASE("a refused truncation changes nothing") {
    long_log log;
    const auto refused = [&](lsn end, error_code code, lsn floor = {}) {
        const auto segments = segments_of(log.directory);
        const auto done = log.truncate(end, floor);
        REQUIRE_FALSE(done);
        CHECK(done.error().code() == code);
        CHECK(*done.error().number("lsn") == end.value);
        CHECK(segments_of(log.directory) == segments);
        CHECK(log.read().payloads.size() == 12);
    };
    refused({log.ranges[4].end.value - 8}, error_code::invalid_argument);   // inside
    refused({log.ranges[4].end.value + 8}, error_code::invalid_argument);   // of the next
    refused({log.ranges[11].end.value + 8}, error_code::invalid_argument);  // behind all
    refused({1 << 30}, error_code::invalid_argument);
    refused({8}, error_code::not_found);
    refused(log.ranges[4].end, error_code::invalid_argument, log.ranges[5].end);  // still needed
    REQUIRE(log.truncate(log.ranges[5].end, log.ranges[5].end));
    CHECK(log.read().payloads.size() == 6);
}

TEST_CASE("a log whose beginning was removed is truncated, too, but not before its beginning") {
    long_log log;
    const auto segments = segments_of(log.directory);
    log.directory.remove(segment_name(segments[0])).value();
    CHECK(log.truncate(log.ranges[0].end).error().code() == error_code::not_found);
    CHECK(log.truncate(segments[1]).error().code() == error_code::not_found);
    CHECK(log.truncate(first_lsn_of_log).error().code() == error_code::not_found);
    REQUIRE(log.truncate(log.ranges[7].end));
    auto from = reader::open(log.directory, ours, segments[1]).value();
    log_record record;
    lsn end;
    while (from.next(record).value()) end = record.end;
    CHECK(end == log.ranges[7].end);
}

TEST_CASE("a power failure at any I/O leaves a log that ends at or behind, and a repeat finishes") {
    std::uint64_t crashed = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed)
        for (std::uint64_t nth = 1; nth < 100; ++nth) {
            CAPTURE(seed);
            CAPTURE(nth);
            if (!crashing_truncation{seed}.is_cut_off_at(nth)) break;
            ++crashed;
        }
    CHECK(crashed > 60);
}

TEST_CASE("an I/O that fails while truncating is an error, and a repeat finishes") {
    std::uint64_t failed = 0;
    for (std::uint64_t nth = 1; nth < 60; ++nth) {
        CAPTURE(nth);
        long_log log;
        fault_plan<memory> plan;
        faulty<memory> world{log.world, plan};
        auto in = world.open_directory("log", directory_mode::existing).value();
        plan.inject({.nth = nth});
        const lsn end = log.ranges[3].end;
        if (!truncate_log<faulty<memory>, crc32c>(in, ours, end)) ++failed;
        const read_back found = log.read();
        CHECK_FALSE(found.failed);
        CHECK(found.payloads.size() >= 4);
        plan.clear();
        REQUIRE(truncate_log<faulty<memory>, crc32c>(in, ours, end));
        CHECK(log.read().payloads.size() == 4);
    }
    CHECK(failed > 10);
}

TEST_CASE(
    "records that no sync is known to have reached are written again before the log goes on") {
    simulation world{5};
    world.run([&] {
        auto platform = world.platform();
        auto in = platform.open_directory("log", directory_mode::create).value();
        lsn end;
        {
            log_writer<simulated, crc32c> to{platform, in, ours, first_lsn_of_log, 0, {}};
            const std::vector<pending_record> records{{record_kind::commit, "short"}};
            (void)to.append({1}, records).value();
            end = to.append({2}, records).value().end;
            (void)to.append({3}, records).value();
            world.inject({.on = io_kind::sync, .after_sync = failed_sync::forgets});
            CHECK_FALSE(to.sync());
        }
        REQUIRE(truncate_log<simulated, crc32c>(in, ours, end));
        world.restart(crash_mode::drop_unsynced);
        in = platform.open_directory("log", directory_mode::create).value();
        auto from = log_reader<simulated, crc32c>::open(in, ours).value();
        log_record record;
        std::size_t records = 0;
        while (from.next(record).value()) ++records;
        CHECK(records == 2);
    });
}
