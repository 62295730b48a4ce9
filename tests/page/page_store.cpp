// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "page_store_place.hpp"

using namespace mantis;
using namespace page_test;

static_assert(page_source<page_store<memory>>);

TEST_CASE("a page is read as it was written last, and one that is not there is not found") {
    place at;
    store disk{at.in, place::options()};
    REQUIRE(disk.opened());
    fill(disk, 1, 1, 5);
    fill(disk, 1, 3, 3, 8);
    REQUIRE(disk.erase({4}, 1));
    page_state expected = all(1, 5);
    expected[3] = 8;
    expected.erase(4);
    CHECK(difference(disk, expected, 9) == "");
    REQUIRE(disk.write({4}, 1, image_of(4, 9)));
    expected[4] = 9;
    CHECK(difference(disk, expected, 9) == "");
}

TEST_CASE("a read with another size, and a write that cannot be, are refused") {
    place at;
    store disk{at.in, place::options()};
    REQUIRE(disk.opened());
    fill(disk, 1, 1, 1);
    bytes into = bytes::zeros(512);
    const auto read = disk.read({1}, into.data(), into.size());
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == error_code::mismatch);
    CHECK(*read.error().number("bytes") == 4096);
    CHECK(*read.error().number("expected_bytes") == 512);
    const auto refused = [&](std::uint64_t page, std::uint32_t epoch, std::size_t size) {
        const auto done = disk.write({page}, epoch, bytes::zeros(size));
        return !done && done.error().code() == error_code::invalid_argument;
    };
    CHECK(refused(1, 1, 0));
    CHECK(refused(1, 1, 511));
    CHECK(refused(1, 1, 65 * KiB));
    CHECK(refused(0, 1, 512));
    CHECK(refused(last_mapped_page.value + 1, 1, 512));
    CHECK(refused(1, 0, 512));
    CHECK(refused(1, UINT32_MAX, 512));
    at.commit(disk, 3);
    CHECK(refused(1, 3, 512));  // it could not be in the state that was committed
    CHECK_FALSE(disk.erase({1}, 3));
    CHECK(disk.write({1}, 4, bytes::zeros(64 * KiB - 4096 - 512)));
}

TEST_CASE("an image that no segment of the store can hold is refused, and read all the same") {
    place at;
    {
        page_store_options larger = place::options();
        larger.segment_bytes = 256 * KiB;
        store disk{at.in, larger};
        REQUIRE(disk.opened());
        REQUIRE(disk.write({1}, 1, bytes::zeros(64 * KiB)));
        at.commit(disk, 1);
    }
    store disk{at.in, place::options()};
    at.load(disk);
    REQUIRE(disk.opened());
    CHECK(disk.write({2}, 1, bytes::zeros(64 * KiB)).error().code() == error_code::too_large);
    CHECK(disk.write({2}, 1, bytes::zeros(60 * KiB)));
    bytes into = bytes::zeros(64 * KiB);
    CHECK(disk.read({1}, into.data(), into.size()));
    segment_cleaner<store> cleaner{disk};
    const auto moved = cleaner.clean_once();  // of 256 KiB with 64 in it
    REQUIRE_FALSE(moved);
    CHECK(moved.error().code() == error_code::too_large);
    CHECK(cleaner.clean_once().value().segment == 0);
    CHECK(disk.read({1}, into.data(), into.size()));
}

TEST_CASE("what was committed comes back with its deltas, and all else is gone") {
    place at;
    {
        store disk{at.in, place::options()};
        REQUIRE(disk.opened());
        fill(disk, 1, 1, 40);
        at.commit(disk, 1);
        fill(disk, 2, 10, 30, 8);
        for (std::uint64_t page = 15; page <= 20; ++page) REQUIRE(disk.erase({page}, 2));
        fill(disk, 3, 25, 50, 9);  // beside those of epoch 2
        at.commit(disk, 2);
        CHECK(disk.stats().images_written == 40 + 21 + 26);
    }
    page_state expected = all(1, 40);
    for (std::uint64_t page = 10; page <= 30; ++page) expected[page] = 8;
    for (std::uint64_t page = 15; page <= 20; ++page) expected.erase(page);
    store disk{at.in, place::options()};
    at.load(disk);
    REQUIRE(disk.opened());
    CHECK(difference(disk, expected, 60) == "");
    CHECK(disk.stats().live_bytes == page_test::bytes_of(expected));
    CHECK(disk.stats().newest_bytes == page_test::bytes_of(expected));
    fill(disk, 1, 60, 60);
    CHECK(disk.stats().live_bytes == page_test::bytes_of(expected) + 4096);
}

TEST_CASE("a snapshot in parts of any size is the committed state") {
    place at;
    store disk{at.in, place::options()};
    REQUIRE(disk.opened());
    fill(disk, 1, 1, 30);
    REQUIRE(disk.erase({9}, 1));
    at.commit(disk, 1);
    fill(disk, 2, 1, 35, 8);  // not committed
    page_state expected = all(1, 30);
    expected.erase(9);
    for (const std::size_t most : {1u, 7u, 29u, 30u, 1000u}) {
        std::vector<bytes> parts;
        page_id from{1};
        do {
            const page_delta_part part = disk.snapshot(from, most);
            CHECK(part.part.changes.size() <= most);
            parts.push_back(part.part.encode());
            from = part.next;
        } while (from.value != 0);
        CHECK(parts.size() == (29 + most - 1) / most);
        place copy;
        for (const std::string& name : at.names())
            copy.in.open(name, file_mode::create)
                .value()
                .write(0, contents(at.in, name.c_str()))
                .value();
        copy.deltas = parts;
        store again{copy.in, place::options()};
        copy.load(again);
        REQUIRE(again.opened());
        CHECK(difference(again, expected, 40) == "");
    }
}

TEST_CASE("a store that is opened to be read only changes nothing on the disk") {
    place at;
    {
        store disk{at.in, place::options()};
        REQUIRE(disk.opened());
        fill(disk, 1, 1, 20);
        at.commit(disk, 1);
        fill(disk, 2, 1, 40);  // lost: left over in segments
    }
    const auto names = at.names();
    page_store_options options = place::options();
    options.read_only = true;
    store disk{at.in, options};
    at.load(disk);
    REQUIRE(disk.opened());
    CHECK(difference(disk, all(1, 20), 45) == "");
    const auto refused = [](const auto& done) {
        return !done && done.error().code() == error_code::read_only;
    };
    CHECK(refused(disk.write({1}, 1, image_of(1, 9))));
    CHECK(refused(disk.erase({1}, 1)));
    CHECK(refused(disk.prepare(1)));
    CHECK_FALSE(disk.least_used(100));
    CHECK(difference(disk, all(1, 20), 45) == "");
    CHECK(at.names() == names);
}

TEST_CASE("a segment goes when nothing in it is alive, after the commit and not before") {
    place at;
    store disk{at.in, place::options()};
    REQUIRE(disk.opened());
    fill(disk, 1, 1, 45);  // 15 to a segment
    at.commit(disk, 1);
    CHECK(at.names() == std::vector<std::string>{"data-00000001", "data-00000002", "data-00000003",
                                                 "data-spare"});
    for (std::uint64_t page = 1; page <= 15; ++page) REQUIRE(disk.erase({page}, 2));
    fill(disk, 2, 50, 50);
    (void)disk.prepare(2).value();
    at.deltas.push_back(page_test::all_changes(disk).encode());
    CHECK(at.names().front() == "data-00000001");
    disk.committed(2);
    CHECK(at.names() == std::vector<std::string>{"data-00000002", "data-00000003", "data-00000004",
                                                 "data-spare"});
    CHECK(disk.stats().segments == 3);
    CHECK(disk.stats().segments_removed == 1);
    CHECK(disk.stats().disk_bytes == 4 * 64 * KiB);
}

TEST_CASE("numbers of segments are not used again, whatever became of their files") {
    place at;
    {
        store disk{at.in, place::options()};
        REQUIRE(disk.opened());
        fill(disk, 1, 1, 45);
        at.commit(disk, 1);
        for (std::uint64_t page = 1; page <= 45; ++page) REQUIRE(disk.erase({page}, 2));
        fill(disk, 2, 1, 1, 8);
        at.commit(disk, 2);
        REQUIRE(disk.erase({1}, 3));
        at.commit(disk, 3);
    }
    at.in.remove("data-00000004").value();  // as if it had been sealed
    store disk{at.in, place::options()};
    at.load(disk);
    REQUIRE(disk.opened());
    fill(disk, 1, 1, 1);
    CHECK(at.names() == std::vector<std::string>{"data-00000005", "data-spare"});
}

TEST_CASE("files that nothing refers to are removed at opening, and others are left alone") {
    place at;
    {
        store disk{at.in, place::options()};
        REQUIRE(disk.opened());
        fill(disk, 1, 1, 15);
        at.commit(disk, 1);
        fill(disk, 2, 16, 40);
    }
    for (const char* const name :
         {"data-00000077", "data-1", "0000000000001000.log", "data-spare.x"})
        at.in.open(name, file_mode::create).value().write(0, bytes_view{"text"}).value();
    store disk{at.in, place::options()};
    at.load(disk);
    REQUIRE(disk.opened());
    CHECK(at.names() == std::vector<std::string>{"0000000000001000.log", "data-00000001", "data-1",
                                                 "data-spare", "data-spare.x"});
    fill(disk, 1, 16, 16);
    CHECK(at.names()[2] == "data-00000078");
}

TEST_CASE("a segment that is missing, short, damaged or another's is refused by name") {
    place at;
    {
        store disk{at.in, place::options()};
        REQUIRE(disk.opened());
        fill(disk, 1, 1, 20);
        at.commit(disk, 1);
        fill(disk, 2, 30, 60);  // of no use, and not to be removed by who cannot open
    }
    const auto refusal = [&](auto spoil) {
        place copy;
        for (const std::string& name : at.names())
            copy.in.open(name, file_mode::create)
                .value()
                .write(0, contents(at.in, name.c_str()))
                .value();
        copy.deltas = at.deltas;
        spoil(copy.in);
        const auto names = copy.names();
        store disk{copy.in, place::options()};
        copy.load(disk);
        const auto opened = disk.opened();
        REQUIRE_FALSE(opened);
        CHECK(opened.error().message().as<std::string>().find("data-00000002") !=
              std::string::npos);
        CHECK(copy.names() == names);
        return opened.error().code();
    };
    const auto header = [](memory::directory& in, database_id database, std::uint32_t number) {
        in.open("data-00000002", file_mode::write)
            .value()
            .write(0, encode_data_header({1, xxh3::format_id, database, number, 64 * KiB}))
            .value();
    };
    CHECK(refusal([](auto& in) { in.remove("data-00000002").value(); }) == error_code::not_found);
    CHECK(refusal([](auto& in) {
              in.open("data-00000002", file_mode::write).value().resize(8192).value();
          }) == error_code::corrupt);
    CHECK(refusal([](auto& in) {
              in.open("data-00000002", file_mode::write).value().write(33, bytes_view{"x"}).value();
          }) == error_code::corrupt);
    CHECK(refusal([&](auto& in) { header(in, {1, 2}, 2); }) == error_code::mismatch);
    CHECK(refusal([&](auto& in) { header(in, this_database, 3); }) == error_code::corrupt);
}

TEST_CASE("a place behind the end of its segment is refused") {
    place at;
    {
        store disk{at.in, place::options()};
        REQUIRE(disk.opened());
        fill(disk, 1, 1, 3);
        at.commit(disk, 1);
    }
    page_delta delta = decode_page_delta(at.deltas[0]).value();
    delta.changes[1].now.place = page_place{1, 127, 2};
    at.deltas[0] = delta.encode();
    store disk{at.in, place::options()};
    at.load(disk);
    const auto opened = disk.opened();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == error_code::corrupt);
}

TEST_CASE("a segment of another database is not removed, and the store is not opened beside it") {
    place at;
    at.in.open("data-00000009", file_mode::create).value().resize(64 * KiB).value();
    at.in.open("data-00000009", file_mode::write)
        .value()
        .write(0, encode_data_header({1, xxh3::format_id, {1, 2}, 9, 64 * KiB}))
        .value();
    store disk{at.in, place::options()};
    const auto opened = disk.opened();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == error_code::mismatch);
    CHECK(at.names() == std::vector<std::string>{"data-00000009"});
}

TEST_CASE("a delta of another database, of another checksum, or damaged, is not taken on") {
    place at;
    store disk{at.in, place::options()};
    page_delta delta{xxh3::format_id, {1, 2}, 2, {{{1}, {page_place{1, 8, 1}, 5}}}};
    CHECK(disk.load(delta.encode()).error().code() == error_code::mismatch);
    delta.database = this_database;
    delta.checksum_format = crc32c::format_id;
    CHECK(disk.load(delta.encode()).error().code() == error_code::mismatch);
    delta.checksum_format = xxh3::format_id;
    bytes wrong = delta.encode();
    wrong[50] ^= std::byte{1};
    CHECK(disk.load(wrong).error().code() == error_code::corrupt);
    REQUIRE(disk.opened());
    CHECK(disk.stats().segments == 0);
}

TEST_CASE("a store with another checksum does not take on what this one wrote") {
    place at;
    {
        page_store<memory, crc32c> disk{at.in, place::options()};
        REQUIRE(disk.opened());
        REQUIRE(disk.write({1}, 1, image_of(1, 7)));
        (void)disk.prepare(1).value();
        at.deltas.push_back(page_test::all_changes(disk).encode());
        disk.committed(1);
        CHECK(difference(disk, all(1, 1), 2) == "");
    }
    store other{at.in, place::options()};
    CHECK(other.load(at.deltas[0]).error().code() == error_code::mismatch);
}
