// SPDX-License-Identifier: BSL-1.0
//
// Random programs of owners that lock asynchronously, all on one thread. What an owner was told
// that it has is its claim; after every step all claims are compared with each other, with what the
// manager tells of its owners, and with its graph of waits:
//   1. claims of two owners get along, on each thing and on each key below it
//   2. an owner has what it claims
//   3. who was answered was answered once
//   4. who waits waits for somebody, who is in the graph of waits, and nobody else is
//   5. a policy that prevents dead-locks lets no ring come about; one that detects ends them all
//   6. nothing is left at the end
#include "asker.hpp"
#include "storm.hpp"

#include <array>
#include <compare>
#include <map>
#include <memory>
#include <vector>

using namespace lock_test;

namespace {

constexpr std::size_t owner_count = 4;
constexpr std::size_t key_count = 4;
constexpr const char* key_names[key_count + 1] = {"a", "b", "c", "d", "e"};
constexpr lock_options over_at_once{.until = lock_deadline::at(nanoseconds{1})};  // by expire()

struct thing {
    lock_level level = lock_level::store;
    std::size_t table = 0;
    std::size_t first = 0;
    std::size_t last = 0;  // of a range: not in it

    friend auto operator<=>(const thing&, const thing&) = default;
    [[nodiscard]] lock_path path() const {
        const table_id of{table};
        if (level == lock_level::store) return lock_path::store();
        if (level == lock_level::table) return lock_path::table(of);
        if (level == lock_level::key) return lock_path::key(of, key_names[first]);
        return lock_path::range(of, key_names[first], key_names[last]);
    }
    [[nodiscard]] std::string text() const { return path().text().as<std::string>(); }
};

// What one owner was told that it has.
class claim_list {
public:
    void add(const thing& on, lock_mode mode) {
        lock_mode& claimed = all_[on];
        claimed = supremum(claimed, mode);
    }
    void remove(const thing& on) { all_.erase(on); }
    void clear() { all_.clear(); }
    [[nodiscard]] const std::map<thing, lock_mode>& all() const { return all_; }

    // With the intents that locks below it need.
    [[nodiscard]] lock_mode on_store() const {
        lock_mode mode = on({});
        for (const auto& [what, claimed] : all_)
            if (what.level != lock_level::store) mode = with_intent(mode, claimed);
        return mode;
    }
    [[nodiscard]] lock_mode on_table(std::size_t table) const {
        lock_mode mode = supremum(mode_below(on({})), on({lock_level::table, table}));
        for (const auto& [what, claimed] : all_)
            if (what.level >= lock_level::key && what.table == table)
                mode = with_intent(mode, claimed);
        return mode;
    }
    [[nodiscard]] lock_mode on_key(std::size_t table, std::size_t key) const {
        lock_mode mode = mode_below(supremum(mode_below(on({})), on({lock_level::table, table})));
        for (const auto& [what, claimed] : all_) {
            if (what.level < lock_level::key || what.table != table) continue;
            const std::size_t last = what.level == lock_level::key ? what.first + 1 : what.last;
            if (what.first <= key && key < last && is_strong(claimed))
                mode = supremum(mode, claimed);
        }
        return mode;
    }

private:
    // Unless what it has above covers `below`, together with IX, which it may have besides.
    [[nodiscard]] static lock_mode with_intent(lock_mode above, lock_mode below) {
        if (covers(mode_below(supremum(above, lock_mode::IX)), below)) return above;
        return supremum(above, intent_for(below));
    }
    [[nodiscard]] lock_mode on(const thing& what) const {
        const auto at = all_.find(what);
        return at == all_.end() ? lock_mode::none : at->second;
    }
    std::map<thing, lock_mode> all_;
};

// An owner with its claims.
template <class Manager>
class claimant {
public:
    explicit claimant(Manager& locks) : owner{locks} {}

    void ask(const thing& on, lock_mode mode, const lock_options& options) {
        what_ = on;
        mode_ = mode;
        heard = "waits";
        calls = 0;
        owner.lock_async(
            on.path(), mode,
            [](void* context, result<void> done) { static_cast<claimant*>(context)->answer(done); },
            this, options);
    }
    [[nodiscard]] bool waits() const { return heard == "waits"; }

    lock_owner<Manager> owner;
    claim_list claims;
    std::string heard;
    int calls = 0;

private:
    void answer(const result<void>& done) {
        ++calls;
        heard = said(done);
        if (done) claims.add(what_, mode_);
    }
    thing what_;
    lock_mode mode_ = lock_mode::none;
};

struct program_options {
    std::size_t tables;
    int steps;
};

// What happened in all programs: that it was what they are for.
struct tally {
    std::uint64_t waits = 0;
    std::uint64_t refusals = 0;
    lock_counts counts;
};

template <class Deadlock, class Choice = first_come_first>
struct policies {
    using deadlock = Deadlock;
    using manager = lock_manager<posix, Deadlock, Choice>;
};

template <class Policies>
class program {
public:
    program(std::uint64_t seed, const program_options& options)
        : options_{options}, random_{seed}, locks_{draw_options(random_)} {
        for (auto& each : all_) each = std::make_unique<one>(locks_);
    }

    //   Returns     what was wrong after some step; empty when nothing was
    [[nodiscard]] std::string run() {
        std::string wrong;
        for (; step_ < options_.steps && wrong.empty(); ++step_) {
            wrong = act();
            if (wrong.empty()) wrong = complaint();
        }
        if (wrong.empty()) wrong = wind_up();
        return wrong.empty() ? wrong : wrong + "\n" + lines();
    }
    [[nodiscard]] int steps() const { return step_; }
    // What was done, an operation a line.
    [[nodiscard]] const std::string& log() const { return log_; }
    void add_to(tally& sum) {
        sum.waits += waits_;
        sum.refusals += refusals_;
        sum.counts.deadlocks += locks_.counts().deadlocks;
        sum.counts.escalations += locks_.counts().escalations;
    }

private:
    using manager = typename Policies::manager;
    using one = claimant<manager>;
    static constexpr bool prevents = Policies::deadlock::prevents;

    [[nodiscard]] static lock_manager_options draw_options(dice& random) {
        lock_manager_options drawn;
        drawn.shard_count = std::size_t{1} << random.below(3);
        drawn.bypass_bound = static_cast<std::uint32_t>(random.below(4));
        drawn.allow_upward_waits = random.below(2) == 0;
        drawn.escalate_at = static_cast<std::uint32_t>(random.below(2) * (2 + random.below(2)));
        drawn.deescalate_keys = random.below(4) == 0 ? 2 : 100;
        return drawn;
    }
    // Mostly of the first table: there they meet.
    [[nodiscard]] thing draw_rows(lock_level level) {
        const std::size_t table = random_.below(2) == 0 ? 1 : 1 + random_.below(options_.tables);
        const std::size_t first = random_.below(key_count);
        if (level == lock_level::key) return {level, table, first};
        return {level, table, first, first + 1 + random_.below(key_count - first)};
    }
    [[nodiscard]] thing draw() {
        const std::size_t what = random_.below(12);
        if (what == 0) return {};
        if (what < 3) return {lock_level::table, draw_rows(lock_level::key).table};
        return draw_rows(what < 9 ? lock_level::key : lock_level::range);
    }
    [[nodiscard]] lock_mode draw_mode(lock_level level) {
        constexpr lock_mode of_rows[] = {lock_mode::S, lock_mode::X, lock_mode::U};
        if (level >= lock_level::key) return of_rows[random_.below(3)];
        return static_cast<lock_mode>(1 + random_.below(lock_mode_count - 1));
    }
    [[nodiscard]] lock_options draw_deadline() {
        const std::size_t what = random_.below(6);
        lock_options drawn = what == 0 ? at_once : what == 1 ? over_at_once : lock_options{};
        drawn.priority = static_cast<std::uint8_t>(random_.below(3));
        return drawn;
    }

    // One step.
    //   Returns     what was wrong with it
    [[nodiscard]] std::string act() {
        std::vector<std::size_t> free;
        for (std::size_t i = 0; i < owner_count; ++i)
            if (!all_[i]->waits()) free.push_back(i);
        if (free.empty()) return end_deadlocks();
        const std::size_t by = free[random_.below(free.size())];
        one& me = *all_[by];
        const std::size_t what = random_.below(20);
        if (me.heard == "deadlock" && random_.below(3) != 0) retry(by);
        else if (what == 0) release(by);
        else if (what == 1) note(by, me.owner.deescalate(accounts) ? "deescalates" : "cannot");
        else if (what == 2) {
            note(by, "expire()");
            locks_.expire();
        } else if (what <= 4) unlock(by);
        else lock(by);
        return {};
    }
    [[nodiscard]] std::string end_deadlocks() {
        if (prevents) return "all wait";
        note(owner_count, "end_deadlocks()");
        return locks_.end_deadlocks() == 0 ? "all wait and there is no ring" : std::string{};
    }
    void lock(std::size_t by) {
        one& me = *all_[by];
        const thing on = draw();
        const lock_mode mode = draw_mode(on.level);
        const lock_options options = draw_deadline();
        me.ask(on, mode, options);
        if (me.waits()) ++waits_;
        if (me.heard == "deadlock") ++refusals_;
        note(by, "lock " + on.text() + " " + name_of(mode) + " priority " +
                     std::to_string(options.priority) +
                     (options.until.is_at_once()                  ? " at once: "
                      : options.until.after({}) == nanoseconds{1} ? " until expire(): "
                                                                  : ": ") +
                     me.heard);
    }
    void unlock(std::size_t by) {
        const thing on = draw_rows(random_.below(3) == 0 ? lock_level::range : lock_level::key);
        const result<void> done = all_[by]->owner.unlock(on.path());
        if (done) all_[by]->claims.remove(on);
        note(by, "unlock " + on.text() + ": " + said(done));
    }
    // Claims end before the locks: others are told in between.
    void release(std::size_t by) {
        note(by, "release_all()");
        all_[by]->claims.clear();
        all_[by]->owner.release_all();
    }
    void retry(std::size_t by) {
        note(by, "release_to_retry()");
        all_[by]->claims.clear();
        all_[by]->heard.clear();
        all_[by]->owner.release_to_retry();
    }
    void note(std::size_t by, const std::string& what) {
        log_ += std::to_string(step_) + ": " +
                (by == owner_count ? std::string{} : "owner " + std::to_string(by) + " ") + what +
                "\n";
    }

    // After a step.
    [[nodiscard]] std::string complaint() {
        std::string wrong = conflicts();
        if (wrong.empty()) wrong = claims_not_held();
        if (wrong.empty()) wrong = waits_not_told();
        return wrong;
    }
    [[nodiscard]] std::string conflicts() const {
        std::string wrong = conflict("store", [](const one& of) { return of.claims.on_store(); });
        for (std::size_t table = 1; table <= options_.tables && wrong.empty(); ++table) {
            wrong = conflict(thing{lock_level::table, table}.text(),
                             [&](const one& of) { return of.claims.on_table(table); });
            for (std::size_t key = 0; key < key_count && wrong.empty(); ++key)
                wrong = conflict(thing{lock_level::key, table, key}.text(),
                                 [&](const one& of) { return of.claims.on_key(table, key); });
        }
        return wrong;
    }
    template <class Mode>
    [[nodiscard]] std::string conflict(const std::string& where, Mode mode_of) const {
        std::array<lock_mode, owner_count> modes;
        for (std::size_t i = 0; i < owner_count; ++i) {
            modes[i] = mode_of(*all_[i]);
            for (std::size_t j = 0; j < i; ++j)
                if (!compatible(modes[i], modes[j]))
                    return "owners " + std::to_string(j) + " and " + std::to_string(i) + " have " +
                           where + " in " + name_of(modes[j]) + " and " + name_of(modes[i]);
        }
        return {};
    }
    [[nodiscard]] std::string claims_not_held() const {
        for (std::size_t i = 0; i < owner_count; ++i) {
            const one& of = *all_[i];
            if (of.calls > 1) return "owner " + std::to_string(i) + " was answered twice";
            if (of.waits() && of.calls != 0) return "an answer was not heard";
            if (of.waits()) continue;  // it may be used by nobody
            for (const auto& [what, mode] : of.claims.all())
                if (const lock_mode told = of.owner.mode_of(what.path()); !covers(told, mode))
                    return "owner " + std::to_string(i) + " claims " + what.text() + " in " +
                           name_of(mode) + " and has it in " + name_of(told);
        }
        return {};
    }
    [[nodiscard]] std::string waits_not_told() {
        wait_graph graph = locks_.waits();
        std::size_t waiting = 0;
        for (const auto& each : all_) {
            if (!each->waits()) continue;
            ++waiting;
            bool for_somebody = false;
            graph.each_edge([&](const wait_edge& edge) {
                for_somebody = for_somebody || edge.waiter == each->owner.id();
            });
            if (!for_somebody)
                return "owner " + std::to_string(each->owner.id()) + " waits in vain";
        }
        if (graph.size() != waiting) return "the graph has others than wait";
        if (prevents && !graph.find_any_cycle().empty()) return "there is a ring";
        return {};
    }

    // The end: all give back what they have, until nobody waits any more.
    [[nodiscard]] std::string wind_up() {
        for (std::size_t round = 0; round <= 10 * owner_count; ++round) {
            bool done = true;
            for (std::size_t i = 0; i < owner_count; ++i)
                if (all_[i]->waits()) done = false;
                else release(i);
            if (done) return leftovers();
            if (!prevents) (void)locks_.end_deadlocks();
        }
        return "not all come to an end";
    }
    // An intent is noted by its owner alone again: no strong lock is still counted.
    [[nodiscard]] std::string leftovers() {
        for (auto& each : all_) each->owner.release_all();
        if (!locks_.held().empty()) return "something is held at the end";
        if (locks_.counts().queues != 0) return "there are queues at the end";
        lock_owner<manager>& last = all_[0]->owner;
        for (std::size_t table = 1; table <= options_.tables; ++table) {
            const thing intent{lock_level::table, table};
            if (!last.lock(intent.path(), lock_mode::IX, at_once)) return "an intent is refused";
            if (locks_.counts().queues != 0) return "a strong lock is counted at the end";
            last.release_all();
        }
        return {};
    }
    [[nodiscard]] std::string lines() {
        std::string text;
        for (const std::vector<lock_line>& some : {locks_.held(), locks_.waiting()})
            for (const lock_line& line : some)
                text += "owner id " + std::to_string(line.owner) + " " +
                        line.path.as<std::string>() + " held " + name_of(line.held) + " wanted " +
                        name_of(line.wanted) + (line.escalated ? " escalated\n" : "\n");
        return text;
    }

    const program_options options_;
    dice random_;
    manager locks_;
    std::array<std::unique_ptr<one>, owner_count> all_;
    int step_ = 0;
    std::string log_;
    std::uint64_t waits_ = 0;
    std::uint64_t refusals_ = 0;
};

template <class Policies>
tally check_programs(std::uint64_t count, const program_options& options) {
    tally sum;
    for (std::uint64_t seed = 1; seed <= count; ++seed) {
        auto owned = std::make_unique<program<Policies>>(seed, options);
        program<Policies>& one = *owned;
        const std::string wrong = one.run();
        if (!wrong.empty()) (void)owned.release();  // its owners wait and cannot end
        CAPTURE(seed);
        CAPTURE(one.steps());
        INFO("operations:\n", one.log());
        REQUIRE(wrong == "");
        one.add_to(sum);
    }
    return sum;
}

template <class Policies>
void check_tally(const tally& sum) {
    using deadlock = typename Policies::deadlock;
    constexpr bool all_die = deadlock::judge(1, 2) == lock_verdict::die;
    CHECK(sum.counts.escalations > 0);
    CHECK((sum.waits > 100) == !all_die);
    CHECK((sum.refusals > 0) == deadlock::prevents);
    CHECK((sum.counts.deadlocks > 0) == deadlock::detects);
}

}  // namespace

TEST_CASE_TEMPLATE("random programs over two tables: owners have what they were told, and alone",
                   Policies, policies<detect_after<>>, policies<wait_die>, policies<wound_wait>,
                   policies<no_wait>, policies<detect_after<>, most_blocking_first>) {
    check_tally<Policies>(check_programs<Policies>(800, {.tables = 2, .steps = 80}));
}

TEST_CASE_TEMPLATE("random programs over more tables than an owner notes alone: the same", Policies,
                   policies<detect_after<>>, policies<wait_die>, policies<wound_wait>,
                   policies<no_wait>, policies<detect_after<>, most_blocking_first>) {
    check_tally<Policies>(check_programs<Policies>(80, {.tables = 20, .steps = 160}));
}
