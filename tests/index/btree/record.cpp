// SPDX-License-Identifier: BSL-1.0
#include <mantis/index/btree/record.hpp>

#include <doctest/doctest.h>

#include <string>

using mantis::bytes;
using mantis::bytes_view;
using mantis::lsn;
using mantis::detail::record;

TEST_CASE("a record owns its key, value and version, empty ones too") {
    for (const std::size_t key_size : {0u, 1u, 8u, 300u}) {
        for (const std::size_t value_size : {0u, 1u, 5000u}) {
            std::string key(key_size, 'k');
            std::string value(value_size, 'v');
            record* const made = record::make(key, value, lsn{7});
            key.assign(key_size, 'x');
            value.assign(value_size, 'y');
            CHECK(made->key() == std::string(key_size, 'k'));
            CHECK(made->value() == std::string(value_size, 'v'));
            CHECK(made->version() == lsn{7});
            record::destroy(made);
        }
    }
}

TEST_CASE("overwriting changes value and version, and may be given the old value itself") {
    record* const made = record::make("key", "old", lsn{1});
    made->overwrite("new", lsn{2});
    CHECK(made->key() == "key");
    CHECK(made->value() == "new");
    CHECK(made->version() == lsn{2});
    made->overwrite(made->value(), lsn{3});
    CHECK(made->value() == "new");
    record::destroy(made);
}

TEST_CASE("an allocation counts its header and rounding") {
    CHECK(mantis::detail::allocated_bytes(0) == 0);
    CHECK(mantis::detail::allocated_bytes(1) == 32);
    CHECK(mantis::detail::allocated_bytes(24) == 32);
    CHECK(mantis::detail::allocated_bytes(25) == 48);
    record* const made = record::make("12345678", "1234567890123456", lsn{});
    CHECK(made->memory_bytes() == 48);
    record::destroy(made);
}
