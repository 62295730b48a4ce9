// SPDX-License-Identifier: BSL-1.0
//
// The self-test: do the databases, as they are used here, hold what was put, and are the rows asked
// for as they should be?
//
// A database is changed at random by one thread, beside a map, and compared with it: each answer,
// all rows at the end, and all rows when it was closed and opened again. Then threads raise the
// same few counters at once, and none of that may be lost. So that this is known to find faults,
// it is also asked about a map behind a lock that has one of several.
#include "crew.hpp"
#include "store_latency.hpp"
#include "store_process.hpp"

#include <map>
#include <mutex>

namespace store_bench {

namespace {

using model = std::map<std::string, std::string, std::less<>>;

// Says what was wrong, if it was.
bool expect(bool fine, const std::string& who, const char* what) {
    if (!fine) std::printf("  %s: %s\n", who.c_str(), what);
    return fine;
}

class collecting final : public visitor {
public:
    void see(std::string_view key, std::string_view value) override {
        rows.emplace_back(key, value);
    }
    std::vector<std::pair<std::string, std::string>> rows;
};

// --- one thread and a map ---

class twin {
public:
    twin(std::string who, database& of) : who_{std::move(who)}, at_{of.connect()} {}

    bool change_and_ask(unsigned steps) {
        load();
        for (unsigned i = 0; i < steps; ++i)
            if (!step()) return false;
        return true;
    }
    [[nodiscard]] const model& expected() const { return expected_; }

private:
    static constexpr std::uint64_t rows = 500;

    void load() {
        std::vector<key_of> keys;
        std::vector<value_of> values;
        std::vector<row> all;
        for (std::uint64_t i = 0; i < rows / 2; ++i) {
            keys.emplace_back(i);
            values.emplace_back(i, 0);
        }
        for (std::size_t i = 0; i < keys.size(); ++i) {
            all.push_back({keys[i].view(), values[i].view()});
            expected_[std::string{keys[i].view()}] = values[i].view();
        }
        at_->put_all(all);
    }
    bool step() {
        const std::uint64_t index = random_.below(rows);
        const key_of key{index};
        switch (random_.below(5)) {
            case 0: return put(index, key.view());
            case 4: return erase(key.view());
            case 1: return read(key.view());
            case 2: return modify(key.view());
            default: return scan(key.view());
        }
    }
    bool put(std::uint64_t index, std::string_view key) {
        const value_of value{index, random_.next()};
        at_->put(key, value.view());
        expected_[std::string{key}] = value.view();
        return true;
    }
    bool read(std::string_view key) {
        collecting seen;
        const bool found = at_->read(key, seen);
        const auto own = expected_.find(key);
        if (own == expected_.end())
            return expect(!found && seen.rows.empty(), who_, "found a row that nobody put");
        return expect(found && seen.rows.size() == 1 && seen.rows[0].second == own->second, who_,
                      "read another value than was put");
    }
    bool modify(std::string_view key) {
        counting raise;
        const auto own = expected_.find(key);
        if (own != expected_.end()) raise.change(own->second);
        return expect(at_->modify(key, raise) == (own != expected_.end()), who_,
                      "does not know which row there is to modify");
    }
    // A row that is there, and the one behind it.
    bool erase(std::string_view from) {
        std::vector<std::string> keys;
        for (auto own = expected_.lower_bound(from); own != expected_.end() && keys.size() < 2;
             own = expected_.erase(own))
            keys.push_back(own->first);
        const std::vector<std::string_view> views{keys.begin(), keys.end()};
        if (!views.empty()) at_->erase_all(views);
        return true;
    }
    bool scan(std::string_view from) {
        const std::size_t most = 1 + random_.below(longest_scan);
        collecting seen;
        const std::size_t count = at_->scan(from, most, seen);
        auto own = expected_.lower_bound(from);
        bool fine = count == seen.rows.size() && count <= most;
        for (const auto& each : seen.rows) {
            fine = fine && own != expected_.end() && each.first == own->first &&
                   each.second == own->second;
            if (!fine) break;
            ++own;
        }
        return expect(fine && (count == most || own == expected_.end()), who_,
                      "scanned other rows than were put");
    }

    std::string who_;
    std::unique_ptr<session> at_;
    model expected_;
    generator random_{42};
};

bool holds(const std::string& who, database& of, const model& expected, const char* what) {
    collecting seen;
    (void)of.connect()->scan({"\0", 1}, expected.size() + 1, seen);
    return expect(std::equal(seen.rows.begin(), seen.rows.end(), expected.begin(), expected.end(),
                             [](const auto& a, const auto& b) {
                                 return a.first == b.first && a.second == b.second;
                             }),
                  who, what);
}

// --- several threads ---

constexpr unsigned threads = 4;

bool counts_together(const std::string& who, database& of, unsigned steps) {
    constexpr std::uint64_t counters = 4;
    std::vector<std::unique_ptr<session>> all;
    for (unsigned i = 0; i < threads; ++i) all.push_back(of.connect());
    for (std::uint64_t i = 0; i < counters; ++i)
        all[0]->put(key_of{i}.view(), value_of{i, 0}.view());
    measure::together(threads, false, [&](unsigned number) {
        generator random{number};
        counting raise;
        for (unsigned i = 0; i < steps; ++i)
            (void)all[number]->modify(key_of{random.below(counters)}.view(), raise);
    });
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < counters; ++i) {
        collecting seen;
        if (all[0]->read(key_of{i}.view(), seen)) sum += counter_in(seen.rows[0].second);
    }
    return expect(sum == std::uint64_t{threads} * steps, who, "lost an update of several threads");
}

bool check(const contender& who, promise promised, unsigned steps) {
    const std::string name = who.name + ", " + name_of(promised);
    const setup how{measure::fresh_directory("check"), promised, 64 << 20, 1 << 20, threads + 1};
    model expected;
    {
        const auto opened = who.open(how);
        {
            twin both{name, *opened};
            if (!both.change_and_ask(steps)) return false;
            expected = both.expected();
        }
        if (!holds(name, *opened, expected, "holds other rows than were put")) return false;
    }
    const auto opened = who.open(how);
    return holds(name, *opened, expected, "holds other rows when it was opened again") &&
           counts_together(name, *opened, steps / 8);
}

// --- a database with faults ---

enum class fault {
    none,
    forgets_puts,
    forgets_in_batch,
    keeps_erased,
    reads_old,
    skips_in_scans,
    tears_modify,
    loses_at_close
};

// A map behind a lock, kept by the contender so that it can be opened again.
class faulty_session final : public session {
public:
    faulty_session(model& rows, std::mutex& alone, fault has)
        : rows_{rows}, alone_{alone}, has_{has} {}

    bool read(std::string_view key, visitor& by) override {
        const std::lock_guard<std::mutex> hold{alone_};
        const auto at = rows_.find(key);
        if (at == rows_.end()) return false;
        const bool old = has_ == fault::reads_old && happens();
        by.see(key, old ? value_of{1, 1}.view() : std::string_view{at->second});
        return true;
    }
    void put(std::string_view key, std::string_view value) override {
        const std::lock_guard<std::mutex> hold{alone_};
        if (has_ != fault::forgets_puts || !happens()) rows_[std::string{key}] = value;
    }
    void put_all(std::span<const row> rows) override {
        const std::lock_guard<std::mutex> hold{alone_};
        for (const row& each : rows)
            if (has_ != fault::forgets_in_batch || !happens())
                rows_[std::string{each.key}] = each.value;
    }
    void erase_all(std::span<const std::string_view> keys) override {
        const std::lock_guard<std::mutex> hold{alone_};
        for (const std::string_view key : keys)
            if (has_ != fault::keeps_erased || !happens()) rows_.erase(std::string{key});
    }
    std::size_t scan(std::string_view from, std::size_t most, visitor& by) override {
        const std::lock_guard<std::mutex> hold{alone_};
        std::size_t seen = 0;
        for (auto at = rows_.lower_bound(from); at != rows_.end() && seen < most; ++at) {
            if (has_ == fault::skips_in_scans && happens()) continue;
            by.see(at->first, at->second);
            ++seen;
        }
        return seen;
    }
    bool modify(std::string_view key, changer& by) override {
        std::unique_lock<std::mutex> hold{alone_};
        const auto at = rows_.find(key);
        if (at == rows_.end()) return false;
        std::string value = at->second;
        if (has_ == fault::tears_modify) {
            hold.unlock();
            std::this_thread::yield();
            hold.lock();
        }
        by.change(value);
        at->second = value;
        return true;
    }

private:
    bool happens() { return ++calls_ % 100 == 0; }

    model& rows_;
    std::mutex& alone_;
    fault has_;
    unsigned calls_ = 0;
};

class faulty_database final : public database {
public:
    faulty_database(model& rows, fault has) : rows_{rows}, has_{has} {}
    ~faulty_database() override {
        if (has_ == fault::loses_at_close && !rows_.empty()) rows_.erase(rows_.begin());
    }
    [[nodiscard]] std::unique_ptr<session> connect() override {
        return std::make_unique<faulty_session>(rows_, alone_, has_);
    }

private:
    model& rows_;
    fault has_;
    std::mutex alone_;
};

bool judges_faults() {
    struct title {
        fault has;
        const char* name;
    };
    bool fine = true;
    for (const title& each :
         {title{fault::none, "a map without faults"},
          title{fault::forgets_puts, "a map that forgets puts"},
          title{fault::forgets_in_batch, "a map that forgets in a batch"},
          title{fault::keeps_erased, "a map that keeps what was erased"},
          title{fault::reads_old, "a map that reads an old value"},
          title{fault::skips_in_scans, "a map that skips rows in scans"},
          title{fault::tears_modify, "a map that tears modify"},
          title{fault::loses_at_close, "a map that loses a row at its close"}}) {
        std::printf("%s:\n", each.name);
        model rows;
        const contender who{each.name, measure::role::peer, "", true, [&](const setup&) {
                                return std::make_unique<faulty_database>(rows, each.has);
                            }};
        // Enough steps for threads to meet.
        const bool passed = check(who, promise::buffered, 40'000);
        const bool right = passed == (each.has == fault::none);
        std::printf("  %s\n",
                    right ? (passed ? "passes" : "is refused, as it should") : "MISJUDGED");
        fine = fine && right;
    }
    return fine;
}

// --- which rows are asked for ---

// Each rank is drawn about as often as its probability says: the first ones each, the others in
// doubling ranges. The method is an approximation, whose own error is at most a tenth.
bool draws_zipfian() {
    constexpr std::uint64_t count = 10'000;
    constexpr std::uint64_t tries = 1'000'000;
    const zipfian ranks{count};
    generator random{3};
    std::vector<std::uint64_t> drawn(count);
    for (std::uint64_t i = 0; i < tries; ++i) ++drawn[ranks.next(random)];
    bool fine = true;
    for (std::uint64_t first = 0; first < count; first = 2 * first + 1) {
        double expected = 0;
        double got = 0;
        for (std::uint64_t rank = first; rank < std::min(count, 2 * first + 1); ++rank) {
            expected += ranks.probability(rank) * tries;
            got += static_cast<double>(drawn[rank]);
        }
        fine = fine && std::abs(got - expected) < expected / 10 + 5 * std::sqrt(expected);
    }
    return expect(fine, "zipfian", "ranks are not drawn as often as they should");
}

bool draws_rows() {
    constexpr std::uint64_t rows = 1000;
    const tables_of_draws drawn{rows};
    std::vector<double> uniform(rows);
    std::vector<double> zipf(rows);
    bool in_range = true;
    for (std::size_t i = 0; i < draws::count; ++i) {
        for (const spread each : {spread::zipfian, spread::uniform, spread::latest})
            in_range = in_range && drawn.of(each)[i] < rows;
        if (!in_range) break;
        ++uniform[drawn.uniform[i]];
        ++zipf[drawn.zipfian[i]];
    }
    const double mean = static_cast<double>(draws::count) / rows;
    bool even = true;
    for (const double each : uniform) even = even && std::abs(each - mean) < 6 * std::sqrt(mean);
    const auto hot =
        static_cast<std::size_t>(std::max_element(zipf.begin(), zipf.end()) - zipf.begin());
    return expect(in_range, "draws", "a row that is not there") &&
           expect(even, "uniform", "rows are not drawn equally often") &&
           expect(hot == scattered(0, rows) && zipf[hot] > mean * 50, "zipfian",
                  "the first rank is not the hottest row");
}

bool makes_keys() {
    model seen;
    std::vector<unsigned> sizes(most_key_bytes + 1);
    bool sound = true;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        const key_of key{i};
        sound = sound && key.view().size() >= least_key_bytes &&
                key.view().size() <= most_key_bytes && key.view() == key_of{i}.view() &&
                seen.emplace(key.view(), "").second &&
                stamp_in(value_of{i, i}.view()) == stamp_of(i);
        if (sound) ++sizes[key.view().size()];
    }
    for (std::size_t size = least_key_bytes; size <= most_key_bytes; ++size)
        sound = sound && sizes[size] > 0;
    return expect(sound, "keys", "are not different, or not of all sizes");
}

bool tells_latencies() {
    latencies all;
    for (std::uint64_t ns = 1; ns <= 1'000'000; ++ns) all.add(ns);
    bool near = all.count() == 1'000'000 && all.longest_ns() == 1'000'000;
    for (const double share : {0.001, 0.5, 0.99, 0.999})
        near = near && std::abs(all.quantile_us(share) / (share * 1000) - 1) < 0.04;
    return expect(near, "latencies", "are not what they were");
}

}  // namespace

bool check_all(const std::vector<contender>& all) {
    bool fine = makes_keys();
    fine = draws_zipfian() && fine;
    fine = draws_rows() && fine;
    fine = tells_latencies() && fine;
    fine = judges_faults() && fine;
    for (const contender& each : all)
        for (const promise promised : {promise::buffered, promise::sync}) {
            const unsigned steps = promised == promise::sync ? 400 : 20'000;
            const bool passed = alone([&] { return check(each, promised, steps); });
            std::printf("%s, %s: %s\n", each.name.c_str(), name_of(promised),
                        passed ? "fine" : "WRONG");
            fine = fine && passed;
        }
    return fine;
}

}  // namespace store_bench
