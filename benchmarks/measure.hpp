// SPDX-License-Identifier: BSL-1.0
//
// What the benchmarks share: options, the clock, medians, samples taken in turn, and the report.
//
// A comparison is one case with its subjects. Each round takes one sample of every subject, and
// each round begins with another subject, so that a machine that is slower for a while is slower
// for all of them. The ratio to a peer is the median of the ratios of samples of one round.
//
// Threads: none of it is for more than one.
#pragma once

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

namespace measure {

using clock_type = std::chrono::steady_clock;

inline double seconds_since(clock_type::time_point begun) {
    return std::chrono::duration<double>(clock_type::now() - begun).count();
}

[[noreturn]] inline void give_up(const std::string& why) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, why.c_str());
    std::exit(1);
}

//   Requires    0 < share <= 1; `of` is not empty
//   Returns     the smallest value that at least that share of all does not exceed
inline double quantile(std::vector<double> of, double share) {
    std::sort(of.begin(), of.end());
    const auto count = static_cast<double>(of.size());
    const auto rank = static_cast<std::size_t>(share * count + 0.999'999);
    return of[std::clamp<std::size_t>(rank, 1, of.size()) - 1];
}

inline double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    const std::size_t middle = of.size() / 2;
    return of.size() % 2 == 1 ? of[middle] : (of[middle - 1] + of[middle]) / 2;
}

// --- options ---

struct settings {
    bool quick = false;
    bool json = false;
    bool pinned = true;              // each thread to a processor of its own, as far as they go
    std::string only;                // cases whose name begins so
    std::vector<std::string> words;  // what is no option

    //   Returns     one of the two, by whether it must be quick
    template <class T>
    T either(T whole, T when_quick) const {
        return quick ? when_quick : whole;
    }
};

inline settings read_settings(int argc, char** argv) {
    settings chosen;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--quick") chosen.quick = true;
        else if (word == "--json") chosen.json = true;
        else if (word == "--unpinned") chosen.pinned = false;
        else if (word == "--only" && i + 1 < argc) chosen.only = argv[++i];
        else if (word.starts_with("--")) give_up("there is no option " + word);
        else chosen.words.push_back(word);
    }
    return chosen;
}

// --- one line of --json ---

struct measurement {
    std::string bench;
    std::string of_case;
    std::string durability;  // left out where there is none
    unsigned threads = 1;
    std::string subject;
    std::string metric;
    double value = 0;
    std::string dist{};  // which rows are asked for; left out where that is no question
};

inline void print_json(const measurement& of) {
    std::printf("{\"bench\":\"%s\",\"case\":\"%s\",", of.bench.c_str(), of.of_case.c_str());
    if (!of.dist.empty()) std::printf("\"dist\":\"%s\",", of.dist.c_str());
    if (!of.durability.empty()) std::printf("\"durability\":\"%s\",", of.durability.c_str());
    std::printf("\"threads\":%u,\"subject\":\"%s\",\"metric\":\"%s\",\"value\":%.6g}\n", of.threads,
                of.subject.c_str(), of.metric.c_str(), of.value);
}

// --- who else used the machine ---

// Of this program, so far; one that has further processes says so.
inline double (*own_processor_seconds)() = [] {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
};

// How much processor time others took while this exists, programs and the host of a virtual
// machine. They do not only slow a contended lock: threads that do not run together do not contend.
class bystanders {
public:
    //   Returns     of the time of all processors, in percent
    [[nodiscard]] double used_percent() const {
        const use now = read();
        const double all = now.all - begun_.all;
        return all <= 0 ? 0 : std::max(0.0, now.others - begun_.others) / all * 100;
    }

private:
    struct use {
        double all = 0;  // in ticks
        double others = 0;
    };

    static use read() {
        std::FILE* const file = std::fopen("/proc/stat", "r");
        if (file == nullptr) return {};
        // user, nice, system, idle, waiting for I/O, interrupts (two kinds), taken by the host
        double ticks[8] = {};
        bool fine = std::fscanf(file, "cpu") == 0;
        for (double& each : ticks) fine = fine && std::fscanf(file, "%lf", &each) == 1;
        std::fclose(file);
        if (!fine) return {};
        use seen;
        for (const double each : ticks) seen.all += each;
        const auto per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
        const double own = own_processor_seconds() * per_second;
        seen.others = seen.all - ticks[3] - ticks[4] - own;
        return seen;
    }

    use begun_ = read();
};

// --- a case and its samples ---

enum class summary { median, greatest, total, last };
enum class goal { none, less, more };

struct metric {
    std::string name;
    goal better = goal::none;  // of which the ratio to the best peer is told
    summary by = summary::median;
};

using sample = std::vector<double>;  // one value for each metric of the comparison

enum class role {
    ours,
    peer,
    shown,  // measured like a peer, but never the best one
};

struct subject {
    std::string name;
    role is = role::peer;
    std::function<sample()> take;
};

struct comparison {
    std::string name;
    unsigned threads = 1;
    unsigned rounds = 1;
    std::vector<metric> metrics;
    std::vector<subject> subjects{};
    std::string durability{};  // as in measurement
    std::string dist{};
};

struct measured_subject {
    std::string name;
    role is = role::peer;
    std::vector<sample> samples;  // by round

    [[nodiscard]] std::vector<double> values(std::size_t of_metric) const {
        std::vector<double> all;
        for (const sample& each : samples) all.push_back(each[of_metric]);
        return all;
    }
    [[nodiscard]] double value(const metric& what, std::size_t index) const {
        const std::vector<double> all = values(index);
        if (what.by == summary::median) return median(all);
        if (what.by == summary::greatest) return *std::max_element(all.begin(), all.end());
        if (what.by == summary::last) return all.back();
        double sum = 0;
        for (const double each : all) sum += each;
        return sum;
    }
    // Half of all samples are within this many percent, from the lowest of them to the highest.
    [[nodiscard]] double spread_percent(std::size_t of_metric) const {
        const std::vector<double> all = values(of_metric);
        const double middle = median(all);
        return middle == 0 ? 0 : (quantile(all, 0.75) - quantile(all, 0.25)) / middle * 100;
    }
};

struct measured {
    std::vector<measured_subject> subjects;  // in the order of the comparison
    double others_percent = 0;               // of the machine's time, used by others meanwhile
};

inline measured take_turns(const comparison& of) {
    const bystanders others;
    std::vector<measured_subject> all;
    for (const subject& each : of.subjects) all.push_back({each.name, each.is, {}});
    for (unsigned round = 0; round < of.rounds; ++round)
        for (std::size_t turn = 0; turn < all.size(); ++turn) {
            const std::size_t next = (round + turn) % all.size();
            all[next].samples.push_back(of.subjects[next].take());
        }
    return {std::move(all), others.used_percent()};
}

// --- the report ---

//   Returns     null when there is no peer that counts
inline const measured_subject* best_peer(const measured& all, const metric& what,
                                         std::size_t index) {
    const measured_subject* best = nullptr;
    for (const measured_subject& each : all.subjects) {
        if (each.is != role::peer) continue;
        const bool better =
            best == nullptr ||
            (what.better == goal::less) == (each.value(what, index) < best->value(what, index));
        if (better) best = &each;
    }
    return best;
}

inline double paired_ratio(const measured_subject& ours, const measured_subject& peer,
                           std::size_t index) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < ours.samples.size(); ++round) {
        const double base = peer.samples[round][index];
        if (base > 0) ratios.push_back(ours.samples[round][index] / base);
    }
    return ratios.empty() ? 0 : median(ratios);
}

inline void print_ratios(const comparison& of, const measured& all) {
    for (const measured_subject& ours : all.subjects) {
        if (ours.is != role::ours) continue;
        for (std::size_t i = 0; i < of.metrics.size(); ++i) {
            const metric& what = of.metrics[i];
            if (what.better == goal::none) continue;
            const measured_subject* const best = best_peer(all, what, i);
            if (best == nullptr) continue;
            std::printf("  %s: %s is %.3f of the best peer, %s (%s is better)\n", ours.name.c_str(),
                        what.name.c_str(), paired_ratio(ours, *best, i), best->name.c_str(),
                        what.better == goal::less ? "less" : "more");
        }
    }
}

// Values that are large are counts or rates, of which the fraction says nothing.
inline void print_value(double value, std::size_t width) {
    std::printf("  %*.*f", static_cast<int>(width), value >= 1000 ? 0 : 3, value);
}

inline void print_table(const comparison& of, const measured& all) {
    std::string title = of.name;
    for (const std::string& more : {of.dist, of.durability})
        if (!more.empty()) title += ", " + more;
    std::printf("\n%s, %u thread%s, %u rounds; others used %.0f %% of the machine\n%-24s",
                title.c_str(), of.threads, of.threads == 1 ? "" : "s", of.rounds,
                all.others_percent, "");
    const auto width = [](const metric& what) {
        return std::max<std::size_t>(what.name.size(), 9);
    };
    for (const metric& each : of.metrics)
        std::printf("  %*s", static_cast<int>(width(each)), each.name.c_str());
    std::printf("  spread %%\n");
    for (const measured_subject& each : all.subjects) {
        std::printf("  %-22s", each.name.c_str());
        for (std::size_t i = 0; i < of.metrics.size(); ++i)
            print_value(each.value(of.metrics[i], i), width(of.metrics[i]));
        std::printf("  %8.1f%s\n", each.spread_percent(0),
                    each.is == role::shown ? "  not counted" : "");
    }
    print_ratios(of, all);
}

// The table, or one line for each subject and metric; a metric that came to nothing has none.
inline void report(const settings& chosen, const std::string& bench, const comparison& of,
                   const measured& all) {
    if (!chosen.json) print_table(of, all);
    else
        for (const measured_subject& each : all.subjects)
            for (std::size_t i = 0; i < of.metrics.size(); ++i) {
                const double value = each.value(of.metrics[i], i);
                if (value > 0)
                    print_json({bench, of.name, of.durability, of.threads, each.name,
                                of.metrics[i].name, value, of.dist});
            }
    std::fflush(stdout);
}

// Measures and reports the cases that were asked for, one after the other.
inline void run_cases(const settings& chosen, const std::string& bench,
                      const std::vector<comparison>& cases) {
    bool any = false;
    for (const comparison& each : cases) {
        if (!each.name.starts_with(chosen.only)) continue;
        any = true;
        report(chosen, bench, each, take_turns(each));
    }
    if (any) return;
    std::string known;
    for (const comparison& each : cases)
        if (known.find(each.name) == std::string::npos) known += " " + each.name;
    give_up("no case begins with " + chosen.only + "; there are" + known);
}

}  // namespace measure
