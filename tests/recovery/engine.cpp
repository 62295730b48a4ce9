// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/wal/writer.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

constexpr database_id ours{5, 6};
using engine = recovery_engine<memory, crc32c>;

// Remembers what it was told to redo.
struct recorder {
    std::vector<std::string> keys;
    std::vector<lsn> versions;
    std::string refuses;

    result<void> redo(const operation& op, lsn version) {
        if (op.key == bytes_view{refuses} && !refuses.empty())
            return error{error_code::corrupt, "redoing a test operation"};
        keys.push_back(op.key.as<std::string>());
        versions.push_back(version);
        return success();
    }
};
static_assert(log_target<recorder>);

struct recovery_fixture {
    memory world;
    memory::directory directory = world.open_directory("db", directory_mode::create).value();
    log_writer<memory, crc32c> log{world, directory, ours, first_lsn_of_log, 0};

    lsn append(std::uint64_t transaction,
               const std::vector<std::pair<record_kind, std::string>>& records) {
        std::vector<bytes> payloads;
        for (const auto& [kind, key] : records) {
            payloads.emplace_back();
            append_operation(payloads.back(), {operation_kind::put, {1}, key, "value"});
        }
        std::vector<pending_record> pending;
        for (std::size_t i = 0; i < records.size(); ++i)
            pending.push_back({records[i].first, payloads[i]});
        return log.append({transaction}, pending).value().end;
    }
};

}  // namespace

TEST_CASE("committed operations are redone in order, all with the version of their commit") {
    recovery_fixture at;
    const lsn first = at.append(1, {{record_kind::commit, "a"}});
    const lsn second = at.append(
        2, {{record_kind::part, "b"}, {record_kind::part, "c"}, {record_kind::commit, "d"}});
    at.log.close().value();
    recorder seen;
    const auto done = engine{at.world, at.directory, ours}.run(seen, {}).value();
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
    const auto done = engine{at.world, at.directory, ours}.run(seen, {}).value();
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
    const auto looked = engine{at.world, at.directory, ours}.run(seen, look).value();
    CHECK(looked.summary.cut_bytes > 0);
    const auto first = engine{at.world, at.directory, ours}.run(seen, {}).value();
    CHECK(first.summary.cut_bytes == looked.summary.cut_bytes);
    const auto second = engine{at.world, at.directory, ours}.run(seen, {}).value();
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
    CHECK(engine{at.world, at.directory, ours}.run(seen, look).value().summary.end == end);
    CHECK(at.directory.exists(name).value());
    CHECK(engine{at.world, at.directory, ours}.run(seen, {}).value().summary.end == end);
    CHECK_FALSE(at.directory.exists(name).value());
}

TEST_CASE("a log that ends before what was once durable is refused") {
    recovery_fixture at;
    const lsn end = at.append(1, {{record_kind::commit, "a"}});
    at.log.close().value();
    recorder seen;
    engine::options chosen;
    chosen.log_reaches = {end.value + 1};
    const auto refused = engine{at.world, at.directory, ours}.run(seen, chosen);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::corrupt);
    CHECK(*refused.error().number("expected_lsn") == end.value + 1);
}

TEST_CASE("a target that refuses an operation stops recovery, and the record is named") {
    recovery_fixture at;
    const lsn before = at.append(1, {{record_kind::commit, "good"}});
    at.append(2, {{record_kind::commit, "bad"}});
    at.log.close().value();
    recorder seen;
    seen.refuses = "bad";
    const auto refused = engine{at.world, at.directory, ours}.run(seen, {});
    REQUIRE_FALSE(refused);
    CHECK(*refused.error().number("lsn") == before.value);
    CHECK(refused.error().subject() == segment_name(first_lsn_of_log).view());
}

TEST_CASE("progress is told, ends complete, and never goes back") {
    recovery_fixture at;
    for (std::uint64_t i = 1; i <= 3000; ++i)
        at.append(i, {{record_kind::commit, std::to_string(i)}});
    at.log.close().value();
    std::vector<recovery_progress> told;
    engine::options chosen;
    chosen.listener = [](void* context, const recovery_progress& progress) {
        static_cast<std::vector<recovery_progress>*>(context)->push_back(progress);
    };
    chosen.listener_context = &told;
    recorder seen;
    CHECK(engine{at.world, at.directory, ours}.run(seen, chosen));
    REQUIRE(told.size() == 3);
    CHECK(told[0].records == 1024);
    CHECK(told.back().records == 3000);
    for (std::size_t i = 1; i < told.size(); ++i)
        CHECK(told[i].bytes_done > told[i - 1].bytes_done);
    CHECK(told.back().bytes_done <= told.back().bytes_total);
}
