// SPDX-License-Identifier: BSL-1.0
// expect: mantis: with::checksum<T>: T is not a checksum_policy (docs/policies.md#checksum)
#include <mantis/store/store.hpp>

struct app : mantis::policies<mantis::with::checksum<int>> {};

int main() { return mantis::store<app>::open("db").has_value(); }
