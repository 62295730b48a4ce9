// SPDX-License-Identifier: BSL-1.0
// Typed rows: keys and values of a program's own types, ranges over the leading fields of a key,
// and what is answered for bytes that are no such row.
//
//   build/examples/09_typed_table [directory]
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

#include <cstdio>
#include <string>

enum class state : std::uint8_t { open, paid };

struct order {
    std::string item;
    double price = 0;
    state now = state::open;
    // What is stored, in this order.
    using stored = mantis::members<&order::item, &order::price, &order::now>;
};
// Orders sort by customer, then by number, however negative that is.
using order_key = std::pair<std::string, std::int32_t>;

int main(int argc, char** argv) {
    auto db = mantis::store<>::open(argc > 1 ? argv[1] : "orders.db").value();
    const auto orders = mantis::typed_table<order_key, order>::open(db, "orders").value();

    auto tx = db.begin();
    orders.put(tx, {"alice", -1}, {"tea", 4.5});
    orders.put(tx, {"alice", 17}, {"milk", 1.25, state::paid});
    orders.put(tx, {"alice b.", 2}, {"bread", 3.0});
    orders.put(tx, {"bob", 300}, {"cake", 12.0});
    if (const auto done = tx.commit(); !done) {
        std::printf("not committed: %s\n", done.error().message().as<std::string>().c_str());
        return 1;
    }

    const auto found = orders.get(db, {"alice", 17}).value();
    std::printf("alice's 17th is %s\n", found ? found->item.c_str() : "not there");

    auto reading = db.begin(mantis::isolation::read_committed);
    double sum = 0;
    for (auto row : orders.scan_prefix(reading, "alice")) {
        if (!row) return 1;  // a result, for a row that cannot be read
        const auto& [key, value] = *row;
        std::printf("  %s %d: %s\n", key.first.c_str(), key.second, value.item.c_str());
        sum += value.price;
    }
    std::printf("alice's orders come to %.2f\n", sum);

    // The table is one of bytes, and whoever uses it as such may write anything. That is no order,
    // and is never read as one.
    auto careless = db.begin();
    careless.put(orders.handle(), mantis::bytes_view{"eve\0\0\x80\0\0\1", 9}, "\x07not it");
    const auto no_order = orders.get(careless, {"eve", 1});
    if (no_order) return 1;
    std::printf("%s\n", no_order.error().message().as<std::string>().c_str());
    if (sum != 5.75) return 1;
}
