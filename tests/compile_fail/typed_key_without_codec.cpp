// SPDX-License-Identifier: BSL-1.0
// expect: mantis: typed_table<Key, Value, KeyCodec>: KeyCodec is not a key codec of Key
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

#include <string_view>

// A view would point into bytes that are gone.
using table = mantis::typed_table<std::string_view, int>;

int main() {
    auto db = mantis::store<>::open("db").value();
    auto names = table::open(db, "names").value();
    auto tx = db.begin();
    names.put(tx, "alice", 1);
    return names.get(tx, "alice").has_value();
}
