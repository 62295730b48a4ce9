// SPDX-License-Identifier: BSL-1.0
//
// Durability classes under power failures and failing I/O: what was told as durable is there, what
// was refused is not, what was buffered is lost from the end only and not before its window; and
// nobody who read it is there without it.
#include <doctest/doctest.h>

#include "crash_run.hpp"

#include <string>
#include <vector>

using namespace crash_test;

namespace {

constexpr durability_class classes[] = {durability_class::synchronous, durability_class::periodic,
                                        durability_class::buffered};
constexpr nanoseconds never{INT64_MAX};

// How often the rare things happened.
struct met {
    int lost = 0;
    int within_the_window = 0;  // rounds that ended by a power failure without an excess
    int exceeded = 0;
    int waited = 0;
    int answered = 0;  // told by a reader that reads only what is durable
    int unknown = 0;
    int refused = 0;
    int read_of_others = 0;
};

struct hard {
    bool faults = false;
    failed_sync after_failed_sync = failed_sync::keeps;
};

template <class Durability>
class class_run {
public:
    class_run(std::uint64_t seed, hard how, met& counted)
        : world_{seed, {.after_failed_sync = how.after_failed_sync}},
          roll_{seed * 2 + 1},
          how_{how},
          counted_{counted} {
        options_.segment_bytes = 8 * KiB << roll_(4);
        patient_ = roll_(2) == 0;
        options_.sync_period =
            patient_ ? nanoseconds{4 * world_.longest_sync().count} : milliseconds(1);
        options_.sync_bytes = roll_(2) == 0 ? 0 : 4 * KiB;
    }

    void run() {
        world_.run([this] {
            for (int round = 0; round < 3 && intact_; ++round) {
                world_.crash_at_io(1 + roll_(120));
                if (how_.faults && roll_(2) == 0)
                    world_.fail_io(roll_(3) == 0 ? io_kind::write : io_kind::sync, 1 + roll_(12),
                                   error_code::io);
                live();
                end();
            }
            if (!intact_) return;
            auto opened = store_type::open("db", options_, world_.platform());
            REQUIRE(opened);
            CHECK(compare(*opened));
            CHECK(opened->verify());
        });
    }

private:
    using store_type = store<app<Durability>>;
    using handle = typename store_type::table_handle;
    using transaction_type = typename store_type::transaction_type;

    void live() {
        auto opened = store_type::open("db", options_, world_.platform());
        if (!opened || !compare(*opened)) return;
        auto left = opened->table("left");
        auto right = opened->table("right");
        if (!left || !right) return;
        std::vector<simulated::thread> threads;
        for (std::uint64_t i = 1 + roll_(3); i > 0; --i)
            threads.emplace_back([&, work = dice{roll_(1u << 30)}]() mutable {
                for (int n = 0; n < 12 && world_.powered(); ++n) one(*opened, *left, *right, work);
            });
        for (auto& thread : threads) thread.join();
        if (world_.powered() && roll_(4) == 0) return close(*opened);
        if (world_.powered()) world_.crash();
        const nanoseconds since = world_.now() - world_.crashed_at();
        look_at_the_window(opened->stats().window, since);
    }

    void close(store_type& db) {
        const auto flushed = ledger_.buffered();
        if (db.close()) ledger_.flushed(flushed);
        else stated_ = never;  // nobody is left to tell
    }
    // What the store itself tells: no more may be lost than that.
    void look_at_the_window(const loss_window& told, nanoseconds since) {
        stated_ = told.age > since ? told.age - since : nanoseconds{};
        if (told.longest > stated_) stated_ = told.longest;
        if (stated_ <= options_.sync_period) stated_ = options_.sync_period;
        else ++counted_.exceeded;
        if (patient_ && !how_.faults && Durability::syncs_periodically) {
            CHECK(stated_ == options_.sync_period);
            CHECK(told.exceeded_period == 0);
        }
    }

    void end() {
        if (world_.powered()) world_.crash();
        if (roll_(3) == 0) {
            killed_ = true;  // and with it who would have synced
            return world_.restart(crash_mode::process_only);
        }
        if (!power_failed_) window_begin_ = killed_ ? nanoseconds{} : world_.crashed_at() - stated_;
        if (stated_ == options_.sync_period) ++counted_.within_the_window;
        power_failed_ = true;
        world_.restart(roll_(2) == 0 ? crash_mode::drop_unsynced : crash_mode::random_subset);
    }

    void one(store_type& db, const handle& left, const handle& right, dice& work) {
        if (work(4) == 0)
            world_.platform().sleep(nanoseconds{static_cast<std::int64_t>(
                work(1 + static_cast<std::uint64_t>(options_.sync_period.count)))});
        const durability_class reads = classes[work(3)];
        auto tx =
            db.begin(work(2) == 0 ? isolation::serializable : isolation::read_committed, reads);
        durability_ledger::writes wrote{2, {}, {}};
        for (std::uint64_t i = work(3); i > 0; --i) {
            const std::string key = "shared/" + std::to_string(work(4));
            const auto before = tx.get(left, key);
            if (!before) return;
            wrote.shared_keys.push_back(bytes{key});
            if (!*before) continue;
            wrote.read.push_back(std::stoul((*before)->template as<std::string>()));
            ++counted_.read_of_others;
            if (reads == durability_class::synchronous) {
                told_durable_.push_back(wrote.read.back());
                ++counted_.answered;
            }
        }
        if (work(5) == 0) return read_only(tx, wrote);
        commit(db, tx, left, right, std::move(wrote), work);
    }

    // Nothing is written: a synchronous answer says that all that was read is durable.
    void read_only(transaction_type& tx, const durability_ledger::writes& read) {
        const auto done = tx.commit(durability_class::synchronous);
        if (!done) return;
        CHECK(done->state == commit_state::durable);
        for (const std::size_t writer : read.read) told_durable_.push_back(writer);
    }

    void commit(store_type& db, transaction_type& tx, const handle& left, const handle& right,
                durability_ledger::writes wrote, dice& work) {
        const std::vector<bytes> shared = wrote.shared_keys;
        const std::size_t number = ledger_.issue(std::move(wrote));
        const std::string marker = "tx/" + std::to_string(number);
        tx.put(left, marker, std::string(work(work(8) == 0 ? 30'000 : 1000), 'v'));
        tx.put(right, marker, "");
        if (work(60) == 0) tx.put(left, "large", std::string(1'100'000, 'l'));
        for (const bytes& key : shared) tx.put(left, key, std::to_string(number));
        const durability_class how = classes[work(3)];
        const auto done = tx.commit(how);
        if (!done) return failed(number, done.error());
        const bool durable = done->state == commit_state::durable;
        if (how == durability_class::synchronous) CHECK(durable);
        const bool due = Durability::syncs_periodically || how == durability_class::periodic;
        ledger_.acknowledged(number, durable ? promise::durable : promise::buffered, done->position,
                             due ? world_.now() : never);
        if (!durable && work(4) == 0) wait(db, number, *done);
    }
    void wait(store_type& db, std::size_t number, const commit_info& done) {
        if (auto waited = db.wait_durable(done); !waited) {
            CHECK(waited.error().code() == error_code::unknown_outcome);
            return;
        }
        ++counted_.waited;
        told_durable_.push_back(number);
    }
    void failed(std::size_t number, const error& why) {
        if (why.code() == error_code::unknown_outcome) {
            ++counted_.unknown;
            return;
        }
        ++counted_.refused;
        ledger_.refused(number);
    }

    //   Returns     false if I/O failed while reading
    bool compare(store_type& db) {
        ledger_.look_again();
        if (!collect(db, "left") || !collect(db, "right")) return false;
        // A writer whose answer came later than its reader's said less.
        ledger_.flushed(told_durable_);
        const bool kept = !power_failed_ && how_.after_failed_sync != failed_sync::reverts;
        const std::size_t lost = ledger_.lost();
        for (const ledger_violation& wrong :
             ledger_.settle(kept ? loss::of_nothing : loss::of_buffered,
                            power_failed_ ? window_begin_ : nanoseconds{})) {
            FAIL_CHECK("transaction ", wrong.transaction, " ", std::string{wrong.what});
            intact_ = false;
        }
        counted_.lost += ledger_.lost() > lost ? 1 : 0;
        power_failed_ = killed_ = false;
        return true;
    }
    bool collect(store_type& db, const char* name) {
        const auto table = db.find_table(name);
        if (!table) return true;
        auto tx = db.begin(isolation::read_committed);
        auto rows = tx.scan(*table);
        while (true) {
            const auto more = rows.next();
            if (!more) return false;
            if (!*more) return true;
            const auto key = rows.key().template as<std::string>();
            if (key.rfind("tx/", 0) == 0) ledger_.found_marker(std::stoul(key.substr(3)));
            else if (key.rfind("shared/", 0) == 0)
                ledger_.found_shared(key, std::stoul(rows.value().template as<std::string>()));
        }
    }

    simulation world_;
    dice roll_;
    hard how_;
    met& counted_;
    store_options options_;
    durability_ledger ledger_;
    std::vector<std::size_t> told_durable_;
    bool patient_ = false;       // the period is long enough for any disk
    nanoseconds stated_;         // the window, of the last round
    nanoseconds window_begin_;   // and what was acknowledged before it may not be missing
    bool power_failed_ = false;  // since the last comparison
    bool killed_ = false;
    bool intact_ = true;
};

template <class Durability>
met run_classes(std::uint64_t from, std::uint64_t count, hard how = {}) {
    met counted;
    for (std::uint64_t seed = from; seed < from + count; ++seed) {
        CAPTURE(seed);
        class_run<Durability>{seed, how, counted}.run();
    }
    CHECK(counted.lost > 0);
    CHECK(counted.waited > 0);
    CHECK(counted.answered > 0);
    CHECK(counted.read_of_others > 0);
    CHECK(counted.within_the_window > 0);
    return counted;
}

}  // namespace

TEST_CASE("150 seeds of crashes: each answer of a mix of classes keeps its word, in any store") {
    run_classes<group_commit>(1, seeds(50));
    run_classes<buffered>(100'000, seeds(50));
    const met counted = run_classes<periodic>(200'000, seeds(50));
    CHECK(counted.exceeded > 0);  // told where it was
}

TEST_CASE("300 seeds of crashes and failing I/O under a mix of classes") {
    met counted = run_classes<group_commit>(300'000, seeds(100), {.faults = true});
    CHECK(counted.unknown > 0);
    CHECK(counted.refused > 0);
    counted = run_classes<periodic>(400'000, seeds(100),
                                    {.faults = true, .after_failed_sync = failed_sync::forgets});
    CHECK(counted.unknown > 0);
    run_classes<group_commit>(500'000, seeds(100),
                              {.faults = true, .after_failed_sync = failed_sync::reverts});
}
