// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/result.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>

using mantis::error;
using mantis::error_code;
using mantis::result;

namespace {

result<int> halved(int number) {
    if (number % 2 != 0) return error{error_code::invalid_argument, "halving"};
    return number / 2;
}

result<void> even(int number) {
    if (auto half = halved(number); !half) return half.error();
    return mantis::success();
}

// Counts how many exist.
struct counted {
    static inline int alive = 0;
    counted() { ++alive; }
    counted(const counted&) { ++alive; }
    counted(counted&&) noexcept { ++alive; }
    counted& operator=(const counted&) = default;
    ~counted() { --alive; }
};

static_assert(!std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<result<std::string>>);
static_assert(!std::is_convertible_v<result<int>, bool>);

}  // namespace

TEST_CASE("a result is its value or its error") {
    const result<int> good = halved(8);
    REQUIRE(good);
    CHECK(good.has_value());
    CHECK(*good == 4);
    const result<int> bad = halved(7);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().code() == error_code::invalid_argument);
    CHECK(even(2));
    CHECK(even(3).error().code() == error_code::invalid_argument);
}

TEST_CASE("a value that can only be moved goes in and comes out") {
    result<std::unique_ptr<int>> made{std::make_unique<int>(5)};
    REQUIRE(made);
    CHECK(**made == 5);
    CHECK(*made->get() == 5);
    const std::unique_ptr<int> out = std::move(made).value();
    CHECK(*out == 5);
}

TEST_CASE("assignment replaces a value by an error and back, and nothing leaks") {
    {
        result<counted> held{counted{}};
        CHECK(counted::alive == 1);
        result<counted> copy{held};
        CHECK(counted::alive == 2);
        held = error{error_code::io, "reading"};
        CHECK(counted::alive == 1);
        CHECK_FALSE(held);
        held = std::move(copy);
        CHECK(held);
        CHECK(counted::alive == 2);  // the moved-from value is still one
        const result<counted>& same = held;
        held = same;
        CHECK(held);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a moved error keeps its text") {
    result<std::string> failed{error{error_code::not_found, "opening"}.about("a name")};
    const result<std::string> moved{std::move(failed)};
    CHECK(moved.error().message().as<std::string>() == "not_found: opening [a name]");
    const result<void> narrowed{moved.error()};
    CHECK(narrowed.error().subject() == "a name");
}
