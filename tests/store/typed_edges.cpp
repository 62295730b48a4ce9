// SPDX-License-Identifier: BSL-1.0
//
// Typed tables at the edges: keys as long as keys may be, and longer ones; walks beside writers;
// transactions that end early or are run again.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/paged_btree.hpp>
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

#include <limits>
#include <string>
#include <vector>

using namespace mantis;

namespace {

struct in_both : policies<with::platform<memory>, with::indexes<paged_btree<>, btree<>>> {};
using store_type = store<in_both>;

template <class Cursor>
auto keys_in(Cursor rows) {
    std::vector<std::remove_cvref_t<decltype(rows.key())>> found;
    while (rows.next().value()) found.push_back(rows.key());
    return found;
}

// Calls f(db, a table in pages, a table in memory), one after the other.
template <class Key, class F>
void in_each(F f) {
    auto db = store_type::open("db").value();
    f(db, typed_table<Key, std::uint32_t>::template open<paged_btree<>>(db, "pages").value());
    f(db, typed_table<Key, std::uint32_t>::template open<btree<>>(db, "memory").value());
}

}  // namespace

TEST_CASE("keys of every length up to the longest are rows, and longer ones find nothing") {
    in_each<std::string>([](store_type& db, const auto& table) {
        using texts = std::vector<std::string>;
        const texts all{"",
                        std::string(1, '\0'),
                        std::string(max_key_bytes, '\0'),
                        std::string(max_key_bytes, 'k'),
                        std::string(max_key_bytes - 1, '\xff'),
                        std::string(max_key_bytes, '\xff')};
        auto tx = db.begin();
        for (const std::string& each : all)
            table.put(tx, each, static_cast<std::uint32_t>(each.size()));
        for (const bool committed : {false, true}) {
            if (committed) {
                REQUIRE(tx.commit());
                tx = db.begin();
            }
            for (const std::string& each : all) CHECK(table.get(tx, each).value() == each.size());
            CHECK(keys_in(table.scan(tx)) == all);
            const std::string longer(max_key_bytes + 100, '\xff');
            const std::string in_between(max_key_bytes + 1, 'k');
            CHECK_FALSE(table.get(tx, longer).value());
            CHECK_FALSE(table.contains(tx, in_between).value());
            CHECK(keys_in(table.scan_from(tx, longer)).empty());
            CHECK(keys_in(table.scan_before(tx, longer)) == all);
            CHECK(keys_in(table.scan_from(tx, in_between)) == texts{all[4], all[5]});
            CHECK(keys_in(table.scan(tx, "", in_between)).size() == 4);
            CHECK(keys_in(table.scan_prefix(tx, longer)).empty());
            CHECK(keys_in(table.scan_prefix(tx, all[5])) == texts{all[5]});
            CHECK(keys_in(table.scan_prefix(tx, all[4])) == texts{all[4], all[5]});
            CHECK(keys_in(table.scan_prefix(tx, std::string(1, '\0'))) == texts{all[1], all[2]});
        }
        table.erase(tx, all[5]);
        table.erase(tx, all[0]);
        REQUIRE(tx.commit());
        auto later = db.begin();
        CHECK(keys_in(table.scan(later)) == texts{all[1], all[2], all[3], all[4]});
    });
}

TEST_CASE("text with 00 and FF in the middle of a key is told from what follows it") {
    using key = std::tuple<std::string, std::uint8_t>;
    in_each<key>([](store_type& db, const auto& table) {
        const std::string zero(1, '\0');
        std::vector<key> all;
        for (const std::string& text :
             {std::string{}, zero, zero + zero, zero + "\xff", std::string{"a"}, "a" + zero,
              "a" + zero + "\xff", std::string{"a\xff"}, std::string{"\xff"},
              std::string{"\xff\xff"}})
            for (const int last : {0, 1, 255})
                all.emplace_back(text, static_cast<std::uint8_t>(last));
        auto tx = db.begin();
        for (const key& each : all) table.put(tx, each, 1);
        REQUIRE(tx.commit());
        auto reads = db.begin();
        CHECK(keys_in(table.scan(reads)) == all);
        for (std::size_t at = 0; at < all.size(); at += 3)
            CHECK(keys_in(table.scan_prefix(reads, std::get<0>(all[at]))) ==
                  std::vector<key>{all[at], all[at + 1], all[at + 2]});
    });
}

TEST_CASE("NaN, minus zero and infinities are keys that are found, in the order of numbers") {
    in_each<double>([](store_type& db, const auto& table) {
        const double infinity = std::numeric_limits<double>::infinity();
        const double nan = std::numeric_limits<double>::quiet_NaN();
        auto tx = db.begin();
        std::uint32_t number = 0;
        for (const double each : {infinity, -0.0, nan, 1.0, -infinity, -1.0})
            table.put(tx, each, ++number);
        table.put(tx, 0.0, 20);   // the same key as -0.0
        table.put(tx, -nan, 30);  // the same key as NaN
        REQUIRE(tx.commit());
        auto reads = db.begin();
        CHECK(table.get(reads, -0.0).value() == 20);
        CHECK(table.get(reads, nan).value() == 30);
        const std::vector<double> found = keys_in(table.scan(reads));
        REQUIRE(found.size() == 6);
        CHECK(found[0] != found[0]);
        CHECK(std::vector<double>(found.begin() + 1, found.end()) ==
              std::vector<double>{-infinity, -1.0, 0.0, 1.0, infinity});
        CHECK(keys_in(table.scan(reads, -infinity, 0.0)) == std::vector<double>{-infinity, -1.0});
    });
}

TEST_CASE("a walk beside who erases and puts has each row that stays once, in order") {
    in_each<std::uint32_t>([](store_type& db, const auto& table) {
        constexpr std::uint32_t rows = 4000;
        auto fills = db.begin();
        for (std::uint32_t row = 0; row < rows; ++row) table.put(fills, 2 * row, row);
        REQUIRE(fills.commit());
        auto reads = db.begin(isolation::read_committed);
        std::vector<std::uint32_t> found;
        std::uint32_t steps = 0;
        for (auto row : table.scan(reads)) {
            REQUIRE(row);
            if (!found.empty()) CHECK(found.back() < row->key);
            found.push_back(row->key);
            CHECK((row->value == row->key / 2 || row->value == rows));
            if (++steps % 500 != 0) continue;
            auto changes = db.begin();
            // Behind, here, and far ahead: every third row stays.
            for (std::uint32_t at = 0; at < rows; ++at)
                if (at % 3 != 0 && at % 8 == steps / 500 % 8) table.erase(changes, 2 * at);
            table.put(changes, row->key + 1, rows);
            REQUIRE(changes.commit());
        }
        std::vector<bool> seen(2 * rows + 2);
        for (const std::uint32_t key : found) seen[key] = true;
        for (std::uint32_t row = 0; row < rows; row += 3) CHECK(seen[2 * row]);
        CHECK(found.size() < rows);
    });
}

TEST_CASE("what is aborted was never there, and a transaction run again after a conflict commits") {
    in_each<std::string>([](store_type& db, const auto& table) {
        {
            auto tx = db.begin();
            table.put(tx, "aborted", 1);
            CHECK(table.get(tx, "aborted").value() == 1);
        }
        auto tx = db.begin();
        table.put(tx, "rolled back", 1);
        tx.abort();
        CHECK_FALSE(table.get(db, "aborted").value());
        CHECK_FALSE(table.get(db, "rolled back").value());
        int tries = 0;
        for (bool done = false; !done; ++tries) {
            REQUIRE(tries < 3);
            auto adds = db.begin();
            const std::uint32_t before = table.get(adds, "sum").value().value_or(0);
            table.put(adds, "sum", before + 1);
            if (tries == 0) {  // another one is faster
                auto other = db.begin();
                table.put(other, "sum", 100);
                REQUIRE(other.commit());
            }
            const auto committed = adds.commit();
            if (!committed) CHECK(committed.error().code() == error_code::conflict);
            done = committed.has_value();
        }
        CHECK(tries == 2);
        CHECK(table.get(db, "sum").value() == 101);
    });
}
