// SPDX-License-Identifier: BSL-1.0
//
// The second of two translation units with every header in them.
#include "all_headers.hpp"

#include "seen.hpp"

seen_by_a_unit seen_by_the_second() { return look(); }
