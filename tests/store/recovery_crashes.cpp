// SPDX-License-Identifier: BSL-1.0
//
// The power fails ten times in a row, most of them inside of an opening, which then has to begin
// anew; with nothing but a log, and with checkpoints, retention and a scrubber at work.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<simulated>> {};

struct dice {
    std::uint64_t state;
    std::uint64_t operator()(std::uint64_t below) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % below;
    }
};

// Commit number n writes n to "last" and to a key of its own, in two tables.
bool commit(store<app>& db, std::uint64_t number, std::size_t value_bytes) {
    auto left = db.table("left");
    auto right = db.table("right");
    if (!left || !right) return false;
    auto tx = db.begin(isolation::read_committed);
    tx.put(*left, "last", std::to_string(number));
    tx.put(*right, std::to_string(number), std::string(value_bytes, 'v'));
    if (number > 3) tx.erase(*right, std::to_string(number - 3));
    return tx.commit().has_value();
}

//   Returns     the number of the last commit that is there; whatever is there must be whole
std::uint64_t last_of(store<app>& db) {
    const auto left = db.find_table("left");
    const auto right = db.find_table("right");
    if (!left || !right) return 0;
    auto last = db.get(*left, "last").value();
    if (!last) return 0;
    const std::uint64_t number = std::stoull(last->as<std::string>());
    for (std::uint64_t each = 1; each <= number + 1; ++each)
        CHECK(db.get(*right, std::to_string(each)).value().has_value() ==
              (each <= number && each + 3 > number));
    return number;
}

struct counts {
    int in_opening = 0;
    int torn = 0;
    int crashed = 0;
    int in_checkpoint = 0;
    int from_image = 0;
    int log_shortened = 0;
    int scrubbed = 0;
};

class crash_loop {
public:
    crash_loop(std::uint64_t seed, counts& seen, bool busy)
        : world_{seed, {.scheduling = drawn_schedule(seed)}},
          roll_{seed},
          seen_{seen},
          busy_{busy} {
        options_.segment_bytes = 8 * KiB << roll_(3);
        options_.recovery_threads = static_cast<unsigned>(1 + roll_(3));
        options_.recovery_verification = recovery_check::full;
        if (!busy) return;
        options_.checkpoint_log_bytes = 8 * KiB << roll_(4);
        options_.checkpoint_in_opening = roll_(2) == 0;
        options_.checkpoint_at_close = roll_(2) == 0;
        options_.keep_log_bytes = roll_(2) == 0 ? 0 : 32 * KiB;
        options_.scrub_bytes_per_second = 10 * MiB;
        options_.scrub_period = microseconds(100);
        options_.events = {&crash_loop::hear, this};
    }

    void run() {
        world_.run([this] {
            for (int round = 0; round < 3; ++round) {
                work();
                for (int crash = 0; crash < 10; ++crash) open_and_crash();
                world_.restart(crash_mode::random_subset);
                look();
            }
        });
    }

private:
    void work() {
        auto db = store<app>::open("db", options_, world_.platform());
        REQUIRE(db);
        world_.crash_at_io(1 + roll_(busy_ ? 500 : 60));
        write(*db, 20);
        if (world_.powered()) world_.crash();
    }
    void write(store<app>& db, int commits) {
        for (int i = 0; i < commits; ++i) {
            if (!commit(db, number_ + 1, roll_(3000))) break;
            acknowledged_ = ++number_;
            if (!busy_) continue;
            world_.platform().sleep(microseconds(50));  // the scrubber has its turn
            if (roll_(6) == 0 && !db.checkpoint()) {
                CHECK_FALSE(world_.powered());
                ++seen_.in_checkpoint;
            }
        }
    }
    void open_and_crash() {
        world_.restart(roll_(2) == 0 ? crash_mode::drop_unsynced : crash_mode::random_subset);
        // What happens beside an opening takes I/Os, too.
        world_.crash_at_io(1 + roll_(busy_ && roll_(3) == 0 ? 200 : 25));
        auto db = store<app>::open("db", options_, world_.platform());
        if (!db) {
            CHECK(db.error().code() != error_code::corrupt);
            ++seen_.in_opening;
        } else {
            settle(*db);
            if (busy_) write(*db, 5);
            seen_.scrubbed += db->integrity().rounds > 0 ? 1 : 0;
        }
        if (world_.powered()) world_.crash();
    }
    void look() {
        auto db = store<app>::open("db", options_, world_.platform());
        REQUIRE(db);
        settle(*db);
        CHECK(db->verify());
        CHECK(db->scrub().value().sound());
        auto in = world_.platform().open_directory("db", directory_mode::existing).value();
        const auto segments = detail::list_segments(in).value();
        const bool later = !segments.empty() && segments.front() > first_lsn_of_log;
        seen_.log_shortened += later ? 1 : 0;
    }
    void settle(store<app>& db) {
        seen_.torn += db.recovery().cut_bytes > 0 ? 1 : 0;
        seen_.crashed += db.recovery().found == log_condition::crashed ? 1 : 0;
        seen_.from_image += db.recovery().image.redo_from != lsn{} ? 1 : 0;
        const std::uint64_t there = last_of(db);
        CHECK(there >= acknowledged_);
        CHECK(there <= number_ + 1);
        acknowledged_ = number_ = there;  // whoever was answered by this opening may rely on it
    }

    // While the power is on no file is found damaged.
    static void hear(void* self, const event& what) {
        if (what.code() != event_code::scrub_damage) return;
        if (static_cast<crash_loop*>(self)->world_.powered())
            FAIL_CHECK(what.message().as<std::string>());
    }

    simulation world_;
    dice roll_;
    counts& seen_;
    bool busy_;
    store_options options_;
    std::uint64_t number_ = 0;
    std::uint64_t acknowledged_ = 0;
};

}  // namespace

TEST_CASE("100 seeds of ten crashes in a row: what an opening answered is there at the next") {
    counts seen;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        CAPTURE(seed);
        crash_loop{seed, seen, false}.run();
    }
    CHECK(seen.in_opening > 1000);
    CHECK(seen.torn > 0);
    CHECK(seen.crashed > 0);
}

TEST_CASE("ten crashes in a row, also inside recovery, lose no acknowledged commit") {
    counts seen;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        CAPTURE(seed);
        crash_loop{seed, seen, true}.run();
    }
    CHECK(seen.in_opening > 1000);
    CHECK(seen.torn > 0);
    CHECK(seen.in_checkpoint > 50);
    CHECK(seen.from_image > 300);
    CHECK(seen.log_shortened > 100);
    CHECK(seen.scrubbed > 100);
}
