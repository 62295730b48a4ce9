// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/txn/read_set.hpp>

using namespace mantis;

TEST_CASE("reads are kept until cleared, keys copied") {
    read_set reads;
    bytes key{bytes_view{"key"}};
    reads.add_key({1}, key, {7});
    key[0] = std::byte{'X'};
    reads.add_table({2}, {9});
    REQUIRE(reads.keys().size() == 1);
    CHECK(reads.keys()[0].key == bytes_view{"key"});
    CHECK(reads.keys()[0].version == lsn{7});
    REQUIRE(reads.tables().size() == 1);
    CHECK(reads.tables()[0].changed == lsn{9});
    reads.clear();
    CHECK(reads.keys().empty());
    CHECK(reads.tables().empty());
}
