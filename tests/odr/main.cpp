// SPDX-License-Identifier: BSL-1.0
//
// Two translation units that include every header link into one program and mean the same things by
// the same names: no header defines a function that is not inline, and none keeps a private copy of
// what should be one.
#include "seen.hpp"

#include <cstdio>

int main() {
    const seen_by_a_unit a = seen_by_the_first();
    const seen_by_a_unit b = seen_by_the_second();
    const bool same = a.code_name == b.code_name && a.class_name == b.class_name &&
                      a.kibibyte == b.kibibyte && a.error_bytes == b.error_bytes;
    std::puts(same ? "both units see one mantis" : "the two units see different things");
    return same ? 0 : 1;
}
