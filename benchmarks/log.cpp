// SPDX-License-Identifier: BSL-1.0
//
// What the log costs: durable commits beside the bare loop of pwrite and fdatasync and beside the
// logs of others, appends in bulk, and how late commits are while segments rotate.
//
//   log DIRECTORY [--quick] [--json] [--only CASE]
//
// The cases are described where they are made. Every commit is one record of 200 bytes, also in the
// peers: a key of 8 and a value of 192. They do more with it, for they are databases: each keeps
// the row in its table.
#include "log.hpp"

#include <malloc.h>
#include <thread>

int main(int argc, char** argv) {
    const measure::settings chosen = measure::read_settings(argc, argv);
    if (chosen.words.size() != 1)
        measure::give_up("log DIRECTORY [--quick] [--json] [--only CASE]");
    // Files in memory are as fast as memory that the process has: the system is not asked for it
    // anew in each round.
    (void)::mallopt(M_TRIM_THRESHOLD, 1 << 30);
    measure::make_scratch(chosen.words.front(), "log");
    if (!chosen.json) {
        double load[1] = {};
        (void)::getloadavg(load, 1);
        std::printf("%u hardware threads, load average %.2f\n", std::thread::hardware_concurrency(),
                    load[0]);
        for (const auto& each : log_bench::contenders(log_bench::promise::durable))
            std::printf("  %-22s  %s\n", each.name.c_str(), each.build.c_str());
    }
    std::vector<measure::disk_case> cases = log_bench::commit_cases(chosen);
    for (auto* more : {log_bench::append_cases, log_bench::rotation_cases})
        for (measure::disk_case& each : more(chosen)) cases.push_back(std::move(each));
    measure::run_disk_cases(chosen, "log", cases);
}
