// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/wal/writer.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

constexpr database_id ours{5, 6};

// Remembers what it was told to redo.
struct recorder {
    static constexpr const char* name = "a recorder";

    std::vector<std::string> keys;
    std::vector<lsn> versions;
    std::string refuses;
    lsn persisted;
    bool sound = true;

    [[nodiscard]] lsn persisted_lsn() const { return persisted; }
    result<void> redo(lsn version, const operation& op) {
        if (op.key == bytes_view{refuses} && !refuses.empty())
            return error{error_code::corrupt, "redoing a test operation"};
        keys.push_back(op.key.as<std::string>());
        versions.push_back(version);
        return success();
    }
    result<void> verify() {
        return sound ? success()
                     : result<void>{error{error_code::corrupt, "verifying a test target"}};
    }
};
static_assert(log_target<recorder>);

using log_type = log_reader<memory, crc32c>;
using engine = recovery_engine<log_type, recorder>;

struct recovery_fixture {
    memory world;
    memory::directory directory = world.open_directory("db", directory_mode::create).value();
    log_writer<memory, crc32c> log{world, directory, ours, first_lsn_of_log, 0};

    lsn append(std::uint64_t transaction,
               const std::vector<std::pair<record_kind, std::string>>& records,
               nanoseconds time = {}) {
        std::vector<bytes> payloads;
        for (const auto& [kind, key] : records) {
            payloads.emplace_back();
            append_operation(payloads.back(), {operation_kind::put, {1}, key, "value"});
        }
        if (time != nanoseconds{})
            append_operation(payloads.back(), {operation_kind::stamp, {}, {}, {}, time});
        std::vector<pending_record> pending;
        for (std::size_t i = 0; i < records.size(); ++i)
            pending.push_back({records[i].first, payloads[i]});
        return log.append({transaction}, pending).value().end;
    }

    void flip(lsn position) {
        auto file = directory.open(segment_name(first_lsn_of_log), file_mode::write).value();
        const std::uint64_t offset = segment_header_bytes + position.value - first_lsn_of_log.value;
        std::byte one{};
        REQUIRE(file.read(offset, &one, 1).value() == 1);
        one ^= std::byte{1};
        file.write(offset, {&one, 1}).value();
    }

    bytes contents() {
        bytes all;
        for (const bytes& name : directory.list().value()) {
            all.append(name);
            all.append(read_file(directory, name, 64 * MiB).value());
        }
        return all;
    }

    recovery_summary run(recorder& into, const recovery_options& chosen = {}) {
        return engine{world, directory, ours, into}.run(chosen).value().summary;
    }
};

using names = std::vector<std::string>;

}  // namespace

TEST_CASE("committed operations are redone in order, all with the version of their commit") {
    recovery_fixture at;
    const lsn first = at.append(1, {{record_kind::commit, "a"}});
    const lsn second = at.append(
        2, {{record_kind::part, "b"}, {record_kind::part, "c"}, {record_kind::commit, "d"}});
    at.log.close().value();
    recorder seen;
    const auto done = engine{at.world, at.directory, ours, seen}.run({}).value();
    CHECK(seen.keys == std::vector<std::string>{"a", "b", "c", "d"});
    CHECK(seen.versions == std::vector<lsn>{first, second, second, second});
    CHECK(done.summary.records == 4);
    CHECK(done.summary.operations == 4);
    CHECK(done.summary.transactions_kept == 2);
    CHECK(done.summary.transactions_dropped == 0);
    CHECK(done.summary.last_transaction == transaction_id{2});
    CHECK(done.summary.end == second);
    CHECK(done.summary.bytes > 0);
}

TEST_CASE(
    "a transaction without its commit record is dropped and counted, at the end and in the "
    "middle") {
    recovery_fixture at;
    at.append(1, {{record_kind::part, "lost"}});
    at.append(2, {{record_kind::commit, "kept"}});
    at.append(3, {{record_kind::part, "lost too"}});
    at.log.close().value();
    recorder seen;
    const auto done = engine{at.world, at.directory, ours, seen}.run({}).value();
    CHECK(seen.keys == std::vector<std::string>{"kept"});
    CHECK(done.summary.transactions_kept == 1);
    CHECK(done.summary.transactions_dropped == 2);
    CHECK(done.summary.last_transaction == transaction_id{3});
}

TEST_CASE("recovery cuts a torn tail once: the second finds a clean log and the same state") {
    recovery_fixture at;
    at.append(1, {{record_kind::commit, "kept"}});
    at.log.sync().value();
    const lsn torn = at.append(2, {{record_kind::commit, "torn"}});
    at.log.sync().value();
    const bytes name = segment_name(first_lsn_of_log);
    const std::uint64_t middle = segment_header_bytes + torn.value - first_lsn_of_log.value - 4;
    at.directory.open(name, file_mode::write).value().resize(middle).value();
    recorder seen;
    engine::options look;
    look.read_only = true;
    const auto looked = engine{at.world, at.directory, ours, seen}.run(look).value();
    CHECK(looked.summary.cut_bytes > 0);
    const auto first = engine{at.world, at.directory, ours, seen}.run({}).value();
    CHECK(first.summary.cut_bytes == looked.summary.cut_bytes);
    const auto second = engine{at.world, at.directory, ours, seen}.run({}).value();
    CHECK(second.summary.cut_bytes == 0);
    CHECK(second.summary.end == first.summary.end);
    CHECK(seen.keys == std::vector<std::string>{"kept", "kept", "kept"});
}

TEST_CASE("a segment that never got its header is removed, and read-only it is left") {
    recovery_fixture at;
    const lsn end = at.append(1, {{record_kind::commit, "kept"}});
    at.log.close().value();
    const bytes name = segment_name({round_up(end.value, log_block_bytes)});
    (void)at.directory.open(name, file_mode::create).value();
    recorder seen;
    engine::options look;
    look.read_only = true;
    CHECK(engine{at.world, at.directory, ours, seen}.run(look).value().summary.end == end);
    CHECK(at.directory.exists(name).value());
    CHECK(engine{at.world, at.directory, ours, seen}.run({}).value().summary.end == end);
    CHECK_FALSE(at.directory.exists(name).value());
}

TEST_CASE("a log that ends before what was once durable is refused") {
    recovery_fixture at;
    const lsn end = at.append(1, {{record_kind::commit, "a"}});
    at.log.close().value();
    recorder seen;
    engine::options chosen;
    chosen.log_reaches = {end.value + 1};
    const auto refused = engine{at.world, at.directory, ours, seen}.run(chosen);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::corrupt);
    CHECK(*refused.error().number("expected_lsn") == end.value + 1);
}

TEST_CASE("parts of several transactions between each other are each redone with their commit") {
    recovery_fixture at;
    at.append(1, {{record_kind::part, "1a"}});
    at.append(2, {{record_kind::part, "2a"}});
    at.append(4, {{record_kind::part, "4a"}});
    at.append(1, {{record_kind::part, "1b"}});
    at.append(3, {{record_kind::commit, "3"}});
    const lsn second = at.append(2, {{record_kind::commit, "2b"}});
    const lsn first = at.append(1, {{record_kind::commit, "1c"}});
    at.log.close().value();
    recorder seen;
    const auto done = at.run(seen);
    CHECK(seen.keys == names{"3", "2a", "2b", "1a", "1b", "1c"});
    CHECK(seen.versions[2] == second);
    CHECK(seen.versions[3] == first);
    CHECK(done.transactions_kept == 3);
    CHECK(done.transactions_dropped == 1);
    CHECK(done.operations == 6);
    CHECK(done.last_transaction == transaction_id{4});
}

TEST_CASE("a target that has persisted a prefix of the log is told only what follows") {
    recovery_fixture at;
    at.append(1, {{record_kind::commit, "a"}});
    const lsn middle = at.append(2, {{record_kind::commit, "b"}});
    at.append(3, {{record_kind::commit, "c"}});
    at.log.close().value();
    recorder empty;
    recorder half;
    half.persisted = middle;
    recovery_engine<log_type, recorder, recorder> both{at.world, at.directory, ours, empty, half};
    CHECK(both.run({}).value().summary.operations == 3);
    CHECK(empty.keys == names{"a", "b", "c"});
    CHECK(half.keys == names{"c"});
    recorder whole;
    whole.persisted = {middle.value - 1};
    at.run(whole);
    CHECK(whole.keys == names{"b", "c"});
}

TEST_CASE("a log without targets is still verified and cut") {
    recovery_fixture at;
    const lsn end = at.append(1, {{record_kind::commit, "a"}});
    at.log.close().value();
    CHECK(recovery_engine<log_type>{at.world, at.directory, ours}.run({}).value().summary.end ==
          end);
}

TEST_CASE("recovery to a position redoes the commits that end there or before, and cuts nothing") {
    recovery_fixture at;
    const lsn a = at.append(1, {{record_kind::commit, "a"}});
    at.append(9, {{record_kind::part, "open"}});
    const lsn b = at.append(2, {{record_kind::part, "b"}, {record_kind::commit, "b2"}});
    at.append(3, {{record_kind::commit, "c"}});
    at.log.sync().value();
    const bytes before = at.contents();
    const std::vector<std::pair<lsn, names>> expected{{{a.value - 1}, {}},
                                                      {a, {"a"}},
                                                      {{b.value - 1}, {"a"}},
                                                      {b, {"a", "b", "b2"}},
                                                      {{b.value + 1}, {"a", "b", "b2"}}};
    for (const auto& [stop, keys] : expected)
        for (const unsigned threads : {1u, 2u}) {
            recovery_options chosen;
            chosen.stop_at = stop;
            chosen.threads = threads;
            recorder seen;
            const auto done = at.run(seen, chosen);
            CHECK(seen.keys == keys);
            CHECK(done.stops_at <= (stop > first_lsn_of_log ? stop : first_lsn_of_log));
            CHECK(done.transactions_kept + done.transactions_after_stop == 3);
            CHECK(at.contents() == before);
        }
}

TEST_CASE("recovery to a time stops before the first commit that is stamped later") {
    recovery_fixture at;
    at.append(1, {{record_kind::commit, "unstamped"}});
    at.append(2, {{record_kind::commit, "at 100"}}, {100});
    at.append(3, {{record_kind::commit, "unstamped too"}});
    at.append(4, {{record_kind::part, "at"}, {record_kind::commit, "200"}}, {200});
    at.append(5, {{record_kind::commit, "at 200 too"}}, {200});
    at.append(6, {{record_kind::commit, "at 300"}}, {300});
    at.log.close().value();
    const std::vector<std::pair<std::int64_t, std::size_t>> expected{
        {99, 1}, {100, 3}, {199, 3}, {200, 6}, {299, 6}, {300, 7}, {301, 7}};
    for (const auto& [time, operations] : expected) {
        recovery_options chosen;
        chosen.stop_at_time = {time};
        recorder seen;
        const auto done = at.run(seen, chosen);
        CHECK(seen.keys.size() == operations);
        CHECK(done.last_time <= nanoseconds{time});
    }
    recorder all;
    const auto done = at.run(all);
    CHECK(done.first_time == nanoseconds{100});
    CHECK(done.last_time == nanoseconds{300});
}

TEST_CASE("damage leaves every target and the log as they were") {
    recovery_fixture at;
    const lsn first = at.append(1, {{record_kind::commit, "a"}});
    at.log.sync().value();
    at.append(2, {{record_kind::commit, "b"}});
    at.log.sync().value();
    at.append(3, {{record_kind::commit, "c"}});
    at.log.close().value();
    at.flip({4096 + 4096 + 50});
    const bytes before = at.contents();
    recorder seen;
    const auto refused = engine{at.world, at.directory, ours, seen}.run({});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::corrupt);
    CHECK(seen.keys.empty());
    recovery_options chosen;
    chosen.up_to_damage = true;
    const auto done = at.run(seen, chosen);
    CHECK(seen.keys == names{"a"});
    CHECK(done.found == log_condition::damaged);
    REQUIRE(done.damage);
    CHECK(done.damage->message() == refused.error().message());
    CHECK(done.stops_at == first);
    recovery_options too_late;
    too_late.stop_at = {first.value + 1};
    CHECK(engine{at.world, at.directory, ours, seen}.run(too_late).error().code() ==
          error_code::corrupt);
    CHECK(at.contents() == before);
}

TEST_CASE("damage behind the place to stop at is told and is no error") {
    recovery_fixture at;
    const lsn first = at.append(1, {{record_kind::commit, "a"}});
    at.log.sync().value();
    const lsn second = at.append(2, {{record_kind::commit, "b"}});
    at.log.sync().value();
    at.append(3, {{record_kind::commit, "c"}});
    at.log.sync().value();
    at.append(4, {{record_kind::commit, "d"}});
    at.log.close().value();
    at.flip({4096 + 2 * 4096 + 50});
    for (const lsn stop : {first, second}) {
        recovery_options chosen;
        chosen.stop_at = stop;
        recorder seen;
        const auto done = at.run(seen, chosen);
        CHECK(seen.keys == (stop == first ? names{"a"} : names{"a", "b"}));
        CHECK(done.damage);
        CHECK(done.stops_at == stop);
    }
}

TEST_CASE("a plan says what recovery would do, and touches nothing") {
    recovery_fixture at;
    at.append(1, {{record_kind::commit, "a"}});
    at.append(7, {{record_kind::part, "dropped"}});
    at.log.sync().value();
    const lsn kept = at.append(2, {{record_kind::commit, "b"}});
    at.log.sync().value();
    const lsn torn = at.append(3, {{record_kind::commit, "torn"}});
    at.log.sync().value();
    at.directory.open(segment_name(first_lsn_of_log), file_mode::write)
        .value()
        .resize(segment_header_bytes + torn.value - first_lsn_of_log.value - 4)
        .value();
    const bytes before = at.contents();
    recorder seen;
    engine recovery{at.world, at.directory, ours, seen};
    const recovery_plan planned = recovery.plan({}).value();
    CHECK(at.contents() == before);
    CHECK(seen.keys.empty());
    CHECK(planned.found == log_condition::crashed);
    CHECK_FALSE(planned.damage);
    CHECK(planned.end == kept);
    CHECK(planned.stops_at == kept);
    CHECK(planned.cut_bytes > 0);
    CHECK(planned.transactions_kept == 2);
    CHECK(planned.transactions_dropped == 1);
    CHECK(planned.transactions_in_doubt == 1);  // its own sync is proved by nothing after it
    const recovery_summary done = recovery.run({}).value().summary;
    CHECK(done.operations == planned.operations);
    CHECK(done.cut_bytes == planned.cut_bytes);
    recovery_options known;
    known.log_reaches = kept;
    const recovery_plan after = recovery.plan(known).value();
    CHECK(after.found == log_condition::clean);
    CHECK(after.transactions_in_doubt == 0);
    known.log_reaches = {kept.value - 1};
    CHECK(recovery.plan(known).value().found == log_condition::crashed);
}

TEST_CASE("verification goes as far as it was asked to, and before anything is cut") {
    recovery_fixture at;
    at.append(1, {{record_kind::commit, "kept"}});
    at.log.sync().value();
    const lsn torn = at.append(2, {{record_kind::commit, "torn"}});
    at.log.sync().value();
    at.directory.open(segment_name(first_lsn_of_log), file_mode::write)
        .value()
        .resize(segment_header_bytes + torn.value - first_lsn_of_log.value - 4)
        .value();
    const bytes before = at.contents();
    recorder seen;
    seen.sound = false;
    recovery_options chosen;
    chosen.verification = recovery_check::full;
    const auto refused = engine{at.world, at.directory, ours, seen}.run(chosen);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().level(1) == bytes_view{"a recorder"});
    CHECK(at.contents() == before);
    for (const recovery_check level : {recovery_check::none, recovery_check::quick}) {
        chosen.verification = level;
        chosen.read_only = true;
        CHECK(engine{at.world, at.directory, ours, seen}.run(chosen));
    }
}

TEST_CASE("a target that refuses an operation stops recovery, and the record is named") {
    recovery_fixture at;
    const lsn before = at.append(1, {{record_kind::commit, "good"}});
    at.append(2, {{record_kind::commit, "bad"}});
    at.log.close().value();
    recorder seen;
    seen.refuses = "bad";
    const auto refused = engine{at.world, at.directory, ours, seen}.run({});
    REQUIRE_FALSE(refused);
    CHECK(*refused.error().number("lsn") == before.value);
    CHECK(refused.error().subject() == segment_name(first_lsn_of_log).view());
    CHECK(*refused.error().number("segment") == first_lsn_of_log.value);
    CHECK(*refused.error().number("target") == 0);
    CHECK(refused.error().level(1) == bytes_view{"a recorder"});
}

TEST_CASE("progress tells each phase, in order, and within one never goes back") {
    recovery_fixture at;
    for (std::uint64_t i = 1; i <= 3000; ++i)
        at.append(i, {{record_kind::commit, std::to_string(i)}});
    at.log.close().value();
    std::vector<recovery_progress> told;
    recovery_options chosen;
    chosen.verification = recovery_check::full;
    chosen.listener = [](void* context, const recovery_progress& progress) {
        static_cast<std::vector<recovery_progress>*>(context)->push_back(progress);
    };
    chosen.listener_context = &told;
    recorder seen;
    at.run(seen, chosen);
    std::vector<recovery_phase> phases;
    std::uint64_t redone = 0;
    for (std::size_t i = 0; i < told.size(); ++i) {
        if (i == 0 || told[i].phase != told[i - 1].phase) phases.push_back(told[i].phase);
        else CHECK(told[i].bytes_done >= told[i - 1].bytes_done);
        CHECK(told[i].bytes_done <= told[i].bytes_total);
        if (told[i].phase == recovery_phase::redo) ++redone;
    }
    CHECK(phases == std::vector{recovery_phase::detect, recovery_phase::analyse,
                                recovery_phase::redo, recovery_phase::verify,
                                recovery_phase::repair, recovery_phase::open});
    CHECK(redone == 4);  // at 0, 1024, 2048 and 3000
}
