// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

struct app : policies<with::platform<memory>> {};

struct world {
    memory files;
    std::vector<std::string> lines;

    world() {
        auto db = store<app>::open("db", {}, files).value();
        const auto table = db.table("t").value();
        for (int i = 0; i < 100; ++i) {
            auto tx = db.begin();
            tx.put(table, std::to_string(i), std::string(2000, 'v'));
            REQUIRE(tx.commit());
        }
        REQUIRE(db.checkpoint());
        REQUIRE(db.close());
    }
    store<app> open(bool read_only = false) {
        store_options options;
        options.read_only = read_only;
        options.events = {
            [](void* to, const event& what) {
                static_cast<world*>(to)->lines.push_back(what.message().as<std::string>());
            },
            this};
        return store<app>::open("db", options, files).value();
    }
    memory::directory directory() {
        return files.open_directory("db", directory_mode::existing).value();
    }
    // The name of the only image.
    bytes image() {
        for (const bytes& name : directory().list().value())
            if (is_image_name(name)) return name;
        return {};
    }
    std::size_t told(const std::string& begin) const {
        std::size_t count = 0;
        for (const std::string& each : lines) count += each.rfind(begin, 0) == 0 ? 1u : 0u;
        return count;
    }
};

void rot(memory::directory in, bytes_view name, std::uint64_t offset) {
    auto file = in.open(name, file_mode::write).value();
    file.write(offset, "rot").value();
}

}  // namespace

TEST_CASE(
    "an image that is damaged while the store is open is replaced, and the next opening uses it") {
    world all;
    auto db = all.open();
    REQUIRE(db.recovery().image.rows == 100);
    const bytes name = all.image();
    SUBCASE("in a block") { rot(all.directory(), name, 70'000); }
    SUBCASE("in its header") { rot(all.directory(), name, 20); }
    SUBCASE("cut") { all.directory().open(name, file_mode::write).value().resize(100'000).value(); }
    SUBCASE("gone") { all.directory().remove(name).value(); }
    const scrub_report report = db.scrub().value();
    CHECK(report.findings >= 1);
    CHECK(report.sound());
    CHECK(report.kept[0].file == name.view());
    CHECK(all.told("warning: repaired [checkpoint-") == report.findings);
    CHECK(db.scrub().value().findings == 0);
    REQUIRE(db.close());
    auto again = all.open();
    CHECK(again.recovery().image.rows == 100);
    CHECK_FALSE(again.recovery().image.damage);
    CHECK(again.get(*again.find_table("t"), "99").value());
}

TEST_CASE("a store that may not write tells of a damaged image and leaves it") {
    world all;
    auto db = all.open(true);
    rot(all.directory(), all.image(), 70'000);
    const scrub_report report = db.scrub().value();
    CHECK(report.findings == 1);
    CHECK(report.repaired == 0);
    CHECK(all.told("error: scrub_damage [checkpoint-") == 1);
}

TEST_CASE("a whole image is read to its end and nothing is found") {
    world all;
    auto db = all.open();
    const auto size = all.directory().open(all.image(), file_mode::read).value().size().value();
    const scrub_report report = db.scrub().value();
    CHECK(report.findings == 0);
    CHECK(report.files >= 4);  // two of the superblock, the log, the image
    CHECK(report.bytes > size);
}
