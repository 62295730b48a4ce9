// SPDX-License-Identifier: BSL-1.0
//
// The n-th allocation of a process fails. The library does not survive that, the process ends; what
// it acknowledged before must be there, whole, and what it refused must not.
//
// A child works on a database of the real file system and tells of each answer through a pipe,
// until its allocation fails; a second one opens what the first left, and its allocation fails
// while it recovers. Then the parent opens and compares.
//
// ThreadSanitizer brings an operator new of its own, so there is no such test under it; nor is
// there a second thread here.
#include "../platform/thread_sanitizer.hpp"

#ifndef MANTIS_TEST_THREAD_SANITIZER
#include "../platform/scratch.hpp"

#include <mantis/store/store.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <new>
#include <set>
#include <string>

using namespace mantis;

namespace {

std::uint64_t allocations = 0;
std::uint64_t failing_allocation = 0;  // 0: none

}  // namespace

// Counts, and fails once when it is told to; for the whole test program.
void* operator new(std::size_t size) {
    if (failing_allocation != 0 && ++allocations == failing_allocation) throw std::bad_alloc{};
    if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

struct on_disk : policies<> {};
using store_type = store<on_disk>;

constexpr int commits = 100;
constexpr int refused_every = 10;

enum class answer : char { acknowledged = 'a', refused = 'r', finished = 'f' };

struct told {
    int number;
    answer as;
};

struct heard {
    std::set<int> acknowledged;
    std::set<int> refused;
    bool finished = false;
};

store_options small_segments() {
    store_options options;
    options.segment_bytes = 32 * KiB;
    return options;
}

std::string value_of(int number) {
    return std::to_string(number) + ":" + std::string(static_cast<std::size_t>(number) * 7, 'v');
}

// Both tables in one transaction; every tenth is refused, for what it read changes before it
// commits.
void script(const std::string& path, int pipe) noexcept {
    const auto tell = [&](int number, answer as) {
        const told say{number, as};
        if (::write(pipe, &say, sizeof say) != sizeof say) std::_Exit(1);
    };
    auto db = store_type::open(path, small_segments()).value();
    auto left = db.table("left").value();
    auto right = db.table("right").value();
    for (int number = 0; number < commits; ++number) {
        const std::string key = std::to_string(number);
        auto tx = db.begin();
        (void)tx.get(left, "read by all").value();
        tx.put(left, key, value_of(number));
        tx.put(right, key, value_of(number));
        if (number % refused_every == 0) {
            auto other = db.begin(isolation::read_committed);
            other.put(left, "read by all", key);
            (void)other.commit().value();
        }
        const auto done = tx.commit();
        if (!done && done.error().code() == error_code::unknown_outcome) continue;
        tell(number, done ? answer::acknowledged : answer::refused);
    }
    db.close().value();
    tell(commits, answer::finished);
}

// Runs the script in a process whose nth allocation fails.
heard heard_from_child(const std::string& path, std::uint64_t nth) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);  // the test framework's handler is for the parent
        const rlimit no_core{0, 0};
        (void)::setrlimit(RLIMIT_CORE, &no_core);
        ::close(ends[0]);
        ::close(2);
        failing_allocation = nth;
        script(path, ends[1]);
        std::_Exit(0);
    }
    ::close(ends[1]);
    heard all;
    told one{};
    while (::read(ends[0], &one, sizeof one) == sizeof one) {
        if (one.as == answer::finished) all.finished = true;
        else (one.as == answer::acknowledged ? all.acknowledged : all.refused).insert(one.number);
    }
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    const bool died_of_it = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    CHECK(died_of_it == !all.finished);
    return all;
}

//   Returns     the numbers whose row is there
std::set<int> numbers_in(store_type& db, const char* name) {
    std::set<int> found;
    const auto table = db.find_table(name);
    if (!table) return found;
    auto tx = db.begin(isolation::read_committed);
    auto rows = tx.scan(*table, {"", "a"});
    while (rows.next().value()) {
        const int number = std::stoi(rows.key().as<std::string>());
        CHECK(rows.value() == bytes_view{value_of(number)});
        found.insert(number);
    }
    return found;
}

// Opens what two children left, and compares it with what the first of them told.
void check_contents(const std::string& path, const heard& first) {
    auto opened = store_type::open(path, small_segments());
    if (!opened) {
        FAIL_CHECK(opened.error().message().as<std::string>());
        return;
    }
    const std::set<int> left = numbers_in(*opened, "left");
    CHECK(left == numbers_in(*opened, "right"));
    for (const int number : first.acknowledged) CHECK(left.count(number) == 1);
    for (const int number : first.refused) CHECK(left.count(number) == 0);
    // One may have been in work.
    CHECK(left.size() <= first.acknowledged.size() + 1);
    if (first.finished) CHECK(left == first.acknowledged);
    CHECK(opened->verify());
}

// Opens and does nothing else, in a process whose nth allocation fails.
void open_in_child(const std::string& path, std::uint64_t nth) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        const rlimit no_core{0, 0};
        (void)::setrlimit(RLIMIT_CORE, &no_core);
        ::close(2);
        failing_allocation = nth;
        const auto look = [&]() noexcept { (void)store_type::open(path, small_segments()); };
        look();
        std::_Exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) || WTERMSIG(status) == SIGABRT));
}

}  // namespace

TEST_CASE("the process ends at its n-th allocation: what it acknowledged is there, whole") {
    // A prime, so that no place in the loop of the script is left out for ever.
    const std::uint64_t step = std::getenv("MANTIS_LONG") != nullptr ? 1 : 17;
    std::uint64_t died = 0;
    std::set<std::size_t> how_far;
    for (std::uint64_t nth = 1;; nth += step) {
        CAPTURE(nth);
        const platform_test::scratch_directory scratch;
        const heard first = heard_from_child(scratch.path("db"), nth);
        open_in_child(scratch.path("db"), nth % 97 + 1);
        check_contents(scratch.path("db"), first);
        if (first.finished) break;
        ++died;
        how_far.insert(first.acknowledged.size());
    }
    MESSAGE(died, " processes died of a failed allocation");
    CHECK(died > 30);
    CHECK(how_far.size() > 20);
}
#endif
