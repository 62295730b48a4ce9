// SPDX-License-Identifier: BSL-1.0
//
// The version of an entry is the position of the commit that wrote it, before a crash and after:
// the positions ascend with the commits, and who reads an entry is told that of its commit.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <map>
#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<simulated>> {};

struct dice {
    std::uint64_t state;
    std::uint64_t operator()(std::uint64_t below) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % below;
    }
};

// A commit without writes stands at the newest commit that it was told of.
lsn version_of(store<app>& db, const std::string& key) {
    const auto table = db.find_table("t").value();
    auto tx = db.begin();
    REQUIRE(tx.get(table, key).value().has_value());
    return tx.commit().value().position;
}

class life {
public:
    explicit life(std::uint64_t seed)
        : world_{seed, {.scheduling = drawn_schedule(seed)}}, roll_{seed} {
        options_.segment_bytes = 8 * KiB << roll_(3);
        options_.recovery_threads = static_cast<unsigned>(1 + roll_(3));
    }

    //   Returns     how many versions were compared after a crash
    std::size_t run() {
        std::size_t compared = 0;
        world_.run([&] {
            for (int round = 0; round < 3; ++round) {
                {
                    auto db = store<app>::open("db", options_, world_.platform()).value();
                    for (const auto& [key, version] : versions_) {
                        CHECK(version_of(db, key) == version);
                        ++compared;
                    }
                    work(db);
                }
                world_.restart(crash_mode::random_subset);
            }
        });
        return compared;
    }

private:
    void work(store<app>& db) {
        auto table = db.table("t").value();
        std::vector<simulated::thread> threads;
        for (int which = 0; which < 3; ++which)
            threads.emplace_back([this, &db, &table, which,
                                  roll = dice{roll_(1u << 30)}]() mutable {
                lsn last;
                for (int i = 0; i < 8; ++i) {
                    // Each thread has keys of its own, so that it knows who wrote last.
                    const std::string key = std::to_string(which) + "/" + std::to_string(roll(4));
                    auto tx = db.begin();
                    tx.put(table, key, std::string(roll(1500), 'v'));
                    const auto done = tx.commit();
                    REQUIRE(done);
                    CHECK(done->position > last);
                    last = done->position;
                    versions_[key] = last;
                    CHECK(version_of(db, key) == last);
                }
            });
        for (auto& thread : threads) thread.join();
        world_.crash();
    }

    simulation world_;
    dice roll_;
    store_options options_;
    std::map<std::string, lsn> versions_;
};

}  // namespace

TEST_CASE("the version of an entry is the position of its commit, also after a crash") {
    std::size_t compared = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        compared += life{seed}.run();
    }
    CHECK(compared > 600);
}
