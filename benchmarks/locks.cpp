// SPDX-License-Identifier: BSL-1.0
//
// How fast and how fair the locks are, beside those of others in the same process.
//
//   locks [--quick] [--json] [--only CASE] [--unpinned]
//
// A pair is one lock and one unlock. The cases are described where they are made.
#include "locks.hpp"

#include "crew.hpp"

int main(int argc, char** argv) {
    const measure::settings chosen = measure::read_settings(argc, argv);
    if (!chosen.words.empty()) measure::give_up("what is " + chosen.words.front() + "?");
    if (!chosen.json) {
        double load[1] = {};
        (void)::getloadavg(load, 1);
        std::printf("%zu of %u hardware threads, %s; load average %.2f\n%s",
                    measure::processors().size(), std::thread::hardware_concurrency(),
                    chosen.pinned ? "threads pinned in turn" : "threads not pinned", load[0],
                    locks::rwlock_builds().c_str());
    }
    std::vector<measure::comparison> cases = locks::rwlock_cases(chosen);
    for (measure::comparison& one : locks::manager_cases(chosen)) cases.push_back(std::move(one));
    measure::run_cases(chosen, "locks", cases);
}
