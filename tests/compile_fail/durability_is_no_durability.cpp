// SPDX-License-Identifier: BSL-1.0
// expect: mantis: with::durability<T>: T is not a durability_policy (docs/policies.md#durability)
#include <mantis/store/store.hpp>

struct app : mantis::policies<mantis::with::durability<mantis::crc32c>> {};

int main() { return mantis::store<app>::open("db").has_value(); }
