// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/wal/operation.hpp>

#include <string>

using namespace mantis;

TEST_CASE("operations come back as they were written") {
    const std::string large(100'000, 'v');
    bytes payload;
    append_operation(payload, {operation_kind::create_table, {1}, "accounts", "btree"});
    append_operation(payload, {operation_kind::put, {1}, "", large});
    append_operation(payload, {operation_kind::erase, {300}, "key", {}});
    append_operation(payload, {operation_kind::drop_table, {1}, {}, {}});
    operation_reader reader{payload};
    operation op;
    REQUIRE(reader.next(op).value());
    CHECK(op.kind == operation_kind::create_table);
    CHECK(op.key == bytes_view{"accounts"});
    CHECK(op.value == bytes_view{"btree"});
    REQUIRE(reader.next(op).value());
    CHECK(op.kind == operation_kind::put);
    CHECK(op.key.empty());
    CHECK(op.value == bytes_view{large});
    REQUIRE(reader.next(op).value());
    CHECK(op.kind == operation_kind::erase);
    CHECK(op.table == table_id{300});
    CHECK(op.key == bytes_view{"key"});
    REQUIRE(reader.next(op).value());
    CHECK(op.kind == operation_kind::drop_table);
    CHECK_FALSE(reader.next(op).value());
}

TEST_CASE("operations cut anywhere are an error that names the place, never a crash") {
    bytes payload;
    append_operation(payload, {operation_kind::put, {1}, "key", "value"});
    append_operation(payload, {operation_kind::erase, {1}, "other", {}});
    const std::size_t second = 12;
    for (std::size_t size = 1; size < payload.size(); ++size) {
        operation_reader reader{payload.view().first(size)};
        operation op;
        bool failed = false;
        while (true) {
            const auto more = reader.next(op);
            if (!more) {
                failed = true;
                CHECK(more.error().code() == error_code::corrupt);
                REQUIRE(more.error().number("payload_offset"));
                CHECK(*more.error().number("payload_offset") == (size < second ? 0 : second));
                break;
            }
            if (!*more) break;
        }
        CHECK(failed == (size != second));
    }
    bytes unknown;
    unknown.push_back(std::byte{9});
    operation op;
    CHECK_FALSE(operation_reader{unknown}.next(op));
}
