// SPDX-License-Identifier: BSL-1.0
//
// What a store shows of an earlier moment, and of a log that it cannot recover.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

struct app : policies<with::platform<memory>> {};
struct in_simulation : policies<with::platform<simulated>> {};

template <class Store>
commit_info put(Store& db, bytes_view key, bytes_view value) {
    auto tx = db.begin();
    tx.put(db.table("t").value(), key, value);
    return tx.commit().value();
}

bytes contents_of(memory& files) {
    auto directory = files.open_directory("db", directory_mode::existing).value();
    bytes all;
    for (const bytes& name : directory.list().value()) {
        all.append(name);
        all.append(read_file(directory, name, 64 * MiB).value());
    }
    return all;
}

std::string value_of(store<app>& db, bytes_view key) {
    const auto table = db.find_table("t");
    if (!table) return "no table";
    auto value = db.get(*table, key).value();
    return value ? value->as<std::string>() : "nothing";
}

// One wrong byte in the record of the commit that ends at `end`, whose payload is short.
void damage(memory& files, lsn end) {
    auto directory = files.open_directory("db", directory_mode::existing).value();
    auto file = directory.open(segment_name(first_lsn_of_log), file_mode::write).value();
    const std::uint64_t offset = segment_header_bytes + end.value - first_lsn_of_log.value - 20;
    std::byte one{};
    REQUIRE(file.read(offset, &one, 1).value() == 1);
    one ^= std::byte{1};
    file.write(offset, {&one, 1}).value();
}

// The stamps of all commits, in the order of the log.
std::vector<nanoseconds> stamps_of(simulated world) {
    auto in = world.open_directory("db", directory_mode::existing).value();
    auto whose = identify_log(in).value();
    auto log = log_reader<simulated, crc32c>::open(in, whose.block.database).value();
    std::vector<nanoseconds> stamps;
    log_record record;
    operation op;
    while (log.next(record).value())
        for (operation_reader each{record.payload}; each.next(op).value();)
            if (op.kind == operation_kind::stamp) stamps.push_back(op.time);
    return stamps;
}

// A row each for the commits 1 to 4, each of which also writes "last".
struct four_commits {
    memory files;
    std::vector<lsn> ends;

    four_commits() {
        auto db = store<app>::open("db", {}, files).value();
        (void)db.table("t").value();
        for (const char* number : {"1", "2", "3", "4"}) {
            auto tx = db.begin();
            tx.put(db.table("t").value(), "last", number);
            tx.put(db.table("t").value(), number, "there");
            ends.push_back(tx.commit().value().position);
        }
        db.close().value();
    }
};

}  // namespace

TEST_CASE("a store opened at a commit shows it and nothing later, and changes no byte") {
    four_commits made;
    const bytes before = contents_of(made.files);
    for (std::size_t at = 0; at < made.ends.size(); ++at) {
        store_options options;
        options.stop_at = made.ends[at];
        auto db = store<app>::open("db", options, made.files).value();
        CHECK(value_of(db, "last") == std::to_string(at + 1));
        for (std::size_t each = 0; each < 4; ++each)
            CHECK(value_of(db, std::to_string(each + 1)) == (each <= at ? "there" : "nothing"));
        CHECK(db.recovery().transactions_after_stop == 3 - at);
        auto tx = db.begin();
        tx.put(*db.find_table("t"), "k", "v");
        CHECK(tx.commit().error().code() == error_code::read_only);
        CHECK(db.table("new").error().code() == error_code::read_only);
        CHECK(db.verify());
        db.close().value();
    }
    CHECK(contents_of(made.files) == before);
    auto db = store<app>::open("db", {}, made.files).value();
    CHECK(value_of(db, "last") == "4");
}

TEST_CASE("a store opened at a moment makes none where there is none") {
    memory files;
    store_options options;
    options.stop_at_time = {1};
    CHECK(store<app>::open("db", options, files).error().code() == error_code::not_found);
    CHECK_FALSE(files.open_directory("db", directory_mode::existing));
}

TEST_CASE("a store opened at a time shows what was committed by then, also when the clock jumps") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = {.wall_jump_one_in = 5}}};
        world.run([&] {
            struct moment {
                nanoseconds stamp;
                std::string last;
            };
            std::vector<moment> moments;
            for (int opening = 0; opening < 3; ++opening) {
                auto db = store<in_simulation>::open("db", {}, world.platform()).value();
                for (int i = 0; i < 5; ++i) {
                    world.platform().sleep(milliseconds(10));
                    put(db, "last", std::to_string(opening * 5 + i));
                    db.flush().value();
                    store_options look;
                    look.read_only = true;
                    db.close().value();
                    db = store<in_simulation>::open("db", look, world.platform()).value();
                    moments.push_back({db.recovery().last_time, std::to_string(opening * 5 + i)});
                    db.close().value();
                    db = store<in_simulation>::open("db", {}, world.platform()).value();
                }
            }
            const std::vector<nanoseconds> stamps = stamps_of(world.platform());
            CHECK(stamps.size() == 16);
            for (std::size_t at = 1; at < stamps.size(); ++at) CHECK(stamps[at] >= stamps[at - 1]);
            for (std::size_t at = 0; at < moments.size(); ++at) {
                if (at > 0) CHECK(moments[at].stamp >= moments[at - 1].stamp);
                // Of several with one stamp, the last.
                if (at + 1 < moments.size() && moments[at + 1].stamp == moments[at].stamp) continue;
                store_options then;
                then.stop_at_time = moments[at].stamp;
                auto db = store<in_simulation>::open("db", then, world.platform()).value();
                CHECK(db.get(*db.find_table("t"), "last").value()->template as<std::string>() ==
                      moments[at].last);
            }
        });
    }
}

TEST_CASE("damage is an error, and in safe mode what lies before it is shown with the reason") {
    for (std::size_t at = 0; at < 4; ++at) {
        CAPTURE(at);
        four_commits made;
        damage(made.files, made.ends[at]);
        const bytes before = contents_of(made.files);
        const auto refused = store<app>::open("db", {}, made.files);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
        store_options options;
        options.safe_mode = true;
        auto db = store<app>::open("db", options, made.files).value();
        REQUIRE(db.recovery().damage);
        CHECK(db.recovery().damage->code() == error_code::corrupt);
        CHECK(db.recovery().found == log_condition::damaged);
        CHECK(value_of(db, "last") == (at == 0 ? "nothing" : std::to_string(at)));
        auto tx = db.begin();
        tx.put(*db.find_table("t"), "k", "v");
        CHECK(tx.commit().error().code() == error_code::read_only);
        CHECK(db.verify().error().code() == error_code::corrupt);
        db.close().value();
        CHECK(contents_of(made.files) == before);
    }
}

TEST_CASE("safe mode of a sound database is no mode at all") {
    four_commits made;
    store_options options;
    options.safe_mode = true;
    auto db = store<app>::open("db", options, made.files).value();
    CHECK_FALSE(db.recovery().damage);
    put(db, "k", "v");
    CHECK(value_of(db, "k") == "v");
}

TEST_CASE("an operation that cannot be redone: safe mode shows the state before its transaction") {
    for (const unsigned threads : {1u, 3u}) {
        four_commits made;
        {  // a whole record that no store would write: half of it is on a table that is not there
            auto directory = made.files.open_directory("db", directory_mode::existing).value();
            const auto block =
                decode_superblock(read_file(directory, superblock_name, 1 * KiB).value()).value();
            recovery_engine<log_reader<memory, crc32c>> end{made.files, directory, block.database};
            const auto found = end.run({}).value();
            log_writer<memory, crc32c> log{made.files, directory, block.database, found.summary.end,
                                           found.previous_checksum};
            bytes payload;
            append_operation(payload, {operation_kind::put, {1}, "last", "half", {}});
            append_operation(payload, {operation_kind::put, {9}, "last", "half", {}});
            bytes later;
            append_operation(later, {operation_kind::put, {1}, "last", "later", {}});
            const std::vector<pending_record> first{{record_kind::commit, payload}};
            const std::vector<pending_record> second{{record_kind::commit, later}};
            REQUIRE(log.append({1000}, first));
            REQUIRE(log.append({1001}, second));
            log.close().value();
        }
        store_options options;
        options.recovery_threads = threads;
        const auto refused = store<app>::open("db", options, made.files);
        REQUIRE_FALSE(refused);
        CHECK(*refused.error().number("table") == 9);
        REQUIRE(refused.error().number("segment"));
        const lsn segment{*refused.error().number("segment")};
        CHECK(segment > first_lsn_of_log);
        CHECK(refused.error().subject() == segment_name(segment).view());
        CHECK(refused.error().level(1) == bytes_view{"the tables of the store"});
        options.safe_mode = true;
        auto db = store<app>::open("db", options, made.files).value();
        CHECK(value_of(db, "last") == "4");
        REQUIRE(db.recovery().damage);
        CHECK(*db.recovery().damage->number("lsn") == *refused.error().number("lsn"));
        CHECK(db.recovery().found == log_condition::damaged);
    }
}

TEST_CASE("a database of superblock version 1 or 2 is brought to 4 before a record is written") {
    for (const std::uint32_t old : {1u, 2u}) {
        memory files;
        store<app>::open("db", {}, files).value().close().value();
        auto directory = files.open_directory("db", directory_mode::existing).value();
        auto block =
            decode_superblock(read_file(directory, superblock_name, 1 * KiB).value()).value();
        CHECK(block.version == 4);
        block.version = old;
        directory.remove(superblock_copy_name).value();
        atomic_replace(directory, superblock_name, encode_superblock(block)).value();
        store_options look;
        look.read_only = true;
        store<app>::open("db", look, files).value().close().value();
        const auto version = [&] {
            return decode_superblock(read_file(directory, superblock_name, 1 * KiB).value())
                .value()
                .version;
        };
        CHECK(version() == old);
        CHECK_FALSE(directory.exists(superblock_copy_name).value());
        auto db = store<app>::open("db", {}, files).value();
        CHECK(version() == 4);
        CHECK(directory.exists(superblock_copy_name).value());
        CHECK_FALSE(db.recovery().superblock_damage);
    }
}

TEST_CASE("without its superblock a database is damaged, and safe mode shows its log") {
    for (const bool removed : {true, false}) {
        four_commits made;
        auto directory = made.files.open_directory("db", directory_mode::existing).value();
        for (const char* const name : {superblock_name, superblock_copy_name}) {
            if (removed) directory.remove(name).value();
            else directory.open(name, file_mode::write).value().write(20, "rot").value();
        }
        const bytes before = contents_of(made.files);
        CHECK(store<app>::open("db", {}, made.files).error().code() == error_code::corrupt);
        store_options options;
        options.safe_mode = true;
        auto db = store<app>::open("db", options, made.files).value();
        CHECK(value_of(db, "last") == "4");
        REQUIRE(db.recovery().damage);
        CHECK(db.recovery().found == log_condition::damaged);
        auto tx = db.begin();
        tx.put(*db.find_table("t"), "k", "v");
        CHECK(tx.commit().error().code() == error_code::read_only);
        db.close().value();
        CHECK(contents_of(made.files) == before);
    }
}

TEST_CASE("safe mode makes a new database where there is nothing, as any opening does") {
    memory files;
    store_options options;
    options.safe_mode = true;
    auto db = store<app>::open("db", options, files).value();
    put(db, "k", "v");
    CHECK(value_of(db, "k") == "v");
}

TEST_CASE("threads fill the tables as one alone does") {
    memory files;
    store_options options;
    options.segment_bytes = 256 * KiB;
    {
        auto db = store<app>::open("db", options, files).value();
        for (std::uint64_t round = 0; round < 60; ++round) {
            auto tx = db.begin(isolation::read_committed);
            for (const char* name : {"a", "b", "c"}) {
                const auto table = db.table(name).value();
                for (std::uint64_t key = 0; key < 40; ++key)
                    if ((key + round) % 7 == 0) tx.erase(table, std::to_string(key));
                    else tx.put(table, std::to_string(key), std::string(round * 3, name[0]));
            }
            CHECK(tx.commit());
            if (round % 20 == 7) CHECK(db.drop_table(db.table("c").value()));
        }
    }
    const auto rows = [&](unsigned threads) {
        options.recovery_threads = threads;
        options.recovery_verification = recovery_check::full;
        auto db = store<app>::open("db", options, files).value();
        std::vector<std::string> all;
        for (const char* name : {"a", "b", "c"}) {
            auto tx = db.begin();
            auto each = tx.scan(*db.find_table(name));
            while (each.next().value())
                all.push_back(name + each.key().as<std::string>() + each.value().as<std::string>());
        }
        return all;
    };
    const std::vector<std::string> alone = rows(1);
    CHECK(alone.size() > 100);
    for (const unsigned threads : {2u, 4u}) CHECK(rows(threads) == alone);
}
