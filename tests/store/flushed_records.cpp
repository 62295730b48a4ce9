// SPDX-License-Identifier: BSL-1.0
//
// Flushed records that rot, or are read wrong once, wherever they lie in their block and whatever
// follows: never a shorter log without an error, as long as anything proves that they were there.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<simulated>, with::durability<buffered>> {};

struct flushed_commit {
    std::string key;
    lsn end;
};

template <class Table>
bool commit(store<app>& db, const Table& into, const std::string& key, std::size_t size,
            flushed_commit& last) {
    auto tx = db.begin(isolation::read_committed);
    tx.put(into, key, std::string(size, 'v'));
    const auto done = tx.commit();
    if (done) last = {key, done->position};
    return done.has_value();
}

struct place_in_file {
    bytes segment;
    lsn first;
    std::uint64_t offset = 0;
    bool is_last = true;
};

// A byte of the payload of the record that ends there.
place_in_file payload_of(simulated::directory& in, lsn end) {
    place_in_file found;
    for (const bytes& name : in.list().value()) {
        lsn first;
        if (!parse_segment_name(name, first)) continue;
        found.is_last = first < end;
        if (first < end) {
            found.segment = name;
            found.first = first;
        }
    }
    found.offset = segment_header_bytes + end.value - found.first.value - 20;
    return found;
}

void rot(simulated::directory& in, const place_in_file& at) {
    auto file = in.open(at.segment, file_mode::write).value();
    std::byte one{};
    (void)file.read(at.offset, &one, 1).value();
    one ^= std::byte{1};
    file.write(at.offset, {&one, 1}).value();
    file.sync().value();
}

// Whether a record behind it says that the log was synced so far.
bool proven(simulated::directory& in, const place_in_file& at, lsn end) {
    const bytes raw = read_file(in, at.segment, 64 * MiB).value();
    const segment_header header = decode_segment_header(raw).value();
    for (std::size_t offset = at.offset + 20; offset + 48 <= raw.size(); offset += 8) {
        const lsn here{at.first.value + offset - segment_header_bytes};
        const bytes_view rest = raw.view().from(offset);
        if (load_le<std::uint64_t>(rest.data() + 8) != here.value) continue;
        if (examine_record<crc32c>(rest, here, header.salt) == record_verdict::valid &&
            decode_record_header(rest).durable >= end.value)
            return true;
    }
    return false;
}

bool holds(store<app>& db, const std::string& key) {
    const auto table = db.find_table("t");
    return table && db.get(*table, key).value();
}

}  // namespace

TEST_CASE("the last flushed record before a segment rots, or is read wrong once: it is not lost") {
    int damaged = 0;
    int read_wrong = 0;
    for (const bool once : {false, true})
        for (std::uint64_t nth = 1; nth < 140; ++nth) {
            CAPTURE(nth);
            CAPTURE(once);
            simulation world{nth};
            world.run([&] {
                flushed_commit flushed;
                {
                    auto db = store<app>::open("db", {.segment_bytes = 8 * KiB}, world.platform())
                                  .value();
                    const auto table = db.table("t").value();
                    db.flush().value();
                    world.crash_at_io(nth);
                    flushed_commit last;
                    for (int i = 0; i < 60; ++i) {
                        if (!commit(db, table, std::to_string(i), 300, last)) break;
                        if (i % 8 != 7) continue;
                        if (!db.flush()) break;
                        flushed = last;
                    }
                    world.crash();
                }
                world.restart(crash_mode::drop_unsynced);
                if (flushed.key.empty()) return;
                auto in = world.platform().open_directory("db", directory_mode::existing).value();
                const place_in_file at = payload_of(in, flushed.end);
                if (once)
                    world.inject({.kind = fault_kind::flip_on_read,
                                  .on = io_kind::read,
                                  .path_part = at.segment,
                                  .first_byte = at.offset,
                                  .end_byte = at.offset + 1});
                else rot(in, at);
                auto db = store<app>::open("db", {}, world.platform());
                if (once) {
                    REQUIRE(db);
                    CHECK(holds(*db, flushed.key));
                    ++read_wrong;
                } else if (!at.is_last) {
                    CHECK_FALSE(db);
                    ++damaged;
                }
            });
        }
    CHECK(damaged > 20);
    CHECK(read_wrong > 50);
}

TEST_CASE("a record in the middle of a block proves that what lies before it was flushed") {
    int proofs = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            flushed_commit flushed;
            {
                auto db =
                    store<app>::open("db", {.segment_bytes = 256 * KiB}, world.platform()).value();
                const auto table = db.table("t").value();
                db.flush().value();
                world.crash_at_io(10 + seed % 60);
                simulated::thread other{[&] {
                    flushed_commit mine;
                    for (int i = 0; i < 60; ++i)
                        if (!commit(db, table, "b" + std::to_string(i), 100, mine)) return;
                }};
                flushed_commit last;
                for (int i = 0; i < 6; ++i) {
                    if (!commit(db, table, "a" + std::to_string(i), 100, last) || !db.flush())
                        break;
                    flushed = last;
                    world.platform().sleep(microseconds(200));
                }
                other.join();
                world.crash();
            }
            world.restart(crash_mode::process_only);
            if (flushed.key.empty()) return;
            auto in = world.platform().open_directory("db", directory_mode::existing).value();
            const place_in_file at = payload_of(in, flushed.end);
            rot(in, at);
            if (!proven(in, at, flushed.end)) return;
            ++proofs;
            CHECK_FALSE(store<app>::open("db", {}, world.platform()));
        });
    }
    CHECK(proofs > 50);
}
