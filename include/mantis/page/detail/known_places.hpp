// SPDX-License-Identifier: BSL-1.0
//
// Where entries were found lately: in which frame, at which version of it, and where there. Who
// looks for one of them again need not go down its tree.
//
// A bucket is a line of the cache, with two places and a latch for both, so that what is read of a
// place is of one writer. Who cannot have the latch at once notes nothing. A place may be of
// another entry, or old: who uses one looks whether the frame has that version still, and then
// whether the entry is the right one.
//
//   bucket   latch | name, where, version | name, where, version
//   name     tree, 40 bits | 24 bits of the key's hash
//   where    frame, 32 bits | slot, 16 bits | offset, 16 bits
//
// Where rows are asked for evenly, and are many more than the places, looking is in vain: it costs
// a line that is in no cache. So each thread has a credit, which what is found raises and what is
// not lowers; without any it looks now and then only.
//
// Threads: any number. Looking writes to a line of the thread's own, which is shared where there
// are many threads.
#pragma once

#include "../../sync/optimistic_latch.hpp"

#include <vector>

namespace mantis {

// What is looked for: an entry of a tree.
struct place_name {
    std::uint64_t tree = 0;  // the number of its root
    std::uint64_t hash = 0;  // of the key
};

namespace detail {

struct known_place {
    std::uint32_t frame = 0;
    std::uint16_t slot = 0;
    std::uint16_t offset = 0;  // in the page: where what is read of the entry begins, about
    optimistic_version seen = {};
};

template <class Platform>
class known_places {
    using word = typename Platform::template atomic<std::uint64_t>;
    struct noted_place {
        word name{0};
        word where{0};
        word version{0};
    };
    struct alignas(64) bucket {
        optimistic_latch<Platform> latch;
        noted_place of[2];
    };

public:
    static constexpr std::size_t bucket_bytes = sizeof(bucket);

    explicit known_places(std::size_t buckets) : buckets_(buckets) {}

    // Whether this thread should look; and if so, and it found nothing, note what it finds.
    [[nodiscard]] bool worth_looking() {
        thread_line& own = own_line();
        const std::uint32_t turn = own.turn.load(orders::relaxed) + 1;
        own.turn.store(turn, orders::relaxed);
        return turn % seldom == 0 || own.credit.load(orders::relaxed) != 0;
    }
    void looked(bool in_vain) {
        auto& credit = own_line().credit;
        const std::uint32_t now = credit.load(orders::relaxed);
        if (in_vain && now != 0) credit.store(now - 1, orders::relaxed);
        if (!in_vain && now < most_credit) credit.store(now + worth, orders::relaxed);
    }
    //   Returns     whether one is known by that name
    [[nodiscard]] bool find(place_name name, known_place& into) const {
        const bucket& in = bucket_of(name);
        const optimistic_start start = in.latch.try_begin();
        if (!start) return false;
        const std::uint64_t wanted = word_of(name);
        for (const noted_place& each : in.of) {
            if (each.name.load(orders::acquire) != wanted) continue;
            const std::uint64_t where = each.where.load(orders::acquire);
            into = {static_cast<std::uint32_t>(where >> 32),
                    static_cast<std::uint16_t>(where >> 16),
                    static_cast<std::uint16_t>(where),
                    {each.version.load(orders::acquire)}};
            return in.latch.validate(start.seen);
        }
        return false;
    }
    //   Effects     the place is known by that name, if it was before. Not all new ones: what is
    //               asked for often comes in soon, and the rest costs little
    void note(place_name name, const known_place& place) {
        bucket& in = bucket_of(name);
        const std::uint64_t wanted = word_of(name);
        const bool first = in.of[0].name.load(orders::relaxed) == wanted;
        const bool second = in.of[1].name.load(orders::relaxed) == wanted;
        if (!first && !second && own_line().turn.load(orders::relaxed) / seldom % 4 != 0) return;
        if (!in.latch.try_lock()) return;
        // A new one takes the place of the first, which becomes the second.
        if (!second && !first) {
            in.of[1].name.store(in.of[0].name.load(orders::relaxed), orders::release);
            in.of[1].where.store(in.of[0].where.load(orders::relaxed), orders::release);
            in.of[1].version.store(in.of[0].version.load(orders::relaxed), orders::release);
        }
        noted_place& into = in.of[second ? 1 : 0];
        into.name.store(wanted, orders::release);
        into.where.store(
            std::uint64_t{place.frame} << 32 | std::uint64_t{place.slot} << 16 | place.offset,
            orders::release);
        into.version.store(place.seen.bits, orders::release);
        in.latch.unlock();
    }

private:
    using orders = typename Platform::memory_order;

    static constexpr unsigned hash_bits = 24;
    static constexpr std::uint32_t seldom = 16;          // one of so many, without credit
    static constexpr std::uint32_t worth = 4;            // what is found, in looks in vain
    static constexpr std::uint32_t most_credit = 32768;  // and at first
    static constexpr std::size_t shards = 16;

    struct alignas(64) thread_line {
        typename Platform::template atomic<std::uint32_t> turn{0};
        typename Platform::template atomic<std::uint32_t> credit{most_credit};
    };
    [[nodiscard]] thread_line& own_line() {
        return of_threads_[Platform::parking::thread_number() % shards];
    }

    // Never 0, as no page has that number.
    [[nodiscard]] static std::uint64_t word_of(place_name name) noexcept {
        return name.tree << hash_bits | (name.hash & ((std::uint64_t{1} << hash_bits) - 1));
    }
    [[nodiscard]] const bucket& bucket_of(place_name name) const noexcept {
        return buckets_[((name.hash >> 32) * buckets_.size()) >> 32];
    }
    [[nodiscard]] bucket& bucket_of(place_name name) noexcept {
        return buckets_[((name.hash >> 32) * buckets_.size()) >> 32];
    }

    std::vector<bucket> buckets_;
    thread_line of_threads_[shards];
};

}  // namespace detail

}  // namespace mantis
