// SPDX-License-Identifier: BSL-1.0
// expect: mantis: typed_table<Key>: its keys take more than max_key_bytes
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

int main() {
    auto db = mantis::store<>::open("db").value();
    using key = std::array<std::uint64_t, 100>;
    auto table = mantis::typed_table<key, int>::open(db, "t").value();
    auto tx = db.begin();
    table.put(tx, key{}, 1);
}
