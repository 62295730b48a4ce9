// SPDX-License-Identifier: BSL-1.0
//
// The locks on ranges of keys, by table: what a lock on a key, or on another range, has to ask
// besides its own queue.
//
// Every range has a queue of its own, as a key has. This list says which ranges there are, so that
// who meets one in a conflicting mode can wait in its queue:
//
//   a range                                   a key
//   1. waits in its own queue                 1. waits in its own queue
//   2. is listed as wanted                    2. looks for a range that it meets: if one is held,
//   3. waits for the ranges it meets that        or wanted and the key is new to its owner, gives
//      the are held, or were listed before           key back, waits in the queue of that range,
//      and
//   4. goes through all keys there are, and      begins again. If one is wanted and the key was
//      waits for those it meets                  held before in a weaker mode, the range is told to
//   5. is listed as held, unless it was told     look again
//      to look again: then back to 3
//
// Either the range finds the key in 4, or the key finds the range in 2.
//
// Threads: any number; a latch for each part of the list. A key in a table of a part without ranges
// costs one load.
#pragma once

#include "../../core/bytes.hpp"
#include "../../platform/guard.hpp"
#include "../../sync/word_latch.hpp"
#include "../mode.hpp"
#include "kept_range.hpp"

#include <vector>

namespace mantis::detail {

template <class Platform>
class lock_ranges {
public:
    [[nodiscard]] bool any(table_id table) const { return part_of(table).count.load() != 0; }

    //   Effects     owner's range is listed as wanted in that mode; a mode it has stays
    void want(const void* owner, const lock_path& path, lock_mode mode) {
        part& at = part_of(path.table());
        const guard hold{at.latch};
        if (entry* const mine = find(at, owner, path); mine != nullptr) {
            mine->wanted = mode;
            return at.entries.move_to_end(*mine);  // as if it came now
        }
        entry& made = at.entries.add();
        made.owner = owner;
        made.range.assign(path);
        made.held = lock_mode::none;
        made.wanted = mode;
        made.look_again = false;
        at.count.fetch_add(1);
    }
    //   Returns     false when it has to look again
    [[nodiscard]] bool have(const void* owner, const lock_path& path) {
        part& at = part_of(path.table());
        const guard hold{at.latch};
        entry& mine = *find(at, owner, path);
        if (std::exchange(mine.look_again, false)) return false;
        mine.held = mine.wanted;
        return true;
    }
    //   Effects     what it wanted and has not got is forgotten
    //   Returns     the mode it had before, which stays
    lock_mode give_up(const void* owner, const lock_path& path) {
        part& at = part_of(path.table());
        const guard hold{at.latch};
        entry* const mine = find(at, owner, path);
        if (mine == nullptr) return lock_mode::none;
        const lock_mode before = mine->held;
        mine->wanted = before;
        if (before == lock_mode::none) erase(at, *mine);
        return before;
    }
    void remove(const void* owner, const lock_path& path) {
        part& at = part_of(path.table());
        const guard hold{at.latch};
        if (entry* const mine = find(at, owner, path); mine != nullptr) erase(at, *mine);
    }

    // A range of another owner that this range has to wait for: `into` names it.
    //   Requires    it is listed
    [[nodiscard]] bool before_range(const void* owner, const lock_path& path, lock_mode mode,
                                    kept_range& into) {
        part& at = part_of(path.table());
        const guard hold{at.latch};
        bool earlier = true;
        for (const entry& other : at.entries) {
            if (other.owner == owner && other.range.path() == path) earlier = false;
            if (other.owner == owner || other.range.table != path.table()) continue;
            const lock_mode theirs = earlier ? supremum(other.held, other.wanted) : other.held;
            if (compatible(theirs, mode) || !path.meets(other.range.path())) continue;
            into.assign(other.range.path());
            return true;
        }
        return false;
    }
    // A range of another owner that a lock on a key has to wait for: `into` names it.
    //   Effects     ranges that are only wanted are told to look again where `converted` says that
    //               the owner had the key before in a weaker mode
    [[nodiscard]] bool before_key(const void* owner, const lock_path& key, lock_mode mode,
                                  bool converted, kept_range& into) {
        part& at = part_of(key.table());
        const guard hold{at.latch};
        for (entry& other : at.entries) {
            if (other.owner == owner || other.range.table != key.table()) continue;
            if (!key.meets(other.range.path())) continue;
            if (compatible(other.held, mode)) {
                if (compatible(other.wanted, mode)) continue;
                if (converted) {
                    other.look_again = true;
                    continue;
                }
            }
            into.assign(other.range.path());
            return true;
        }
        return false;
    }

private:
    struct entry {
        const void* owner;
        kept_range range;
        lock_mode held;
        lock_mode wanted;
        bool look_again;
    };
    // In the order in which they were added; what is erased keeps its storage for the next.
    class entry_list {
    public:
        [[nodiscard]] entry* begin() noexcept { return kept_.data(); }
        [[nodiscard]] entry* end() noexcept { return kept_.data() + count_; }
        [[nodiscard]] entry& add() {
            if (count_ == kept_.size()) kept_.emplace_back();
            return kept_[count_++];
        }
        void move_to_end(entry& moved) noexcept {
            for (entry* at = &moved; at + 1 != end(); ++at) std::swap(at[0], at[1]);
        }
        void erase(entry& gone) noexcept {
            move_to_end(gone);
            --count_;
        }

    private:
        std::vector<entry> kept_;
        std::size_t count_ = 0;
    };
    struct alignas(64) part {
        mutable word_latch<Platform> latch;
        typename Platform::template atomic<std::uint32_t> count{0};
        entry_list entries;
    };
    using guard = lock_guard<word_latch<Platform>>;
    static constexpr std::size_t part_count = 16;

    [[nodiscard]] part& part_of(table_id table) noexcept {
        return parts_[table.value % part_count];
    }
    [[nodiscard]] const part& part_of(table_id table) const noexcept {
        return parts_[table.value % part_count];
    }
    [[nodiscard]] static entry* find(part& at, const void* owner, const lock_path& path) noexcept {
        for (entry& listed : at.entries)
            if (listed.owner == owner && listed.range.path() == path) return &listed;
        return nullptr;
    }
    static void erase(part& at, entry& gone) {
        at.entries.erase(gone);
        at.count.fetch_sub(1);
    }

    part parts_[part_count];
};

}  // namespace mantis::detail
