// SPDX-License-Identifier: BSL-1.0
//
// Lines of output that are either written whole or reported: to stdout, or to a file of
// acknowledgements.
//
// Lines are collected and leave at line ends only, in one write of the system each time, so that a
// process killed between two writes leaves no half line.
//
// A pipe whose reader has left is not an error of ours: `closed()` then says that nobody listens,
// and what is written is dropped. Anything else that goes wrong is kept and told by finish().
//
// Threads: one at a time.
#pragma once

#include "exit_code.hpp"

#include <mantis/core/bytes.hpp>

#include <optional>

namespace tool {

class output {
public:
    // Does not own the descriptor.
    output(int descriptor, std::string name) noexcept
        : descriptor_{descriptor}, name_{std::move(name)} {}
    output(const output&) = delete;
    output& operator=(const output&) = delete;
    ~output();

    // A file that is made or emptied; "-" is stdout.
    //   Returns     false, and errno says why
    static bool open(const std::string& path, std::optional<output>& into);

    //   Effects     adds `line` and a line end; may write what was collected before
    void line(mantis::bytes_view line);
    //   Effects     writes what is collected
    void flush();
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    [[nodiscard]] bool failed() const noexcept { return failed_ != 0; }

    //   Effects     flushes
    //   Returns     done, or failed after saying so on stderr
    [[nodiscard]] exit_code finish();

private:
    static constexpr std::size_t collected_bytes = 64 * 1024;

    int descriptor_;
    bool owned_ = false;
    std::string name_;
    mantis::bytes collected_;
    bool closed_ = false;
    int failed_ = 0;  // an errno
};

}  // namespace tool
