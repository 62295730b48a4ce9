// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>> {};
using store_type = store<in_memory>;
using table_type = typed_table<std::uint16_t, std::string, key_codec<std::uint16_t>,
                               value_codec<std::string>, in_memory>;
using flags_type =
    typed_table<std::uint16_t, bool, key_codec<std::uint16_t>, value_codec<bool>, in_memory>;

}  // namespace

TEST_CASE("a walk has committed rows and the transaction's own, as of its calls") {
    auto db = store_type::open("db").value();
    const table_type table = table_type::open(db, "t").value();
    auto before = db.begin();
    table.put(before, 1, "committed");
    table.put(before, 2, "changed");
    table.put(before, 3, "erased");
    CHECK(before.commit());
    auto tx = db.begin();
    table.put(tx, 2, "own");
    table.erase(tx, 3);
    table.put(tx, 4, "new");
    std::vector<std::pair<std::uint16_t, std::string>> found;
    for (auto row : table.scan(tx)) {
        REQUIRE(row);
        const auto& [key, value] = *row;
        found.emplace_back(key, value);
    }
    CHECK(found == decltype(found){{1, "committed"}, {2, "own"}, {4, "new"}});
}

TEST_CASE("a loop over nothing does nothing") {
    auto db = store_type::open("db").value();
    const table_type table = table_type::open(db, "t").value();
    auto tx = db.begin();
    for (auto row : table.scan(tx)) FAIL(row.has_value());
}

TEST_CASE("a row that does not decode is an error, and the walk goes on behind it") {
    auto db = store_type::open("db").value();
    const flags_type flags = flags_type::open(db, "flags").value();
    auto tx = db.begin();
    flags.put(tx, 1, true);
    flags.put(tx, 3, true);
    flags.put(tx, 5, true);
    tx.put(flags.handle(), bytes_view{"\0\2", 2}, "\2");
    tx.put(flags.handle(), "xyz", "\1");
    std::vector<std::uint16_t> good;
    std::vector<std::string> bad;
    for (auto row : flags.scan(tx)) {
        if (row) good.push_back(row->key);
        else bad.push_back(row.error().message().as<std::string>());
    }
    CHECK(good == std::vector<std::uint16_t>{1, 3, 5});
    CHECK(bad == std::vector<std::string>{
                     "corrupt: a bool that is neither 0 nor 1 < reading the value of a row as its "
                     "type [flags key 0002] bytes=1",
                     "corrupt: bytes behind its end < reading the key of a row as its type "
                     "[flags key 78797a] bytes=3"});

    auto rows = flags.scan(tx);
    CHECK(rows.next().value());
    CHECK(rows.next().error().code() == error_code::corrupt);
    CHECK(rows.key_bytes() == bytes_view{"\0\2", 2});
    CHECK(rows.value_bytes() == bytes_view{"\2"});
    CHECK(rows.next().value());
    CHECK(rows.key() == 3);
    CHECK(rows.value());
}

TEST_CASE("any other error is given once, and ends the loop") {
    auto db = store_type::open("db").value();
    const table_type table = table_type::open(db, "t").value();
    auto tx = db.begin();
    table.put(tx, 1, "own");
    CHECK(db.drop_table(table.handle()));
    int errors = 0;
    for (auto row : table.scan(tx)) {
        REQUIRE_FALSE(row);
        CHECK(row.error().code() == error_code::not_found);
        ++errors;
    }
    CHECK(errors == 1);
}

TEST_CASE("what the cursor gives stays until it moves, over many batches") {
    auto db = store_type::open("db").value();
    const table_type table = table_type::open(db, "t").value();
    auto tx = db.begin();
    for (std::uint16_t key = 0; key < 5000; ++key) table.put(tx, key, std::to_string(key));
    CHECK(tx.commit());
    auto reads = db.begin(isolation::read_committed);
    auto rows = table.scan(reads);
    std::uint16_t expected = 0;
    while (rows.next().value()) {
        CHECK(rows.key() == expected);
        CHECK(rows.value() == std::to_string(expected++));
    }
    CHECK(expected == 5000);
}
