// SPDX-License-Identifier: BSL-1.0
// expect: mantis: typed_table::scan_prefix(): it takes the first fields of the key
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

int main() {
    auto db = mantis::store<>::open("db").value();
    using key = std::pair<std::uint64_t, std::uint64_t>;
    auto table = mantis::typed_table<key, int>::open(db, "t").value();
    auto tx = db.begin();
    // An int, where the field is a std::uint64_t.
    for (auto row : table.scan_prefix(tx, -1))
        if (!row) return 1;
}
