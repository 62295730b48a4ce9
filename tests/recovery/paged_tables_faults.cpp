// SPDX-License-Identifier: BSL-1.0
//
// Failing, full and damaged disks under tables in pages.
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "paged_life.hpp"

#include <mantis/platform/simulated.hpp>

using namespace mantis;
using paged_tests::contents;
using paged_tests::difference;
using paged_tests::paged_life;

namespace {

using life = paged_life<simulated>;

enum class call { checkpoint, rewrite, clean };
constexpr const char* names[] = {"checkpoint", "rewrite", "clean"};

// Something to commit, to clean and to rewrite.
void prepare(life& one) {
    one.change(150);
    REQUIRE_MESSAGE(one.checkpoint(), one.why());
    for (int i = 0; i < 3; ++i) {
        one.change(250);
        REQUIRE_MESSAGE(one.checkpoint(), one.why());
    }
    one.change(100);
}
bool perform(life& one, call what) {
    if (what == call::checkpoint) return one.checkpoint();
    if (what == call::rewrite) return one.note(one.tables().rewrite());
    return one.note(one.tables().clean());
}

// The call with a fault; then all that can be read is right, and where it can be, the next
// checkpoint is made; and after a restart the last checkpoint is there.
//   Returns     whether the fault has struck
bool call_with(call what, const fault& planned, std::uint64_t& stopped, std::uint64_t& went_on) {
    simulation world{planned.nth};
    bool struck = false;
    world.run([&] {
        life one{world.platform(), 7};
        one.frames = 40;
        REQUIRE_MESSAGE(one.open(), one.why());
        prepare(one);
        world.inject(planned);
        const bool done = perform(one, what);
        struck = world.struck(planned.kind) > 0;
        const bool unknown = !done && one.code() == error_code::unknown_outcome;
        if (unknown) CHECK_FALSE(one.tables().writable());
        world.clear_faults();
        REQUIRE(one.damage() == "");
        if (one.tables().writable()) {
            ++went_on;
            one.change(50);
            REQUIRE_MESSAGE(one.checkpoint(), one.why());
            REQUIRE(one.damage() == "");
        } else {
            ++stopped;
            const contents before = one.now();
            one.change(50);
            REQUIRE(one.now() == before);
            REQUIRE_FALSE(one.checkpoint());
            REQUIRE(one.code() == error_code::read_only);
            REQUIRE(one.damage() == "");
        }
        one.close();
        const crash_mode modes[] = {crash_mode::drop_unsynced, crash_mode::random_subset,
                                    crash_mode::process_only};
        world.restart(modes[planned.nth % 3]);
        REQUIRE_MESSAGE(one.open(), one.why());
        REQUIRE(one.damage() == "");
        one.change(30);
        REQUIRE_MESSAGE(one.checkpoint(), one.why());
        one.close();
        REQUIRE_MESSAGE(one.open(), one.why());
        REQUIRE(one.damage() == "");
        one.close();
    });
    return struck;
}

// All rows of a table, or the error of the first page that cannot be read.
template <class Tables>
result<void> read_all(Tables& tables, table_id table) {
    auto tree = tables.table(table);
    if (!tree) return std::move(tree).error();
    return tree->scan({}, [](bytes_view, bytes_view, lsn) { return true; });
}

}  // namespace

TEST_CASE(
    "each I/O of a call fails once or for ever: all goes on, or is read only, and comes back") {
    std::uint64_t stopped = 0;
    std::uint64_t went_on = 0;
    int positions = 0;
    for (const call what : {call::checkpoint, call::rewrite, call::clean})
        for (const fault_kind kind : {fault_kind::fail, fault_kind::fail_halfway})
            for (const error_code code : {error_code::io, error_code::no_space})
                for (const std::uint64_t count : {std::uint64_t{1}, fault::for_ever}) {
                    fault planned{.kind = kind, .code = code, .count = count};
                    CAPTURE(names[static_cast<int>(what)]);
                    CAPTURE(name_of(kind));
                    CAPTURE(count);
                    for (planned.nth = 1; planned.nth < 500; planned.nth += one_in, ++positions) {
                        CAPTURE(planned.nth);
                        if (!call_with(what, planned, stopped, went_on)) break;
                    }
                }
    CHECK(positions > 200 / static_cast<int>(one_in));
    CHECK(stopped > 50 / one_in);
    CHECK(went_on > 100 / one_in);
}

TEST_CASE("a sync that fails makes all read only, whatever becomes of what it was to settle") {
    std::uint64_t stopped = 0;
    std::uint64_t went_on = 0;
    for (const failed_sync after : {failed_sync::keeps, failed_sync::forgets})
        for (const call what : {call::checkpoint, call::rewrite}) {
            fault planned{.on = io_kind::sync | io_kind::sync_directory};
            planned.after_sync = after;
            for (planned.nth = 1; planned.nth < 20; ++planned.nth) {
                CAPTURE(planned.nth);
                if (!call_with(what, planned, stopped, went_on)) break;
            }
        }
    CHECK(stopped >= 8);
}

TEST_CASE("on a full disk every checkpoint succeeds, and changes it had no room for are refused") {
    for (std::uint64_t seed = 1; seed <= 60; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            life one{world.platform(), seed};
            one.frames = 150;
            REQUIRE_MESSAGE(one.open(), one.why());
            prepare(one);
            // Not a segment, but enough for the manifest, or not.
            world.limit_disk(world.used_bytes() + (seed % 2 == 0 ? one.below(3'000) : 40'000));
            for (int i = 0; i < 30; ++i) {
                one.change(40);
                REQUIRE_MESSAGE(one.checkpoint(), one.why());
                if (i % 10 == 9) REQUIRE(one.damage() == "");
            }
            world.limit_disk(0);
            one.change(20);
            REQUIRE_MESSAGE(one.checkpoint(), one.why());
            CHECK(one.tables().stats().disk.spare);
            REQUIRE(one.damage() == "");
            one.close();
            world.restart(crash_mode::drop_unsynced);
            REQUIRE_MESSAGE(one.open(), one.why());
            REQUIRE(one.damage() == "");
            one.close();
        });
    }
}

TEST_CASE("damaged pages answer corrupt, by file and page, and other tables go on") {
    std::uint64_t found = 0;
    std::uint64_t whole = 0;
    for (std::uint64_t seed = 1; seed <= 40; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            life one{world.platform(), seed};
            REQUIRE_MESSAGE(one.open(), one.why());
            prepare(one);
            REQUIRE(one.checkpoint());
            const contents expected = one.now();
            one.close();
            auto in = world.platform().open_directory("db", directory_mode::existing).value();
            for (const bytes& name : in.list().value()) {
                std::uint32_t number = 0;
                if (!parse_data_segment_name(name, number)) continue;
                auto file = in.open(name, file_mode::write).value();
                for (int i = 0; i < 6; ++i) {
                    const std::uint64_t offset = 4096 + one.below(60 * KiB);
                    std::byte each{};
                    REQUIRE(file.read(offset, &each, 1).value() == 1);
                    each ^= std::byte{16};
                    REQUIRE(file.write(offset, {&each, 1}));
                }
            }
            REQUIRE_MESSAGE(one.open(), one.why());
            for (const auto& [table, rows] : expected) {
                if (const auto read = read_all(one.tables(), {table}); !read) {
                    CHECK(read.error().code() == error_code::corrupt);
                    CHECK(read.error().number("page") != nullptr);
                    CHECK(read.error().subject().size() > 5);
                    CHECK(one.tables().writable());
                    ++found;
                } else {
                    auto tree = one.tables().table({table}).value();
                    CHECK(difference(tree, rows) == "");
                    CHECK(tree.put("one more", "row", lsn{1}));
                    ++whole;
                }
            }
            CHECK(one.checkpoint());
            one.close();
        });
    }
    CHECK(found > 8 / one_in);
    CHECK(whole > 8 / one_in);
}
