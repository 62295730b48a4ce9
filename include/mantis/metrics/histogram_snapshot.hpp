// SPDX-License-Identifier: BSL-1.0
//
// How often which values were seen: the buckets of a histogram, and a copy of one that stays as it
// is.
//
// Buckets are log-linear: 2^step_bits steps of equal width in each power of two.
//
//   bucket        holds, with 2^step_bits = 16 steps
//   0             0
//   1 - 32        one value each, 1 to 32
//   33 - 48       two values each: (32, 34], (34, 36], ... (62, 64]
//   49 - 64       four values each: (64, 68], ...
//   ...
//   592           (2^40 - 2^35, 2^40], the end of the range
//   593           all above: 18 minutes in nanoseconds, 1 TiB in bytes
//
// An upper bound belongs to its bucket, so that every power of two is a bound that counts "up to
// and including". A coarser layout joins whole buckets of a finer one.
//
// Invariants of a snapshot:
//   1. count() is the sum of its buckets
//   2. maximum() is at least every value counted; where it was taken while others recorded, one
//      that is not counted yet may be greater
//   3. sum() is of values that are counted, modulo 2^64; where it was taken while others recorded,
//      not of all
//
// Threads: like an int: any number of readers, or one writer.
#pragma once

#include "../core/check.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace mantis {

struct histogram_layout {
    // Values above 2^range_bits go to the last bucket.
    static constexpr unsigned range_bits = 40;
    static constexpr unsigned max_step_bits = 8;

    // What is reported for a value is more than the value by less than value / 2^step_bits.
    unsigned step_bits = 4;

    [[nodiscard]] constexpr std::size_t bucket_count() const noexcept { return last_bucket() + 1; }
    [[nodiscard]] constexpr std::size_t last_bucket() const noexcept {
        return (std::size_t{range_bits + 1 - step_bits} << step_bits) + 1;
    }
    [[nodiscard]] constexpr std::size_t bucket_of(std::uint64_t value) const noexcept {
        if (value == 0) return 0;
        if (value > std::uint64_t{1} << range_bits) return last_bucket();
        const std::uint64_t below = value - 1;
        const unsigned bits = static_cast<unsigned>(std::bit_width(below | least_steps()));
        const unsigned shift = bits - step_bits - 1;
        return (std::size_t{shift} << step_bits) + static_cast<std::size_t>(below >> shift) + 1;
    }
    //   Requires    bucket < bucket_count()
    //   Returns     the greatest value of that bucket
    [[nodiscard]] constexpr std::uint64_t upper_bound(std::size_t bucket) const noexcept {
        if (bucket == 0) return 0;
        if (bucket == last_bucket()) return UINT64_MAX;
        const std::size_t below = bucket - 1;
        if (below <= least_steps()) return bucket;
        const unsigned shift = static_cast<unsigned>(below >> step_bits) - 1;
        const std::uint64_t step = below - (std::size_t{shift} << step_bits);
        return (step + 1) << shift;
    }

    [[nodiscard]] friend bool operator==(const histogram_layout&,
                                         const histogram_layout&) noexcept = default;

private:
    // Of the values less one, those up to here have a bucket each.
    [[nodiscard]] constexpr std::uint64_t least_steps() const noexcept {
        return (std::uint64_t{2} << step_bits) - 1;
    }
};

static_assert(histogram_layout{4}.bucket_count() == 594);
static_assert(histogram_layout{2}.bucket_count() == 158);
static_assert(histogram_layout{4}.bucket_of(32) == 32 && histogram_layout{4}.bucket_of(33) == 33);
static_assert(histogram_layout{4}.bucket_of(std::uint64_t{1} << 40) == 592);
static_assert(histogram_layout{4}.upper_bound(592) == std::uint64_t{1} << 40);

class histogram_snapshot {
public:
    histogram_snapshot() noexcept = default;
    //   Requires    layout.step_bits <= histogram_layout::max_step_bits
    explicit histogram_snapshot(histogram_layout layout) : layout_{layout} {
        check(layout.step_bits <= histogram_layout::max_step_bits,
              "a histogram of more than 2^8 steps in a power of two");
    }

    [[nodiscard]] histogram_layout layout() const noexcept { return layout_; }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
    [[nodiscard]] std::uint64_t maximum() const noexcept { return maximum_; }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

    // The value below or at which the part `part` of all lies: 0.5 is the median, 0.99 leaves one
    // in a hundred above.
    //   Returns     the upper bound of the bucket of the value of rank ceil(part * count()), and no
    //               more than maximum(): never less than the exact value v, and more than it by
    //               less than v / 2^step_bits, up to the end of the range; 0 when empty
    [[nodiscard]] std::uint64_t quantile(double part) const noexcept {
        const std::uint64_t rank = rank_of(part);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i];
            if (seen < rank) continue;
            const std::uint64_t bound = layout_.upper_bound(i);
            return bound < maximum_ ? bound : maximum_;
        }
        return maximum_;
    }
    //   Returns     how many values are known to be at most `value`: exact where that is an upper
    //               bound of a bucket, as powers of two up to the end of the range are
    [[nodiscard]] std::uint64_t count_up_to(std::uint64_t value) const noexcept {
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size() && layout_.upper_bound(i) <= value; ++i)
            seen += buckets_[i];
        return seen;
    }
    // Calls visit(above, up_to, count) for each bucket that holds something, upwards: values v with
    // above < v <= up_to. The bucket of 0 alone has both bounds 0.
    template <class Visit>
    void each_bucket(Visit&& visit) const {
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            if (buckets_[i] != 0)
                visit(i == 0 ? std::uint64_t{0} : layout_.upper_bound(i - 1),
                      layout_.upper_bound(i), buckets_[i]);
    }

    // Counts a value, for those who keep their numbers in a snapshot and show it.
    void record(std::uint64_t value, std::uint64_t times = 1) {
        if (times == 0) return;
        add_bucket(layout_.bucket_of(value), times);
        sum_ += value * times;
        if (value > maximum_) maximum_ = value;
    }
    //   Effects     holds what both held; the coarser of the two layouts stays
    void add(const histogram_snapshot& other) {
        if (other.layout_.step_bits < layout_.step_bits) coarsen(other.layout_);
        for (std::size_t i = 0; i < other.buckets_.size(); ++i)
            if (other.buckets_[i] != 0)
                add_bucket(layout_.bucket_of(other.layout_.upper_bound(i)), other.buckets_[i]);
        add_sum(other.sum_);
        raise_maximum(other.maximum_);
    }

    // The parts of which a histogram makes its snapshot.
    //   Requires    bucket < layout().bucket_count()
    void add_bucket(std::size_t bucket, std::uint64_t times) {
        check(bucket < layout_.bucket_count(), "a histogram has no bucket of that number");
        if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
        buckets_[bucket] += times;
        count_ += times;
    }
    void add_sum(std::uint64_t more) noexcept { sum_ += more; }
    void raise_maximum(std::uint64_t value) noexcept {
        if (value > maximum_) maximum_ = value;
    }

    [[nodiscard]] friend bool operator==(const histogram_snapshot&,
                                         const histogram_snapshot&) = default;

private:
    //   Returns     in [1, count_], or 0 when empty
    [[nodiscard]] std::uint64_t rank_of(double part) const noexcept {
        const double exact = part * static_cast<double>(count_);
        if (!(exact > 1)) return count_ == 0 ? 0 : 1;  // also for what is no number
        if (exact >= static_cast<double>(count_)) return count_;
        const auto floor = static_cast<std::uint64_t>(exact);
        return static_cast<double>(floor) < exact ? floor + 1 : floor;
    }
    void coarsen(histogram_layout layout) {
        histogram_snapshot coarse{layout};
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            if (buckets_[i] != 0)
                coarse.add_bucket(layout.bucket_of(layout_.upper_bound(i)), buckets_[i]);
        layout_ = layout;
        buckets_ = std::move(coarse.buckets_);
    }

    histogram_layout layout_;
    std::vector<std::uint64_t> buckets_;  // ends with the last that holds something
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t maximum_ = 0;
};

}  // namespace mantis
