// SPDX-License-Identifier: BSL-1.0
//
// What a log with its recovery promises, property by property, over seeds: threads append
// transactions of many records at the same time to units so small that those records lie apart;
// then the power fails or the process is killed, often in the middle.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/wal/writer.hpp>

#include <rapidcheck.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

using namespace mantis;

namespace {

constexpr database_id ours{7, 8};
using reader = log_reader<simulated, crc32c>;
using writer = log_writer<simulated, crc32c>;

std::uint64_t seed_count() { return std::getenv("MANTIS_LONG") != nullptr ? 2000 : 200; }

struct dice {
    std::uint64_t state;
    std::uint64_t operator()(std::uint64_t below) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % below;
    }
};

// One transaction and what its writer knows.
struct appended {
    std::size_t operations = 0;
    lsn end;  // {}: append() did not succeed
    bool refused = false;
    bool durable = false;
    bool written = false;
};

// The values of all keys with their versions, and every call in its order.
struct rows {
    struct call {
        lsn version;
        std::size_t transaction;
        std::size_t operation;
    };

    [[nodiscard]] lsn persisted_lsn() const { return persisted; }
    result<void> redo(lsn version, const operation& op) {
        values[op.key.as<std::string>()] = {op.value.as<std::string>(), version};
        if (op.key.first(3) != bytes_view{"tx/"}) return success();
        const auto key = op.key.as<std::string>();
        const std::size_t slash = key.find('/', 3);
        calls.push_back({version, std::stoul(key.substr(3)), std::stoul(key.substr(slash + 1))});
        return success();
    }
    result<void> verify() { return success(); }

    std::map<std::string, std::pair<std::string, lsn>> values;
    std::vector<call> calls;
    lsn persisted;
};

class life {
public:
    using engine = recovery_engine<reader, rows>;

    explicit life(std::uint64_t seed)
        : world_{seed, {.scheduling = drawn_schedule(seed)}}, roll_{seed * 2 + 1} {
        options_.segment_bytes = 8 * KiB << roll_(3);
        options_.buffer_bytes = 4 * KiB << roll_(2);
    }

    // Runs body(life) where the log is written, the world has ended, and begins again.
    template <class Body>
    void run(Body body) {
        world_.run([&] {
            write();
            killed_ = roll_(3) == 0;
            world_.restart(killed_         ? crash_mode::process_only
                           : roll_(2) == 0 ? crash_mode::drop_unsynced
                                           : crash_mode::random_subset);
            body(*this);
        });
    }

    [[nodiscard]] simulation& world() noexcept { return world_; }
    [[nodiscard]] dice& roll() noexcept { return roll_; }
    [[nodiscard]] bool killed() const noexcept { return killed_; }
    [[nodiscard]] const std::vector<appended>& all() const noexcept { return all_; }
    [[nodiscard]] simulated::directory directory() {
        return world_.platform().open_directory("log", directory_mode::create).value();
    }

    result<engine::outcome> recover(rows& into, bool read_only = false) {
        auto in = world_.platform().open_directory("log", directory_mode::create);
        if (!in) return in.error();
        engine::options chosen;
        chosen.threads = static_cast<unsigned>(1 + roll_(2));
        chosen.read_only = read_only;
        return engine{world_.platform(), *in, ours, into}.run(chosen);
    }

private:
    void write() {
        auto in = directory();
        writer log{world_.platform(), in, ours, first_lsn_of_log, 0, options_};
        if (roll_(3) != 0) world_.crash_at_io(3 + roll_(60));
        std::vector<simulated::thread> threads;
        for (std::uint64_t left = 1 + roll_(3); left > 0; --left)
            threads.emplace_back([this, &log, roll = dice{roll_(1u << 30)}]() mutable {
                for (std::uint64_t n = 2 + roll(8); n > 0; --n) append(log, roll);
            });
        for (auto& thread : threads) thread.join();
        if (world_.powered() && roll_(4) == 0) (void)log.close();  // the crash may come in it
        world_.crash();
    }

    // Records of several operations each; the last writes a key that everybody writes.
    void append(writer& log, dice& roll) {
        const std::size_t number = all_.size();
        all_.emplace_back();
        const std::string me = std::to_string(number);
        std::vector<bytes> payloads(1 + roll(6));
        std::size_t operations = 0;
        for (bytes& payload : payloads)
            for (std::uint64_t left = 1 + roll(3); left > 0; --left)
                append_operation(payload, {operation_kind::put,
                                           {1},
                                           "tx/" + me + "/" + std::to_string(operations++),
                                           std::string(roll(1500), 'v')});
        append_operation(payloads.back(), {operation_kind::put, {1}, "shared", me});
        std::vector<pending_record> records;
        for (const bytes& payload : payloads) records.push_back({record_kind::part, payload});
        records.back().kind = record_kind::commit;

        all_[number].operations = operations;
        const auto range = log.append({number + 1}, records);
        if (!range) {
            all_[number].refused = range.error().code() != error_code::unknown_outcome;
            return;
        }
        all_[number].end = range->end;
        const std::uint64_t patience = roll(3);
        if (patience == 0) all_[number].durable = log.wait_durable(range->end).has_value();
        if (patience == 1) all_[number].written = log.wait_written(range->end).has_value();
    }

    simulation world_;
    dice roll_;
    log_options options_;
    std::vector<appended> all_;
    bool killed_ = false;
};

template <class Body>
void for_seeds(Body body) {
    for (std::uint64_t seed = 1; seed <= seed_count(); ++seed) {
        CAPTURE(seed);
        life{seed}.run(body);
    }
}

// How many operations of each transaction were redone.
std::vector<std::size_t> counted(const life& of, const rows& found) {
    std::vector<std::size_t> counts(of.all().size());
    for (const rows::call& each : found.calls) {
        REQUIRE(each.transaction < counts.size());
        ++counts[each.transaction];
    }
    return counts;
}

}  // namespace

TEST_CASE("replay is complete: every acknowledged transaction is redone, and no refused one") {
    std::size_t durable = 0;
    std::size_t written = 0;
    std::size_t refused = 0;
    for_seeds([&](life& of) {
        rows found;
        REQUIRE(of.recover(found));
        const auto counts = counted(of, found);
        for (std::size_t i = 0; i < counts.size(); ++i) {
            CAPTURE(i);
            const appended& each = of.all()[i];
            const bool promised = each.durable || (each.written && of.killed());
            if (promised) CHECK(counts[i] == each.operations);
            if (each.refused) CHECK(counts[i] == 0);
            durable += each.durable ? 1u : 0u;
            written += each.written && of.killed() ? 1u : 0u;
            refused += each.refused ? 1u : 0u;
        }
    });
    CHECK(durable > seed_count());
    CHECK(written > 20);
    CHECK(refused > 20);
}

TEST_CASE(
    "replay has no effect the second time: all states are equal, and what is there is told "
    "to nobody again") {
    for_seeds([&](life& of) {
        rows first;
        const auto done = of.recover(first);
        REQUIRE(done);
        if (of.roll()(2) == 0) of.world().restart(crash_mode::random_subset);  // nothing is lost
        rows second;
        const auto again = of.recover(second);
        REQUIRE(again);
        CHECK(second.values == first.values);
        CHECK(again->summary.end == done->summary.end);
        CHECK(again->previous_checksum == done->previous_checksum);

        // Into a target that has it: nothing changes; into one that says so: nothing is called.
        const std::size_t calls = second.calls.size();
        REQUIRE(of.recover(second));
        CHECK(second.values == first.values);
        CHECK(second.calls.size() == 2 * calls);
        second.persisted = done->summary.end;
        REQUIRE(of.recover(second));
        CHECK(second.calls.size() == 2 * calls);
    });
}

TEST_CASE("a replay that is killed ten times leaves what an undisturbed one finds") {
    std::size_t killed = 0;
    for_seeds([&](life& of) {
        rows expected;
        REQUIRE(of.recover(expected, true));  // touches nothing
        for (int i = 0; i < 10; ++i) {
            of.world().crash_at_io(1 + of.roll()(20));
            rows interrupted;
            killed += of.recover(interrupted) ? 0u : 1u;
            of.world().restart(crash_mode::process_only);
        }
        rows found;
        REQUIRE(of.recover(found));
        CHECK(found.values == expected.values);
    });
    CHECK(killed > seed_count());
}

TEST_CASE(
    "a replay whose power fails leaves a beginning of the log with all that was promised, "
    "and once it has ended nothing changes any more") {
    std::size_t ended = 0;
    std::size_t failed = 0;
    for_seeds([&](life& of) {
        rows whole;
        REQUIRE(of.recover(whole, true));
        lsn promised;
        for (const appended& each : of.all())
            if (each.durable && each.end > promised) promised = each.end;
        for (int i = 0; i < 4; ++i) {
            of.world().crash_at_io(1 + of.roll()(20));
            rows found;
            const auto done = of.recover(found);
            of.world().restart(crash_mode::random_subset);
            ++(done ? ended : failed);
            if (done) promised = done->summary.end;
        }
        rows found;
        const auto done = of.recover(found);
        REQUIRE(done);
        CHECK(done->summary.end >= promised);
        REQUIRE(found.calls.size() <= whole.calls.size());
        for (std::size_t i = 0; i < found.calls.size(); ++i) {
            CHECK(found.calls[i].version == whole.calls[i].version);
            CHECK(found.calls[i].transaction == whole.calls[i].transaction);
        }
    });
    CHECK(ended > 20);
    CHECK(failed > seed_count());
}

TEST_CASE(
    "positions ascend strictly, and a version is the end of the commit that its writer was "
    "told") {
    for_seeds([&](life& of) {
        auto in = of.directory();
        auto from = reader::open(in, ours);
        REQUIRE(from);
        log_record record;
        lsn last_end;
        while (true) {
            const auto more = from->next(record);
            REQUIRE(more);
            if (!*more) break;
            CHECK(record.position >= last_end);
            CHECK(record.end > record.position);
            last_end = record.end;
        }
        rows found;
        REQUIRE(of.recover(found));
        for (std::size_t i = 0; i < found.calls.size(); ++i) {
            const rows::call& each = found.calls[i];
            const lsn told = of.all()[each.transaction].end;
            if (told.value != 0) CHECK(each.version == told);
            if (i == 0) continue;
            const rows::call& before = found.calls[i - 1];
            if (before.transaction == each.transaction) CHECK(each.version == before.version);
            else CHECK(each.version > before.version);
        }
    });
}

TEST_CASE("a transaction is there with all of its operations, in their order, or not at all") {
    std::size_t interleaved = 0;
    std::size_t dropped = 0;
    for_seeds([&](life& of) {
        // How the records lie.
        auto in = of.directory();
        auto from = reader::open(in, ours);
        REQUIRE(from);
        log_record record;
        std::map<std::uint64_t, std::size_t> open;
        while (from->next(record).value()) {
            if (!open.empty() && open.count(record.transaction.value) == 0) ++interleaved;
            if (record.kind == record_kind::commit) open.erase(record.transaction.value);
            else ++open[record.transaction.value];
        }
        dropped += open.size();

        rows found;
        REQUIRE(of.recover(found));
        const auto counts = counted(of, found);
        for (std::size_t i = 0; i < counts.size(); ++i)
            if (counts[i] != 0) CHECK(counts[i] == of.all()[i].operations);
        std::map<std::size_t, std::size_t> next;
        for (const rows::call& each : found.calls)
            CHECK(each.operation == next[each.transaction]++);
        for (const auto& [number, unfinished] : open) CHECK(counts[number - 1] == 0);
    });
    CHECK(interleaved > seed_count());
    CHECK(dropped > 20);
}

TEST_CASE("whatever is appended is read back as it was, in its order, for any sizes") {
    using sizes = std::vector<std::vector<std::uint16_t>>;
    CHECK(rc::check("append and read", [](const sizes& transactions, std::uint8_t shape) {
        memory world;
        auto in = world.open_directory("log", directory_mode::create).value();
        log_options options;
        options.segment_bytes = 8 * KiB << (shape % 4);
        options.buffer_bytes = 4 * KiB << (shape / 4 % 4);
        std::vector<log_range> ranges;
        {
            log_writer<memory, crc32c> log{world, in, ours, first_lsn_of_log, 0, options};
            for (const auto& each : transactions) {
                std::vector<bytes> payloads;
                for (const std::uint16_t size : each)
                    payloads.push_back(bytes{bytes_view{std::string(size, 'a')}});
                std::vector<pending_record> records;
                for (const bytes& payload : payloads)
                    records.push_back({record_kind::commit, payload});
                ranges.push_back(log.append({ranges.size() + 1}, records).value());
            }
            log.close().value();
        }
        auto from = log_reader<memory, crc32c>::open(in, ours).value();
        log_record record;
        for (std::size_t i = 0; i < transactions.size(); ++i)
            for (std::size_t part = 0; part < transactions[i].size(); ++part) {
                RC_ASSERT(from.next(record).value());
                RC_ASSERT(record.transaction.value == i + 1);
                RC_ASSERT(record.payload == std::string(transactions[i][part], 'a'));
                if (part == 0) RC_ASSERT(record.position == ranges[i].position);
                if (part + 1 == transactions[i].size()) RC_ASSERT(record.end == ranges[i].end);
            }
        RC_ASSERT(!from.next(record).value());
        RC_ASSERT(from.end().cut_bytes == 0u);
    }));
}
