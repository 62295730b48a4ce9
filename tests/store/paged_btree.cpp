// SPDX-License-Identifier: BSL-1.0
#include "paged_fixture.hpp"

using namespace paged_store_test;

namespace {

template <class F>
void in_world(F f) {
    simulation world{1, {}};
    world.run([&] { f(world); });
}

// The files of the database, by name.
std::map<std::string, std::string> files_of(simulation& world) {
    std::map<std::string, std::string> found;
    auto in = world.platform().open_directory("db", directory_mode::existing).value();
    for (const bytes& name : in.list().value()) {
        const auto raw = read_file(in, name, 64 * MiB);
        found[name.as<std::string>()] = raw ? raw->as<std::string>() : "unreadable";
    }
    return found;
}
std::string file_of_kind(simulation& world, const std::string& beginning) {
    for (const auto& [name, unused] : files_of(world))
        if (name.rfind(beginning, 0) == 0) return name;
    return "";
}

std::uint64_t taken(const storage_stats& of) { return of.disk_bytes - of.reserve_bytes; }

std::map<std::string, std::string> fill(store_type& db, const handle& into, int from, int to) {
    std::map<std::string, std::string> model;
    for (int number = 0; number < to; ++number) {
        const batch changes = batch_of(number);
        changes.apply(model);
        if (number >= from) REQUIRE(changes.commit(db, into));
    }
    return model;
}

}  // namespace

static_assert(stored_index_policy<in_pages, simulated>);
static_assert(index_policy<in_pages, simulated>);
static_assert(!stored_index_policy<btree<>, simulated>);
static_assert(ordered_index<in_pages::index<simulated>>);

TEST_CASE("rows in pages are there after each opening, with and without a checkpoint") {
    in_world([](simulation& world) {
        std::map<std::string, std::string> model;
        for (int opening = 0; opening < 6; ++opening) {
            auto db = store_type::open("db", small(), world.platform()).value();
            auto rows = db.table("rows").value();
            CHECK((*all_of(db))["rows"] == model);
            CHECK(db.stats().entries == model.size());
            model = fill(db, rows, opening * 10, opening * 10 + 10);
            if (opening % 2 == 1) REQUIRE(db.checkpoint());
            CHECK((*all_of(db))["rows"] == model);
            CHECK(db.verify().value().entries == model.size());
        }
    });
}

TEST_CASE("an opening after a checkpoint redoes only what came behind it") {
    in_world([](simulation& world) {
        {
            auto db = store_type::open("db", small(), world.platform()).value();
            (void)fill(db, db.table("rows").value(), 0, 30);
            REQUIRE(db.checkpoint());
            (void)fill(db, db.table("rows").value(), 30, 31);
        }
        auto db = store_type::open("db", small(), world.platform()).value();
        CHECK(db.recovery().operations <= 8);
        CHECK(db.recovery().image.rows == 0);
    });
}

TEST_CASE("a database without a table in pages has no file for pages") {
    in_world([](simulation& world) {
        {
            auto db = store_type::open("db", small(), world.platform()).value();
            (void)fill(db, db.table<btree<>>("memory").value(), 0, 3);
            REQUIRE(db.checkpoint());
        }
        CHECK(file_of_kind(world, "manifest") == "");
        CHECK(file_of_kind(world, "data") == "");
        auto db = store_type::open("db", small(), world.platform()).value();
        CHECK(db.table("rows"));
        CHECK(file_of_kind(world, "manifest") != "");
    });
}

TEST_CASE("reading only redoes the log in memory and changes no file") {
    in_world([](simulation& world) {
        std::map<std::string, std::string> model;
        {
            auto db = store_type::open("db", small(), world.platform()).value();
            auto rows = db.table("rows").value();
            (void)fill(db, rows, 0, 10);
            REQUIRE(db.checkpoint());
            model = fill(db, rows, 10, 20);
        }
        const auto before = files_of(world);
        store_options reading = small();
        reading.read_only = true;
        {
            auto db = store_type::open("db", reading, world.platform()).value();
            CHECK((*all_of(db))["rows"] == model);
            const auto refused = batch_of(1).commit(db, *db.find_table("rows"));
            CHECK(refused.error().code() == error_code::read_only);
            CHECK(db.table("other").error().code() == error_code::read_only);
        }
        CHECK(files_of(world) == before);
    });
}

TEST_CASE("reading only, a database whose pages were never written is as its log says") {
    in_world([](simulation& world) {
        std::map<std::string, std::string> model;
        {
            auto db = store_type::open("db", small(), world.platform()).value();
            model = fill(db, db.table("rows").value(), 0, 10);
        }
        auto in = world.platform().open_directory("db", directory_mode::existing).value();
        for (const auto& [name, unused] : files_of(world))
            if (name.rfind("manifest", 0) == 0 || name.rfind("data", 0) == 0)
                REQUIRE(in.remove(name));
        store_options reading = small();
        reading.read_only = true;
        auto db = store_type::open("db", reading, world.platform()).value();
        CHECK((*all_of(db))["rows"] == model);
    });
}

TEST_CASE("an earlier moment is opened if it is not before the checkpoint of the pages") {
    for (const bool keep_log : {false, true}) {
        CAPTURE(keep_log);
        in_world([&](simulation& world) {
            lsn early;
            lsn late;
            std::map<std::string, std::string> model;
            store_options options = small();
            options.keep_log = keep_log;
            {
                auto db = store_type::open("db", options, world.platform()).value();
                auto rows = db.table("rows").value();
                (void)fill(db, rows, 0, 5);
                early = batch_of(5).commit(db, rows).value().position;
                (void)fill(db, rows, 6, 10);
                REQUIRE(db.checkpoint());
                model = fill(db, rows, 10, 15);
                late = db.stats().durable;
                (void)fill(db, rows, 15, 20);
            }
            options.stop_at = late;
            {
                auto db = store_type::open("db", options, world.platform()).value();
                CHECK((*all_of(db))["rows"] == model);
            }
            // With all of its log, too: pages do not go back.
            options.stop_at = early;
            const auto refused = store_type::open("db", options, world.platform());
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code() == error_code::not_found);
            CHECK(*refused.error().number("earliest_lsn") > early.value);
        });
    }
}

TEST_CASE("the pages of a dropped table are given back, also by the next opening") {
    in_world([](simulation& world) {
        std::uint64_t pages = 0;
        {
            auto db = store_type::open("db", small(), world.platform()).value();
            (void)fill(db, db.table("stays").value(), 0, 5);
            REQUIRE(db.checkpoint());
            pages = db.stats().pages.pages;
            for (const char* const name : {"a", "b"}) {
                const auto into = db.table(name).value();
                for (int row = 0; row < 400; ++row) {
                    auto tx = db.begin();
                    tx.put(into, std::to_string(row), std::string(100, 'v'));
                    REQUIRE(tx.commit());
                }
                REQUIRE(db.checkpoint());
                CHECK(db.stats().pages.pages > pages + 100);
                REQUIRE(db.drop_table(*db.find_table(name)));
                if (name[0] == 'b') break;
                (void)fill(db, db.table("stays").value(), 5, 6);
                REQUIRE(db.checkpoint());
                CHECK(db.stats().pages.pages < pages + 30);
            }
        }
        auto db = store_type::open("db", small(), world.platform()).value();
        (void)fill(db, db.table("stays").value(), 6, 7);
        REQUIRE(db.checkpoint());
        CHECK(db.stats().pages.pages < pages + 30);
        CHECK(db.stats().tables == 1);
    });
}

TEST_CASE("a handle of a dropped table answers not_found, whatever became of its pages") {
    in_world([](simulation& world) {
        auto db = store_type::open("db", small(), world.platform()).value();
        auto gone = db.table("gone").value();
        (void)fill(db, gone, 0, 10);
        REQUIRE(db.drop_table(gone));
        for (int round = 0; round < 2; ++round) {
            CHECK(db.get(gone, "row-1").error().code() == error_code::not_found);
            CHECK(batch_of(1).commit(db, gone).error().code() == error_code::not_found);
            auto again = db.table("gone").value();
            (void)fill(db, again, round, round + 1);
            REQUIRE(db.checkpoint());
        }
    });
}

TEST_CASE("a key that no page takes is refused before the log has it") {
    in_world([](simulation& world) {
        auto db = store_type::open("db", small(), world.platform()).value();
        auto rows = db.table("rows").value();
        auto tx = db.begin();
        tx.put(rows, std::string(200, 'k'), "value");
        CHECK(tx.commit().error().code() == error_code::too_large);
        CHECK(batch_of(1).commit(db, rows));
    });
}

TEST_CASE("an older manifest than the superblock knows of is damage") {
    in_world([](simulation& world) {
        std::map<std::string, std::string> older;
        {
            auto db = store_type::open("db", small(), world.platform()).value();
            auto rows = db.table("rows").value();
            (void)fill(db, rows, 0, 10);
            REQUIRE(db.checkpoint());
            older = files_of(world);
            (void)fill(db, rows, 10, 20);
            REQUIRE(db.checkpoint());
        }
        const std::string name = file_of_kind(world, "manifest");
        auto in = world.platform().open_directory("db", directory_mode::existing).value();
        {
            auto file = in.open(name, file_mode::write).value();
            const std::string& raw = older.at(name);
            REQUIRE(file.resize(0));
            REQUIRE(file.write(0, raw));
            REQUIRE(file.sync());
        }
        const auto refused = store_type::open("db", small(), world.platform());
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
    });
}

TEST_CASE("in safe mode a lost manifest costs the tables in pages, and no others") {
    in_world([](simulation& world) {
        std::map<std::string, std::string> model;
        {
            auto db = store_type::open("db", small(), world.platform()).value();
            (void)fill(db, db.table("rows").value(), 0, 10);
            model = fill(db, db.table<btree<>>("memory").value(), 0, 10);
            REQUIRE(db.checkpoint());
        }
        auto in = world.platform().open_directory("db", directory_mode::existing).value();
        REQUIRE(in.remove(file_of_kind(world, "manifest")));
        const auto refused = store_type::open("db", small(), world.platform());
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
        store_options safe = small();
        safe.safe_mode = true;
        auto db = store_type::open("db", safe, world.platform()).value();
        CHECK(db.recovery().damage);
        CHECK(db.get(*db.find_table("rows"), "row-1").error().code() == error_code::corrupt);
        for (const auto& [key, value] : model)
            CHECK(*db.get(*db.find_table("memory"), key).value() == bytes_view{value});
        CHECK(batch_of(1).commit(db, *db.find_table("memory")).error().code() ==
              error_code::read_only);
    });
}

TEST_CASE("after nine of ten rows are erased files shrink, while the store is open") {
    for (const bool at_once : {false, true}) {
        CAPTURE(at_once);
        in_world([&](simulation& world) {
            store_options options = small();
            options.page_memory_bytes = 256 * KiB;
            auto db = store_type::open("db", options, world.platform()).value();
            auto rows = db.table("rows").value();
            for (int row = 0; row < 4000; ++row) {
                auto tx = db.begin();
                tx.put(rows, std::to_string(row), std::string(100, 'v'));
                REQUIRE(tx.commit(durability_class::buffered));
            }
            REQUIRE(db.checkpoint());
            const storage_stats full = db.stats().pages;
            CHECK(taken(full) > 600 * KiB);
            CHECK(full.reserve_bytes > 0);
            if (at_once) {
                auto kept = db.table("kept").value();
                for (int row = 0; row < 4000; row += 10) {
                    auto tx = db.begin();
                    tx.put(kept, std::to_string(row), std::string(100, 'v'));
                    REQUIRE(tx.commit(durability_class::buffered));
                }
                REQUIRE(db.drop_table(rows));
            } else {
                for (int row = 0; row < 4000; ++row) {
                    if (row % 10 == 0) continue;
                    auto tx = db.begin();
                    tx.erase(rows, std::to_string(row));
                    REQUIRE(tx.commit(durability_class::buffered));
                }
            }
            storage_stats now = db.stats().pages;
            for (int second = 0; second < 60; ++second) {
                world.platform().sleep(seconds(1));
                now = db.stats().pages;
                // Four segments are open, or half full.
                if (taken(now) < now.live_bytes * 3 / 2 + 4 * 64 * KiB) break;
            }
            CHECK(taken(now) < now.live_bytes * 3 / 2 + 4 * 64 * KiB);
            CHECK(taken(now) < taken(full) * 2 / 3);
            CHECK((*all_of(db))[at_once ? "kept" : "rows"].size() == 400);
        });
    }
}

TEST_CASE("the reserve of rows that were erased is given back, though none was ever written") {
    in_world([](simulation& world) {
        store_options options = small();
        options.page_memory_bytes = 4 * MiB;
        auto db = store_type::open("db", options, world.platform()).value();
        auto rows = db.table("rows").value();
        for (int row = 0; row < 4000; ++row) {
            auto tx = db.begin();
            tx.put(rows, std::to_string(row), std::string(100, 'v'));
            REQUIRE(tx.commit(durability_class::buffered));
        }
        const storage_stats full = db.stats().pages;
        CHECK(full.written_bytes == 0);
        CHECK(full.reserve_bytes > 1 * MiB);
        for (int row = 0; row < 4000; ++row) {
            if (row % 10 == 0) continue;
            auto tx = db.begin();
            tx.erase(rows, std::to_string(row));
            REQUIRE(tx.commit(durability_class::buffered));
        }
        world.platform().sleep(seconds(10));
        const storage_stats now = db.stats().pages;
        CHECK(now.reserve_bytes < full.reserve_bytes / 3);
        CHECK(db.stats().checkpoints > 0);
        const std::uint64_t made = db.stats().checkpoints;
        world.platform().sleep(seconds(60));
        CHECK(db.stats().checkpoints == made);
        CHECK((*all_of(db))["rows"].size() == 400);
    });
}

TEST_CASE("however long rows are overwritten, checkpoints come as the log grows") {
    in_world([&](simulation& world) {
        store_options options = small();
        options.segment_bytes = 256 * KiB;
        options.page_memory_bytes = 4 * MiB;
        options.checkpoint_log_bytes = 512 * KiB;
        auto db = store_type::open("db", options, world.platform()).value();
        auto rows = db.table("rows").value();
        std::uint64_t most_taken = 0;
        for (std::uint32_t i = 0; i < 30'000; ++i) {
            auto tx = db.begin();
            tx.put(rows, std::to_string(i * 2654435761U % 4000), std::string(100, 'v'));
            REQUIRE(tx.commit(durability_class::buffered));
            if (i % 1000 == 0 && taken(db.stats().pages) > most_taken)
                most_taken = taken(db.stats().pages);
        }
        const store_stats now = db.stats();
        CHECK(now.checkpoints > 2);
        CHECK(now.checkpoints <= 2 + now.log_bytes / (512 * KiB));
        CHECK(most_taken < 3 * now.pages.live_bytes);
    });
}

TEST_CASE("damage of one page costs the keys in it, and a commit that needs it is not begun") {
    in_world([](simulation& world) {
        store_options options = small();
        std::map<std::string, std::string> model;
        {
            auto db = store_type::open("db", options, world.platform()).value();
            auto rows = db.table("rows").value();
            for (int row = 0; row < 600; ++row) {
                auto tx = db.begin();
                tx.put(rows, std::to_string(row), std::string(100, 'v'));
                REQUIRE(tx.commit(durability_class::buffered));
                model[std::to_string(row)] = std::string(100, 'v');
            }
            REQUIRE(db.checkpoint());
        }
        // Somewhere in the middle of each segment: an image of one page, most likely a leaf.
        auto in = world.platform().open_directory("db", directory_mode::existing).value();
        for (const auto& [name, unused] : files_of(world)) {
            if (name.rfind("data-0", 0) != 0) continue;
            auto file = in.open(name, file_mode::write).value();
            REQUIRE(file.write(20'000, "rot"));
            REQUIRE(file.sync());
        }
        auto db = store_type::open("db", options, world.platform()).value();
        auto rows = db.find_table("rows").value();
        std::vector<std::string> lost;
        for (const auto& [key, value] : model) {
            const auto found = db.get(rows, key);
            if (found) CHECK(**found == bytes_view{value});
            else {
                CHECK(found.error().code() == error_code::corrupt);
                CHECK(*found.error().number("table") == 1);
                lost.push_back(key);
            }
        }
        REQUIRE_FALSE(lost.empty());
        CHECK(lost.size() < 100);
        auto tx = db.begin(isolation::read_committed);
        tx.put(rows, "new", "value");
        tx.put(rows, lost[0], "value");
        CHECK(tx.commit().error().code() == error_code::corrupt);
        CHECK_FALSE(*db.get(rows, "new"));
        auto other = db.begin(isolation::read_committed);
        other.put(rows, "new", "value");
        CHECK(other.commit());
        CHECK(db.verify().error().code() == error_code::corrupt);
    });
}

TEST_CASE("in safe mode damage of the log before the pages' checkpoint costs them, and is told") {
    in_world([](simulation& world) {
        store_options options = small();
        options.keep_log = true;
        std::map<std::string, std::string> before;
        lsn between;
        {
            auto db = store_type::open("db", options, world.platform()).value();
            auto rows = db.table("rows").value();
            auto memory = db.table<btree<>>("memory").value();
            (void)fill(db, rows, 0, 5);
            REQUIRE(batch_of(1).commit(db, memory));
            REQUIRE(db.checkpoint());
            (void)fill(db, rows, 5, 10);
            between = batch_of(2).commit(db, rows).value().position;
            (void)fill(db, rows, 10, 15);
            before = files_of(world);
            REQUIRE(db.checkpoint());
        }
        // The power failed when the pages were durable, and nothing named the image yet.
        auto in = world.platform().open_directory("db", directory_mode::existing).value();
        for (const bytes& name : in.list().value())
            if (is_image_name(name)) REQUIRE(in.remove(name));
        for (const auto& [name, raw] : before)
            if (is_image_name(bytes_view{name}) || name.rfind("superblock", 0) == 0)
                REQUIRE(atomic_replace(in, bytes_view{name}, bytes_view{raw}));
        CHECK(store_type::open("db", small(), world.platform())->verify());
        // And then a record in between rots.
        lsn first;
        bytes segment;
        for (const bytes& name : in.list().value())
            if (lsn each; parse_segment_name(name, each) && each < between && each >= first) {
                first = each;
                segment = name;
            }
        {
            auto file = in.open(segment, file_mode::write).value();
            REQUIRE(file.write(between.value - first.value + segment_header_bytes - 24, "rot"));
            REQUIRE(file.sync());
        }
        CHECK(store_type::open("db", small(), world.platform()).error().code() ==
              error_code::corrupt);
        store_options safe = small();
        safe.safe_mode = true;
        auto db = store_type::open("db", safe, world.platform()).value();
        CHECK(db.recovery().damage);
        const auto rows = db.get(*db.find_table("rows"), "row-1");
        REQUIRE_FALSE(rows);
        CHECK(rows.error().code() == error_code::corrupt);
        CHECK(db.find_table("memory"));
    });
}
