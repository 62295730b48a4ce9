// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/core/event.hpp>

#include <set>
#include <string>

using namespace mantis;

TEST_CASE("the message says level, code, subject and numbers in one line") {
    const event full = event{event_code::space_soft_limit}
                           .about("shop.db")
                           .with("free_bytes", 40)
                           .with("limit", ~std::uint64_t{0});
    CHECK(full.message().as<std::string>() ==
          "warning: space_soft_limit [shop.db] free_bytes=40 limit=18446744073709551615");
    CHECK(event{event_code::memory_back}.message().as<std::string>() == "info: memory_back");
    CHECK(full.level() == event_level::warning);
}

TEST_CASE("numbers are found by name; one too many is dropped") {
    event many{event_code::opened};
    for (const char* const name : {"a", "b", "c", "d", "e", "f", "g"})
        many.with(name, static_cast<std::uint64_t>(*name));
    CHECK(*many.number("a") == 'a');
    CHECK(*many.number("f") == 'f');
    CHECK(many.number("g") == nullptr);
}

TEST_CASE("every code has a name of its own and a level") {
    std::set<std::string> names;
    for (std::size_t i = 0; i < event_code_count; ++i) {
        const auto code = static_cast<event_code>(i);
        names.insert(name_of(code));
        CHECK(std::string{name_of(level_of(code))}.size() > 3);
    }
    CHECK(names.size() == event_code_count);
    CHECK(std::string{name_of(event_code::events_dropped)} == "events_dropped");
    CHECK(level_of(event_code::read_only) == event_level::error);
    CHECK(level_of(event_code::segment_begun) == event_level::debug);
}

TEST_CASE("a sink without a function takes anything") {
    const event_sink nobody;
    nobody(event{event_code::opened});
    int noted = 0;
    const event_sink counting{[](void* sum, const event&) { ++*static_cast<int*>(sum); }, &noted};
    counting(event{event_code::opened});
    CHECK(noted == 1);
}
