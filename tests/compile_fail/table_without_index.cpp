// SPDX-License-Identifier: BSL-1.0
// expect: mantis: store::table<Index>: this store's with::indexes lacks the Index
#include <mantis/store/store.hpp>

struct hash {
    static constexpr const char* name = "hash";
};
struct app : mantis::policies<> {};

int main() {
    auto db = mantis::store<app>::open("db");
    return db && db->table<hash>("t").has_value();
}
