// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "keeper_fixture.hpp"

#include <mantis/platform/faulty.hpp>

using namespace log_test;

namespace {

// Offers the log's first segment to an archive.
template <class Archive>
result<void> offer_first(kept_log& log, Archive& to) {
    const auto segments = segments_of(log.directory);
    auto extent = detail::measure_sealed_segment<memory, crc32c>(log.directory, segments[0],
                                                                 segments[1], ours);
    if (!extent) return extent.error();
    const bytes name = segment_name(segments[0]);
    auto file = log.directory.open(name, file_mode::read).value();
    return to.archive(sealed_segment{file, name, *extent});
}

}  // namespace

TEST_CASE("a copy has the segment's header and records, and no reserve behind them") {
    kept_log log;
    log.fill(2);
    // A crash before the writer trimmed it leaves the reserve.
    const bytes name = segment_name(first_lsn_of_log);
    auto own = log.directory.open(name, file_mode::write).value();
    own.resize(100'000).value();
    REQUIRE(offer_first(log, log.archive));
    const bytes copy = read_file(log.elsewhere, name, 1 << 20).value();
    const bytes source = read_file(log.directory, name, 1 << 20).value();
    CHECK(copy.size() ==
          segment_header_bytes + log.ranges[0].end.value - log.ranges[0].position.value);
    CHECK(copy.view() == source.view().first(copy.size()));
    CHECK(log.elsewhere.list().value().size() == 1);
    CHECK(log.archive.segments().value() == std::vector<lsn>{first_lsn_of_log});
}

TEST_CASE("a segment that is there already is a success if it is the same, else already_exists") {
    kept_log log;
    log.fill(2);
    REQUIRE(offer_first(log, log.archive));
    CHECK(offer_first(log, log.archive));
    const bytes name = segment_name(first_lsn_of_log);
    const bytes before = read_file(log.elsewhere, name, 1 << 20).value();
    SUBCASE("other bytes") {
        auto there = log.elsewhere.open(name, file_mode::write).value();
        there.write(segment_header_bytes + 60, "other").value();
    }
    SUBCASE("shorter") {
        auto there = log.elsewhere.open(name, file_mode::write).value();
        there.resize(before.size() - 1).value();
    }
    const bytes damaged = read_file(log.elsewhere, name, 1 << 20).value();
    const auto refused = offer_first(log, log.archive);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::already_exists);
    CHECK(refused.error().subject() == name.view());
    // What is there is not touched.
    CHECK(read_file(log.elsewhere, name, 1 << 20).value() == damaged);
}

TEST_CASE("a copy that does not read as it was written never gets its name") {
    for (const fault_kind lie : {fault_kind::lost_write, fault_kind::misdirected_write}) {
        kept_log log;
        log.fill(2);
        fault_plan<memory> plan;
        faulty<memory> world{log.world, plan};
        auto into = world.open_directory("archive", directory_mode::existing).value();
        directory_archive<faulty<memory>, crc32c> archive{into};
        plan.inject({.kind = lie, .on = io_kind::write});
        CHECK_FALSE(offer_first(log, archive));
        CHECK(log.elsewhere.list().value().empty());
        CHECK(offer_first(log, archive));
    }
}

TEST_CASE("a copy whose header is right and whose records are not all there never gets its name") {
    kept_log log;
    append(*log.to, 1, std::string(400'000, 'x'));  // written to the archive in two pieces
    log.fill(1);
    fault_plan<memory> plan;
    faulty<memory> world{log.world, plan};
    auto into = world.open_directory("archive", directory_mode::existing).value();
    directory_archive<faulty<memory>, crc32c> archive{into};
    plan.inject({.kind = fault_kind::lost_write, .on = io_kind::write, .nth = 2});
    const auto refused = offer_first(log, archive);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::corrupt);
    CHECK(log.elsewhere.list().value().empty());
    CHECK(offer_first(log, archive));
}

TEST_CASE("any I/O that fails in an archive is an error, and the next offer succeeds") {
    std::uint64_t failures = 0;
    for (std::uint64_t nth = 1; nth < 30; ++nth) {
        kept_log log;
        log.fill(2);
        fault_plan<memory> plan;
        faulty<memory> world{log.world, plan};
        auto into = world.open_directory("archive", directory_mode::existing).value();
        directory_archive<faulty<memory>, crc32c> archive{into};
        plan.inject({.code = nth % 2 == 0 ? error_code::io : error_code::no_space, .nth = nth});
        if (offer_first(log, archive)) continue;
        ++failures;
        CHECK(offer_first(log, archive));
        CHECK(log.elsewhere.list().value().size() == 1);
    }
    CHECK(failures > 8);
}
