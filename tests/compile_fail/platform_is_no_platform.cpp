// SPDX-License-Identifier: BSL-1.0
// expect: mantis: with::platform<T>: T is not a platform (docs/policies.md#platform)
#include <mantis/store/store.hpp>

struct not_a_platform {};
struct app : mantis::policies<mantis::with::platform<not_a_platform>> {};

int main() { return mantis::store<app>::open("db").has_value(); }
