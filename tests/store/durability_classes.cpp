// SPDX-License-Identifier: BSL-1.0
//
// Commits and reads that name a durability class of their own: what each of them waits for, and
// what its answer is worth when the power or an I/O fails.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

using namespace mantis;

namespace {

template <class Durability>
struct app : policies<with::platform<simulated>, with::durability<Durability>> {};
using synced_store = store<app<group_commit>>;
using buffered_store = store<app<buffered>>;

constexpr durability_class synchronous_class = durability_class::synchronous;
constexpr durability_class periodic_class = durability_class::periodic;
constexpr durability_class buffered_class = durability_class::buffered;

template <class Store>
result<commit_info> put(Store& db, const std::string& key, const std::string& value,
                        durability_class how) {
    auto table = db.table("t");
    if (!table) return table.error();
    auto tx = db.begin(isolation::read_committed, how);
    tx.put(*table, key, value);
    return tx.commit();
}

template <class Store>
std::string get(Store& db, const std::string& key) {
    auto found = db.get(*db.find_table("t"), key);
    if (!found) return name_of(found.error().code());
    return *found ? (*found)->template as<std::string>() : std::string{"nothing"};
}

template <class Store>
std::set<std::string> keys(Store& db) {
    std::set<std::string> found;
    const auto table = db.find_table("t");
    if (!table) return found;
    auto tx = db.begin(isolation::read_committed);
    auto rows = tx.scan(*table);
    while (rows.next().value()) found.insert(rows.key().template as<std::string>());
    return found;
}

// Calls body(world, db) with a store that has the key "base", and then that is left after a power
// failure that keeps nothing unsynced.
template <class Store, class Body>
std::set<std::string> left_after(Body body) {
    std::set<std::string> left;
    simulation world{5};
    world.run([&] {
        {
            auto db = Store::open("db", {}, world.platform()).value();
            CHECK(put(db, "base", "1", synchronous_class));
            body(world, db);
            world.crash();
        }
        world.restart(crash_mode::drop_unsynced);
        auto db = Store::open("db", {}, world.platform()).value();
        left = keys(db);
        CHECK(db.verify());
    });
    return left;
}

using names = std::set<std::string>;

}  // namespace

TEST_CASE("a buffered commit of a store that waits for syncs makes none, and says so") {
    const auto left = left_after<synced_store>([](simulation& world, synced_store& db) {
        const auto syncs = world.io_count(io_kind::sync);
        for (const durability_class how : {buffered_class, periodic_class}) {
            const auto done = put(db, name_of(how), "1", how).value();
            CHECK(done.state == commit_state::buffered);
            CHECK(world.io_count(io_kind::sync) == syncs);
        }
    });
    CHECK(left == names{"base"});
}

TEST_CASE("a synchronous commit, a flush and a barrier make all before them durable") {
    for (int how = 0; how < 4; ++how) {
        CAPTURE(how);
        const auto left = left_after<buffered_store>([&](simulation&, buffered_store& db) {
            const auto first = put(db, "first", "1", buffered_class).value();
            const auto second = put(db, "second", "1", buffered_class).value();
            CHECK(second.state == commit_state::buffered);
            if (how == 0)
                CHECK(put(db, "third", "1", synchronous_class)->state == commit_state::durable);
            if (how == 1) CHECK(db.flush());
            if (how == 2) CHECK(db.wait_durable(second));
            if (how == 3) CHECK(db.wait_durable(first));
            CHECK(db.stats().durable >= (how == 3 ? first : second).position);
        });
        CHECK(left.count("first") == 1);
        if (how != 3) CHECK(left.count("second") == 1);
        CHECK(left.count("third") == (how == 0 ? 1u : 0u));
    }
}

TEST_CASE("commit() may name another class than begin()") {
    const auto left = left_after<synced_store>([](simulation&, synced_store& db) {
        auto table = db.table("t").value();
        auto weaker = db.begin();
        weaker.put(table, "weaker", "1");
        CHECK(weaker.commit(buffered_class)->state == commit_state::buffered);
        auto stronger = db.begin(isolation::serializable, buffered_class);
        CHECK(stronger.get(table, "weaker").value());
        stronger.put(table, "stronger", "1");
        CHECK(stronger.commit(synchronous_class)->state == commit_state::durable);
        auto last = db.begin();
        last.put(table, "last", "1");
        CHECK(last.commit(buffered_class));
    });
    CHECK(left == names{"base", "weaker", "stronger"});
}

TEST_CASE("a reader by the policy of a store that waits for syncs is told only what is durable") {
    for (int how = 0; how < 3; ++how) {
        CAPTURE(how);
        const auto left = left_after<synced_store>([&](simulation&, synced_store& db) {
            auto table = db.table("t").value();
            const auto done = put(db, "key", "1", buffered_class).value();
            auto tx = db.begin(isolation::read_committed);
            if (how == 0) CHECK(get(db, "key") == "1");
            if (how == 1) CHECK(tx.get(table, "key").value());
            auto rows = tx.scan(table);
            if (how == 2) CHECK(rows.next().value());
            CHECK(db.stats().durable >= done.position);
        });
        CHECK(left == names{"base", "key"});
    }
}

TEST_CASE("a reader by the policy is told of an erasure only when it is durable") {
    const auto left = left_after<synced_store>([](simulation&, synced_store& db) {
        auto tx = db.begin();
        tx.erase(db.table("t").value(), "base");
        CHECK(tx.commit(buffered_class)->state == commit_state::buffered);
        CHECK(get(db, "base") == "nothing");
    });
    CHECK(left.empty());
}

TEST_CASE("a buffered reader waits for no sync, and its commit tells what that is worth") {
    const auto left = left_after<synced_store>([](simulation& world, synced_store& db) {
        auto table = db.table("t").value();
        const auto syncs = world.io_count(io_kind::sync);
        const auto written = put(db, "key", "1", buffered_class).value();
        for (const bool scans : {false, true}) {
            auto tx = db.begin(isolation::serializable, buffered_class);
            auto rows = tx.scan(table);
            if (scans) CHECK(rows.next().value());
            else CHECK(tx.get(table, "key").value());
            const auto done = tx.commit().value();
            CHECK(done.id == transaction_id{});
            CHECK(done.position == written.position);
            CHECK(done.state == commit_state::buffered);
        }
        CHECK(world.io_count(io_kind::sync) == syncs);
    });
    CHECK(left == names{"base"});
}

TEST_CASE("a synchronous commit without writes makes durable what it was told of") {
    for (const bool later : {false, true}) {
        const auto left = left_after<buffered_store>([&](simulation&, buffered_store& db) {
            auto table = db.table("t").value();
            CHECK(put(db, "key", "1", buffered_class));
            auto tx = db.begin(isolation::serializable);
            CHECK(tx.get(table, "key").value());
            const auto done = tx.commit(later ? buffered_class : synchronous_class).value();
            if (later) CHECK(done.state == commit_state::buffered);
            else CHECK(done.state == commit_state::durable);
            if (later) CHECK(db.wait_durable(done));
            CHECK(put(db, "after", "1", buffered_class));
        });
        CHECK(left == names{"base", "key"});
    }
}

TEST_CASE("a synchronous reader of a buffered store is told only what is durable") {
    const auto left = left_after<buffered_store>([](simulation&, buffered_store& db) {
        auto table = db.table("t").value();
        CHECK(put(db, "key", "1", buffered_class));
        auto tx = db.begin(isolation::read_committed, synchronous_class);
        CHECK(tx.get(table, "key").value());
    });
    CHECK(left == names{"base", "key"});
}

TEST_CASE(
    "the barrier after a failed sync: unknown_outcome for what is not durable, and no other") {
    simulation world{3};
    world.run([&] {
        auto db = buffered_store::open("db", {}, world.platform()).value();
        const auto before = put(db, "before", "1", synchronous_class).value();
        const auto waiting = put(db, "waiting", "1", buffered_class).value();
        world.fail_io(io_kind::sync, 1, error_code::io);
        CHECK(db.wait_durable(waiting).error().code() == error_code::unknown_outcome);
        CHECK(db.wait_durable(before));
        CHECK(db.wait_durable(waiting).error().code() == error_code::unknown_outcome);
        CHECK(db.flush().error().code() == error_code::unknown_outcome);
        CHECK(put(db, "after", "1", buffered_class).error().code() == error_code::read_only);
        CHECK(get(db, "waiting") == "1");  // by the policy: the system has it
        auto strict = db.begin(isolation::read_committed, synchronous_class);
        CHECK(strict.get(*db.find_table("t"), "waiting").error().code() ==
              error_code::unknown_outcome);
    });
}

TEST_CASE("a commit that was answered by another opening is no commit of this one") {
    simulation world{4};
    world.run([&] {
        commit_info old;
        {
            auto db = buffered_store::open("db", {}, world.platform()).value();
            CHECK(put(db, "base", "1", synchronous_class));
            old = put(db, "lost", "1", buffered_class).value();
            world.crash();
        }
        world.restart(crash_mode::drop_unsynced);
        auto db = buffered_store::open("db", {}, world.platform()).value();
        for (int i = 0; i < 5; ++i) CHECK(put(db, std::to_string(i), "1", synchronous_class));
        REQUIRE(db.stats().durable > old.position);
        CHECK(get(db, "lost") == "nothing");
        CHECK(db.wait_durable(old).error().code() == error_code::invalid_argument);
        CHECK(db.wait_durable(commit_info{}));
        CHECK(db.close());
        CHECK(db.wait_durable(old).error().code() == error_code::closed);
    });
}

TEST_CASE("a periodic commit is durable after the period in any store, a buffered one is not") {
    const auto left = left_after<synced_store>([](simulation& world, synced_store& db) {
        const auto first = put(db, "buffered", "1", buffered_class).value();
        world.platform().sleep(seconds(100));
        CHECK(db.stats().durable < first.position);
        CHECK(db.stats().window.bytes > 0);
        CHECK(db.stats().window.age >= seconds(100));
        const auto second = put(db, "periodic", "1", periodic_class).value();
        CHECK(second.state == commit_state::buffered);
        world.platform().sleep(seconds(1));
        CHECK(db.stats().durable >= second.position);
        CHECK(db.stats().window.bytes == 0);
        CHECK(put(db, "last", "1", buffered_class));
        world.platform().sleep(seconds(1));
    });
    CHECK(left == names{"base", "buffered", "periodic"});
}

TEST_CASE("in a store that syncs periodically a buffered commit is in the window, too") {
    const auto left =
        left_after<store<app<periodic>>>([](simulation& world, store<app<periodic>>& db) {
            CHECK(put(db, "key", "1", buffered_class));
            world.platform().sleep(seconds(1));
            CHECK(db.stats().window.exceeded_period == 0);
        });
    CHECK(left == names{"base", "key"});
}
