// SPDX-License-Identifier: BSL-1.0
//
// What an open store does with complete segments of its log: the keeper, the thread that works for
// it, and who calls them.
//
// Without an archive, and until a checkpoint says that some of the log is not needed any more, no
// thread is made and nothing is touched.
//
// Threads: any number, but start() and stop().
#pragma once

#include "options.hpp"

#include "../platform/event_queue.hpp"
#include "../wal/keeper_thread.hpp"
#include "../wal/retention.hpp"
#include "../wal/writer.hpp"

namespace mantis {

template <platform Platform, checksum_policy Checksum>
class log_retention {
public:
    using directory = typename Platform::directory;
    using keeper_type = log_keeper<Platform, Checksum>;
    using log_type = log_writer<Platform, Checksum>;

    //   Requires    `in` and `events` outlive it; `of_log` takes the events of the log
    log_retention(Platform world, directory& in, database_id database, const store_options& options,
                  event_queue<Platform>& events, event_sink of_log)
        : keeper_{std::move(world), in, database, chosen(options, events.sink())},
          archives_{options.archive && !options.only_reads()},
          events_{&events},
          next_{of_log} {}
    log_retention(const log_retention&) = delete;
    log_retention& operator=(const log_retention&) = delete;

    // For the log: what it tells is passed on, and a new segment means that one is complete.
    [[nodiscard]] event_sink of_log() noexcept { return {&log_retention::note_of_log, this}; }

    //   Requires    `log` lives until stop()
    //   Effects     what is complete from earlier is archived
    void start(log_type& log) {
        log_ = &log;
        thread_.emplace(keeper_, log, keeper_listener{&log_retention::tell, events_});
        if (archives_) thread_->look();
    }
    //   Effects     nothing is archived or removed any more; holds stay
    void stop() {
        if (thread_) thread_->stop();
    }

    // A checkpoint is durable: the log before `needed` may go. Where there is an archive it goes
    // when that has it, else before the call returns.
    //   Requires    after start()
    //   Errors      `names_unsynced`: nobody knows which segments survive a power failure. What
    //               else cannot be removed now goes with the next checkpoint
    [[nodiscard]] result<void> needed_from(lsn needed) {
        if (archives_) {
            thread_->needed_from(needed);
            return success();
        }
        (void)keeper_.remove_unneeded(needed, log_->durable());
        if (const auto lost = keeper_.names_lost()) return *lost;
        return success();
    }

    [[nodiscard]] result<log_hold<Platform>> hold(bytes_view name, lsn from) {
        return keeper_.hold(name, from);
    }
    [[nodiscard]] const keeper_type& keeper() const noexcept { return keeper_; }

private:
    static log_keeper_options chosen(const store_options& options, event_sink events) {
        log_keeper_options keep;
        keep.archive = options.archive;
        keep.keep_bytes = options.keep_log_bytes;
        keep.keep_for = options.keep_log_for;
        keep.held_bytes = options.log_held_bytes;
        keep.events = events;
        return keep;
    }
    static void tell(void* events) { static_cast<event_queue<Platform>*>(events)->deliver(); }
    static void note_of_log(void* self, const event& what) {
        auto& retention = *static_cast<log_retention*>(self);
        retention.next_(what);
        if (what.code() == event_code::segment_begun && retention.archives_ && retention.thread_)
            retention.thread_->look();
    }

    keeper_type keeper_;
    bool archives_;
    event_queue<Platform>* events_;
    event_sink next_;
    log_type* log_ = nullptr;
    std::optional<keeper_thread<Platform, keeper_type, log_type>> thread_;
};

}  // namespace mantis
