// SPDX-License-Identifier: BSL-1.0
//
// The lower half of the log's writer: closes flush units, writes and syncs them, and exchanges the
// segment that they go to. What it is all for, and its invariants: ../writer.hpp.
//
// Threads: all functions any number at once, but close(); those that are private say which of them
// hold the mutex.
#pragma once

#include "change_bell.hpp"
#include "commit_group.hpp"
#include "log_answers.hpp"
#include "log_segments.hpp"
#include "log_units.hpp"

#include "../log_options.hpp"

#include "../../platform/guard.hpp"
#include "../../sync/detail/helper_thread.hpp"

namespace mantis::detail {

enum class log_goal : std::uint8_t { written, durable };

template <platform Platform, checksum_policy Checksum>
class log_flusher {
public:
    using directory = typename Platform::directory;
    using units = log_units<Platform>;
    using closed_unit = typename units::closed_unit;
    using place = typename units::place;
    using goal = log_goal;

    log_flusher(Platform world, directory& in, database_id database, lsn end,
                std::uint32_t previous_checksum, const log_options& options)
        : segments_{std::move(world), in, database, options},
          options_{options},
          unit_bytes_{least(options.buffer_bytes, first_unit_bytes)},
          units_{end.value},
          written_{end.value},
          durable_{end.value},
          previous_checksum_{previous_checksum} {}
    log_flusher(const log_flusher&) = delete;
    log_flusher& operator=(const log_flusher&) = delete;

    [[nodiscard]] const log_options& options() const noexcept { return options_; }
    [[nodiscard]] lsn end() const {
        lock_guard<mutex> hold{mutex_};
        return {units_.end_of_records()};
    }
    [[nodiscard]] double turn_level() {
        lock_guard<mutex> hold{mutex_};
        if (!helping_ || failed_.load(orders::relaxed)) return 0;
        return segments_.turn_level(units_.position());
    }
    [[nodiscard]] lsn durable() const noexcept { return {durable_.load(orders::acquire)}; }
    [[nodiscard]] lsn written() const noexcept { return {written_.load(orders::acquire)}; }
    [[nodiscard]] log_stats stats() const {
        lock_guard<mutex> hold{mutex_};
        return stats_;
    }

    //   Effects     a place for `size` bytes is the caller's, who tells when they are copied and
    //               then writes the unit that was closed for them, if one was
    //   Errors      no_space, io, read_only: it has none
    result<void> reserve(std::uint64_t size, place& mine) {
        if (failed_.load(orders::acquire)) return failure();
        return units_.reserve(size, mine) ? success() : make_room(size, mine);
    }

    //   Effects     the records of a full unit are with the system
    //   Returns     whether they are
    bool write_full(closed_unit& full) {
        unique_lock<mutex> hold{mutex_};
        return write_closed(hold, full);
    }

    result<void> wait(std::uint64_t target, goal wanted) {
        if (reached(target, wanted)) return success();
        if (wanted == goal::durable) group_.arrive();
        auto done = wait_longer(target, wanted);
        if (wanted == goal::durable) group_.leave();
        return done;
    }
    error unknown(std::uint64_t target) const { return log_outcome_unknown(target, durable()); }

    void stop(const error& why) {
        const lock_guard<mutex> hold{mutex_};
        fail(why);
    }
    //   Requires    no other call is running, nothing follows
    void stop_helping() { helper_.stop(); }
    [[nodiscard]] result<bool> rest();
    //   Effects     the last segment is trimmed to its records
    //   Requires    all is durable, stop_helping() was called
    result<void> close() {
        unique_lock<mutex> hold{mutex_};
        if (!finish_turn(hold)) return failure();
        hold.unlock();
        return segments_.close(end());
    }

private:
    using mutex = typename Platform::mutex;
    using parking = typename Platform::parking;
    using orders = typename Platform::memory_order;
    using align = log_align;
    using segment = typename log_segments<Platform, Checksum>::segment;

    static constexpr std::uint64_t first_unit_bytes = 64 * 1024;  // doubled when one is full

    static error failure() { return log_has_failed(); }
    static std::uint64_t least(std::uint64_t a, std::uint64_t b) noexcept { return a < b ? a : b; }

    //   Effects     a place is reserved, in a new unit or a new segment if need be
    result<void> make_room(std::uint64_t size, place& mine) {
        unique_lock<mutex> hold{mutex_};
        while (true) {
            if (failed_.load(orders::relaxed)) return failure();
            if (units_.reserve(size, mine)) return success();
            if (closing_ || !units_.any_free()) pause(hold);
            else if (!segments_.any() || units_.position() + size > segments_.last().end())
                return turn_segment(hold, size, mine);
            else if (close_full(size, mine)) return success();
        }
    }

    //   Requires    the mutex; nobody closes; a free unit
    //   Effects     the open unit is closed and the next one begins with a place for `size` bytes
    //   Returns     false: meanwhile the segment has no room for it
    bool close_full(std::uint64_t size, place& mine) {
        unit_bytes_ = least(2 * unit_bytes_, options_.buffer_bytes);
        mine.full = units_.close(align::none, size, room());
        if (!mine.full) return false;
        closing_ = true;
        units_.first_place(mine);
        return true;
    }

    //   Requires    the mutex
    [[nodiscard]] log_room room() const noexcept {
        if (!segments_.any() || turning_) return {};
        return {segments_.last().end(), segments_.last().salt, unit_bytes_};
    }
    //   Requires    the mutex; nobody closes; a free unit
    //   Effects     the next unit is open; this thread closes until release_closing()
    closed_unit close_unit(align where) {
        closing_ = true;
        return *units_.close(where, 0, room());
    }

    //   Requires    closed by this thread, which still is the one that closes
    //   Effects     the records are whole and in the chain
    void seal(closed_unit& closed, align where) {
        if (closed.size() == 0) return;
        closed.of->wait_for_copies(closed.size());
        std::byte* const raw = closed.of->at(closed.begin);
        const log_seal sealed =
            seal_records<Checksum>(raw, closed.size(), durable(), previous_checksum_);
        previous_checksum_ = sealed.chain;
        closed.records = sealed.records;
        if (where == align::none) return;
        // Whole blocks: the padding is zero on disk anyway, and the system need not read the block
        // first.
        std::memset(raw + closed.size(), 0, static_cast<std::size_t>(closed.next - closed.end));
        segment& to = segments_.last();
        // Nobody else writes there, for the units behind are not closed yet.
        if (closed.next - closed.begin <= 4 * log_block_bytes)
            to.zero_ahead(to.offset_of(closed.next), options_.zero_ahead_bytes);
    }

    //   Requires    the mutex, and that this thread is the one that closes
    void release_closing() {
        closing_ = false;
        announce();
    }

    // A few records are sealed faster than the mutex is let go and taken again.
    //   Returns     false: they are many, or somebody still copies them
    bool seal_at_once(closed_unit& closed) {
        const bool few = closed.size() <= 4096 && closed.of->is_copied(closed.size());
        if (few) seal(closed, align::none);
        return few;
    }

    //   Requires    `closed` by this thread
    //   Effects     its records are with the system, but for a failure
    //   Returns     whether nothing has failed yet
    bool write_closed(unique_lock<mutex>& hold, closed_unit& closed, align where = align::none) {
        hold.unlock();
        seal(closed, where);
        hold.lock();
        if (!turning_) release_closing();
        return write_sealed(hold, closed, where);
    }
    bool write_sealed(unique_lock<mutex>& hold, closed_unit& closed, align where) {
        const bool stopped = failed_.load(orders::relaxed);
        hold.unlock();
        const auto done = stopped ? result<void>{failure()} : write_out(closed, where);
        hold.lock();
        return settle(closed, done);
    }
    result<void> write_out(const closed_unit& closed, align where) {
        if (closed.size() == 0) return success();
        const std::uint64_t to = where == align::block ? closed.next : closed.end;
        return segments_.last().opened.write(
            segments_.last().offset_of(closed.begin),
            {closed.of->at(closed.begin), static_cast<std::size_t>(to - closed.begin)});
    }

    // Is done before the mutex is let go and taken again.
    //   Requires    the mutex; sealed, and nothing else is in flight
    bool write_mapped(const closed_unit& closed) {
        const bytes_view raw{closed.of->at(closed.begin), closed.size()};
        const bool done = options_.map_writes && segments_.last().write_mapped(closed.begin, raw);
        if (done) ++stats_.mapped_writes;
        return done;
    }
    //   Requires    the mutex
    //   Effects     written() reaches over all units that lie together and are done
    bool settle(const closed_unit& closed, const result<void>& done) {
        stats_.records += closed.records;
        look_ahead();
        if (closed.size() > 0) ++stats_.writes;
        if (!done) fail(done.error());
        const auto reaches = units_.finish(closed);
        const bool good = !failed_.load(orders::relaxed);
        if (good && reaches) written_.store(*reaches, orders::release);
        announce();
        return good;
    }

    //   Requires    the mutex
    //   Effects     the next segment is made while this one is filled. The first, and a small one,
    //               is filled halfway before: many logs never get so far
    void look_ahead() {
        if (looked_ahead_ || !segments_.any() || !options_.spare_segment) return;
        const std::uint64_t filled = units_.closed_end() - segments_.last().first;
        const bool may_be_last = stats_.segments == 1 || segments_.is_small();
        if (may_be_last && filled < segments_.last().room / 2) return;
        looked_ahead_ = helping_ = true;
        helper_.ask();
    }

    static nanoseconds help(void* self) { return static_cast<log_flusher*>(self)->help(); }
    nanoseconds help() {
        unique_lock<mutex> hold{mutex_};
        (void)finish_turn(hold);
        hold.unlock();
        segments_.prepare_spare();
        hold.lock();
        helping_ = segments_.behind();
        hold.unlock();
        return end_old_segment();
    }
    //   Effects     a segment that was begun long ago and holds records is ended
    //   Returns     when to look again; 0: never
    nanoseconds end_old_segment();

    //   Requires    the mutex
    //   Effects     nothing is written any more
    void fail(const error& why) {
        if (!failed_.load(orders::relaxed)) {
            // Noted before anybody can be refused because of it.
            options_.events(log_read_only(why, units_.end_of_records(), durable()));
            failed_.store(true, orders::release);
        }
        announce();
    }

    [[nodiscard]] bool reached(std::uint64_t target, goal wanted) const noexcept {
        return (wanted == goal::durable ? durable() : written()).value >= target;
    }

    result<void> wait_longer(std::uint64_t target, goal wanted) {
        unique_lock<mutex> hold{mutex_};
        check(target <= units_.end_of_records(), "log_writer: waiting for what was never appended");
        while (!reached(target, wanted)) {
            if (failed_.load(orders::relaxed)) return unknown(target);
            if (!closing_ && units_.any_free() && work_for(hold, target, wanted)) continue;
            const std::uint32_t seen = bell_.heard();
            hold.unlock();
            if (soon(target, wanted)) return success();
            bell_.sleep(seen);
            if (reached(target, wanted)) return success();  // as most do, without the mutex
            hold.lock();
        }
        return success();
    }
    //   Requires    the mutex; nobody closes; a free unit
    //   Returns     false: another thread is at it
    bool work_for(unique_lock<mutex>& hold, std::uint64_t target, goal wanted) {
        if (wanted == goal::durable) {
            if (syncing_ || gathering_) return false;
            if (group_.is_whole()) sync_closed(hold);
            else gather(hold);
            return true;
        }
        if (units_.closed_end() >= target || units_.any_in_flight()) return false;
        closed_unit closed = close_unit(align::none);
        closing_ = !seal_at_once(closed);
        if (closing_) (void)write_closed(hold, closed);
        else if (write_mapped(closed)) (void)settle(closed, success());
        else (void)write_sealed(hold, closed, align::none);
        return true;
    }
    // Then looks anew: meanwhile everything may be different.
    void gather(unique_lock<mutex>& hold) {
        gathering_ = true;
        hold.unlock();
        group_.gather();
        hold.lock();
        gathering_ = false;
        const bool free = !closing_ && !syncing_ && units_.any_free();
        free && !failed_.load(orders::relaxed) ? sync_closed(hold) : announce();
    }
    // A write is over sooner than a thread has parked and been woken.
    [[nodiscard]] bool soon(std::uint64_t target, goal wanted) const {
        for (unsigned i = 0; i < parking::spins && wanted == goal::written; ++i) {
            if (reached(target, wanted)) return true;
            parking::relax();
        }
        return false;
    }
    //   Requires    the mutex; nobody closes or syncs; a free unit
    //   Effects     everything appended before is durable, but for a failure
    void sync_closed(unique_lock<mutex>& hold) {
        syncing_ = true;
        closed_unit closed = close_unit(align::block);
        (void)write_closed(hold, closed, align::block);
        sync_written(hold, closed.end);
        syncing_ = false;
        announce();
    }
    //   Requires    the mutex, `syncing_`; everything before `end` is closed, the block it ends in
    //               is never written again
    void sync_written(unique_lock<mutex>& hold, std::uint64_t end) {
        wait_for_writes(hold, end);
        while (!failed_.load(orders::relaxed) && durable().value < end) {
            if (segments_.behind()) {
                sync_turn(hold);
                continue;
            }
            // Nobody destroys it meanwhile, though it may be exchanged.
            auto& synced = segments_.last().opened;
            hold.unlock();
            const nanoseconds begun = parking::now();
            const auto done = synced.sync();
            const nanoseconds length = parking::now() - begun;
            hold.lock();
            if (!done) return fail(done.error());
            group_.synced(length);
            durable_.store(end, orders::release);
            ++stats_.syncs;
        }
    }
    //   Effects     everything before `end`, which is closed, is with the system, but for a failure
    void wait_for_writes(unique_lock<mutex>& hold, std::uint64_t end) {
        while (!failed_.load(orders::relaxed) && written().value < end) pause(hold);
    }

    // What a segment that was made of the spare has not got yet: all before it durable, then its
    // header, then its name.
    //   Requires    the mutex, `syncing_`, a segment behind
    void sync_turn(unique_lock<mutex>& hold) {
        const std::uint64_t end = segments_.behind_end();
        hold.unlock();
        auto done = segments_.sync_behind();
        hold.lock();
        if (!done) return fail(done.error());
        ++stats_.syncs;
        if (durable().value < end) durable_.store(end, orders::release);
        announce();
        hold.unlock();
        done = segments_.sync_last();
        hold.lock();
        if (!done) return fail(done.error());
        segments_.forget_behind();
    }
    //   Requires    the mutex
    //   Effects     no segment but the last is not durable, but for a failure
    //   Returns     whether nothing has failed yet
    bool finish_turn(unique_lock<mutex>& hold) {
        while (segments_.behind() && !failed_.load(orders::relaxed)) {
            if (syncing_) {
                pause(hold);
                continue;
            }
            syncing_ = true;
            sync_turn(hold);
            syncing_ = false;
            announce();
        }
        return !failed_.load(orders::relaxed);
    }

    void pause(unique_lock<mutex>& hold) { bell_.pause(hold); }
    void announce() { bell_.ring(); }

    //   Requires    the mutex; nobody closes; a free unit
    //   Effects     a new segment is open, and `mine` its first place
    result<void> turn_segment(unique_lock<mutex>& hold, std::uint64_t size, place& mine) {
        turning_ = true;  // the next unit has no room, so nobody appends
        closed_unit closed = close_unit(align::block);
        (void)write_closed(hold, closed, align::block);
        wait_for_writes(hold, closed.end);
        result<void> turned = failure();
        // Before the segment behind is durable there is none behind it.
        if (finish_turn(hold)) {
            if (!resting_ && segments_.any() && take_spare(hold, closed, size)) turned = success();
            else turned = next_segment(hold, closed, size);
        }
        turning_ = false;
        if (turned || segments_.any()) units_.reopen(turned ? size : 0, room(), mine);
        release_closing();
        return turned;
    }

    //   Requires    nobody appends, everything is written, and before the last segment is durable
    //   Effects     the spare is the segment; what it needs to survive a power failure is left to
    //               the next sync, or to the helper
    //   Returns     false: there is none, or it failed
    bool take_spare(unique_lock<mutex>& hold, const closed_unit& closed, std::uint64_t size) {
        const lsn synced = durable();
        hold.unlock();
        auto made = segments_.take_spare(closed.next, previous_checksum_, synced, size);
        hold.lock();
        if (!made) return false;
        segments_.begin_spare(*std::move(made), closed.end);
        begun();
        helping_ = true;
        helper_.ask();
        return true;
    }

    //   Requires    nobody appends, everything is written, and before the last segment is durable
    //   Effects     everything is durable, and a segment that survives a power failure is open
    result<void> next_segment(unique_lock<mutex>& hold, const closed_unit& closed,
                              std::uint64_t size) {
        while (syncing_) pause(hold);
        syncing_ = true;
        if (durable().value < closed.end) sync_written(hold, closed.end);
        auto done = failed_.load(orders::relaxed) ? result<void>{failure()}
                                                  : make_segment(hold, closed, size);
        syncing_ = false;
        return done;
    }
    //   Requires    `syncing_`
    result<void> make_segment(unique_lock<mutex>& hold, const closed_unit& closed,
                              std::uint64_t size) {
        hold.unlock();
        auto done = segments_.make(closed.next, previous_checksum_, {closed.end}, size, resting_);
        hold.lock();
        if (!done.made && !done.again) fail(done.made.error());
        if (!done.made) return done.made.error();
        segments_.begin(*std::move(done.made));
        begun();
        return success();
    }
    //   Requires    the mutex
    void begun() {
        ++stats_.segments;
        if (segments_.last().of_spare) ++stats_.spares;
        begun_ = parking::now();
        looked_ahead_ = false;
        if (options_.segment_period.count != 0) helper_.ask();
        const lsn first{segments_.last().first};
        options_.events(
            event{event_code::segment_begun}.about(segment_name(first)).with("lsn", first.value));
    }

    log_segments<Platform, Checksum> segments_;
    log_options options_;

    mutable mutex mutex_;
    change_bell<Platform> bell_;  // rung with the mutex held, when there is news for who waits
    typename Platform::template atomic<bool> failed_{false};
    bool closing_ = false;    // a thread closes a unit and seals it
    bool syncing_ = false;    // a thread syncs
    bool gathering_ = false;  // a thread waits for others before it syncs
    bool helping_ = false;    // the helper prepares the next turn
    bool turning_ = false;    // a thread, the one that closes, exchanges the segment

    std::uint64_t unit_bytes_;
    units units_;
    commit_group<Platform> group_;
    typename Platform::template atomic<std::uint64_t> written_;
    typename Platform::template atomic<std::uint64_t> durable_;
    // Of the last record sealed; of the thread that closes.
    std::uint32_t previous_checksum_;
    bool resting_ = false;       // the turn is to a small segment; of the thread that turns
    bool looked_ahead_ = false;  // the helper knows that this segment wants a next one
    nanoseconds begun_;          // when the segment was
    log_stats stats_;
    helper_thread<Platform> helper_{{&log_flusher::help, this}, "log segments"};  // ends first
};

}  // namespace mantis::detail

#include "log_idle.hpp"
