// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/txn/resources.hpp>

using namespace mantis;

namespace {

struct limited {
    memory files;
    memory_directory in = files.open_directory("db", directory_mode::create).value();
    memory_budget<memory> budget{{.hard_bytes = 100}};
    space_watch<memory> space{in, {.hard_bytes = 50, .look_bytes = 10}};
    commit_resources<memory> of{&budget, &space};

    limited() { files.limit_disk(100); }
};

}  // namespace

TEST_CASE("what is admitted is reserved, and then what was really taken counts") {
    limited at;
    CHECK(at.of.counts_memory());
    CHECK(at.of.admit({60, 10}));
    CHECK(at.budget.used() == 60);
    at.of.applied({60, 10}, 75);
    CHECK(at.budget.used() == 75);
    CHECK(at.of.admit({5, 1}));
    at.of.applied({5, 1}, -20);
    CHECK(at.budget.used() == 55);
    at.of.applied({}, -55);
    CHECK(at.budget.used() == 0);
}

TEST_CASE("what failed has taken nothing, and a full disk is looked at") {
    limited at;
    CHECK(at.of.admit({60, 10}));
    at.of.failed({60, 10}, error{error_code::io, "writing"});
    CHECK(at.budget.used() == 0);
    CHECK(at.space.counts().disk_full == 0);
    at.of.failed({}, error{error_code::no_space, "writing"});
    CHECK(at.space.counts().disk_full == 1);
}

TEST_CASE("either limit refuses, and nothing stays reserved") {
    limited at;
    CHECK(at.of.admit({101, 1}).error().code() == error_code::out_of_memory);
    CHECK(at.of.admit({1, 51}).error().code() == error_code::no_space);
    CHECK(at.budget.used() == 0);
}

TEST_CASE("what only takes away is admitted whatever the limits say") {
    limited at;
    at.budget.take(500);
    at.files.limit_disk(1);
    at.space.look();
    const std::uint64_t looks = at.space.counts().looks;
    CHECK(at.of.admit({}));
    CHECK(at.space.counts().looks == looks);
    CHECK_FALSE(at.of.admit({1, 1}));
}

TEST_CASE("without limits everything is admitted and nothing counted") {
    commit_resources<memory> none;
    CHECK_FALSE(none.counts_memory());
    none.make_room({1000, 1000});
    CHECK(none.admit({1000, 1000}));
    none.applied({1000, 1000}, -5);
    none.failed({}, error{error_code::no_space, "writing"});
    const auto told = none.tell_at_end();
}

TEST_CASE("events are told when the call that noted them ends") {
    int told = 0;
    event_queue<memory> events{{[](void* sum, const event&) { ++*static_cast<int*>(sum); }, &told}};
    commit_resources<memory> of{nullptr, nullptr, &events};
    {
        const auto at_end = of.tell_at_end();
        events.note(event{event_code::opened});
        CHECK(told == 0);
    }
    CHECK(told == 1);
}
