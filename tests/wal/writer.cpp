// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "log_fixture.hpp"

#include <mantis/platform/simulated.hpp>

#include <thread>

using namespace log_test;

TEST_CASE("what is appended is read back in order, over segments and openings") {
    log_fixture log;
    std::vector<std::string> expected;
    std::uint64_t transaction = 0;
    for (int opening = 0; opening < 5; ++opening) {
        auto to = log.write();
        for (int i = 0; i < 120; ++i) {
            expected.push_back(std::string(static_cast<std::size_t>((i * 37) % 3000),
                                           static_cast<char>('a' + i % 26)));
            append(*to, ++transaction, expected.back());
            if (i % 7 == 0) to->sync().value();
            if (i % 11 == 0) to->wait_written(to->end()).value();
        }
        to->close().value();
    }
    const read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    CHECK(found.payloads == expected);
    CHECK(found.end.cut_bytes == 0);
    CHECK(log.segment_names().size() > 5);
    for (std::size_t i = 1; i < found.positions.size(); ++i)
        CHECK(found.positions[i] > found.positions[i - 1]);
}

TEST_CASE("a block that holds synced records is never written again") {
    log_fixture log;
    auto to = log.write();
    const log_range first = append(*to, 1, "one");
    to->sync().value();
    const log_range second = append(*to, 2, "two");
    CHECK(second.position.value % log_block_bytes == 0);
    CHECK(second.position > first.end);
}

TEST_CASE("a record larger than a segment gets a segment of its own size") {
    log_fixture log;
    auto to = log.write();
    append(*to, 1, "small");
    const std::string large(300 * 1024, 'L');
    append(*to, 2, large);
    append(*to, 3, "after");
    to->close().value();
    const read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    CHECK(found.payloads == std::vector<std::string>{"small", large, "after"});
}

TEST_CASE("durable never runs ahead of written, nor written of the end") {
    log_fixture log;
    auto to = log.write();
    const log_range range = append(*to, 1, "x");
    CHECK(to->durable() < range.end);
    to->wait_written(range.end).value();
    CHECK(to->written() == range.end);
    CHECK(to->durable() < range.end);
    to->wait_durable(range.end).value();
    CHECK(to->durable() == range.end);
    CHECK(to->end() == range.end);
}

TEST_CASE("closing trims the reserve, and an opening without writes leaves no file") {
    log_fixture log;
    {
        auto to = log.write();
        append(*to, 1, "x");
        to->close().value();
    }
    CHECK(log.directory.open(segment_name(first_lsn_of_log), file_mode::read)
              .value()
              .size()
              .value() == segment_header_bytes + record_bytes(1));
    {
        auto to = log.write();
        to->close().value();
    }
    CHECK(log.segment_names().size() == 1);
}

TEST_CASE("the records of one append lie together, whoever else appends and whatever is rotated") {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            auto platform = world.platform();
            auto in = platform.open_directory("log", directory_mode::create).value();
            log_writer<simulated, crc32c> to{platform,         in, ours,
                                             first_lsn_of_log, 0,  {.segment_bytes = 16 * 1024}};
            const std::string part(3000, 'p');
            std::vector<simulated::thread> threads;
            for (std::uint64_t who = 0; who < 3; ++who)
                threads.emplace_back([&, who] {
                    for (std::uint64_t n = 0; n < 8; ++n) {
                        const std::vector<pending_record> both{{record_kind::part, part},
                                                               {record_kind::commit, part}};
                        const auto range = to.append({who * 100 + n + 1}, both).value();
                        to.wait_durable(range.end).value();
                    }
                });
            for (auto& thread : threads) thread.join();
            to.close().value();
            auto from = log_reader<simulated, crc32c>::open(in, ours).value();
            log_record record;
            for (int i = 0; i < 3 * 8; ++i) {
                REQUIRE(from.next(record).value());
                CHECK(record.kind == record_kind::part);
                const transaction_id whose = record.transaction;
                REQUIRE(from.next(record).value());
                CHECK(record.kind == record_kind::commit);
                CHECK(record.transaction == whose);
            }
            CHECK_FALSE(from.next(record).value());
        });
    }
}

TEST_CASE("300 seeds: when a sync fails, everybody is told and nobody waits for ever") {
    int refused = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        simulation world{seed};  // a lost wake-up is a dead-lock, which stops the program
        world.run([&] {
            auto platform = world.platform();
            auto in = platform.open_directory("log", directory_mode::create).value();
            log_writer<simulated, crc32c> to{platform,         in, ours,
                                             first_lsn_of_log, 0,  {.segment_bytes = 12 * 1024}};
            world.fail_io(io_kind::sync, 1 + seed % 6, error_code::io);
            std::vector<simulated::thread> threads;
            for (std::uint64_t who = 0; who < 4; ++who)
                threads.emplace_back([&, who] {
                    const std::string payload(3000, 'p');
                    const std::vector<pending_record> one{{record_kind::commit, payload}};
                    for (std::uint64_t n = 0; n < 6; ++n) {
                        const auto range = to.append({who * 100 + n + 1}, one);
                        refused += range ? 0 : 1;
                        if (range) (void)to.wait_durable(range->end);
                    }
                });
            for (auto& thread : threads) thread.join();
            CHECK(to.durable() <= to.end());
        });
    }
    CHECK(refused > 300);
}

TEST_CASE("damage in any synced record but those of the last sync is seen") {
    int seen = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            auto platform = world.platform();
            auto in = platform.open_directory("log", directory_mode::create).value();
            log_writer<simulated, crc32c> to{platform,         in, ours,
                                             first_lsn_of_log, 0,  {.segment_bytes = 512 * 1024}};
            std::vector<simulated::thread> threads;
            for (std::uint64_t who = 0; who < 4; ++who)
                threads.emplace_back([&, who] {
                    for (std::uint64_t n = 0; n < 6; ++n) {
                        const std::vector<pending_record> one{{record_kind::commit, "payload"}};
                        const auto range = to.append({who * 100 + n + 1}, one).value();
                        to.wait_durable(range.end).value();
                    }
                });
            for (auto& thread : threads) thread.join();
            // Each sync begins a block.
            auto file = in.open(segment_name(first_lsn_of_log), file_mode::write).value();
            std::vector<std::uint64_t> units;
            for (std::uint64_t at = segment_header_bytes;; at += log_block_bytes) {
                std::byte raw[48];
                REQUIRE(file.read(at, raw, sizeof raw).value() == sizeof raw);
                if (load_le<std::uint64_t>(raw + 8) == 0) break;
                units.push_back(at);
            }
            REQUIRE(units.size() > 2);
            for (std::size_t i = 0; i + 1 < units.size(); ++i) {
                std::byte one{};
                (void)file.read(units[i] + 50, &one, 1).value();
                const std::byte wrong = one ^ std::byte{1};
                file.write(units[i] + 50, {&wrong, 1}).value();
                auto from = log_reader<simulated, crc32c>::open(in, ours).value();
                log_record record;
                auto more = from.next(record);
                while (more && *more) more = from.next(record);
                REQUIRE_FALSE(more);
                CHECK(more.error().code() == error_code::corrupt);
                file.write(units[i] + 50, {&one, 1}).value();
                ++seen;
            }
        });
    }
    CHECK(seen > 300);
}

TEST_CASE("writers that wait together are synced together, and each finds its record") {
    log_fixture log;
    log.options.segment_bytes = 1 << 20;
    auto to = log.write();
    constexpr int threads = 4;
    constexpr int each = 300;
    std::vector<std::thread> running;
    for (int t = 0; t < threads; ++t)
        running.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
                const log_range range = append(*to, static_cast<std::uint64_t>(t * each + i + 1),
                                               std::to_string(t) + ":" + std::to_string(i));
                to->wait_durable(range.end).value();
                CHECK(to->durable() >= range.end);
            }
        });
    for (auto& thread : running) thread.join();
    to->close().value();
    const read_back found = log.read();
    REQUIRE_FALSE(found.failed);
    REQUIRE(found.payloads.size() == threads * each);
    std::vector<int> next(threads, 0);
    for (const std::string& payload : found.payloads) {
        const std::size_t t = static_cast<std::size_t>(payload[0] - '0');
        CHECK(payload == std::to_string(t) + ":" + std::to_string(next[t]++));
    }
}

TEST_CASE("threads that fill small units and segments at once find every record whole, in order") {
    log_fixture log;
    log.options = {.segment_bytes = 32 * 1024, .zero_ahead_bytes = 4096, .buffer_bytes = 4096};
    auto to = log.write();
    constexpr std::size_t threads = 4;
    constexpr std::size_t each = 400;
    std::vector<std::thread> running;
    for (std::size_t t = 0; t < threads; ++t)
        running.emplace_back([&, t] {
            for (std::size_t i = 0; i < each; ++i) {
                const log_range range =
                    append(*to, t * each + i + 1, std::string((i * 31 + t * 7) % 700, 'x'));
                if (i % 5 == 0) to->wait_written(range.end).value();
                if (i % 7 == 0) to->wait_durable(range.end).value();
            }
        });
    for (auto& thread : running) thread.join();
    to->close().value();
    auto from = reader::open(log.directory, ours).value();
    std::size_t next[threads] = {};
    log_record record;
    for (std::size_t n = 0; n < threads * each; ++n) {
        REQUIRE(from.next(record).value());
        const std::size_t t = (record.transaction.value - 1) / each;
        const std::size_t i = (record.transaction.value - 1) % each;
        CHECK(i == next[t]++);
        CHECK(record.payload == bytes_view{std::string((i * 31 + t * 7) % 700, 'x')});
    }
    CHECK_FALSE(from.next(record).value());
}

TEST_CASE("a shut unit gives no place, not even an empty one, however often it is shut") {
    detail::log_units<memory> units{first_lsn_of_log.value};
    detail::log_units<memory>::place mine;
    CHECK_FALSE(units.reserve(0, mine));
    for (int i = 0; i < 600; ++i) {
        auto closed = units.close(detail::log_align::block, 0, {});
        REQUIRE(closed);
        (void)units.finish(*closed);
        CHECK_FALSE(units.reserve(0, mine));
    }
    units.reopen(64, {.end = 64 * 1024, .salt = 1, .unit_bytes = 4096}, mine);
    CHECK(mine.position == first_lsn_of_log.value);
    CHECK(units.reserve(8, mine));
    CHECK(mine.position == first_lsn_of_log.value + 64);
}

TEST_CASE("a synced record may end at any place in a block") {
    for (std::size_t size = 4000; size < 4110; ++size) {
        log_fixture log;
        auto to = log.write();
        append(*to, 1, std::string(size, 'a'));
        to->sync().value();
        append(*to, 2, "next");
        to->sync().value();
        const read_back found = log.read();
        REQUIRE_FALSE(found.failed);
        CHECK(found.payloads == std::vector<std::string>{std::string(size, 'a'), "next"});
        CHECK(found.end.cut_bytes == 0);
    }
}
