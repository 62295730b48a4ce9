// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/store/paged_btree.hpp>
#include <mantis/store/store.hpp>

#include <algorithm>
#include <map>
#include <string>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>, with::durability<buffered>> {};
struct in_pages : policies<with::platform<memory>, with::durability<buffered>,
                           with::indexes<paged_btree<512>>> {};

using rows_type = std::vector<std::pair<std::string, std::string>>;

template <class Cursor>
rows_type drain(Cursor rows) {
    rows_type found;
    while (rows.next().value())
        found.emplace_back(rows.key().template as<std::string>(),
                           rows.value().template as<std::string>());
    return found;
}

}  // namespace

TEST_CASE_TEMPLATE("a scan sees committed rows and own writes as one table, at any bounds", App,
                   in_memory, in_pages) {
    auto db = store<App>::open("db").value();
    auto table = db.table("t").value();
    std::map<std::string, std::string> model;
    std::uint64_t seed = 42;
    const auto draw = [&] {
        return (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33;
    };
    const auto change = [&](auto& tx) {
        for (int i = 0; i < 400; ++i) {
            const std::string key = std::to_string(draw() % 500);
            if (draw() % 3 == 0) {
                tx.erase(table, key);
                model.erase(key);
            } else {
                tx.put(table, key, model[key] = std::string(draw() % 600, 'v') + std::to_string(i));
            }
        }
    };
    auto committed = db.begin();
    change(committed);
    CHECK(committed.commit());
    auto tx = db.begin();
    change(tx);
    for (int i = 0; i < 50; ++i) {
        std::string from = std::to_string(draw() % 500);
        std::string to = std::to_string(draw() % 500);
        if (to < from) std::swap(from, to);
        rows_type expected;
        for (auto at = model.lower_bound(from); at != model.end() && at->first < to; ++at)
            expected.push_back(*at);
        CHECK(drain(tx.scan(table, {from, to})) == expected);
    }
    CHECK(drain(tx.scan(table)) == rows_type(model.begin(), model.end()));
}

TEST_CASE_TEMPLATE("a scan goes on while the table changes behind and before it", App, in_memory,
                   in_pages) {
    auto db = store<App>::open("db").value();
    auto table = db.table("t").value();
    const std::string value(1000, 'x');
    const auto key = [](int i) { return std::to_string(1000 + i); };
    auto fill = db.begin();
    for (int i = 0; i < 500; i += 2) fill.put(table, key(i), value);
    CHECK(fill.commit());
    auto tx = db.begin(isolation::read_committed);
    auto rows = tx.scan(table);
    std::string last;
    int count = 0;
    while (rows.next().value()) {
        CHECK(rows.key().template as<std::string>() > last);
        last = rows.key().template as<std::string>();
        auto other = db.begin();
        other.erase(table, last);
        other.put(table, key(count * 2 + 1), value);
        CHECK(other.commit());
        ++count;
    }
    CHECK(count >= 250);
    CHECK(last >= key(498));
}

TEST_CASE_TEMPLATE(
    "what a transaction writes while it scans is seen before the scan, not behind it", App,
    in_memory, in_pages) {
    auto db = store<App>::open("db").value();
    auto table = db.table("t").value();
    const auto key = [](int i) { return std::to_string(1000 + i); };
    auto fill = db.begin();
    for (int i = 0; i < 300; i += 3) fill.put(table, key(i), std::to_string(i));
    CHECK(fill.commit());
    for (const int at : {0, 1, 50, 98, 99}) {
        CAPTURE(at);
        auto tx = db.begin();
        auto rows = tx.scan(table, {{}, key(297)});
        rows_type found;
        std::vector<std::string> expected;
        for (int i = 0; i < 297; i += 3) expected.push_back(key(i));
        for (int count = 0; rows.next().value(); ++count) {
            found.emplace_back(rows.key().template as<std::string>(),
                               rows.value().template as<std::string>());
            if (count != at) continue;
            tx.put(table, key(at * 3 - 1), "behind");
            tx.erase(table, key(at * 3));
            tx.put(table, key(at * 3 + 1), "before");
            tx.erase(table, key(at * 3 + 3));
            const auto next = std::find(expected.begin(), expected.end(), key(at * 3)) + 1;
            if (next != expected.end()) *next = key(at * 3 + 1);
            else if (at == 98) expected.push_back(key(at * 3 + 1));
        }
        REQUIRE(found.size() == expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].first == expected[i]);
    }
}

TEST_CASE(
    "a scan that met a commit of unknown outcome passes over no rows when it is asked again") {
    struct simulated_app : policies<with::platform<simulated>, with::indexes<paged_btree<512>>> {};
    simulation world{3};
    world.run([&] {
        auto db = store<simulated_app>::open("db", {}, world.platform()).value();
        auto table = db.table("t").value();
        auto tx = db.begin();
        for (int i = 0; i < 500; ++i) tx.put(table, std::to_string(1000 + i), "value");
        CHECK(tx.commit());
        auto changing = db.begin();
        changing.put(table, "1000", "another");
        world.fail_io(io_kind::sync, 1, error_code::io);
        CHECK_FALSE(changing.commit());
        auto reading = db.begin(isolation::read_committed);
        auto rows = reading.scan(table);
        for (int i = 0; i < 3; ++i) {
            const auto more = rows.next();
            REQUIRE_FALSE(more);
            CHECK(more.error().code() == error_code::unknown_outcome);
        }
    });
}

TEST_CASE("a scan that met a commit of unknown outcome answers so again, and no row of it") {
    struct simulated_app : policies<with::platform<simulated>> {};
    simulation world{3};
    world.run([&] {
        auto db = store<simulated_app>::open("db", {}, world.platform()).value();
        auto table = db.table("t").value();
        auto tx = db.begin();
        tx.put(table, "key", "value");
        world.fail_io(io_kind::sync, 1, error_code::io);
        CHECK_FALSE(tx.commit());
        auto reading = db.begin(isolation::read_committed);
        auto rows = reading.scan(table);
        for (int i = 0; i < 3; ++i) {
            const auto more = rows.next();
            REQUIRE_FALSE(more);
            CHECK(more.error().code() == error_code::unknown_outcome);
        }
    });
}
