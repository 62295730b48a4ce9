// SPDX-License-Identifier: BSL-1.0
//
// The store under power cuts, in the simulator: seeded threads, seeded crash points, also inside
// recovery.
#include <doctest/doctest.h>

#include "durability_ledger.hpp"

#include <mantis/platform/simulated.hpp>

#include <cstdlib>
#include <optional>

using namespace crash_test;

namespace {

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

struct seen {
    int crashes = 0;
    int crashes_in_recovery = 0;
    int cut_tails = 0;
    int dropped = 0;
    std::size_t lost_buffered = 0;
    std::size_t durable = 0;
};

template <class Durability>
class crash_run {
public:
    crash_run(std::uint64_t seed, seen& counted)
        : world_{seed}, roll_{seed * 2 + 1}, counted_{counted} {
        options_.segment_bytes = 8 * KiB << roll_(4);
        options_.sync_period = milliseconds(1);
    }

    void run() {
        world_.run([this] {
            for (int round = 0; round < 4; ++round) {
                const std::uint64_t start = roll_(3) == 0 ? roll_(12) : roll_(120);
                world_.crash_at_io(start + 1);
                live();
                if (world_.powered()) world_.crash();
                ++counted_.crashes;
                world_.restart(roll_(2) == 0 ? crash_mode::drop_unsynced
                                             : crash_mode::random_subset);
            }
            check_recovered();
        });
    }

private:
    using store_type = store<app<Durability>>;

    // Opens, lets some threads commit until the power goes or they are done, and closes or not.
    void live() {
        auto opened = store_type::open("db", options_, world_.platform());
        if (!opened) {
            CHECK_FALSE(world_.powered());
            ++counted_.crashes_in_recovery;
            return;
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
                        if (!commit_one(*opened, *left, *right, work, i)) return;
                });
        for (auto& thread : threads) thread.join();
        if (roll_(4) == 0 && opened->flush()) ledger_.flushed();
    }

    template <class Handle>
    bool commit_one(store_type& db, const Handle& left, const Handle& right, dice& work,
                    int thread) {
        std::vector<std::string> keys;
        for (std::uint64_t i = work(3); i > 0; --i)
            keys.push_back("shared/" + std::to_string(work(5)));
        const std::size_t number = ledger_.issue(keys);
        auto tx = db.begin(isolation::read_committed);
        tx.put(left, durability_ledger::marker(number), std::string(work(2000), 'v'));
        tx.put(right, durability_ledger::marker(number), std::to_string(thread));
        for (const std::string& key : keys) tx.put(left, key, std::to_string(number));
        const auto answer = tx.commit();
        ledger_.answered(number, answer);
        return answer.has_value();
    }

    void check_recovered() {
        auto opened = store_type::open("db", options_, world_.platform());
        if (!opened) {
            FAIL_CHECK(opened.error().message().template as<std::string>());
            return;
        }
        CHECK(check_contents(*opened));
        CHECK(opened->verify());
        counted_.lost_buffered += ledger_.lost();
    }

    //   Returns     false if the power went while reading
    bool check_contents(store_type& db) {
        counted_.cut_tails += db.recovery().cut_bytes > 0 ? 1 : 0;
        counted_.dropped += db.recovery().transactions_dropped > 0 ? 1 : 0;
        std::set<std::size_t> left, right;
        std::map<std::string, std::size_t> shared;
        if (!collect(db, "left", left, shared) || !collect(db, "right", right, shared))
            return false;
        counted_.durable += ledger_.count(promise::durable);
        for (const std::string& wrong : ledger_.settle(left, right, shared)) FAIL_CHECK(wrong);
        return true;
    }

    bool collect(store_type& db, const char* name, std::set<std::size_t>& markers,
                 std::map<std::string, std::size_t>& shared) {
        const auto table = db.find_table(name);
        if (!table) return true;
        auto tx = db.begin(isolation::read_committed);
        auto rows = tx.scan(*table);
        while (true) {
            const auto more = rows.next();
            if (!more) return false;
            if (!*more) return true;
            const auto key = rows.key().template as<std::string>();
            if (key.rfind("tx/", 0) == 0) markers.insert(std::stoul(key.substr(3)));
            else shared[key] = std::stoul(rows.value().template as<std::string>());
        }
    }

    simulation world_;
    dice roll_;
    seen& counted_;
    store_options options_;
    durability_ledger ledger_;
};

template <class Durability>
seen run_seeds(std::uint64_t from, std::uint64_t count) {
    seen counted;
    for (std::uint64_t seed = from; seed < from + count; ++seed) {
        CAPTURE(seed);
        crash_run<Durability>{seed, counted}.run();
    }
    CHECK(counted.crashes == static_cast<int>(count) * 4);
    CHECK(counted.crashes_in_recovery > 0);
    CHECK(counted.cut_tails > 0);
    CHECK(counted.durable > count);
    return counted;
}

}  // namespace

// More seeds by hand: tests/run --long.
std::uint64_t seeds(std::uint64_t usual) { return std::getenv("MANTIS_LONG") ? usual * 50 : usual; }

TEST_CASE("200 seeds of power cuts: with group commit every acknowledged commit is there, whole") {
    const seen counted = run_seeds<group_commit>(1, seeds(200));
    CHECK(counted.lost_buffered == 0);
}

TEST_CASE(
    "100 seeds of power cuts: periodic and buffered commits are lost only from the end, and "
    "whole") {
    run_seeds<periodic>(100'000, seeds(50));
    const seen counted = run_seeds<buffered>(200'000, seeds(50));
    CHECK(counted.lost_buffered > 0);
}
