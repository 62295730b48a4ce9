// SPDX-License-Identifier: BSL-1.0
// expect: mantis: with::indexes<T...>: two of them are in pages (docs/policies.md#indexes)
#include <mantis/store/paged_btree.hpp>
#include <mantis/store/store.hpp>

struct app
    : mantis::policies<mantis::with::indexes<mantis::paged_btree<512>, mantis::paged_btree<>>> {};

int main() { return mantis::store<app>::open("db").has_value(); }
