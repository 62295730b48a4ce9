// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

#include <string>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>> {};
struct in_memory_xxh3 : policies<with::platform<memory>, with::checksum<xxh3>> {};
struct in_memory_periodic : policies<with::platform<memory>, with::durability<periodic>> {};

void put(store<in_memory>& db, bytes_view key, bytes_view value) {
    auto tx = db.begin();
    tx.put(db.table("t").value(), key, value);
    CHECK(tx.commit());
}

// The files as they are: what the end of a process that has them open would leave.
memory copy_of(const memory& files) {
    memory copy;
    auto from = files.open_directory("db", directory_mode::existing).value();
    auto to = copy.open_directory("db", directory_mode::create).value();
    for (const bytes& name : from.list().value())
        to.open(name, file_mode::create)
            .value()
            .write(0, read_file(from, name, 64 * MiB).value())
            .value();
    return copy;
}

}  // namespace

TEST_CASE("a second opener is told who holds the database, and gets in once it is closed") {
    memory files;
    auto first = store<in_memory>::open("db", {}, files).value();
    const auto second = store<in_memory>::open("db", {}, files);
    REQUIRE_FALSE(second);
    CHECK(second.error().code() == error_code::locked);
    CHECK(second.error().number("pid"));
    first.close().value();
    CHECK(store<in_memory>::open("db", {}, files));
}

TEST_CASE("another checksum policy is refused by the name of its slot") {
    memory files;
    { auto db = store<in_memory>::open("db", {}, files).value(); }
    const auto refused = store<in_memory_xxh3>::open("db", {}, files);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::mismatch);
    CHECK(refused.error().message().as<std::string>().find("with::checksum") != std::string::npos);
}

TEST_CASE("a log without a superblock is not taken for a new database") {
    memory files;
    {
        auto db = store<in_memory>::open("db", {}, files).value();
        put(db, "k", "v");
    }
    auto directory = files.open_directory("db", directory_mode::existing).value();
    directory.remove(superblock_name).value();
    directory.remove(superblock_copy_name).value();
    CHECK(store<in_memory>::open("db", {}, files).error().code() == error_code::corrupt);
}

TEST_CASE(
    "after a clean close a log that lost its last segment, or its last record, refuses to open") {
    for (const bool whole_file : {true, false}) {
        memory files;
        {
            auto db = store<in_memory>::open("db", {}, files).value();
            put(db, "a", "1");
            put(db, "b", "2");
        }
        auto directory = files.open_directory("db", directory_mode::existing).value();
        const bytes name = segment_name(first_lsn_of_log);
        if (whole_file) directory.remove(name).value();
        else directory.open(name, file_mode::write).value().resize(3 * 4096).value();
        const auto refused = store<in_memory>::open("db", {}, files);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
        CHECK(refused.error().number("expected_lsn"));
    }
}

TEST_CASE("what an opening answered may not be missing at the next one, closed or not") {
    memory files;
    auto first = store<in_memory>::open("db", {}, files).value();
    put(first, "a", "1");
    put(first, "b", "2");
    memory after_crash = copy_of(files);
    auto second = store<in_memory>::open("db", {}, after_crash).value();
    CHECK(second.get(second.find_table("t").value(), "b").value());
    memory after_another = copy_of(after_crash);
    after_another.open_directory("db", directory_mode::existing)
        .value()
        .open(segment_name(first_lsn_of_log), file_mode::write)
        .value()
        .resize(3 * 4096)
        .value();
    const auto refused = store<in_memory>::open("db", {}, after_another);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::corrupt);
}

TEST_CASE("verify reads the log again and finds what rotted since the opening") {
    memory files;
    auto db = store<in_memory>::open("db", {}, files).value();
    put(db, "a", "1");
    put(db, "b", "2");
    const auto sound = db.verify().value();
    CHECK(sound.tables == 1);
    CHECK(sound.entries == 2);
    CHECK(sound.log_records == 3);
    auto directory = files.open_directory("db", directory_mode::existing).value();
    auto file = directory.open(segment_name(first_lsn_of_log), file_mode::write).value();
    file.write(segment_header_bytes + 50, "rot").value();
    const auto rotten = db.verify();
    REQUIRE_FALSE(rotten);
    CHECK(rotten.error().code() == error_code::corrupt);
}

TEST_CASE("with periodic durability the log becomes durable without anybody asking") {
    memory files;
    store_options options;
    options.sync_period = milliseconds(1);
    auto db = store<in_memory_periodic>::open("db", options, files).value();
    auto tx = db.begin();
    tx.put(db.table("t").value(), "k", "v");
    const lsn position = tx.commit().value().position;
    for (int i = 0; i < 10'000 && db.stats().durable < position; ++i) files.sleep(milliseconds(1));
    CHECK(db.stats().durable >= position);
}
