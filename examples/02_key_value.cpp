// SPDX-License-Identifier: BSL-1.0
// A key-value store: two tables, one transaction over both, and what is left after a restart.
//
//   build/examples/02_key_value [directory]
#include <mantis/store/store.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
    const char* const path = argc > 1 ? argv[1] : "ledger.db";
    {
        auto db = mantis::store<>::open(path)
                      .value();  // value() prints the error and stops, if there is one
        auto accounts = db.table("accounts").value();
        auto events = db.table("events").value();

        auto tx = db.begin();
        const auto balance = tx.get(accounts, "alice").value();
        const int left = (balance ? std::stoi(balance->as<std::string>()) : 100) - 10;
        tx.put(accounts, "alice", std::to_string(left));
        tx.put(events, "2026-01-01/1", "alice -10");
        const auto done = tx.commit();  // both or neither; an answer means it survives power loss
        if (!done) {
            std::printf("not committed: %s\n", done.error().message().as<std::string>().c_str());
            return 1;
        }
    }

    auto db = mantis::store<>::open(path).value();
    auto tx = db.begin(mantis::isolation::read_committed);
    auto rows = tx.scan(db.table("accounts").value(), {"a", "b"});
    while (rows.next().value())
        std::printf("%s has %s\n", rows.key().as<std::string>().c_str(),
                    rows.value().as<std::string>().c_str());
}
