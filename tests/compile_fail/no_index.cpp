// SPDX-License-Identifier: BSL-1.0
// expect: mantis: with::indexes<T...>: a T is not an index_policy (docs/policies.md#indexes)
#include <mantis/store/store.hpp>

struct app : mantis::policies<mantis::with::indexes<>> {};

int main() { return mantis::store<app>::open("db").has_value(); }
