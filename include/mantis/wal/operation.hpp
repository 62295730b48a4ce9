// SPDX-License-Identifier: BSL-1.0
//
// What a transaction does, as the log keeps it: a run of operations, the payload of part and commit
// records.
//
//   put           01  table  key bytes  key  value bytes  value
//   erase         02  table  key bytes  key
//   create_table  03  table  name bytes  name  index bytes  index name
//   drop_table    04  table
//   stamp         05  nanoseconds
//
// The first byte is the kind; table ids, lengths and times are varints. Operations are logical and
// set whole values, so applying a log twice gives what applying it once gives.
//
// A stamp is the wall clock when the transaction committed, the last operation of its commit
// record; it changes nothing and is for going back to a point in time. Records without one are
// read, too.
#pragma once

#include "../core/byte_reader.hpp"
#include "../core/ids.hpp"
#include "../core/result.hpp"
#include "../core/units.hpp"
#include "../core/varint.hpp"

namespace mantis {

enum class operation_kind : std::uint8_t {
    put = 1,
    erase = 2,
    create_table = 3,
    drop_table = 4,
    stamp = 5,
};

struct operation {
    operation_kind kind = operation_kind::put;
    table_id table;
    bytes_view key;         // of a put or erase; the name of a table to create
    bytes_view value;       // of a put; the index of a table to create
    nanoseconds time = {};  // of a stamp, since 1970
};

// Bytes that a stamp takes at most.
inline constexpr std::size_t max_stamp_bytes = 11;

inline void append_operation(bytes& to, const operation& op) {
    std::byte front[1 + 2 * max_varint_bytes] = {static_cast<std::byte>(op.kind)};
    if (op.kind == operation_kind::stamp) {
        to.append({front, 1 + store_varint(front + 1, static_cast<std::uint64_t>(op.time.count))});
        return;
    }
    std::size_t size = 1 + store_varint(front + 1, op.table.value);
    if (op.kind == operation_kind::drop_table) return to.append({front, size});
    size += store_varint(front + size, op.key.size());
    std::byte middle[max_varint_bytes];
    const bool has_value = op.kind != operation_kind::erase;
    const std::size_t more = has_value ? store_varint(middle, op.value.size()) : 0;
    const bytes_view value = has_value ? op.value : bytes_view{};
    std::byte* at = to.extend(size + op.key.size() + more + value.size());
    const auto put = [&at](const std::byte* from, std::size_t count) {
        if (count != 0) std::memcpy(at, from, count);
        at += count;
    };
    put(front, size);
    put(op.key.data(), op.key.size());
    put(middle, more);
    put(value.data(), value.size());
}

[[nodiscard]] constexpr const char* name_of(operation_kind kind) noexcept {
    switch (kind) {
        case operation_kind::put: return "put";
        case operation_kind::erase: return "erase";
        case operation_kind::create_table: return "create_table";
        case operation_kind::drop_table: return "drop_table";
        case operation_kind::stamp: return "stamp";
    }
    return "unknown";
}

// Walks the operations of one record's payload.
class operation_reader {
public:
    explicit operation_reader(bytes_view payload) noexcept : rest_{payload} {}

    //   Returns     true and the next operation, pointing into the payload; false after the last
    //   Errors      corrupt: the payload's checksum fits, but these are not operations
    result<bool> next(operation& op) {
        if (rest_.empty()) return false;
        const std::size_t at = rest_.position();
        if (read(op)) return true;
        return error{error_code::corrupt, "reading the operations of a log record"}.with(
            "payload_offset", at);
    }

private:
    bool read(operation& op) noexcept {
        std::uint8_t kind = 0;
        if (!rest_.read_u8(kind) || kind < 1 || kind > 5) return false;
        op = {static_cast<operation_kind>(kind), {}, {}, {}, {}};
        if (op.kind == operation_kind::stamp) return read_time(op.time);
        if (!rest_.read_varint(op.table.value)) return false;
        if (op.kind == operation_kind::drop_table) return true;
        if (!rest_.read_sized(op.key)) return false;
        return op.kind == operation_kind::erase || rest_.read_sized(op.value);
    }

    bool read_time(nanoseconds& time) noexcept {
        std::uint64_t count = 0;
        if (!rest_.read_varint(count) || count > static_cast<std::uint64_t>(INT64_MAX))
            return false;
        time = {static_cast<std::int64_t>(count)};
        return true;
    }

    byte_reader rest_;
};

}  // namespace mantis
