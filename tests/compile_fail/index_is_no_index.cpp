// SPDX-License-Identifier: BSL-1.0
// expect: mantis: with::indexes<T...>: a T is not an index_policy (docs/policies.md#indexes)
#include <mantis/store/store.hpp>

struct hash_index {
    static constexpr const char* name = "hash";
};
struct app : mantis::policies<mantis::with::indexes<mantis::btree<>, hash_index>> {};

int main() { return mantis::store<app>::open("db").has_value(); }
