// SPDX-License-Identifier: BSL-1.0
//
// The lock manager against a specification that knows owners, things and modes, and no queues:
// random programs of several owners on one thread, compared after every step.
//
// An owner may have IX where the specification says IS: an intent that it once had and kept. The
// specification then follows, after it has made sure that it may be so.
#include "asker.hpp"
#include "storm.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <tuple>

using namespace lock_test;

namespace {

struct thing {
    lock_level level = lock_level::store;
    std::uint64_t table = 0;
    std::string low;
    std::string high;

    [[nodiscard]] auto order() const { return std::tie(level, table, low, high); }
    friend bool operator<(const thing& a, const thing& b) { return a.order() < b.order(); }
    [[nodiscard]] lock_path path() const {
        const table_id of{table};
        if (level == lock_level::store) return lock_path::store();
        if (level == lock_level::table) return lock_path::table(of);
        if (level == lock_level::key) return lock_path::key(of, low);
        return lock_path::range(of, low, high);
    }
    [[nodiscard]] thing parent() const {
        if (level == lock_level::table) return {};
        return {lock_level::table, table, {}, {}};
    }
    [[nodiscard]] bool has_key(const std::string& name) const {
        if (level == lock_level::key) return name == low;
        return name >= low && (high.empty() || name < high);
    }
};

// Some keys, with those between and beyond them.
const std::string every_key[] = {"", "a", "aa", "b", "bb", "c", "cc", "d", "dd"};

// Whether locks of these two can be in each other's way: they are the same thing, or some key is in
// both and one of them is a range.
bool meet(const thing& a, const thing& b) {
    if (a.level != b.level || a.level < lock_level::key)
        if (a.level < lock_level::key || b.level < lock_level::key) return !(a < b) && !(b < a);
    if (a.table != b.table) return false;
    return std::any_of(std::begin(every_key), std::end(every_key),
                       [&](const std::string& name) { return a.has_key(name) && b.has_key(name); });
}

class specification {
public:
    explicit specification(std::size_t owners) : owners_(owners) {}

    [[nodiscard]] std::string lock(std::size_t by, const thing& what, lock_mode mode) {
        if (what.level == lock_level::store) return take(by, what, mode);
        if (covers(mode_below(held(by, {})), mode)) return "granted";
        if (what.level == lock_level::table) {
            if (covers(held(by, what), mode)) return "granted";
            const std::string above = take(by, {}, intent_for(mode));
            return above == "granted" ? take(by, what, mode) : above;
        }
        const thing table = what.parent();
        if (!covers(held(by, table), intent_for(mode))) {
            if (take(by, {}, intent_for(mode)) != "granted") return "timed_out";
            if (take(by, table, intent_for(mode)) != "granted") return "timed_out";
        }
        if (covers(mode_below(held(by, table)), mode)) return "granted";
        return take(by, what, mode);
    }
    [[nodiscard]] std::string unlock(std::size_t by, const thing& what) {
        owner& me = owners_[by];
        const auto at = me.held.find(what);
        if (at == me.held.end()) return "not_found";
        for (const auto& [other, mode] : me.held)
            if (other.level != lock_level::store && other.level != what.level &&
                !(other.parent() < what) && !(what < other.parent()))
                return "invalid_argument";
        if (at->second == lock_mode::IX) me.kept.insert(what);
        me.held.erase(at);
        return "granted";
    }
    void release_all(std::size_t by) {
        for (const auto& [what, mode] : owners_[by].held)
            if (mode == lock_mode::IX) owners_[by].kept.insert(what);
        owners_[by].held.clear();
    }
    void end(std::size_t by) { owners_[by] = {}; }

    [[nodiscard]] lock_mode held(std::size_t by, const thing& what) const {
        const auto at = owners_[by].held.find(what);
        return at == owners_[by].held.end() ? lock_mode::none : at->second;
    }
    [[nodiscard]] lock_mode mode_of(std::size_t by, const thing& what) const {
        lock_mode mode = held(by, what);
        for (thing at = what; at.level != lock_level::store;) {
            at = at.parent();
            mode = supremum(mode, mode_below(held(by, at)));
        }
        return mode;
    }
    // The owner says that it has IX there: follows if that may be an intent it kept.
    void allow_kept(std::size_t by, const thing& what, lock_mode told) {
        owner& me = owners_[by];
        const auto at = me.held.find(what);
        if (told == lock_mode::IX && at != me.held.end() && at->second == lock_mode::IS &&
            me.kept.count(what) != 0)
            at->second = lock_mode::IX;
    }
    [[nodiscard]] const std::map<thing, lock_mode>& all_of(std::size_t by) const {
        return owners_[by].held;
    }

private:
    struct owner {
        std::map<thing, lock_mode> held;
        std::set<thing> kept;  // where it once had IX
    };

    [[nodiscard]] std::string take(std::size_t by, const thing& what, lock_mode mode) {
        const lock_mode wanted = supremum(held(by, what), mode);
        if (wanted == held(by, what)) return "granted";
        for (std::size_t other = 0; other < owners_.size(); ++other) {
            if (other == by) continue;
            for (const auto& [theirs, their_mode] : owners_[other].held)
                if (meet(what, theirs) && !compatible(wanted, their_mode)) return "timed_out";
        }
        owners_[by].held[what] = wanted;
        return "granted";
    }

    std::vector<owner> owners_;
};

std::string lines_of(const std::multiset<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "; ";
    return text;
}

struct program_options {
    std::size_t owners = 3;
    std::size_t tables = 2;
    std::size_t steps = 1'500;
    bool reuse = true;  // owners live for many transactions
    lock_manager_options manager = {.shard_count = 4};
};

using manager = lock_manager<posix>;

class program {
public:
    program(std::uint64_t seed, const program_options& options)
        : options_{options}, random_{seed}, locks_{options.manager}, spec_{options.owners} {
        for (std::size_t i = 0; i < options.owners; ++i) begin(i);
    }

    // Until something differs.
    bool run() {
        for (std::size_t i = 0; i < options_.steps; ++i) {
            CAPTURE(i);
            if (!step() || (i % 8 == 0 && !same_lines())) return false;
        }
        return true;
    }

private:
    using owner = lock_owner<manager>;

    void begin(std::size_t number) {
        owners_.resize(options_.owners);
        owners_[number].reset();
        owners_[number] = std::make_unique<owner>(locks_, "model");
    }
    thing draw() {
        const std::uint64_t table = 1 + random_.below(options_.tables);
        const std::size_t what = random_.below(16);
        if (what == 0) return {};
        if (what <= 2) return {lock_level::table, table, {}, {}};
        const std::string names[] = {"a", "b", "c", "d"};
        const std::size_t first = random_.below(4);
        if (what <= 11) return {lock_level::key, table, names[first], {}};
        const std::size_t length = 1 + random_.below(4);
        return {lock_level::range, table, names[first],
                first + length < 4 ? names[first + length] : std::string{}};
    }
    lock_mode draw_mode(lock_level level) {
        constexpr lock_mode of_rows[] = {lock_mode::S, lock_mode::X, lock_mode::U};
        if (level >= lock_level::key) return of_rows[random_.below(3)];
        return static_cast<lock_mode>(1 + random_.below(lock_mode_count - 1));
    }
    bool step() {
        const std::size_t by = random_.below(options_.owners);
        const std::size_t what = random_.below(24);
        if (what == 0) return ended(by);
        const thing on = draw();
        std::string mine, theirs;
        if (what <= 7) {
            theirs = said(owners_[by]->unlock(on.path()));
            mine = spec_.unlock(by, on);
        } else {
            const lock_mode mode = draw_mode(on.level);
            const lock_mode before = owners_[by]->mode_of(on.path());
            theirs = said(owners_[by]->lock(on.path(), mode, at_once));
            mine = spec_.lock(by, on, mode);
            if (theirs != mine)
                MESSAGE("locking ", on.path().text().as<std::string>(), " in ", name_of(mode),
                        ", held in ", name_of(before));
        }
        CAPTURE(what);
        CAPTURE(on.path().text().as<std::string>());
        CHECK(theirs == mine);
        return theirs == mine && same_modes(by);
    }
    bool ended(std::size_t by) {
        if (options_.reuse && random_.below(4) != 0) {
            owners_[by]->release_all();
            spec_.release_all(by);
        } else {
            begin(by);
            spec_.end(by);
        }
        return same_modes(by);
    }
    bool same_mode(std::size_t by, const thing& on) {
        const lock_mode told = owners_[by]->mode_of(on.path());
        spec_.allow_kept(by, on, told);
        if (told == spec_.mode_of(by, on)) return true;
        CAPTURE(by);
        CAPTURE(on.path().text().as<std::string>());
        CHECK(std::string{name_of(told)} == std::string{name_of(spec_.mode_of(by, on))});
        return false;
    }
    bool same_modes(std::size_t by) {
        if (!same_mode(by, {})) return false;
        for (std::uint64_t table = 1; table <= options_.tables; ++table) {
            if (!same_mode(by, {lock_level::table, table, {}, {}})) return false;
            for (const char* const name : {"a", "b", "c", "d"})
                if (!same_mode(by, {lock_level::key, table, name, {}})) return false;
        }
        for (const auto& [on, mode] : spec_.all_of(by))
            if (on.level == lock_level::range && !same_mode(by, on)) return false;
        return true;
    }
    bool same_lines() {
        std::multiset<std::string> told, expected;
        for (const lock_line& line : locks_.held())
            told.insert(std::to_string(line.owner) + " " + line.path.as<std::string>() + " " +
                        name_of(line.held));
        for (std::size_t by = 0; by < options_.owners; ++by)
            for (const auto& [on, mode] : spec_.all_of(by))
                expected.insert(std::to_string(owners_[by]->id()) + " " +
                                on.path().text().as<std::string>() + " " + name_of(mode));
        CHECK(lines_of(told) == lines_of(expected));
        return told == expected;
    }

    const program_options options_;
    dice random_;
    manager locks_;
    specification spec_;
    std::vector<std::unique_ptr<owner>> owners_;
};

void check_programs(std::uint64_t count, const program_options& options) {
    for (std::uint64_t seed = 1; seed <= count; ++seed) {
        CAPTURE(seed);
        program one{seed, options};
        const bool same = one.run();
        REQUIRE(same);
    }
}

}  // namespace

TEST_CASE("random programs of owners that end with each transaction: as the specification says") {
    check_programs(60, {.reuse = false});
}

TEST_CASE("random programs of owners that are kept, with their intents: as specified") {
    check_programs(60, {});
    check_programs(20, {.owners = 4, .tables = 1});
}

TEST_CASE("random programs over more tables than an owner notes alone: as specified") {
    check_programs(6, {.tables = 24, .steps = 5'000, .manager = {.shard_count = 1}});
}
