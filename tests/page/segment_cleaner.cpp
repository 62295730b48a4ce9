// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "page_life.hpp"

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;
using page_test::difference;
using page_test::image_of;
using page_test::lies;
using page_test::page_life;
using page_test::page_manifest;
using page_test::page_state;

namespace {

constexpr std::size_t segment_bytes = 64 * KiB;
constexpr std::size_t images_per_segment = 15;  // of 4 KiB

template <class Platform>
struct cleaned_store {
    using store = page_store<Platform>;

    explicit cleaned_store(Platform world, const segment_cleaner_options& options = {})
        : in{world.open_directory("db", directory_mode::create).value()},
          disk{in, page_life<Platform>::options()},
          cleaner{disk, options} {
        disk.opened().value();
    }
    void put(std::uint64_t first, std::uint64_t last, std::uint64_t stamp = 7) {
        for (std::uint64_t page = first; page <= last; ++page) {
            REQUIRE(disk.write({page}, epoch, image_of(page, stamp)));
            expected[page] = stamp;
        }
    }
    void erase(std::uint64_t page) {
        REQUIRE(disk.erase({page}, epoch));
        expected.erase(page);
    }
    void commit() {
        disk.begin_commit(epoch);
        REQUIRE(disk.prepare(epoch));
        deltas.push_back(page_test::all_changes(disk).encode());
        disk.committed(epoch++);
    }
    //   Returns     how many segments were cleaned
    int clean(int most) {
        int done = 0;
        for (; done < most; ++done)
            if (cleaner.clean_once().value().segment == 0) break;
        return done;
    }
    std::string wrong(std::uint64_t pages) { return difference(disk, expected, pages); }
    std::uint64_t file_bytes() {
        std::uint64_t sum = 0;
        for (const bytes& name : in.list().value())
            sum += in.open(name, file_mode::read).value().size().value();
        return sum;
    }

    typename Platform::directory in;
    store disk;
    segment_cleaner<store> cleaner;
    std::uint32_t epoch = 1;
    page_state expected;
    std::vector<bytes> deltas;
};

using in_memory = cleaned_store<memory>;

}  // namespace

TEST_CASE("after nine pages of ten are erased, files take at most 1.5 times what lives") {
    memory world;
    in_memory at{world};
    constexpr std::uint64_t pages = 3'000;
    at.put(1, pages);
    at.commit();
    CHECK(at.file_bytes() >= pages * 4096);
    for (std::uint64_t page = 1; page <= pages; ++page)
        if (page % 10 != 0) at.erase(page);
    at.commit();
    CHECK(at.file_bytes() >= pages * 4096);  // each segment has something that lives
    int rounds = 0;
    for (; rounds < 10 && at.clean(1'000) != 0; ++rounds) at.commit();
    CHECK(rounds <= 3);
    const std::uint64_t live = page_test::bytes_of(at.expected);
    CHECK(at.disk.stats().live_bytes == live);
    CHECK(at.disk.stats().newest_bytes == live);
    CHECK(at.disk.stats().disk_bytes == at.file_bytes());
    CHECK(at.file_bytes() * 2 <= live * 3);
    CHECK(at.wrong(pages) == "");
    in_memory::store again{at.in, page_life<memory>::options()};
    for (const bytes& delta : at.deltas) REQUIRE(again.load(delta));
    REQUIRE(again.opened());
    CHECK(difference(again, at.expected, pages) == "");
}

TEST_CASE("the segment of which least is needed comes first, and none above the threshold") {
    memory world;
    in_memory at{world, {.below_percent = 50}};
    at.put(1, 4 * images_per_segment);
    at.commit();
    for (std::uint64_t page = 1; page <= 6; ++page) at.erase(page);    // 9 of 16 are left
    for (std::uint64_t page = 16; page <= 25; ++page) at.erase(page);  // 5
    for (std::uint64_t page = 31; page <= 42; ++page) at.erase(page);  // 3
    at.commit();
    at.put(100, 100);  // and the last one is not open any more
    const auto first = at.cleaner.clean_once().value();
    CHECK(first.segment == 3);
    CHECK(first.images_moved == 3);
    CHECK(first.bytes_moved == 3 * 4096);
    CHECK(at.cleaner.clean_once().value().segment == 2);
    CHECK(at.cleaner.clean_once().value().segment == 0);
    CHECK(at.in.exists("data-00000003").value());
    at.commit();
    CHECK_FALSE(at.in.exists("data-00000003").value());
    CHECK_FALSE(at.in.exists("data-00000002").value());
    CHECK(at.disk.stats().images_moved == 8);
    CHECK(at.wrong(101) == "");
}

TEST_CASE("segments that cannot be fuller are not cleaned again and again") {
    memory world;
    in_memory at{world, {.below_percent = 100}};
    const bytes large = bytes::zeros(32 * KiB);  // one in each segment, of which it is a half
    for (std::uint64_t page = 1; page <= 5; ++page) REQUIRE(at.disk.write({page}, 1, large));
    at.commit();
    CHECK(at.cleaner.clean_once().value().segment == 0);
    REQUIRE(at.disk.write({1}, at.epoch, large.view().first(512)));
    at.commit();
    CHECK(at.disk.stats().segments == 4);
    in_memory::store again{at.in, page_life<memory>::options()};
    for (const bytes& delta : at.deltas) REQUIRE(again.load(delta));
    REQUIRE(again.opened());
    segment_cleaner<in_memory::store> cleaner{again, {.below_percent = 100}};
    CHECK(cleaner.clean_once().value().segment == 0);
}

TEST_CASE("the open segment is not cleaned, nor anything while an epoch is prepared") {
    memory world;
    in_memory at{world};
    at.put(1, 2);
    at.commit();
    CHECK(at.cleaner.clean_once().value().segment == 0);
    at.put(3, images_per_segment + 1);
    for (std::uint64_t page = 3; page <= 14; ++page) at.erase(page);
    at.commit();
    (void)at.disk.prepare(at.epoch).value();
    CHECK(at.cleaner.clean_once().value().segment == 0);
    at.disk.not_committed(at.epoch);
    CHECK(at.cleaner.clean_once().value().segment == 1);
    CHECK(at.wrong(20) == "");
}

TEST_CASE("a moved image survives an epoch that was not committed, and newer ones come over it") {
    memory world;
    in_memory at{world};
    at.put(1, images_per_segment + 1);
    for (std::uint64_t page = 4; page <= 15; ++page) at.erase(page);
    at.commit();
    REQUIRE(at.cleaner.clean_once().value().images_moved == 3);
    (void)at.disk.prepare(at.epoch).value();
    at.disk.not_committed(at.epoch++);
    at.put(2, 2, 8);
    CHECK(at.wrong(20) == "");
    at.commit();
    CHECK_FALSE(at.in.exists("data-00000001").value());
    CHECK(at.wrong(20) == "");
    in_memory::store again{at.in, page_life<memory>::options()};
    for (const bytes& delta : at.deltas) REQUIRE(again.load(delta));
    REQUIRE(again.opened());
    CHECK(difference(again, at.expected, 20) == "");
}

TEST_CASE("a damaged image is not moved, its segment stays, and the others are cleaned") {
    memory world;
    in_memory at{world};
    at.put(1, 2 * images_per_segment + 1);
    for (std::uint64_t page = 3; page <= 15; ++page) at.erase(page);
    for (std::uint64_t page = 20; page <= 30; ++page) at.erase(page);
    at.commit();
    REQUIRE(at.in.open("data-00000001", file_mode::write).value().write(5'000, bytes_view{"x"}));
    const auto first = at.cleaner.clean_once();
    REQUIRE_FALSE(first);
    CHECK(first.error().code() == error_code::corrupt);
    CHECK(*first.error().number("page") == 1);
    CHECK(at.disk.stats().images_moved == 1);  // page 2
    CHECK(at.cleaner.clean_once().value().segment == 2);
    CHECK(at.cleaner.clean_once().value().segment == 0);
    at.commit();
    CHECK(at.in.exists("data-00000001").value());
    bytes into = bytes::zeros(4096);
    CHECK(at.disk.read({1}, into.data(), into.size()).error().code() == error_code::corrupt);
    at.erase(1);
    at.commit();
    CHECK_FALSE(at.in.exists("data-00000001").value());
    CHECK(at.wrong(40) == "");
}

TEST_CASE(
    "on a full disk cleaning takes the spare, gives space back, and never more than is there") {
    for (std::uint64_t kept = 1; kept <= 10; ++kept) {
        CAPTURE(kept);
        simulation world{kept};
        world.run([&] {
            world.limit_disk(11 * segment_bytes);  // ten and the spare
            cleaned_store<simulated> at{world.platform()};
            at.put(1, 10 * images_per_segment);
            CHECK_FALSE(at.disk.write({500}, 1, image_of(500, 7)));
            at.commit();
            for (std::uint64_t page = 1; page <= 10 * images_per_segment; ++page)
                if (page % images_per_segment >= kept) at.erase(page);
            at.commit();
            CHECK_FALSE(at.disk.write({500}, at.epoch, image_of(500, 7)));
            int rounds = 0;
            for (; rounds < 40; ++rounds) {
                const auto done = at.cleaner.clean_once();
                if (done && done->segment == 0) break;
                if (!done) CHECK(done.error().code() == error_code::no_space);
                at.commit();
            }
            CHECK(rounds < 40);
            CHECK(at.disk.stats().spare);
            CHECK(at.disk.write({500}, at.epoch, image_of(500, 7)));
            at.expected[500] = 7;
            CHECK(at.wrong(500) == "");
        });
    }
}

TEST_CASE("on a full disk the cleaner leaves room for the commit that frees what it cleaned") {
    simulation world{1};
    world.run([&] {
        world.limit_disk(6 * segment_bytes);  // five and the spare
        cleaned_store<simulated> at{world.platform()};
        at.put(1, 5 * images_per_segment);
        at.commit();
        for (std::uint64_t page = 1; page <= 5 * images_per_segment; ++page)
            if (page % images_per_segment >= 9) at.erase(page);
        at.commit();
        std::optional<error> why;
        for (int i = 0; i < 20 && !why; ++i)
            if (const auto done = at.cleaner.clean_once(); !done) why = done.error();
        REQUIRE(why);  // nothing is free before a commit
        CHECK(why->code() == error_code::no_space);
        CHECK_FALSE(at.disk.stats().spare);
        CHECK_FALSE(at.disk.write({2}, at.epoch, image_of(2, 23)));
        at.disk.begin_commit(at.epoch);
        at.put(2, 4, 23);  // a quarter of a segment: three images and a bit
        at.commit();
        CHECK(at.disk.stats().spare);
        CHECK(at.disk.write({2}, at.epoch, image_of(2, 39)));
        at.expected[2] = 39;
        CHECK(at.wrong(80) == "");
    });
}

namespace {

using life = page_life<simulated>;

// Cleans now and then, between what else goes on.
void clean_a_little(life& one) {
    segment_cleaner<life::store> cleaner{one.disk(), {.below_percent = 90}};
    for (std::uint64_t i = one.below(4); i > 0; --i) {
        const auto done = cleaner.clean_once();
        if (!done || done->segment == 0) return;
    }
}
std::uint64_t clean_and_crash(std::uint64_t seed, std::uint64_t at_io, crash_mode mode,
                              std::uint64_t& moved) {
    simulation world{seed};
    std::uint64_t used = 0;
    world.run([&] {
        page_manifest manifest;
        const std::uint64_t before = world.io_count();
        world.crash_at_io(at_io);
        {
            life first{world.platform(), manifest, seed};
            first.doubts = seed % 3 == 0;
            first.after_commit = clean_a_little;
            if (first.open()) {
                (void)first.rounds(7, 14);
                moved += first.disk().stats().images_moved;
            }
            CHECK(first.wrong == "");
        }
        used = world.io_count() - before;
        world.restart(mode);
        const bool with_doubtful = manifest.doubtful && seed % 2 == 0;
        life again{world.platform(), manifest, 1};
        REQUIRE_MESSAGE(again.open(with_doubtful), again.why());
        const auto& expected = with_doubtful ? manifest.doubtful_state : manifest.state;
        CHECK(difference(again.disk(), expected, life::pages) == "");
        CHECK(again.disk().stats().live_bytes == page_test::bytes_of(expected));
    });
    return used;
}

}  // namespace

TEST_CASE("at every I/O with a cleaner: each page is as the last commit had it") {
    std::uint64_t moved = 0;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        const std::uint64_t count = clean_and_crash(seed, 0, crash_mode::drop_unsynced, moved);
        for (std::uint64_t at = 1 + seed % one_in; at <= count; at += one_in)
            for (const crash_mode mode : {crash_mode::drop_unsynced, crash_mode::random_subset}) {
                CAPTURE(seed);
                CAPTURE(at);
                clean_and_crash(seed, at, mode, moved);
            }
    }
    CHECK(moved > 1'000 / one_in);
}

TEST_CASE("an I/O that fails while segments are cleaned costs nothing") {
    for (const error_code code : {error_code::io, error_code::no_space})
        for (std::uint64_t at = 1; at < 250; at += one_in) {
            CAPTURE(at);
            simulation world{at};
            world.run([&] {
                page_manifest manifest;
                {
                    life first{world.platform(), manifest, at % 7};
                    first.after_commit = clean_a_little;
                    REQUIRE(first.open());
                    world.fail_io(at, code);
                    (void)first.rounds(6, 14);
                    CHECK(lies(first.disk(), first.now(), life::pages, first.dirty_pages()) == "");
                }
                world.restart(crash_mode::drop_unsynced);
                life again{world.platform(), manifest, 1};
                REQUIRE_MESSAGE(again.open(), again.why());
                CHECK(difference(again.disk(), manifest.state, life::pages) == "");
            });
        }
}

TEST_CASE("cleaned beside threads that write: the newest image wins, whichever came first") {
    std::uint64_t moved = 0;
    for (std::uint64_t seed = 0; seed < 150; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            cleaned_store<simulated> at{world.platform(), {.below_percent = 95}};
            at.put(1, 32, 7);
            for (std::uint64_t page = 5; page <= 14; ++page) at.erase(page);
            at.commit();
            const std::uint32_t epoch = at.epoch;
            int failed = 0;
            std::vector<simulated::thread> writers;
            for (std::uint64_t number = 0; number < 2; ++number)
                writers.emplace_back([&, number] {
                    for (std::uint64_t page = 1 + number; page <= 30; page += 2)
                        if (page % 3 == 0 || page < 4)
                            if (!at.disk.write({page}, epoch, image_of(page, 23))) ++failed;
                });
            for (int i = 0; i < 3; ++i) CHECK(at.cleaner.clean_once());
            for (auto& each : writers) each.join();
            CHECK(failed == 0);
            for (std::uint64_t page = 1; page <= 30; ++page)
                if (page % 3 == 0 || page < 4) at.expected[page] = 23;
            CHECK(at.wrong(40) == "");
            at.commit();
            CHECK(at.wrong(40) == "");
            CHECK(at.disk.stats().live_bytes == page_test::bytes_of(at.expected));
            moved += at.disk.stats().images_moved;
        });
    }
    CHECK(moved > 100 / one_in);
}

TEST_CASE("a read goes on elsewhere when its segment is cleaned and removed before it is opened") {
    std::uint64_t removed = 0;
    for (std::uint64_t seed = 0; seed < 100; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            page_store_options options = page_life<simulated>::options();
            options.most_open_files = 1;
            cleaned_store<simulated> at{world.platform()};
            at.put(1, 4 * images_per_segment + 1);
            for (std::uint64_t page = 1; page <= 4 * images_per_segment; ++page)
                if (page % 8 != 0) at.erase(page);
            at.commit();
            using store = cleaned_store<simulated>::store;
            store disk{at.in, options};  // no file is open
            for (const bytes& delta : at.deltas) REQUIRE(disk.load(delta));
            REQUIRE(disk.opened());
            segment_cleaner<store> cleaner{disk};
            world.inject({.kind = fault_kind::slow,
                          .on = io_kind::open,
                          .one_in = 4,
                          .count = fault::for_ever,
                          .slowdown = 300});
            int wrong = 0;
            simulated::thread reader{[&] {
                for (std::uint64_t page = 8; page <= 4 * images_per_segment; page += 8) {
                    bytes seen = bytes::zeros(4096);
                    const auto done = disk.read({page}, seen.data(), seen.size());
                    if (!done || seen.view() != image_of(page, 7).view()) ++wrong;
                }
            }};
            for (int round = 0; round < 4; ++round) {
                CHECK(cleaner.clean_once());
                CHECK(disk.prepare(1));
                disk.committed(1);
            }
            reader.join();
            CHECK(wrong == 0);
            removed += disk.stats().segments_removed;
        });
    }
    CHECK(removed > 100 / one_in);
}
