// SPDX-License-Identifier: BSL-1.0
//
// Counts what makes files durable, of whatever library calls it: a program's own functions stand
// before those of its libraries.
#include "log.hpp"

#include <sys/syscall.h>
#include <unistd.h>
#include <atomic>

namespace {

std::atomic<std::uint64_t> calls{0};

}  // namespace

extern "C" int fdatasync(int file) {
    calls.fetch_add(1, std::memory_order_relaxed);
    return static_cast<int>(::syscall(SYS_fdatasync, file));
}

extern "C" int fsync(int file) {
    calls.fetch_add(1, std::memory_order_relaxed);
    return static_cast<int>(::syscall(SYS_fsync, file));
}

std::uint64_t log_bench::syncs_of_process() { return calls.load(std::memory_order_relaxed); }

std::uint64_t log_bench::committer::syncs() const { return syncs_of_process(); }
