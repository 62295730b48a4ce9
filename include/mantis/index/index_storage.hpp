// SPDX-License-Identifier: BSL-1.0
//
// Where indexes of a store keep their entries if not in themselves: one storage for all tables of
// an index policy, with files of its own in the database's directory and checkpoints of its own.
//
// An index policy P has one if there is a type P::template storage<Platform>. A store takes one
// such policy at most. What a storage S must offer:
//
//   expression                       returns             meaning
//   typename S::index_type           type                an ordered_index; see below
//   s.open(world, in, settings)      result<void>        called once, before all others, with the
//                                                        directory of the database, which outlives
//                                                        it
//   s.reset()                        result<void>        it is as it was when it was opened; all
//                                                        indexes of it are gone
//   s.close()                        void                it lets go of files and threads; nobody
//                                                        uses its indexes any more
//   s.attach(table, made)            result<index_type>  the index of that table, which the commit
//                                                        that ends at `made` has made: what the
//                                                        last checkpoint had, if that is behind it,
//                                                        and an empty one if not. An index whose
//                                                        table was dropped before that checkpoint
//                                                        has no entries
//   s.persisted()                    lsn                 of the last checkpoint: indexes hold what
//                                                        the log says up to there, and nothing
//                                                        else; {}: there is none
//   s.damage()                       const error*        why nothing can be read; nullptr: it can
//   s.recovered(tables)              result<void>        the log is redone, and there are no tables
//                                                        but these
//   s.admit(growth)                  result<void>        no_space: there may be no room for a
//                                                        commit that does this. Asked before the
//                                                        log has it: what cannot be taken after
//                                                        that ends all changes until the next
//                                                        opening
//   s.checkpoint(barrier)            result<storage_checkpoint>
//                                                        makes what is in the indexes durable, as
//                                                        they are when barrier(note) calls
//                                                        note(lsn); an error of the barrier ends it
//   s.changed(entries)               void                so many were put or erased by a commit
//   s.wants_checkpoint()             bool                a checkpoint would give space back. From
//                                                        the call that finds so on, once
//                                                        settings.ask was called, until it has
//                                                        been made
//   s.unsettled()                    bool                somebody is to call look() in a second
//   s.look()                         void                finds out whether a checkpoint is wanted
//   s.has_plenty_besides(bytes)      bool                whether so much, and what it keeps for
//                                                        changes, are little of what is free on the
//                                                        disk
//   s.rest(has_plenty, pause)        bool                nothing has changed for a while: gives
//                                                        back what is kept for changes, if the disk
//                                                        has plenty, until there is one. Changes
//                                                        wait while what pause() answers lives.
//                                                        false: something is not stored yet: a
//                                                        checkpoint first
//   s.pack(pause)                    bool                little is left of much: moves some of it
//                                                        together, as a change. Whether there is
//                                                        more to be done
//   s.want_packing()                 void                so does the next pack(), however much is
//                                                        left
//   s.compact()                      bool                after that, the same on the disk. Whether
//                                                        a checkpoint is wanted, and then this
//   s.rests()                        bool                rest() was called, and there was no change
//                                                        since; the first one calls settings.ask
//   s.scrub(sink)                    void                reads all its files once, beside all
//                                                        else, and tells the sink what is damaged:
//                                                        recovery/page_damage.hpp
//   s.stats()                        storage_stats
//   s.pressure()                     storage_pressure    of what is put off, how much; brief, for
//                                                        it is asked for every few commits
//
// Its index offers, besides what an ordered_index does:
//
//   typename index_type::place_type  type                where an entry was found, for a put of the
//                                                        same key soon after; made without
//                                                        arguments, it is nowhere; cheap to copy
//   index.prefetch(key, place)       result<void>        what put or erase of that key will read is
//                                                        in memory; its errors are met now, and
//                                                        too_large. `place` may be of the same key,
//                                                        and becomes where it is, if that is known
//   index.find(key, f, place)        result<bool>        find(); and `place` as of prefetch
//   index.put(key, value, version, place)
//                                    result<void>        put(), which may make use of the place of
//                                                        that key, however old it is
//   index.persisted()                lsn                 that of the storage
//   index.retire()                   void                its table was dropped: the storage takes
//                                                        back what it holds, later; who reads it
//                                                        meanwhile gets what was there, or an error
//   index.discard()                  void                the same at once: its table was not made
//                                                        after all, and it is empty
//
// Changes of indexes, attach() and retire() come one at a time, while the log is redone or under
// the store's commit mutex, which a barrier takes, too; but redo changes different keys at once.
// The others may be called by any thread.
#pragma once

#include "ordered_index.hpp"

#include "../core/ids.hpp"
#include "../core/units.hpp"

#include <vector>

namespace mantis {

struct index_storage_settings {
    database_id database;
    std::size_t memory_bytes = 64 * MiB;     // that pages may take
    std::uint32_t segment_bytes = 16 * MiB;  // of new files of pages
    std::uint64_t at_least = 0;              // sequence of a checkpoint that was once durable
    bool read_only = false;                  // nothing on disk is changed, redo included
    bool keeps_damage = false;  // what cannot be read is damage() and no error of open()
    // Called where a checkpoint is wanted, and by the first change after rest(): takes latches of
    // its own only, and is brief.
    void (*ask)(void* context) = nullptr;
    void* context = nullptr;
};

// What a commit will do.
struct storage_growth {
    std::uint64_t bytes = 0;    // of keys and values
    std::uint64_t entries = 0;  // put or erased
    bool puts = false;          // some of them are put

    constexpr void add(std::uint64_t more, bool is_put) noexcept {
        bytes += more;
        ++entries;
        puts = puts || is_put;
    }
};

struct storage_checkpoint {
    std::uint64_t sequence = 0;  // 0: nothing was ever stored
    lsn position = {};
    nanoseconds barrier = {};
    std::uint64_t bytes_written = 0;
};

struct storage_stats {
    std::uint64_t pages = 0;
    std::uint64_t page_bytes = 0;
    std::uint64_t disk_bytes = 0;     // of files of pages
    std::uint64_t reserve_bytes = 0;  // of them, kept for a full disk
    std::uint64_t live_bytes = 0;     // of them, of pages that are in use
    std::uint64_t written_bytes = 0;  // in this opening
    // Since the database was made; of earlier openings, what a checkpoint came after.
    std::uint64_t written_ever_bytes = 0;
    std::uint64_t memory_bytes = 0;  // of pages now
    std::uint64_t hits = 0;          // of pages looked for in memory
    std::uint64_t misses = 0;
};

// Each is 0 at rest and 1 where changes have to wait, or a limit is passed; 0, too, where nobody is
// at work against it.
struct storage_pressure {
    double pages = 0;        // clean ones that are missing
    double side_copies = 0;  // of pages, for a checkpoint that is being made
    double space = 0;        // that a checkpoint would give back
};

// Of a store whose indexes are all in memory.
class no_index_storage {
public:
    template <class World, class Directory>
    [[nodiscard]] result<void> open(const World&, Directory&, const index_storage_settings&) {
        return success();
    }
    [[nodiscard]] result<void> reset() { return success(); }
    void close() noexcept {}
    [[nodiscard]] lsn persisted() const noexcept { return {}; }
    [[nodiscard]] const error* damage() const noexcept { return nullptr; }
    [[nodiscard]] result<void> recovered(const std::vector<table_id>&) { return success(); }
    [[nodiscard]] result<void> admit(const storage_growth&) { return success(); }
    template <class Barrier>
    [[nodiscard]] result<storage_checkpoint> checkpoint(Barrier) {
        return storage_checkpoint{};
    }
    void changed(std::uint64_t) noexcept {}
    [[nodiscard]] bool wants_checkpoint() const noexcept { return false; }
    [[nodiscard]] bool unsettled() const noexcept { return false; }
    void look() noexcept {}
    [[nodiscard]] bool has_plenty_besides(std::uint64_t) noexcept { return true; }
    template <class Pause>
    [[nodiscard]] bool rest(bool, Pause) noexcept {
        return true;
    }
    [[nodiscard]] bool rests() const noexcept { return true; }
    void want_packing() noexcept {}
    template <class Pause>
    [[nodiscard]] bool pack(Pause) noexcept {
        return false;
    }
    [[nodiscard]] bool compact() noexcept { return false; }
    template <class Sink>
    void scrub(Sink&) {}
    [[nodiscard]] storage_stats stats() { return {}; }
    [[nodiscard]] storage_pressure pressure() const noexcept { return {}; }
};

namespace detail {

template <class P, class Platform>
inline constexpr bool storage_makes_index =
    std::is_same_v<typename P::template index<Platform>,
                   typename P::template storage<Platform>::index_type>;

}  // namespace detail

template <class P, class Platform>
concept stored_index_policy = requires {
    typename P::template storage<Platform>;
}
&&detail::storage_makes_index<P, Platform>;

namespace detail {

template <class Platform, class... P>
struct storage_of {
    using type = no_index_storage;
};
template <class Platform, class First, class... Rest>
struct storage_of<Platform, First, Rest...> : storage_of<Platform, Rest...> {};
template <class Platform, class First, class... Rest>
requires stored_index_policy<First, Platform>
struct storage_of<Platform, First, Rest...> {
    using type = typename First::template storage<Platform>;
};

}  // namespace detail

// Where an entry was found, in a store whose indexes are all in memory: it is not kept.
struct no_index_place {};

namespace detail {

template <class Storage>
struct place_of_storage {
    using type = typename Storage::index_type::place_type;
};
template <>
struct place_of_storage<no_index_storage> {
    using type = no_index_place;
};

}  // namespace detail

// The storage of a store with these index policies.
template <class Platform, class... P>
using index_storage_of = typename detail::storage_of<Platform, P...>::type;

}  // namespace mantis
