// SPDX-License-Identifier: BSL-1.0
//
// A bar on stderr while something long goes on, only where stderr is a terminal and only after half
// a second.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>

namespace tool {

class progress {
public:
    // `what` begins the line, as "importing"; it must outlive the object.
    explicit progress(const char* what);
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress() { clear(); }

    //   Effects     draws, at most ten times a second; a `total` of 0 is not known
    void show(std::uint64_t done, std::uint64_t total, std::uint64_t things, const char* of_what);
    //   Effects     the line is free for something else
    void clear();

private:
    using clock = std::chrono::steady_clock;

    const char* what_;
    bool terminal_;
    bool drawn_ = false;
    clock::time_point begun_ = clock::now();
    clock::time_point next_ = begun_ + std::chrono::milliseconds(500);
};

}  // namespace tool
