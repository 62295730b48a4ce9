// SPDX-License-Identifier: BSL-1.0
//
// RocksDB and LevelDB, each set up as its own documentation advises. No compression: the values
// are such that it gains nothing. benchmarks/run says by PEER_HAVE_... which are there, and by
// PEER_FROM_... which build.
#include "store.hpp"

#include <array>
#include <mutex>
#include <thread>
#ifdef PEER_HAVE_ROCKSDB
#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/optimistic_transaction_db.h>
#include <rocksdb/utilities/transaction.h>
#include <rocksdb/version.h>
#endif
#ifdef PEER_HAVE_LEVELDB
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>
#endif

namespace store_bench {

namespace {

using measure::give_up;

// A buffer of new rows takes an eighth of the memory, or what is usual for large memories; there
// are two at a time, and the block cache has the rest.
[[maybe_unused]] std::size_t write_buffer_bytes(const setup& how) {
    return std::clamp<std::size_t>(how.memory_bytes / 8, 1 << 20, 64 << 20);
}
[[maybe_unused]] std::size_t block_cache_bytes(const setup& how) {
    return std::max<std::size_t>(how.memory_bytes, 4 << 20) - 2 * write_buffer_bytes(how);
}

#ifdef PEER_HAVE_ROCKSDB
void must(const rocksdb::Status& done) {
    if (!done.ok()) give_up("rocksdb: " + done.ToString());
}

std::string_view text(const rocksdb::Slice& of) { return {of.data(), of.size()}; }

// Everything but modify() goes to the plain database below: nothing is paid there for transactions.
class rocksdb_session final : public session {
public:
    rocksdb_session(rocksdb::OptimisticTransactionDB& db, bool sync) : db_{db} { how_.sync = sync; }

    bool read(std::string_view key, visitor& by) override {
        pinned_.Reset();
        const rocksdb::Status done =
            base().Get({}, base().DefaultColumnFamily(), rocksdb::Slice{key}, &pinned_);
        if (done.IsNotFound()) return false;
        must(done);
        by.see(key, text(pinned_));
        return true;
    }
    void put(std::string_view key, std::string_view value) override {
        must(base().Put(how_, rocksdb::Slice{key}, rocksdb::Slice{value}));
    }
    void put_all(std::span<const row> rows) override {
        rocksdb::WriteBatch batch;
        for (const row& each : rows)
            must(batch.Put(rocksdb::Slice{each.key}, rocksdb::Slice{each.value}));
        must(base().Write(how_, &batch));
    }
    void erase_all(std::span<const std::string_view> keys) override {
        rocksdb::WriteBatch batch;
        for (const std::string_view key : keys) must(batch.Delete(rocksdb::Slice{key}));
        must(base().Write(how_, &batch));
    }
    std::size_t scan(std::string_view from, std::size_t most, visitor& by) override {
        const std::unique_ptr<rocksdb::Iterator> at{base().NewIterator({})};
        std::size_t seen = 0;
        for (at->Seek(rocksdb::Slice{from}); seen < most && at->Valid(); at->Next(), ++seen)
            by.see(text(at->key()), text(at->value()));
        must(at->status());
        return seen;
    }
    bool modify(std::string_view key, changer& by) override {
        const rocksdb::Slice name{key};
        while (true) {
            transaction_.reset(db_.BeginTransaction(how_, {}, transaction_.release()));
            const rocksdb::Status found = transaction_->GetForUpdate({}, name, &value_);
            if (found.IsNotFound()) return false;
            must(found);
            by.change(value_);
            must(transaction_->Put(name, value_));
            const rocksdb::Status done = transaction_->Commit();
            if (done.ok()) return true;
            if (!done.IsBusy() && !done.IsTryAgain()) must(done);
            ++conflicts_;
        }
    }

private:
    rocksdb::DB& base() { return *db_.GetBaseDB(); }

    rocksdb::OptimisticTransactionDB& db_;
    rocksdb::WriteOptions how_;
    rocksdb::PinnableSlice pinned_;
    std::unique_ptr<rocksdb::Transaction> transaction_;
    std::string value_;
};

class rocksdb_database final : public database {
public:
    explicit rocksdb_database(const setup& how) : sync_{how.promised == promise::sync} {
        rocksdb::Options options;
        options.create_if_missing = true;
        options.compression = rocksdb::kNoCompression;
        options.write_buffer_size = write_buffer_bytes(how);
        options.max_background_jobs =
            static_cast<int>(std::max(2u, std::thread::hardware_concurrency()));
        options.level_compaction_dynamic_level_bytes = true;
        options.compaction_pri = rocksdb::kMinOverlappingRatio;
        options.bytes_per_sync = 1 << 20;
        options.recycle_log_file_num = 4;
        rocksdb::BlockBasedTableOptions table;
        table.block_cache = rocksdb::NewLRUCache(block_cache_bytes(how));
        table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
        table.cache_index_and_filter_blocks = true;
        table.pin_l0_filter_and_index_blocks_in_cache = true;
        options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
        // A million locks for commits would take 64 MiB.
        rocksdb::OptimisticTransactionDBOptions transactions;
        transactions.occ_lock_buckets = 1 << 12;
        const std::vector<rocksdb::ColumnFamilyDescriptor> families{
            {rocksdb::kDefaultColumnFamilyName, options}};
        rocksdb::OptimisticTransactionDB* opened = nullptr;
        must(rocksdb::OptimisticTransactionDB::Open(options, transactions, how.directory, families,
                                                    &handles_, &opened));
        db_.reset(opened);
    }
    ~rocksdb_database() override {
        for (auto* const each : handles_) must(db_->DestroyColumnFamilyHandle(each));
    }

    [[nodiscard]] std::unique_ptr<session> connect() override {
        return std::make_unique<rocksdb_session>(*db_, sync_);
    }

private:
    std::unique_ptr<rocksdb::OptimisticTransactionDB> db_;
    std::vector<rocksdb::ColumnFamilyHandle*> handles_;
    bool sync_;
};

contender rocksdb_contender() {
    return {
        "rocksdb", measure::role::peer,
        std::string{PEER_FROM_ROCKSDB} + ", " + std::to_string(ROCKSDB_MAJOR) + "." +
            std::to_string(ROCKSDB_MINOR) + "." + std::to_string(ROCKSDB_PATCH) +
            "; LRU block cache with index and filters in it, two write buffers of an eighth of "
            "the memory up to 64 MiB, bloom filters of 10 bits, "
            "level_compaction_dynamic_level_bytes, bytes_per_sync=1MiB, recycle_log_file_num=4, "
            "no compression; modify: OptimisticTransactionDB, GetForUpdate, 4096 locks",
        false, [](const setup& how) { return std::make_unique<rocksdb_database>(how); }};
}
#endif

#ifdef PEER_HAVE_LEVELDB
void must(const leveldb::Status& done) {
    if (!done.ok()) give_up("leveldb: " + done.ToString());
}

leveldb::Slice slice(std::string_view of) { return {of.data(), of.size()}; }
std::string_view text(const leveldb::Slice& of) { return {of.data(), of.size()}; }

// It has no transactions. So that nobody writes a row that another modifies, all who write one take
// the lock of its key.
class leveldb_database final : public database {
public:
    explicit leveldb_database(const setup& how)
        : cache_{leveldb::NewLRUCache(block_cache_bytes(how))},
          filter_{leveldb::NewBloomFilterPolicy(10)} {
        leveldb::Options options;
        options.create_if_missing = true;
        options.compression = leveldb::kNoCompression;
        options.write_buffer_size = write_buffer_bytes(how);
        options.block_cache = cache_.get();
        options.filter_policy = filter_.get();
        leveldb::DB* opened = nullptr;
        must(leveldb::DB::Open(options, how.directory, &opened));
        db_.reset(opened);
        how_.sync = how.promised == promise::sync;
        reading_.verify_checksums = true;
    }

    [[nodiscard]] std::unique_ptr<session> connect() override {
        return std::make_unique<connection>(*this);
    }

private:
    class connection final : public session {
    public:
        explicit connection(leveldb_database& to) : to_{to} {}

        bool read(std::string_view key, visitor& by) override {
            const leveldb::Status done = to_.db_->Get(to_.reading_, slice(key), &value_);
            if (done.IsNotFound()) return false;
            must(done);
            by.see(key, value_);
            return true;
        }
        void put(std::string_view key, std::string_view value) override {
            const std::lock_guard<std::mutex> alone{to_.lock_of(key)};
            must(to_.db_->Put(to_.how_, slice(key), slice(value)));
        }
        void put_all(std::span<const row> rows) override {
            leveldb::WriteBatch batch;
            for (const row& each : rows) batch.Put(slice(each.key), slice(each.value));
            must(to_.db_->Write(to_.how_, &batch));
        }
        void erase_all(std::span<const std::string_view> keys) override {
            leveldb::WriteBatch batch;
            for (const std::string_view key : keys) batch.Delete(slice(key));
            must(to_.db_->Write(to_.how_, &batch));
        }
        std::size_t scan(std::string_view from, std::size_t most, visitor& by) override {
            const std::unique_ptr<leveldb::Iterator> at{to_.db_->NewIterator(to_.reading_)};
            std::size_t seen = 0;
            for (at->Seek(slice(from)); seen < most && at->Valid(); at->Next(), ++seen)
                by.see(text(at->key()), text(at->value()));
            must(at->status());
            return seen;
        }
        bool modify(std::string_view key, changer& by) override {
            const std::lock_guard<std::mutex> alone{to_.lock_of(key)};
            const leveldb::Status done = to_.db_->Get(to_.reading_, slice(key), &value_);
            if (done.IsNotFound()) return false;
            must(done);
            by.change(value_);
            must(to_.db_->Put(to_.how_, slice(key), value_));
            return true;
        }

    private:
        leveldb_database& to_;
        std::string value_;
    };

    std::mutex& lock_of(std::string_view key) {
        return locks_[std::hash<std::string_view>{}(key) % locks_.size()];
    }

    std::unique_ptr<leveldb::Cache> cache_;
    std::unique_ptr<const leveldb::FilterPolicy> filter_;
    std::unique_ptr<leveldb::DB> db_;
    leveldb::WriteOptions how_;
    leveldb::ReadOptions reading_;
    std::array<std::mutex, 256> locks_;
};

contender leveldb_contender() {
    return {"leveldb", measure::role::peer,
            std::string{PEER_FROM_LEVELDB} + ", " + std::to_string(leveldb::kMajorVersion) + "." +
                std::to_string(leveldb::kMinorVersion) +
                "; LRU block cache, two write buffers of an eighth of the memory up to 64 MiB, "
                "bloom filters of 10 bits, verify_checksums, no compression; modify: under one of "
                "256 locks, for it has no transactions",
            false, [](const setup& how) { return std::make_unique<leveldb_database>(how); }};
}
#endif

}  // namespace

std::vector<contender> log_structured_peers() {
    std::vector<contender> all;
#ifdef PEER_HAVE_ROCKSDB
    all.push_back(rocksdb_contender());
#endif
#ifdef PEER_HAVE_LEVELDB
    all.push_back(leveldb_contender());
#endif
    return all;
}

}  // namespace store_bench
