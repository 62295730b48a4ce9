// SPDX-License-Identifier: BSL-1.0
//
// A power failure at each I/O of a store with tables in pages and in memory: openings, commits over
// both, checkpoints, dropping, closing. What comes back is what was acknowledged, with at most the
// one commit that was under way, in both tables alike.
#include "../sanitized.hpp"
#include "paged_fixture.hpp"

using namespace paged_store_test;

namespace {

class script {
public:
    script(std::uint64_t seed, crash_mode mode) : world_{seed, {}}, mode_{mode} {}

    //   Returns     whether the power failed before the end
    bool run(std::uint64_t at) {
        bool cut = false;
        world_.run([&] {
            world_.crash_at_io(at);
            live(0);
            cut = !world_.powered();
            if (!cut) world_.crash();
            world_.restart(mode_);
            compare();
            // And once more, a third of the way later, over what recovery has left.
            world_.crash_at_io(1 + at / 3);
            live(100);
            if (world_.powered()) world_.crash();
            world_.restart(mode_);
            compare();
        });
        return cut;
    }

private:
    void live(int first) {
        auto opened = store_type::open("db", small(), world_.platform());
        if (!opened) return;
        store_type db = std::move(*opened);
        auto rows = db.table<in_pages>("rows");
        if (!rows) return;
        there_ = true;
        auto memory = db.table<btree<>>("memory");
        if (!memory) return;
        for (int number = first; number < first + 12; ++number) {
            if (!commit(db, *rows, *memory, number)) return;
            if (number % 4 == 1 && !db.checkpoint()) return;
            if (number % 12 == 6 && !come_and_go(db)) return;
        }
        (void)db.close();
    }
    bool commit(store_type& db, const handle& rows, const handle& memory, int number) {
        const batch changes = batch_of(number);
        auto tx = db.begin(isolation::read_committed);
        for (const auto& [key, value] : changes.puts) tx.put(rows, key, value);
        for (const auto& [key, value] : changes.puts) tx.put(memory, key, value);
        for (const auto& key : changes.erases) tx.erase(rows, key);
        for (const auto& key : changes.erases) tx.erase(memory, key);
        under_way_ = changes;
        if (!tx.commit()) return false;
        changes.apply(model_);
        under_way_.reset();
        return true;
    }
    bool come_and_go(store_type& db) {
        auto passing = db.table<in_pages>("passing");
        if (!passing) return false;
        if (!batch_of(1).commit(db, *passing) || !db.checkpoint()) return false;
        return batch_of(2).commit(db, *passing) && db.drop_table(*passing);
    }

    void compare() {
        auto opened = store_type::open("db", small(), world_.platform());
        REQUIRE_MESSAGE(opened, why(opened.error()));
        const auto sound = opened->verify();
        REQUIRE_MESSAGE(sound, why(sound.error()));
        auto found = all_of(*opened);
        REQUIRE_MESSAGE(found, why(found.error()));
        auto& rows = (*found)["rows"];
        auto& memory = (*found)["memory"];
        CHECK(rows == memory);
        if (rows != model_ && under_way_) under_way_->apply(model_);
        under_way_.reset();
        CHECK(rows == model_);
        if (there_) CHECK(opened->find_table("rows"));
        for (const table_info& each : opened->tables())
            if (each.name == bytes_view{"rows"}) CHECK(each.entries == rows.size());
    }

    simulation world_;
    crash_mode mode_;
    std::map<std::string, std::string> model_;
    std::optional<batch> under_way_;
    bool there_ = false;
};

}  // namespace

TEST_CASE("after a power failure at any I/O tables in pages and in memory hold the same commits") {
    for (const crash_mode mode :
         {crash_mode::drop_unsynced, crash_mode::random_subset, crash_mode::process_only}) {
        std::uint64_t at = 1;
        for (bool cut = true; cut; at += one_in) {
            CAPTURE(at);
            cut = script{at, mode}.run(at);
        }
        CHECK(at > 200);
    }
}
