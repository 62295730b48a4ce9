// SPDX-License-Identifier: BSL-1.0
//
// log verify: one of the two things that the command `log` does.
#pragma once

#include "arguments.hpp"
#include "exit_code.hpp"

#include <mantis/core/ids.hpp>
#include <mantis/platform/posix.hpp>

namespace tool {

//   Returns     the position that --from names; {}: where a log begins, for the option is not given
//   Errors      invalid_argument: it is no position
[[nodiscard]] mantis::result<mantis::lsn> asked_begin(const arguments& given,
                                                      mantis::posix::directory& directory);

//   Effects     says why asked_begin() failed
[[nodiscard]] exit_code complain_of_begin(const mantis::error& why);

//   Effects     prints the diagnosis of the log, one JSON object
//   Returns     done also for a torn tail; damaged; failed for files of another build
[[nodiscard]] exit_code log_verify(const arguments& given);

}  // namespace tool
