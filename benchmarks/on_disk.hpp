// SPDX-License-Identifier: BSL-1.0
//
// What the benchmarks that use files share: a directory of their own, cases that open their
// subjects only when they are run, and the ratios to every other subject.
//
// A disk that is shared with other machines is fast in one second and slow in the next. So the
// slices are short, every subject keeps its files open from round to round, and what is told is the
// median of the ratios of neighbours.
#pragma once

#include "measure.hpp"

#include <mantis/core/result.hpp>

#include <filesystem>

namespace measure {

inline void must(const mantis::result<void>& done) {
    if (!done) give_up(done.error().message().as<std::string>());
}
template <class T>
T must(mantis::result<T> done) {
    if (!done) give_up(done.error().message().template as<std::string>());
    return std::move(*done);
}

inline std::string& scratch() {
    static std::string path;
    return path;
}

// Makes the directory `name`-files in `directory`, empty, also if an earlier run was killed; it is
// gone when the program ends, by itself or by give_up().
inline void make_scratch(const std::string& directory, const std::string& name) {
    scratch() = directory + "/" + name + "-files";
    std::filesystem::remove_all(scratch());
    std::filesystem::create_directories(scratch());
    (void)std::atexit([] {
        std::error_code ignored;
        std::filesystem::remove_all(scratch(), ignored);
    });
}

//   Returns     an empty directory of that name in the scratch directory
inline std::string fresh_directory(const std::string& name) {
    const std::string path = scratch() + "/" + name;
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    return path;
}

struct disk_case {
    std::string name;
    std::function<comparison()> make;  // opens the subjects, and lives as long as they do
};

// The ratio of the first metric, of each of ours to each other.
inline void report_ratios(const settings& chosen, const std::string& bench, const comparison& of,
                          const measured& all) {
    if (of.metrics.front().better == goal::none) return;
    for (const measured_subject& ours : all.subjects) {
        if (ours.is != role::ours) continue;
        for (const measured_subject& other : all.subjects) {
            if (other.is == role::ours) continue;
            const double ratio = paired_ratio(ours, other, 0);
            if (ratio <= 0) continue;
            if (!chosen.json)
                std::printf("  %s / %s: %.3f\n", ours.name.c_str(), other.name.c_str(), ratio);
            else
                print_json({bench, of.name, of.durability, of.threads, ours.name,
                            "ratio_to_" + other.name, ratio, of.dist});
        }
    }
    std::fflush(stdout);
}

inline void run_disk_cases(const settings& chosen, const std::string& bench,
                           const std::vector<disk_case>& cases) {
    bool any = false;
    std::string known;
    for (const disk_case& each : cases) {
        if (known.find(" " + each.name) == std::string::npos) known += " " + each.name;
        if (!each.name.starts_with(chosen.only)) continue;
        any = true;
        {
            const comparison made = each.make();
            const measured all = take_turns(made);
            report(chosen, bench, made, all);
            report_ratios(chosen, bench, made, all);
        }
        for (const auto& left : std::filesystem::directory_iterator{scratch()})
            std::filesystem::remove_all(left);
    }
    if (!any) give_up("no case begins with " + chosen.only + "; there are" + known);
}

}  // namespace measure
