// SPDX-License-Identifier: BSL-1.0
//
// What came of living through a plan.
#pragma once

#include "plan.hpp"

#include <map>

namespace simulate {

struct outcome {
    std::vector<std::string> violations;
    std::uint64_t trace_hash = 0;
    std::uint64_t steps = 0;  // of the scheduler: simulated operations
    std::int64_t virtual_ns = 0;
    std::uint64_t strikes = 0;                     // of faults
    std::map<std::string, std::uint64_t> reached;  // rare points, and how often

    void reach(const char* what, std::uint64_t times = 1) { reached[what] += times; }
};

// What transaction `number` writes into its values, for a reader to know it again.
[[nodiscard]] inline std::string value_of(std::size_t number, std::uint64_t size) {
    return std::string(size, static_cast<char>('a' + number % 26));
}

//   Requires    the plan's component is one of components()
[[nodiscard]] outcome live(const plan& of);
[[nodiscard]] const std::vector<std::string>& components();
// The points that a long run must reach.
[[nodiscard]] const std::vector<std::string>& rare_points(const std::string& component);

[[nodiscard]] outcome live_store(const plan& of);
[[nodiscard]] outcome live_pages(const plan& of);
[[nodiscard]] outcome live_log(const plan& of);
[[nodiscard]] outcome live_documents(const plan& of);

}  // namespace simulate
