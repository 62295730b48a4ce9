// SPDX-License-Identifier: BSL-1.0
//
// Counts values by size while many threads record: waits in nanoseconds, record sizes in bytes.
//
// For distributions whose tail matters. What it reports is never below the truth and above it by
// less than one part in 2^StepBits: 6.25 percent with 16 steps in each power of two, 25 percent
// with 4; see histogram_snapshot.hpp for the buckets and the range.
//
//   type                          bytes, on posix   for
//   histogram<P>                  19'200            a hot one of its own, such as commit latency
//   histogram<P, 1>                4'768            the same, when few threads record at once
//   small_histogram<P>             1'280            a member of an object of which there are many
//
// Invariants, for a snapshot that is taken while others record:
//   1. a value is counted in its bucket before it is in the sum, and raises the maximum before it
//      is counted; what a snapshot says is in that order consistent
//   2. nothing is lost: each step is one atomic addition
//
// Threads: any number. record() is two fetch_adds on lines that only threads of the same shard
// write, and a load for the maximum.
#pragma once

#include "../platform/platform.hpp"
#include "histogram_snapshot.hpp"

namespace mantis {

template <class Platform, std::size_t Shards = 4, unsigned StepBits = 4>
class histogram {
public:
    static constexpr histogram_layout layout{StepBits};
    static_assert(Shards > 0 && (Shards & (Shards - 1)) == 0,
                  "mantis: histogram<Platform, Shards>: Shards is not a power of two");
    static_assert(StepBits <= histogram_layout::max_step_bits,
                  "mantis: histogram<Platform, Shards, StepBits>: StepBits is over 8");

    histogram() noexcept = default;
    histogram(const histogram&) = delete;
    histogram& operator=(const histogram&) = delete;

    void record(std::uint64_t value) {
        shard& mine = shards_[Shards == 1 ? 0 : Platform::parking::thread_number() & (Shards - 1)];
        std::uint64_t seen = mine.max.load(Platform::memory_order::relaxed);
        while (value > seen &&
               !mine.max.compare_exchange_weak(seen, value, Platform::memory_order::relaxed)) {}
        mine.buckets[layout.bucket_of(value)].fetch_add(1, Platform::memory_order::release);
        mine.sum.fetch_add(value, Platform::memory_order::release);
    }

    //   Returns     what was recorded before this call, and perhaps some of what is meanwhile
    [[nodiscard]] histogram_snapshot snapshot() const {
        histogram_snapshot taken{layout};
        for (const shard& each : shards_) {
            taken.add_sum(each.sum.load(Platform::memory_order::acquire));
            for (std::size_t i = 0; i < layout.bucket_count(); ++i) {
                const std::uint64_t times = each.buckets[i].load(Platform::memory_order::acquire);
                if (times != 0) taken.add_bucket(i, times);
            }
            taken.raise_maximum(each.max.load(Platform::memory_order::relaxed));
        }
        return taken;
    }

private:
    using number = typename Platform::template atomic<std::uint64_t>;

    // A lone shard is no larger and no more aligned than what is in it.
    struct alignas(Shards == 1 ? alignof(number) : 64) shard {
        number sum{0};
        number max{0};
        number buckets[layout.bucket_count()] = {};
    };
    static_assert(sizeof(number) != 8 || Shards != 1 ||
                  sizeof(shard) == 16 + 8 * layout.bucket_count());

    shard shards_[Shards];
};

// Four steps in a power of two, and one shard.
template <class Platform>
using small_histogram = histogram<Platform, 1, 2>;

}  // namespace mantis
