// SPDX-License-Identifier: BSL-1.0
// expect: mantis: policies<...>: every argument must be a with::... option (docs/policies.md)
#include <mantis/store/store.hpp>

struct app : mantis::policies<mantis::xxh3> {};

int main() { return mantis::store<app>::open("db").has_value(); }
