// SPDX-License-Identifier: BSL-1.0
//
// Every way in which the files of an open log can be wrong, made by really damaging them; and what
// is no damage.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/salvage.hpp>
#include <mantis/store/store.hpp>

#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<memory>> {};

struct record_place {
    bytes file;
    std::uint64_t offset = 0;
    lsn begin;
    lsn end;
};

store_options small_segments() {
    store_options options;
    options.segment_bytes = 12 * KiB;
    return options;
}

// An open store with a log of several segments, and where its records lie.
class open_log {
public:
    open_log() {
        auto table = db.table("t").value();
        for (int i = 0; i < 12; ++i) {
            auto tx = db.begin();
            tx.put(table, std::to_string(i), std::string(static_cast<std::size_t>(1001 + i), 'x'));
            REQUIRE(tx.commit());
        }
        const auto block = read_superblocks(in).value().block;
        auto reader = log_reader<memory, crc32c>::open(in, block.database).value();
        log_record record;
        while (reader.next(record).value()) {
            lsn first;
            REQUIRE(parse_segment_name(reader.segment(), first));
            records.push_back({bytes{reader.segment()},
                               segment_header_bytes + record.position.value - first.value,
                               record.position, record.end});
        }
        REQUIRE(records.size() == 13);
        REQUIRE(records.back().file != records.front().file.view());
    }

    void flip(bytes_view name, std::uint64_t offset, unsigned mask = 0x10) {
        auto file = in.open(name, file_mode::write).value();
        std::byte one{};
        REQUIRE(file.read(offset, &one, 1).value() == 1);
        one ^= static_cast<std::byte>(mask);
        file.write(offset, {&one, 1}).value();
    }
    void flip(const record_place& at, std::uint64_t inside) { flip(at.file, at.offset + inside); }
    scrub_report scrub() { return db.scrub().value(); }
    // What a tool sees: nobody has the database open.
    scrub_report scrub_closed() {
        const auto block = read_superblocks(in).value().block;
        scrub_reach reach{first_lsn_of_log, block.log_reaches, true};
        log_scrub<memory, crc32c> log{
            in, block.database, [](void* of) { return *static_cast<scrub_reach*>(of); }, &reach};
        scrubber<memory> scrubbing{memory{}, {}};
        scrubbing.add(log.source());
        return scrubbing.run(0);
    }

    memory files;
    store<app> db = store<app>::open("db", small_segments(), files).value();
    memory::directory in = files.open_directory("db", directory_mode::existing).value();
    std::vector<record_place> records;
};

}  // namespace

TEST_CASE("a sound log: every record up to the durable end is read, and nothing is found") {
    open_log log;
    for (const bool closed : {false, true}) {
        if (closed) log.db.close().value();
        const scrub_report report = closed ? log.scrub_closed() : log.scrub();
        CHECK(report.complete);
        CHECK(report.sound());
        CHECK(report.records == 13);
        CHECK(report.findings + report.harmless == 0);
        CHECK(report.files >= 4);
        CHECK(report.bytes >= 13 * 1000);
    }
}

TEST_CASE("any byte of a record flipped is found, with file, offset and the range of that record") {
    open_log log;
    for (std::size_t i = 0; i < log.records.size(); ++i) {
        const record_place& at = log.records[i];
        const std::uint64_t size = at.end.value - at.begin.value;
        for (std::uint64_t inside = 0; inside < size; inside += inside < 48 ? 1 : 83) {
            log.flip(at, inside);
            const scrub_report report = log.scrub();
            log.flip(at, inside);
            CAPTURE(i);
            CAPTURE(inside);
            REQUIRE(report.findings == 1);
            const scrub_finding& found = report.kept[0];
            CHECK(found.kind == scrub_kind::damaged);
            CHECK(found.file == at.file.view());
            CHECK(found.offset == at.offset);
            CHECK(found.begin == at.begin);
            const lsn next = i + 1 < log.records.size() ? log.records[i + 1].begin : at.end;
            CHECK(found.end == next);
            CHECK(report.records == log.records.size() - 1);
        }
    }
    CHECK(log.scrub().findings == 0);
}

TEST_CASE("every damaged range is told, not only the first, and the records between are read") {
    open_log log;
    for (std::size_t i = 1; i < log.records.size(); i += 3) log.flip(log.records[i], 60);
    const scrub_report report = log.scrub();
    CHECK(report.findings == 4);
    CHECK(report.records == 13 - 4);
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(report.kept.at(i).begin == log.records[1 + 3 * i].begin);
}

TEST_CASE("a damaged header is found, and its records are read all the same") {
    open_log log;
    for (std::uint64_t at = 0; at < 72; ++at) {
        log.flip(log.records[6].file, at);
        const scrub_report report = log.scrub();
        log.flip(log.records[6].file, at);
        REQUIRE(report.findings == 1);
        CHECK(report.kept[0].file == log.records[6].file.view());
        CHECK(report.kept[0].offset == 0);
        CHECK(report.records == 13);
    }
}

TEST_CASE("the rest of a header block and of a record's last 8 bytes are harmless, and said so") {
    open_log log;
    const record_place& at = log.records[0];
    log.flip(at.file, 72);
    scrub_report report = log.scrub();
    CHECK(report.findings == 0);
    CHECK(report.harmless == 1);
    CHECK(report.sound());
    CHECK(report.kept[0].offset == 72);
    log.flip(at.file, 72);
    log.flip(at.file, 4095);
    CHECK(log.scrub().kept.at(0).offset == 4095);
    log.flip(at.file, 4095);
    // A record whose payload is no multiple of 8.
    const auto padded = [&]() -> std::uint64_t {
        for (const record_place& each : log.records) {
            auto file = log.in.open(each.file, file_mode::read).value();
            bytes raw = bytes::zeros(48);
            REQUIRE(file.read(each.offset, raw.data(), 48).value() == 48);
            const std::uint64_t used = 48 + load_le<std::uint32_t>(raw.data() + 32);
            if (used % 8 == 0) continue;
            log.flip(each.file, each.offset + used);
            return each.offset + used;
        }
        return 0;
    }();
    report = log.scrub();
    CHECK(report.findings == 0);
    CHECK(report.harmless == 1);
    CHECK(report.kept.at(0).offset == padded);
}

TEST_CASE(
    "zeros up to the next block are no longer zero: the reader would refuse, so it is found") {
    open_log log;
    std::size_t which = 0;  // not the last of its segment
    while (log.records[which].file != log.records[which + 1].file.view()) ++which;
    const record_place& at = log.records[which];
    const std::uint64_t end = at.offset + at.end.value - at.begin.value;
    REQUIRE(end % 4096 != 0);
    log.flip(at.file, end + 5);
    const scrub_report report = log.scrub();
    CHECK(report.findings == 1);
    CHECK(report.kept[0].begin == at.end);
    CHECK(report.kept[0].end == log.records[which + 1].begin);
    CHECK(report.records == 13);
}

TEST_CASE("in the last block of a segment the next header decides: rest of a crash, or damage") {
    open_log log;
    // Two records in one block, the last of a segment.
    log.db.close().value();
    struct buffered_app : policies<with::platform<memory>, with::durability<buffered>> {};
    auto db = store<buffered_app>::open("db", small_segments(), log.files).value();
    auto table = db.table("t").value();
    lsn ends[2];
    for (lsn& end : ends) {
        auto tx = db.begin();
        tx.put(table, "k", "some value");
        end = tx.commit().value().position;
    }
    db.flush().value();
    bytes name;
    lsn first;
    for (const bytes& each : log.in.list().value())
        if (parse_segment_name(each, first)) name = each;
    REQUIRE(parse_segment_name(name, first));
    for (int i = 0; i < 3; ++i) {
        auto tx = db.begin();
        tx.put(table, "k", std::string(7000, 'v'));
        REQUIRE(tx.commit());
        db.flush().value();
    }
    CHECK(db.scrub().value().findings == 0);
    const std::uint64_t offset = segment_header_bytes + ends[1].value - first.value;
    auto file = log.in.open(name, file_mode::write).value();
    const std::uint64_t size = file.size().value();
    if (size < round_up(offset, 4096)) {
        file.write(offset + 9, "rest of a crash").value();
        const scrub_report rest = db.scrub().value();
        CHECK(rest.findings == 0);
        CHECK(rest.harmless == 1);
        CHECK(rest.kept.at(0).offset == offset);
    }
    log.flip(name, offset - 20);
    const scrub_report report = db.scrub().value();
    REQUIRE(report.findings == 1);
    for (const scrub_finding& each : report.kept) {
        if (each.kind == scrub_kind::harmless) continue;
        CHECK(each.kind == scrub_kind::damaged);
        CHECK(each.file == name.view());
        CHECK(each.begin == ends[0]);
        CHECK(each.end > ends[1]);
    }
}

// The last record before that segment.
static std::size_t before(lsn first, const open_log& log) {
    std::size_t at = 0;
    while (log.records[at + 1].begin < first) ++at;
    return at;
}

TEST_CASE("a segment that is gone, in the middle or the first one, is missing with its range") {
    for (const std::size_t which : {0u, 6u, 12u}) {
        open_log log;
        const bytes name = log.records[which].file;
        lsn first;
        REQUIRE(parse_segment_name(name, first));
        log.in.remove(name).value();
        const scrub_report report = log.scrub();
        REQUIRE(report.findings == 1);
        CHECK(report.kept[0].kind == scrub_kind::missing);
        CHECK((report.kept[0].file == name.view()) == (which == 0));
        CHECK(report.kept[0].begin <= log.records[which].begin);
        CHECK(report.kept[0].end >= log.records[which].end);
        if (which != 0) CHECK(report.kept[0].begin == log.records[before(first, log)].end);
        CHECK(report.records < 13);
    }
}

TEST_CASE(
    "records gone from the end of a segment, by zeros or because it is shorter, are missing") {
    for (const bool shorter : {false, true}) {
        open_log log;
        std::size_t last = 0;  // of the first segment
        while (log.records[last + 1].file == log.records[0].file.view()) ++last;
        const record_place& at = log.records[last];
        auto file = log.in.open(at.file, file_mode::write).value();
        const std::uint64_t size = at.end.value - at.begin.value;
        if (shorter) file.resize(at.offset).value();
        else file.write(at.offset, bytes::zeros(static_cast<std::size_t>(size))).value();
        const scrub_report report = log.scrub();
        REQUIRE(report.findings == 1);
        CHECK(report.kept[0].file == at.file.view());
        CHECK(report.kept[0].offset <= at.offset);
        CHECK(report.kept[0].begin <= at.begin);
        CHECK(report.kept[0].end >= at.end);
        CHECK(report.records == 12);
    }
}

TEST_CASE("the end of the last segment cut off: what was durable is missing, open or closed") {
    for (const bool closed : {false, true}) {
        open_log log;
        if (closed) log.db.close().value();
        const record_place& at = log.records.back();
        log.in.open(at.file, file_mode::write).value().resize(at.offset + 11).value();
        const scrub_report report = closed ? log.scrub_closed() : log.scrub();
        REQUIRE(report.findings == 1);
        CHECK(report.kept[0].begin <= at.begin);
        CHECK(report.kept[0].end == at.end);
    }
}

TEST_CASE("a closed log: what a crash left behind its end is no finding, what was durable is") {
    open_log log;
    log.db.close().value();
    const record_place& last = log.records.back();
    const std::uint64_t size = last.offset + last.end.value - last.begin.value;
    auto file = log.in.open(last.file, file_mode::write).value();
    file.write(round_up(size, 4096) + 8, "torn, the work of a crash").value();
    CHECK(log.scrub_closed().findings == 0);
    log.flip(last, 70);
    const scrub_report report = log.scrub_closed();
    REQUIRE(report.findings == 1);
    CHECK(report.kept[0].begin == last.begin);
}

TEST_CASE("a segment of another database, or of another place, is found") {
    open_log log;
    open_log other;
    const bytes name = log.records[6].file;
    const bytes foreign = read_file(other.in, name, MiB).value();
    log.in.open(name, file_mode::write).value().write(0, foreign).value();
    CHECK(log.scrub().findings >= 1);
}

TEST_CASE("a damaged range is isolated: a follower and a salvage go on behind it") {
    open_log log;
    log.flip(log.records[6], 60);
    const scrub_report report = log.scrub();
    REQUIRE(report.findings == 1);
    const lsn behind = report.kept[0].end;
    const auto block = read_superblocks(log.in).value().block;
    auto reader = log_reader<memory, crc32c>::open(log.in, block.database, {}).value();
    log_record record;
    std::size_t before = 0;
    auto more = reader.next(record);
    for (; more && *more; more = reader.next(record)) ++before;
    CHECK(before == 6);
    CHECK(more.error().code() == error_code::corrupt);
    // The store goes on with what it has in memory, and new commits are read behind the damage.
    auto table = log.db.table("t").value();
    CHECK(log.db.get(table, "5").value()->size() == 1006);
    auto tx = log.db.begin();
    tx.put(table, "new", "row");
    CHECK(tx.commit());
    CHECK(log.scrub().findings == 1);
    CHECK(log.scrub().records == 13);
    CHECK(behind == log.records[7].begin);
    log.db.close().value();
    auto salvaged = log.files.open_directory("new", directory_mode::create).value();
    const auto saved = salvage<memory, crc32c>(log.files, log.in, block, salvaged).value();
    REQUIRE(saved.lost.size() == 1);
    CHECK(saved.lost[0].from <= report.kept[0].begin);
    CHECK(saved.lost[0].to >= behind);
    CHECK(saved.records == 13);
}

TEST_CASE("bytes read wrong once are no damage, at any read; a read that fails once neither") {
    struct simulated_app : policies<with::platform<simulated>> {};
    for (const fault_kind kind : {fault_kind::flip_on_read, fault_kind::fail}) {
        std::uint64_t struck = 0;
        for (std::uint64_t nth = 1; nth <= 24; ++nth) {
            simulation world{nth};
            world.run([&] {
                auto db =
                    store<simulated_app>::open("db", small_segments(), world.platform()).value();
                auto table = db.table("t").value();
                for (int i = 0; i < 8; ++i) {
                    auto tx = db.begin();
                    tx.put(table, std::to_string(i), std::string(2000, 'x'));
                    REQUIRE(tx.commit());
                }
                world.inject({.kind = kind, .on = io_kind::read, .nth = nth});
                const scrub_report report = db.scrub().value();
                CHECK(report.findings + report.harmless == 0);
                CHECK(report.records == 9);
                struck += world.struck(kind);
            });
        }
        CHECK(struck > 5);
    }
}

TEST_CASE("a segment that cannot be read is told as that, and the others are read") {
    struct simulated_app : policies<with::platform<simulated>> {};
    simulation world{5};
    world.run([&] {
        store_options options = small_segments();
        options.breaker.failures = 0;
        auto db = store<simulated_app>::open("db", options, world.platform()).value();
        auto table = db.table("t").value();
        for (int i = 0; i < 12; ++i) {
            auto tx = db.begin();
            tx.put(table, std::to_string(i), std::string(2000, 'x'));
            REQUIRE(tx.commit());
        }
        const std::uint64_t records = db.scrub().value().records;
        const bytes broken = segment_name({first_lsn_of_log.value + 8 * KiB});
        world.inject({.on = io_kind::read, .count = fault::for_ever, .path_part = bytes{broken}});
        const scrub_report report = db.scrub().value();
        REQUIRE(report.findings == 1);
        CHECK(report.kept[0].kind == scrub_kind::unreadable);
        CHECK(report.kept[0].file == broken.view());
        CHECK(report.records > 4);
        CHECK(report.records < records);
        world.clear_faults();
        CHECK(db.scrub().value().findings == 0);
    });
}
