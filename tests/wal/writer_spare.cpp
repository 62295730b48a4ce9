// SPDX-License-Identifier: BSL-1.0
//
// The segment that is made before it is needed, and segments that end by time.
#include <doctest/doctest.h>

#include "log_fixture.hpp"

#include <mantis/platform/simulated.hpp>

#include <algorithm>

using namespace log_test;

namespace {

using simulated_writer = log_writer<simulated, crc32c>;
using simulated_reader = log_reader<simulated, crc32c>;

constexpr std::uint64_t small = 32 * 1024;

result<log_range> put(simulated_writer& to, std::uint64_t number, std::size_t size = 3000) {
    std::string payload = std::to_string(number) + ":";
    payload.append(size, 'p');
    const std::vector<pending_record> one{{record_kind::commit, payload}};
    return to.append({number}, one);
}

// The numbers of what was put, as they are read back.
result<std::vector<std::uint64_t>> read_numbers(simulated::directory& in) {
    auto from = simulated_reader::open(in, ours);
    if (!from) return from.error();
    std::vector<std::uint64_t> found;
    log_record record;
    while (true) {
        auto more = from->next(record);
        if (!more) return more.error();
        if (!*more) return found;
        found.push_back(record.transaction.value);
    }
}

struct spare_world {
    explicit spare_world(simulation& of, log_options chosen = {.segment_bytes = small})
        : platform{of.platform()},
          in{platform.open_directory("log", directory_mode::create).value()},
          options{chosen} {}

    std::unique_ptr<simulated_writer> write(lsn end = first_lsn_of_log, std::uint32_t chain = 0) {
        return std::make_unique<simulated_writer>(platform, in, ours, end, chain, options);
    }
    [[nodiscard]] bool has_spare() { return in.exists(spare_segment_name).value(); }
    // Until a helper that has something to do has done it.
    void wait_for_helper() { platform.sleep(seconds(1)); }

    simulated platform;
    simulated::directory in;
    log_options options;
};

}  // namespace

TEST_CASE("a segment is made while the one before is filled, and only then") {
    simulation world{1};
    world.run([&] {
        spare_world at{world};
        auto to = at.write();
        std::uint64_t number = 0;
        for (; number < 2; ++number) to->wait_written(put(*to, number + 1).value().end).value();
        at.wait_for_helper();
        CHECK_FALSE(at.has_spare());  // a log that stays small needs none
        for (; number < 7; ++number) to->wait_written(put(*to, number + 1).value().end).value();
        at.wait_for_helper();
        REQUIRE(at.has_spare());
        auto file = at.in.open(spare_segment_name, file_mode::read).value();
        CHECK(file.size().value() == small);
        bytes contents = bytes::zeros(small);
        CHECK(file.read(0, contents.data(), small).value() == small);
        CHECK(detail::all_zero(contents));
        // Who appends over the end reserves no space, which a full disk could refuse.
        const std::uint64_t reserved = world.io_count(io_kind::preallocate);
        world.limit_disk(1);
        for (; number < 12; ++number) to->wait_written(put(*to, number + 1).value().end).value();
        CHECK(to->stats().segments == 2);
        CHECK(to->stats().spares == 1);
        at.wait_for_helper();
        CHECK_FALSE(at.has_spare());
        CHECK(world.io_count(io_kind::preallocate) <= reserved + 2);
        world.limit_disk(no_space_limit);
        for (; number < 100; ++number) {
            to->wait_durable(put(*to, number + 1).value().end).value();
            at.wait_for_helper();
        }
        CHECK(to->stats().spares >= to->stats().segments - 2);
        to->close().value();
        CHECK_FALSE(at.has_spare());
        CHECK(read_numbers(at.in).value().size() == number);
    });
}

TEST_CASE("how near a turn is that would have to wait is told as long as somebody works for it") {
    simulation world{12};
    world.run([&] {
        spare_world at{world};
        auto to = at.write();
        std::uint64_t number = 0;
        const auto fill = [&](int records) {
            for (int i = 0; i < records; ++i)
                to->wait_written(put(*to, ++number).value().end).value();
        };
        CHECK(to->turn_level() == 0);
        fill(7);
        at.wait_for_helper();
        CHECK(to->turn_level() == 0);  // the spare is there
        world.inject({.kind = fault_kind::slow,
                      .on = io_kind::sync,
                      .count = fault::for_ever,
                      .slowdown = 1'000'000});
        fill(4);  // the next segment has begun, the one before is being synced
        const double few = to->turn_level();
        CHECK(few > 0);
        CHECK(few < 0.3);
        fill(6);
        CHECK(to->turn_level() > few + 0.4);
        CHECK(to->turn_level() < 1);
        world.clear_faults();
        at.platform.sleep(seconds(100'000));
        CHECK(to->turn_level() == 0);
        fill(9);
        world.inject({.on = io_kind::sync, .code = error_code::io});
        (void)to->sync();
        CHECK_FALSE(put(*to, ++number));
        CHECK(to->turn_level() == 0);  // nothing is written any more
    });
}

TEST_CASE("a spare that is needed soon is not filled with zeros") {
    for (const bool soon : {false, true}) {
        CAPTURE(soon);
        simulation world{13};
        world.run([&] {
            spare_world at{world};
            auto to = at.write();
            world.inject({.kind = fault_kind::slow,
                          .on = io_kind::sync,
                          .count = fault::for_ever,
                          .path_part = bytes{bytes_view{spare_segment_name}},
                          .slowdown = 1'000'000});
            for (std::uint64_t number = 1; number <= 6; ++number)
                to->wait_written(put(*to, number).value().end).value();
            at.wait_for_helper();  // which syncs it
            if (soon) CHECK(to->turn_level() > 0.5);
            const std::uint64_t before = world.io_count(io_kind::write);
            world.clear_faults();
            at.platform.sleep(seconds(100'000));
            CHECK(at.has_spare());
            CHECK((world.io_count(io_kind::write) > before) == !soon);
            CHECK(to->turn_level() == 0);
        });
    }
}

TEST_CASE("without space for a spare the log goes on to the last segment that fits") {
    simulation world{1};
    world.run([&] {
        spare_world at{world};
        auto to = at.write();
        world.limit_disk(small + small / 2);
        std::uint64_t number = 0;
        result<log_range> last = put(*to, ++number);
        while (last) {
            to->wait_durable(last->end).value();
            at.wait_for_helper();
            CHECK_FALSE(at.has_spare());
            last = put(*to, ++number);
        }
        CHECK(last.error().code() == error_code::no_space);
        CHECK(number > 7);
        world.limit_disk(no_space_limit);
        CHECK(put(*to, number));
        to->close().value();
        CHECK(read_numbers(at.in).value().size() == number);
    });
}

TEST_CASE("what is larger than the spare gets a segment of its own, and the spare waits") {
    simulation world{1};
    world.run([&] {
        spare_world at{world};
        auto to = at.write();
        std::uint64_t number = 0;
        while (number < 6) to->wait_written(put(*to, ++number).value().end).value();
        at.wait_for_helper();
        CHECK(at.has_spare());
        to->wait_durable(put(*to, ++number, 2 * small).value().end).value();
        CHECK(to->stats().spares == 0);
        CHECK(at.has_spare());
        while (to->stats().segments == 2) CHECK(put(*to, ++number));
        CHECK(to->stats().spares == 1);
        to->close().value();
        CHECK(read_numbers(at.in).value().size() == number);
    });
}

TEST_CASE("a log that is asked for no spare has no other file and no thread") {
    simulation world{1};
    world.run([&] {
        spare_world at{world, {.segment_bytes = small, .spare_segment = false}};
        auto to = at.write();
        for (std::uint64_t number = 1; number <= 40; ++number) {
            CHECK(put(*to, number));
            at.wait_for_helper();
            CHECK_FALSE(at.has_spare());
        }
        const std::uint64_t segments = to->stats().segments;
        CHECK(segments > 3);
        CHECK(at.in.list().value().size() == segments);
    });
}

TEST_CASE("300 crashes: what lay in a spare before never comes back as records") {
    std::uint64_t left_over = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        std::vector<std::uint64_t> durable;
        std::uint64_t number = 0;
        // In each life the log is written from where it was found to end. Numbers are never used
        // twice, so that a record of an earlier life that was gone once is seen.
        std::vector<std::uint64_t> before;
        for (int life = 0; life < 4; ++life) {
            world.run([&] {
                spare_world at{world};
                const std::vector<std::uint64_t> found = read_numbers(at.in).value();
                for (std::size_t i = 0; i < before.size() && i < found.size(); ++i)
                    CHECK(found[i] == before[i]);
                CHECK(found.size() >= before.size());
                if (at.has_spare()) ++left_over;
                // As recovery leaves it: cut, synced.
                auto from = simulated_reader::open(at.in, ours).value();
                log_record record;
                while (from.next(record).value()) {}
                const log_end& end = from.end();
                for (const bytes& name : at.in.list().value())
                    if (name != bytes_view{spare_segment_name})
                        at.in.open(name, file_mode::write).value().sync().value();
                if (!end.unfinished_segment.empty()) at.in.remove(end.unfinished_segment).value();
                if (!end.segment.empty()) {
                    auto last = at.in.open(end.segment, file_mode::write).value();
                    last.resize(end.offset_in_segment()).value();
                    last.sync().value();
                }
                at.in.sync().value();
                before = found;
                auto to = at.write(end.end, end.previous_checksum);
                world.crash_at_io(1 + (seed * 7 + static_cast<std::uint64_t>(life) * 13) % 90);
                for (int i = 0; i < 40 && world.powered(); ++i) {
                    const auto range = put(*to, ++number);
                    if (range && i % 3 == 0 && to->wait_durable(range->end))
                        durable.push_back(number);
                }
            });
            world.crash();
            world.restart(seed % 4 == 0 ? crash_mode::process_only : crash_mode::random_subset);
        }
        world.run([&] {
            spare_world at{world};
            const std::vector<std::uint64_t> found = read_numbers(at.in).value();
            for (const std::uint64_t each : durable)
                CHECK(std::find(found.begin(), found.end(), each) != found.end());
        });
    }
    CHECK(left_over > 50);
}

TEST_CASE("a segment with records in it is ended by time, one without is not") {
    simulation world{1};
    world.run([&] {
        spare_world at{world, {.segment_bytes = small, .segment_period = seconds(10)}};
        auto to = at.write();
        CHECK(put(*to, 1));
        at.platform.sleep(seconds(8));
        CHECK(to->stats().segments == 1);
        at.platform.sleep(seconds(13));
        CHECK(to->stats().segments == 2);
        CHECK(to->durable() == to->end());
        at.platform.sleep(seconds(100));
        CHECK(to->stats().segments == 2);
        CHECK(put(*to, 2));
        at.platform.sleep(seconds(21));
        CHECK(to->stats().segments == 3);
        CHECK(put(*to, 3));
        to->close().value();
        CHECK(read_numbers(at.in).value() == std::vector<std::uint64_t>{1, 2, 3});
    });
}
