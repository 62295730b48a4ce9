// SPDX-License-Identifier: BSL-1.0
//
// Redo by several threads, under drawn schedules of the simulator.
#include <doctest/doctest.h>

#include <mantis/platform/guard.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/wal/writer.hpp>

#include <map>
#include <string>
#include <vector>

using namespace mantis;

namespace {

constexpr database_id ours{5, 6};
using log_type = log_reader<simulated, crc32c>;
using writer = log_writer<simulated, crc32c>;

struct dice {
    std::uint64_t state;
    std::uint64_t operator()(std::uint64_t below) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % below;
    }
};

// The history of every key, and what a table was when it was made or dropped.
class history {
public:
    static constexpr const char* name = "a history";
    static constexpr bool parallel_redo = true;

    [[nodiscard]] lsn persisted_lsn() const { return {}; }
    result<void> redo(lsn version, const operation& op) {
        const bool alone =
            op.kind == operation_kind::create_table || op.kind == operation_kind::drop_table;
        lock_guard<simulated::mutex> hold{mutex_};
        if (op.value == bytes_view{"bad"})
            return error{error_code::corrupt, "redoing a test operation"};
        if (alone) {
            auto& table = tables[op.table.value];
            table.push_back({});
            for (const auto& [key, versions] : keys)
                if (key.first == op.table.value) table.back()[key.second] = versions.size();
            return success();
        }
        keys[{op.table.value, op.key.as<std::string>()}].push_back(version);
        return success();
    }
    result<void> verify() { return success(); }

    std::map<std::pair<std::uint64_t, std::string>, std::vector<lsn>> keys;
    std::map<std::uint64_t, std::vector<std::map<std::string, std::size_t>>> tables;

private:
    simulated::mutex mutex_;
};

// The same for one thread at a time, in the order of the log.
struct in_order {
    [[nodiscard]] lsn persisted_lsn() const { return {}; }
    result<void> redo(lsn version, const operation& op) {
        check(!inside, "two threads in a target that is for one");
        inside = true;
        versions.push_back(version);
        world->yield();
        keys.push_back(op.key.as<std::string>());
        inside = false;
        return success();
    }
    result<void> verify() { return success(); }

    struct pause {
        simulated platform;
        void yield() { platform.sleep(nanoseconds{1}); }
    };
    pause* world;
    bool inside = false;
    std::vector<lsn> versions;
    std::vector<std::string> keys;
};

// A log of several tables with large values, so that batches are full, and some DDL between. From
// the commit `bad` on every ninth is refused, if it is not 0.
void write_log(simulated world, simulated::directory& in, dice roll, std::uint64_t bad) {
    writer log{world, in, ours, first_lsn_of_log, 0};
    for (std::uint64_t number = 1; number <= 60; ++number) {
        bytes payload;
        if (roll(20) == 0) {
            const auto kind =
                roll(2) == 0 ? operation_kind::create_table : operation_kind::drop_table;
            append_operation(payload, {kind, {1 + roll(3)}, {}, {}});
        }
        const bool refused = bad != 0 && number >= bad && (number - bad) % 9 == 0;
        for (std::uint64_t left = 1 + roll(4); left > 0; --left) {
            const std::string value = refused ? "bad" : std::string(roll(60'000), 'v');
            append_operation(payload,
                             {operation_kind::put, {1 + roll(3)}, std::to_string(roll(6)), value});
        }
        const std::vector<pending_record> records{{record_kind::commit, payload}};
        REQUIRE(log.append({number}, records));
    }
    log.close().value();
}

}  // namespace

TEST_CASE("60 seeds: three threads redo each key in order, and tables alone, as one thread does") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            auto in = world.platform().open_directory("log", directory_mode::create).value();
            write_log(world.platform(), in, dice{seed}, 0);
            history one;
            history three;
            in_order::pause pause{world.platform()};
            in_order first{.world = &pause, .versions = {}, .keys = {}};
            in_order second{.world = &pause, .versions = {}, .keys = {}};
            recovery_options chosen;
            chosen.read_only = true;
            using engine = recovery_engine<log_type, history, in_order>;
            CHECK(engine{world.platform(), in, ours, one, first}.run(chosen));
            chosen.threads = 3;
            CHECK(engine{world.platform(), in, ours, three, second}.run(chosen));
            CHECK(one.keys == three.keys);
            CHECK(one.tables == three.tables);
            CHECK(first.versions == second.versions);
            CHECK(first.keys == second.keys);
            CHECK(first.keys.size() > 60);
        });
    }
}

TEST_CASE("60 seeds: threads stop at the same failure as one does, whichever meets its own first") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            auto in = world.platform().open_directory("log", directory_mode::create).value();
            write_log(world.platform(), in, dice{seed}, 1 + seed % 59);
            std::string said;
            for (const unsigned threads : {1u, 2u, 4u}) {
                history target;
                recovery_options chosen;
                chosen.threads = threads;
                const auto failed =
                    recovery_engine<log_type, history>{world.platform(), in, ours, target}.run(
                        chosen);
                REQUIRE_FALSE(failed);
                CHECK(failed.error().level(1) == bytes_view{"a history"});
                REQUIRE(failed.error().number("segment"));
                const std::string message = failed.error().message().as<std::string>();
                if (said.empty()) said = message;
                CHECK(message == said);
            }
        });
    }
}
