// SPDX-License-Identifier: BSL-1.0
//
// A script of commits of every class, large ones among them, under each failing write, sync and
// reservation at each of its positions, whatever the system does after a failed sync: an answer is
// `durable`, `unknown_outcome`, or an error that means not committed; opening again proves which.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/platform/simulated/durability_ledger.hpp>
#include <mantis/store/store.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace mantis;

namespace {

template <class Durability>
struct app : policies<with::platform<simulated>, with::durability<Durability>> {};

struct told {
    int positions = 0;
    int durable = 0;
    int buffered = 0;
    int unknown = 0;
    int refused = 0;
    int waits_failed = 0;
    std::size_t lost = 0;
};

template <class Durability>
class script {
public:
    script(fault what, crash_mode end, told& counted)
        : world_{what.nth}, what_{what}, end_{end}, counted_{counted} {
        options_.segment_bytes = 16 * KiB;
        options_.sync_period = milliseconds(500);  // its thread takes part
    }

    //   Returns     whether the fault struck
    bool run() {
        bool struck = false;
        world_.run([&] {
            world_.inject(what_);
            play();
            struck = world_.struck(what_.kind) > 0;
            if (world_.powered()) world_.crash();
            world_.restart(end_);
            compare();
        });
        return struck;
    }

private:
    using store_type = store<app<Durability>>;

    void play() {
        auto opened = store_type::open("db", options_, world_.platform());
        if (!opened) return;
        std::optional<commit_info> buffered;
        const auto keep = [&](std::optional<commit_info> done) {
            if (done && done->state == commit_state::buffered) buffered = done;
        };
        keep(commit(*opened, 2000, durability_class::synchronous));
        keep(commit(*opened, 2000, durability_class::buffered));
        keep(commit(*opened, 9000, durability_class::buffered));  // another segment
        keep(commit(*opened, 100, durability_class::periodic));
        wait(*opened, buffered);
        keep(commit(*opened, 600'000, durability_class::buffered));  // several records
        world_.platform().sleep(seconds(1));
        keep(commit(*opened, 100, durability_class::buffered));
        keep(commit(*opened, 3000, durability_class::synchronous));
        keep(commit(*opened, 9000, durability_class::periodic));
        keep(commit(*opened, 100, durability_class::buffered));
        wait(*opened, buffered);
        keep(commit(*opened, 5000, durability_class::buffered));
        const auto flushed = ledger_.buffered();
        if (opened->flush()) ledger_.flushed(flushed);
        keep(commit(*opened, 100, durability_class::buffered));
        world_.crash();
    }

    std::optional<commit_info> commit(store_type& db, std::size_t size, durability_class how) {
        const std::size_t number = ledger_.issue({2, {}, {}});
        numbers_.push_back(number);
        auto left = db.table("left");
        auto right = db.table("right");
        if (!left || !right) {
            ledger_.refused(number);
            return std::nullopt;
        }
        auto tx = db.begin(isolation::serializable, how);
        tx.put(*left, std::to_string(number), std::string(size, 'v'));
        tx.put(*left, "other", std::string(size, 'w'));
        tx.put(*right, std::to_string(number), "");
        const auto done = tx.commit();
        if (!done) {
            const bool unknown = done.error().code() == error_code::unknown_outcome;
            ++(unknown ? counted_.unknown : counted_.refused);
            if (!unknown) ledger_.refused(number);
            return std::nullopt;
        }
        const bool durable = done->state == commit_state::durable;
        CHECK((durable || how != durability_class::synchronous));
        ++(durable ? counted_.durable : counted_.buffered);
        ledger_.acknowledged(number, durable ? promise::durable : promise::buffered,
                             done->position);
        return *done;
    }

    // The barrier for one commit: what is before it is durable, too.
    void wait(store_type& db, const std::optional<commit_info>& done) {
        if (!done) return;
        const auto waiting = ledger_.buffered();
        const auto waited = db.wait_durable(*done);
        if (!waited) {
            CHECK(waited.error().code() == error_code::unknown_outcome);
            ++counted_.waits_failed;
            return;
        }
        // The last one that was buffered, and so all of them.
        ledger_.flushed(waiting);
    }

    void compare() {
        auto opened = store_type::open("db", options_, world_.platform());
        REQUIRE(opened);
        for (const char* const name : {"left", "right"}) {
            const auto table = opened->find_table(name);
            for (const std::size_t number : numbers_)
                if (table && opened->get(*table, std::to_string(number)).value())
                    ledger_.found_marker(number);
        }
        const bool reverts = what_.after_sync == failed_sync::reverts;
        const bool kept = end_ == crash_mode::process_only && !reverts;
        for (const ledger_violation& wrong :
             ledger_.settle(kept ? loss::of_nothing : loss::of_buffered))
            FAIL_CHECK("transaction ", wrong.transaction, " ", std::string{wrong.what});
        counted_.lost += ledger_.lost();
        CHECK(opened->verify());
    }

    simulation world_;
    fault what_;
    crash_mode end_;
    told& counted_;
    store_options options_;
    durability_ledger ledger_;
    std::vector<std::size_t> numbers_;
};

std::vector<fault> failing_io() {
    std::vector<fault> all{
        {.on = io_kind::write, .code = error_code::io},
        {.kind = fault_kind::fail_halfway, .on = io_kind::write, .count = fault::for_ever},
        {.on = space_io, .code = error_code::no_space, .count = 3},
        {.on = space_io, .code = error_code::no_space, .count = fault::for_ever},
    };
    for (const failed_sync how : {failed_sync::keeps, failed_sync::forgets, failed_sync::reverts})
        for (const std::uint64_t count : {std::uint64_t{1}, fault::for_ever})
            all.push_back(
                {.on = io_kind::sync | io_kind::sync_directory, .count = count, .after_sync = how});
    return all;
}

template <class Durability>
void fail_everywhere() {
    constexpr crash_mode ends[] = {crash_mode::drop_unsynced, crash_mode::random_subset,
                                   crash_mode::process_only};
    told counted;
    for (const fault& each : failing_io()) {
        fault what = each;
        for (what.nth = 1; what.nth < 1000; ++what.nth) {
            CAPTURE(what.nth);
            CAPTURE(static_cast<int>(what.kind));
            CAPTURE(static_cast<int>(what.after_sync));
            if (!script<Durability>{what, ends[what.nth % 3], counted}.run()) break;
            ++counted.positions;
        }
    }
    CHECK(counted.positions > 200);
    CHECK(counted.durable > 300);
    CHECK(counted.buffered > 500);
    CHECK(counted.unknown > 50);
    CHECK(counted.refused > 500);
    CHECK(counted.waits_failed > 20);
    CHECK(counted.lost > 50);
}

}  // namespace

TEST_CASE("each failing write and sync: durable is there, and an error but unknown is not") {
    fail_everywhere<group_commit>();
    fail_everywhere<periodic>();
}
