// SPDX-License-Identifier: BSL-1.0
//
// Every byte of an image damaged: an opening refuses it, and safe mode tells nothing wrong.
#include "checkpoint_fixture.hpp"

#include <mantis/platform/simulated.hpp>

using namespace checkpoint_test;

namespace {

struct in_simulator : policies<with::platform<simulated>> {};

struct sweep {
    memory files;
    contents before;
    bytes image;
    bytes raw;
    memory::directory in = files.open_directory("db", directory_mode::create).value();

    sweep() {
        {
            auto db = store<app>::open("db", small(), files).value();
            for (const char* const name : {"a", "gone", "c"})
                for (std::size_t i = 0; i < 12; ++i)
                    put(db, name, std::to_string(i), std::string(1 + i, *name));
            REQUIRE(db.drop_table(*db.find_table("gone")));
            put(db, "c", "large", std::string(30'000, 'c'));
            REQUIRE(db.checkpoint());
            erase(db, "a", "3");
            before = all_of(db);
        }
        image = image_in(files);
        raw = read_file(in, image, 64 * MiB).value();
    }
    void damage(std::size_t at) {
        const std::byte turned = raw[at] ^ std::byte{0x24};
        REQUIRE(in.open(image, file_mode::write)->write(at, {&turned, 1}));
    }
    void repair() { REQUIRE(in.open(image, file_mode::write)->write(0, raw)); }
};

//   Returns     how many tables can be read; what is read is right
template <class Db>
int look(Db& db, const contents& before) {
    int sound = 0;
    for (const auto& [name, rows] : before) {
        const auto table = db.find_table(name);
        REQUIRE(table);
        auto tx = db.begin(isolation::read_committed);
        auto scan = tx.scan(*table);
        std::map<std::string, std::string> found;
        auto more = scan.next();
        for (; more && *more; more = scan.next())
            found[scan.key().template as<std::string>()] = scan.value().template as<std::string>();
        if (!more) {
            CHECK(more.error().code() == error_code::corrupt);
            CHECK(found.empty());
            continue;
        }
        CHECK(found == rows);
        ++sound;
    }
    return sound;
}

}  // namespace

TEST_CASE(
    "any byte of an image damaged: the opening is refused, and safe mode tells nothing wrong") {
    sweep files;
    store_options safe = small();
    safe.safe_mode = true;
    store_options look_only = small();
    look_only.read_only = true;
    int partly = 0;
    int wholly = 0;
    for (std::size_t at = 0; at < files.raw.size();
         at += at < 1500 || at + 300 > files.raw.size() ? std::size_t{1} : 997) {
        CAPTURE(at);
        files.damage(at);
        const auto refused = store<app>::open("db", look_only, files.files);
        REQUIRE_FALSE(refused);
        const error_code code = refused.error().code();
        CHECK((code == error_code::corrupt || code == error_code::mismatch));
        if (auto db = store<app>::open("db", safe, files.files)) {
            CHECK(db->recovery().damage);
            const int sound = look(*db, files.before);
            ++(sound == 2 ? wholly : partly);
        }
        files.repair();
    }
    CHECK(partly > 300);
    CHECK(wholly > 50);  // only the list of the tables, of which there is a second one
    auto db = store<app>::open("db", small(), files.files).value();
    CHECK(look(db, files.before) == 2);
}

TEST_CASE("rows of a table that there never was, checksum and all, are shown in no mode") {
    for (const std::uint64_t table : {std::uint64_t{0}, std::uint64_t{4}, ~std::uint64_t{0}}) {
        CAPTURE(table);
        sweep files;
        // The rows of "a", the first ones, as if they were another table's.
        const std::uint64_t list =
            load_le<std::uint32_t>(files.raw.data() + image_header_bytes + 32);
        const auto at = static_cast<std::size_t>(image_header_bytes + image_block_bytes(list));
        std::byte* const block = files.raw.data() + at;
        REQUIRE(block[40] == std::byte{2});
        const auto size =
            static_cast<std::size_t>(image_block_bytes(load_le<std::uint32_t>(block + 32)));
        store_le(block + 24, table);
        store_le(block, crc32c::of({block + 8, size - 8}));
        files.repair();
        store_options options = small();
        for (const bool safe : {false, true}) {
            options.safe_mode = safe;
            const auto refused = store<app>::open("db", options, files.files);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code() == error_code::corrupt);
        }
        files.damage(files.raw.size() - 1);  // and nobody knows how many there were
        CHECK_FALSE(store<app>::open("db", options, files.files));
    }
}

TEST_CASE("a damaged image that reads otherwise the second time shows no table without its rows") {
    const sweep files;
    int struck = 0;
    int shown = 0;
    for (std::uint64_t nth = 1;; ++nth) {
        CAPTURE(nth);
        simulation world{nth};
        world.run([&] {
            sweep damaged;
            damaged.damage(damaged.raw.size() - 60);  // the footer
            auto to = world.platform().open_directory("db", directory_mode::create).value();
            for (const bytes& name : damaged.in.list().value()) {
                auto file = to.open(name, file_mode::create).value();
                REQUIRE(file.write(0, read_file(damaged.in, name, MiB).value()));
            }
            world.inject({.kind = fault_kind::flip_on_read,
                          .nth = nth,
                          .count = 4,
                          .path_part = bytes{bytes_view{".image"}}});
            store_options safe = small();
            safe.safe_mode = true;
            auto db = store<in_simulator>::open("db", safe, world.platform());
            struck = world.struck(fault_kind::flip_on_read) > 0 ? struck + 1 : -1;
            if (db) shown += look(*db, files.before) > 0 ? 1 : 0;
        });
        if (struck < 0) break;
        REQUIRE(nth < 1000);
    }
    CHECK(shown > 0);
}
