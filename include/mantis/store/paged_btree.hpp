// SPDX-License-Identifier: BSL-1.0
//
// The index policy for tables that may be larger than memory: a B+tree in pages.
//
//   struct archive : mantis::policies<mantis::with::indexes<mantis::paged_btree<>>> {};
//
// All tables of it share one buffer pool of store_options::page_memory_bytes. A checkpoint writes
// the pages that have changed, not all rows, and an opening reads none: it takes as long as the log
// since then. The size of a page stays for the life of the database.
#pragma once

#include "detail/paged_storage.hpp"

#include "../core/xxh3.hpp"

namespace mantis {

template <std::size_t PageBytes = 4 * KiB, checksum_policy Checksum = xxh3>
struct paged_btree {
    static constexpr const char* name = "paged_btree";
    static constexpr std::uint32_t format_id = 2;
    template <class Platform>
    using storage = detail::paged_storage<Platform, Checksum, PageBytes>;
    template <class Platform>
    using index = typename storage<Platform>::index_type;
};

}  // namespace mantis
