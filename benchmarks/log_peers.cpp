// SPDX-License-Identifier: BSL-1.0
//
// The databases whose logs are compared, each set up as its own documentation advises for commits
// of this kind. benchmarks/run says by PEER_HAVE_... which are there, and by PEER_FROM_... which
// build.
#include "log.hpp"

#include <array>
#include <mutex>
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

namespace log_bench {

namespace {

using measure::give_up;

// Rows of 200 bytes: keys in order, and different for each writer.
struct row_maker {
    static constexpr std::size_t key_bytes = 8;
    struct alignas(64) count {
        std::uint64_t of = 0;
    };

    [[nodiscard]] std::uint64_t next_number(unsigned writer) {
        return (std::uint64_t{writer} << 40) + ++counts[writer].of;
    }
    //   Returns     the number as a key whose bytes sort as it does
    [[nodiscard]] std::array<char, key_bytes> next_key(unsigned writer) {
        std::uint64_t left = next_number(writer);
        std::array<char, key_bytes> key;
        for (std::size_t i = key_bytes; i-- > 0; left >>= 8) key[i] = static_cast<char>(left);
        return key;
    }

    std::array<count, most_writers> counts{};
    const std::string value = std::string(record_bytes - key_bytes, 'v');
};

#ifdef PEER_HAVE_ROCKSDB
// A log file that is used again has its size already, so that a sync has no metadata to write:
// recycle_log_file_num. There are such files once two memtables were flushed.
class rocksdb_log final : public committer {
public:
    rocksdb_log(const std::string& directory, promise promised) {
        rocksdb::Options options;
        options.create_if_missing = true;
        options.recycle_log_file_num = 4;
        options.write_buffer_size = memtable_bytes;
        options.compression = rocksdb::kNoCompression;
        rocksdb::DB* opened = nullptr;
        must(rocksdb::DB::Open(options, directory, &opened));
        db_.reset(opened);
        for (std::size_t done = 0; done < 3 * memtable_bytes; done += record_bytes) commit(0);
        must(db_->Flush({}));
        how_.sync = promised == promise::durable;
    }

    void commit(unsigned writer) override {
        const auto key = rows_.next_key(writer);
        must(db_->Put(how_, {key.data(), key.size()}, rows_.value));
    }

private:
    static constexpr std::size_t memtable_bytes = 8 << 20;

    static void must(const rocksdb::Status& done) {
        if (!done.ok()) give_up("rocksdb: " + done.ToString());
    }

    std::unique_ptr<rocksdb::DB> db_;
    rocksdb::WriteOptions how_;
    row_maker rows_;
};

contender rocksdb_contender() {
    return {"rocksdb", measure::role::peer,
            std::string{PEER_FROM_ROCKSDB} + ", " + std::to_string(ROCKSDB_MAJOR) + "." +
                std::to_string(ROCKSDB_MINOR) + "." + std::to_string(ROCKSDB_PATCH) +
                "; WriteOptions.sync, recycle_log_file_num=4 with logs to recycle, memtables of "
                "8 MiB, no compression",
            [](const std::string& directory, promise promised) {
                return std::make_unique<rocksdb_log>(directory, promised);
            }};
}
#endif

#ifdef PEER_HAVE_LEVELDB
class leveldb_log final : public committer {
public:
    leveldb_log(const std::string& directory, promise promised) {
        leveldb::Options options;
        options.create_if_missing = true;
        options.compression = leveldb::kNoCompression;
        leveldb::DB* opened = nullptr;
        must(leveldb::DB::Open(options, directory, &opened));
        db_.reset(opened);
        how_.sync = promised == promise::durable;
    }

    void commit(unsigned writer) override {
        const auto key = rows_.next_key(writer);
        must(db_->Put(how_, {key.data(), key.size()}, rows_.value));
    }

private:
    static void must(const leveldb::Status& done) {
        if (!done.ok()) give_up("leveldb: " + done.ToString());
    }

    std::unique_ptr<leveldb::DB> db_;
    leveldb::WriteOptions how_;
    row_maker rows_;
};

contender leveldb_contender() {
    return {"leveldb", measure::role::peer,
            std::string{PEER_FROM_LEVELDB} + ", " + std::to_string(leveldb::kMajorVersion) + "." +
                std::to_string(leveldb::kMinorVersion) + "; WriteOptions.sync, no compression",
            [](const std::string& directory, promise promised) {
                return std::make_unique<leveldb_log>(directory, promised);
            }};
}
#endif

#ifdef PEER_HAVE_WIREDTIGER
// A session and a cursor for each writer, as it wants; every insert is a transaction.
class wiredtiger_log final : public committer {
public:
    wiredtiger_log(const std::string& directory, promise promised) {
        const std::string method = promised == promise::durable ? "fsync" : "none";
        const std::string how =
            "create,cache_size=1GB,session_max=128,log=(enabled=true,file_max=64MB),"
            "transaction_sync=(enabled=true,method=" +
            method + ")";
        must(::wiredtiger_open(directory.c_str(), nullptr, how.c_str(), &connection_));
        for (std::size_t i = 0; i < most_writers; ++i) {
            WT_SESSION* session = nullptr;
            must(connection_->open_session(connection_, nullptr, nullptr, &session));
            if (i == 0) must(session->create(session, "table:rows", "key_format=Q,value_format=u"));
            must(session->open_cursor(session, "table:rows", nullptr, nullptr, &cursors_[i]));
        }
    }
    ~wiredtiger_log() override { must(connection_->close(connection_, nullptr)); }

    void commit(unsigned writer) override {
        WT_CURSOR* const cursor = cursors_[writer];
        WT_ITEM value{};
        value.data = rows_.value.data();
        value.size = rows_.value.size();
        cursor->set_key(cursor, rows_.next_number(writer));
        cursor->set_value(cursor, &value);
        must(cursor->insert(cursor));
    }

private:
    static void must(int done) {
        if (done != 0) give_up(std::string{"wiredtiger: "} + ::wiredtiger_strerror(done));
    }

    WT_CONNECTION* connection_ = nullptr;
    std::array<WT_CURSOR*, most_writers> cursors_{};
    row_maker rows_;
};

contender wiredtiger_contender() {
    return {"wiredtiger", measure::role::peer,
            "the package's, " WIREDTIGER_VERSION_STRING
            "; log=(enabled,file_max=64MB), transaction_sync=(enabled,method=fsync), buffered: "
            "method=none",
            [](const std::string& directory, promise promised) {
                return std::make_unique<wiredtiger_log>(directory, promised);
            }};
}
#endif

#ifdef PEER_HAVE_SQLITE
// It has one writer at a time. Connections of many writers would poll each other; here they queue.
class sqlite_log final : public committer {
public:
    sqlite_log(const std::string& directory, promise promised) {
        must(::sqlite3_open((directory + "/db").c_str(), &db_));
        run("PRAGMA journal_mode=WAL");
        run(promised == promise::durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
        run("CREATE TABLE rows(k INTEGER PRIMARY KEY, v BLOB)");
        must(::sqlite3_prepare_v2(db_, "INSERT INTO rows VALUES(?, ?)", -1, &insert_, nullptr));
    }
    ~sqlite_log() override {
        (void)::sqlite3_finalize(insert_);
        (void)::sqlite3_close(db_);
    }

    void commit(unsigned writer) override {
        const std::lock_guard<std::mutex> hold{one_writer_};
        const auto number = static_cast<sqlite3_int64>(rows_.next_number(writer));
        must(::sqlite3_bind_int64(insert_, 1, number));
        must(::sqlite3_bind_blob(insert_, 2, rows_.value.data(),
                                 static_cast<int>(rows_.value.size()), SQLITE_STATIC));
        if (::sqlite3_step(insert_) != SQLITE_DONE) must(::sqlite3_errcode(db_));
        must(::sqlite3_reset(insert_));
    }

private:
    void must(int done) {
        if (done != SQLITE_OK) give_up(std::string{"sqlite: "} + ::sqlite3_errmsg(db_));
    }
    void run(const char* sql) { must(::sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)); }

    sqlite3* db_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
    std::mutex one_writer_;
    row_maker rows_;
};

contender sqlite_contender() {
    return {"sqlite", measure::role::peer,
            "the package's, " SQLITE_VERSION
            "; journal_mode=WAL, synchronous=FULL, buffered: NORMAL; one connection, writers queue",
            [](const std::string& directory, promise promised) {
                return std::make_unique<sqlite_log>(directory, promised);
            }};
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

}  // namespace log_bench
