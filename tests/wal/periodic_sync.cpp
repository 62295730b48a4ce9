// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/wal/periodic_sync.hpp>
#include <mantis/wal/writer.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

using marks = detail::unsynced_marks;

// A log whose syncs take a stated time.
struct slow_log {
    simulated world;
    nanoseconds sync_takes = milliseconds(1);
    std::uint64_t end = 0;
    std::uint64_t reaches = 0;
    int syncs = 0;
    bool fails = false;

    [[nodiscard]] lsn durable() const noexcept { return {reaches}; }
    result<void> sync() {
        ++syncs;
        const std::uint64_t to = end;
        world.sleep(sync_takes);
        if (fails) return error{error_code::unknown_outcome, "syncing"};
        reaches = to;
        return success();
    }
};

using syncing_type = periodic_sync<simulated, slow_log>;

// A commit of so many bytes, answered.
void commit(slow_log& log, syncing_type& syncing, std::uint64_t size, bool due = true) {
    log.end += size;
    syncing.note({log.end}, due);
}

template <class Body>
void in_simulation(Body body) {
    simulation world{7};
    world.run([&] { body(world); });
}

}  // namespace

TEST_CASE("marks never tell a commit younger than it is, and hardly older") {
    marks kept;
    std::vector<nanoseconds> at{{0}};
    for (std::int64_t i = 1; i <= 5000; ++i) {
        at.push_back(milliseconds(i));
        kept.add({static_cast<std::uint64_t>(i)}, milliseconds(i), i % 10 == 0, milliseconds(3));
        for (const std::uint64_t durable : {std::uint64_t(0), std::uint64_t(i) / 2}) {
            const auto* const first = kept.first({durable});
            REQUIRE(first != nullptr);
            CHECK(first->at <= at[durable + 1]);
        }
        CHECK(kept.first({0})->at == at[1]);
    }
    for (std::uint64_t durable = 0; durable < 5000; durable += 100)
        CHECK(kept.first({durable})->at >= at[durable + 1] - milliseconds(5000 / 8));
    CHECK(kept.due() == milliseconds(10));
    CHECK(kept.end() == lsn{5000});
    CHECK(kept.settle({5000}, milliseconds(6000)) == milliseconds(10));
    CHECK(kept.first({0}) == nullptr);
    CHECK(kept.due() == detail::unsynced_mark::never);
    CHECK(kept.settle({5000}, milliseconds(6000)) == milliseconds(6000));
}

TEST_CASE("marks: a commit that is told after a later one, and is due, is due from then on") {
    marks kept;
    kept.add({10}, milliseconds(1), false, milliseconds(1));
    kept.add({30}, milliseconds(5), false, milliseconds(1));
    CHECK(kept.due() == detail::unsynced_mark::never);
    kept.add({20}, milliseconds(6), true, milliseconds(1));
    CHECK(kept.due() == milliseconds(6));
    CHECK(kept.end() == lsn{30});
    CHECK(kept.settle({10}, milliseconds(7)) == milliseconds(7));
    CHECK(kept.due() == milliseconds(6));
    CHECK(kept.settle({30}, milliseconds(7)) == milliseconds(6));
}

TEST_CASE("what is noted as due is durable within the period, and nothing else is synced") {
    in_simulation([](simulation& world) {
        slow_log log{world.platform()};
        syncing_type syncing{world.platform(), log, {.period = milliseconds(100)}};
        for (int i = 0; i < 50; ++i) {
            commit(log, syncing, 100);
            const lsn position{log.end};
            world.platform().sleep(milliseconds(i % 7 == 0 ? 100 : 9));
            if (i % 7 == 0) CHECK(log.durable() >= position);
        }
        CHECK(log.syncs >= 8);
        CHECK(log.syncs <= 24);  // twice a period, and none for what is durable already
        CHECK(syncing.window().exceeded_period == 0);
        CHECK(syncing.window().longest >= milliseconds(50));
        CHECK(syncing.window().longest <= milliseconds(60));
    });
}

TEST_CASE("where nothing is due nothing is synced, no thread is made, and none polls") {
    in_simulation([](simulation& world) {
        slow_log log{world.platform()};
        syncing_type syncing{world.platform(), log, {.period = milliseconds(1)}};
        for (int i = 0; i < 10; ++i) commit(log, syncing, 100, false);
        world.platform().sleep(seconds(10));
        CHECK(log.syncs == 0);
        CHECK(syncing.window().bytes == 1000);
        CHECK(syncing.window().age >= seconds(10));
        CHECK(syncing.window().exceeded_period == 0);
        commit(log, syncing, 100);
        world.platform().sleep(seconds(1));
        CHECK(log.syncs == 1);
        const std::uint64_t steps = world.steps();
        world.platform().sleep(seconds(1000));
        CHECK(world.steps() - steps < 10);
        CHECK(syncing.window().bytes == 0);
        CHECK(syncing.window().age == nanoseconds{});
    });
}

TEST_CASE("half the bytes begin a sync before half the period has passed") {
    in_simulation([](simulation& world) {
        slow_log log{world.platform()};
        syncing_type syncing{world.platform(), log, {.period = seconds(100), .bytes = 10'000}};
        for (int i = 0; i < 49; ++i) commit(log, syncing, 100);
        world.platform().sleep(seconds(1));
        CHECK(log.syncs == 0);
        commit(log, syncing, 100);
        world.platform().sleep(seconds(1));
        CHECK(log.syncs == 1);
        CHECK(log.durable() == lsn{5000});
        for (int i = 0; i < 300; ++i) {
            commit(log, syncing, 100);
            world.platform().sleep(microseconds(30));
        }
        CHECK(log.syncs > 4);
        CHECK(syncing.window().exceeded_bytes == 0);
        CHECK(syncing.window().most_bytes >= 5000);
    });
}

TEST_CASE("what comes during a sync has a period of its own") {
    in_simulation([](simulation& world) {
        slow_log log{world.platform(), milliseconds(40)};
        syncing_type syncing{world.platform(), log, {.period = milliseconds(100)}};
        commit(log, syncing, 100, false);
        world.platform().sleep(seconds(100));
        commit(log, syncing, 100);
        world.platform().sleep(milliseconds(60));  // the sync runs
        CHECK(log.syncs == 1);
        commit(log, syncing, 100);
        world.platform().sleep(milliseconds(40));
        CHECK(log.syncs == 1);
        world.platform().sleep(milliseconds(60));
        CHECK(log.syncs == 2);
        CHECK(log.durable() == lsn{300});
        CHECK(syncing.window().exceeded_period == 0);
    });
}

TEST_CASE("a disk too slow for the window is told, by how often and by how much") {
    in_simulation([](simulation& world) {
        slow_log log{world.platform(), milliseconds(300)};
        syncing_type syncing{world.platform(), log, {.period = milliseconds(100), .bytes = 1000}};
        commit(log, syncing, 100);
        world.platform().sleep(milliseconds(200));
        CHECK(syncing.window().age >= milliseconds(200));  // at this moment; the sync still runs
        CHECK(syncing.window().bytes == 100);
        CHECK(syncing.window().exceeded_period == 0);
        commit(log, syncing, 1400);
        CHECK(syncing.window().exceeded_bytes == 1);
        CHECK(syncing.window().most_bytes == 1500);
        commit(log, syncing, 100);
        CHECK(syncing.window().exceeded_bytes == 1);  // the same time
        world.platform().sleep(seconds(10));
        CHECK(syncing.window().exceeded_period == 2);
        CHECK(syncing.window().longest >= milliseconds(350));
        CHECK(syncing.window().longest < milliseconds(500));
        CHECK(syncing.window().age == nanoseconds{});
        commit(log, syncing, 1001);
        CHECK(syncing.window().exceeded_bytes == 2);
    });
}

TEST_CASE("after a failed sync nothing is synced, and the window tells what may be lost") {
    in_simulation([](simulation& world) {
        slow_log log{world.platform()};
        log.fails = true;
        syncing_type syncing{world.platform(), log, {.period = milliseconds(10)}};
        commit(log, syncing, 100);
        world.platform().sleep(seconds(1));
        CHECK(log.syncs == 1);
        CHECK(syncing.window().bytes == 100);
        CHECK(syncing.window().age >= seconds(1));
        commit(log, syncing, 100);
        world.platform().sleep(seconds(1));
        CHECK(log.syncs == 1);
        syncing.stop();
    });
}

TEST_CASE("100 schedules: what many threads note is durable within the period") {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = {.spurious_one_in = seed % 2 == 0 ? 10u : 0u}}};
        world.run([&] {
            auto in = world.platform().open_directory("log", directory_mode::create).value();
            using log_type = log_writer<simulated, crc32c>;
            log_type log{world.platform(), in, {1, 2}, first_lsn_of_log, 0, {}};
            // The slowest sync there is, twice: one that began before the commit, and its own.
            const nanoseconds period{4 * world.longest_sync().count};
            periodic_sync<simulated, log_type> syncing{world.platform(), log, {period, 64 * KiB}};
            std::vector<simulated::thread> threads;
            for (std::uint64_t i = 0; i < 3; ++i)
                threads.emplace_back([&, i] {
                    for (std::uint64_t n = 0; n < 10; ++n) {
                        const std::vector<pending_record> records{
                            {record_kind::commit, bytes_view{"record"}}};
                        const lsn end = log.append({i * 10 + n + 1}, records).value().end;
                        log.wait_written(end).value();
                        const nanoseconds answered = world.now();
                        syncing.note(end, (i + n) % 3 != 0);
                        if (n % 4 == 0) world.platform().sleep(period);
                        if (world.now() >= answered + period && (i + n) % 3 != 0)
                            CHECK(log.durable() >= end);
                    }
                });
            for (auto& thread : threads) thread.join();
            world.platform().sleep(period);
            CHECK(syncing.window().exceeded_period == 0);
            syncing.stop();
        });
    }
}
