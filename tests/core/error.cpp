// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/error.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>

using mantis::error;
using mantis::error_class;
using mantis::error_code;
using mantis::error_strategy;

TEST_CASE("a message names code, action, subject and numbers on one line") {
    const error failed = error{error_code::corrupt, "reading a log record"}
                             .about("0.log")
                             .with("offset", 4096)
                             .with("lsn", ~std::uint64_t{0});
    CHECK(failed.message().as<std::string>() ==
          "corrupt: reading a log record [0.log] offset=4096 lsn=18446744073709551615");
    CHECK(error{error_code::closed, "writing"}.message().as<std::string>() == "closed: writing");
    CHECK(error{error_code::io, "writing"}.with("errno", 0).message().as<std::string>() ==
          "io: writing errno=0");
}

TEST_CASE("numbers are found by name") {
    const error failed = error{error_code::io, "writing"}.with("errno", 5).with("offset", 9);
    REQUIRE(failed.number("offset") != nullptr);
    CHECK(*failed.number("offset") == 9);
    CHECK(failed.number("lsn") == nullptr);
    CHECK(error{error_code::io, "writing"}.number("errno") == nullptr);
    CHECK(failed.subject().empty());
}

TEST_CASE("numbers beyond the limit are dropped, the first ones stay") {
    error failed{error_code::io, "writing"};
    const char* const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    static_assert(std::size(names) == error::max_numbers + 1);
    for (const char* name : names) failed.with(name, 1);
    CHECK(failed.number("f") != nullptr);
    CHECK(failed.number("g") == nullptr);
}

TEST_CASE("a copy of an error is whole and its own, and a move takes everything") {
    error first = error{error_code::locked, "opening"}.about("db").with("pid", 12);
    error copy{first};
    copy.with("errno", 11);
    CHECK(first.number("errno") == nullptr);
    CHECK(*copy.number("pid") == 12);
    CHECK(copy.subject() == "db");
    const error moved{std::move(first)};
    CHECK(moved.message().as<std::string>() == "locked: opening [db] pid=12");
    copy = moved;
    CHECK(copy.number("errno") == nullptr);
    const error& same = copy;
    copy = same;
    CHECK(copy.message() == moved.message());
}

TEST_CASE("the subject and the number given first stay, for they were closest to the cause") {
    error failed = error{error_code::io, "writing"}.about("0.log").with("offset", 1);
    failed.about("directory").with("offset", 2);
    CHECK(failed.subject() == "0.log");
    CHECK(*failed.number("offset") == 1);
}

TEST_CASE("every code has a name of its own and a class with a name") {
    std::set<std::string> names;
    const int last = static_cast<int>(error_code::corrupt);
    for (int i = 0; i <= last; ++i) {
        const auto code = static_cast<error_code>(i);
        names.insert(mantis::name_of(code));
        CHECK(std::string{mantis::name_of(class_of(code))} != "unknown");
    }
    CHECK(names.size() == static_cast<std::size_t>(last) + 1);
    CHECK_FALSE(names.contains("unknown"));
}

TEST_CASE("the class says what a caller can do") {
    CHECK(error{error_code::locked, ""}.kind() == error_class::retryable);
    CHECK(error{error_code::conflict, ""}.kind() == error_class::conflict);
    CHECK(error{error_code::deadlock, ""}.kind() == error_class::conflict);
    CHECK(error{error_code::timed_out, ""}.kind() == error_class::retryable);
    CHECK(error{error_code::no_space, ""}.kind() == error_class::resource);
    CHECK(error{error_code::corrupt, ""}.kind() == error_class::corruption);
    CHECK(error{error_code::unknown_outcome, ""}.kind() == error_class::fatal);
    CHECK(error{error_code::parse, ""}.kind() == error_class::usage);
}

TEST_CASE("the strategy says how to go on") {
    CHECK(error{error_code::locked, ""}.strategy() == error_strategy::retry);
    CHECK(error{error_code::deadlock, ""}.strategy() == error_strategy::abort);
    CHECK(error{error_code::too_large, ""}.strategy() == error_strategy::abort);
    CHECK(error{error_code::no_space, ""}.strategy() == error_strategy::degrade);
    CHECK(error{error_code::unknown_outcome, ""}.strategy() == error_strategy::read_only);
    CHECK(error{error_code::corrupt, ""}.strategy() == error_strategy::stop);
    CHECK(error{error_code::mismatch, ""}.strategy() == error_strategy::stop);
}

TEST_CASE("what may succeed again is retried, and every strategy has a name of its own") {
    std::set<std::string> names;
    for (int i = 0; i <= static_cast<int>(error_code::corrupt); ++i) {
        const error failed{static_cast<error_code>(i), ""};
        CHECK((failed.kind() == error_class::retryable) ==
              (failed.strategy() == error_strategy::retry));
        CHECK((failed.kind() == error_class::fatal) ==
              (failed.strategy() == error_strategy::read_only));
        names.insert(name_of(failed.strategy()));
    }
    CHECK(names.size() == 5);
    CHECK_FALSE(names.contains("unknown"));
}

TEST_CASE("a message tells the way down, the nearest layer first, and the numbers after it") {
    error failed = error{error_code::io, "reading a page"}.about("0.log").with("errno", 5);
    failed = std::move(failed).within("recovering").within("opening the store");
    CHECK(failed.message().as<std::string>() ==
          "io: reading a page < recovering < opening the store [0.log] errno=5");
    CHECK(std::string{failed.doing()} == "reading a page");
    const error copy{failed};
    CHECK(copy.level_count() == 3);
    CHECK(std::string{copy.level(0)} == "reading a page");
    CHECK(std::string{copy.level(2)} == "opening the store");
    CHECK(error{error_code::io, "reading"}.level_count() == 1);
    CHECK(error{error_code::io, "reading"}.within("opening").message().as<std::string>() ==
          "io: reading < opening");
}

TEST_CASE("levels beyond the limit are dropped, the ones nearest to the cause stay") {
    error failed{error_code::io, "0"};
    const char* const levels[] = {"1", "2", "3", "4", "5"};
    for (const char* level : levels) failed.within(level);
    CHECK(failed.level_count() == error::max_levels);
    CHECK(failed.message().as<std::string>() == "io: 0 < 1 < 2 < 3");
}
