// SPDX-License-Identifier: BSL-1.0
//
// What is done to one open database: rows are loaded, slices of a workload run, rows counted.
#pragma once

#include "store.hpp"
#include "store_workload.hpp"

#include <atomic>

namespace store_bench {

// Made once, before any process is begun; all of them share the memory.
struct tables_of_draws {
    explicit tables_of_draws(std::uint64_t rows)
        : zipfian{spread::zipfian, rows},
          uniform{spread::uniform, rows},
          latest{spread::latest, rows} {}
    [[nodiscard]] const draws& of(spread which) const {
        if (which == spread::uniform) return uniform;
        return which == spread::latest ? latest : zipfian;
    }

    //   Effects     all of it is in the memory of this process
    //   Returns     anything
    [[nodiscard]] std::uint64_t touch() const {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < draws::count; ++i) sum += zipfian[i] + uniform[i] + latest[i];
        return sum;
    }

    draws zipfian;
    draws uniform;
    draws latest;
};

struct slice {
    operations mix;
    spread asked = spread::zipfian;
    unsigned threads = 1;
    double seconds = 1;
    double arrivals_per_s = 0;  // 0: each thread begins the next one when it has an answer
    std::uint64_t seed = 0;
};

// Of a slice. A gap is the longest that one thread had no answer.
struct sliced {
    double ops_per_s = 0;
    double p50_us = 0;
    double p99_us = 0;
    double p999_us = 0;
    double max_gap_ms = 0;
    std::uint64_t conflicts = 0;
    std::uint64_t user_bytes = 0;  // of keys and values that were put
};

struct totals {
    std::uint64_t rows = 0;
    std::uint64_t sum = 0;  // over keys and values
    bool operator==(const totals&) const = default;
};

class driver {
public:
    //   Requires    all outlive the driver; the database holds rows 0 ... rows - 1, or none if that
    //               is 0
    driver(database& of, const tables_of_draws& drawn, std::uint64_t rows)
        : of_{of}, drawn_{drawn}, rows_{rows} {}

    // Puts rows 0 ... rows - 1, many to a commit; the keys of a commit are anywhere among all.
    void load(std::uint64_t rows);
    // Puts these, each by a commit of its own.
    sliced load(const std::vector<std::uint32_t>& order, unsigned threads);
    sliced run(const slice& what);
    // Erases nine rows of ten, a thousand to a commit.
    //   Requires    nothing is run after it
    void erase_most();
    //   Returns     what is there now
    [[nodiscard]] totals count();
    //   Returns     how many rows should be there
    [[nodiscard]] std::uint64_t rows() const { return rows_ - erased_; }

private:
    struct worker;

    void work(worker& one, const slice& what);
    void operate(worker& one, const slice& what);
    std::uint64_t row_of(worker& one, const slice& what);
    void connect(unsigned count);
    sliced sum_up(std::vector<worker>& all, double seconds) const;

    database& of_;
    const tables_of_draws& drawn_;
    std::atomic<std::uint64_t> rows_;
    std::uint64_t erased_ = 0;
    std::vector<std::unique_ptr<session>> sessions_;  // kept, with what they cache
};

// Rows that must be there, and are the right ones.
class expecting final : public visitor {
public:
    void see(std::string_view key, std::string_view value) override {
        if (value.size() != value_bytes) measure::give_up("a value of another size");
        sum_ += sum_of(value);
        stamp_ = stamp_in(value);
        key_bytes_ += key.size();
    }
    [[nodiscard]] std::uint64_t stamp() const { return stamp_; }
    [[nodiscard]] std::uint64_t sum() const { return sum_; }

private:
    std::uint64_t sum_ = 0;
    std::uint64_t stamp_ = 0;
    std::uint64_t key_bytes_ = 0;
};

// Raises the counter in a value.
class counting final : public changer {
public:
    void change(std::string& value) override {
        const std::uint64_t next = counter_in(value) + 1;
        std::memcpy(value.data(), &next, sizeof next);
    }
};

}  // namespace store_bench
