// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/fault.hpp>

#include <string>

using namespace mantis;

namespace {

io_event write_of(std::uint64_t offset, std::uint64_t size) {
    return {io_kind::write, "db/1.log", offset, size};
}

}  // namespace

TEST_CASE("sets of kinds hold what was put together") {
    constexpr io_kinds both = io_kind::read | io_kind::sync;
    static_assert(both.has(io_kind::read) && both.has(io_kind::sync));
    static_assert(!both.has(io_kind::write));
    static_assert(io_kinds::from_bits(both.bits()) == both);
    for (std::size_t kind = 0; kind < io_kind_count; ++kind)
        CHECK(any_io.has(static_cast<io_kind>(kind)));
    CHECK((both | io_kind::write).has(io_kind::write));
}

TEST_CASE("every kind has a name of its own") {
    CHECK(std::string{name_of(io_kind::open_directory)} == "open_directory");
    CHECK(std::string{name_of(io_kind::preallocate)} == "preallocate");
    CHECK(std::string{name_of(fault_kind::fail)} == "fail");
    CHECK(std::string{name_of(fault_kind::slow)} == "slow");
}

TEST_CASE("what fails or dawdles must be survived, what lies or damages must be detected") {
    CHECK(duty_of(fault{}) == fault_duty::must_survive);
    CHECK(duty_of(fault_kind::slow) == fault_duty::must_survive);
    CHECK(duty_of(fault_kind::split) == fault_duty::must_survive);
    CHECK(duty_of(fault_kind::fail_halfway) == fault_duty::must_survive);
    CHECK(duty_of({.kind = fault_kind::flip_at_rest}) == fault_duty::must_detect);
    CHECK(duty_of(fault_kind::lying_sync) == fault_duty::must_detect);
    CHECK(duty_of(fault_kind::stale_read) == fault_duty::must_detect);
}

TEST_CASE("an injector without faults strikes nothing") {
    fault_injector faults{1};
    for (std::uint64_t i = 0; i < 100; ++i) {
        const fault_strike strike = faults.strike(write_of(i, 1));
        CHECK_FALSE(strike.strikes);
        CHECK(strike.slowdown == 1);
    }
    CHECK(faults.struck() == 0);
}

TEST_CASE("a fault passes over what it cannot strike, and does not count it") {
    fault_injector faults{1};
    faults.inject({.kind = fault_kind::lost_write, .nth = 2});
    CHECK_FALSE(faults.strike({io_kind::read, "x", 0, 1}).strikes);
    CHECK_FALSE(faults.strike(write_of(0, 1)).strikes);
    CHECK_FALSE(faults.strike({io_kind::sync, "x"}).strikes);
    CHECK(faults.strike(write_of(0, 1)).is(fault_kind::lost_write));
    CHECK_FALSE(faults.strike(write_of(0, 1)).strikes);
    CHECK_FALSE(faults.expects(fault_kind::lost_write));
}

TEST_CASE("of two faults for one I/O the second waits for the next") {
    fault_injector faults{1};
    faults.inject({.kind = fault_kind::fail, .on = io_kind::write});
    faults.inject({.kind = fault_kind::lost_write});
    CHECK(faults.strike(write_of(0, 1)).is(fault_kind::fail));
    CHECK(faults.strike(write_of(0, 1)).is(fault_kind::lost_write));
    CHECK(faults.struck(fault_kind::fail) == 1);
    CHECK(faults.struck() == 2);
}

TEST_CASE("a slow fault comes on top of another") {
    fault_injector faults{1};
    faults.inject({.kind = fault_kind::slow, .slowdown = 50});
    faults.inject({.kind = fault_kind::slow, .slowdown = 20});
    faults.inject({});
    const fault_strike strike = faults.strike(write_of(0, 1));
    CHECK(strike.fails());
    CHECK(strike.slowdown == 50);
}

TEST_CASE("ranges and parts of paths choose the I/Os of a fault") {
    fault_injector faults{1};
    faults.inject({.count = fault::for_ever,
                   .path_part = bytes{".log"},
                   .first_byte = 512,
                   .end_byte = 1024});
    CHECK_FALSE(faults.strike(write_of(0, 512)).strikes);
    CHECK_FALSE(faults.strike(write_of(1024, 512)).strikes);
    CHECK_FALSE(faults.strike(write_of(600, 0)).strikes);
    CHECK(faults.strike(write_of(0, 513)).strikes);
    CHECK(faults.strike(write_of(1023, 1)).strikes);
    CHECK(faults.strike(write_of(0, 5000)).strikes);
    CHECK_FALSE(faults.strike({io_kind::write, "db/lock", 512, 10}).strikes);
    CHECK_FALSE(faults.strike({io_kind::sync, "db/1.log"}).strikes);
}

TEST_CASE("the same seed strikes the same way") {
    const auto strikes = [](std::uint64_t seed) {
        fault_injector faults{seed};
        faults.inject({.one_in = 3, .count = fault::for_ever});
        std::string seen;
        for (int i = 0; i < 200; ++i) {
            const fault_strike strike = faults.strike(write_of(0, 1));
            seen += strike.strikes ? std::to_string(strike.seed) : "-";
        }
        return seen;
    };
    CHECK(strikes(1) == strikes(1));
    CHECK(strikes(1) != strikes(2));
}

TEST_CASE("an injected error says what the system would") {
    const error full =
        injected_error(error_code::no_space, "writing a file", {io_kind::write, "db/x", 7, 1});
    CHECK(full.message().as<std::string>() ==
          "no_space: writing a file [db/x] errno=" + std::to_string(ENOSPC) + " offset=7");
}
