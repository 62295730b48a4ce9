// SPDX-License-Identifier: BSL-1.0
//
// What callers and listeners are told holds, whichever class of durability they are of.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

struct buffering : policies<with::platform<simulated>, with::durability<buffered>> {};
struct syncing : policies<with::platform<simulated>, with::durability<group_commit>> {};

template <class Store, class Table>
void put(Store& db, const Table& into, bytes_view key, bytes_view value) {
    auto tx = db.begin();
    tx.put(into, key, value);
    (void)tx.commit().value();
}

struct listener {
    std::vector<event_code> codes;
    [[nodiscard]] event_listener hook() {
        return {[](void* self, const event& what) {
                    static_cast<listener*>(self)->codes.push_back(what.code());
                },
                this};
    }
    [[nodiscard]] bool heard(event_code wanted) const {
        for (const event_code each : codes)
            if (each == wanted) return true;
        return false;
    }
};

}  // namespace

TEST_CASE("that a table was dropped is told as durably as the class of who asks promises") {
    for (const bool writes : {false, true}) {
        simulation world{1};
        world.run([&] {
            auto db = store<buffering>::open("db", {}, world.platform()).value();
            const auto table = db.table("t").value();
            put(db, table, "k", "v");
            auto tx = db.begin(isolation::serializable, durability_class::synchronous);
            if (writes) tx.put(table, "x", "y");
            db.drop_table(table).value();
            CHECK(db.window().bytes > 0);
            const error_code answer =
                writes ? tx.commit().error().code() : tx.get(table, "k").error().code();
            CHECK(answer == error_code::not_found);
            CHECK(db.window().bytes == 0);
        });
    }
}

TEST_CASE("what a periodic reader is told becomes durable within the period, whoever wrote it") {
    for (const bool scans : {false, true}) {
        simulation world{2};
        world.run([&] {
            auto db = store<buffering>::open("db", {}, world.platform()).value();
            const auto table = db.table("t").value();
            put(db, table, "k", "v");
            {
                auto tx = db.begin(isolation::serializable, durability_class::periodic);
                if (scans) {
                    auto rows = tx.scan(table);
                    CHECK(rows.next().value());
                } else {
                    CHECK(tx.get(table, "k").value());
                }
            }
            CHECK(db.window().bytes > 0);
            world.platform().sleep(seconds(1));
            CHECK(db.window().bytes == 0);
        });
    }
}

TEST_CASE("a scan beside a drop gives all rows or says that the table was dropped") {
    int dropped = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            auto db = store<buffering>::open("db", {}, world.platform()).value();
            const auto table = db.table("t").value();
            {
                auto tx = db.begin();
                for (int i = 0; i < 1'000; ++i) tx.put(table, std::to_string(i), "v");
                (void)tx.commit().value();
            }
            simulated::thread other{[&] { db.drop_table(table).value(); }};
            for (int n = 0; n < 3; ++n) {
                auto tx = db.begin(isolation::read_committed);
                auto rows = tx.scan(table);
                int count = 0;
                auto more = rows.next();
                for (; more && *more; more = rows.next()) ++count;
                if (more) CHECK(count == 1'000);
                else CHECK(more.error().code() == error_code::not_found);
                dropped += more ? 0 : 1;
            }
            other.join();
        });
    }
    CHECK(dropped > 0);
}

TEST_CASE("that the log failed is told by the call that met it") {
    listener heard;
    simulation world{3};
    world.run([&] {
        auto db = store<buffering>::open("db", {.events = heard.hook()}, world.platform()).value();
        const auto table = db.table("t").value();
        auto tx = db.begin();
        tx.put(table, "k", "v");
        const commit_info done = tx.commit().value();
        world.fail_io(io_kind::sync, 1, error_code::io);
        CHECK(db.wait_durable(done).error().code() == error_code::unknown_outcome);
        CHECK(heard.heard(event_code::read_only));
    });
}

TEST_CASE("that the log failed is told by the thread that syncs, though nobody calls") {
    listener heard;
    simulation world{4};
    world.run([&] {
        auto db = store<buffering>::open("db", {.events = heard.hook()}, world.platform()).value();
        const auto table = db.table("t").value();
        world.fail_io(io_kind::sync, 1, error_code::io);
        auto tx = db.begin(isolation::serializable, durability_class::periodic);
        tx.put(table, "k", "v");
        (void)tx.commit().value();
        world.platform().sleep(seconds(1));
        CHECK(heard.heard(event_code::read_only));
    });
}

TEST_CASE("rows that are little but key count against memory with what an index adds") {
    simulation world{5};
    world.run([&] {
        auto db = store<syncing>::open("db", {.memory_bytes = 1 * MiB}, world.platform()).value();
        const auto table = db.table("t").value();
        auto tx = db.begin();
        for (int i = 0; i < 150'000; ++i) tx.put(table, std::to_string(i), "");
        CHECK(tx.commit().error().code() == error_code::out_of_memory);
    });
}

TEST_CASE("a commit below the soft limit raises no alarm while it is applied") {
    listener heard;
    simulation world{6};
    world.run([&] {
        auto db =
            store<syncing>::open(
                "db", {.memory_bytes = 10 * MiB, .memory_soft_percent = 80, .events = heard.hook()},
                world.platform())
                .value();
        put(db, db.table("t").value(), "a", std::string(5 * MiB, 'x'));
        CHECK_FALSE(heard.heard(event_code::memory_soft_limit));
    });
}
