// SPDX-License-Identifier: BSL-1.0
//
// LMDB, WiredTiger and SQLite, each set up as its own documentation advises. benchmarks/run says by
// PEER_HAVE_... which are there.
#include "store.hpp"

#include <mutex>
#ifdef PEER_HAVE_LMDB
#include <lmdb.h>
#endif
#ifdef PEER_HAVE_WIREDTIGER
#include <wiredtiger.h>
#endif
#ifdef PEER_HAVE_SQLITE
#include <sqlite3.h>
#endif

namespace store_bench {

namespace {

using measure::give_up;

#ifdef PEER_HAVE_LMDB
void must_lmdb(int done) {
    if (done != 0) give_up(std::string{"lmdb: "} + ::mdb_strerror(done));
}

MDB_val lmdb_value(std::string_view of) {
    return {of.size(), const_cast<char*>(of.data())};  // it does not write there
}
std::string_view text(const MDB_val& of) {
    return {static_cast<const char*>(of.mv_data), of.mv_size};
}

// A transaction that reads is reset and renewed, which costs less than a new one. One that writes
// has the database to itself.
class lmdb_session final : public session {
public:
    lmdb_session(MDB_env* env, MDB_dbi rows) : env_{env}, rows_{rows} {
        must_lmdb(::mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reading_));
        must_lmdb(::mdb_cursor_open(reading_, rows_, &cursor_));
        ::mdb_txn_reset(reading_);
    }
    ~lmdb_session() override {
        ::mdb_cursor_close(cursor_);
        ::mdb_txn_abort(reading_);
    }

    bool read(std::string_view key, visitor& by) override {
        must_lmdb(::mdb_txn_renew(reading_));
        MDB_val name = lmdb_value(key);
        MDB_val found{};
        const int done = ::mdb_get(reading_, rows_, &name, &found);
        if (done != MDB_NOTFOUND) {
            must_lmdb(done);
            by.see(key, text(found));
        }
        ::mdb_txn_reset(reading_);
        return done == 0;
    }
    void put(std::string_view key, std::string_view value) override {
        MDB_txn* const writing = begin();
        put(writing, key, value);
        must_lmdb(::mdb_txn_commit(writing));
    }
    void put_all(std::span<const row> rows) override {
        MDB_txn* const writing = begin();
        for (const row& each : rows) put(writing, each.key, each.value);
        must_lmdb(::mdb_txn_commit(writing));
    }
    void erase_all(std::span<const std::string_view> keys) override {
        MDB_txn* const writing = begin();
        for (const std::string_view key : keys) {
            MDB_val name = lmdb_value(key);
            must_lmdb(::mdb_del(writing, rows_, &name, nullptr));
        }
        must_lmdb(::mdb_txn_commit(writing));
    }
    std::size_t scan(std::string_view from, std::size_t most, visitor& by) override {
        must_lmdb(::mdb_txn_renew(reading_));
        must_lmdb(::mdb_cursor_renew(reading_, cursor_));
        MDB_val key = lmdb_value(from);
        MDB_val value{};
        std::size_t seen = 0;
        int done = ::mdb_cursor_get(cursor_, &key, &value, MDB_SET_RANGE);
        while (done == 0 && seen < most) {
            by.see(text(key), text(value));
            if (++seen < most) done = ::mdb_cursor_get(cursor_, &key, &value, MDB_NEXT);
        }
        if (done != MDB_NOTFOUND) must_lmdb(done);
        ::mdb_txn_reset(reading_);
        return seen;
    }
    bool modify(std::string_view key, changer& by) override {
        MDB_txn* const writing = begin();
        MDB_val name = lmdb_value(key);
        MDB_val found{};
        const int done = ::mdb_get(writing, rows_, &name, &found);
        if (done == MDB_NOTFOUND) {
            ::mdb_txn_abort(writing);
            return false;
        }
        must_lmdb(done);
        value_.assign(text(found));
        by.change(value_);
        put(writing, key, value_);
        must_lmdb(::mdb_txn_commit(writing));
        return true;
    }

private:
    MDB_txn* begin() {
        MDB_txn* writing = nullptr;
        must_lmdb(::mdb_txn_begin(env_, nullptr, 0, &writing));
        return writing;
    }
    void put(MDB_txn* writing, std::string_view key, std::string_view value) {
        MDB_val name = lmdb_value(key);
        MDB_val content = lmdb_value(value);
        must_lmdb(::mdb_put(writing, rows_, &name, &content, 0));
    }

    MDB_env* env_;
    MDB_dbi rows_;
    MDB_txn* reading_ = nullptr;
    MDB_cursor* cursor_ = nullptr;
    std::string value_;
};

// MDB_NOTLS: a transaction that reads belongs to a session, not to a thread. MDB_NORDAHEAD, as
// advised, where the data is larger than memory. No MDB_WRITEMAP: with it a stray pointer of the
// program damages the database, and with MDB_NOSYNC the order of writes is the system's, so that
// not even its structure would be promised.
class lmdb_database final : public database {
public:
    explicit lmdb_database(const setup& how) {
        const bool sync = how.promised == promise::sync;
        const unsigned flags = MDB_NOTLS | (sync ? 0u : static_cast<unsigned>(MDB_NOSYNC)) |
                               (how.larger_than_memory ? static_cast<unsigned>(MDB_NORDAHEAD) : 0u);
        must_lmdb(::mdb_env_create(&env_));
        must_lmdb(::mdb_env_set_mapsize(env_, std::size_t{how.data_bytes} * 16 + (1 << 30)));
        must_lmdb(::mdb_env_open(env_, how.directory.c_str(), flags, 0644));
        MDB_txn* writing = nullptr;
        must_lmdb(::mdb_txn_begin(env_, nullptr, 0, &writing));
        must_lmdb(::mdb_dbi_open(writing, nullptr, 0, &rows_));
        must_lmdb(::mdb_txn_commit(writing));
    }
    ~lmdb_database() override { ::mdb_env_close(env_); }

    [[nodiscard]] std::unique_ptr<session> connect() override {
        return std::make_unique<lmdb_session>(env_, rows_);
    }

private:
    MDB_env* env_ = nullptr;
    MDB_dbi rows_ = 0;
};

contender lmdb_contender() {
    return {"lmdb", measure::role::peer,
            "the package's, " + std::to_string(MDB_VERSION_MAJOR) + "." +
                std::to_string(MDB_VERSION_MINOR) + "." + std::to_string(MDB_VERSION_PATCH) +
                "; buffered: MDB_NOSYNC; MDB_NOTLS, read transactions renewed, a map 16 times the "
                "data, no MDB_WRITEMAP (no order of writes with NOSYNC); its cache is the system's,"
                " and counts in rss_mb; it has no checksums",
            false, [](const setup& how) { return std::make_unique<lmdb_database>(how); }};
}
#endif

#ifdef PEER_HAVE_WIREDTIGER
void must_wiredtiger(int done) {
    if (done != 0) give_up(std::string{"wiredtiger: "} + ::wiredtiger_strerror(done));
}

WT_ITEM wiredtiger_item(std::string_view of) {
    WT_ITEM item{};
    item.data = of.data();
    item.size = of.size();
    return item;
}
std::string_view text(const WT_ITEM& of) { return {static_cast<const char*>(of.data), of.size}; }

class wiredtiger_session final : public session {
public:
    explicit wiredtiger_session(WT_CONNECTION* to) {
        must_wiredtiger(to->open_session(to, nullptr, "isolation=snapshot", &session_));
        must_wiredtiger(session_->open_cursor(session_, "table:rows", nullptr, nullptr, &cursor_));
    }
    ~wiredtiger_session() override { (void)session_->close(session_, nullptr); }

    bool read(std::string_view key, visitor& by) override {
        set_key(key);
        const int done = cursor_->search(cursor_);
        if (done != WT_NOTFOUND) {
            must_wiredtiger(done);
            by.see(key, value());
        }
        must_wiredtiger(cursor_->reset(cursor_));
        return done == 0;
    }
    void put(std::string_view key, std::string_view value) override {
        while (true) {
            const int done = insert(key, value);
            if (done != WT_ROLLBACK) return must_wiredtiger(done);
            ++conflicts_;
        }
    }
    void put_all(std::span<const row> rows) override {
        must_wiredtiger(session_->begin_transaction(session_, nullptr));
        for (const row& each : rows) must_wiredtiger(insert(each.key, each.value));
        must_wiredtiger(session_->commit_transaction(session_, nullptr));
    }
    void erase_all(std::span<const std::string_view> keys) override {
        must_wiredtiger(session_->begin_transaction(session_, nullptr));
        for (const std::string_view key : keys) {
            set_key(key);
            must_wiredtiger(cursor_->remove(cursor_));
        }
        must_wiredtiger(session_->commit_transaction(session_, nullptr));
    }
    std::size_t scan(std::string_view from, std::size_t most, visitor& by) override {
        must_wiredtiger(session_->begin_transaction(session_, nullptr));
        set_key(from);
        int exact = 0;
        int done = cursor_->search_near(cursor_, &exact);
        if (done == 0 && exact < 0) done = cursor_->next(cursor_);
        std::size_t seen = 0;
        while (done == 0 && seen < most) {
            WT_ITEM key{};
            must_wiredtiger(cursor_->get_key(cursor_, &key));
            by.see(text(key), value());
            if (++seen < most) done = cursor_->next(cursor_);
        }
        if (done != WT_NOTFOUND) must_wiredtiger(done);
        must_wiredtiger(session_->rollback_transaction(session_, nullptr));
        return seen;
    }
    bool modify(std::string_view key, changer& by) override {
        while (true) {
            must_wiredtiger(session_->begin_transaction(session_, nullptr));
            set_key(key);
            int done = cursor_->search(cursor_);
            if (done == 0) {
                value_.assign(value());
                by.change(value_);
                done = insert(key, value_);
            }
            if (done == 0) done = session_->commit_transaction(session_, nullptr);
            else must_wiredtiger(session_->rollback_transaction(session_, nullptr));
            if (done == WT_NOTFOUND) return false;
            if (done != WT_ROLLBACK) return must_wiredtiger(done), true;
            ++conflicts_;
        }
    }

private:
    void set_key(std::string_view key) {
        const WT_ITEM item = wiredtiger_item(key);
        cursor_->set_key(cursor_, &item);
    }
    std::string_view value() {
        WT_ITEM item{};
        must_wiredtiger(cursor_->get_value(cursor_, &item));
        return text(item);
    }
    int insert(std::string_view key, std::string_view value) {
        const WT_ITEM item = wiredtiger_item(value);
        set_key(key);
        cursor_->set_value(cursor_, &item);
        return cursor_->insert(cursor_);
    }

    WT_SESSION* session_ = nullptr;
    WT_CURSOR* cursor_ = nullptr;
    std::string value_;
};

class wiredtiger_database final : public database {
public:
    explicit wiredtiger_database(const setup& how) {
        const std::string method = how.promised == promise::sync ? "fsync" : "none";
        const std::string open =
            "create,cache_size=" +
            std::to_string(std::max<std::uint64_t>(how.memory_bytes, 1 << 20)) +
            ",session_max=64,eviction=(threads_min=1,threads_max=2),"
            "log=(enabled=true,file_max=64MB),checkpoint=(wait=60,log_size=1GB),"
            "transaction_sync=(enabled=true,method=" +
            method + ")";
        must_wiredtiger(::wiredtiger_open(how.directory.c_str(), nullptr, open.c_str(), &to_));
        WT_SESSION* session = nullptr;
        must_wiredtiger(to_->open_session(to_, nullptr, nullptr, &session));
        const std::string table = "key_format=u,value_format=u,leaf_page_max=";
        must_wiredtiger(session->create(
            session, "table:rows", (table + (how.larger_than_memory ? "4KB" : "32KB")).c_str()));
        must_wiredtiger(session->close(session, nullptr));
    }
    ~wiredtiger_database() override { must_wiredtiger(to_->close(to_, nullptr)); }

    [[nodiscard]] std::unique_ptr<session> connect() override {
        return std::make_unique<wiredtiger_session>(to_);
    }

private:
    WT_CONNECTION* to_ = nullptr;
};

contender wiredtiger_contender() {
    return {"wiredtiger", measure::role::peer,
            "the package's, " WIREDTIGER_VERSION_STRING
            "; cache_size, log=(enabled,file_max=64MB), checkpoint=(wait=60,log_size=1GB), "
            "transaction_sync=(enabled,method=fsync), buffered: method=none; leaf pages of 32 KiB, "
            "of 4 KiB where the data is larger than memory; modify: snapshot isolation",
            false, [](const setup& how) { return std::make_unique<wiredtiger_database>(how); }};
}
#endif

#ifdef PEER_HAVE_SQLITE
// A connection for each session, and one writer at a time. Connections of many writers would poll
// each other; here they queue for `one_writer`.
class sqlite_session final : public session {
public:
    sqlite_session(const setup& how, std::mutex& one_writer) : one_writer_{one_writer} {
        constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
        must(::sqlite3_open_v2((how.directory + "/db").c_str(), &db_, flags, nullptr));
        must(::sqlite3_busy_timeout(db_, 60'000));
        run("PRAGMA journal_mode=WAL");
        run(how.promised == promise::sync ? "PRAGMA synchronous=FULL"
                                          : "PRAGMA synchronous=NORMAL");
        const std::uint64_t share = how.memory_bytes / how.sessions / 1024;
        run(("PRAGMA cache_size=-" + std::to_string(share)).c_str());
        if (!how.larger_than_memory)
            run(("PRAGMA mmap_size=" + std::to_string(how.memory_bytes)).c_str());
        run("CREATE TABLE IF NOT EXISTS rows(k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
        get_ = prepare("SELECT v FROM rows WHERE k = ?1");
        put_ =
            prepare("INSERT INTO rows VALUES(?1, ?2) ON CONFLICT(k) DO UPDATE SET v = excluded.v");
        scan_ = prepare("SELECT k, v FROM rows WHERE k >= ?1 ORDER BY k LIMIT ?2");
        erase_ = prepare("DELETE FROM rows WHERE k = ?1");
        begin_ = prepare("BEGIN IMMEDIATE");
        commit_ = prepare("COMMIT");
    }
    ~sqlite_session() override {
        for (sqlite3_stmt* each : {get_, put_, scan_, erase_, begin_, commit_})
            (void)::sqlite3_finalize(each);
        (void)::sqlite3_close(db_);
    }

    bool read(std::string_view key, visitor& by) override {
        bind(get_, 1, key);
        const bool found = step(get_);
        if (found) by.see(key, column(get_, 0));
        must(::sqlite3_reset(get_));
        return found;
    }
    void put(std::string_view key, std::string_view value) override {
        const std::lock_guard<std::mutex> alone{one_writer_};
        write(key, value);
    }
    void put_all(std::span<const row> rows) override {
        const std::lock_guard<std::mutex> alone{one_writer_};
        finish(begin_);
        for (const row& each : rows) write(each.key, each.value);
        finish(commit_);
    }
    void erase_all(std::span<const std::string_view> keys) override {
        const std::lock_guard<std::mutex> alone{one_writer_};
        finish(begin_);
        for (const std::string_view key : keys) {
            bind(erase_, 1, key);
            finish(erase_);
        }
        finish(commit_);
    }
    std::size_t scan(std::string_view from, std::size_t most, visitor& by) override {
        bind(scan_, 1, from);
        must(::sqlite3_bind_int64(scan_, 2, static_cast<sqlite3_int64>(most)));
        std::size_t seen = 0;
        for (; step(scan_); ++seen) by.see(column(scan_, 0), column(scan_, 1));
        must(::sqlite3_reset(scan_));
        return seen;
    }
    bool modify(std::string_view key, changer& by) override {
        const std::lock_guard<std::mutex> alone{one_writer_};
        finish(begin_);
        bind(get_, 1, key);
        const bool found = step(get_);
        if (found) value_.assign(column(get_, 0));
        must(::sqlite3_reset(get_));
        if (found) {
            by.change(value_);
            write(key, value_);
        }
        finish(commit_);
        return found;
    }

private:
    void must(int done) {
        if (done != SQLITE_OK) give_up(std::string{"sqlite: "} + ::sqlite3_errmsg(db_));
    }
    void run(const char* sql) { must(::sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)); }
    sqlite3_stmt* prepare(const char* sql) {
        sqlite3_stmt* made = nullptr;
        must(::sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr));
        return made;
    }
    // The bytes stay where they are until the statement was reset.
    void bind(sqlite3_stmt* in, int at, std::string_view what) {
        must(
            ::sqlite3_bind_blob(in, at, what.data(), static_cast<int>(what.size()), SQLITE_STATIC));
    }
    bool step(sqlite3_stmt* of) {
        const int done = ::sqlite3_step(of);
        if (done != SQLITE_ROW && done != SQLITE_DONE) must(done);
        return done == SQLITE_ROW;
    }
    void finish(sqlite3_stmt* of) {
        (void)step(of);
        must(::sqlite3_reset(of));
    }
    void write(std::string_view key, std::string_view value) {
        bind(put_, 1, key);
        bind(put_, 2, value);
        finish(put_);
    }
    static std::string_view column(sqlite3_stmt* of, int at) {
        const void* const bytes = ::sqlite3_column_blob(of, at);
        return {static_cast<const char*>(bytes),
                static_cast<std::size_t>(::sqlite3_column_bytes(of, at))};
    }

    sqlite3* db_ = nullptr;
    sqlite3_stmt* get_ = nullptr;
    sqlite3_stmt* put_ = nullptr;
    sqlite3_stmt* scan_ = nullptr;
    sqlite3_stmt* erase_ = nullptr;
    sqlite3_stmt* begin_ = nullptr;
    sqlite3_stmt* commit_ = nullptr;
    std::mutex& one_writer_;
    std::string value_;
};

class sqlite_database final : public database {
public:
    explicit sqlite_database(const setup& how) : how_{how} {}
    [[nodiscard]] std::unique_ptr<session> connect() override {
        return std::make_unique<sqlite_session>(how_, one_writer_);
    }

private:
    setup how_;
    std::mutex one_writer_;
};

contender sqlite_contender() {
    return {"sqlite", measure::role::peer,
            "the package's, " SQLITE_VERSION
            "; journal_mode=WAL, synchronous=FULL, buffered: NORMAL; WITHOUT ROWID, prepared "
            "statements, a connection for each thread with its share of the memory as cache_size, "
            "mmap_size of all of it unless the data is larger; writers queue; it has no checksums",
            false, [](const setup& how) { return std::make_unique<sqlite_database>(how); }};
}
#endif

}  // namespace

std::vector<contender> tree_peers() {
    std::vector<contender> all;
#ifdef PEER_HAVE_LMDB
    all.push_back(lmdb_contender());
#endif
#ifdef PEER_HAVE_WIREDTIGER
    all.push_back(wiredtiger_contender());
#endif
#ifdef PEER_HAVE_SQLITE
    all.push_back(sqlite_contender());
#endif
    return all;
}

}  // namespace store_bench
