// SPDX-License-Identifier: BSL-1.0
//
// One of the two files of the superblock lost or damaged: the store opens as if nothing were, makes
// it whole again, and says so.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

struct app : policies<with::platform<memory>> {};

void note(void* context, const event& what) {
    static_cast<std::vector<std::string>*>(context)->push_back(what.message().as<std::string>());
}
bool told(const std::vector<std::string>& lines, const std::string& line) {
    for (const std::string& each : lines)
        if (each == line) return true;
    return false;
}

struct database_with_a_row {
    memory files;
    memory::directory in = files.open_directory("db", directory_mode::create).value();

    database_with_a_row() {
        auto db = store<app>::open("db", {}, files).value();
        auto table = db.table("t").value();
        auto tx = db.begin();
        tx.put(table, "k", "v");
        REQUIRE(tx.commit());
        db.close().value();
    }
    void wreck(const char* name, bool removed) {
        if (removed) in.remove(name).value();
        else in.open(name, file_mode::write).value().write(20, "rot").value();
    }
    superblock_pair pair() { return read_superblocks(in).value(); }
};

template <class Store>
bool has_row(Store& db) {
    const auto found = db.get(*db.find_table("t"), "k");
    return found && *found && (*found)->view() == bytes_view{"v"};
}

}  // namespace

TEST_CASE("a superblock or copy that is damaged or gone is repaired at opening, and said so") {
    for (const char* const name : {superblock_name, superblock_copy_name}) {
        for (const bool removed : {true, false}) {
            database_with_a_row made;
            made.wreck(name, removed);
            std::vector<std::string> lines;
            store_options options;
            options.events = {note, &lines};
            {
                auto db = store<app>::open("db", options, made.files).value();
                CHECK(has_row(db));
                CHECK(db.recovery().superblock_repaired);
                CHECK(db.recovery().superblock_damage.value().subject() == bytes_view{name});
                CHECK(db.recovery().found == log_condition::clean);
                CHECK(told(lines, "warning: repaired [" + std::string{name} + "]"));
                CHECK(made.pair().complete());
            }
            auto db = store<app>::open("db", options, made.files).value();
            CHECK_FALSE(db.recovery().superblock_damage);
            CHECK_FALSE(db.recovery().superblock_repaired);
        }
    }
}

TEST_CASE("a read-only opening repairs nothing and says what is damaged") {
    for (const char* const name : {superblock_name, superblock_copy_name}) {
        database_with_a_row made;
        made.wreck(name, false);
        std::vector<std::string> lines;
        store_options options;
        options.read_only = true;
        options.events = {note, &lines};
        auto db = store<app>::open("db", options, made.files).value();
        CHECK(has_row(db));
        CHECK(db.recovery().superblock_damage.value().subject() == bytes_view{name});
        CHECK_FALSE(db.recovery().superblock_repaired);
        CHECK(told(lines, "error: scrub_damage [" + std::string{name} + "]"));
        db.close().value();
        CHECK_FALSE(made.pair().complete());
    }
}

TEST_CASE(
    "what the copy of a lost superblock promises is kept: a log that ends earlier is refused") {
    database_with_a_row made;
    made.wreck(superblock_name, true);
    const bytes last = [&] {
        bytes found;
        lsn first;
        for (const bytes& each : made.in.list().value())
            if (parse_segment_name(each, first)) found = each;
        return found;
    }();
    made.in.remove(last).value();
    CHECK(store<app>::open("db", {}, made.files).error().code() == error_code::corrupt);
}

TEST_CASE("a full disk refuses no opening whose superblock only lacks its copy") {
    for (const char* const name : {superblock_name, superblock_copy_name}) {
        simulation world{7};
        struct simulated_app : policies<with::platform<simulated>> {};
        world.run([&] {
            {
                auto db = store<simulated_app>::open("db", {}, world.platform()).value();
                auto table = db.table("t").value();
                auto tx = db.begin();
                tx.put(table, "k", "v");
                REQUIRE(tx.commit());
                db.close().value();
            }
            auto in = world.platform().open_directory("db", directory_mode::existing).value();
            in.remove(name).value();
            world.limit_disk(1);
            auto db = store<simulated_app>::open("db", {}, world.platform()).value();
            CHECK(has_row(db));
            CHECK(db.recovery().superblock_damage.value().subject() == bytes_view{name});
            CHECK_FALSE(db.recovery().superblock_repaired);
            db.close().value();
            world.limit_disk(0);
            auto again = store<simulated_app>::open("db", {}, world.platform()).value();
            CHECK(again.recovery().superblock_repaired);
            CHECK(read_superblocks(in).value().complete());
        });
    }
}
