// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/txn/read_set.hpp>

using namespace mantis;

TEST_CASE("reads are kept by table until cleared, keys copied") {
    read_set reads;
    int asked = 0;
    const auto applied = [&asked] { return ++asked, lsn{static_cast<std::uint64_t>(asked)}; };
    bytes key{bytes_view{"key"}};
    reads.add_key(reads.of({1}, applied), key, {7});
    key[0] = std::byte{'X'};
    reads.of({2}, applied).scanned = true;
    reads.add_key(reads.of({1}, applied), "other", {0});
    CHECK(asked == 2);
    REQUIRE(reads.tables().size() == 2);
    const table_reads& first = reads.tables()[0];
    CHECK(first.table == table_id{1});
    CHECK(first.as_of == lsn{1});
    CHECK_FALSE(first.scanned);
    REQUIRE(first.keys.size() == 2);
    CHECK(first.keys[0].key == bytes_view{"key"});
    CHECK(first.keys[0].version == lsn{7});
    CHECK(first.keys[1].key == bytes_view{"other"});
    CHECK(reads.tables()[1].as_of == lsn{2});
    CHECK(reads.tables()[1].scanned);
    reads.clear();
    CHECK(reads.tables().empty());
}
