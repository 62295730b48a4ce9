// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/recovery/log_identity.hpp>
#include <mantis/recovery/salvage.hpp>
#include <mantis/store/store.hpp>

#include <map>
#include <set>
#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<memory>> {};
using rows = std::map<std::string, std::string>;

// Commits 0 to 39: each writes its own row, and "last"; every tenth erases the row before.
struct damaged_store {
    memory files;
    std::vector<lsn> ends;

    damaged_store() {
        store_options options;
        options.segment_bytes = 32 * KiB;
        auto db = store<app>::open("db", options, files).value();
        auto dropped = db.table("dropped").value();
        auto table = db.table("t").value();
        CHECK(db.drop_table(dropped));
        for (int number = 0; number < 40; ++number) {
            auto tx = db.begin(isolation::read_committed);
            tx.put(table, std::to_string(number), std::string(500, 'v'));
            tx.put(table, "last", std::to_string(number));
            if (number % 10 == 9) tx.erase(table, std::to_string(number - 1));
            ends.push_back(tx.commit().value().position);
        }
        db.close().value();
    }
    memory::directory open(const char* name = "db") {
        return files.open_directory(name, directory_mode::create).value();
    }
    // One wrong byte in the record that ends there.
    void damage(lsn end) {
        auto in = open();
        bytes segment;
        lsn from;
        for (const bytes& name : in.list().value())
            if (lsn first; parse_segment_name(name, first) && first < end) {
                segment = name;
                from = first;
            }
        auto file = in.open(segment, file_mode::write).value();
        const std::uint64_t offset = segment_header_bytes + end.value - from.value - 20;
        std::byte one{};
        REQUIRE(file.read(offset, &one, 1).value() == 1);
        one ^= std::byte{1};
        file.write(offset, {&one, 1}).value();
    }
    result<salvage_report> salvage_to(const char* name) {
        auto from = open();
        auto to = open(name);
        auto whose = identify_log(from).value();
        return salvage<memory, crc32c>(files, from, whose.block, to);
    }
    rows rows_of(const char* name, const char* table) {
        auto db = store<app>::open(name, {.create_if_missing = false}, files).value();
        CHECK(db.verify());
        rows all;
        auto found = db.find_table(table);
        if (!found) return {{"no", "table"}};
        auto tx = db.begin();
        auto each = tx.scan(*found);
        while (each.next().value())
            all[each.key().as<std::string>()] = each.value().as<std::string>();
        return all;
    }
    bytes contents() {
        auto in = open();
        bytes all;
        for (const bytes& name : in.list().value()) {
            all.append(name);
            all.append(read_file(in, name, 64 * MiB).value());
        }
        return all;
    }
};

// What the commits but some leave behind.
rows expected(const std::set<int>& without) {
    rows all;
    for (int number = 0; number < 40; ++number) {
        if (without.count(number) != 0) continue;
        all[std::to_string(number)] = std::string(500, 'v');
        all["last"] = std::to_string(number);
        if (number % 10 == 9) all.erase(std::to_string(number - 1));
    }
    return all;
}

}  // namespace

TEST_CASE("of a sound log everything is salvaged, and nothing is in doubt") {
    damaged_store at;
    const bytes before = at.contents();
    const auto report = at.salvage_to("new").value();
    CHECK(report.lost.empty());
    CHECK(report.doubtful.empty());
    CHECK(report.tables == 1);
    CHECK(report.transactions_kept == 43);
    CHECK(report.torn_bytes == 0);
    CHECK(at.rows_of("new", "t") == expected({}));
    CHECK(report.rows == expected({}).size());
    CHECK(at.contents() == before);
    CHECK(at.salvage_to("new").error().code() == error_code::already_exists);
}

TEST_CASE(
    "a damaged record costs its transaction; the range and the rows it may concern are told") {
    for (int number = 0; number < 40; ++number) {
        CAPTURE(number);
        damaged_store at;
        const auto index = static_cast<std::size_t>(number);
        at.damage(at.ends[index]);
        CHECK(store<app>::open("db", {}, at.files).error().code() == error_code::corrupt);
        const auto report = at.salvage_to("new").value();
        CHECK(at.rows_of("new", "t") == expected({number}));
        REQUIRE(report.lost.size() == 1);
        CHECK(report.lost[0].from < at.ends[index]);
        CHECK(report.lost[0].to >= at.ends[index]);
        if (index > 0) CHECK(report.lost[0].from >= at.ends[index - 1]);
        if (index < 39) CHECK(report.lost[0].to < at.ends[index + 1]);
        for (const doubtful_row& each : report.doubtful) {
            CHECK(each.table == bytes_view{"t"});
            if (each.why == row_doubt::may_be_stale) CHECK(each.version < at.ends[index]);
            else CHECK(each.version == at.ends[index + 1]);
        }
        // Every row that differs from the truth is in doubt.
        const rows truth = expected({});
        std::set<std::string> in_doubt;
        for (const doubtful_row& each : report.doubtful)
            in_doubt.insert(each.key.as<std::string>());
        for (const auto& [key, value] : expected({number}))
            if (truth.count(key) == 0 || truth.at(key) != value) CHECK(in_doubt.count(key) == 1);
    }
}

TEST_CASE("a missing segment is one lost range, and tables made in it get a name") {
    damaged_store at;
    auto in = at.open();
    in.remove(segment_name(first_lsn_of_log)).value();
    const auto report = at.salvage_to("new").value();
    REQUIRE(report.lost.size() == 1);
    CHECK(report.lost[0].from == first_lsn_of_log);
    CHECK(report.lost[0].segment.empty());
    const rows left = at.rows_of("new", "salvaged-2");
    CHECK(left.at("last") == "39");
    CHECK(left.size() < expected({}).size());
    const std::string first = std::to_string(40 - static_cast<int>(report.transactions_kept));
    for (const doubtful_row& each : report.doubtful) {
        CHECK(each.why == row_doubt::may_be_incomplete);
        CHECK(each.key == bytes_view{first});
    }
}

TEST_CASE("a segment without its header, and a database without its superblock, are read") {
    damaged_store at;
    auto in = at.open();
    in.open(segment_name(first_lsn_of_log), file_mode::write).value().write(8, "rotten").value();
    in.remove(superblock_name).value();
    in.remove(superblock_copy_name).value();
    const auto report = at.salvage_to("new").value();
    CHECK(report.lost.empty());
    CHECK(at.rows_of("new", "t") == expected({}));
}

TEST_CASE("a last record that the superblock promises is lost, one that nobody does is torn") {
    for (const bool promised : {true, false}) {
        damaged_store at;
        auto in = at.open();
        at.damage(at.ends[39]);
        if (!promised) {
            in.remove(superblock_name).value();
            in.remove(superblock_copy_name).value();
        }
        const auto report = at.salvage_to("new").value();
        CHECK(report.lost.size() == (promised ? 1 : 0));
        CHECK((report.torn_bytes == 0) == promised);
        CHECK(report.doubtful.empty() != promised);
        CHECK(at.rows_of("new", "t") == expected({39}));
    }
}

TEST_CASE("a last segment of which nothing can be read is told to be lost, promised or not") {
    damaged_store at;
    auto in = at.open();
    in.remove(superblock_name).value();
    in.remove(superblock_copy_name).value();
    const bytes last = in.list().value().back();
    lsn first;
    REQUIRE(parse_segment_name(last, first));
    in.open(last, file_mode::write)
        .value()
        .write(0, encode_segment_header({1, crc32c::format_id, {9, 9}, first, 7, 0}))
        .value();
    const auto report = at.salvage_to("new").value();
    REQUIRE(report.lost.size() == 1);
    CHECK(report.lost[0].to > first);
    CHECK_FALSE(report.doubtful.empty());
}
