// SPDX-License-Identifier: BSL-1.0
//
// The databases whose opening is compared. Only RocksDB can be told to leave its log as it was,
// so that it alone replays again and again; the others are opened with nothing to replay.
#include "recovery.hpp"

#include <memory>
#ifdef PEER_HAVE_ROCKSDB
#include <rocksdb/db.h>
#include <rocksdb/version.h>
#endif
#ifdef PEER_HAVE_LEVELDB
#include <leveldb/db.h>
#endif
#ifdef PEER_HAVE_WIREDTIGER
#include <wiredtiger.h>
#endif
#ifdef PEER_HAVE_SQLITE
#include <sqlite3.h>
#endif

namespace recovery_bench {

namespace {

using measure::clock_type;
using measure::give_up;
using measure::seconds_since;

#ifdef PEER_HAVE_ROCKSDB
void must(const rocksdb::Status& done) {
    if (!done.ok()) give_up("rocksdb: " + done.ToString());
}

std::unique_ptr<rocksdb::DB> open_rocksdb(const std::string& directory) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.write_buffer_size = std::size_t{8} << 30;
    options.avoid_flush_during_recovery = true;
    options.avoid_flush_during_shutdown = true;
    rocksdb::DB* opened = nullptr;
    must(rocksdb::DB::Open(options, directory, &opened));
    return std::unique_ptr<rocksdb::DB>{opened};
}

void make_rocksdb(const std::string& directory, std::uint64_t puts) {
    const auto db = open_rocksdb(directory);
    const std::string value(value_bytes, 'v');
    for (std::uint64_t i = 0; i < puts; ++i) must(db->Put({}, key_of(i), value));
}

double time_rocksdb(const std::string& directory) {
    const auto begun = clock_type::now();
    const auto db = open_rocksdb(directory);
    return seconds_since(begun);
}

contender rocksdb_contender() {
    return {"rocksdb",
            std::string{PEER_FROM_ROCKSDB} + ", " + std::to_string(ROCKSDB_MAJOR) + "." +
                std::to_string(ROCKSDB_MINOR) + "." + std::to_string(ROCKSDB_PATCH) +
                "; one memtable for all, avoid_flush_during_recovery",
            make_rocksdb, time_rocksdb, true};
}
#endif

#ifdef PEER_HAVE_LEVELDB
std::unique_ptr<leveldb::DB> open_leveldb(const std::string& directory) {
    leveldb::Options options;
    options.create_if_missing = true;
    leveldb::DB* opened = nullptr;
    const leveldb::Status done = leveldb::DB::Open(options, directory, &opened);
    if (!done.ok()) give_up("leveldb: " + done.ToString());
    return std::unique_ptr<leveldb::DB>{opened};
}

contender leveldb_contender() {
    return {"leveldb",
            std::string{PEER_FROM_LEVELDB} + ", " + std::to_string(leveldb::kMajorVersion) + "." +
                std::to_string(leveldb::kMinorVersion),
            [](const std::string& directory, std::uint64_t) { (void)open_leveldb(directory); },
            [](const std::string& directory) {
                const auto begun = clock_type::now();
                const auto db = open_leveldb(directory);
                return seconds_since(begun);
            },
            false};
}
#endif

#ifdef PEER_HAVE_WIREDTIGER
// Its table is among what an opening has to find.
double time_wiredtiger(const std::string& directory) {
    const auto must_wiredtiger = [](int done) {
        if (done != 0) give_up(std::string{"wiredtiger: "} + ::wiredtiger_strerror(done));
    };
    const auto begun = clock_type::now();
    WT_CONNECTION* connection = nullptr;
    WT_SESSION* session = nullptr;
    must_wiredtiger(
        ::wiredtiger_open(directory.c_str(), nullptr, "create,log=(enabled=true)", &connection));
    must_wiredtiger(connection->open_session(connection, nullptr, nullptr, &session));
    must_wiredtiger(session->create(session, "table:rows", "key_format=u,value_format=u"));
    const double took = seconds_since(begun);
    must_wiredtiger(connection->close(connection, nullptr));
    return took;
}

contender wiredtiger_contender() {
    return {"wiredtiger", "the package's, " WIREDTIGER_VERSION_STRING "; log=(enabled)",
            [](const std::string& directory, std::uint64_t) { (void)time_wiredtiger(directory); },
            time_wiredtiger, false};
}
#endif

#ifdef PEER_HAVE_SQLITE
double time_sqlite(const std::string& directory) {
    const auto begun = clock_type::now();
    sqlite3* db = nullptr;
    const bool fine = ::sqlite3_open((directory + "/db").c_str(), &db) == SQLITE_OK &&
                      ::sqlite3_exec(db,
                                     "PRAGMA journal_mode=WAL;"
                                     "CREATE TABLE IF NOT EXISTS rows(k BLOB PRIMARY KEY, v BLOB)",
                                     nullptr, nullptr, nullptr) == SQLITE_OK;
    if (!fine) give_up(std::string{"sqlite: "} + ::sqlite3_errmsg(db));
    const double took = seconds_since(begun);
    (void)::sqlite3_close(db);
    return took;
}

contender sqlite_contender() {
    return {"sqlite", "the package's, " SQLITE_VERSION "; journal_mode=WAL",
            [](const std::string& directory, std::uint64_t) { (void)time_sqlite(directory); },
            time_sqlite, false};
}
#endif

}  // namespace

std::vector<contender> peers() {
    std::vector<contender> all;
#ifdef PEER_HAVE_ROCKSDB
    all.push_back(rocksdb_contender());
#endif
#ifdef PEER_HAVE_LEVELDB
    all.push_back(leveldb_contender());
#endif
#ifdef PEER_HAVE_WIREDTIGER
    all.push_back(wiredtiger_contender());
#endif
#ifdef PEER_HAVE_SQLITE
    all.push_back(sqlite_contender());
#endif
    return all;
}

}  // namespace recovery_bench
