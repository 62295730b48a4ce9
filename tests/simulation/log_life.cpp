// SPDX-License-Identifier: BSL-1.0
//
// A log alone: threads append transactions of one to four records, wait for them or not, and a
// reader takes the log apart after each crash.
#include "crashing.hpp"

#include <mantis/recovery/engine.hpp>
#include <mantis/wal/writer.hpp>

namespace simulate {

namespace {

constexpr database_id ours{1, 2};

// Takes the operations that recovery redoes: a put is the marker of the transaction in its key.
struct markers {
    std::vector<std::size_t> numbers;
    std::size_t changed = 0;  // records that are not as they were written
    [[nodiscard]] lsn persisted_lsn() const { return {}; }
    result<void> redo(lsn, const operation& op) {
        numbers.push_back(std::stoul(op.key.as<std::string>()));
        if (op.value != value_of(numbers.back(), op.value.size())) ++changed;
        return success();
    }
    result<void> verify() { return success(); }
};

class log_life {
public:
    log_life(const plan& of, outcome& to) : life_{of, to} {
        options_.segment_bytes = of.segment_bytes;
        // So small that units are full, and the records of one append lie apart.
        options_.buffer_bytes = of.segment_bytes / 4 > 4096 ? of.segment_bytes / 4 : 4096;
    }
    void live() { life_.live_through(*this); }

    void work(const round& now) {
        auto in = life_.world().platform().open_directory("log", directory_mode::create);
        if (!in) return life_.refused(in.error());
        auto recovered = compare(*in);
        if (!recovered) return life_.refused(recovered.error());
        log_writer<simulated, crc32c> log{
            life_.world().platform(),     *in,     ours, recovered->summary.end,
            recovered->previous_checksum, options_};
        std::vector<simulated::thread> threads;
        for (const auto& operations : now.threads)
            threads.emplace_back([this, &log, &operations] {
                for (const std::uint32_t each : operations) append(log, dice{each});
            });
        for (auto& thread : threads) thread.join();
        if (const auto segments = log.stats().segments; segments > 1)
            life_.out().reach("several segments", segments - 1);
        if (log.stats().spares > 0) life_.out().reach("segment of a spare");
        if (log.stats().mapped_writes > 0) life_.out().reach("mapped write");
        if (!now.closes) return life_.world().crash();
        const auto flushed = ledger_.buffered();
        if (log.close()) ledger_.flushed(flushed);
    }

    void judge() {
        auto in = life_.world().platform().open_directory("log", directory_mode::create);
        if (!in) return life_.refused(in.error());
        if (auto recovered = compare(*in); !recovered) life_.refused(recovered.error());
    }

private:
    using engine = recovery_engine<log_reader<simulated, crc32c>, markers>;

    result<engine::outcome> compare(simulated::directory& in) {
        // What was read before the last crash must still be there.
        engine::options chosen;
        chosen.log_reaches = reached_;
        markers found;
        auto done = engine{life_.world().platform(), in, ours, found}.run(chosen);
        if (!done) return done;
        reached_ = done->summary.end;
        if (done->summary.cut_bytes > 0) life_.out().reach("torn tail");
        if (done->summary.transactions_dropped > 0) life_.out().reach("transaction dropped");
        ledger_.look_again();
        if (found.changed != 0) life_.violated("a record is not as it was written");
        for (const std::size_t each : found.numbers) ledger_.found_marker(each);
        life_.settle(ledger_);
        return done;
    }

    void append(log_writer<simulated, crc32c>& log, dice roll) {
        const auto records = static_cast<unsigned>(1 + roll(4));
        const std::size_t number = ledger_.issue({records, {}, {}});
        std::vector<bytes> payloads(records);
        std::vector<pending_record> pending;
        for (unsigned i = 0; i < records; ++i) {
            const std::string value = value_of(number, roll(roll(10) == 0 ? 20'000 : 1500));
            append_operation(payloads[i],
                             {operation_kind::put, {1}, std::to_string(number), value});
            pending.push_back({record_kind::part, payloads[i]});
        }
        pending.back().kind = record_kind::commit;
        const auto range = log.append({number + 1}, pending);
        if (!range) life_.failed(range.error());
        if (!range && range.error().code() == error_code::unknown_outcome) return;
        if (!range) return ledger_.refused(number);
        const std::uint64_t patience = roll(3);
        if (patience == 0 && log.wait_durable(range->end))
            ledger_.acknowledged(number, promise::durable, range->end);
        else if (patience == 1 && log.wait_written(range->end))
            ledger_.acknowledged(number, promise::buffered, range->end);
        else if (log.durable() >= range->end) ledger_.answered(number);
    }

    crashing life_;
    log_options options_;
    durability_ledger ledger_;
    lsn reached_;
};

}  // namespace

outcome live_log(const plan& of) {
    outcome out;
    log_life{of, out}.live();
    return out;
}

}  // namespace simulate
