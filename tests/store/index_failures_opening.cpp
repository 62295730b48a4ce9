// SPDX-License-Identifier: BSL-1.0
//
// An index that fails where no commit is at stake: in reads, in the looking again of a commit, in a
// checkpoint, in a drop, and while a store is opened.
#include "failing_index.hpp"

#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace mantis;
using index_test::index_call;
using index_test::index_plan;

namespace {

struct app : policies<with::platform<memory>, with::indexes<index_test::failing_index>> {};
using store_type = store<app>;
using handle = store_type::table_handle;

struct sound_again {
    sound_again() { index_plan::disarm(); }
    ~sound_again() { index_plan::disarm(); }
};

store_type open(memory& files, const store_options& options = {}) {
    return store_type::open("db", options, files).value();
}
result<commit_info> put(store_type& db, const handle& table, const std::string& key,
                        const std::string& value) {
    auto tx = db.begin(isolation::read_committed);
    tx.put(table, key, value);
    return tx.commit();
}
std::string value_of(store_type& db, const char* key) {
    auto found = db.get(db.find_table("t").value(), key).value();
    return found ? found->as<std::string>() : "none";
}
std::vector<std::string> files_of(memory& files) {
    std::vector<std::string> names;
    auto in = files.open_directory("db", directory_mode::existing).value();
    for (const bytes& name : in.list().value())
        if (name != bytes_view{spare_segment_name}) names.push_back(name.as<std::string>());
    return names;
}
// Ten rows of which one was erased, the last two commits being a put of "9" and an erase of "3".
void fill(store_type& db) {
    const auto table = db.table("t").value();
    for (const char* const key : {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})
        REQUIRE(put(db, table, key, "v"));
    auto tx = db.begin();
    tx.erase(table, "3");
    REQUIRE(tx.commit());
}

}  // namespace

TEST_CASE("a read that its index cannot answer is that error, and the next one is answered") {
    const sound_again after;
    memory files;
    auto db = open(files);
    fill(db);
    const auto table = db.find_table("t").value();
    index_plan::arm({index_call::find, 1, false, false, error_code::corrupt});
    const auto failed = db.get(table, "1");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code() == error_code::corrupt);
    CHECK(failed.error().subject() == bytes_view{"t"});
    CHECK(failed.error().level(1) == bytes_view{"reading a row"});
    CHECK(*failed.error().number("table") == table.id().value);
    CHECK(value_of(db, "1") == "v");

    index_plan::arm({index_call::scan, 1});
    auto tx = db.begin();
    auto rows = tx.scan(table);
    const auto none = rows.next();
    REQUIRE_FALSE(none);
    CHECK(none.error().code() == error_code::io);
    CHECK(none.error().subject() == bytes_view{"t"});
    int seen = 0;
    while (rows.next().value()) ++seen;
    CHECK(seen == 9);
    CHECK(tx.commit());
    CHECK(put(db, table, "more", "1"));
}

TEST_CASE("a commit that cannot look again at what it read commits nothing, and may be repeated") {
    const sound_again after;
    memory files;
    {
        auto db = open(files);
        fill(db);
        const auto table = db.find_table("t").value();
        auto tx = db.begin();
        CHECK(tx.get(table, "1").value());
        tx.put(table, "1", "mine");
        CHECK(put(db, table, "2", "other"));  // so that it has to look
        const std::uint64_t before = db.stats().log_bytes;
        index_plan::arm({index_call::find, 1});
        const auto failed = tx.commit();
        REQUIRE_FALSE(failed);
        CHECK(failed.error().code() == error_code::io);
        CHECK(failed.error().subject() == bytes_view{"t"});
        CHECK(db.stats().log_bytes == before);
        CHECK(value_of(db, "1") == "v");
        CHECK(put(db, table, "5", "after"));
        CHECK(db.close());
    }
    auto db = open(files);
    CHECK(value_of(db, "1") == "v");
    CHECK(value_of(db, "5") == "after");
}

TEST_CASE("a checkpoint that cannot read a table is not made, and changes nothing") {
    const sound_again after;
    memory files;
    {
        auto db = open(files);
        fill(db);
        CHECK(db.checkpoint());
        CHECK(put(db, db.find_table("t").value(), "1", "newer"));
        const auto before = files_of(files);
        const lsn last = db.last_checkpoint().redo_from;
        index_plan::arm({index_call::scan, 1});
        const auto failed = db.checkpoint();
        REQUIRE_FALSE(failed);
        CHECK(failed.error().code() == error_code::io);
        CHECK(failed.error().subject() == bytes_view{"t"});
        CHECK(db.last_checkpoint().redo_from == last);
        const auto names = files_of(files);
        for (const std::string& each : before)
            CHECK(std::find(names.begin(), names.end(), each) != names.end());
        CHECK(put(db, db.find_table("t").value(), "2", "newer"));
        CHECK(db.close());
    }
    auto db = open(files);
    CHECK(value_of(db, "0") == "v");
    CHECK(value_of(db, "1") == "newer");
    CHECK(value_of(db, "2") == "newer");
    CHECK(value_of(db, "3") == "none");
    CHECK(db.checkpoint());
}

TEST_CASE("a drop that cannot empty the table: unknown, nothing of the table is told, then gone") {
    for (const index_call call : {index_call::scan, index_call::erase}) {
        const sound_again after;
        memory files;
        {
            auto db = open(files);
            fill(db);
            const auto table = db.find_table("t").value();
            const auto other = db.table("other").value();
            CHECK(put(db, other, "1", "v"));
            index_plan::arm({call, call == index_call::erase ? 3 : 1});
            const auto dropped = db.drop_table(table);
            REQUIRE_FALSE(dropped);
            CHECK(dropped.error().code() == error_code::unknown_outcome);
            CHECK(dropped.error().subject() == bytes_view{"t"});
            CHECK(db.get(table, "5").error().code() == error_code::unknown_outcome);
            CHECK(db.get(other, "1").value()->as<std::string>() == "v");
            CHECK(put(db, other, "2", "v").error().code() == error_code::read_only);
            CHECK(db.checkpoint().error().code() == error_code::read_only);
            CHECK(db.close());
        }
        index_plan::disarm();
        auto db = open(files);
        CHECK_FALSE(db.find_table("t"));
        CHECK(db.find_table("other"));
    }
}

TEST_CASE("a store opens not without a row that a table could not take from the log") {
    const sound_again after;
    memory files;
    {
        auto db = open(files);
        fill(db);
        CHECK(db.drop_table(db.table("gone").value()));
        const auto second = db.table("second").value();
        CHECK(put(db, second, "1", "v"));
        CHECK(db.drop_table(second));
        CHECK(db.close());
    }
    for (const unsigned threads : {1u, 4u})
        for (const index_call call : {index_call::put, index_call::erase, index_call::scan})
            for (std::int64_t nth = 1; nth < 100; ++nth) {
                CAPTURE(threads);
                CAPTURE(static_cast<int>(call));
                CAPTURE(nth);
                store_options options;
                options.recovery_threads = threads;
                index_plan::arm({call, nth});
                const auto failed = store_type::open("db", options, files);
                if (index_plan::struck() == 0) {
                    CHECK(failed);
                    CHECK(nth == (call == index_call::put ? 12 : 3 + (call == index_call::scan)));
                    break;
                }
                REQUIRE_FALSE(failed);
                CHECK(failed.error().code() == error_code::io);
                CHECK(failed.error().number("lsn") != nullptr);
                CHECK(failed.error().number("table") != nullptr);
                index_plan::disarm();
                auto db = open(files, options);
                CHECK(value_of(db, "9") == "v");
                CHECK(value_of(db, "3") == "none");
            }
}

TEST_CASE("in safe mode a store has what lies before the row that a table cannot take") {
    const sound_again after;
    memory files;
    {
        auto db = open(files);
        fill(db);
        CHECK(db.close());
    }
    store_options options;
    options.safe_mode = true;
    index_plan::arm({index_call::put, 10});
    auto db = open(files, options);
    CHECK(index_plan::struck() == 1);
    REQUIRE(db.recovery().damage);
    CHECK(db.recovery().damage->code() == error_code::io);
    CHECK(value_of(db, "8") == "v");
    CHECK(value_of(db, "9") == "none");
    CHECK(value_of(db, "3") == "v");
    CHECK(put(db, db.find_table("t").value(), "x", "1").error().code() == error_code::read_only);
}

TEST_CASE("a store opens not without a row that a table could not take from an image") {
    for (const error_code code : {error_code::io, error_code::corrupt})
        for (const bool keep_log : {false, true})
            for (const bool safe_mode : {false, true}) {
                CAPTURE(keep_log);
                CAPTURE(safe_mode);
                const sound_again after;
                memory files;
                store_options options;
                options.keep_log = keep_log;
                {
                    auto db = open(files, options);
                    fill(db);
                    CHECK(db.checkpoint());
                    CHECK(db.close());
                }
                options.safe_mode = safe_mode;
                const auto before = files_of(files);
                index_plan::arm({index_call::put, 4, true, false, code});
                const auto failed = store_type::open("db", options, files);
                REQUIRE_FALSE(failed);
                CHECK(failed.error().code() == code);
                CHECK(failed.error().subject() == bytes_view{"t"});
                CHECK(failed.error().level(1) ==
                      bytes_view{"loading a row of a checkpoint's image"});
                CHECK(files_of(files) == before);
                index_plan::disarm();
                auto db = open(files, options);
                CHECK_FALSE(db.recovery().image.damage);
                CHECK(value_of(db, "9") == "v");
                CHECK(value_of(db, "3") == "none");
            }
}

TEST_CASE("what a table could not take is never left out by a checkpoint, at close neither") {
    const sound_again after;
    memory files;
    store_options options;
    options.checkpoint_at_close = true;
    {
        auto db = open(files, options);
        fill(db);
        const auto table = db.find_table("t").value();
        auto tx = db.begin();
        tx.put(table, "1", "new");
        tx.put(table, "2", "new");
        index_plan::arm({index_call::put, 2});
        CHECK(tx.commit().error().code() == error_code::unknown_outcome);
        CHECK(db.get(table, "1").error().code() == error_code::unknown_outcome);
        CHECK(value_of(db, "2") == "v");
        CHECK(db.checkpoint().error().code() == error_code::read_only);
        CHECK(db.close());
    }
    index_plan::disarm();
    auto db = open(files, options);
    CHECK(value_of(db, "1") == "new");
    CHECK(value_of(db, "2") == "new");
}

TEST_CASE("threads that write and read while a table cannot take a commit") {
    const sound_again after;
    for (int round = 1; round <= 5; ++round) {
        memory files;
        std::string acknowledged[2] = {"0", "0"};
        {
            auto db = open(files);
            const auto left = db.table("left").value();
            const auto right = db.table("right").value();
            for (const char* const key : {"0", "1"}) {
                CHECK(put(db, left, key, "0"));
                CHECK(put(db, right, key, "0"));
            }
            index_plan::arm({index_call::put, 100 * round + round % 2, round % 2 == 0});
            memory::atomic<int> writing{2};
            memory::atomic<int> wrong{0};
            std::vector<memory::thread> threads;
            for (const std::size_t which : {0u, 1u})
                threads.emplace_back([&, which] {
                    const std::string key = std::to_string(which);
                    for (int i = 1; i < 1000; ++i) {
                        auto tx = db.begin(isolation::read_committed, durability_class::buffered);
                        tx.put(left, key, std::to_string(i));
                        tx.put(right, key, std::to_string(i));
                        if (!tx.commit()) break;
                        acknowledged[which] = std::to_string(i);
                    }
                    writing.fetch_sub(1);
                });
            threads.emplace_back([&] {
                for (int i = 0; writing.load() != 0; ++i) {
                    const char* const key = i % 2 == 0 ? "0" : "1";
                    const auto first = db.get(left, key);
                    const auto second = db.get(right, key);
                    if (!first || !second) continue;
                    const int before = std::stoi((*first)->as<std::string>());
                    if (std::stoi((*second)->as<std::string>()) < before) wrong.fetch_add(1);
                }
            });
            for (memory::thread& each : threads) each.join();
            CHECK(index_plan::struck() > 0);
            CHECK(wrong.load() == 0);
            CHECK(put(db, left, "x", "1").error().code() == error_code::read_only);
            index_plan::disarm();
            CHECK(db.close());
        }
        auto db = open(files);
        for (const std::size_t which : {0u, 1u}) {
            const std::string key = std::to_string(which);
            const auto one = db.get(db.find_table("left").value(), key).value();
            const auto two = db.get(db.find_table("right").value(), key).value();
            CHECK(one == two);
            const int last = std::stoi(acknowledged[which]);
            const int found = std::stoi(one->as<std::string>());
            CHECK((found == last || found == last + 1));
        }
    }
}
