// SPDX-License-Identifier: BSL-1.0
//
// Owners that lock whatever comes, and witnesses of whether they were alone.
#pragma once

#include <doctest/doctest.h>

#include <mantis/lock/manager.hpp>

#include <string>

namespace lock_test {

using namespace mantis;

inline std::string key_name(std::size_t number) {
    return {static_cast<char>('a' + number % 26), static_cast<char>('0' + number / 26)};
}

// Who uses each key, told by the owners themselves.
template <class Platform>
struct witness {
    static constexpr std::size_t most_keys = 16;
    struct counts {
        typename Platform::template atomic<std::uint32_t> readers{0};
        typename Platform::template atomic<std::uint32_t> writers{0};
    };
    counts keys[2][most_keys];
    typename Platform::template atomic<std::uint32_t> wrong{0};

    void use(std::size_t table, std::size_t key, lock_mode mode, bool begin) {
        counts& at = keys[table][key];
        if (mode == lock_mode::X) {
            if (!begin) at.writers.fetch_sub(1);
            else if (at.writers.fetch_add(1) != 0 || at.readers.load() != 0) wrong.fetch_add(1);
        } else {
            if (!begin) at.readers.fetch_sub(1);
            else {
                at.readers.fetch_add(1);
                if (at.writers.load() != 0) wrong.fetch_add(1);
            }
        }
    }
};

struct storm_options {
    std::size_t owners = 4;
    std::size_t keys = 4;
    std::size_t transactions = 6;  // of each owner
    std::size_t most_locks = 3;    // of a transaction
    std::uint64_t seed = 1;
    bool ranges_and_tables = true;
    bool pauses = false;  // before a retry
    lock_deadline until = lock_deadline::never();
    lock_manager_options manager = {};
};

struct storm_result {
    std::uint64_t committed = 0;
    std::uint64_t victims = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t most_retries = 0;
    std::uint32_t wrong = 0;
    std::size_t held_after = 0;
    std::size_t waiting_after = 0;
    lock_counts counts;
};

class dice {
public:
    explicit dice(std::uint64_t seed) noexcept : state_{seed * 0x9e3779b97f4a7c15 + 1} {}
    std::size_t below(std::size_t bound) noexcept {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<std::size_t>((state_ >> 11) % bound);
    }

private:
    std::uint64_t state_;
};

// What one transaction locks: a key, all keys of a range, or all keys of a table.
struct storm_step {
    std::size_t table;
    std::size_t first;
    std::size_t last;  // not among them
    lock_level level;
    lock_mode mode;
};

template <class Manager>
class storm {
public:
    using platform = typename Manager::platform;

    explicit storm(const storm_options& options) : options_{options}, locks_{options.manager} {}

    storm_result run() {
        std::vector<typename platform::thread> threads;
        for (std::size_t i = 0; i < options_.owners; ++i)
            threads.emplace_back([this, i] { live(i); });
        for (auto& thread : threads) thread.join();
        result_.wrong = witness_.wrong.load();
        result_.committed = committed_.load();
        result_.victims = victims_.load();
        result_.timeouts = timeouts_.load();
        result_.most_retries = most_retries_.load();
        result_.held_after = locks_.held().size();
        result_.waiting_after = locks_.waiting().size();
        result_.counts = locks_.counts();
        return result_;
    }
    Manager& locks() { return locks_; }

private:
    void live(std::size_t number) {
        dice random{options_.seed * 1'000 + number};
        lock_owner owner{locks_, "storm"};
        for (std::size_t i = 0; i < options_.transactions; ++i) {
            std::vector<storm_step> plan;
            for (std::size_t n = 1 + random.below(options_.most_locks); n > 0; --n)
                plan.push_back(draw(random));
            while (!transact(owner, plan)) {
                owner.release_to_retry();
                if (options_.pauses) owner.pause_before_retry();
            }
            if (owner.retries() > most_retries_.load()) most_retries_.store(owner.retries());
            owner.release_all();
            committed_.fetch_add(1);
        }
    }
    storm_step draw(dice& random) const {
        const std::size_t first = random.below(options_.keys);
        storm_step step{random.below(2), first, first + 1, lock_level::key,
                        random.below(2) == 0 ? lock_mode::S : lock_mode::X};
        if (!options_.ranges_and_tables) return step;
        const std::size_t what = random.below(12);
        if (what == 0) step = {step.table, 0, options_.keys, lock_level::table, step.mode};
        if (what == 1 || what == 2) {
            step.level = lock_level::range;
            step.last = first + 1 + random.below(options_.keys - first);
        }
        return step;
    }
    // On real threads the others must have time to come in between.
    static void linger() {
        for (unsigned i = 0; i < 4 * platform::parking::spins; ++i) platform::parking::relax();
    }
    bool transact(lock_owner<Manager>& owner, const std::vector<storm_step>& plan) {
        std::size_t done = 0;
        bool granted = true;
        for (; done < plan.size(); ++done) {
            granted = lock(owner, plan[done]);
            if (!granted) break;
            // A later step of the same owner may make of a read a write: told apart by the witness
            // only from outside, hence used one step at a time.
            use(plan[done], true);
            use(plan[done], false);
        }
        for (std::size_t i = 0; granted && i < plan.size(); ++i) {
            use(plan[i], true);
            linger();
            use(plan[i], false);
        }
        return granted;
    }
    bool lock(lock_owner<Manager>& owner, const storm_step& step) {
        const std::string low = key_name(step.first);
        const std::string high = key_name(step.last);
        const table_id table{step.table + 1};
        const lock_path path = step.level == lock_level::table ? lock_path::table(table)
                               : step.level == lock_level::range
                                   ? lock_path::range(table, low, high)
                                   : lock_path::key(table, low);
        // Who gives up and tries again at once, for ever, may do so together with all others.
        const lock_deadline until = owner.retries() < 5 ? options_.until : lock_deadline::never();
        const auto answer = owner.lock(path, step.mode, {.until = until, .site = "storm"});
        if (answer) return true;
        const error_code code = answer.error().code();
        if (code == error_code::deadlock) victims_.fetch_add(1);
        else if (code == error_code::timed_out) timeouts_.fetch_add(1);
        else check(false, "a storm is answered by another error");
        return false;
    }
    void use(const storm_step& step, bool begin) {
        for (std::size_t key = step.first; key < step.last; ++key)
            witness_.use(step.table, key, step.mode, begin);
    }

    const storm_options options_;
    Manager locks_;
    witness<platform> witness_;
    storm_result result_;
    typename platform::template atomic<std::uint64_t> committed_{0};
    typename platform::template atomic<std::uint64_t> victims_{0};
    typename platform::template atomic<std::uint64_t> timeouts_{0};
    typename platform::template atomic<std::uint64_t> most_retries_{0};
};

template <class Manager>
storm_result check_storm(const storm_options& options) {
    storm<Manager> weather{options};
    const storm_result result = weather.run();
    CHECK(result.wrong == 0);
    CHECK(result.committed == options.owners * options.transactions);
    CHECK(result.held_after == 0);
    CHECK(result.waiting_after == 0);
    CHECK(result.counts.queues == 0);
    return result;
}

}  // namespace lock_test
