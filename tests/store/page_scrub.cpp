// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/detail/stored_page_scrub.hpp>
#include <mantis/store/page_scrub.hpp>
#include <mantis/store/paged_btree.hpp>
#include <mantis/store/store.hpp>

#include <map>
#include <string>
#include <vector>

using namespace mantis;

namespace {

using in_pages = paged_btree<512>;
struct app : policies<with::platform<memory>, with::indexes<in_pages, btree<>>> {};
using store_type = store<app>;
using rows_type = std::map<std::string, std::string>;
struct image {
    page_id page;
    page_place place;
};

struct subject {
    memory world;
    std::vector<std::string> lines;
    rows_type model;

    subject() {
        auto db = open();
        auto rows = db.table("rows").value();
        for (int round = 0; round < 3; ++round) {
            for (int i = round; i < 100; i += 1 + round) {
                const std::string key = std::to_string(1000 + i);
                model[key] = std::string(static_cast<std::size_t>(i % 9 == 0 ? 900 : 60),
                                         static_cast<char>('a' + round));
                auto tx = db.begin(isolation::read_committed);
                tx.put(rows, key, model[key]);
                REQUIRE(tx.commit());
            }
            REQUIRE(db.checkpoint());
        }
        REQUIRE(db.close());
    }
    store_type open(std::size_t memory_bytes = 96 * KiB, bool read_only = false) {
        store_options options;
        options.checkpoint_for_space = false;
        options.segment_bytes = 16 * KiB;
        options.page_memory_bytes = memory_bytes;
        options.page_segment_bytes = 64 * KiB;
        options.checkpoint_log_bytes = 0;
        options.read_only = read_only;
        options.events = {
            [](void* to, const event& what) {
                static_cast<subject*>(to)->lines.push_back(what.message().as<std::string>());
            },
            this};
        return store_type::open("db", options, world).value();
    }
    memory::directory directory() {
        return world.open_directory("db", directory_mode::existing).value();
    }
    superblock block() { return read_superblocks(directory_)->block; }
    std::vector<image> live() {
        std::vector<image> found;
        detail::stored_pages<memory, xxh3> pages{directory_, block().database};
        REQUIRE(pages.read_manifest(0, {}).value());
        pages.map().for_each_committed({1}, [&](page_id page, const page_entry& entry) {
            found.push_back({page, entry.place});
            return true;
        });
        return found;
    }
    bytes manifest() { return manifest_name(detail::find_manifests(directory_)->newest); }
    void flip(bytes_view name, std::uint64_t offset) {
        auto file = directory_.open(name, file_mode::write).value();
        std::byte byte{};
        REQUIRE(file.read(offset, &byte, 1).value() == 1);
        byte ^= std::byte{4};
        REQUIRE(file.write(offset, bytes_view{&byte, 1}));
    }
    void flip(const image& at) {
        flip(data_segment_name(at.place.segment()), at.place.offset() + 333);
    }
    scrub_report scrub_closed() {
        scrubber<memory> scrubbing{world, {}};
        stored_page_scrub<memory> pages{directory_, block()};
        scrubbing.add(pages.source());
        return scrubbing.run(0);
    }
    rows_type rows_of(store_type& db) {
        rows_type found;
        auto tx = db.begin(isolation::read_committed);
        auto scan = tx.scan(*db.find_table("rows"));
        while (scan.next().value())
            found[scan.key().as<std::string>()] = scan.value().as<std::string>();
        return found;
    }
    std::size_t told(const std::string& begin) const {
        std::size_t count = 0;
        for (const std::string& each : lines) count += each.rfind(begin, 0) == 0 ? 1u : 0u;
        return count;
    }

    memory::directory directory_ = directory_of(world);
    static memory::directory directory_of(memory& in) {
        return in.open_directory("db", directory_mode::create).value();
    }
};

}  // namespace

TEST_CASE("every image of a sound database is read, and nothing is found") {
    subject all;
    const std::size_t live = all.live().size();
    CHECK(live > 30);
    const scrub_report closed = all.scrub_closed();
    CHECK(closed.sound());
    CHECK(closed.pages == live);
    CHECK(closed.findings == 0);
    auto db = all.open();
    const scrub_report report = db.scrub().value();
    CHECK(report.sound());
    CHECK(report.pages == live);
    CHECK(report.findings == 0);
    CHECK(report.bytes > live * 512);
}

TEST_CASE("bit rot in any page is found, once, with its page, file, offset and table") {
    subject all;
    std::size_t repaired = 0;
    const std::size_t count = all.live().size();
    for (std::size_t at = 0; at < count; ++at) {
        const image each = all.live()[at];
        CAPTURE(each.page.value);
        auto db = all.open();  // it reads roots, so those are repaired
        all.flip(each);
        const scrub_report closed = all.scrub_closed();
        REQUIRE(closed.findings == 1);
        CHECK(closed.pages == count - 1);
        const scrub_report report = db.scrub().value();
        REQUIRE(report.findings == 1);
        REQUIRE(report.kept.size() == 1);
        const scrub_finding what = report.kept[0];
        CHECK(what.kind == scrub_kind::damaged);
        CHECK(what.page == each.page);
        CHECK(what.table == table_id{1});
        CHECK(what.file == data_segment_name(each.place.segment()).view());
        CHECK(what.offset == each.place.offset());
        CHECK(closed.kept[0].page == each.page);
        CHECK(closed.kept[0].same_place(what));
        CHECK(report.sound() == what.repaired);
        const std::string event =
            what.repaired ? "warning: repaired [data-" : "error: scrub_damage [data-";
        CHECK(all.told(event) == 1);
        REQUIRE(db.close());
        all.lines.clear();
        if (what.repaired) ++repaired;
        else all.flip(each);
        CHECK(all.scrub_closed().sound());
    }
    CHECK(repaired >= 1);
    CHECK(repaired < count / 4);
}

TEST_CASE("a page that is whole in memory is put elsewhere, and the next opening has it") {
    subject all;
    auto db = all.open(1 * MiB);
    CHECK(all.rows_of(db) == all.model);
    const auto before = all.live();
    for (const image& each : before) all.flip(each);
    const scrub_report report = db.scrub().value();
    CHECK(report.findings == before.size());
    CHECK(report.repaired >= before.size() - 2);  // nothing has read an extent twice
    CHECK(report.sound() == (report.repaired == report.findings));
    CHECK(db.scrub()->findings == report.findings - report.repaired);
    REQUIRE(db.close());
    auto again = all.open();
    if (report.sound()) CHECK(all.rows_of(again) == all.model);
    CHECK(all.told("warning: repaired [data-") == report.repaired);
}

TEST_CASE("a damaged manifest is rewritten from memory") {
    subject all;
    auto db = all.open();
    const bytes name = all.manifest();
    SUBCASE("in its header") { all.flip(name, 20); }
    SUBCASE("in its snapshot") { all.flip(name, 4200); }
    SUBCASE("in its last group") {
        const auto size = all.directory_.open(name, file_mode::read)->size().value();
        all.flip(name, size - 4000);
    }
    SUBCASE("gone") { REQUIRE(all.directory_.remove(name)); }
    SUBCASE("cut") { REQUIRE(all.directory_.open(name, file_mode::write)->resize(5000)); }
    const scrub_report report = db.scrub().value();
    REQUIRE(report.findings == 1);
    CHECK(report.kept[0].file == name.view());
    CHECK(report.kept[0].page == page_id{});
    CHECK(report.repaired == 1);
    CHECK(db.scrub()->findings == 0);
    REQUIRE(db.close());
    auto again = all.open();
    CHECK(all.rows_of(again) == all.model);
}

TEST_CASE("of a closed database a damaged manifest is told, and nothing is changed") {
    subject all;
    const bytes name = all.manifest();
    scrub_kind kind = scrub_kind::damaged;
    SUBCASE("in its snapshot") { all.flip(name, 4200); }
    SUBCASE("in its last group") {
        const auto size = all.directory_.open(name, file_mode::read)->size().value();
        all.flip(name, size - 4000);
    }
    SUBCASE("gone") {
        REQUIRE(all.directory_.remove(name));
        kind = scrub_kind::missing;
    }
    const scrub_report report = all.scrub_closed();
    REQUIRE(report.findings == 1);
    CHECK(report.kept[0].kind == kind);
    CHECK(report.pages == 0);
}

TEST_CASE("a data segment without a sound header, or that is missing, is one finding") {
    subject all;
    auto live = all.live();
    const bytes name = data_segment_name(live[0].place.segment());
    auto db = all.open();
    SUBCASE("its header") {
        all.flip(name, 33);
        const scrub_report report = db.scrub().value();
        REQUIRE(report.findings == 1);
        CHECK(report.kept[0].file == name.view());
        CHECK(report.kept[0].offset == 0);
        CHECK(all.scrub_closed().findings == 1);
    }
    SUBCASE("missing") {
        REQUIRE(db.close());
        REQUIRE(all.directory_.remove(name));
        const scrub_report report = all.scrub_closed();
        REQUIRE(report.findings == 1);
        CHECK(report.kept[0].kind == scrub_kind::missing);
    }
}

TEST_CASE("a store that is read only repairs no page") {
    subject all;
    auto db = all.open(1 * MiB, true);
    CHECK(all.rows_of(db) == all.model);
    const auto live = all.live();
    all.flip(live[0]);
    const scrub_report report = db.scrub().value();
    CHECK(report.findings == 1);
    CHECK(report.repaired == 0);
    all.flip(all.manifest(), 4200);
    CHECK(db.scrub()->findings == 2);
}

TEST_CASE("pages are read at the pace that was asked for") {
    subject all;
    std::uint64_t bytes_read = 0;
    scrub_options options;
    options.context = &bytes_read;
    options.progress = [](void* to, std::uint64_t bytes) {
        *static_cast<std::uint64_t*>(to) = bytes;
    };
    scrubber<memory> scrubbing{all.world, options};
    stored_page_scrub<memory> pages{all.directory_, all.block()};
    scrubbing.add(pages.source());
    const nanoseconds begun = all.world.now();
    const scrub_report report = scrubbing.run(200'000);
    const double seconds = (all.world.now() - begun).seconds();
    CHECK(report.sound());
    CHECK(bytes_read == report.bytes);
    CHECK(report.bytes >= all.live().size() * 512);
    CHECK(seconds >= static_cast<double>(report.bytes) / 200'000 * 0.9);
}
