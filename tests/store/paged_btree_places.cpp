// SPDX-License-Identifier: BSL-1.0
//
// Rows that a transaction reads and then writes are put where they were found: beside other
// writers, splits, merges, checkpoints and pages that leave memory, under drawn schedules and with
// real threads.
#include "../sanitized.hpp"
#include "paged_fixture.hpp"

#include <mantis/platform/memory.hpp>

using namespace paged_store_test;

namespace {

struct app_in_memory
    : policies<with::platform<memory>, with::durability<buffered>, with::indexes<in_pages>> {};

// Adds one to numbers that stand at the begin of values, which change their sizes, in transactions
// of one row and of several; rows between come and go.
template <class App>
class adder {
public:
    using store_type = store<App>;
    using handle = typename store_type::table_handle;

    adder(store_type& db, const handle& rows, std::uint64_t seed)
        : db_{&db}, rows_{rows}, draw_{seed * 0x9e3779b97f4a7c15 + 1} {}

    void run(int commits) {
        for (int i = 0; i < commits; ++i) {
            auto tx = db_->begin();
            const std::uint64_t count = draw() % 3 == 0 ? 1 + draw() % 6 : 1;
            for (std::uint64_t row = 0; row < count; ++row)
                if (!add_one(tx)) return;
            if (draw() % 2 == 0) {
                const std::string passing = "k" + std::to_string(draw() % 60) + "x";
                if (draw() % 2 == 0) tx.put(rows_, passing, "");
                else tx.erase(rows_, passing);
            }
            const auto done = tx.commit();
            if (done) committed += count;
            else if (done.error().code() != error_code::conflict) failed = true;
        }
    }
    std::uint64_t committed = 0;
    bool failed = false;

private:
    std::uint64_t draw() {
        draw_ = draw_ * 6364136223846793005 + 1442695040888963407;
        return draw_ >> 33;
    }
    template <class Transaction>
    bool add_one(Transaction& tx) {
        const std::string key = "k" + std::to_string(draw() % 60);
        const auto found = tx.get(rows_, key);
        if (!found) return !(failed = true);
        const std::string before = *found ? (*found)->template as<std::string>() : "0;";
        const std::size_t size = draw() % 4 == 0 ? draw() % 600 : before.size() % 90;
        tx.put(rows_, key, std::to_string(std::stoull(before) + 1) + ";" + std::string(size, 'v'));
        return true;
    }

    store_type* db_;
    handle rows_;
    std::uint64_t draw_;
};

template <class Store>
std::uint64_t sum_of(Store& db, const typename Store::table_handle& rows) {
    std::uint64_t sum = 0;
    auto tx = db.begin(isolation::read_committed);
    auto scan = tx.scan(rows);
    while (scan.next().value())
        if (!scan.value().empty()) sum += std::stoull(scan.value().template as<std::string>());
    return sum;
}

}  // namespace

TEST_CASE("60 seeds: no addition is lost that was committed, and none is done twice") {
    for (std::uint64_t seed = 0; seed < 60; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 20'000'000, .scheduling = drawn_schedule(seed)}};
        world.run([&] {
            auto db = store_type::open("db", small(), world.platform()).value();
            const auto rows = db.table("rows").value();
            std::vector<adder<app>> adders;
            for (std::uint64_t i = 0; i < 2; ++i) adders.emplace_back(db, rows, seed * 2 + i);
            {
                std::vector<simulated::thread> threads;
                for (auto& each : adders) threads.emplace_back([&each] { each.run(25); });
                threads.emplace_back([&] {
                    for (int i = 0; i < 3; ++i) (void)db.checkpoint();
                });
                for (auto& each : threads) each.join();
            }
            CHECK_FALSE(adders[0].failed);
            CHECK_FALSE(adders[1].failed);
            CHECK(sum_of(db, rows) == adders[0].committed + adders[1].committed);
            CHECK(db.verify());
        });
    }
}

TEST_CASE("real threads: no addition is lost that was committed, and none is done twice") {
    memory files;
    store_options options;
    options.segment_bytes = 64 * KiB;
    options.page_memory_bytes = 128 * KiB;
    options.page_segment_bytes = 64 * KiB;
    auto db = store<app_in_memory>::open("db", options, files).value();
    const auto rows = db.table("rows").value();
    std::vector<adder<app_in_memory>> adders;
    for (std::uint64_t i = 0; i < 2; ++i) adders.emplace_back(db, rows, i);
    memory::atomic<bool> over{false};
    memory::thread checkpoints{[&] {
        while (!over.load()) (void)db.checkpoint();
    }};
    {
        std::vector<memory::thread> threads;
        for (auto& each : adders) threads.emplace_back([&each] { each.run(4000 / one_in); });
        for (auto& each : threads) each.join();
    }
    over.store(true);
    checkpoints.join();
    CHECK_FALSE(adders[0].failed);
    CHECK_FALSE(adders[1].failed);
    CHECK(adders[0].committed > 0);
    CHECK(sum_of(db, rows) == adders[0].committed + adders[1].committed);
    CHECK(db.verify());
}
