// SPDX-License-Identifier: BSL-1.0
//
// One life story of a store in the simulator: four times opened, written by some threads and ended
// in the middle, by a power failure or by the end of its process, with or without failing I/O; then
// opened in peace and compared with what was promised.
#pragma once

#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/platform/simulated/durability_ledger.hpp>
#include <mantis/store/store.hpp>

#include <cstdlib>
#include <optional>

namespace crash_test {

using namespace mantis;

template <class Durability>
struct app : policies<with::platform<simulated>, with::durability<Durability>> {};

// Numbers for the workload, apart from the scheduler's.
struct dice {
    std::uint64_t state;
    std::uint64_t operator()(std::uint64_t below) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % below;
    }
};

struct hardships {
    bool faults = false;  // I/O fails now and then while the power is on
    failed_sync after_failed_sync = failed_sync::keeps;
};

// How often the rare things happened.
struct seen {
    int ends = 0;
    int ends_while_opening = 0;
    int killed = 0;  // processes, with the power on
    int faulty_opens = 0;
    int cut_tails = 0;
    int dropped = 0;
    std::size_t failed_commits = 0;
    std::size_t lost_buffered = 0;
    std::size_t durable = 0;
};

template <class Durability>
class crash_run {
public:
    crash_run(std::uint64_t seed, hardships hard, seen& counted)
        : world_{seed, {.after_failed_sync = hard.after_failed_sync}},
          roll_{seed * 2 + 1},
          hard_{hard},
          counted_{counted} {
        options_.segment_bytes = 8 * KiB << roll_(4);
        options_.sync_period = milliseconds(1);
    }

    void run() {
        world_.run([this] {
            for (int round = 0; round < 4 && intact_; ++round) {
                const std::uint64_t start = roll_(3) == 0 ? roll_(12) : roll_(120);
                world_.crash_at_io(start + 1);
                if (hard_.faults) plan_faults();
                live();
                end();
            }
            if (intact_) check_recovered();
        });
    }

private:
    using store_type = store<app<Durability>>;

    void plan_faults() {
        constexpr io_kind kinds[] = {io_kind::write,       io_kind::sync, io_kind::sync_directory,
                                     io_kind::preallocate, io_kind::open, io_kind::remove,
                                     io_kind::resize,      io_kind::read};
        if (roll_(3) == 0) {  // a segment that cannot be made, and perhaps not unmade either
            world_.fail_io(io_kind::preallocate, 1 + roll_(4), error_code::no_space);
            world_.fail_io(roll_(2) == 0 ? io_kind::remove : io_kind::sync_directory, 1 + roll_(5),
                           error_code::io);
        }
        for (std::uint64_t left = roll_(3); left > 0; --left) {
            const error_code code = roll_(2) == 0 ? error_code::io : error_code::no_space;
            if (roll_(4) == 0) world_.fail_io(1 + roll_(60), code);
            else world_.fail_io(kinds[roll_(std::size(kinds))], 1 + roll_(6), code);
        }
    }

    void end() {
        if (world_.powered()) world_.crash();
        ++counted_.ends;
        if (roll_(3) == 0) {
            ++counted_.killed;
            world_.restart(crash_mode::process_only);
        } else {
            power_failed_ = true;
            world_.restart(roll_(2) == 0 ? crash_mode::drop_unsynced : crash_mode::random_subset);
        }
    }

    // Opens, lets some threads commit until the end comes or they are done, and closes or not.
    void live() {
        auto opened = store_type::open("db", options_, world_.platform());
        if (!opened) {
            if (world_.powered()) ++counted_.faulty_opens;
            else ++counted_.ends_while_opening;
            return failed_to_open(opened.error());
        }
        if (!check_contents(*opened)) return;
        auto left = opened->table("left");
        auto right = opened->table("right");
        if (!left || !right) return;
        std::vector<simulated::thread> threads;
        const int count = static_cast<int>(1 + roll_(3));
        for (int i = 0; i < count; ++i)
            threads.emplace_back(
                [this, &opened, &left, &right, i, work = dice{roll_(1u << 30)}]() mutable {
                    for (int n = 0; n < 12; ++n)
                        if (!commit_one(*opened, *left, *right, work, i) && !hard_.faults) return;
                });
        for (auto& thread : threads) thread.join();
        const auto flushed = ledger_.buffered();
        if (roll_(4) == 0 && opened->flush()) ledger_.flushed(flushed);
        if (roll_(4) == 0) (void)opened->close();
    }

    // Failing I/O is told as such; it is never mistaken for damage.
    void failed_to_open(const error& why) {
        const bool damage = why.code() == error_code::corrupt || why.code() == error_code::mismatch;
        if ((world_.powered() && !hard_.faults) || damage) {
            FAIL_CHECK(why.message().as<std::string>());
            intact_ = false;
        }
    }

    template <class Handle>
    bool commit_one(store_type& db, const Handle& left, const Handle& right, dice& work,
                    int thread) {
        std::vector<bytes> keys;
        for (std::uint64_t i = work(3); i > 0; --i)
            keys.push_back(bytes{"shared/" + std::to_string(work(5))});
        // Some values need a segment, or a record, of their own.
        const std::uint64_t most = work(10) == 0 ? 60'000 : 2000;
        const std::size_t number = ledger_.issue({2, keys, {}});
        const std::string marker = "tx/" + std::to_string(number);
        auto tx = db.begin(isolation::read_committed);
        tx.put(left, marker, std::string(work(most), 'v'));
        tx.put(right, marker, std::to_string(thread));
        if (work(hard_.faults ? 40 : 100) == 0) tx.put(left, "large", std::string(1'100'000, 'l'));
        for (const bytes& key : keys) tx.put(left, key, std::to_string(number));
        return answered(number, tx.commit());
    }
    bool answered(std::size_t number, const result<commit_info>& done) {
        if (done) {
            const bool durable = done->state == commit_state::durable;
            ledger_.acknowledged(number, durable ? promise::durable : promise::buffered,
                                 done->position);
            return true;
        }
        if (done.error().code() != error_code::unknown_outcome) ledger_.refused(number);
        ++counted_.failed_commits;
        return false;
    }

    void check_recovered() {
        auto opened = store_type::open("db", options_, world_.platform());
        if (!opened) return failed_to_open(opened.error());
        CHECK(check_contents(*opened));
        CHECK(opened->verify());
        counted_.lost_buffered += ledger_.lost();
    }

    //   Returns     false if I/O failed while reading
    bool check_contents(store_type& db) {
        counted_.cut_tails += db.recovery().cut_bytes > 0 ? 1 : 0;
        counted_.dropped += db.recovery().transactions_dropped > 0 ? 1 : 0;
        ledger_.look_again();
        if (!collect(db, "left") || !collect(db, "right")) return false;
        counted_.durable += ledger_.count(promise::durable);
        // What the system took survives the process, unless the system itself gives it up.
        const bool kept = !power_failed_ && hard_.after_failed_sync != failed_sync::reverts;
        for (const ledger_violation& wrong :
             ledger_.settle(kept ? loss::of_nothing : loss::of_buffered)) {
            FAIL_CHECK("transaction ", wrong.transaction, " ", wrong.what);
            intact_ = false;
        }
        power_failed_ = false;
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
    hardships hard_;
    seen& counted_;
    store_options options_;
    durability_ledger ledger_;
    bool power_failed_ = false;  // since what was promised was last compared with what is there
    bool intact_ = true;
};

// More seeds by hand: tests/run --long.
inline std::uint64_t seeds(std::uint64_t usual) {
    return std::getenv("MANTIS_LONG") != nullptr ? usual * 50 : usual;
}

template <class Durability>
seen run_seeds(std::uint64_t from, std::uint64_t count, hardships hard = {}) {
    seen counted;
    for (std::uint64_t seed = from; seed < from + count; ++seed) {
        CAPTURE(seed);
        crash_run<Durability>{seed, hard, counted}.run();
    }
    CHECK(counted.ends == static_cast<int>(count) * 4);
    CHECK(counted.ends_while_opening > 0);
    CHECK(counted.killed > 0);
    if (!hard.faults && count >= 200) CHECK(counted.cut_tails > 0);  // rare: one in eighty
    CHECK(counted.durable > count);
    return counted;
}

}  // namespace crash_test
