// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated/durability_ledger.hpp>

#include <string>

using namespace mantis;

namespace {

// Three transactions: durable, buffered, unanswered; each with two markers and the key "shared".
struct three {
    durability_ledger ledger;
    std::size_t durable = issue();
    std::size_t buffered = issue();
    std::size_t unknown = issue();

    three() {
        ledger.acknowledged(durable, promise::durable, {100});
        ledger.acknowledged(buffered, promise::buffered, {200});
    }
    std::size_t issue() { return ledger.issue({2, {bytes{"shared"}}, {}}); }
    void found(std::size_t which, unsigned markers = 2) {
        for (unsigned i = 0; i < markers; ++i) ledger.found_marker(which);
    }
    std::string settle(loss allowed = loss::of_buffered) {
        std::string all;
        for (const ledger_violation& each : ledger.settle(allowed))
            all += std::to_string(each.transaction) + " " + each.what + "; ";
        return all;
    }
};

}  // namespace

TEST_CASE("whatever a crash may leave is no violation") {
    for (int kept = 1; kept <= 3; ++kept) {
        three of;
        if (kept >= 1) of.found(of.durable);
        if (kept >= 2) of.found(of.buffered);
        if (kept >= 3) of.found(of.unknown);
        of.ledger.found_shared("shared", static_cast<std::size_t>(kept - 1));
        CHECK(of.settle() == "");
        CHECK(of.ledger.lost() == (kept >= 2 ? 0 : 1));
    }
}

TEST_CASE("what was durable must be there, and buffered too when the power stayed") {
    three of;
    CHECK(of.settle() == "0 was durable and is lost; ");
    three killed;
    killed.found(killed.durable);
    killed.ledger.found_shared("shared", killed.durable);
    CHECK(killed.settle(loss::of_nothing) == "1 is lost without a power failure; ");
    three flushed;
    flushed.ledger.flushed(flushed.ledger.buffered());
    flushed.found(flushed.durable);
    flushed.ledger.found_shared("shared", flushed.durable);
    CHECK(flushed.settle() == "1 was durable and is lost; ");
}

TEST_CASE("a power failure takes nothing that is older than the stated window") {
    for (const std::int64_t begin : {5, 6}) {
        three of;
        of.ledger.acknowledged(of.buffered, promise::buffered, {200}, nanoseconds{5});
        of.found(of.durable);
        of.ledger.found_shared("shared", of.durable);
        const auto wrong = of.ledger.settle(loss::of_buffered, nanoseconds{begin});
        CHECK(wrong.size() == (begin == 5 ? 0 : 1));
    }
}

TEST_CASE("what a reader was answered must be there, whoever wrote it") {
    three of;
    of.ledger.answered(of.unknown);
    of.found(of.durable);
    of.found(of.buffered);
    of.ledger.found_shared("shared", of.buffered);
    CHECK(of.settle() == "2 was durable and is lost; ");
}

TEST_CASE("what was refused must not be there, nor what nobody issued") {
    three of;
    of.ledger.refused(of.unknown);
    for (const std::size_t each : {of.durable, of.buffered, of.unknown}) of.found(each);
    of.ledger.found_shared("shared", of.unknown);
    CHECK(of.settle() == "2 was refused and is there; ");
    three stranger;
    stranger.found(stranger.durable);
    stranger.ledger.found_shared("shared", stranger.durable);
    stranger.ledger.found_marker(7);
    CHECK(stranger.settle() == "7 is there and was never issued; ");
}

TEST_CASE("a transaction is there whole: its markers, and its shared keys unless overwritten") {
    three of;
    of.found(of.durable, 1);
    of.ledger.found_shared("shared", of.durable);
    CHECK(of.settle() == "0 is there in part; ");
    three missing;
    missing.found(missing.durable);
    CHECK(missing.settle() == "0 is there and its shared write is not; ");
    three earlier;
    earlier.found(earlier.durable);
    earlier.found(earlier.buffered);
    earlier.ledger.found_shared("shared", earlier.durable);
    CHECK(earlier.settle() == "1 was overwritten by an earlier one; ");
    three ghost;
    ghost.found(ghost.durable);
    ghost.ledger.found_shared("shared", ghost.unknown);
    CHECK(ghost.settle() == "2 is not there and its write is; ");
}

TEST_CASE("nothing is missing before what is there, and nothing that it read") {
    three of;
    const std::size_t last = of.issue();
    of.ledger.acknowledged(last, promise::buffered, {300});
    of.found(of.durable);
    of.found(last);
    of.ledger.found_shared("shared", last);
    CHECK(of.settle() == "1 is lost and a later one is there; ");
    three reading;
    const std::size_t reader = reading.ledger.issue({2, {}, {reading.unknown}});
    reading.found(reading.durable);
    reading.found(reader);
    reading.ledger.found_shared("shared", reading.durable);
    CHECK(reading.settle() == "3 read what is not there; ");
}

TEST_CASE("what an opening answered is durable from then on, and what it missed is gone for good") {
    three of;
    of.found(of.durable);
    of.found(of.unknown);
    of.ledger.found_shared("shared", of.unknown);
    CHECK(of.settle() == "");
    of.found(of.durable);
    of.found(of.buffered);
    of.ledger.found_shared("shared", of.buffered);
    CHECK(of.settle() == "1 was lost and is back; 2 was durable and is lost; ");
}

TEST_CASE("a disk that lies may take what was durable, and bring it back, but make no hole") {
    three of;
    CHECK(of.settle(loss::of_anything) == "");
    of.found(of.durable);
    of.ledger.found_shared("shared", of.durable);
    CHECK(of.settle(loss::of_anything) == "");
    three hole;
    hole.found(hole.buffered);
    hole.ledger.found_shared("shared", hole.buffered);
    CHECK(hole.settle(loss::of_anything) == "0 is lost and a later one is there; ");
}

TEST_CASE("a look that was cut short counts for nothing") {
    three of;
    of.found(of.durable, 1);
    of.ledger.found_marker(9);
    of.ledger.look_again();
    of.found(of.durable);
    of.ledger.found_shared("shared", of.durable);
    CHECK(of.settle() == "");
}
