// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "log_fixture.hpp"

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
    CHECK(log.directory.list().value().size() > 5);
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
    CHECK(log.directory.list().value().size() == 1);
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
