// SPDX-License-Identifier: BSL-1.0
//
// Where the rows of a commit were found, so that they are put there without being looked for again
// (index/index_storage.hpp).
//
// Threads: like an int.
#pragma once

#include "../../core/bytes.hpp"
#include "../../core/ids.hpp"

namespace mantis::detail {

// One that was read.
template <class Table>
struct row_place {
    table_id table;
    bytes_view key;
    typename Table::place_type at;
};

// Those of the first few rows of a write set.
template <class Table>
class row_places {
public:
    using place_type = typename Table::place_type;

    //   Returns     for those beyond the first, one that is nowhere
    [[nodiscard]] place_type& of(std::size_t number) noexcept {
        if (number < most) return places_[number];
        return places_[most] = {};
    }

private:
    static constexpr std::size_t most = 4;
    place_type places_[most + 1] = {};
};

}  // namespace mantis::detail
