// SPDX-License-Identifier: BSL-1.0
//
// simulate: lives through many seeded plans, each twice, and says what was not as promised.
//
//   --seeds N         how many seeds (100)
//   --first-seed S    from which on (1)
//   --minutes N       as many seeds as fit into so many minutes, instead
//   --component NAME  only log, store or documents
//   --class NAME      plans of that class of trouble (classes.hpp), or of all, a table at the end
//   --seed N          only this one, with its plan
//   --plan FILE       the plan in the file instead of one drawn from a seed
//   --corpus DIR      first every plan of that directory, which failed once and must not again
//   --no-shrink       print a failing plan as it was drawn
//
// Ends with "N passed, N failed" and with 0 if nothing failed.
#include "classes.hpp"
#include "shrink.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

using namespace simulate;

struct settings {
    std::uint64_t first_seed = 1;
    std::uint64_t seeds = 100;
    double minutes = 0;
    std::string component;
    std::string in_class;
    std::string plan_file;
    std::string corpus;
    bool verbose = false;
    bool shrinks = true;
};

struct tally {
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
    std::uint64_t steps = 0;
    double virtual_s = 0;
    std::uint64_t injected = 0;  // by the class
    std::map<std::string, std::map<std::string, std::uint64_t>> reached;
};

// What is lived through now, for a program that is stopped in the middle.
std::string current;

extern "C" void tell_plan(int) {
    constexpr char text[] = "\nstopped in this plan:\n";
    (void)!::write(STDERR_FILENO, text, sizeof text - 1);
    (void)!::write(STDERR_FILENO, current.data(), current.size());
    ::_exit(70);
}

outcome live_and_tell(const plan& of) {
    current = text_of(of);
    return live(of);
}

// In a process of its own, for a plan may stop the program.
bool fails(const plan& of) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        std::freopen("/dev/null", "w", stderr);
        ::alarm(60);
        ::_exit(live(of).violations.empty() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status != 0;
}

void report_failure(const plan& of, const outcome& what, bool shrinks) {
    std::printf("FAILED %s, seed %llu, trace hash %016llx\n", of.component.c_str(),
                static_cast<unsigned long long>(of.seed),
                static_cast<unsigned long long>(what.trace_hash));
    for (const std::string& each : what.violations) std::printf("  %s\n", each.c_str());
    std::printf("plan:\n%s", text_of(of).c_str());
    if (shrinks && fails(of))
        std::printf("a smaller plan that fails:\n%s", text_of(shrink(of, fails)).c_str());
}

void live_twice(const plan& of, const settings& chosen, tally& sum) {
    outcome first = live_and_tell(of);
    if (first.violations.empty()) {
        const outcome second = live_and_tell(of);
        if (second.trace_hash != first.trace_hash)
            first.violations.push_back("the same plan took another course the second time");
    }
    sum.steps += first.steps * 2;
    sum.virtual_s += static_cast<double>(first.virtual_ns) * 2e-9;
    if (const fault_class* which = find_class(of.fault_class))
        sum.injected += which->injected(first);
    for (const auto& [what, times] : first.reached) sum.reached[of.component][what] += times;
    ++(first.violations.empty() ? sum.passed : sum.failed);
    if (!first.violations.empty()) report_failure(of, first, chosen.shrinks);
    else if (chosen.verbose)
        std::printf("%strace hash %016llx\n", text_of(of).c_str(),
                    static_cast<unsigned long long>(first.trace_hash));
}

std::optional<plan> plan_of_file(const std::string& path) {
    std::ifstream file{path};
    std::stringstream text;
    text << file.rdbuf();
    auto made = read_plan(text.str());
    if (!made) std::printf("%s is no plan\n", path.c_str());
    return made;
}

void live_corpus(const settings& chosen, tally& sum) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(chosen.corpus))
        if (entry.path().extension() == ".plan") files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) {
        const auto made = plan_of_file(file);
        if (made) live_twice(*made, chosen, sum);
        else ++sum.failed;
    }
}

double seconds_since(std::chrono::steady_clock::time_point begun) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

void live_seeds(const settings& chosen, tally& sum) {
    const auto begun = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; chosen.minutes > 0 || i < chosen.seeds; ++i) {
        if (chosen.minutes > 0 && seconds_since(begun) > chosen.minutes * 60) break;
        for (const std::string& component : components())
            if (chosen.component.empty() || chosen.component == component)
                live_twice(draw_plan(chosen.first_seed + i, component), chosen, sum);
    }
}

// One component through the plans of one class; trouble that never came is a failure.
void live_class(const fault_class& which, const std::string& component, const settings& chosen,
                tally& all) {
    const auto begun = std::chrono::steady_clock::now();
    tally sum;
    for (std::uint64_t i = 0; i < chosen.seeds; ++i)
        live_twice(draw_plan(chosen.first_seed + i, component, which), chosen, sum);
    std::printf("note: class %-20s %-10s %6llu lives %8llu times %4llu violated %7.1f s\n",
                which.name, component.c_str(), static_cast<unsigned long long>(chosen.seeds),
                static_cast<unsigned long long>(sum.injected),
                static_cast<unsigned long long>(sum.failed), seconds_since(begun));
    all.passed += sum.passed;
    all.failed += sum.failed;
    all.steps += sum.steps;
    all.virtual_s += sum.virtual_s;
    if (chosen.seeds < 50) return;
    const auto missed = [&](const std::string& what) {
        ++all.failed;
        std::printf("FAILED %s, class %s: %s\n", component.c_str(), which.name, what.c_str());
    };
    if (sum.injected * 2 < chosen.seeds) missed("its trouble hardly ever came");
    for (const std::string& point : which.must_reach)
        if (sum.reached[component][point] == 0) missed("never reached: " + point);
}

void live_classes(const settings& chosen, tally& sum) {
    for (const fault_class& which : fault_classes())
        for (const std::string& component : components())
            if ((chosen.in_class == "all" || chosen.in_class == which.name) &&
                (chosen.component.empty() || chosen.component == component) &&
                applies(which, component))
                live_class(which, component, chosen, sum);
}

// A point that is never reached in a long run is one that is not tested.
void judge_reach(tally& sum) {
    for (auto& [component, points] : sum.reached) {
        std::printf("note: %s reached", component.c_str());
        for (const auto& [what, times] : points)
            std::printf(" | %s %llu", what.c_str(), static_cast<unsigned long long>(times));
        std::printf("\n");
        for (const std::string& point : rare_points(component))
            if (points[point] == 0) {
                ++sum.failed;
                std::printf("FAILED %s: never reached: %s\n", component.c_str(), point.c_str());
            }
    }
}

bool read_arguments(int argc, char** argv, settings& chosen) {
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--no-shrink") {
            chosen.shrinks = false;
            continue;
        }
        if (i + 1 == argc) return false;
        const std::string value = argv[++i];
        if (word == "--seeds") chosen.seeds = std::stoull(value);
        else if (word == "--first-seed") chosen.first_seed = std::stoull(value);
        else if (word == "--minutes") chosen.minutes = std::stod(value);
        else if (word == "--component") chosen.component = value;
        else if (word == "--class") chosen.in_class = value;
        else if (word == "--plan") chosen.plan_file = value;
        else if (word == "--corpus") chosen.corpus = value;
        else if (word == "--seed") {
            chosen.first_seed = std::stoull(value);
            chosen.seeds = 1;
            chosen.verbose = true;
        } else return false;
    }
    if (!chosen.in_class.empty() && chosen.in_class != "all" && !find_class(chosen.in_class))
        return false;
    // tests/run --long
    if (!chosen.in_class.empty() && std::getenv("MANTIS_LONG") != nullptr) chosen.seeds *= 10;
    const auto& known = components();
    return chosen.component.empty() ||
           std::find(known.begin(), known.end(), chosen.component) != known.end();
}

}  // namespace

int main(int argc, char** argv) {
    settings chosen;
    if (!read_arguments(argc, argv, chosen)) {
        std::fprintf(stderr,
                     "simulate [--seeds N] [--first-seed S] [--minutes N] [--component log|store|"
                     "documents]\n         [--class NAME|all] [--seed N] [--plan FILE] [--corpus "
                     "DIR] [--no-shrink]\n");
        return 2;
    }
    std::signal(SIGABRT, tell_plan);
    const auto begun = std::chrono::steady_clock::now();
    tally sum;
    if (!chosen.corpus.empty()) live_corpus(chosen, sum);
    sum.reached.clear();  // the seeds are judged by what they reach themselves
    if (!chosen.plan_file.empty()) {
        const auto made = plan_of_file(chosen.plan_file);
        if (made) live_twice(*made, chosen, sum);
        else ++sum.failed;
    } else if (!chosen.in_class.empty()) {
        live_classes(chosen, sum);
    } else {
        live_seeds(chosen, sum);
        if (chosen.seeds >= 200 || chosen.minutes > 0) judge_reach(sum);
    }
    const double seconds = seconds_since(begun);
    std::printf("note: %llu simulated operations, %.0f a second; %.1f virtual seconds a second\n",
                static_cast<unsigned long long>(sum.steps),
                static_cast<double>(sum.steps) / seconds, sum.virtual_s / seconds);
    std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(sum.passed),
                static_cast<unsigned long long>(sum.failed));
    return sum.failed == 0 ? 0 : 1;
}
