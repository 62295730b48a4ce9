// SPDX-License-Identifier: BSL-1.0
//
// Restartpoints: what a target makes durable in the middle of a recovery.
#include <doctest/doctest.h>

#include <mantis/platform/guard.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/wal/writer.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace mantis;

namespace {

constexpr database_id ours{5, 6};
using log_type = log_reader<simulated, crc32c>;

// Wants to rest after so many operations, and then looks at what was redone.
class resting {
public:
    static constexpr const char* name = "a resting target";
    static constexpr bool parallel_redo = true;

    explicit resting(std::size_t every) : every_{every} {}

    [[nodiscard]] lsn persisted_lsn() const { return {}; }
    result<void> redo(lsn version, const operation&) {
        lock_guard<simulated::mutex> hold{mutex_};
        versions.push_back(version);
        ++since_;
        return success();
    }
    result<void> verify() { return success(); }

    [[nodiscard]] bool wants_restartpoint() {
        lock_guard<simulated::mutex> hold{mutex_};
        return since_ >= every_;
    }
    result<bool> restartpoint(lsn end) {
        lock_guard<simulated::mutex> hold{mutex_};
        since_ = 0;
        places.push_back(end);
        redone.push_back(versions.size());
        for (const lsn each : versions) too_new = too_new || each > end;
        if (looks != nullptr) looks(context);
        if (fails) return error{error_code::io, "resting"};
        return places.size() > without_room;
    }

    std::vector<lsn> versions;
    std::vector<lsn> places;
    std::vector<std::size_t> redone;  // when it rested
    bool too_new = false;
    bool fails = false;
    std::size_t without_room = 0;  // so often there is none
    void (*looks)(void*) = nullptr;
    void* context = nullptr;

private:
    simulated::mutex mutex_;
    std::size_t every_;
    std::size_t since_ = 0;
};
static_assert(restartable_target<resting>);

using engine = recovery_engine<log_type, resting>;

constexpr int commits = 40;
constexpr std::size_t each_commit = 3;

// A log of commits of three operations, with half a record behind it.
struct torn_log {
    simulated world;
    simulated::directory directory = world.open_directory("db", directory_mode::create).value();
    std::vector<lsn> ends;

    explicit torn_log(simulated of) : world{std::move(of)} {
        log_writer<simulated, crc32c> log{world, directory, ours, first_lsn_of_log, 0};
        for (int number = 0; number < commits; ++number) ends.push_back(append(log, number));
        append(log, commits);
        log.close().value();
        auto file = directory.open(name(), file_mode::write).value();
        file.resize(size() - 5).value();
        file.sync().value();
        directory.sync().value();
    }

    [[nodiscard]] static bytes name() { return segment_name(first_lsn_of_log); }
    [[nodiscard]] std::uint64_t size() {
        return directory.open(name(), file_mode::read).value().size().value();
    }
    static std::string key(int number, std::size_t i) {
        return "key-" + std::to_string(number * 7) + "-" + std::to_string(i);
    }
    static lsn append(log_writer<simulated, crc32c>& log, int number) {
        const std::string value(20'000, 'v');  // a lane is given batches, of so many bytes
        bytes payload;
        for (std::size_t i = 0; i < each_commit; ++i)
            append_operation(payload, {operation_kind::put, {1}, key(number, i), value});
        const transaction_id id{static_cast<std::uint64_t>(number) + 1};
        return log.append(id, std::vector<pending_record>{{record_kind::commit, payload}})
            .value()
            .end;
    }
};

}  // namespace

TEST_CASE("60 seeds: a restartpoint has all commits up to it and none behind, by any threads") {
    std::size_t rests = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            torn_log at{world.platform()};
            resting target{10};
            recovery_options chosen;
            chosen.threads = 1 + static_cast<unsigned>(seed % 3);
            const auto done = engine{at.world, at.directory, ours, target}.run(chosen).value();
            CHECK(target.versions.size() == commits * each_commit);
            CHECK_FALSE(target.too_new);
            CHECK(done.summary.restartpoints == target.places.size());
            rests += target.places.size();
            if (chosen.threads == 1) CHECK(target.places.size() > 2);
            for (std::size_t i = 0; i < target.places.size(); ++i) {
                std::size_t before = 0;
                for (const lsn end : at.ends) before += end <= target.places[i] ? each_commit : 0;
                CHECK(target.redone[i] == before);
            }
        });
    }
    CHECK(rests > 120);
}

TEST_CASE("when a restartpoint is made the log is durable as it was read, and its tail is cut") {
    simulation world{1, {}};
    world.run([&] {
        struct {
            std::uint64_t size;
            torn_log* log;
        } seen{0, nullptr};
        torn_log at{world.platform()};
        const std::uint64_t torn = at.size();
        seen.log = &at;
        resting target{10};
        target.context = &seen;
        target.looks = [](void* context) {
            auto& into = *static_cast<decltype(seen)*>(context);
            if (into.size == 0) into.size = into.log->size();
        };
        (void)engine{at.world, at.directory, ours, target}.run({}).value();
        CHECK(seen.size == segment_header_bytes + at.ends.back().value - first_lsn_of_log.value);
        CHECK(seen.size < torn);
    });
}

TEST_CASE("no restartpoint is made to an earlier moment, reading only, or beside damage") {
    simulation world{1, {}};
    world.run([&] {
        torn_log at{world.platform()};
        const std::uint64_t torn = at.size();
        recovery_options earlier;
        earlier.stop_at = at.ends[30];
        recovery_options looking;
        looking.read_only = true;
        recovery_options safe;
        safe.up_to_damage = true;
        for (const recovery_options& each : {earlier, looking, safe}) {
            resting target{10};
            const auto done = engine{at.world, at.directory, ours, target}.run(each).value();
            CHECK(target.places.empty());
            CHECK(done.summary.restartpoints == 0);
            CHECK(target.versions.size() > 10);
            if (!each.up_to_damage) CHECK(at.size() == torn);
        }
    });
}

TEST_CASE("a restartpoint that fails ends the recovery, with the target and the record") {
    simulation world{1, {}};
    world.run([&] {
        torn_log at{world.platform()};
        resting target{10};
        target.fails = true;
        const auto failed = engine{at.world, at.directory, ours, target}.run({});
        REQUIRE_FALSE(failed);
        CHECK(failed.error().code() == error_code::io);
        CHECK(failed.error().number("target") != nullptr);
        CHECK(failed.error().number("lsn") != nullptr);
        const auto said = failed.error().message().as<std::string>();
        CHECK(said.find("a resting target") != std::string::npos);
    });
}

TEST_CASE("a restartpoint for which there is no room is not counted, and redo goes on") {
    simulation world{1, {}};
    world.run([&] {
        torn_log at{world.platform()};
        for (const std::size_t without : {2U, 1000U}) {
            resting target{10};
            target.without_room = without;
            const auto done = engine{at.world, at.directory, ours, target}.run({}).value();
            CHECK(target.versions.size() == commits * each_commit);
            REQUIRE(target.places.size() > 3);
            CHECK(done.summary.restartpoints == (without == 2 ? target.places.size() - 2 : 0));
        }
    });
}

TEST_CASE("progress goes through the phases in their order, wherever a restartpoint was made") {
    simulation world{1, {}};
    world.run([&] {
        torn_log at{world.platform()};
        resting target{10};
        std::vector<recovery_phase> phases;
        recovery_options chosen;
        chosen.listener_context = &phases;
        chosen.listener = [](void* context, const recovery_progress& now) {
            auto& all = *static_cast<std::vector<recovery_phase>*>(context);
            if (all.empty() || all.back() != now.phase) all.push_back(now.phase);
        };
        (void)engine{at.world, at.directory, ours, target}.run(chosen).value();
        CHECK(target.places.size() > 2);
        CHECK(std::is_sorted(phases.begin(), phases.end()));
        CHECK(std::count(phases.begin(), phases.end(), recovery_phase::repair) == 1);
    });
}
