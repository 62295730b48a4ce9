// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <string>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>, with::durability<buffered>> {};
struct in_a_world : policies<with::platform<simulated>, with::durability<buffered>> {};

}  // namespace

TEST_CASE("create_if_missing = false: a missing database is not_found and nothing is made") {
    memory files;
    store_options options;
    options.create_if_missing = false;
    CHECK(store<in_memory>::open("db", options, files).error().code() == error_code::not_found);
    CHECK_FALSE(files.open_directory("db", directory_mode::existing));
    auto empty = files.open_directory("empty", directory_mode::create).value();
    CHECK(store<in_memory>::open("empty", options, files).error().code() == error_code::not_found);
}

TEST_CASE("read_only: everything can be read, every commit is refused, no byte changes") {
    memory files;
    {
        auto db = store<in_memory>::open("db", {}, files).value();
        auto tx = db.begin();
        tx.put(db.table("t").value(), "k", "v");
        CHECK(tx.commit());
    }
    const auto contents = [&] {
        auto directory = files.open_directory("db", directory_mode::existing).value();
        bytes all;
        for (const bytes& name : directory.list().value()) {
            all.append(name);
            all.append(read_file(directory, name, 64 * MiB).value());
        }
        return all;
    };
    const bytes before = contents();
    {
        store_options options;
        options.read_only = true;
        auto db = store<in_memory>::open("db", options, files).value();
        auto table = db.find_table("t").value();
        CHECK(db.get(table, "k").value()->view() == bytes_view{"v"});
        auto tx = db.begin();
        tx.put(table, "k", "w");
        CHECK(tx.commit().error().code() == error_code::read_only);
        CHECK(db.table("new").error().code() == error_code::read_only);
        CHECK(db.table("t"));
        CHECK(db.get(table, "k").value()->view() == bytes_view{"v"});
    }
    CHECK(contents() == before);
}

TEST_CASE("memory_bytes: a commit that would pass it changes nothing; erasing makes room again") {
    store_options options;
    options.memory_bytes = 64 * KiB;
    auto db = store<in_memory>::open("db", options).value();
    auto table = db.table("t").value();
    int kept = 0;
    result<commit_info> last = commit_info{};
    while (kept < 1000) {
        auto tx = db.begin();
        tx.put(table, std::to_string(kept), std::string(1000, 'v'));
        last = tx.commit();
        if (!last) break;
        ++kept;
    }
    REQUIRE_FALSE(last);
    CHECK(last.error().code() == error_code::out_of_memory);
    CHECK(last.error().kind() == error_class::resource);
    CHECK(kept > 30);
    CHECK(db.stats().entries == static_cast<std::size_t>(kept));
    auto erase = db.begin();
    for (int i = 0; i < kept; ++i) erase.erase(table, std::to_string(i));
    CHECK(erase.commit());
    auto again = db.begin();
    again.put(table, "k", std::string(1000, 'v'));
    CHECK(again.commit());
}

TEST_CASE("segment_bytes: a new file after so many") {
    memory files;
    {
        store_options options;
        options.segment_bytes = 32 * KiB;
        auto db = store<in_memory>::open("db", options, files).value();
        auto table = db.table("t").value();
        for (int i = 0; i < 100; ++i) {
            auto tx = db.begin();
            tx.put(table, std::to_string(i), std::string(2000, 'v'));
            CHECK(tx.commit());
        }
    }
    auto directory = files.open_directory("db", directory_mode::existing).value();
    CHECK(directory.list().value().size() > 6);
    auto db = store<in_memory>::open("db", {}, files);
    REQUIRE(db);
    CHECK(db->stats().entries == 100);
}

TEST_CASE(
    "map_log: commits that wait for no sync are mapped where files can be, unless it is off") {
    for (const bool maps : {true, false}) {
        CAPTURE(maps);
        simulation world{1};
        world.map_files(true);
        world.run([&] {
            store_options options;
            options.map_log = maps;
            auto db = store<in_a_world>::open("db", options, world.platform()).value();
            const auto table = db.table("t").value();
            const auto put = [&](durability_class how) {
                const std::uint64_t before = db.stats().log.mapped_writes;
                auto tx = db.begin(isolation::read_committed, how);
                tx.put(table, "k", "v");
                CHECK(tx.commit());
                return db.stats().log.mapped_writes - before;
            };
            CHECK(put(durability_class::buffered) == (maps ? 1 : 0));
            CHECK(put(durability_class::synchronous) == 0);
            CHECK(put(durability_class::periodic) == (maps ? 1 : 0));
        });
    }
}
