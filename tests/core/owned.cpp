// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/owned.hpp>

#include <doctest/doctest.h>

using namespace mantis;

namespace {

struct counted {
    explicit counted(int& living) : living_{living} { ++living_; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --living_; }
    int& living_;
};

}  // namespace

TEST_CASE("an owned object dies once, with its last owner") {
    int living = 0;
    {
        owned<counted> first{new counted{living}};
        owned<counted> second{std::move(first)};
        CHECK(!first);
        CHECK(second);
        CHECK(&second->living_ == &living);
        CHECK(&(*second).living_ == &living);
        owned<counted> third{new counted{living}};
        CHECK(living == 2);
        third = std::move(second);
        CHECK(living == 1);
        third.reset();
        CHECK(living == 0);
        CHECK(!third);
        third = owned<counted>{new counted{living}};
    }
    CHECK(living == 0);
}
