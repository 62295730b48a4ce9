// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/store/scrubber.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

// A source of `reads` reads of one KiB each, that finds what it is told.
template <class Platform>
struct fake_files {
    std::uint64_t reads = 8;
    std::vector<scrub_finding> findings = {};
    std::vector<nanoseconds> read_at = {};
    Platform* world = nullptr;
    nanoseconds slow_read = {};  // one of each round

    [[nodiscard]] scrub_source<Platform> source() { return {&scrub, this}; }

private:
    static void scrub(void* self, scrub_pass<Platform>& pass) {
        auto& own = *static_cast<fake_files*>(self);
        pass.add_file();
        for (std::uint64_t i = 0; i < own.reads; ++i) {
            if (own.world != nullptr && i == 10) own.world->sleep(own.slow_read);
            if (own.world != nullptr) own.read_at.push_back(own.world->now());
            if (!pass.spend(KiB)) return;
            pass.add_record();
        }
        for (const scrub_finding& each : own.findings) pass.found(each);
    }
};

void note(void* context, const event& what) {
    static_cast<std::vector<std::string>*>(context)->push_back(what.message().as<std::string>());
}

std::size_t count_of(const std::vector<std::string>& lines, const std::string& beginning) {
    std::size_t count = 0;
    for (const std::string& each : lines)
        if (each.rfind(beginning, 0) == 0) ++count;
    return count;
}

}  // namespace

TEST_CASE("a round asks each source once and reports what all of them read and found") {
    fake_files<memory> one;
    fake_files<memory> other{
        3, {{scrub_kind::damaged, bytes{"x.log"}, 100, {8}, {16}, false}}, {}, nullptr};
    scrubber<memory> scrubbing{memory{}, {}};
    scrubbing.add(one.source());
    scrubbing.add(other.source());
    const scrub_report report = scrubbing.run(0);
    CHECK(report.complete);
    CHECK(report.files == 2);
    CHECK(report.bytes == 11 * KiB);
    CHECK(report.records == 11);
    CHECK(report.findings == 1);
    REQUIRE(report.kept.size() == 1);
    CHECK(report.kept[0].file == bytes_view{"x.log"});
    CHECK_FALSE(report.sound());
    const integrity_state state = scrubbing.state();
    CHECK(state.rounds == 1);
    CHECK(state.bytes == 11 * KiB);
    CHECK(state.findings == 1);
    CHECK(state.last.value().findings == 1);
    CHECK(state.last_end > nanoseconds{});
    CHECK_FALSE(state.running);
}

TEST_CASE("of more findings than are kept all are counted") {
    fake_files<memory> many;
    for (std::uint64_t i = 0; i < 1000; ++i)
        many.findings.push_back({i % 4 == 0 ? scrub_kind::harmless : scrub_kind::missing,
                                 bytes{"f"},
                                 i,
                                 {},
                                 {},
                                 i % 8 == 1});
    scrubber<memory> scrubbing{memory{}, {}};
    scrubbing.add(many.source());
    const scrub_report report = scrubbing.run(0);
    CHECK(report.findings == 750);
    CHECK(report.harmless == 250);
    CHECK(report.repaired == 125);
    REQUIRE(report.kept.size() == scrub_report::most_kept);
    for (std::uint64_t i = 0; i < scrub_report::most_kept; ++i) {
        CHECK(report.kept[i].kind == scrub_kind::missing);
        CHECK(report.kept[i].offset == i + i / 3 + 1);  // the first that are damage
    }
}

TEST_CASE(
    "events: damage when it is first met, repairs each time, each round; never the harmless") {
    std::vector<std::string> lines;
    fake_files<memory> source;
    source.findings = {{scrub_kind::damaged, bytes{"a"}, 5, {8}, {16}, false},
                       {scrub_kind::harmless, bytes{"b"}, 6, {}, {}, false},
                       {scrub_kind::missing, bytes{"c"}, 7, {}, {}, true}};
    scrubber<memory> scrubbing{memory{}, {.events = {note, &lines}}};
    scrubbing.add(source.source());
    (void)scrubbing.run(0);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == "error: scrub_damage [a] offset=5 lsn=8 end_lsn=16");
    CHECK(lines[1] == "warning: repaired [c]");
    CHECK(lines[2].rfind("info: scrub_done bytes=8192 records=8 findings=2 elapsed_ns=", 0) == 0);
    (void)scrubbing.run(0);
    CHECK(count_of(lines, "error: scrub_damage") == 1);
    CHECK(count_of(lines, "warning: repaired") == 2);
    source.findings[0].offset = 9;
    (void)scrubbing.run(0);
    CHECK(count_of(lines, "error: scrub_damage") == 2);
}

TEST_CASE("no interval sees more bytes than the rate allows and one read; the thread keeps on") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        fake_files<simulated> source;
        source.reads = 40;
        source.world = &platform;
        source.slow_read = seconds(1);
        const std::uint64_t rate = seed * 10 * KiB;
        world.run([&] {
            scrubber<simulated> scrubbing{platform,
                                          {.bytes_per_second = rate, .period = seconds(2)}};
            scrubbing.add(source.source());
            scrubbing.start();
            while (scrubbing.state().rounds < 3) platform.sleep(milliseconds(100));
            scrubbing.stop();
        });
        REQUIRE(source.read_at.size() >= 120);
        for (std::size_t from = 0; from < source.read_at.size(); ++from) {
            const std::size_t to = from + 6 < source.read_at.size() ? from + 6 : from;
            const double read = static_cast<double>((to - from) * KiB);
            CHECK(read <= static_cast<double>(rate) *
                                  (source.read_at[to] - source.read_at[from]).seconds() +
                              static_cast<double>(KiB));
        }
        const double least = 40.0 * 1024 / static_cast<double>(rate);
        CHECK((source.read_at[40] - source.read_at[0]).seconds() >= 2 + least - 0.001);
        // And not much slower than it may be.
        CHECK((source.read_at[39] - source.read_at[0]).seconds() < 1.5 * least + 1.1);
    }
}

TEST_CASE("stop() ends a round at once, between two reads, and no other begins") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        fake_files<simulated> source;
        source.reads = 1000;
        source.world = &platform;
        world.run([&] {
            scrubber<simulated> scrubbing{platform, {.bytes_per_second = KiB}};
            scrubbing.add(source.source());
            scrubbing.start();
            platform.sleep(milliseconds(static_cast<std::int64_t>(seed * 300)));
            const nanoseconds begun = platform.now();
            const std::size_t reads = source.read_at.size();
            scrubbing.stop();
            CHECK(platform.now() - begun < milliseconds(50));
            CHECK(source.read_at.size() <= reads + 1);
            CHECK(scrubbing.state().rounds == 0);
            CHECK_FALSE(scrubbing.state().running);
            CHECK_FALSE(scrubbing.run(0).complete);
        });
    }
}

TEST_CASE("a round by a caller waits for the one that goes on, and each is whole") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        fake_files<simulated> source;
        world.run([&] {
            scrubber<simulated> scrubbing{platform,
                                          {.bytes_per_second = KiB, .period = seconds(1)}};
            scrubbing.add(source.source());
            scrubbing.start();
            for (int i = 0; i < 3; ++i) {
                const scrub_report report = scrubbing.run(i % 2 == 0 ? 0 : 4 * KiB);
                CHECK(report.complete);
                CHECK(report.bytes == 8 * KiB);
                CHECK(report.records == 8);
            }
            scrubbing.stop();
            CHECK(scrubbing.state().rounds >= 3);
        });
    }
}
