// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/recovery/log_identity.hpp>

using namespace mantis;

namespace {

struct identity_fixture {
    memory world;
    memory::directory in = world.open_directory("db", directory_mode::create).value();

    void put(bytes_view name, bytes_view contents) {
        auto file = in.open(name, file_mode::create).value();
        file.resize(0).value();
        file.write(0, contents).value();
    }
};

const segment_header header{1, 2, {5, 6}, first_lsn_of_log, 7, 0};

}  // namespace

TEST_CASE("the superblock tells whose log it is, before any segment") {
    identity_fixture at;
    at.put(superblock_name, encode_superblock({1, 1, {3, 4}, {8192}, {}, 0}));
    at.put(segment_name(first_lsn_of_log), encode_segment_header(header));
    const auto found = identify_log(at.in);
    REQUIRE(found);
    CHECK_FALSE(found->damage);
    CHECK(found->block.database == database_id{3, 4});
    CHECK(found->block.log_reaches == lsn{8192});
}

TEST_CASE("without a superblock that can be read, a segment tells; how far it reached is lost") {
    for (const bool damaged : {true, false}) {
        identity_fixture at;
        if (damaged) at.put(superblock_name, "MANTISSB and noise");
        at.put(segment_name(first_lsn_of_log), "noise");
        at.put(segment_name({8192}), encode_segment_header({1, 2, {5, 6}, {8192}, 7, 0}));
        const auto found = identify_log(at.in);
        REQUIRE(found);
        REQUIRE(found->damage);
        CHECK(found->damage->code() == error_code::corrupt);
        CHECK(found->block.database == database_id{5, 6});
        CHECK(found->block.checksum_format == 2);
        CHECK(found->block.log_reaches == lsn{});
    }
}

TEST_CASE("a segment of another name than its header says identifies nothing") {
    identity_fixture at;
    at.put(segment_name({8192}), encode_segment_header(header));
    CHECK(identify_log(at.in).error().code() == error_code::not_found);
}

TEST_CASE("nothing readable is told as such, and a newer version is never taken for damage") {
    identity_fixture at;
    CHECK(identify_log(at.in).error().code() == error_code::not_found);
    at.put(superblock_name, "noise");
    CHECK(identify_log(at.in).error().code() == error_code::corrupt);
    at.put(superblock_name, encode_superblock({9, 1, {3, 4}, {8192}, {}, 0}));
    at.put(segment_name(first_lsn_of_log), encode_segment_header(header));
    CHECK(identify_log(at.in).error().code() == error_code::mismatch);
}
