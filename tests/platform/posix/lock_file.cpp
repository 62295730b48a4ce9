// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../conformance.hpp"
#include "../scratch.hpp"

#include <sys/wait.h>
#include <csignal>

using namespace platform_test;

namespace {

// Another process that holds the lock on a directory, until it is killed.
class holder {
public:
    explicit holder(const std::string& path) {
        int ready[2];
        REQUIRE(::pipe(ready) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) hold(path, ready[1]);
        ::close(ready[1]);
        char held = 0;
        REQUIRE(::read(ready[0], &held, 1) == 1);
        ::close(ready[0]);
        REQUIRE(held == 'y');
    }
    ~holder() { kill(); }
    void kill() {
        if (pid_ == 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    [[nodiscard]] std::uint64_t pid() const { return static_cast<std::uint64_t>(pid_); }

private:
    [[noreturn]] static void hold(const std::string& path, int ready) {
        auto in = posix{}.open_directory(path, directory_mode::existing);
        const char held = in && in->lock() ? 'y' : 'n';
        if (::write(ready, &held, 1) == 1)
            while (true) ::pause();
        std::_Exit(1);
    }

    pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("a lock held by another process names its pid, and SIGKILL frees it") {
    const scratch_directory scratch;
    holder other{scratch.path()};
    auto in = made_directory(posix{}, scratch.path());
    const auto refused = in.lock();
    check_fails(refused, error_code::locked);
    REQUIRE(refused.error().number("pid"));
    CHECK(*refused.error().number("pid") == other.pid());
    CHECK(refused.error().kind() == error_class::retryable);
    other.kill();
    CHECK(in.lock().has_value());
}

TEST_CASE("a second opener in the same process is refused and named") {
    const scratch_directory scratch;
    auto first = made_directory(posix{}, scratch.path());
    auto second = made_directory(posix{}, scratch.path());
    first.lock().value();
    const auto refused = second.lock();
    check_fails(refused, error_code::locked);
    CHECK(*refused.error().number("pid") == static_cast<std::uint64_t>(::getpid()));
    const std::string message = refused.error().message().as<std::string>();
    CHECK(message.find(scratch.path()) != std::string::npos);
}

TEST_CASE("the file LOCK contains the holder's pid, also after a longer one") {
    const scratch_directory scratch;
    std::ofstream{scratch.path("LOCK")} << "99999999999999999999 and more\n";
    auto in = made_directory(posix{}, scratch.path());
    in.lock().value();
    CHECK(text_of(scratch.path("LOCK")) == std::to_string(::getpid()) + "\n");
}

TEST_CASE("a holder that cannot be told is still refused, without a pid") {
    const scratch_directory scratch;
    auto first = made_directory(posix{}, scratch.path());
    auto second = made_directory(posix{}, scratch.path());
    first.lock().value();
    std::filesystem::resize_file(scratch.path("LOCK"), 0);
    const auto refused = second.lock();
    check_fails(refused, error_code::locked);
    CHECK(refused.error().number("pid") == nullptr);
}

TEST_CASE("a lock moves with its directory and ends with it") {
    const scratch_directory scratch;
    auto second = made_directory(posix{}, scratch.path());
    {
        auto first = made_directory(posix{}, scratch.path());
        first.lock().value();
        auto moved = std::move(first);
        check_fails(second.lock(), error_code::locked);
    }
    CHECK(second.lock().has_value());
}
