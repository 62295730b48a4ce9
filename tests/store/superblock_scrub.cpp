// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

struct app : policies<with::platform<memory>> {};

void note(void* context, const event& what) {
    static_cast<std::vector<std::string>*>(context)->push_back(what.message().as<std::string>());
}

}  // namespace

TEST_CASE(
    "either file of the superblock, or both, damaged or gone while the store is open: repaired") {
    for (const int which : {1, 2, 3}) {
        for (const bool removed : {true, false}) {
            memory files;
            std::vector<std::string> lines;
            store_options options;
            options.events = {note, &lines};
            auto db = store<app>::open("db", options, files).value();
            auto in = files.open_directory("db", directory_mode::existing).value();
            const auto before = read_superblocks(in).value();
            const auto wreck = [&](const char* name) {
                if (removed) in.remove(name).value();
                else in.open(name, file_mode::write).value().write(40, "rot").value();
            };
            if ((which & 1) != 0) wreck(superblock_name);
            if ((which & 2) != 0) wreck(superblock_copy_name);
            const scrub_report report = db.scrub().value();
            const std::uint64_t count = which == 3 ? 2 : 1;
            // A copy that is gone from a database that was just made may never have been made.
            if (which == 2 && removed && before.block.generation <= 1) {
                CHECK(report.findings == 0);
                continue;
            }
            CHECK(report.findings == count);
            CHECK(report.repaired == count);
            CHECK(report.sound());
            const auto after = read_superblocks(in).value();
            CHECK(after.complete());
            CHECK(after.block.database == before.block.database);
            CHECK(after.block.log_reaches == before.block.log_reaches);
            std::size_t told = 0;
            for (const std::string& line : lines)
                if (line.rfind("warning: repaired [superblock", 0) == 0) ++told;
            CHECK(told == count);
            CHECK(db.scrub().value().findings == 0);
        }
    }
}

TEST_CASE("a store that may not write tells of a damaged superblock and leaves it") {
    memory files;
    store<app>::open("db", {}, files).value().close().value();
    auto in = files.open_directory("db", directory_mode::existing).value();
    store_options options;
    options.read_only = true;
    auto db = store<app>::open("db", options, files).value();
    in.open(superblock_name, file_mode::write).value().write(40, "rot").value();
    const scrub_report report = db.scrub().value();
    REQUIRE(report.findings == 1);
    CHECK(report.repaired == 0);
    CHECK(report.kept[0].file == bytes_view{superblock_name});
    CHECK_FALSE(report.sound());
    CHECK_FALSE(read_superblocks(in).value().complete());
}

TEST_CASE("a repair that fails is told as damage that is still there") {
    memory files;
    auto db = store<app>::open("db", {}, files).value();
    auto in = files.open_directory("db", directory_mode::existing).value();
    auto own = superblock_scrub<memory>::look(in);
    CHECK(own.empty());
    in.open(superblock_name, file_mode::write).value().write(0, "rot").value();
    in.open(superblock_copy_name, file_mode::create).value().write(0, "rot").value();
    own = superblock_scrub<memory>::look(in);
    REQUIRE(own.size() == 2);
    CHECK(own[0].kind == scrub_kind::damaged);
    CHECK_FALSE(own[0].repaired);
}
