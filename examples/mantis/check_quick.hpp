// SPDX-License-Identifier: BSL-1.0
//
// check --quick: a look at the structure of a database, in a time that does not go by its size.
#pragma once

#include "exit_code.hpp"

#include <string_view>

namespace tool {

//   Effects     prints what was looked at and what was not, one JSON object
//   Returns     done, damaged, and as opening files ends
[[nodiscard]] exit_code check_quick(std::string_view path);

}  // namespace tool
