// SPDX-License-Identifier: BSL-1.0
//
// Makes checkpoints: writes the rows of all tables in memory, and the names of all tables, to an
// image while commits go on, and has the storage of the others write theirs, so that the next
// opening reads the image and only the log since then.
//
//   1. note C, the end of the log, and which tables there are         commits wait for this step
//   2. the storage, if there is one, makes what it holds at P durable, as one step: P is the end of
//      the log at its barrier, not before C                           and for that one
//   3. copy the rows of each table, a batch at a time, to a file of a passing name
//   4. note E, the end of the log, and sync the log: no row in the image is newer
//   5. write the footer, sync the image, give it its name, sync the directory
//   6. replace the superblock: from here on openings begin with the image
//   7. remove older images and, unless they are kept, the segments that end before C
//
// Invariants:
//   1. the superblock names an image that is whole and durable, or none
//   2. what lies in the log before E is durable before the superblock names the image
//   3. nothing is removed that an opening by the superblock on disk, this one or the one before,
//      may need
//   4. after a failed sync of the directory nothing is removed and the log stops: nobody knows
//      which names survive
//   5. C of the superblock <= P of the storage <= what of the log is durable: redo begins at C, and
//      passes over what the storage has
// A failure before step 6 leaves all as it was, but for a file that the next checkpoint removes;
// and the storage may be further than the image, which it may be at any time.
//
// Threads: one at a time, beside any number of commits and reads.
#pragma once

#include "../core/event.hpp"
#include "../index/index_storage.hpp"
#include "../index/row_batch.hpp"
#include "../recovery/image_writer.hpp"
#include "../recovery/superblock.hpp"

namespace mantis {

struct checkpoint_info {
    lsn redo_from;   // C: the log since then is redone over the image
    lsn log_needed;  // E: an earlier state is not to be had from it
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    nanoseconds elapsed;
    nanoseconds barrier;  // for so long commits had to wait, at most, at one of the two steps
    storage_checkpoint pages = {};  // of tables in pages; sequence 0: there are none
};

// What the store does for it.
struct checkpoint_host {
    //   Effects     the superblock on disk names the checkpoint; step 6
    result<void> (*replace_superblock)(void* context, const checkpoint_info& made) = nullptr;
    //   Effects     the log before the checkpoint may go; step 7
    //   Errors      `names_unsynced`: nobody knows which files survive
    result<void> (*drop_log)(void* context, const checkpoint_info& made) = nullptr;
    void* context = nullptr;
    event_sink events = {};
};

//   Effects     images other than that of `current` are removed, unfinished ones included
template <directory Directory>
[[nodiscard]] result<void> remove_other_images(Directory& in, lsn current) {
    auto names = in.list();
    if (!names) return names.error();
    const bytes stays = image_name(current);
    for (const bytes& name : *names)
        if (is_image_name(name) && (current == lsn{} || name != stays))
            if (auto gone = in.remove(name); !gone) return gone;
    return success();
}

template <platform Platform, checksum_policy Checksum, class Engine>
class checkpointer {
public:
    using directory = typename Platform::directory;
    using table_type = typename Engine::table_type;
    using log_type = typename Engine::log_type;
    using tables_type = typename Engine::tables_type;

    //   Requires    all of them outlive it
    checkpointer(Platform world, directory& in, database_id database, Engine& engine,
                 tables_type& tables, log_type& log, checkpoint_host host)
        : platform_{std::move(world)},
          directory_{&in},
          database_{database},
          engine_{&engine},
          tables_{&tables},
          log_{&log},
          host_{host} {}

    //   Effects     a checkpoint that is being made ends soon, unmade
    //   Threads     any
    void stop() noexcept { stop_.store(true); }
    [[nodiscard]] bool is_stopped() const { return stop_.load(); }

    //   Errors      no_space, io, those of an index that could not be read, closed (stop() was
    //               called): all is as it was; read_only: likewise, for a table lacks a commit, or
    //               the log has failed; unknown_outcome: the log has failed. After an error the
    //               superblock may name this checkpoint or the one before, and both are there
    [[nodiscard]] result<checkpoint_info> make() {
        if (names_lost_)
            return error{error_code::read_only,
                         "making a checkpoint: an earlier sync of the directory failed"};
        const nanoseconds begun = platform_.now();
        std::vector<table_type*> live;
        const auto from = engine_->now_applied(&live);
        checkpoint_info made;
        made.redo_from = from.end;
        made.barrier = platform_.now() - begun;
        // A commit that no table could take is in the log alone, and that would be removed. One
        // that meets this later lies behind C, and stays.
        if (auto whole = engine_->whole(); !whole) return whole.error();
        // A log that failed is met before anything is written.
        if (auto synced = log_->wait_durable(from.end); !synced) return synced.error();
        host_.events(event{event_code::checkpoint_begun}.with("lsn", from.end.value));
        auto done = write_storage(made);
        if (done) done = write(from, live, made);
        made.elapsed = platform_.now() - begun;
        if (!done) return failed(done.error());
        host_.events(event{event_code::checkpoint_done}
                         .about(image_name(made.redo_from))
                         .with("lsn", made.redo_from.value)
                         .with("bytes", made.bytes + made.pages.bytes_written)
                         .with("rows", made.rows)
                         .with("elapsed_ns", static_cast<std::uint64_t>(made.elapsed.count))
                         .with("barrier_ns", static_cast<std::uint64_t>(made.barrier.count)));
        return made;
    }

private:
    using moment = typename Engine::moment;

    // A batch of rows is copied under the latch of its index, for which writers wait meanwhile.
    static constexpr std::size_t batch_bytes = 32 * KiB;
    static constexpr std::size_t batch_rows = 256;

    error failed(const error& why) {
        if (why.number("names_unsynced") != nullptr) names_lost(why);
        if (why.code() == error_code::closed) return why;
        host_.events(event{event_code::checkpoint_failed}
                         .about(why.subject())
                         .with("code", static_cast<std::uint64_t>(why.code())));
        return why;
    }

    // Step 2. What is in pages before P is in a log that is durable.
    result<void> write_storage(checkpoint_info& made) {
        auto stored = tables_->storage().checkpoint([&](auto note) -> result<void> {
            lsn at;
            {
                const auto commits_wait = engine_->pause();
                if (auto whole = engine_->whole(); !whole) return whole;
                at = log_->end();
                note(at);
            }
            return log_->wait_durable(at);
        });
        if (!stored) return stored.error();
        made.pages = *stored;
        if (made.pages.barrier > made.barrier) made.barrier = made.pages.barrier;
        return success();
    }

    result<void> write(const moment& from, const std::vector<table_type*>& live,
                       checkpoint_info& made) {
        image_header header;
        header.database = database_;
        header.redo_from = from.end;
        header.salt = platform_.random();
        header.last_transaction = from.last_transaction;
        header.last_time = from.last_time;
        header.tables = from.last_table.value;
        const std::vector<image_table> list = list_of(from, live);
        image_writer<Platform, Checksum> image{*directory_, header};
        if (auto begun = image.begin(list); !begun) return begun;
        for (const table_type* each : live)
            if (!each->is_stored())
                if (auto copied = copy(*each, image); !copied) return copied;
        const moment until = engine_->now_applied();
        if (auto synced = log_->wait_durable(until.end); !synced) return synced;
        if (auto whole = image.finish(until.end, until.last_time, list); !whole) return whole;
        made.log_needed = until.end;
        made.rows = image.rows();
        made.bytes = image.size();
        return publish(image, made);
    }

    static std::vector<image_table> list_of(const moment& from,
                                            const std::vector<table_type*>& live) {
        std::vector<image_table> list;
        std::size_t next = 0;
        for (std::uint64_t id = 1; id <= from.last_table.value; ++id) {
            const bool there = next < live.size() && live[next]->id().value == id;
            if (there)
                list.push_back({{id}, bytes{live[next]->name()}, bytes{live[next]->index_name()}});
            else list.push_back({{id}, {}, {}, true});
            if (there) ++next;
        }
        return list;
    }

    // Whether it was dropped meanwhile does not matter: the log since C says so.
    template <class Image>
    result<void> copy(const table_type& table, Image& image) {
        bytes from;
        row_batch rows;
        while (!table.dropped()) {
            if (stop_.load())
                return error{error_code::closed, "making a checkpoint: the store is being closed"};
            rows.clear();
            bool more = false;
            std::size_t count = 0;
            auto read = table.scan(from, [&](bytes_view key, bytes_view value, lsn version) {
                more = rows.held_bytes() >= batch_bytes || count == batch_rows;
                if (more) return false;
                rows.add(key, value, version);
                ++count;
                return true;
            });
            if (!read) return read.error().within("reading the rows of a table");
            if (auto added = add(table.id(), rows, image, from); !added) return added;
            if (!more) break;
        }
        return success();
    }
    //   Effects     `from` is what comes behind the last of them
    template <class Image>
    static result<void> add(table_id table, row_batch& rows, Image& image, bytes& from) {
        for (; !rows.done(); rows.advance()) {
            const batch_row row = rows.row();
            if (auto added = image.add_row(table, {row.key, row.value, row.version}); !added)
                return added;
            from.assign(row.key);
        }
        from.push_back('\0');
        return success();
    }

    template <class Image>
    result<void> publish(Image& image, const checkpoint_info& made) {
        if (auto named = image.publish(); !named) return named;
        if (auto synced = directory_->sync(); !synced)
            return synced.error().with("names_unsynced", 1);
        if (auto replaced = host_.replace_superblock(host_.context, made); !replaced)
            return replaced;
        // What cannot be removed now is removed by the next checkpoint.
        (void)remove_other_images(*directory_, made.redo_from);
        auto removed = host_.drop_log(host_.context, made);
        if (!removed && removed.error().number("names_unsynced") != nullptr)
            names_lost(removed.error());
        return success();
    }
    void names_lost(const error& why) {
        names_lost_ = true;
        log_->stop(why);
    }

    Platform platform_;
    directory* directory_;
    database_id database_;
    Engine* engine_;
    tables_type* tables_;
    log_type* log_;
    checkpoint_host host_;
    bool names_lost_ = false;
    typename Platform::template atomic<bool> stop_{false};
};

}  // namespace mantis
