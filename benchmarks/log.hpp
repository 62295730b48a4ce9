// SPDX-License-Identifier: BSL-1.0
//
// The parts of the benchmark `log`, each in a file of its own.
#pragma once

#include "on_disk.hpp"

#include <mantis/wal/writer.hpp>

#include <memory>

namespace log_bench {

inline constexpr std::size_t record_bytes = 200;

// What a commit promises when it returns: to survive the end of the machine, or of the process.
enum class promise { durable, buffered };

// A log, or a database that has one. Its files stay open as long as it lives.
class committer {
public:
    virtual ~committer() = default;
    // Commits record_bytes bytes alone; returns when its promise holds.
    //   Threads     one for each writer at once
    virtual void commit(unsigned writer) = 0;
    // How often it made a file durable, so far; of all that is in this process where it cannot
    // tell.
    [[nodiscard]] virtual std::uint64_t syncs() const;
};

inline constexpr unsigned most_writers = 64;

struct contender {
    std::string name;
    measure::role is = measure::role::peer;
    std::string build;  // which one, and how it is set up
    std::function<std::unique_ptr<committer>(const std::string& directory, promise)> open;
};

std::unique_ptr<committer> open_mantis(const std::string& directory, promise,
                                       mantis::log_options options = {});
//   Returns     mantis, the bare loop where it makes sense, and the peers that are there
std::vector<contender> contenders(promise);
//   Returns     the databases that benchmarks/run found, by PEER_HAVE_...
std::vector<contender> peers();

//   Returns     calls of fsync and fdatasync by anybody in this process
std::uint64_t syncs_of_process();

// commit-durable with 1, 8 and 64 writers: one record a commit, safe from the end of the machine.
// commit-buffered: the same, safe from the end of the process.
std::vector<measure::disk_case> commit_cases(const measure::settings& chosen);
// append-200, append-4096: records handed over in bulk, with 1, 2 and 4 threads.
std::vector<measure::disk_case> append_cases(const measure::settings& chosen);
// rotation: how late buffered commits are that arrive at their own pace, while segments end and
// while none does; rotation-checkpoint: of a store, also while checkpoints are made.
std::vector<measure::disk_case> rotation_cases(const measure::settings& chosen);

}  // namespace log_bench
