// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/check.hpp>
#include <mantis/core/result.hpp>

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <string>

namespace {

struct child_end {
    bool aborted;
    std::string said;
};

// Runs `body` in a child process and says how it ended and what it wrote to stderr.
template <class Body>
child_end in_child(Body body) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit no_core{0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        std::signal(SIGABRT, SIG_DFL);  // not the test runner's handler
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        body();
        _exit(0);
    }
    close(ends[1]);
    child_end end{};
    char piece[256];
    for (ssize_t got = 0; (got = read(ends[0], piece, sizeof piece)) > 0;)
        end.said.append(piece, static_cast<std::size_t>(got));
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    end.aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    return end;
}

}  // namespace

TEST_CASE("a check that holds does nothing") {
    const child_end end = in_child([] { mantis::check(true, "never said"); });
    CHECK_FALSE(end.aborted);
    CHECK(end.said.empty());
}

TEST_CASE("a check that fails says its sentence and aborts") {
    const child_end end = in_child([] { mantis::check(false, "the sky fell"); });
    CHECK(end.aborted);
    CHECK(end.said == "mantis: the sky fell\n");
}

TEST_CASE("taking the value of a failed result aborts with the error's message") {
    const auto failed = [] {
        return mantis::result<int>{mantis::error{mantis::error_code::io, "reading"}.about("f")};
    };
    const child_end value = in_child([&] { (void)failed().value(); });
    CHECK(value.aborted);
    CHECK(value.said == "mantis: io: reading [f]\n");
    const child_end star = in_child([&] { (void)*failed(); });
    CHECK(star.aborted);
    const child_end nothing = in_child([&] { mantis::result<void>{failed().error()}.value(); });
    CHECK(nothing.aborted);
    CHECK(nothing.said == "mantis: io: reading [f]\n");
}

TEST_CASE("taking the error of a good result aborts") {
    const child_end end = in_child([] { (void)mantis::result<int>{1}.error(); });
    CHECK(end.aborted);
    CHECK(end.said.find("holds a value") != std::string::npos);
}
