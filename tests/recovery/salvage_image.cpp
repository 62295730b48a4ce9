// SPDX-License-Identifier: BSL-1.0
//
// Salvages of databases whose log no longer goes back to its first record.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/recovery/log_identity.hpp>
#include <mantis/recovery/salvage.hpp>
#include <mantis/store/store.hpp>

#include <map>
#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<memory>> {};
using rows_type = std::map<std::string, std::string>;

struct checkpointed {
    memory files;
    bytes image;
    memory::directory in = files.open_directory("db", directory_mode::create).value();

    checkpointed() {
        store_options options;
        options.segment_bytes = 16 * KiB;
        auto db = store<app>::open("db", options, files).value();
        auto gone = db.table("gone").value();
        auto table = db.table("t").value();
        REQUIRE(db.drop_table(gone));
        for (int i = 0; i < 100; ++i) put(db, table, std::to_string(100 + i));
        image = image_name(db.checkpoint()->redo_from);
        auto tx = db.begin(isolation::read_committed);
        tx.erase(table, "100");
        REQUIRE(tx.commit());
        put(db, table, "new");
        REQUIRE(db.close());
    }
    template <class Db, class Table>
    static void put(Db& db, Table& table, const std::string& key) {
        auto tx = db.begin(isolation::read_committed);
        tx.put(table, key, std::string(3000, 'v'));
        REQUIRE(tx.commit());
    }
    salvage_report salvage_it() {
        const auto whose = identify_log(in).value();
        auto to = files.open_directory("new", directory_mode::create).value();
        return salvage<memory, crc32c>(files, in, whose.block, to).value();
    }
    rows_type salvaged() {
        auto db = store<app>::open("new", {}, files).value();
        CHECK(db.tables().size() == 1);
        CHECK_FALSE(db.find_table("gone"));
        rows_type found;
        auto tx = db.begin(isolation::read_committed);
        auto scan = tx.scan(*db.find_table("t"));
        while (scan.next().value())
            found[scan.key().as<std::string>()] = scan.value().as<std::string>();
        return found;
    }
};

}  // namespace

TEST_CASE("a whole image and the log since are salvaged without a loss") {
    checkpointed from;
    const salvage_report report = from.salvage_it();
    CHECK(report.image_rows == 100);
    CHECK(report.lost_rows.empty());
    CHECK(report.lost.empty());
    const rows_type rows = from.salvaged();
    CHECK(rows.size() == 100);  // one erased, one new
    CHECK(rows.count("100") == 0);
    CHECK(rows.count("new") == 1);
}

TEST_CASE("without a superblock the newest image is the one that counts") {
    checkpointed from;
    REQUIRE(from.in.remove(superblock_name));
    const salvage_report report = from.salvage_it();
    CHECK(report.image_rows == 100);
    CHECK(from.salvaged().size() == 100);
}

TEST_CASE("of a damaged image the intact blocks are salvaged, and the lost rows named") {
    checkpointed from;
    REQUIRE(from.in.open(from.image, file_mode::write)->write(150'000, "damage"));
    const salvage_report report = from.salvage_it();
    REQUIRE(report.lost_rows.size() == 1);
    const lost_image_part lost = report.lost_rows[0];
    CHECK(lost.first_table == table_id{2});
    CHECK(lost.last_table == table_id{2});
    const rows_type rows = from.salvaged();
    CHECK(rows.size() > 70);
    CHECK(rows.size() < 100);
    for (int i = 101; i < 200; ++i) {
        const std::string key = std::to_string(i);
        const bool in_lost =
            bytes_view{key} > lost.after.view() && bytes_view{key} < lost.before.view();
        CHECK(rows.count(key) == (in_lost ? 0 : 1));
    }
}

TEST_CASE("without its image a database gives what its log has, and all else is told as lost") {
    checkpointed from;
    REQUIRE(from.in.remove(from.image));
    const salvage_report report = from.salvage_it();
    REQUIRE(report.lost_rows.size() == 1);
    CHECK(report.lost_rows[0].after.empty());
    CHECK(report.lost_rows[0].before.empty());
    CHECK(report.rows == 1);
}
