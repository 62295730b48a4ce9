// SPDX-License-Identifier: BSL-1.0
//
// Every small workload, under a power failure at each of its I/Os, with every subset of what was
// not synced: after it the store is as some beginning of the workload left it, and no shorter one
// than was acknowledged.
#include <doctest/doctest.h>

#include "../sanitized.hpp"

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <cstdlib>
#include <string>
#include <vector>

using namespace mantis;

namespace {

template <class Durability>
struct app : policies<with::platform<simulated>, with::durability<Durability>> {};

enum class step : std::uint8_t { put, overwrite, erase, both_tables, large, drop, flush };
constexpr std::size_t step_count = 7;
using workload = std::vector<step>;

store_options small_segments() {
    store_options options;
    options.segment_bytes = 8 * KiB;
    return options;
}

// All rows, as text; nothing when reading failed.
template <class Store>
std::optional<std::string> contents(Store& db) {
    std::string all;
    for (const char* const name : {"a", "b"}) {
        const auto table = db.find_table(name);
        if (!table) continue;
        auto tx = db.begin(isolation::read_committed);
        auto rows = tx.scan(*table);
        while (true) {
            const auto more = rows.next();
            if (!more) return std::nullopt;
            if (!*more) break;
            all += std::string{name} + "/" + rows.key().template as<std::string>() + "=" +
                   std::to_string(rows.value().size()) + " ";
        }
    }
    return all;
}

// One of the steps, as a transaction or a call of its own.
template <class Store>
bool take(Store& db, step which, std::size_t number) {
    if (which == step::flush) return db.flush().has_value();
    auto left = db.table("a");
    if (!left) return false;
    if (which == step::drop) return db.drop_table(*left).has_value();
    auto tx = db.begin(isolation::read_committed);
    const std::string value(10 + number, 'v');
    if (which == step::put) tx.put(*left, "key" + std::to_string(number), value);
    if (which == step::overwrite) tx.put(*left, "key", value);
    if (which == step::erase) tx.erase(*left, "key");
    if (which == step::large) tx.put(*left, "large", std::string(9000 + number, 'l'));
    if (which == step::both_tables) {
        auto right = db.table("b");
        if (!right) return false;
        tx.put(*left, "both", value);
        tx.put(*right, "both", value);
    }
    return tx.commit().has_value();
}

// The states that the workload goes through, the empty one first.
template <class Store>
std::vector<std::string> states_of(const workload& steps) {
    std::vector<std::string> states{""};
    simulation world{1};
    world.run([&] {
        auto db = Store::open("db", small_segments(), world.platform()).value();
        for (std::size_t i = 0; i < steps.size(); ++i) {
            REQUIRE(take(db, steps[i], i));
            states.push_back(*contents(db));
        }
    });
    return states;
}

struct tried {
    std::uint64_t lives = 0;
    std::uint64_t torn = 0;  // with something unsynced
};

// One power failure, one subset.
//   Returns     how many changes were not synced; nothing when the workload ended before the I/O
template <class Store>
std::optional<std::uint64_t> live(const workload& steps, const std::vector<std::string>& states,
                                  std::uint64_t crash_at, std::uint64_t kept, bool waits) {
    std::optional<std::uint64_t> unsynced;
    simulation world{1};
    world.run([&] {
        world.crash_at_io(crash_at);
        std::size_t acknowledged = 0;
        if (auto db = Store::open("db", small_segments(), world.platform()); db)
            for (std::size_t i = 0; i < steps.size() && take(*db, steps[i], i); ++i)
                if (waits || steps[i] == step::flush) acknowledged = i + 1;
        if (world.powered()) return;
        unsynced = world.restart_keeping(kept);
        auto again = Store::open("db", small_segments(), world.platform());
        const auto found = again ? contents(*again) : std::nullopt;
        bool known = false;
        for (std::size_t i = acknowledged; i < states.size(); ++i) known |= found == states[i];
        if (!again) CHECK(again.error().message().template as<std::string>() == "");
        CHECK(known);
    });
    return unsynced;
}

template <class Store>
void live_all(const workload& steps, bool waits, tried& sum) {
    constexpr std::uint64_t most = 8;  // subsets of so many changes are tried
    const auto states = states_of<Store>(steps);
    for (std::uint64_t crash_at = 1;; ++crash_at) {
        CAPTURE(crash_at);
        const auto unsynced = live<Store>(steps, states, crash_at, 0, waits);
        if (!unsynced) return;
        ++sum.lives;
        if (*unsynced > 0) ++sum.torn;
        const std::uint64_t counted = *unsynced < most ? *unsynced : most;
        for (std::uint64_t kept = 1; kept < std::uint64_t{1} << counted; ++kept) {
            CAPTURE(kept);
            (void)live<Store>(steps, states, crash_at, kept, waits);
            ++sum.lives;
        }
    }
}

template <class Durability>
tried live_everything(std::size_t length) {
    tried sum;
    std::size_t count = 1;
    for (std::size_t i = 0; i < length; ++i) count *= step_count;
    for (std::size_t which = 0; which < count; which += one_in) {
        CAPTURE(which);
        workload steps;
        for (std::size_t left = which, i = 0; i < length; ++i, left /= step_count)
            steps.push_back(static_cast<step>(left % step_count));
        live_all<store<app<Durability>>>(steps, Durability::waits_for_sync, sum);
    }
    return sum;
}

}  // namespace

TEST_CASE("every workload of two steps, in a long run three, survives every power failure") {
    const std::size_t steps = std::getenv("MANTIS_LONG") != nullptr ? 3 : 2;
    const tried synced = live_everything<group_commit>(steps);
    const tried loose = live_everything<buffered>(steps);
    MESSAGE("note: ", synced.lives + loose.lives, " lives, ", synced.torn + loose.torn,
            " crash points with something unsynced");
    CHECK(synced.torn > 500 / one_in);
    CHECK(loose.torn > 500 / one_in);
}
