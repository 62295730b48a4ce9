// SPDX-License-Identifier: BSL-1.0
//
// Looking at all files of tables in pages, beside those who use them.
#include "paged_life.hpp"

#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/page_damage.hpp>

using namespace paged_tests;

namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t one_in = 10;
#else
constexpr std::uint64_t one_in = 1;
#endif

// Counts, and calls something at each read.
template <class OnRead>
struct sink_of {
    OnRead on_read;
    bool at_files = false;  // also when a file is begun
    std::uint64_t reads = 0;
    std::uint64_t files = 0;
    std::uint64_t pages = 0;
    std::vector<page_damage> damage = {};

    bool spend(std::uint64_t) {
        ++reads;
        return on_read();
    }
    void add_file() {
        ++files;
        if (at_files) (void)on_read();
    }
    void add_page() { ++pages; }
    void found(page_damage what) { damage.push_back(std::move(what)); }
};
template <class OnRead>
sink_of(OnRead) -> sink_of<OnRead>;

}  // namespace

TEST_CASE("what is changed, moved, removed and rewritten while it is looked for is no damage") {
    std::uint64_t pages = 0;
    std::uint64_t moved = 0;
    for (std::uint64_t seed = 1; seed <= 60; seed += one_in) {
        CAPTURE(seed);
        memory world;
        paged_life<memory> one{world, seed};
        one.frames = 20;
        REQUIRE_MESSAGE(one.open(), one.why());
        one.change(300);
        REQUIRE(one.checkpoint());
        sink_of sink{[&] {
            if (one.below(4) == 0) one.change(static_cast<int>(one.below(30)));
            if (one.below(6) == 0) (void)one.checkpoint();
            if (one.below(5) == 0) (void)one.tables().clean();
            if (one.below(9) == 0) (void)one.tables().rewrite();
            return true;
        }};
        sink.at_files = true;
        for (int round = 0; round < 4; ++round) CHECK(one.tables().scrub(sink));
        CHECK(sink.damage.empty());
        CHECK(sink.files >= 2);
        CHECK(one.damage() == "");
        pages += sink.pages;
        moved += one.tables().stats().disk.images_moved;
        one.close();
    }
    CHECK(pages > 60 / one_in * 20);
    CHECK(moved > 60 / one_in);
}

TEST_CASE("threads that change tables, checkpoints and cleaning are no damage") {
    for (std::uint64_t seed = 1; seed <= 100; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            paged_life<simulated> one{world.platform(), seed};
            one.frames = 12 + seed % 20;
            one.side_copies = seed % 5;
            REQUIRE_MESSAGE(one.open(), one.why());
            one.change(60);
            REQUIRE(one.checkpoint());
            simulated::atomic<bool> stop{false};
            sink_of sink{[] { return true; }};
            simulated::thread looking{[&] {
                do (void)one.tables().scrub(sink);
                while (!stop.load());
            }};
            one.live_together(2, 60, 3);
            stop.store(true);
            looking.join();
            for (const page_damage& each : sink.damage)
                MESSAGE(each.file.as<std::string>() << " " << each.offset << " " << each.page.value
                                                    << " " << name_of(each.code));
            REQUIRE(sink.damage.empty());
            REQUIRE(sink.pages > 0);
            REQUIRE(one.damage() == "");
            one.close();
        });
    }
}

TEST_CASE("real threads change tables beside one that reads all files") {
    memory world;
    paged_life<memory> one{world, 7};
    one.frames = 40;
    REQUIRE_MESSAGE(one.open(), one.why());
    memory::atomic<bool> stop{false};
    sink_of sink{[] { return true; }};
    memory::thread looking{[&] {
        do (void)one.tables().scrub(sink);
        while (!stop.load());
    }};
    one.live_together(3, 400, 12);
    stop.store(true);
    looking.join();
    CHECK(sink.damage.empty());
    CHECK(one.damage() == "");
    one.close();
}

TEST_CASE("who looks for damage is stopped at any read") {
    memory world;
    paged_life<memory> one{world, 3};
    REQUIRE_MESSAGE(one.open(), one.why());
    one.change(300);
    REQUIRE(one.checkpoint());
    sink_of all{[] { return true; }};
    REQUIRE(one.tables().scrub(all));
    CHECK(all.pages == one.tables().stats().pages);
    for (std::uint64_t at = 0; at < all.reads; ++at) {
        std::uint64_t left = at;
        sink_of some{[&] { return left-- != 0; }};
        CHECK_FALSE(one.tables().scrub(some));
        CHECK(some.reads == at + 1);
    }
    one.close();
}

TEST_CASE("damage to images that were not committed yet is found, too") {
    memory world;
    paged_life<memory> one{world, 5};
    one.frames = 8;  // changed pages leave it
    one.side_copies = 0;
    REQUIRE_MESSAGE(one.open(), one.why());
    one.change(300);
    REQUIRE(one.checkpoint());
    one.change(100);
    auto in = world.open_directory("db", directory_mode::existing).value();
    for (const bytes& name : in.list().value()) {
        std::uint32_t number = 0;
        if (!parse_data_segment_name(name, number)) continue;
        auto file = in.open(name, file_mode::write).value();
        bytes raw = bytes::zeros(static_cast<std::size_t>(file.size().value()));
        REQUIRE(file.read(0, raw.data(), raw.size()));
        for (std::size_t at = 4096 + 300; at < raw.size(); at += 512)
            raw.data()[at] ^= std::byte{1};
        REQUIRE(file.write(0, raw));
    }
    sink_of sink{[] { return true; }};
    REQUIRE(one.tables().scrub(sink));
    CHECK(sink.pages == 0);
    std::uint64_t twice = 0;  // the committed image, and a later one
    for (std::size_t at = 1; at < sink.damage.size(); ++at)
        twice += sink.damage[at].page == sink.damage[at - 1].page ? 1u : 0u;
    CHECK(twice > 0);
    CHECK(sink.damage.size() >= one.tables().stats().disk.live_bytes / 512 - 8);
    one.close();
}
