// SPDX-License-Identifier: BSL-1.0
//
// The ten BSON types that mantis stores, and how many bytes a value of each takes.
//
// An element of a document is: type (1 byte), name (UTF-8, ended by a zero byte), payload. The
// payload by type:
//
//   float64    01   8 bytes                          boolean    08   one byte, 0 or 1
//   text       02   int32 n, n-1 bytes, zero byte    date_time  09   int64 milliseconds since 1970
//   document   03   int32 n (all of it), elements, 0 null       0a   nothing
//   array      04   a document named "0", "1", ...   int32      10   4 bytes
//   binary     05   int32 n, subtype, n bytes        int64      12   8 bytes
//
// Numbers are little-endian, integers signed.
//
// Every other type is refused where bytes come in (bson_validate.hpp).
//
//   Source      bsonspec.org, version 1.1
#pragma once

#include "../core/bytes.hpp"
#include "../core/endian.hpp"

namespace mantis {

enum class bson_type : std::uint8_t {
    missing = 0x00,  // not a stored type: what looking up an absent field gives
    float64 = 0x01,
    text = 0x02,
    document = 0x03,
    array = 0x04,
    binary = 0x05,
    boolean = 0x08,
    date_time = 0x09,
    null = 0x0a,
    int32 = 0x10,
    int64 = 0x12,
};

// How deep documents and arrays may nest, the outermost document counted: bounds every recursion
// over a document.
inline constexpr std::size_t max_document_depth = 100;

// The largest document a collection takes and a JSON reader makes by default.
inline constexpr std::size_t max_document_bytes = 48 * 1024 * 1024;

// The smallest document: its length and the zero byte.
inline constexpr std::size_t empty_document_bytes = 5;

[[nodiscard]] constexpr bool stored_type(std::uint8_t code) noexcept {
    switch (static_cast<bson_type>(code)) {
        case bson_type::float64:
        case bson_type::text:
        case bson_type::document:
        case bson_type::array:
        case bson_type::binary:
        case bson_type::boolean:
        case bson_type::date_time:
        case bson_type::null:
        case bson_type::int32:
        case bson_type::int64: return true;
        case bson_type::missing: return false;
    }
    return false;
}

[[nodiscard]] constexpr const char* name_of(bson_type type) noexcept {
    switch (type) {
        case bson_type::missing: return "missing";
        case bson_type::float64: return "double";
        case bson_type::text: return "string";
        case bson_type::document: return "document";
        case bson_type::array: return "array";
        case bson_type::binary: return "binary";
        case bson_type::boolean: return "bool";
        case bson_type::date_time: return "date";
        case bson_type::null: return "null";
        case bson_type::int32: return "int32";
        case bson_type::int64: return "int64";
    }
    return "unknown";
}

namespace detail {

// The payload length of a `type` whose payload starts at the beginning of `from`.
//   Returns     false when the type is unknown or the payload does not fit into `from`; `size` is
//               then unchanged
[[nodiscard]] inline bool payload_size(bson_type type, bytes_view from,
                                       std::size_t& size) noexcept {
    std::size_t fixed = 0;
    std::size_t shortest = 0;
    std::size_t around = 0;  // bytes of the payload that its own length does not count
    switch (type) {
        case bson_type::null: fixed = 0; break;
        case bson_type::boolean: fixed = 1; break;
        case bson_type::int32: fixed = 4; break;
        case bson_type::float64:
        case bson_type::date_time:
        case bson_type::int64: fixed = 8; break;
        case bson_type::text: shortest = 1, around = 4; break;
        case bson_type::binary: shortest = 0, around = 5; break;
        case bson_type::document:
        case bson_type::array: shortest = empty_document_bytes; break;
        case bson_type::missing:
        default: return false;
    }
    if (around == 0 && shortest == 0) {
        if (from.size() < fixed) return false;
        size = fixed;
        return true;
    }
    if (from.size() < 4) return false;
    const std::size_t length = load_le<std::uint32_t>(from.data());
    if (length > 0x7fff'ffff || length < shortest || length + around > from.size()) return false;
    size = length + around;
    return true;
}

}  // namespace detail

}  // namespace mantis
