// SPDX-License-Identifier: BSL-1.0
// expect: mantis: typed_table<Key, Value, KeyCodec>: KeyCodec is not a key codec of Key
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

int main() {
    auto db = mantis::store<>::open("db").value();
    auto table = mantis::typed_table<int, int, mantis::value_codec<int>>::open(db, "t").value();
    auto tx = db.begin();
    table.put(tx, 1, 2);
    for (auto row : table.scan(tx, 1, 2))
        if (!row) return 1;
}
