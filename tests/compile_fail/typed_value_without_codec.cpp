// SPDX-License-Identifier: BSL-1.0
// expect: KeyCodec, ValueCodec>: ValueCodec is not a codec of Value
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

// Does not say which of its members are stored.
struct order {
    int number = 0;
    double price = 0;
};

int main() {
    auto db = mantis::store<>::open("db").value();
    auto orders = mantis::typed_table<int, order>::open(db, "orders").value();
    auto tx = db.begin();
    orders.put(tx, 1, {1, 2.5});
    return orders.get(tx, 1).has_value();
}
