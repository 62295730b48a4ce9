// SPDX-License-Identifier: BSL-1.0
//
// What a body says on its way out of the program: it runs in a process of its own.
#pragma once

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace platform_test {

struct death {
    std::string said;  // on the standard error output
    int signal = 0;    // 0 when the body came back
};

// Runs body() in a child process.
template <class Body>
death death_of(Body body) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::fflush(nullptr);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);  // the test framework's handler is for the parent
        ::dup2(ends[1], 2);
        body();
        std::_Exit(0);
    }
    ::close(ends[1]);
    death end;
    char piece[4096];
    for (ssize_t got = 0; (got = ::read(ends[0], piece, sizeof piece)) > 0;)
        end.said.append(piece, static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return end;
}

inline bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace platform_test
