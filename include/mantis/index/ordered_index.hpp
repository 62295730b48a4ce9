// SPDX-License-Identifier: BSL-1.0
//
// The ordered index: where a table keeps its entries, sorted by key.
//
// What a type I must offer to be one; `key`, `value` and `from` are bytes_view, `version` is an
// lsn:
//
//   expression                      returns         meaning
//   index.put(key, value, version)  result<void>    the entry of `key` is now `value`, written at
//                                                   `version`; copies both; replaces what was
//                                                   there, whatever its version
//   index.erase(key)                result<bool>    removes the entry; false when there was none
//   index.find(key, f)              result<bool>    calls f(value, version) once when there is an
//                                                   entry, and says so
//   index.scan(from, f)             result<void>    calls f(key, value, version) for each entry
//                                                   with a key >= from, ascending, until f returns
//                                                   false
//   index.count()                   std::size_t     entries
//   index.memory_bytes()            std::size_t     memory held for entries and structure
//   index.verify()                  result<void>    `corrupt` when an invariant of the structure
//                                                   does not hold
//
// find, scan, count, memory_bytes and verify work on a const index. All may be called by any number
// of threads at once, but verify(), beside which there may be no writer. A find sees the index as
// it was at one moment; a scan sees each entry that is there throughout, as it was at some moment,
// and may or may not see those that come or go meanwhile. What f is given is valid until f returns;
// f must not call the index, and should be short, for writers may be waiting for it.
//
// What it may offer besides, for scans in batches (row_batch.hpp); else a table makes it of scan():
//
//   typename I::walk_type                        type          how far a scan has come;
//                                                              default-constructible
//   index.read_rows(walk, from, to, limit, rows) result<bool>  copies entries with from <= key < to
//                                                              behind the rows that there are until
//                                                              the batch holds `limit` bytes; an
//                                                              empty `to` has no end. Says whether
//                                                              the range has ended before. As long
//                                                              as it says no, `from` is the least
//                                                              key behind the last row
//
// For who plans a query, or looks where space goes:
//
//   index.estimate(from, to)        result<std::uint64_t>  about how many entries there are with
//                                                   from <= key < to; an empty `to` has no
//                                                   end. Else a table counts them
//   index.shape()                   result<index_shape>    index_shape.hpp; else a table knows its
//                                                   entries and memory
//
// An index in memory succeeds always; one over pages may fail, with io, corrupt, no_space or
// out_of_memory. A put or erase that failed has left the entry as it was or made it what it was to
// be, and every other entry as it was. A find or scan that failed may have called f: what f was
// given was an entry, but not all of them. After an error the index still takes every call.
//
// An index policy P names a family of them for the store's `with::indexes`:
//
//   P::name                         const char*     as it is called in the table list
//   P::format_id                    std::uint32_t   written with each table; 1 is the B+tree; below
//                                                   1000 mantis's
//   P::template index<Platform>     type            an ordered_index; default-constructible, unless
//                                                   a storage makes it (index/index_storage.hpp)
#pragma once

#include "../core/ids.hpp"
#include "../core/result.hpp"

namespace mantis {

namespace detail {

// The least callables that find and scan must take.
struct found_probe {
    void operator()(bytes_view, lsn) const {}
};
struct scan_probe {
    bool operator()(bytes_view, bytes_view, lsn) const { return false; }
};

}  // namespace detail

template <class I>
concept ordered_index = requires(I& index, const I& reading, bytes_view view, lsn version,
                                 detail::found_probe found, detail::scan_probe each) {
    { index.put(view, view, version) } -> std::same_as<result<void>>;
    { index.erase(view) } -> std::same_as<result<bool>>;
    { reading.find(view, found) } -> std::same_as<result<bool>>;
    { reading.scan(view, each) } -> std::same_as<result<void>>;
    { reading.count() } -> std::same_as<std::size_t>;
    { reading.memory_bytes() } -> std::same_as<std::size_t>;
    { reading.verify() } -> std::same_as<result<void>>;
};

template <class P, class Platform>
concept index_policy = requires {
    { P::name } -> std::convertible_to<const char*>;
    { P::format_id } -> std::convertible_to<std::uint32_t>;
    requires ordered_index<typename P::template index<Platform>>;
    requires std::is_default_constructible_v<typename P::template index<Platform>> ||
        std::same_as < typename P::template index<Platform>,
    typename P::template storage<Platform>::index_type > ;
};

}  // namespace mantis
