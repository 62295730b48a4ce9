// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/atomic_replace.hpp>

#include "conformance.hpp"
#include "scratch.hpp"

using namespace platform_test;

namespace {

const std::string old_contents(3'000, 'o');
const std::string new_contents(5'000, 'n');

// Replaces old by new in a world that fails at the nth I/O of the replacement.
//   Returns     the contents after the power is back
std::string replaced_with_crash(std::uint64_t seed, std::uint64_t nth, crash_mode mode,
                                bool& succeeded) {
    simulation world{seed};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    atomic_replace(in, "x", old_contents).value();
    world.crash_at_io(nth);
    succeeded = atomic_replace(in, "x", new_contents).has_value();
    world.restart(mode);
    auto again = platform.open_directory("db", directory_mode::existing).value();
    return get(again, "x");
}

}  // namespace

TEST_CASE("a power failure at any I/O leaves the old contents or the new, and a success the new") {
    for (const crash_mode mode : {crash_mode::drop_unsynced, crash_mode::random_subset})
        for (std::uint64_t seed = 0; seed < 50; ++seed) {
            bool succeeded = false;
            for (std::uint64_t nth = 1; !succeeded; ++nth) {
                CAPTURE(seed);
                CAPTURE(nth);
                const std::string found = replaced_with_crash(seed, nth, mode, succeeded);
                const bool is_old = found == old_contents;
                const bool is_new = found == new_contents;
                CHECK((is_old || is_new));
                if (succeeded) CHECK(is_new);
                if (succeeded) CHECK(nth == 7);  // open, resize, write, sync, rename, sync: six
            }
        }
}

TEST_CASE("a failure of any one I/O is told, and the contents are whole") {
    for (std::uint64_t nth = 1; nth <= 6; ++nth) {
        CAPTURE(nth);
        simulation world{nth};
        auto platform = world.platform();
        auto in = made_directory(platform, "db");
        atomic_replace(in, "x", "old").value();
        world.fail_io(nth, error_code::no_space);
        check_fails(atomic_replace(in, "x", "new"), error_code::no_space);
        CHECK(get(in, "x") == (nth <= 5 ? "old" : "new"));
        atomic_replace(in, "x", "newer").value();
        CHECK(get(in, "x") == "newer");
        CHECK(in.list().value().size() == 1);
    }
}

TEST_CASE("a temporary file that a crash left is no hindrance") {
    memory world;
    auto in = made_directory(world, "db");
    put(in, "x.tmp", std::string(10'000, 't'));
    atomic_replace(in, "x", "new").value();
    CHECK(get(in, "x") == "new");
    CHECK(in.list().value().size() == 1);
}

TEST_CASE("a file that cannot be read whole is an error, not a part") {
    simulation world{1};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    atomic_replace(in, "x", "contents").value();
    world.fail_io(io_kind::read, 1, error_code::io);
    check_fails(read_file(in, "x", 100), error_code::io);
}
