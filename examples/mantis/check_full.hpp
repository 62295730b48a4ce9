// SPDX-License-Identifier: BSL-1.0
//
// check --full: every byte of a database that means something, and how all of it hangs together.
//
//   superblocks   both files
//   log           every record, from the oldest that is there; redone in thought since the
//                 checkpoint: tables that are made and dropped, documents that are put
//   image         every block; rows in order, documents
//   manifest      every group; the headers of data segments
//   pages         every image that is in use, the trees, the extents, the number of rows, documents
// No store is opened, so it works with what no store opens; and the memory is that of the page map,
// a bit for each page, and what was found.
#pragma once

#include "exit_code.hpp"

#include <string_view>

namespace tool {

//   Effects     prints what was looked at and what was found, one JSON object
//   Returns     done, damaged, failed (what cannot be read), and as opening files ends
[[nodiscard]] exit_code check_full(std::string_view path);

}  // namespace tool
