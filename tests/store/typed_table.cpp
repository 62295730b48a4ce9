// SPDX-License-Identifier: BSL-1.0
#include "paged_fixture.hpp"

#include <mantis/platform/memory.hpp>
#include <mantis/store/typed_table.hpp>

#include <rapidcheck.h>

#include <vector>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>> {};
using store_type = store<in_memory>;

struct order {
    std::string item;
    double price = 0;
    using stored = members<&order::item, &order::price>;
    friend bool operator==(const order&, const order&) = default;
};
using order_key = std::tuple<std::string, std::uint32_t>;
using numbers_type = typed_table<std::int32_t, std::string, key_codec<std::int32_t>,
                                 value_codec<std::string>, in_memory>;

store_type opened() { return store_type::open("db").value(); }

template <class Table, class Tx, class... Bounds>
std::vector<typename Table::key_type> keys_of(const Table& table, Tx& tx, const Bounds&... bounds) {
    std::vector<typename Table::key_type> found;
    auto rows = table.scan(tx, bounds...);
    while (rows.next().value()) found.push_back(rows.key());
    return found;
}
template <class Cursor>
auto keys_in(Cursor rows) {
    std::vector<std::remove_cvref_t<decltype(rows.key())>> found;
    while (rows.next().value()) found.push_back(rows.key());
    return found;
}

// Puts, reads and erases typed rows in a store of tables in pages and in memory.
template <class Index>
void lives_in(paged_store_test::store_type& db, const char* name) {
    const auto orders = typed_table<order_key, order>::open<Index>(db, name).value();
    auto tx = db.begin();
    for (std::uint32_t i = 0; i < 300; ++i)
        orders.put(tx, {"customer " + std::to_string(i % 3), i}, {std::to_string(i), i * 0.5});
    orders.erase(tx, {"customer 1", 1});
    REQUIRE(tx.commit());
    auto later = db.begin();
    CHECK(orders.get(later, {"customer 2", 2}).value() == order{"2", 1.0});
    CHECK_FALSE(orders.get(later, {"customer 1", 1}).value());
    std::uint32_t expected = 4;
    for (auto row : orders.scan_prefix(later, "customer 1")) {
        REQUIRE(row);
        CHECK(row->key == order_key{"customer 1", expected});
        CHECK(row->value == order{std::to_string(expected), expected * 0.5});
        expected += 3;
    }
    CHECK(expected == 301);
}

}  // namespace

TEST_CASE("what is put is got, by the transaction, by others once it commits, after a restart") {
    memory files;
    {
        auto db = store_type::open("db", {}, files).value();
        const auto orders = typed_table<order_key, order>::open(db, "orders").value();
        auto tx = db.begin();
        orders.put(tx, {"alice", 17}, {"tea", 4.5});
        CHECK(orders.get(tx, {"alice", 17}).value() == order{"tea", 4.5});
        CHECK(orders.contains(tx, {"alice", 17}).value());
        CHECK_FALSE(orders.contains(tx, {"alice", 18}).value());
        CHECK_FALSE(orders.get(db, {"alice", 17}).value());
        CHECK(tx.commit());
        CHECK(orders.get(db, {"alice", 17}).value() == order{"tea", 4.5});
    }
    auto db = store_type::open("db", {}, files).value();
    const auto orders = typed_table<order_key, order>::open(db, "orders").value();
    CHECK(orders.get(db, {"alice", 17}).value() == order{"tea", 4.5});
    auto tx = db.begin();
    orders.erase(tx, {"alice", 17});
    CHECK_FALSE(orders.get(tx, {"alice", 17}).value());
    CHECK(tx.commit());
    CHECK_FALSE(orders.get(db, {"alice", 17}).value());
}

TEST_CASE("tables in memory and tables in pages hold typed rows") {
    using namespace paged_store_test;
    simulation world{7, {}};
    world.run([&] {
        auto db = paged_store_test::store_type::open("db", small(), world.platform()).value();
        lives_in<in_pages>(db, "in pages");
        lives_in<btree<>>(db, "in memory");
        lives_in<void>(db, "as the store has it");
        using table = typed_table<order_key, order>;
        CHECK(table::open<btree<>>(db, "in pages").error().code() == error_code::mismatch);
    });
}

TEST_CASE("a range has its first key and not its last, in the order of the values") {
    auto db = opened();
    const numbers_type numbers = typed_table<std::int32_t, std::string>::open(db, "t").value();
    auto tx = db.begin();
    for (const int number : {300, -5, 0, -300, 7}) numbers.put(tx, number, "x");
    using found = std::vector<std::int32_t>;
    CHECK(keys_of(numbers, tx) == found{-300, -5, 0, 7, 300});
    CHECK(keys_of(numbers, tx, -5, 7) == found{-5, 0});
    CHECK(keys_of(numbers, tx, -4, 8) == found{0, 7});
    CHECK(keys_of(numbers, tx, 8, 7).empty());
    CHECK(keys_in(numbers.scan_from(tx, 0)) == found{0, 7, 300});
    CHECK(keys_in(numbers.scan_before(tx, 0)) == found{-300, -5});
}

TEST_CASE("nothing is before the empty key, and a range that ends there is empty") {
    auto db = opened();
    const auto texts = typed_table<std::string, bool>::open(db, "t").value();
    auto tx = db.begin();
    for (const char* text : {"", "a", "x", "x\xff"}) texts.put(tx, text, true);
    CHECK(keys_of(texts, tx, "", "").empty());
    CHECK(keys_in(texts.scan_before(tx, "")).empty());
    CHECK(keys_of(texts, tx, "", "a") == std::vector<std::string>{""});
    CHECK(keys_in(texts.scan_from(tx, "")).size() == 4);
}

TEST_CASE("leading fields choose the rows that have them, and no others") {
    auto db = opened();
    using key = std::tuple<std::string, std::uint8_t, std::uint16_t>;
    const auto table = typed_table<key, bool>::open(db, "t").value();
    auto tx = db.begin();
    std::vector<key> all;
    for (const char* text : {"", "a", "ab", "\xff"})
        for (const int middle : {0, 1, 255})
            for (const int last : {0, 65535})
                all.push_back(
                    {text, static_cast<std::uint8_t>(middle), static_cast<std::uint16_t>(last)});
    for (const key& each : all) table.put(tx, each, true);
    const auto chosen = [&](auto fits) {
        std::vector<key> left;
        for (const key& each : all)
            if (fits(each)) left.push_back(each);
        return left;
    };
    for (const std::string text : {"", "a", "b", "\xff"}) {
        CHECK(keys_in(table.scan_prefix(tx, text)) ==
              chosen([&](const key& each) { return std::get<0>(each) == text; }));
        for (const std::uint8_t middle : {std::uint8_t{0}, std::uint8_t{255}})
            CHECK(keys_in(table.scan_prefix(tx, text.c_str(), middle)) ==
                  chosen([&](const key& each) {
                      return std::get<0>(each) == text && std::get<1>(each) == middle;
                  }));
    }
}

TEST_CASE("leading fields of nothing but FF, of an array, of members, of a text's beginning") {
    auto db = opened();
    auto tx = db.begin();
    using pair = std::pair<std::uint8_t, std::uint8_t>;
    const auto pairs = typed_table<pair, bool>::open(db, "pairs").value();
    for (const pair& each : {pair{254, 1}, pair{255, 0}, pair{255, 255}}) pairs.put(tx, each, true);
    CHECK(keys_in(pairs.scan_prefix(tx, std::uint8_t{255})).size() == 2);
    using path = std::array<std::string, 3>;
    const auto paths = typed_table<path, bool>::open(db, "paths").value();
    for (const path& each : {path{"a", "b", "c"}, path{"a", "bb", "c"}, path{"a", "b", ""}})
        paths.put(tx, each, true);
    CHECK(keys_in(paths.scan_prefix(tx, "a", "b")).size() == 2);
    CHECK(keys_in(paths.scan_prefix(tx, "a")).size() == 3);
    const auto orders = typed_table<order, bool>::open(db, "orders").value();
    for (const double price : {-1.0, 2.0}) orders.put(tx, order{"tea", price}, true);
    orders.put(tx, order{"te", 0.0}, true);
    CHECK(keys_in(orders.scan_prefix(tx, "tea")) ==
          std::vector<order>{order{"tea", -1.0}, order{"tea", 2.0}});
    const auto texts = typed_table<std::string, bool>::open(db, "texts").value();
    for (const char* each : {"a", "ab", "ab\xff", "ac", "\xff", "\xff\xff"})
        texts.put(tx, each, true);
    CHECK(keys_in(texts.scan_prefix(tx, "ab")) == std::vector<std::string>{"ab", "ab\xff"});
    CHECK(keys_in(texts.scan_prefix(tx, "\xff")).size() == 2);
    CHECK(keys_in(texts.scan_prefix(tx, "")).size() == 6);
}

TEST_CASE("the bytes API and typed rows see the same table") {
    auto db = opened();
    const auto names = typed_table<std::string, std::uint32_t>::open(db, "names").value();
    const auto handle = db.find_table("names").value();
    auto tx = db.begin();
    tx.put(handle, "alice", bytes_view{"\x07\x00\x00\x00", 4});
    names.put(tx, "bob", 258);
    CHECK(names.get(tx, "alice").value() == 7);
    CHECK(tx.get(names.handle(), "bob").value()->view() == bytes_view{"\x02\x01\x00\x00", 4});
    const numbers_type::table_handle same = names.handle();
    CHECK(same.id() == handle.id());
    const typed_table<std::string, std::uint32_t, key_codec<std::string>,
                      value_codec<std::uint32_t>, in_memory>
        again{handle};
    CHECK(again.get(tx, "bob").value() == 258);
}

TEST_CASE("a value that does not decode is corrupt, by table, key and what is wrong") {
    auto db = opened();
    const auto orders = typed_table<order_key, order>::open(db, "orders").value();
    auto tx = db.begin();
    const encoded<key_codec<order_key>, order_key> key{{"al", 1}};
    tx.put(orders.handle(), key.view(), "\x05tea");
    const auto failed = orders.get(tx, {"al", 1});
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code() == error_code::corrupt);
    CHECK(failed.error().message().as<std::string>() ==
          "corrupt: a text that is cut short < reading the value of a row as its type "
          "[orders key 616c000000000001] bytes=4");
    CHECK(orders.contains(tx, {"al", 1}).value());
    CHECK(tx.commit());
    CHECK(orders.get(db, {"al", 1}).error().code() == error_code::corrupt);
}

TEST_CASE("a table of other types gives errors and no values") {
    auto db = opened();
    auto tx = db.begin();
    const auto wide = typed_table<std::uint64_t, std::uint64_t>::open(db, "t").value();
    wide.put(tx, 1, 2);
    const auto narrow = typed_table<std::uint64_t, std::uint32_t>::open(db, "t").value();
    CHECK(narrow.get(tx, 1).error().code() == error_code::corrupt);
    const auto other = typed_table<std::uint32_t, std::uint64_t>::open(db, "t").value();
    auto rows = other.scan(tx);
    CHECK(rows.next().error().message().as<std::string>() ==
          "corrupt: bytes behind its end < reading the key of a row as its type "
          "[t key 0000000000000001] bytes=8");
}

TEST_CASE("errors of the bytes API are handed on as they are") {
    auto db = opened();
    const auto texts = typed_table<std::string, std::string>::open(db, "t").value();
    auto tx = db.begin();
    texts.put(tx, std::string(max_key_bytes + 1, 'k'), "v");
    CHECK(tx.commit().error().code() == error_code::too_large);
    CHECK(texts.get(tx, "k").error().code() == error_code::closed);
    CHECK(texts.contains(tx, "k").error().code() == error_code::closed);
    using other = typed_table<std::string, std::string>;
    CHECK(other::open(db, "").error().code() == error_code::invalid_argument);
    CHECK(db.drop_table(texts.handle()));
    CHECK(texts.get(db, "k").error().code() == error_code::not_found);
    auto late = db.begin();
    CHECK(texts.get(late, "k").error().code() == error_code::not_found);
    // A composite key that is too long, too.
    const auto orders = typed_table<order_key, bool>::open(db, "orders").value();
    orders.put(late, {std::string(max_key_bytes, 'k'), 1}, true);
    CHECK(late.commit().error().code() == error_code::too_large);
}

TEST_CASE("values of any length: text, bytes, and more than fits on the stack") {
    auto db = opened();
    auto tx = db.begin();
    const auto blobs = typed_table<std::uint8_t, bytes>::open(db, "blobs").value();
    const auto lists = typed_table<std::uint8_t, std::vector<std::string>>::open(db, "l").value();
    const std::vector<std::string> list(300, "one of many");
    blobs.put(tx, 1, std::string(100'000, 'b'));
    blobs.put(tx, 2, "");
    lists.put(tx, 1, list);
    CHECK(tx.commit());
    CHECK(blobs.get(db, 1).value()->as<std::string>() == std::string(100'000, 'b'));
    CHECK(blobs.get(db, 2).value()->empty());
    CHECK(lists.get(db, 1).value() == list);
}

TEST_CASE("a serializable transaction that read typed rows conflicts as one that read bytes") {
    auto db = opened();
    const auto table = typed_table<std::uint32_t, std::uint32_t>::open(db, "t").value();
    auto reads = db.begin();
    CHECK_FALSE(table.get(reads, 1).value());
    table.put(reads, 2, 2);
    auto writes = db.begin();
    table.put(writes, 1, 1);
    CHECK(writes.commit());
    CHECK(reads.commit().error().code() == error_code::conflict);
}

TEST_CASE("property: a typed table is a sorted map of its keys") {
    CHECK(rc::check("model", [] {
        using key = std::pair<std::int16_t, std::string>;
        auto db = opened();
        const auto table = typed_table<key, std::uint32_t>::open(db, "t").value();
        const auto gen_key = rc::gen::pair(
            rc::gen::inRange<std::int16_t>(-2, 3),
            rc::gen::resize(
                2, rc::gen::container<std::string>(rc::gen::element('\0', '\1', 'a', '\xff'))));
        std::map<key, std::uint32_t> model;
        auto tx = db.begin();
        const int changes = *rc::gen::inRange(0, 40);
        for (int i = 0; i < changes; ++i) {
            const key each = *gen_key;
            if (*rc::gen::inRange(0, 4) == 0) {
                model.erase(each);
                table.erase(tx, each);
            } else {
                model[each] = static_cast<std::uint32_t>(i);
                table.put(tx, each, static_cast<std::uint32_t>(i));
            }
            if (i % 8 == 7) {
                RC_ASSERT(tx.commit().has_value());
                tx = db.begin();
            }
        }
        const key from = *gen_key;
        const key to = *gen_key;
        std::vector<std::pair<key, std::uint32_t>> expected;
        for (const auto& each : model)
            if (!(each.first < from) && each.first < to) expected.push_back(each);
        std::size_t at = 0;
        for (auto row : table.scan(tx, from, to)) {
            RC_ASSERT(row.has_value());
            RC_ASSERT(at < expected.size());
            RC_ASSERT(row->key == expected[at].first);
            RC_ASSERT(row->value == expected[at++].second);
        }
        RC_ASSERT(at == expected.size());
    }));
}
