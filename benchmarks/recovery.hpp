// SPDX-License-Identifier: BSL-1.0
//
// The parts of the benchmark `recovery`.
#pragma once

#include "on_disk.hpp"

namespace recovery_bench {

inline constexpr std::size_t key_bytes = 8;
inline constexpr std::size_t value_bytes = 100;
inline constexpr std::uint64_t key_count = 1'000'000;

//   Returns     the key of the n-th put, as bytes: of key_count keys one, in no order
inline std::string key_of(std::uint64_t number) {
    std::uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 32)) % key_count;
    std::string key(key_bytes, '\0');
    for (std::size_t i = key_bytes; i-- > 0; mixed >>= 8) key[i] = static_cast<char>(mixed);
    return key;
}

struct contender {
    std::string name;
    std::string build;
    // Makes a database there whose log holds `puts` puts that no table file has, if it can.
    std::function<void(const std::string& directory, std::uint64_t puts)> make;
    // Opens it, replaying what is to be replayed, and closes it as it was.
    //   Returns     the seconds until it answered
    std::function<double(const std::string& directory)> open;
    bool replays = false;  // opening it again replays the same again
};

// Of the case paged-open.
struct paged_plan {
    std::uint64_t data_bytes = 0;
    std::uint64_t log_bytes = 0;
    std::uint64_t memory_bytes = 0;  // for pages
};
// A quarter of the data and all of it, each with the same log and memory.
measure::comparison paged_comparison(const measure::settings& chosen, const paged_plan& plan);

//   Returns     the databases that benchmarks/run found, by PEER_HAVE_...
std::vector<contender> peers();

}  // namespace recovery_bench
