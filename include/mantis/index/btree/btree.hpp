// SPDX-License-Identifier: BSL-1.0
//
// The B+tree index: a byte_map under one reader-writer latch. The default index of a table.
//
//   mantis::btree<>::index<mantis::posix> index;      // alone
//   with::indexes<mantis::btree<>>                    // in a store's policies
//
// Readers run side by side; a writer has the tree to itself for one put or erase. A scan holds the
// latch for as long as it runs, so a caller with much to read takes it in pieces. It lies in
// memory: put, erase, find and scan never fail.
#pragma once

#include "../../sync/rwlock.hpp"
#include "../ordered_index.hpp"
#include "byte_map.hpp"
#include "verify.hpp"

namespace mantis {

template <class Platform, class Config = btree_config>
class basic_btree {
public:
    basic_btree() = default;
    basic_btree(const basic_btree&) = delete;
    basic_btree& operator=(const basic_btree&) = delete;

    // The entry of `key` is now `value`, written at `version`, whatever was there; copies both.
    //   Requires    key and value below 4 GiB each
    //   Threads     any number
    result<void> put(bytes_view key, bytes_view value, lsn version) {
        const exclusive_guard alone{latch_};
        map_.put(key, value, version);
        return success();
    }

    //   Returns     false when there was no such entry
    //   Threads     any number
    result<bool> erase(bytes_view key) {
        const exclusive_guard alone{latch_};
        return map_.erase(key);
    }

    // Calls f(value, version) when there is an entry; the value is valid until f returns.
    //   Requires    f does not call this index
    //   Returns     whether there was one
    //   Threads     any number
    template <class F>
    result<bool> find(bytes_view key, F f) const {
        const shared_guard together{latch_};
        return map_.find(key, std::move(f));
    }

    // Calls f(key, value, version) for each entry with a key >= from, ascending, until f returns
    // false.
    //   Requires    f does not call this index
    //   Threads     any number; writers wait until the scan ends
    template <class F>
    result<void> scan(bytes_view from, F f) const {
        const shared_guard together{latch_};
        map_.scan(from, std::move(f));
        return success();
    }

    [[nodiscard]] std::size_t count() const {
        const shared_guard together{latch_};
        return map_.count();
    }
    //   Returns     memory held by entries, nodes and separators, as the system's allocator rounds
    //               them
    [[nodiscard]] std::size_t memory_bytes() const {
        const shared_guard together{latch_};
        return map_.memory_bytes();
    }
    // How many entries there are with from <= key < to; an empty `to` has no end.
    //   Complexity  of the leaves between; writers wait meanwhile
    [[nodiscard]] result<std::uint64_t> estimate(bytes_view from, bytes_view to) const {
        if (!to.empty() && to <= from) return std::uint64_t{0};
        const shared_guard together{latch_};
        return std::uint64_t{map_.count_between(from, to)};
    }
    //   Errors      corrupt, with the first invariant of byte_map.hpp that does not hold as its
    //               subject
    [[nodiscard]] result<void> verify() const {
        const shared_guard together{latch_};
        return mantis::verify(map_);
    }

private:
    mutable rwlock<Platform> latch_;
    byte_map<Config> map_;
};

// The policy for with::indexes.
template <class Config = btree_config>
struct btree {
    static constexpr const char* name = "btree";
    static constexpr std::uint32_t format_id = 1;

    template <class Platform>
    using index = basic_btree<Platform, Config>;
};

}  // namespace mantis
