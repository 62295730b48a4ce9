// SPDX-License-Identifier: BSL-1.0
// expect: mantis: typed_table<Key, Value>: a row is read into a Key{} and a Value{}
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

struct order {
    explicit order(int number) : number_{number} {}
    int number_;
    using stored = mantis::members<&order::number_>;
};

int main() {
    auto db = mantis::store<>::open("db").value();
    auto orders = mantis::typed_table<int, order>::open(db, "orders").value();
    auto tx = db.begin();
    orders.put(tx, 1, order{1});
}
