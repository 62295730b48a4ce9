// SPDX-License-Identifier: BSL-1.0
// Your own class in a world that loses power: two threads move money, and afterwards one counts it.
//
// A seed decides everything: who runs when, at which I/O the power fails, what of the unsynced data
// is on the disk afterwards. The seed that finds a mistake finds it again: docs/simulation.md.
//
//   build/examples/06_simulation
#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <cstdio>
#include <string>
#include <vector>

using namespace mantis;

// The one change that a program needs: its store lives on the simulated platform.
struct in_simulation : policies<with::platform<simulated>> {};
using ledger = store<in_simulation>;

// The class under test. One transaction moves the money ...
struct bank {
    ledger db;
    ledger::table_handle accounts;

    explicit bank(ledger opened) : db{std::move(opened)}, accounts{db.table("accounts").value()} {}

    bool transfer(int sum) {
        auto tx = db.begin();
        return add(tx, "alice", -sum) && add(tx, "bob", sum) && tx.commit();
    }
    bool add(ledger::transaction_type& tx, const char* who, int sum) {
        const auto had = tx.get(accounts, who);
        if (!had) return false;
        const int before = *had ? std::stoi((*had)->as<std::string>()) : 0;
        tx.put(accounts, who, std::to_string(before + sum));
        return true;
    }
    int balance(const char* who) {
        const auto found = db.get(accounts, who).value();
        return found ? std::stoi(found->as<std::string>()) : 0;
    }
};
// ... and here it takes two, which is wrong: the power may fail between them, and the second may be
// refused.
struct careless_bank : bank {
    using bank::bank;

    bool transfer(int sum) {
        auto debit = db.begin();
        if (!add(debit, "alice", -sum) || !debit.commit()) return false;
        auto credit = db.begin();
        return add(credit, "bob", sum) && credit.commit();
    }
};

template <class Bank>
static bool keeps_all_money(std::uint64_t seed) {
    int total = 0;
    simulation world{seed};
    world.run([&] {
        const auto open = [&] { return Bank{ledger::open("bank", {}, world.platform()).value()}; };
        {
            auto before = open();
            world.crash_at_io(1 + seed % 20);  // from now on; every I/O after it fails, too
            std::vector<simulated::thread> clerks;
            for (int clerk = 1; clerk <= 2; ++clerk)
                clerks.emplace_back([&, clerk] {
                    for (int n = 0; n < 5; ++n) (void)before.transfer(clerk);
                });
            for (auto& clerk : clerks) clerk.join();
        }
        world.restart(crash_mode::random_subset);  // what was synced is there, and some of the rest
        auto after = open();
        total = after.balance("alice") + after.balance("bob");  // what one lost the other has
    });
    return total == 0;
}

template <class Bank>
static int losses(const char* what) {
    int lost = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        if (keeps_all_money<Bank>(seed)) continue;
        if (lost++ == 0)
            std::printf("%s: money is gone in the world of seed %d\n", what, int(seed));
    }
    std::printf("%s: in %d of 100 worlds\n", what, lost);
    return lost;
}

int main() {
    const bool careless_is_caught = losses<careless_bank>("two transactions") > 0;
    return losses<bank>("one transaction") == 0 && careless_is_caught ? 0 : 1;
}
