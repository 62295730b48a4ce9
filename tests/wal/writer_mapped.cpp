// SPDX-License-Identifier: BSL-1.0
//
// Records that reach the system through a mapping of the segment.
#include <doctest/doctest.h>

#include "../platform/death.hpp"
#include "../platform/scratch.hpp"
#include "log_fixture.hpp"

#include <thread>

using namespace log_test;

namespace {

using disk_writer = log_writer<posix, crc32c>;
using disk_reader = log_reader<posix, crc32c>;

struct log_on_disk {
    std::unique_ptr<disk_writer> write() {
        return std::make_unique<disk_writer>(posix{}, in, ours, first_lsn_of_log, 0, options);
    }
    [[nodiscard]] bool maps() const {
        auto file = in.open("probe", file_mode::create).value();
        file.preallocate(4096).value();
        const bool maps = file.map(4096).write(0, "?");
        if (!maps) MESSAGE("skipped: files of this directory are not mapped");
        return maps;
    }
    // The numbers of transactions, as they are read back.
    [[nodiscard]] std::vector<std::uint64_t> numbers() {
        auto from = disk_reader::open(in, ours).value();
        std::vector<std::uint64_t> found;
        for (log_record record; from.next(record).value();)
            found.push_back(record.transaction.value);
        return found;
    }

    platform_test::scratch_directory scratch;
    posix_directory in = posix{}.open_directory(scratch.path(), directory_mode::existing).value();
    log_options options{.segment_bytes = 64 * 1024, .zero_ahead_bytes = 8192};
};

lsn put(disk_writer& to, std::uint64_t number, std::size_t size) {
    const std::string payload(size, static_cast<char>('a' + number % 26));
    const std::vector<pending_record> one{{record_kind::commit, payload}};
    return to.append({number}, one).value().end;
}

}  // namespace

TEST_CASE("records that are waited for to be written are mapped, over the ends of segments") {
    log_on_disk at;
    if (!at.maps()) return;
    {
        auto to = at.write();
        for (std::uint64_t number = 1; number <= 2000; ++number)
            to->wait_written(put(*to, number, number % 300)).value();
        const log_stats seen = to->stats();
        CHECK(seen.segments > 4);
        CHECK(seen.records == 2000);
        CHECK(seen.mapped_writes > 1900);
        CHECK(seen.writes >= seen.mapped_writes);
        CHECK(at.numbers().size() == 2000);  // as others see it, beside the writer
        to->close().value();
    }
    const std::vector<std::uint64_t> found = at.numbers();
    REQUIRE(found.size() == 2000);
    for (std::size_t i = 0; i < found.size(); ++i) REQUIRE(found[i] == i + 1);
}

TEST_CASE("records that nobody maps are written by calls of the system") {
    log_on_disk at;
    at.options.map_writes = false;
    auto to = at.write();
    for (std::uint64_t number = 1; number <= 100; ++number)
        to->wait_written(put(*to, number, 100)).value();
    CHECK(to->stats().mapped_writes == 0);
    to->close().value();
    CHECK(at.numbers().size() == 100);

    log_on_disk synced;
    auto durable = synced.write();
    for (std::uint64_t number = 1; number <= 20; ++number)
        durable->wait_durable(put(*durable, number, 100)).value();
    CHECK(durable->stats().mapped_writes == 0);
    CHECK(synced.numbers().size() == 20);
}

TEST_CASE("mapped, called, synced and large records of several threads are all there, in order") {
    log_on_disk at;
    at.options.buffer_bytes = 8 * 1024;
    constexpr std::uint64_t each = 600;
    {
        auto to = at.write();
        std::vector<std::thread> threads;
        for (std::uint64_t thread = 0; thread < 4; ++thread)
            threads.emplace_back([&, thread] {
                for (std::uint64_t i = 1; i <= each; ++i) {
                    const lsn end = put(*to, thread * 10'000 + i, i % 37 == 0 ? 5000 : i * 7 % 200);
                    if (thread == 0 && i % 50 == 0) to->wait_durable(end).value();
                    else if (i % 3 != 0) to->wait_written(end).value();
                }
            });
        for (auto& one : threads) one.join();
        to->close().value();
    }
    const std::vector<std::uint64_t> found = at.numbers();
    CHECK(found.size() == 4 * each);
    std::uint64_t last[4] = {};
    for (const std::uint64_t number : found) {
        CHECK(number % 10'000 == last[number / 10'000] + 1);
        last[number / 10'000] = number % 10'000;
    }
}

TEST_CASE("no record that was answered as written is lost when the process is killed") {
    for (std::uint64_t records = 1; records <= 2000; records = records * 3 + 1) {
        CAPTURE(records);
        log_on_disk at;
        const platform_test::death end = platform_test::death_of([&] {
            auto to = at.write();
            for (std::uint64_t number = 1; number <= records; ++number)
                to->wait_written(put(*to, number, number % 500)).value();
            ::raise(SIGKILL);
        });
        REQUIRE(end.signal == SIGKILL);
        CHECK(at.numbers().size() == records);
    }
}

TEST_CASE("a segment that cannot be mapped any more goes on by calls") {
    log_on_disk at;
    if (!at.maps()) return;
    at.options.spare_segment = false;
    const platform_test::death end = platform_test::death_of([&] {
        auto to = at.write();
        for (std::uint64_t number = 1; number <= 10; ++number)
            to->wait_written(put(*to, number, 100)).value();
        const std::uint64_t mapped = to->stats().mapped_writes;
        // The pages of the segment go, as they do when the system has none to give.
        auto file = at.in.open(segment_name(first_lsn_of_log), file_mode::write).value();
        const std::uint64_t kept = 4096 + to->end().value - first_lsn_of_log.value;
        file.resize(kept / 4096 * 4096).value();
        posix{}.sleep(milliseconds(50));
        for (std::uint64_t number = 11; number <= 20; ++number)
            to->wait_written(put(*to, number, 100)).value();
        if (to->stats().mapped_writes != mapped) std::fputs("mapped ", stderr);
        to->close().value();
    });
    CHECK(end.signal == 0);
    CHECK(end.said.empty());
}
