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
    append_operation(payload, {operation_kind::stamp, {}, {}, {}, {1'790'000'000'000'000'000}});
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
    REQUIRE(reader.next(op).value());
    CHECK(op.kind == operation_kind::stamp);
    CHECK(op.time == nanoseconds{1'790'000'000'000'000'000});
    CHECK(op.table == table_id{});
    CHECK(op.key.empty());
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

TEST_CASE("a stamp is its kind and a varint; a time beyond what can be counted is refused") {
    bytes payload;
    append_operation(payload, {operation_kind::stamp, {}, {}, {}, {300}});
    const unsigned char expected[] = {5, 0xac, 2};
    CHECK(payload.view() == bytes_view{expected, sizeof expected});
    payload.clear();
    append_operation(payload, {operation_kind::stamp, {}, {}, {}, {INT64_MAX}});
    CHECK(payload.size() <= max_stamp_bytes);
    operation op;
    CHECK(operation_reader{payload}.next(op).value());
    payload.clear();
    payload.push_back(std::byte{5});
    append_varint(payload, std::uint64_t{1} << 63);
    CHECK_FALSE(operation_reader{payload}.next(op));
}
