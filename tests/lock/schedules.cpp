// SPDX-License-Identifier: BSL-1.0
//
// Small programs of two or three owners under every schedule with two forced preemptions. In each
// the owners tell a table beside the manager what they hold, and it looks whether they get along;
// a lost wake-up or a dead-lock stops the simulator; nothing is left at the end.
#include "asker.hpp"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <memory>

using namespace lock_test;

namespace {

// What owners believe to have. In a simulated world one thread runs at a time.
class beliefs {
public:
    // Just granted: with it come the intents above.
    void hold(int owner, const lock_path& path, lock_mode mode) {
        for (lock_path at = path;; at = at.parent()) {
            const lock_mode here = at == path ? mode : intent_for(mode);
            for (const belief& other : all_)
                if (other.owner != owner && meet(at, other.path) && !compatible(here, other.mode))
                    wrong_ = true;
            all_.push_back({owner, at, here});
            if (!at.has_parent()) return;
        }
    }
    // About to be given back.
    void drop(int owner, const lock_path& path) {
        std::erase_if(all_,
                      [&](const belief& one) { return one.owner == owner && one.path == path; });
    }
    void drop_all(int owner) {
        std::erase_if(all_, [&](const belief& one) { return one.owner == owner; });
    }
    [[nodiscard]] bool wrong() const { return wrong_; }

private:
    struct belief {
        int owner;
        lock_path path;
        lock_mode mode;
    };
    [[nodiscard]] static bool meet(const lock_path& a, const lock_path& b) {
        if (a == b) return true;
        if (a.level() < lock_level::key || b.level() < lock_level::key) return false;
        if (a.table() != b.table()) return false;
        if (b.level() == lock_level::range) return a.meets(b);
        return a.level() == lock_level::range && b.meets(a);
    }
    std::vector<belief> all_;
    bool wrong_ = false;
};

enum class deed : std::uint8_t { take, take_async, give, give_all };

struct step {
    deed what;
    lock_path path = {};
    lock_mode mode = lock_mode::none;
    lock_options options = {};
};
using script = std::vector<step>;

step take(const lock_path& path, lock_mode mode, const lock_options& options = {}) {
    return {deed::take, path, mode, options};
}
step take_async(const lock_path& path, lock_mode mode) {
    return {deed::take_async, path, mode, {}};
}
step give(const lock_path& path) { return {deed::give, path}; }
const step give_all{deed::give_all};

// What happened in one run, or at most in any.
struct outcome {
    int victims = 0;
    int timeouts = 0;
    int wrong = 0;
    std::uint64_t escalations = 0;
};

// The life of one owner; it ends where it has to give way.
template <class Manager>
class life {
public:
    life(Manager& locks, int number, beliefs& all) : owner_{locks}, number_{number}, all_{all} {}

    void run(const script& steps, outcome& into) {
        for (const step& next : steps)
            if (!one(next, into)) break;
        all_.drop_all(number_);
        owner_.release_all();
    }

private:
    bool one(const step& next, outcome& into) {
        if (next.what == deed::give) {
            all_.drop(number_, next.path);
            if (!owner_.unlock(next.path)) ++into.wrong;
            return true;
        }
        if (next.what == deed::give_all) {
            all_.drop_all(number_);
            owner_.release_all();
            return true;
        }
        const std::string told = next.what == deed::take
                                     ? said(owner_.lock(next.path, next.mode, next.options))
                                     : wait_for(next);
        if (told == "deadlock") {
            ++into.victims;
            return false;
        }
        if (told == "timed_out") {
            ++into.timeouts;
            return true;
        }
        if (told != "granted") ++into.wrong;
        if (!covers(owner_.mode_of(next.path), next.mode)) ++into.wrong;
        all_.hold(number_, next.path, next.mode);
        simulated::parking::relax();  // others may come in between
        if (all_.wrong()) ++into.wrong;
        return true;
    }
    std::string wait_for(const step& next) {
        calls_.store(0);
        owner_.lock_async(
            next.path, next.mode,
            [](void* context, result<void> done) {
                life& me = *static_cast<life*>(context);
                me.heard_ = said(done);
                me.calls_.fetch_add(1);
                simulated::parking::wake(me.calls_, 1);
            },
            this);
        while (calls_.load() == 0) (void)simulated::parking::wait(calls_, 0);
        return calls_.load() == 1 ? heard_ : "told twice";
    }

    lock_owner<Manager> owner_;
    const int number_;
    beliefs& all_;
    std::string heard_;
    simulated::parking::word calls_{0};
};

struct every {
    std::uint64_t runs = 0;  // 0: something was wrong, or they were too many
    outcome most;
    outcome least{99, 99, 99, 99};
};

const lock_manager_options plain{.shard_count = 2};
const lock_manager_options strict{.shard_count = 2, .bypass_bound = 0};

// Of three threads: all schedules with two preemptions take long.
unsigned among_three() { return std::getenv("MANTIS_LONG") != nullptr ? 2 : 1; }

// Runs one thread for each script, under all schedules.
template <class Deadlock = detect_at_once<>>
every run_all(std::initializer_list<script> scripts, const lock_manager_options& options = plain,
              unsigned max_preemptions = 2) {
    using manager = lock_manager<simulated, Deadlock>;
    every all;
    const auto body = [&] {
        outcome now;
        manager locks{options};
        {
            beliefs shadow;
            std::vector<std::unique_ptr<life<manager>>> lives;
            for (std::size_t i = 0; i < scripts.size(); ++i)
                lives.push_back(
                    std::make_unique<life<manager>>(locks, static_cast<int>(i), shadow));
            std::vector<simulated::thread> threads;
            for (std::size_t i = 1; i < scripts.size(); ++i)
                threads.emplace_back([&, i] { lives[i]->run(scripts.begin()[i], now); });
            lives[0]->run(*scripts.begin(), now);
            for (auto& thread : threads) thread.join();
            if (!locks.held().empty() || !locks.waiting().empty()) ++now.wrong;
            const lock_counts counts = locks.counts();
            if (counts.queues != 0) ++now.wrong;
            now.escalations = counts.escalations;
        }
        all.most.victims = std::max(all.most.victims, now.victims);
        all.least.victims = std::min(all.least.victims, now.victims);
        all.most.timeouts = std::max(all.most.timeouts, now.timeouts);
        all.least.timeouts = std::min(all.least.timeouts, now.timeouts);
        all.most.escalations = std::max(all.most.escalations, now.escalations);
        all.least.escalations = std::min(all.least.escalations, now.escalations);
        return now.wrong == 0;
    };
    all.runs = all_schedules(body, max_preemptions);
    return all;
}

// Nobody gives way, and nobody gives up.
void check_smooth(const every& all) {
    CHECK(all.runs > 100);
    CHECK(all.most.victims == 0);
    CHECK(all.most.timeouts == 0);
}

const lock_path table = lock_path::table(accounts);
const lock_path store = lock_path::store();
using enum lock_mode;

}  // namespace

TEST_CASE("every schedule: an intent that its owner notes alone, and a strong lock of the table") {
    check_smooth(run_all({{take(key("a"), X)}, {take(table, S)}}));
    check_smooth(run_all({{take(table, IX)}, {take(table, X)}}));
    check_smooth(run_all({{take(key("a"), S)}, {take(table, SIX)}}));
}

TEST_CASE("every schedule: an intent that its owner notes alone, and a strong lock of the store") {
    check_smooth(run_all({{take(key("a"), X)}, {take(store, S)}}));
    check_smooth(run_all({{take(store, IX)}, {take(store, X)}}));
}

TEST_CASE("every schedule: an intent that is kept and taken again, and a strong lock") {
    check_smooth(run_all({{take(table, IX), give_all, take(table, IX)}, {take(table, X)}}));
    check_smooth(run_all({{take(table, IX), give_all, take(table, IX)}, {take(store, X)}}));
    check_smooth(run_all({{take(store, IX), give(store), take(store, IX)}, {take(store, S)}}));
}

TEST_CASE("every schedule: strong locks of two, and an intent of a third") {
    check_smooth(
        run_all({{take(table, IX)}, {take(table, S)}, {take(table, S)}}, plain, among_three()));
    check_smooth(
        run_all({{take(table, IX)}, {take(table, X)}, {take(store, S)}}, plain, among_three()));
}

TEST_CASE("every schedule: a key, and a range that it is in") {
    check_smooth(run_all({{take(key("b"), X)}, {take(range("a", "c"), S)}}));
    check_smooth(run_all({{take(range("a", "c"), S)}, {take(key("b"), X)}}));
    check_smooth(run_all({{take(range("a", ""), X)}, {take(key("b"), S)}}));
}

TEST_CASE("every schedule: a key that becomes stronger, and a range that it is in") {
    // One preemption to begin, one before the range is listed as held, one while the key is used.
    check_smooth(
        run_all({{take(key("b"), S), take(key("b"), X)}, {take(range("a", "c"), S)}}, plain, 3));
}

TEST_CASE("every schedule: two ranges that meet, and two that do not") {
    check_smooth(run_all({{take(range("a", "c"), X)}, {take(range("b", "d"), S)}}));
    check_smooth(run_all({{take(range("a", "c"), X)}, {take(range("a", "c"), X)}}));
    check_smooth(run_all({{take(range("a", "b"), X)}, {take(range("b", "c"), X)}}));
}

TEST_CASE("every schedule: a key, a range and a range again") {
    check_smooth(
        run_all({{take(key("b"), X)}, {take(range("a", "c"), S)}, {take(range("b", "d"), S)}},
                plain, among_three()));
}

TEST_CASE("every schedule: a time-out races the grant") {
    const lock_options soon{.until = lock_deadline::within(nanoseconds{300})};
    const every all = run_all({{take(key("a"), X), give_all}, {take(key("a"), X, soon)}});
    CHECK(all.runs > 100);
    CHECK(all.most.timeouts == 1);
    CHECK(all.least.timeouts == 0);
    CHECK(all.most.victims == 0);
    CHECK(run_all({{take(range("a", "c"), S), give_all}, {take(key("b"), X, soon)}}).runs > 100);
    CHECK(run_all({{take(table, X), give_all}, {take(key("b"), X, soon)}}).runs > 100);
    CHECK(run_all({{take(key("a"), X)}, {take(key("a"), X, soon)}}, strict).runs > 100);
}

TEST_CASE("every schedule: one that gives up between two that wait leaves nobody behind") {
    const lock_options soon{.until = lock_deadline::within(nanoseconds{300})};
    for (const lock_manager_options& options : {plain, strict}) {
        const every all =
            run_all({{take(key("a"), S)}, {take(key("a"), X, soon)}, {take(key("a"), S)}}, options,
                    options.bypass_bound == 0 ? 2 : among_three());
        CHECK(all.runs > 100);
        CHECK(all.most.timeouts == 1);
        CHECK(all.most.victims == 0);
    }
}

TEST_CASE("every schedule: who gives up lets those in who wait behind it, while others hold on") {
    const auto body = [] {
        lock_manager<simulated> locks{plain};
        lock_owner holder{locks};
        lock_owner writer{locks};
        lock_owner reader{locks};
        bool good = holder.lock(key("a"), S).has_value();
        simulated::thread gives_up{[&] {
            const lock_options soon{.until = lock_deadline::within(nanoseconds{300})};
            good = said(writer.lock(key("a"), X, soon)) == "timed_out" && good;
        }};
        simulated::thread behind{[&] { good = reader.lock(key("a"), S).has_value() && good; }};
        gives_up.join();
        behind.join();
        return good;
    };
    CHECK(all_schedules(body) > 100);
}

TEST_CASE("every schedule: two that read and both want to write have exactly one victim") {
    const script both{take(key("a"), S), take(key("a"), X)};
    const every all = run_all({both, both});
    CHECK(all.runs > 100);
    CHECK(all.most.victims == 1);
    CHECK(all.least.victims == 0);  // one after the other
}

TEST_CASE(
    "every schedule: one that reads and wants to write waits for a reader, and is no victim") {
    check_smooth(run_all({{take(key("a"), S), take(key("a"), X)}, {take(key("a"), S)}}));
    check_smooth(run_all({{take(key("a"), S), take(key("a"), X)}, {take(key("a"), U)}}));
    check_smooth(
        run_all({{take(key("a"), S), take(key("a"), X)}, {take(key("a"), S)}, {take(key("a"), S)}},
                plain, among_three()));
}

TEST_CASE("every schedule: two that announce their write with U have no victim") {
    const script both{take(key("a"), U), take(key("a"), X)};
    check_smooth(run_all({both, both}));
}

TEST_CASE("every schedule: two keys in two orders have at most one victim, and all end") {
    const every all =
        run_all({{take(key("a"), X), take(key("b"), X)}, {take(key("b"), X), take(key("a"), X)}});
    CHECK(all.runs > 100);
    CHECK(all.most.victims == 1);
    CHECK(all.least.victims == 0);
}

TEST_CASE_TEMPLATE("every schedule: with prevention two keys in two orders never stop", Deadlock,
                   wait_die, wound_wait, no_wait) {
    const every all = run_all<Deadlock>(
        {{take(key("a"), X), take(key("b"), X)}, {take(key("b"), X), take(key("a"), X)}});
    CHECK(all.runs > 100);
    CHECK(all.most.victims >= 1);
    CHECK(all.least.victims == 0);
}

TEST_CASE_TEMPLATE("every schedule: a release races an asynchronous lock, which is told once",
                   Deadlock, detect_at_once<>, wait_die, wound_wait) {
    CHECK(run_all<Deadlock>({{take(key("a"), X), give_all}, {take_async(key("a"), X)}}).runs > 100);
    CHECK(run_all<Deadlock>({{take(table, X), give_all}, {take_async(key("a"), X)}}).runs > 100);
    CHECK(
        run_all<Deadlock>({{take(range("a", "c"), S), give_all}, {take_async(key("b"), X)}}).runs >
        100);
    CHECK(
        run_all<Deadlock>({{take(key("b"), X), give_all}, {take_async(range("a", "c"), S)}}).runs >
        100);
}

TEST_CASE("every schedule: keys become their table while another has a key there") {
    const lock_manager_options options{.shard_count = 2, .escalate_at = 2};
    const every all = run_all(
        {{take(key("a"), X), take(key("b"), X), take(key("c"), X)}, {take(key("z"), S)}}, options);
    check_smooth(all);
    CHECK(all.most.escalations == 1);
    check_smooth(run_all({{take(key("a"), S), take(key("b"), S), take(key("c"), S)},
                          {take(key("b"), S), give_all, take(key("z"), X)}},
                         options));
}

TEST_CASE("every schedule: a table becomes keys again when another waits, and nobody loses any") {
    const lock_manager_options options{.shard_count = 2, .escalate_at = 1};
    const every all = run_all({{take(key("a"), X), take(key("b"), X), take(key("c"), X)},
                               {take(key("a"), S), give_all, take(range("x", ""), X)}},
                              options);
    check_smooth(all);
    CHECK(all.most.escalations >= 1);
}

TEST_CASE("every schedule: who is wounded late, for a lock that he gave back, stays wounded") {
    const auto body = [] {
        lock_manager<simulated, wound_wait> locks{plain};
        lock_owner old{locks};
        lock_owner older_than_third{locks};
        lock_owner young{locks};
        simulated::parking::word locked{0};
        bool good = old.lock(key("0"), X).has_value();
        good = good && older_than_third.lock(key("3"), X).has_value();
        good = good && young.lock(key("1"), X).has_value();
        simulated::thread first{[&] {
            good = old.lock(key("1"), X).has_value() && good;
            old.release_all();
        }};
        simulated::thread second{[&] {
            while (locked.load() == 0) (void)simulated::parking::wait(locked, 0);
            good = older_than_third.lock(key("2"), X).has_value() && good;
            older_than_third.release_all();
        }};
        young.release_to_retry();
        good = young.lock(key("2"), X).has_value() && good;
        locked.store(1);
        simulated::parking::wake(locked, 1);
        rest<simulated>(microseconds(20));
        // By then the second waits for it, and it must not wait for the second.
        const std::string told =
            said(young.lock(key("3"), X, {.until = lock_deadline::within(milliseconds(10))}));
        good = good && told == "deadlock";
        young.release_all();
        first.join();
        second.join();
        return good;
    };
    CHECK(all_schedules(body) > 100);
}
