// SPDX-License-Identifier: BSL-1.0
//
// Salvage where positions hide what is lost, where sectors cannot be read, and where names clash.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/log_identity.hpp>
#include <mantis/recovery/salvage.hpp>
#include <mantis/store/store.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

// Several commits in a block: nobody waits for a sync.
struct app : policies<with::platform<memory>, with::durability<buffered>> {};
struct in_simulation : policies<with::platform<simulated>, with::durability<buffered>> {};

template <class Directory>
void damage(Directory in, lsn record_end) {
    bytes segment;
    lsn from;
    for (const bytes& name : in.list().value())
        if (lsn first; parse_segment_name(name, first) && first < record_end) {
            segment = name;
            from = first;
        }
    auto file = in.open(segment, file_mode::write).value();
    const std::uint64_t offset = segment_header_bytes + record_end.value - from.value - 20;
    std::byte one{};
    REQUIRE(file.read(offset, &one, 1).value() == 1);
    one ^= std::byte{1};
    file.write(offset, {&one, 1}).value();
}

template <class Platform>
result<salvage_report> salvage_all(Platform world) {
    auto from = world.open_directory("db", directory_mode::existing).value();
    auto to = world.open_directory("new", directory_mode::create).value();
    const auto whose = identify_log(from).value();
    return salvage<Platform, crc32c>(world, from, whose.block, to);
}

bool in_doubt(const salvage_report& report, bytes_view key) {
    for (const auto& each : report.doubtful)
        if (each.key == key) return true;
    return false;
}

}  // namespace

TEST_CASE("a damaged record that ends in the block of the one before is a lost range") {
    memory files;
    std::vector<lsn> ends;
    {
        auto db = store<app>::open("db", {}, files).value();
        const auto table = db.table("t").value();
        for (int i = 0; i < 3; ++i) {
            auto tx = db.begin();
            tx.put(table, "last", std::to_string(i));
            ends.push_back(tx.commit().value().position);
        }
        db.flush().value();
        auto tx = db.begin();
        tx.put(table, "other", "x");
        (void)tx.commit().value();
        db.close().value();
    }
    damage(files.open_directory("db", directory_mode::existing).value(), ends[2]);
    const auto report = salvage_all(files).value();
    REQUIRE(report.lost.size() == 1);
    CHECK(report.lost[0].from == ends[1]);
    CHECK(in_doubt(report, "last"));
}

TEST_CASE(
    "the last record of a segment is a lost range, though the next one begins where it should") {
    memory files;
    std::vector<lsn> ends;
    {
        auto db = store<app>::open("db", {.segment_bytes = 8 * KiB}, files).value();
        const auto table = db.table("t").value();
        for (int i = 0; i < 12; ++i) {
            auto tx = db.begin();
            tx.put(table, "last", std::to_string(i) + std::string(700, 'v'));
            ends.push_back(tx.commit().value().position);
        }
        db.close().value();
    }
    // Each record whose successor begins another block.
    for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
        memory copy;
        auto in = files.open_directory("db", directory_mode::existing).value();
        auto to = copy.open_directory("db", directory_mode::create).value();
        for (const bytes& name : in.list().value())
            to.open(name, file_mode::create)
                .value()
                .write(0, read_file(in, name, 64 * MiB).value())
                .value();
        damage(copy.open_directory("db", directory_mode::existing).value(), ends[i]);
        const auto report = salvage_all(copy).value();
        CAPTURE(i);
        CHECK(report.lost.size() == 1);
    }
}

TEST_CASE("a name that is made up for a table is no other table's name") {
    memory files;
    {
        auto db = store<app>::open("db", {.segment_bytes = 8 * KiB}, files).value();
        const auto table = db.table("t").value();
        auto first = db.begin();
        first.put(table, "k", std::string(5000, 'v'));
        (void)first.commit().value();
        const auto clash = db.table("salvaged-1").value();
        auto second = db.begin();
        second.put(table, "x", "y");
        second.put(clash, "a", "b");
        (void)second.commit().value();
        db.close().value();
    }
    auto in = files.open_directory("db", directory_mode::existing).value();
    in.remove(segment_name(first_lsn_of_log)).value();
    CHECK(salvage_all(files).value().tables == 2);
    auto db = store<app>::open("new", {}, files).value();
    CHECK(db.tables().size() == 2);
    CHECK(db.get(*db.find_table("salvaged-1"), "a").value() == bytes{bytes_view{"b"}});
}

TEST_CASE("a sector that cannot be read costs what lies in it, not its segment") {
    simulation world{1};
    world.run([&] {
        {
            auto db = store<in_simulation>::open("db", {}, world.platform()).value();
            const auto table = db.table("t").value();
            for (int i = 0; i < 200; ++i) {
                auto tx = db.begin();
                tx.put(table, std::to_string(i), std::string(100, 'v'));
                (void)tx.commit().value();
            }
            db.close().value();
        }
        world.inject({.on = io_kind::read,
                      .count = fault::for_ever,
                      .path_part = bytes{bytes_view{"db/0000000000001000.log"}},
                      .first_byte = 20'480,
                      .end_byte = 20'992});
        const auto report = salvage_all(world.platform()).value();
        CHECK(report.lost.size() == 1);
        auto db = store<in_simulation>::open("new", {}, world.platform()).value();
        CHECK(db.stats().entries > 150);
        CHECK(db.stats().entries < 200);
    });
}

TEST_CASE("records of another checksum policy are refused, not passed over") {
    memory files;
    (void)store<app>::open("db", {}, files).value().table("t").value();
    auto from = files.open_directory("db", directory_mode::existing).value();
    auto to = files.open_directory("new", directory_mode::create).value();
    const auto whose = identify_log(from).value();
    const auto refused = salvage<memory, xxh3>(files, from, whose.block, to);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::mismatch);
}
