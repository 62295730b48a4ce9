// SPDX-License-Identifier: BSL-1.0
//
// What to find, and what finding it answered.
#pragma once

#include "../core/units.hpp"
#include "query_plan.hpp"
#include "sort.hpp"

namespace mantis {

struct query {
    static constexpr std::uint64_t no_limit = ~std::uint64_t{0};

    mantis::filter filter = {};      // default: every document
    sort_order sort = {};            // default: by _id
    std::uint64_t limit = no_limit;  // how many documents at most
    std::uint64_t offset = 0;        // how many of the first to leave out
    // What a sort without a limit, or with a large one, may hold; beyond it find is out_of_memory.
    std::size_t sort_memory_bytes = 256 * MiB;
};

// How a query was carried out.
struct query_summary {
    access_path path = access_path::full_scan;
    std::uint64_t examined = 0;  // documents read
    std::uint64_t returned = 0;
    bool sorted = false;  // in memory, because the order of _id was not the one wanted
};

struct find_result {
    std::vector<bytes> documents;  // BSON; bson_view{documents[i]}
    query_summary how;
};

struct update_summary {
    std::uint64_t matched = 0;
    std::uint64_t modified = 0;
    access_path path = access_path::full_scan;
    std::uint64_t examined = 0;
};

struct erase_summary {
    std::uint64_t erased = 0;
    access_path path = access_path::full_scan;
    std::uint64_t examined = 0;
};

}  // namespace mantis
