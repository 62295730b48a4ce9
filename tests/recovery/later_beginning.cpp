// SPDX-License-Identifier: BSL-1.0
//
// A log whose beginning was removed: whoever reads it says that it begins later, or reads from
// there.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/recovery/log_identity.hpp>
#include <mantis/recovery/salvage.hpp>
#include <mantis/store/store.hpp>
#include <mantis/wal/follower.hpp>
#include <mantis/wal/log_check.hpp>

#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<memory>> {};

struct later_log {
    memory files;
    memory::directory in = files.open_directory("db", directory_mode::create).value();
    database_id database;
    lsn first;  // where it begins now
    lsn durable;

    later_log() {
        {
            auto db = store<app>::open("db", {.segment_bytes = 8 * KiB}, files).value();
            const auto table = db.table("t").value();
            for (int i = 0; i < 8; ++i) {
                auto tx = db.begin();
                tx.put(table, std::to_string(i), std::string(3000, 'v'));
                durable = tx.commit().value().position;
            }
        }
        database = identify_log(in).value().block.database;
        const auto segments = detail::list_segments(in).value();
        in.remove(segment_name(segments[0])).value();
        first = segments[1];
    }
};

bool says_so(const error& why) {
    return why.message().as<std::string>().find("begins") != std::string::npos;
}

}  // namespace

TEST_CASE("reader, follower, recovery, store and verification say that a log begins later") {
    later_log log;
    const auto read = log_reader<memory, crc32c>::open(log.in, log.database);
    REQUIRE_FALSE(read);
    CHECK(says_so(read.error()));
    CHECK(*read.error().number("lsn") == log.first.value);

    log_follower<memory, crc32c> follows{log.in, log.database};
    log_record record;
    const auto followed = follows.next(record, log.durable);
    REQUIRE_FALSE(followed);
    CHECK(followed.error().code() == error_code::not_found);
    CHECK(says_so(followed.error()));
    CHECK(*followed.error().number("first_lsn") == log.first.value);

    recovery_engine<log_reader<memory, crc32c>> recovery{log.files, log.in, log.database};
    const auto recovered = recovery.run({});
    REQUIRE_FALSE(recovered);
    CHECK(says_so(recovered.error()));

    const auto opened = store<app>::open("db", {}, log.files);
    REQUIRE_FALSE(opened);
    CHECK(says_so(opened.error()));

    const auto found = verify_log<memory, crc32c>(log.in).value();
    CHECK(found.kind == log_finding::missing_segment);
    CHECK(found.message.as<std::string>().find("begins later") != std::string::npos);
}

TEST_CASE(
    "from where it begins such a log reads, follows and is sound; salvage names what is gone") {
    later_log log;
    auto reader = log_reader<memory, crc32c>::open(log.in, log.database, log.first).value();
    log_record record;
    std::size_t records = 0;
    while (reader.next(record).value()) ++records;
    CHECK(records >= 6);
    log_follower<memory, crc32c> follows{log.in, log.database, log.first};
    std::size_t followed = 0;
    while (follows.next(record, log.durable).value()) ++followed;
    CHECK(followed == records);
    log_check_options chosen;
    chosen.begin = log.first;
    const auto found = verify_log<memory, crc32c>(log.in, chosen).value();
    CHECK(found.kind == log_finding::sound);
    CHECK(found.records == records);
    auto to = log.files.open_directory("new", directory_mode::create).value();
    const auto report =
        salvage<memory, crc32c>(log.files, log.in, identify_log(log.in).value().block, to);
    REQUIRE(report);
    REQUIRE(report->lost.size() == 1);
    CHECK(report->lost[0].from == first_lsn_of_log);
    CHECK(report->lost[0].to == log.first);
    CHECK(report->rows >= 6);
}
