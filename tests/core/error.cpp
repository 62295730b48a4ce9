// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/error.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>

using mantis::error;
using mantis::error_class;
using mantis::error_code;

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
