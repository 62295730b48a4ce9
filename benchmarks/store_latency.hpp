// SPDX-License-Identifier: BSL-1.0
//
// How long calls took: counts by size, within 3 % of the value, in constant memory.
//
// Threads: one; several are added up when they are done.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace store_bench {

class latencies {
public:
    void add(std::uint64_t ns) noexcept {
        ++counts_[place_of(ns)];
        ++all_;
        if (ns > longest_) longest_ = ns;
    }
    void add(const latencies& more) noexcept {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += more.counts_[i];
        all_ += more.all_;
        if (more.longest_ > longest_) longest_ = more.longest_;
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return all_; }
    [[nodiscard]] std::uint64_t longest_ns() const noexcept { return longest_; }
    //   Requires    0 < share <= 1
    //   Returns     what that share of all did not exceed, in microseconds; 0 of none
    [[nodiscard]] double quantile_us(double share) const noexcept {
        const double enough = share * static_cast<double>(all_);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen > 0 && static_cast<double>(seen) >= enough) return middle_of(i) / 1000;
        }
        return 0;
    }

private:
    static constexpr unsigned bits = 5;  // each power of two is parted into 32
    static constexpr std::uint64_t parts = std::uint64_t{1} << bits;

    // Below `parts` each number has a place; above, a power of two has `parts` of them.
    static std::size_t place_of(std::uint64_t ns) noexcept {
        if (ns < parts) return ns;
        const auto power = static_cast<unsigned>(std::bit_width(ns)) - 1 - bits;
        return (power + 1) * parts + (ns >> power) - parts;
    }
    static double middle_of(std::size_t place) noexcept {
        if (place < parts) return static_cast<double>(place);
        const std::uint64_t power = place / parts - 1;
        const std::uint64_t least = (place % parts + parts) << power;
        return static_cast<double>(least) + static_cast<double>(std::uint64_t{1} << power) / 2;
    }

    std::array<std::uint32_t, (65 - bits) * parts> counts_{};
    std::uint64_t all_ = 0;
    std::uint64_t longest_ = 0;
};

}  // namespace store_bench
