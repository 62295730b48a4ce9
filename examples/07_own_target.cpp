// SPDX-License-Identifier: BSL-1.0
// A component of your own, made crash-safe by a log and a recovery engine: a table of counters.
//
// It says three things (recovery/target.hpp): how far its own file goes, how to do one operation of
// the log again, and whether it is sound. The log and the engine do the rest. Run it, kill it, and
// run it again.
//
//   build/examples/07_own_target [directory]
#include <mantis/core/byte_reader.hpp>
#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/wal/writer.hpp>

#include <cstdio>
#include <map>
#include <string>

using namespace mantis;

class counters {
public:
    static constexpr const char* name = "the counters";  // as errors call it
    static constexpr table_id table{1};  // in the log; others may share it under other numbers

    // What the last save() kept; without it the whole log is redone, to the same end.
    result<void> load(posix::directory& from) {
        auto there = from.exists("counters");
        if (!there || !*there) return there ? success() : result<void>{there.error()};
        auto raw = read_file(from, "counters", 1 * MiB);
        if (!raw) return raw.error();
        byte_reader reader{*raw};
        bytes_view key;
        std::uint64_t count = 0;
        if (!reader.read_le(persisted_.value)) return damaged();
        while (!reader.empty()) {
            if (!reader.read_sized(key) || !reader.read_le(count)) return damaged();
            counts_[key.as<std::string>()] = count;
        }
        return success();
    }
    //   Requires    the log is durable up to `end`, and everything before it is in the table
    result<void> save(posix::directory& to, lsn end) {
        bytes raw;
        append_le(raw, end.value);
        for (const auto& [key, count] : counts_) {
            append_sized(raw, key);
            append_le(raw, count);
        }
        return atomic_replace(to, "counters", raw);
    }

    // The log target. An operation sets the whole value, so doing it again changes nothing.
    [[nodiscard]] lsn persisted_lsn() const { return persisted_; }
    result<void> redo(lsn, const operation& op) {
        if (op.table != table || op.kind != operation_kind::put) return success();
        if (op.value.size() != 8) return damaged();
        counts_[op.key.as<std::string>()] = load_le<std::uint64_t>(op.value.data());
        return success();
    }
    result<void> verify() { return counts_.count("") == 0 ? success() : damaged(); }

    // To the log first: only what is durable is counted.
    template <class Log>
    result<std::uint64_t> add(Log& log, const std::string& key, transaction_id id) {
        const std::uint64_t count = counts_[key] + 1;
        bytes value, payload;
        append_le(value, count);
        append_operation(payload, {operation_kind::put, table, key, value});
        const std::vector<pending_record> records{{record_kind::commit, payload}};
        auto range = log.append(id, records);
        if (!range) return range.error();
        if (auto durable = log.wait_durable(range->end); !durable) return durable.error();
        return counts_[key] = count;
    }

private:
    static error damaged() { return {error_code::corrupt, "reading the counters"}; }
    template <class T>
    static void append_le(bytes& to, T value) {
        std::byte raw[sizeof value];
        store_le(raw, value);
        to.append({raw, sizeof value});
    }

    std::map<std::string, std::uint64_t> counts_;
    lsn persisted_;
};
static_assert(log_target<counters>);

int main(int argc, char** argv) {
    posix world;
    auto directory =
        world.open_directory(argc > 1 ? argv[1] : "example-counters", directory_mode::create)
            .value();
    directory.lock().value();
    const database_id ours{1, 7};

    counters visits;
    visits.load(directory).value();
    recovery_engine<log_reader<posix, crc32c>, counters> recovery{world, directory, ours, visits};
    const recovery_plan plan = recovery.plan({}).value();  // a dry run, for the curious
    std::printf("the log is %s and holds %llu transactions\n", name_of(plan.found),
                static_cast<unsigned long long>(plan.transactions_kept));
    const auto done = recovery.run({}).value();

    log_writer<posix, crc32c> log{world, directory, ours, done.summary.end, done.previous_checksum};
    std::uint64_t next = done.summary.last_transaction.value;
    for (const char* page : {"home", "about", "home"})
        std::printf("%s: %llu\n", page,
                    static_cast<unsigned long long>(visits.add(log, page, {++next}).value()));
    visits.save(directory, log.end()).value();
    log.close().value();
}
