// SPDX-License-Identifier: BSL-1.0
//
// Which rows there are and which are asked for.
//
// Row i has a key of 8 to 24 bytes and a value of 100. Keys are spread: the first eight bytes are a
// one-to-one mix of i, so that neighbours in i are strangers in key order. A value begins with a
// counter, which modify raises, and a stamp of its row, by which a reader sees that it got the row
// it asked for; the rest does not compress.
//
// zipfian: of n rows, rank r (from 1) is asked for with a probability of 1 / (r^0.99 zeta(n)); the
// ranks are scattered over the rows. latest: the same with the newest row as rank 1.
//   Source      Gray et al., Quickly Generating Billion-Record Synthetic Databases, SIGMOD 1994
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace store_bench {

// One-to-one over 64 bits.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

// Numbers without a pattern, from a seed.
class generator {
public:
    explicit generator(std::uint64_t seed) noexcept : state_{seed} {}

    std::uint64_t next() noexcept { return mix(state_ += 0x9e3779b97f4a7c15); }
    //   Returns     below `bound`
    std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
    //   Returns     at least 0, less than 1
    double fraction() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

private:
    std::uint64_t state_;
};

// --- rows ---

inline constexpr std::size_t value_bytes = 100;
inline constexpr std::size_t least_key_bytes = 8;
inline constexpr std::size_t most_key_bytes = 24;
inline constexpr std::uint64_t mean_row_bytes =
    (least_key_bytes + most_key_bytes) / 2 + value_bytes;
// Rows from this one on are never put.
inline constexpr std::uint64_t first_absent = std::uint64_t{1} << 48;

class key_of {
public:
    explicit key_of(std::uint64_t index) noexcept {
        const std::uint64_t head = mix(index + 1);
        std::uint64_t tail = mix(head);
        size_ = least_key_bytes + tail % (most_key_bytes - least_key_bytes + 1);
        for (std::size_t i = 0; i < 8; ++i) bytes_[i] = static_cast<char>(head >> (56 - 8 * i));
        for (std::size_t i = 8; i < size_; ++i, tail = tail >> 5 | tail << 59)
            bytes_[i] = static_cast<char>('a' + tail % 26);
    }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

private:
    std::array<char, most_key_bytes> bytes_;
    std::size_t size_;
};

[[nodiscard]] constexpr std::uint64_t stamp_of(std::uint64_t index) noexcept {
    return mix(index ^ 0x5354414d50);
}

class value_of {
public:
    // Of row `index`; `version` is any number, and others make other bytes.
    value_of(std::uint64_t index, std::uint64_t version) noexcept {
        const std::uint64_t words[2] = {0, stamp_of(index)};
        std::memcpy(bytes_.data(), words, sizeof words);
        std::uint64_t seed = mix(stamp_of(index) + version);
        for (std::size_t at = sizeof words; at < value_bytes; at += 8, seed = mix(seed + at))
            std::memcpy(bytes_.data() + at, &seed, at + 8 <= value_bytes ? 8 : value_bytes - at);
    }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), value_bytes}; }

private:
    std::array<char, value_bytes> bytes_;
};

[[nodiscard]] inline std::uint64_t word_at(std::string_view value, std::size_t at) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, value.data() + at, sizeof word);
    return word;
}
[[nodiscard]] inline std::uint64_t counter_in(std::string_view value) noexcept {
    return word_at(value, 0);
}
[[nodiscard]] inline std::uint64_t stamp_in(std::string_view value) noexcept {
    return word_at(value, 8);
}
//   Returns     a sum over all bytes
[[nodiscard]] inline std::uint64_t sum_of(std::string_view value) noexcept {
    std::uint64_t sum = value.size();
    std::size_t at = 0;
    for (; at + 8 <= value.size(); at += 8) sum = (sum ^ word_at(value, at)) * 0x9e3779b97f4a7c15;
    for (; at < value.size(); ++at) sum += static_cast<unsigned char>(value[at]);
    return sum;
}

// --- which rows are asked for ---

enum class spread { zipfian, uniform, latest };

[[nodiscard]] constexpr const char* name_of(spread which) noexcept {
    switch (which) {
        case spread::zipfian: return "zipfian";
        case spread::uniform: return "uniform";
        case spread::latest: return "latest";
    }
    return "";
}

class zipfian {
public:
    static constexpr double theta = 0.99;

    //   Requires    count >= 3
    //   Complexity  linear in the count
    explicit zipfian(std::uint64_t count) noexcept : count_{count} {
        for (std::uint64_t i = 1; i <= count; ++i) zeta_ += weight(i);
        eta_ = (1 - std::pow(2.0 / static_cast<double>(count), 1 - theta)) /
               (1 - (1 + weight(2)) / zeta_);
    }
    //   Returns     a rank, from 0, the most frequent
    [[nodiscard]] std::uint64_t next(generator& from) const noexcept {
        const double drawn = from.fraction();
        if (drawn * zeta_ < 1) return 0;
        if (drawn * zeta_ < 1 + weight(2)) return 1;
        const double share = std::pow(eta_ * drawn - eta_ + 1, 1 / (1 - theta));
        const auto rank = static_cast<std::uint64_t>(static_cast<double>(count_) * share);
        return rank < count_ ? rank : count_ - 1;
    }
    //   Returns     the share of all draws that a rank should get
    [[nodiscard]] double probability(std::uint64_t rank) const noexcept {
        return weight(rank + 1) / zeta_;
    }

private:
    static double weight(std::uint64_t number) noexcept {
        return std::pow(static_cast<double>(number), -theta);
    }

    std::uint64_t count_;
    double zeta_ = 0;
    double eta_ = 0;
};

//   Returns     the row of that rank: ranks are scattered over the rows, where two may meet
[[nodiscard]] constexpr std::uint64_t scattered(std::uint64_t rank, std::uint64_t count) noexcept {
    return mix(rank ^ 0x7a697066) % count;
}

// Draws made beforehand, so that drawing is no part of what is timed.
//   Requires    fewer than 2^32 rows
class draws {
public:
    static constexpr std::size_t count = std::size_t{1} << 20;

    draws(spread how, std::uint64_t rows) {
        drawn_.reserve(count);
        generator random{static_cast<std::uint64_t>(how) + 1};
        const zipfian ranks{how == spread::uniform ? 3 : rows};
        for (std::size_t i = 0; i < count; ++i) drawn_.push_back(draw(how, rows, ranks, random));
    }
    //   Returns     a row; for spread::latest, how many rows before the newest
    [[nodiscard]] std::uint32_t operator[](std::size_t i) const noexcept {
        return drawn_[i % count];
    }

private:
    static std::uint32_t draw(spread how, std::uint64_t rows, const zipfian& ranks,
                              generator& random) {
        switch (how) {
            case spread::uniform: return static_cast<std::uint32_t>(random.below(rows));
            case spread::latest: return static_cast<std::uint32_t>(ranks.next(random));
            case spread::zipfian: break;
        }
        return static_cast<std::uint32_t>(scattered(ranks.next(random), rows));
    }

    std::vector<std::uint32_t> drawn_;
};

// --- what is done ---

struct operations {  // in percent
    unsigned read = 0;
    unsigned update = 0;
    unsigned insert = 0;
    unsigned scan = 0;
    unsigned modify = 0;
    bool absent = false;  // reads ask for rows that are not there
};
inline constexpr std::size_t longest_scan = 100;

}  // namespace store_bench
