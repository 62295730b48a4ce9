// SPDX-License-Identifier: BSL-1.0
//
// Salvages of databases with tables in pages.
#include <doctest/doctest.h>

#include <mantis/core/detail/splitmix.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/recovery/log_identity.hpp>
#include <mantis/recovery/salvage.hpp>
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
using model_type = std::map<std::string, std::map<std::string, std::string>>;
using files_type = std::map<std::string, std::string>;
using pages_type = detail::stored_pages<memory, xxh3>;

store_options small() {
    store_options options;
    options.checkpoint_for_space = false;
    options.segment_bytes = 16 * KiB;
    options.page_memory_bytes = 96 * KiB;
    options.page_segment_bytes = 64 * KiB;
    options.checkpoint_log_bytes = 0;
    return options;
}

// One in seven has pages of its own.
std::string value_of(int row, int round) {
    const int size = row % 7 == 3 ? 700 + row * 5 : 40 + row % 50;
    return std::string(static_cast<std::size_t>(size), static_cast<char>('a' + round)) +
           std::to_string(round);
}

// A database with two tables in pages, one in memory, and one of each that was dropped; some
// checkpoints, and a log behind the last.
struct subject {
    memory world;
    model_type model;
    files_type files;
    files_type before;  // the last checkpoint

    explicit subject(bool keep_log = false, bool goes_on = true) {
        store_options options = small();
        options.keep_log = keep_log;
        {
            auto db = store_type::open("db", options, world).value();
            auto gone = db.table("gone").value();
            auto gone_too = db.table<btree<>>("gone-too").value();
            put(db, gone, "key", "value");
            put(db, gone_too, "key", "value");
            auto gone_later = db.table("gone-later").value();
            put(db, gone_later, "key", "value");
            for (int round = 0; round < 4; ++round) {
                auto rows = db.table("rows").value();
                auto others = db.table("others").value();
                auto memory_rows = db.table<btree<>>("in-memory").value();
                // Each row of round 2 is changed twice.
                for (int row = 2; row < 120 && round == 2; row += 7)
                    put(db, rows, "row-" + std::to_string(1000 + row), std::string(500, 'o'));
                for (int row = round; row < 120; row += 1 + round * 3) {
                    change(db, rows, "rows", row, round);
                    if (row % 4 == 0) change(db, memory_rows, "in-memory", row, round);
                    if (row % 5 == 0) change(db, others, "others", row, round);
                }
                if (round == 1) REQUIRE(db.drop_table(gone));
                if (round == 1) REQUIRE(db.drop_table(gone_too));
                if (round == 2) {
                    REQUIRE(db.drop_table(gone_later));
                    before = files_now();
                }
                if (round < 3 || !goes_on) REQUIRE(db.checkpoint());
            }
            REQUIRE(db.close());
        }
        files = files_now();
    }
    files_type files_now() {
        files_type found;
        auto in = world.open_directory("db", directory_mode::existing).value();
        for (const bytes& name : in.list().value())
            found[name.as<std::string>()] = read_file(in, name, 64 * MiB)->as<std::string>();
        return found;
    }
    // What a crash leaves between the pages' checkpoint and the superblock's.
    //   Requires    keep_log
    files_type half_way() const {
        files_type made = files;
        made.erase(segment_name(first_lsn_of_log).as<std::string>());
        for (const auto& [name, unused] : files)
            if (name.rfind("checkpoint-", 0) == 0) made.erase(name);
        for (const auto& [name, content] : before)
            if (name.rfind("checkpoint-", 0) == 0 || name.rfind("superblock", 0) == 0)
                made[name] = content;
        return made;
    }
    template <class Table>
    void change(store_type& db, Table& to, const std::string& name, int row, int round) {
        const std::string key = "row-" + std::to_string(1000 + row);
        if (round > 0 && (row + round) % 6 == 0) {
            auto tx = db.begin(isolation::read_committed);
            tx.erase(to, key);
            REQUIRE(tx.commit());
            model[name].erase(key);
        } else {
            put(db, to, key, value_of(row, round));
            model[name][key] = value_of(row, round);
        }
    }
    template <class Table>
    static void put(store_type& db, Table& to, const std::string& key, const std::string& value) {
        auto tx = db.begin(isolation::read_committed);
        tx.put(to, key, value);
        REQUIRE(tx.commit());
    }

    // The images that the manifest says are live.
    std::map<std::uint64_t, page_place> live() const {
        std::map<std::uint64_t, page_place> found;
        auto in = memory{world}.open_directory("db", directory_mode::existing).value();
        pages_type pages{in, identify_log(in)->block.database};
        REQUIRE(pages.read_manifest(0, {}).value());
        pages.map().for_each_committed({1}, [&](page_id page, const page_entry& entry) {
            found[page.value] = entry.place;
            return true;
        });
        return found;
    }
    unsigned kind_of(page_place at) const {
        const std::string& file = files.at(name_of_segment(at));
        return static_cast<unsigned char>(file[static_cast<std::size_t>(at.offset()) + 1]);
    }
    static std::string name_of_segment(page_place at) {
        return data_segment_name(at.segment()).as<std::string>();
    }
    static void rot(files_type& in, page_place at) {
        char& byte = in.at(name_of_segment(at))[static_cast<std::size_t>(at.offset()) + 300];
        byte = static_cast<char>(byte ^ 0x10);
    }
    std::string file_of_kind(const std::string& beginning) const {
        for (const auto& [name, unused] : files)
            if (name.rfind(beginning, 0) == 0) return name;
        return "";
    }
};

struct outcome {
    salvage_report report;
    model_type found;

    [[nodiscard]] bool is_doubtful(const std::string& table, const std::string& key) const {
        for (const doubtful_row& each : report.doubtful)
            if (each.table == bytes_view{table} && each.key == bytes_view{key}) return true;
        return false;
    }
    [[nodiscard]] bool is_lost(const std::string& table, const std::string& key) const {
        for (const lost_page_part& each : report.lost_pages)
            if (each.table == bytes_view{table} && bytes_view{key} >= each.from.view() &&
                (each.to.empty() || bytes_view{key} < each.to.view()))
                return true;
        return false;
    }
    // Empty: each row of the model is there or lost, and no other is there, but for doubtful ones.
    // Where a part of the log or of the image is lost, rows may be missing, and names of tables.
    [[nodiscard]] std::string difference(const model_type& model) const {
        const bool all = report.lost.empty() && report.lost_rows.empty();
        for (const auto& [table, rows] : model)
            for (const auto& [key, value] : rows) {
                const auto in = found.find(table);
                const auto at = in == found.end() ? rows.end() : in->second.find(key);
                const bool there = in != found.end() && at != in->second.end();
                if (all && !there && !is_lost(table, key)) return "missing: " + table + " " + key;
                if (there && at->second != value && !is_doubtful(table, key))
                    return "wrong: " + table + " " + key;
            }
        for (const auto& [table, rows] : found)
            for (const auto& [key, unused] : rows) {
                const auto in = model.find(table);
                if (!all && in == model.end()) continue;
                if ((in == model.end() || in->second.count(key) == 0) && !is_doubtful(table, key))
                    return "more: " + table + " " + key;
            }
        return {};
    }
};

outcome salvage_of(const files_type& files) {
    memory world;
    {
        auto in = world.open_directory("db", directory_mode::create).value();
        for (const auto& [name, content] : files)
            REQUIRE(in.open(name, file_mode::create)->write(0, content));
    }
    auto in = world.open_directory("db", directory_mode::existing).value();
    auto to = world.open_directory("new", directory_mode::create).value();
    auto report = salvage<memory, crc32c>(world, in, identify_log(in)->block, to);
    REQUIRE(report);
    outcome made{std::move(*report), {}};
    auto db = store_type::open("new", small(), world).value();
    for (const table_info& each : db.tables()) {
        auto& rows = made.found[each.name.as<std::string>()];
        const bool is_paged = each.index == bytes_view{in_pages::name};
        if (each.name == bytes_view{"rows"} || each.name == bytes_view{"others"}) CHECK(is_paged);
        auto tx = db.begin(isolation::read_committed);
        auto scan = tx.scan(*db.find_table(each.name));
        while (scan.next().value())
            rows[scan.key().as<std::string>()] = scan.value().as<std::string>();
    }
    return made;
}

std::uint64_t read_checkpoint(const files_type& files) {
    return decode_superblock(bytes_view{files.at(superblock_name)})->checkpoint.value;
}

}  // namespace

TEST_CASE("tables in pages are salvaged without a loss, into tables in pages") {
    CHECK(bytes_view{detail::paged_index_name} == bytes_view{in_pages::name});
    const subject from;
    REQUIRE(from.files.count(segment_name(first_lsn_of_log).as<std::string>()) == 0);
    const outcome got = salvage_of(from.files);
    CHECK(got.found == from.model);
    CHECK(got.report.lost_pages.empty());
    CHECK(got.report.doubtful.empty());
    CHECK(got.report.damaged_pages == 0);
    CHECK(got.report.pages_proven);
    CHECK(got.report.page_rows > 100);
}

TEST_CASE("whatever page is damaged, all other rows are salvaged, and its keys are told as lost") {
    bool goes_on = true;
    SUBCASE("with a log behind the checkpoint") { goes_on = true; }
    SUBCASE("with none") { goes_on = false; }
    const subject from{false, goes_on};
    int leaves = 0;
    for (const auto& [page, place] : from.live()) {
        CAPTURE(page);
        files_type files = from.files;
        subject::rot(files, place);
        const outcome got = salvage_of(files);
        CHECK(got.difference(from.model) == "");
        CHECK(got.report.doubtful.empty());
        CHECK(got.report.damaged_pages == 1);
        const unsigned kind = from.kind_of(place);
        CAPTURE(kind);
        CHECK(got.report.lost_pages.size() == (kind == 2 ? 0 : 1));
        if (kind == 2) CHECK(got.found == from.model);
        const bool is_leaf = kind == 1 || kind == 4;  // or a dense one
        if (is_leaf) ++leaves;
        if (!is_leaf) continue;
        CHECK(got.report.lost_pages[0].page.value == page);
    }
    CHECK(leaves > 10);
}

TEST_CASE("without any inner page no row is lost") {
    const subject from;
    files_type files = from.files;
    std::uint64_t inner = 0;
    for (const auto& [page, place] : from.live())
        if (from.kind_of(place) == 2) {
            subject::rot(files, place);
            ++inner;
        }
    REQUIRE(inner > 2);
    const outcome got = salvage_of(files);
    CHECK(got.found == from.model);
    CHECK(got.report.damaged_pages == inner);
    CHECK(got.report.lost_pages.empty());
}

TEST_CASE("without a manifest, the rows that pages have are there and doubtful") {
    const subject from;
    files_type files = from.files;
    SUBCASE("gone") { files.erase(from.file_of_kind("manifest-")); }
    SUBCASE("its header is damaged") { files[from.file_of_kind("manifest-")][9] ^= 1; }
    SUBCASE("its snapshot is damaged") { files[from.file_of_kind("manifest-")][4100] ^= 1; }
    SUBCASE("and a segment's header") {
        files.erase(from.file_of_kind("manifest-"));
        files[from.file_of_kind("data-0")][20] ^= 1;
    }
    const outcome got = salvage_of(files);
    CHECK(got.difference(from.model) == "");
    CHECK_FALSE(got.report.pages_proven);
    CHECK(got.report.lost_pages.size() == 2);
    std::size_t there = 0;
    for (const auto& [key, value] : from.model.at("rows")) {
        const auto at = got.found.at("rows").find(key);
        there += at != got.found.at("rows").end() && at->second == value ? 1u : 0u;
    }
    CHECK(there == from.model.at("rows").size());
    CHECK(got.found.at("in-memory") == from.model.at("in-memory"));
    CHECK(got.found.count("gone") == 0);
    // What the log has since the checkpoint is certain.
    CHECK(got.report.doubtful.size() < got.found.at("rows").size() + got.found.at("others").size());
    CHECK_FALSE(got.is_doubtful("rows", "row-1003"));
    CHECK(got.is_doubtful("rows", "row-1004"));
}

TEST_CASE("a log from its first record on makes up for pages and their manifest") {
    const subject from{true};
    files_type files = from.files;
    SUBCASE("damaged pages") {
        for (const auto& [page, place] : from.live()) subject::rot(files, place);
    }
    SUBCASE("no manifest") { files.erase(from.file_of_kind("manifest-")); }
    SUBCASE("the last group of the manifest is damaged") {
        std::string& file = files[from.file_of_kind("manifest-")];
        file[file.size() - 4000] ^= 1;
    }
    const outcome got = salvage_of(files);
    CHECK(got.found == from.model);
    CHECK(got.report.doubtful.empty());
    CHECK(got.report.lost_pages.empty());
}

TEST_CASE(
    "pages that are ahead of the image are salvaged, and so are those of the checkpoint before") {
    const subject from{true};
    files_type files = from.half_way();
    bool is_image_lost = false;
    bool is_group_lost = false;
    SUBCASE("whole") {}
    SUBCASE("the last group of the manifest is damaged") {
        std::string& file = files[from.file_of_kind("manifest-")];
        file[file.size() - 4000] ^= 1;
        is_group_lost = true;
    }
    SUBCASE("every inner page is damaged") {
        for (const auto& [page, place] : from.live())
            if (from.kind_of(place) == 2) subject::rot(files, place);
    }
    SUBCASE("the image is lost") {
        for (const auto& [name, unused] : from.half_way())
            if (name.rfind("checkpoint-", 0) == 0) files.erase(name);
        is_image_lost = true;
    }
    const outcome got = salvage_of(files);
    CHECK(got.report.pages_proven);
    if (is_group_lost) {  // some of its segments were not needed any more, and are gone
        CHECK(got.difference(from.model) == "");
        CHECK(got.report.doubtful.empty());
        CHECK(got.report.page_rows > 5);
        return;
    }
    CHECK(got.report.lost_pages.empty());
    if (!is_image_lost) {
        CHECK(got.found == from.model);
        CHECK(got.report.doubtful.empty());
        return;
    }
    // Nobody knows what the tables were called, nor whether they were dropped since.
    std::size_t doubtful = 0;
    std::size_t same = 0;
    for (const auto& [name, rows] : got.found) {
        same += rows == from.model.at("rows") || rows == from.model.at("others") ? 1u : 0u;
        for (const auto& [key, unused] : rows) doubtful += got.is_doubtful(name, key) ? 1u : 0u;
    }
    CHECK(same == 2);
    CHECK(doubtful == from.model.at("rows").size() + from.model.at("others").size());
}

TEST_CASE("what the log has lost before the pages' checkpoint, pages have") {
    const subject from{true};
    files_type files = from.half_way();
    std::vector<std::string> between;  // segments between the image and the pages' checkpoint
    const std::uint64_t checkpoint = read_checkpoint(from.files);
    for (const auto& [name, content] : files) {
        lsn first;
        if (!parse_segment_name(bytes_view{name}, first)) continue;
        if (first.value > read_checkpoint(files) && first.value + content.size() < checkpoint)
            between.push_back(name);
    }
    REQUIRE(between.size() > 1);
    files.erase(between[between.size() / 2]);
    const outcome got = salvage_of(files);
    REQUIRE(got.report.lost.size() == 1);
    CHECK(got.found.at("rows") == from.model.at("rows"));
    CHECK(got.found.at("others") == from.model.at("others"));
    CHECK(got.found.at("in-memory") != from.model.at("in-memory"));
}

TEST_CASE("whatever part of the log is lost, rows that it may have changed are doubtful") {
    const subject from{true};
    const files_type all = from.half_way();
    std::vector<std::string> segments;
    for (const auto& [name, unused] : all)
        if (lsn first; parse_segment_name(bytes_view{name}, first)) segments.push_back(name);
    for (std::size_t count = 1; count < 14; count += 4)
        for (std::size_t at = 0; at + count < segments.size(); ++at) {
            CAPTURE(segments[at]);
            CAPTURE(count);
            files_type files = all;
            for (std::size_t i = 0; i < count; ++i) files.erase(segments[at + i]);
            const outcome got = salvage_of(files);
            CHECK(got.difference(from.model) == "");
            CHECK(got.found.count("gone-later") == 0);
        }
}

TEST_CASE("of missing files of pages what was in them is told") {
    const subject from;
    files_type files = from.files;
    SUBCASE("one") { files.erase(from.file_of_kind("data-0")); }
    SUBCASE("all") {
        for (const auto& [name, unused] : from.files)
            if (name.rfind("data-0", 0) == 0) files.erase(name);
    }
    SUBCASE("all, and the manifest") {
        for (const auto& [name, unused] : from.files)
            if (name.rfind("data-0", 0) == 0 || name.rfind("manifest", 0) == 0) files.erase(name);
    }
    SUBCASE("all, and the manifest and what the superblock knows of it") {
        for (const auto& [name, unused] : from.files)
            if (name.rfind("data-0", 0) == 0 || name.rfind("manifest", 0) == 0 ||
                name.rfind("superblock", 0) == 0)
                files.erase(name);
    }
    const outcome got = salvage_of(files);
    CHECK(got.difference(from.model) == "");
    CHECK_FALSE(got.report.lost_pages.empty());
}

TEST_CASE("whatever is damaged, no row is there for certain that is not right, or silently gone") {
    const subject whole_log{true};
    const subject later_log{false};
    const subject at_checkpoint{false, false};
    int without_manifest = 0;
    int with_log = 0;
    int unharmed = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        CAPTURE(seed);
        std::uint64_t draw = seed;
        const subject& from = seed % 3 == 0 ? whole_log : seed % 3 == 1 ? later_log : at_checkpoint;
        files_type files = &from == &whole_log && seed % 2 == 0 ? from.half_way() : from.files;
        for (std::uint64_t count = 1 + detail::splitmix64(draw) % 4; count > 0; --count) {
            auto at = files.begin();
            std::advance(at, detail::splitmix64(draw) % files.size());
            const std::uint64_t what = detail::splitmix64(draw) % 8;
            const bool is_pages =
                at->first.rfind("data", 0) == 0 || at->first.rfind("manifest", 0) == 0;
            if (at->second.empty()) continue;
            if (what == 0 && is_pages) files.erase(at);
            else if (what == 1 && is_pages)
                at->second.resize(detail::splitmix64(draw) % at->second.size());
            else
                for (int bytes = 0; bytes < 20; ++bytes)
                    at->second[detail::splitmix64(draw) % at->second.size()] ^= 0x20;
            if (files.empty()) break;
        }
        const outcome got = salvage_of(files);
        // A damaged end that nothing proves to have been durable is a torn tail.
        if (got.report.torn_bytes == 0) CHECK(got.difference(from.model) == "");
        without_manifest += got.report.pages_proven ? 0 : 1;
        with_log += got.report.lost.empty() && got.report.lost_rows.empty() ? 1 : 0;
        unharmed += got.found == from.model && got.report.doubtful.empty() ? 1 : 0;
    }
    CHECK(without_manifest > 10);
    CHECK(with_log > 50);
    CHECK(unharmed > 10);
    CHECK(unharmed < 100);
}
