// SPDX-License-Identifier: BSL-1.0
//
// What somebody else's program does with an installed mantis: keeps a value in a store, and finds
// it after a restart.
//
//   consumer DIRECTORY
#include <mantis/store/store.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    {
        auto db = mantis::store<>::open(argv[1]).value();
        auto words = db.table("words").value();
        auto tx = db.begin();
        tx.put(words, "mantis", "a patient hunter");
        if (!tx.commit()) return 1;
    }
    auto db = mantis::store<>::open(argv[1]).value();
    const auto found = db.get(db.table("words").value(), "mantis").value();
    if (!found || found->view() != "a patient hunter") return 1;
    std::printf("mantis %d is %s\n", MANTIS_VERSION, found->as<std::string>().c_str());
    return 0;
}
