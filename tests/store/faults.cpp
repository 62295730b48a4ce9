// SPDX-License-Identifier: BSL-1.0
//
// A small script of commits under each fault at each of its I/Os, over real files and in the
// simulator, then opened in peace: what must be survived is, what must be detected tells nothing
// wrong.
#include <doctest/doctest.h>

#include "../platform/fault_matrix.hpp"
#include "../platform/scratch.hpp"

#include <mantis/platform/faulty.hpp>
#include <mantis/store/store.hpp>

#include <optional>
#include <set>

using namespace mantis;
using platform_test::at_each_position;
using platform_test::faults_to_detect;
using platform_test::faults_to_survive;
using platform_test::text_of;

namespace {

template <class Platform>
struct app : policies<with::platform<Platform>> {};

constexpr int commit_count = 4;

store_options small_segments() {
    store_options options;
    options.segment_bytes = 16 * KiB;
    options.read_again.most = microseconds(10);  // real time, over real files
    return options;
}
std::string value_of(int number) { return std::string(4000, static_cast<char>('a' + number)); }

// What the script was told about its commits.
struct answers {
    bool opened = false;
    std::set<int> acknowledged;
    std::set<int> refused;
};

// Each commit puts a key into two tables.
template <class Platform>
answers run_script(const std::string& path, Platform world) {
    answers told;
    auto opened = store<app<Platform>>::open(path, small_segments(), world);
    told.opened = opened.has_value();
    for (int i = 0; opened && i < commit_count; ++i) {
        auto left = opened->table("left");
        auto right = opened->table("right");
        if (!left || !right) {
            told.refused.insert(i);
            continue;
        }
        auto tx = opened->begin();
        tx.put(*left, std::to_string(i), value_of(i));
        tx.put(*right, std::to_string(i), value_of(i));
        const auto answer = tx.commit();
        if (answer) told.acknowledged.insert(i);
        else if (answer.error().code() != error_code::unknown_outcome) told.refused.insert(i);
    }
    return told;
}

// The commits that are there; nothing if the store cannot be opened or read.
template <class Platform>
std::optional<std::set<int>> found_in(const std::string& path, Platform world) {
    auto opened = store<app<Platform>>::open(path, small_segments(), world);
    if (!opened) return std::nullopt;
    std::set<int> found[2];
    const char* const names[] = {"left", "right"};
    for (int side = 0; side < 2; ++side) {
        const auto table = opened->find_table(names[side]);
        for (int i = 0; table && i < commit_count; ++i) {
            const auto got = opened->get(*table, std::to_string(i));
            if (!got) return std::nullopt;
            if (!*got) continue;
            CHECK((*got)->template as<std::string>() == value_of(i));
            found[side].insert(i);
        }
    }
    CHECK(found[0] == found[1]);
    return found[0];
}

void check_survived(const answers& told, const std::optional<std::set<int>>& found) {
    REQUIRE(found.has_value());
    for (const int number : told.acknowledged) CHECK(found->count(number) == 1);
    for (const int number : told.refused) CHECK(found->count(number) == 0);
}

// Nothing is missing before something that is there.
void check_beginning(const answers& told, const std::optional<std::set<int>>& found) {
    if (!found || found->empty()) return;
    for (const int number : told.acknowledged)
        if (number < *found->rbegin()) CHECK(found->count(number) == 1);
}

// A few: a sync of real files takes its time.
std::vector<fault> usual_faults() {
    return {
        {.kind = fault_kind::fail, .count = fault::for_ever},
        {.kind = fault_kind::fail_halfway},
        {.kind = fault_kind::fail, .on = space_io, .code = error_code::no_space, .count = 5},
        {.kind = fault_kind::fail, .on = io_kind::sync, .after_sync = failed_sync::reverts},
    };
}

}  // namespace

TEST_CASE("over real files each fault that must be survived is, at each I/O of a script") {
    const platform_test::scratch_directory scratch;
    int runs = 0;
    int positions = 0;
    std::size_t acknowledged = 0;
    for (const fault& each : usual_faults())
        positions += at_each_position(each, [&](const fault& what) {
            CAPTURE(text_of(what));
            CAPTURE(what.nth);
            const std::string path = scratch.path(std::to_string(++runs));
            fault_plan<posix> plan{what.nth};
            plan.inject(what);
            const answers told = run_script(path, faulty<posix>{posix{}, plan});
            const bool struck = plan.struck(what.kind) > 0;
            acknowledged += told.acknowledged.size();
            check_survived(told, found_in(path, posix{}));
            std::filesystem::remove_all(path);
            return struck;
        });
    CHECK(positions > 100);
    CHECK(acknowledged > 200);
}

TEST_CASE("over real files a store works with transfers in parts and slow syncs") {
    const platform_test::scratch_directory scratch;
    fault_plan<posix> plan;
    plan.inject({.kind = fault_kind::split, .count = fault::for_ever});
    plan.inject({.kind = fault_kind::slow, .on = io_kind::sync, .one_in = 3, .count = 5});
    const faulty<posix> world{posix{}, plan};
    CHECK(run_script(scratch.path("db"), world).acknowledged.size() == commit_count);
    CHECK(found_in(scratch.path("db"), world)->size() == commit_count);
    CHECK(plan.struck(fault_kind::split) > 10);
}

TEST_CASE("with a power failure after it each fault that must be survived is") {
    int positions = 0;
    for (const fault& each : faults_to_survive())
        positions += at_each_position(each, [&](const fault& what) {
            CAPTURE(text_of(what));
            CAPTURE(what.nth);
            simulation world{what.nth};
            bool struck = false;
            world.run([&] {
                world.inject(what);
                const answers told = run_script("db", world.platform());
                struck = world.struck(what.kind) > 0;
                world.restart(what.nth % 2 == 0 ? crash_mode::drop_unsynced
                                                : crash_mode::random_subset);
                check_survived(told, found_in("db", world.platform()));
            });
            return struck;
        });
    CHECK(positions > 200);
}

TEST_CASE("a fault that must be detected makes calls fail or loses whole commits, no more") {
    int positions = 0;
    int refused = 0;
    for (const fault& each : faults_to_detect())
        positions += at_each_position(each, [&](const fault& what) {
            CAPTURE(text_of(what));
            CAPTURE(what.nth);
            simulation world{what.nth};
            bool struck = false;
            world.run([&] {
                world.inject(what);
                const answers told = run_script("db", world.platform());
                struck = world.struck(what.kind) > 0;
                world.restart(what.nth % 2 == 0 ? crash_mode::drop_unsynced
                                                : crash_mode::process_only);
                const auto found = found_in("db", world.platform());
                check_beginning(told, found);
                refused += found ? 0 : 1;
            });
            return struck;
        });
    CHECK(positions > 100);
    CHECK(refused > 0);
}

TEST_CASE("damage met while a store is opened and read tells nothing wrong") {
    int positions = 0;
    for (const fault& each : faults_to_detect())
        positions += at_each_position(each, [&](const fault& what) {
            CAPTURE(text_of(what));
            CAPTURE(what.nth);
            simulation world{what.nth};
            bool struck = false;
            world.run([&] {
                const answers told = run_script("db", world.platform());
                CHECK(told.acknowledged.size() == commit_count);
                world.inject(what);
                check_beginning(told, found_in("db", world.platform()));
                struck = world.struck(what.kind) > 0;
                world.clear_faults();
                check_beginning(told, found_in("db", world.platform()));
            });
            return struck;
        });
    CHECK(positions > 50);
}

TEST_CASE("reads that lie while a closed store is opened cost nothing once they are right again") {
    int positions = 0;
    for (const fault_kind kind : {fault_kind::flip_on_read, fault_kind::stale_read}) {
        fault each;
        each.kind = kind;
        positions += at_each_position(each, [&](const fault& what) {
            CAPTURE(name_of(kind));
            CAPTURE(what.nth);
            simulation world{what.nth};
            bool struck = false;
            world.run([&] {
                const answers told = run_script("db", world.platform());
                world.inject(what);
                (void)found_in("db", world.platform());
                struck = world.struck(kind) > 0;
                world.clear_faults();
                world.restart(crash_mode::drop_unsynced);
                check_survived(told, found_in("db", world.platform()));
            });
            return struck;
        });
    }
    CHECK(positions > 8);
}
