// SPDX-License-Identifier: BSL-1.0
//
// A segment that is left before it is synced: what a crash leaves then, and what is damage.
#include <doctest/doctest.h>

#include "turn_fixture.hpp"

#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/engine.hpp>

using namespace log_test;

namespace {

// What is read, and whether the last segment is then to be removed.
struct verdict {
    std::size_t records = 0;
    bool cuts_last = false;
    lsn end;
    std::optional<error_code> failed;
};
verdict read(two_segments& at, lsn begin = {}) {
    auto from = reader::open(at.log.directory, ours, begin).value();
    verdict found;
    log_record record;
    auto more = from.next(record);
    for (; more && *more; more = from.next(record)) ++found.records;
    if (!more) found.failed = more.error().code();
    else {
        found.end = from.end().end;
        found.cuts_last = !from.end().unfinished_segment.empty();
        CHECK((from.finding() == log_finding::torn_tail) == (from.end().cut_bytes > 0));
        (void)from.doubtful_records();
        (void)from.doubtful_before();
    }
    return found;
}

void is_torn_after(two_segments& at, std::size_t records) {
    const verdict found = read(at);
    CHECK_FALSE(found.failed);
    CHECK(found.records == records);
    CHECK(found.cuts_last);
}
void is_damage(two_segments& at) {
    const verdict found = read(at);
    REQUIRE(found.failed);
    CHECK(*found.failed == error_code::corrupt);
}

}  // namespace

TEST_CASE(
    "a tail that is torn before the last segment is cut with it, if nothing proves it synced") {
    two_segments whole;
    CHECK(read(whole).records == 5);
    for (std::uint64_t lost = 1; lost <= 3; ++lost) {
        CAPTURE(lost);
        two_segments at;
        at.lose(lost);
        is_torn_after(at, lost - 1);
    }
    two_segments garbage;
    garbage.log.overwrite(segment_name(first_lsn_of_log), 2 * log_block_bytes + 60, "garbage");
    is_torn_after(garbage, 1);
    two_segments tail;
    tail.lose(4);
    const verdict found = read(tail);
    CHECK(found.records == 3);
    CHECK_FALSE(found.cuts_last);
    CHECK_FALSE(found.failed);
}

TEST_CASE("what a header, or a record in either segment, says was synced is never cut") {
    for (int proof = 0; proof < 3; ++proof) {
        CAPTURE(proof);
        two_segments at;
        const std::uint64_t first_end = at.ends[1];
        if (proof == 0) at.durable_of_header = {first_end};
        if (proof == 1) at.durable_of_records = first_end;
        if (proof == 2) at.durable_of_last = first_end;
        at.build();
        at.lose(2);
        is_torn_after(at, 1);  // the first was synced, and is there
        at.build();
        at.lose(1);
        is_damage(at);
    }
    two_segments rest;  // of the last segment nothing got to the disk
    rest.durable_of_records = rest.ends[1];
    rest.build();
    rest.log.overwrite(segment_name(two_segments::last()), 0, bytes::zeros(3 * log_block_bytes));
    is_torn_after(rest, 3);
    rest.lose(2);
    is_torn_after(rest, 1);
    rest.build();
    rest.log.overwrite(segment_name(two_segments::last()), 0, bytes::zeros(3 * log_block_bytes));
    rest.lose(1);
    is_damage(rest);
    two_segments old;
    old.last_version = 1;  // all before it is durable
    old.build();
    CHECK(read(old).records == 5);
    old.lose(3);
    is_damage(old);
}

TEST_CASE(
    "a header that is damaged is damage; one that was never written may be the crash's work") {
    const bytes last = segment_name(two_segments::last());
    two_segments flipped;
    flipped.log.flip_bit(last, 20);
    is_damage(flipped);
    flipped.lose(2);
    is_damage(flipped);
    two_segments missing;
    missing.log.overwrite(last, 0, bytes::zeros(segment_header_bytes));
    is_torn_after(missing, 3);
    missing.lose(3);
    is_torn_after(missing, 2);
    two_segments
        full;  // records fill their blocks, so the first segment ends where the last begins
    full.payload_bytes = log_block_bytes - sizeof(log_record_header);
    full.build();
    CHECK(read(full).records == 5);
    full.log.overwrite(last, 0, bytes::zeros(segment_header_bytes));
    is_torn_after(full, 3);
    full.chain = 1;
    full.position = two_segments::last().value;
    full.begin_segment(segment_version, first_lsn_of_log, first_lsn_of_log);
    full.put(4, 0);
    full.put_segment();
    is_damage(full);  // nothing is missing, and the last segment continues another log
    two_segments proven;
    proven.durable_of_last = proven.ends[3] + 1;  // nothing of it was synced without the header
    proven.build();
    proven.log.overwrite(last, 0, bytes::zeros(segment_header_bytes));
    is_damage(proven);
}

TEST_CASE("a segment that is missing before the last one is damage, whatever was synced") {
    two_segments at;
    at.before = {first_lsn_of_log.value + log_block_bytes};
    at.build();
    at.lose(3);
    is_damage(at);
    two_segments third;
    third.lose(3);
    third.begin_segment(segment_version, first_lsn_of_log, {});  // a third one: the first is synced
    third.put_segment();
    is_damage(third);
}

TEST_CASE("a header that tells of no turn, or that all before it was durable, is proof") {
    two_segments none;
    none.before = {};
    none.build();
    CHECK(read(none).records == 5);
    none.lose(3);
    is_damage(none);
    // Another last record of the first segment, in the block in which that ends.
    two_segments other;
    other.chain = 1;
    other.position = two_segments::last().value;
    other.begin_segment(segment_version, {other.ends[2]}, first_lsn_of_log);
    other.put_segment();
    is_torn_after(other, 3);
    other.position = two_segments::last().value;
    other.begin_segment(segment_version, {other.ends[3]}, first_lsn_of_log);
    other.put_segment();
    is_damage(other);
}

TEST_CASE("what begins where the last segment does ends in the one before, if it got no header") {
    two_segments at;
    const bytes last = segment_name(two_segments::last());
    CHECK(read(at, two_segments::last()).records == 2);
    at.log.flip_bit(segment_name(first_lsn_of_log), log_block_bytes + 60);  // it is not looked at
    CHECK(read(at, two_segments::last()).records == 2);
    at.log.flip_bit(segment_name(first_lsn_of_log), log_block_bytes + 60);
    at.log.overwrite(last, 0, bytes::zeros(segment_header_bytes));
    const verdict found = read(at, two_segments::last());
    CHECK_FALSE(found.failed);
    CHECK(found.records == 0);
    CHECK(found.cuts_last);
    CHECK(found.end == lsn{at.ends[3]});
    at.lose(3);
    CHECK(read(at, two_segments::last()).failed == error_code::invalid_argument);
    at.build();
    at.log.flip_bit(last, 20);
    CHECK(read(at, two_segments::last()).failed == error_code::corrupt);
}

TEST_CASE("once a record behind a turn is durable, damage anywhere before the turn is seen") {
    simulation world{1};
    world.run([&] {
        auto platform = world.platform();
        auto in = platform.open_directory("log", directory_mode::create).value();
        log_writer<simulated, crc32c> to{platform,         in, ours,
                                         first_lsn_of_log, 0,  {.segment_bytes = 32 * 1024}};
        const std::string payload(3000, 'p');
        const std::vector<pending_record> one{{record_kind::commit, payload}};
        log_range range;
        while (to.stats().spares == 0) {
            if (to.stats().segments == 1) platform.sleep(milliseconds(50));
            range = to.append({1}, one).value();
            to.wait_written(range.end).value();
        }
        to.wait_durable(range.end).value();
        // Its own records say nothing of the last sync.
        auto file = in.open(segment_name(first_lsn_of_log), file_mode::write).value();
        file.write(segment_header_bytes + 5000, "rotten").value();
        auto from = log_reader<simulated, crc32c>::open(in, ours).value();
        log_record record;
        auto more = from.next(record);
        while (more && *more) more = from.next(record);
        REQUIRE_FALSE(more);
        CHECK(more.error().code() == error_code::corrupt);
    });
}

namespace {

struct counting_target {
    std::vector<std::uint64_t> numbers;
    [[nodiscard]] lsn persisted_lsn() const { return {}; }
    result<void> redo(lsn, const operation& op) {
        numbers.push_back(load_le<std::uint64_t>(op.key.data()));
        return success();
    }
    result<void> verify() { return success(); }
};

struct turn_counts {
    std::uint64_t torn = 0;  // tails before the last segment
    std::uint64_t turned = 0;
    std::uint64_t cut_short = 0;  // recoveries
};

// Lives of a log that one thread appends to, each ended by a crash.
struct turn_storm {
    using engine = recovery_engine<log_reader<simulated, crc32c>, counting_target>;

    turn_storm(simulation& of, std::uint64_t seed, turn_counts& to)
        : world{of}, roll{seed}, counts{to} {}

    result<engine::outcome> recover(simulated& platform, simulated::directory& in) {
        if (auto looked = log_reader<simulated, crc32c>::open(in, ours)) {
            log_record record;
            auto more = looked->next(record);
            while (more && *more) more = looked->next(record);
            const log_end& end = looked->end();
            if (more && end.cut_bytes > 0 && !end.unfinished_segment.empty()) ++counts.torn;
        }
        counting_target target;
        auto done = engine{platform, in, ours, target}.run({});
        if (!done) return done;
        REQUIRE(target.numbers.size() >= before.size() + durable);
        REQUIRE(target.numbers.size() <= before.size() + appended.size());
        before.insert(before.end(), appended.begin(), appended.end());
        before.resize(target.numbers.size());
        CHECK(target.numbers == before);
        appended.clear();
        durable = 0;
        return done;
    }

    void append(simulated& platform, log_writer<simulated, crc32c>& to) {
        bytes payload;
        bytes key = bytes::zeros(8);
        store_le(key.data(), ++number);
        const std::string value(roll.below(2500), 'v');
        append_operation(payload, {operation_kind::put, {1}, key, value});
        const std::vector<pending_record> one{{record_kind::commit, payload}};
        appended.push_back(number);
        const auto range = to.append({number}, one);
        if (!range) return;
        if (roll.one_in(2)) platform.sleep(microseconds(roll.between(0, 400)));
        if (roll.one_in(2)) (void)to.wait_written(range->end);
        if (roll.one_in(6) && to.wait_durable(range->end)) durable = appended.size();
    }

    void live() {
        auto platform = world.platform();
        auto in = platform.open_directory("log", directory_mode::create).value();
        if (roll.one_in(3)) world.crash_at_io(1 + roll.below(30));  // while recovering
        auto done = recover(platform, in);
        if (!done) {
            CHECK_FALSE(world.powered());
            ++counts.cut_short;
            return;
        }
        log_options options;
        options.segment_bytes = 12 * 1024;
        // The helper is always at it, and ends segments, too.
        if (roll.one_in(3)) options.segment_period = microseconds(roll.between(1, 300));
        options.zero_ahead_bytes = roll.below(2) * 4096;
        options.buffer_bytes = 4096;
        log_writer<simulated, crc32c> to{
            platform, in, ours, done->summary.end, done->previous_checksum, options};
        if (world.powered()) world.crash_at_io(1 + roll.below(150));
        for (int i = 0; i < 30 && world.powered(); ++i) append(platform, to);
        counts.turned += to.stats().spares;
    }

    simulation& world;
    seeded_random roll;
    turn_counts& counts;
    std::vector<std::uint64_t> before;    // what the last recovery found
    std::vector<std::uint64_t> appended;  // since, in order
    std::size_t durable = 0;              // of them
    std::uint64_t number = 0;
};

}  // namespace

TEST_CASE("a second turn waits for the first: between two syncs at most one segment is left") {
    std::uint64_t turned = 0;
    for (std::uint64_t seed = 1; seed <= 600; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            auto platform = world.platform();
            auto in = platform.open_directory("log", directory_mode::create).value();
            log_options options;
            options.segment_bytes = 8 * 1024;
            options.zero_ahead_bytes = 0;
            options.segment_period = microseconds(2 + static_cast<std::int64_t>(seed % 50));
            log_writer<simulated, crc32c> to{platform, in, ours, first_lsn_of_log, 0, options};
            const std::string payload(3500, 'p');
            const std::vector<pending_record> one{{record_kind::commit, payload}};
            for (std::uint64_t i = 1; i <= 12; ++i) (void)to.append({i}, one).value();
            turned += to.stats().spares;
            REQUIRE(to.close());
            auto from = log_reader<simulated, crc32c>::open(in, ours).value();
            log_record record;
            std::size_t records = 0;
            while (from.next(record).value()) ++records;
            CHECK(records == 12);
        });
    }
    CHECK(turned > 600);
}

TEST_CASE(
    "2,000 crashes: a log that turns without waiting keeps a beginning, and all that is durable") {
    turn_counts counts;
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        turn_storm storm{world, seed, counts};
        for (int life = 0; life < 4; ++life) {
            world.run([&] { storm.live(); });
            world.crash();
            world.restart(storm.roll.one_in(8) ? crash_mode::process_only
                                               : crash_mode::random_subset);
        }
        world.run([&] {
            auto platform = world.platform();
            auto in = platform.open_directory("log", directory_mode::create).value();
            auto done = storm.recover(platform, in);
            if (!done) CHECK(done.error().message().as<std::string>() == "");
        });
    }
    CHECK(counts.torn > 30);
    CHECK(counts.turned > 500);
    CHECK(counts.cut_short > 100);
}
