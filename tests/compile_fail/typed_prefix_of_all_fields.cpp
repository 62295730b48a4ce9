// SPDX-License-Identifier: BSL-1.0
// expect: mantis: typed_table::scan_prefix(): it takes the first fields of the key
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

int main() {
    auto db = mantis::store<>::open("db").value();
    auto table = mantis::typed_table<std::pair<int, int>, int>::open(db, "t").value();
    auto tx = db.begin();
    for (auto row : table.scan_prefix(tx, 1, 2))
        if (!row) return 1;
}
