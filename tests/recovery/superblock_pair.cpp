// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/superblock_pair.hpp>

using namespace mantis;

namespace {

using condition = superblock_condition;

constexpr superblock of_generation(std::uint64_t generation) {
    return {3, 1, {3, 4}, {4096 * generation}, {}, generation};
}

struct pair_fixture {
    memory world;
    memory::directory in = world.open_directory("db", directory_mode::create).value();

    void put(bytes_view name, bytes_view contents) {
        auto file = in.open(name, file_mode::create).value();
        file.resize(0).value();
        file.write(0, contents).value();
    }
    void put(bytes_view name, std::uint64_t generation) {
        put(name, encode_superblock(of_generation(generation)));
    }
};

}  // namespace

TEST_CASE("both files say the same after a replacement") {
    pair_fixture at;
    CHECK(read_superblocks(at.in).error().code() == error_code::not_found);
    replace_superblocks(at.in, of_generation(5)).value();
    const auto found = read_superblocks(at.in).value();
    CHECK(found.complete());
    CHECK(found.block.generation == 5);
    CHECK(read_file(at.in, superblock_name, KiB).value() ==
          read_file(at.in, superblock_copy_name, KiB).value());
}

TEST_CASE("the newer of two whole files is taken, and what a crash leaves is no damage") {
    pair_fixture at;
    at.put(superblock_name, 5);
    at.put(superblock_copy_name, 4);
    auto found = read_superblocks(at.in).value();
    CHECK(found.block.generation == 5);
    CHECK(found.copy == condition::behind);
    CHECK_FALSE(found.damage);
    CHECK_FALSE(found.complete());
    at.put(superblock_name, 3);
    found = read_superblocks(at.in).value();
    CHECK(found.block.generation == 4);
    CHECK(found.first == condition::damaged);
    CHECK(found.damage.value().subject() == bytes_view{superblock_name});
}

TEST_CASE("a copy that was never made is told from one that is gone") {
    pair_fixture at;
    for (const std::uint64_t generation : {1u, 2u}) {
        at.put(superblock_name, generation);
        const auto found = read_superblocks(at.in).value();
        CHECK(found.copy == (generation == 1 ? condition::not_made : condition::missing));
        CHECK(found.damage.has_value() == (generation == 2));
    }
    at.put(superblock_name, encode_superblock({2, 1, {3, 4}, {4096}, {}, 0}));
    CHECK(read_superblocks(at.in).value().copy == condition::not_made);
}

TEST_CASE("any byte of one of the files changed, or any end of it gone: the other one serves") {
    for (const char* const wrong : {superblock_name, superblock_copy_name}) {
        pair_fixture at;
        replace_superblocks(at.in, of_generation(7)).value();
        const bytes whole = read_file(at.in, wrong, KiB).value();
        const auto check = [&](bytes_view contents) {
            at.put(wrong, contents);
            const auto found = read_superblocks(at.in);
            REQUIRE(found);
            CHECK(found->block.generation == 7);
            CHECK(found->damage.value().subject() == bytes_view{wrong});
            CHECK((wrong == superblock_name ? found->first : found->copy) == condition::damaged);
        };
        for (std::size_t i = 0; i < whole.size(); ++i) {
            for (const unsigned mask : {1u, 0x80u, 0xffu}) {
                bytes changed = whole;
                changed[i] ^= static_cast<std::byte>(mask);
                check(changed);
            }
            check(whole.view().first(i));
        }
        check(bytes::zeros(whole.size()));
        check(bytes::zeros(100 * KiB));
        at.in.remove(wrong).value();
        const auto found = read_superblocks(at.in).value();
        CHECK(found.block.generation == 7);
        CHECK(found.damage.value().subject() == bytes_view{wrong});
    }
}

TEST_CASE("both damaged, of two databases, or one of a newer version: refused") {
    pair_fixture at;
    at.put(superblock_name, "noise");
    at.put(superblock_copy_name, "noise");
    CHECK(read_superblocks(at.in).error().code() == error_code::corrupt);
    at.in.remove(superblock_copy_name).value();
    CHECK(read_superblocks(at.in).error().code() == error_code::corrupt);
    at.put(superblock_name, 5);
    superblock foreign = of_generation(4);
    foreign.database = {8, 9};
    at.put(superblock_copy_name, encode_superblock(foreign));
    CHECK(read_superblocks(at.in).error().code() == error_code::corrupt);
    for (const char* const newer : {superblock_name, superblock_copy_name}) {
        at.put(superblock_name, 5);
        at.put(superblock_copy_name, 5);
        at.put(newer, encode_superblock({9, 1, {3, 4}, {}, {}, 5}));
        CHECK(read_superblocks(at.in).error().code() == error_code::mismatch);
    }
}

TEST_CASE("a read that goes wrong once is no damage; one of the first that fails is no answer") {
    for (std::uint64_t nth = 1; nth <= 2; ++nth) {
        simulation world{nth};
        world.run([&] {
            auto in = world.platform().open_directory("db", directory_mode::create).value();
            replace_superblocks(in, of_generation(7)).value();
            world.inject({.kind = fault_kind::flip_on_read, .nth = nth});
            CHECK(read_superblocks(in).value().complete());
            REQUIRE(world.struck(fault_kind::flip_on_read) == 1);
            world.fail_io(io_kind::read, nth, error_code::io);
            auto found = read_superblocks(in);
            if (nth == 1) CHECK(found.error().code() == error_code::io);
            else CHECK(found.value().copy == condition::unreadable);
        });
    }
}

// Every I/O of a replacement is the last before a power failure, with every subset of what was not
// synced; then either file rots.
TEST_CASE("a crash at any I/O of a replacement, then one file damaged: old or new, never neither") {
    std::uint64_t worlds = 0;
    for (std::uint64_t at_io = 1;; ++at_io) {
        bool reached = false;
        for (std::uint64_t kept = 0, changes = 1; kept < (std::uint64_t{1} << changes); ++kept) {
            simulation world{at_io};
            const auto run = [&](auto body) {
                world.run([&] {
                    auto in = world.platform().open_directory("db", directory_mode::create);
                    body(*in);
                });
            };
            bool done = false;
            run([&](auto& in) {
                replace_superblocks(in, of_generation(4)).value();
                world.crash_at_io(at_io);
                done = replace_superblocks(in, of_generation(5)).has_value();
                reached = !world.powered();
            });
            changes = world.restart_keeping(kept);
            REQUIRE(changes < 10);
            for (const char* const rots : {"", superblock_name, superblock_copy_name}) {
                run([&](auto& in) {
                    bytes before;
                    if (rots[0] != '\0') {
                        before = read_file(in, rots, KiB).value();
                        in.open(rots, file_mode::write).value().write(33, "rot").value();
                    }
                    auto found = read_superblocks(in);
                    REQUIRE(found);
                    const std::uint64_t generation = found->block.generation;
                    CHECK((generation == 5 || (generation == 4 && !done)));
                    CHECK(found->damage.has_value() == (rots[0] != '\0'));
                    if (rots[0] != '\0')
                        in.open(rots, file_mode::write).value().write(0, before).value();
                });
                ++worlds;
            }
        }
        if (!reached) break;
    }
    CHECK(worlds > 30);
}

TEST_CASE("a fault at any I/O of a replacement: an error, and old or new in whole files") {
    for (std::uint64_t at_io = 1;; ++at_io) {
        simulation world{at_io};
        bool struck = true;
        world.run([&] {
            auto in = world.platform().open_directory("db", directory_mode::create).value();
            replace_superblocks(in, of_generation(4)).value();
            world.fail_io(at_io, error_code::io);
            struck = !replace_superblocks(in, of_generation(5));
            world.clear_faults();
            const auto found = read_superblocks(in).value();
            CHECK_FALSE(found.damage);
            CHECK((found.block.generation == 5 || struck));
            replace_superblocks(in, of_generation(6)).value();
            CHECK(read_superblocks(in).value().complete());
            CHECK(read_superblocks(in).value().block.generation == 6);
        });
        if (!struck) {
            CHECK(at_io > 8);
            break;
        }
    }
}
