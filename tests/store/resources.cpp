// SPDX-License-Identifier: BSL-1.0
//
// Stores on a disk that fills up, and under a memory limit, in the simulator: what was promised is
// there, what was refused is not, erases go on, and puts again once there is room, without another
// opening. With and without checkpoints that the store and a thread of its user make meanwhile.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/platform/simulated/durability_ledger.hpp>
#include <mantis/store/store.hpp>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

using namespace mantis;

namespace {

template <class Durability>
struct app : policies<with::platform<simulated>, with::durability<Durability>> {};

enum class trouble : std::uint8_t {
    disk_limit,      // the disk is full, and says so before
    others_fill,     // the same, and others take what is free in the middle
    no_new_file,     // so many files cannot be made, though the disk seems to have space
    never_new_file,  // none can, until space is back
    any_write,       // all that takes space fails for ever, also writes into what was reserved
    memory_limit,
};

// How often the rare things happened.
struct seen {
    int refused = 0;
    int erased_meanwhile = 0;
    int alarms = 0;
    int backs = 0;
    int stopped = 0;  // logs
    int sheds = 0;
    int checkpoints_meanwhile = 0;  // since something was refused
    int checkpoints_failed = 0;
    int from_images = 0;  // openings after it
};

template <class Durability>
class full_run {
public:
    full_run(std::uint64_t seed, trouble what, bool checkpoints, seen& counted)
        : world_{seed, {.scheduling = drawn_schedule(seed)}},
          dice_{seed},
          what_{what},
          checkpoints_{checkpoints},
          counted_{counted} {
        options_.segment_bytes = 16 * KiB << dice_.below(2);
        options_.space_hard_bytes = 160 * KiB;
        options_.space_soft_bytes = 200 * KiB;
        options_.events = {&full_run::hear, this};
        if (what == trouble::memory_limit) options_.memory_bytes = 50'000 + dice_.below(30'000);
        if (!checkpoints) return;
        options_.checkpoint_log_bytes = 16 * KiB << dice_.below(3);
        options_.scrub_bytes_per_second = MiB;
        options_.space_hard_bytes = 400 * KiB;  // room for the rows once more
        options_.space_soft_bytes = 440 * KiB;
    }

    void run() {
        world_.run([this] {
            live();
            world_.limit_disk(0);
            if (world_.powered()) world_.crash();
            const bool killed = dice_.one_in(3);
            world_.restart(killed ? crash_mode::process_only : crash_mode::random_subset);
            auto again = store_type::open("db", options_, world_.platform());
            if (again) judge(*again, killed);
            else FAIL_CHECK(again.error().message().template as<std::string>());
        });
    }

private:
    using store_type = store<app<Durability>>;
    using handle = typename store_type::table_handle;
    static constexpr int old_rows = 16;

    static void hear(void* self, const event& what) {
        auto& me = *static_cast<full_run*>(self);
        const bool alarm = what.code() == event_code::space_hard_limit ||
                           what.code() == event_code::memory_hard_limit;
        const bool back =
            what.code() == event_code::space_back || what.code() == event_code::memory_back;
        if (alarm) me.alarmed_ = true;
        if (back) me.alarmed_ = false;
        me.counted_.alarms += alarm ? 1 : 0;
        me.counted_.backs += back ? 1 : 0;
        me.stopped_ |= what.code() == event_code::read_only;
    }

    void live() {
        auto db = store_type::open("db", options_, world_.platform()).value();
        auto left = db.table("left").value();
        auto right = db.table("right").value();
        for (int i = 0; i < old_rows; ++i) {
            auto tx = db.begin();
            tx.put(left, "old/" + std::to_string(i), std::string(500, 'o'));
            CHECK(tx.commit());
        }
        if (what_ == trouble::memory_limit) fill_spare(db);
        attach_cache(db);
        begin_trouble();
        std::vector<simulated::thread> threads;
        for (int i = 0; i < 2; ++i)
            threads.emplace_back(
                [this, &db, &left, &right, i, work = seeded_random{dice_.next()}]() mutable {
                    for (int n = 0; n < 24; ++n) {
                        if (what_ == trouble::others_fill && i == 0 && n == 8) fill_disk();
                        if (n % 3 == 2) erase_old(db, left, i * old_rows / 2 + n / 3);
                        else put(db, left, right, work);
                        if (checkpoints_ && n % 8 == 7) make_checkpoint(db);
                    }
                });
        for (auto& thread : threads) thread.join();
        counted_.refused += refused_;
        end_trouble(db, left, right);
        db.memory().detach(cache());
    }

    void fill_spare(store_type& db) {
        auto spare = db.table("spare").value();
        auto tx = db.begin();
        for (int i = 0; i < 16; ++i) tx.put(spare, std::to_string(i), std::string(1000, 's'));
        CHECK(tx.commit());
    }

    void begin_trouble() {
        const io_kinds making = io_kind::open | io_kind::resize | io_kind::preallocate;
        const std::uint64_t nth = 1 + dice_.below(12);
        const std::uint64_t more = options_.space_hard_bytes - 160 * KiB;
        fault planned{.on = making, .code = error_code::no_space, .nth = nth};
        planned.kind = dice_.one_in(2) ? fault_kind::fail : fault_kind::fail_halfway;
        if (what_ == trouble::disk_limit)
            world_.limit_disk(300 * KiB + more + dice_.below(100) * 1024);
        if (what_ == trouble::others_fill) world_.limit_disk(600 * KiB + more);
        if (what_ == trouble::no_new_file) planned.count = 1 + dice_.below(8);
        if (what_ == trouble::never_new_file) planned.count = fault::for_ever;
        if (what_ == trouble::any_write) {
            planned.on = space_io;
            planned.count = fault::for_ever;
            planned.nth = 1 + dice_.below(60);
        }
        const bool strikes = what_ == trouble::no_new_file || what_ == trouble::never_new_file ||
                             what_ == trouble::any_write;
        if (strikes) world_.inject(planned);
    }
    // Another program leaves less than the hard limit, and enough for what is erased here.
    void fill_disk() {
        const std::uint64_t free = options_.space_hard_bytes - 60 * KiB;
        world_.limit_disk(world_.used_bytes() + free);
    }

    void put(store_type& db, const handle& left, const handle& right, seeded_random& work) {
        const std::size_t number = ledger_.issue({2, {}, {}});
        const std::string marker = "tx/" + std::to_string(number);
        auto tx = db.begin(isolation::read_committed);
        const std::uint64_t size = work.one_in(8) ? 20'000 : 3000;
        tx.put(left, marker, std::string(work.below(size), 'v'));
        tx.put(right, marker, "");
        const auto done = tx.commit();
        if (done) {
            const bool durable = done->state == commit_state::durable;
            return ledger_.acknowledged(number, durable ? promise::durable : promise::buffered,
                                        done->position);
        }
        if (done.error().code() == error_code::unknown_outcome) return;
        ledger_.refused(number);
        ++refused_;
        if (stopped_ || log_failed(done.error())) return;
        CHECK(done.error().strategy() == error_strategy::degrade);
        CHECK(done.error().kind() == error_class::resource);
    }
    // Another thread may be about to tell it.
    bool log_failed(const error& why) const {
        const bool failed = why.code() == error_code::read_only;
        if (failed) CHECK(what_ == trouble::any_write);
        return failed;
    }
    void erase_old(store_type& db, const handle& from, int number) {
        auto tx = db.begin(isolation::read_committed);
        tx.erase(from, "old/" + std::to_string(number));
        const auto done = tx.commit();
        if (done && done->state == commit_state::durable) erased_.insert(number);
        if (done && refused_ > 0) ++counted_.erased_meanwhile;
        if (has_reserve() && !done) FAIL_CHECK(done.error().message().template as<std::string>());
        if (!done && !stopped_ && !log_failed(done.error()) &&
            done.error().code() != error_code::unknown_outcome)
            CHECK(done.error().code() == error_code::no_space);
    }
    // A reserve is kept where somebody says how much is free.
    bool has_reserve() const {
        return what_ == trouble::disk_limit || what_ == trouble::others_fill ||
               what_ == trouble::memory_limit;
    }
    void make_checkpoint(store_type& db) {
        const bool full = refused_ > 0;
        const auto made = db.checkpoint();
        if (made) {
            counted_.checkpoints_meanwhile += full ? 1 : 0;
            CHECK(db.last_checkpoint().redo_from >= made->redo_from);
            return;
        }
        ++counted_.checkpoints_failed;
        if (has_reserve()) FAIL_CHECK(made.error().message().template as<std::string>());
        if (!stopped_ && !log_failed(made.error()) &&
            made.error().code() != error_code::unknown_outcome)
            CHECK(made.error().code() == error_code::no_space);
    }

    // Room again: the same store goes on, and says so.
    void end_trouble(store_type& db, const handle& left, const handle& right) {
        if (checkpoints_ && has_reserve()) shrink_while_full(db, right);
        world_.limit_disk(0);
        world_.clear_faults();
        counted_.stopped += stopped_ ? 1 : 0;
        if (stopped_) {
            CHECK(what_ == trouble::any_write);
            return;
        }
        if (what_ == trouble::memory_limit) return make_room(db, right);
        const int before = refused_;
        for (int i = 0; i < 20; ++i) put(db, left, right, dice_);
        CHECK(refused_ == before);
        // What the disk refused though it seemed to have space is over with the next segment.
        for (int i = 0; i < 10 && alarmed_; ++i) {
            auto tx = db.begin();
            tx.put(right, "large", std::string(10'000, 'l'));
            CHECK(tx.commit());
        }
        CHECK_FALSE(alarmed_);
        if (checkpoints_) CHECK(db.checkpoint());
    }
    // However long the disk stays full: nothing that is made then takes space for good.
    void shrink_while_full(store_type& db, const handle& from) {
        for (int i = 0; i < 12; ++i) {
            auto tx = db.begin(isolation::read_committed);
            tx.erase(from, "none");
            CHECK(tx.commit());
            make_checkpoint(db);
        }
    }
    void make_room(store_type& db, const handle& right) {
        const store_stats full = db.stats();
        CHECK(full.memory.used_bytes == full.memory_bytes + cached_);
        counted_.sheds += static_cast<int>(full.memory.sheds);
        CHECK(db.drop_table(*db.find_table("spare")));
        CHECK_FALSE(alarmed_);
        auto tx = db.begin();
        tx.put(right, "room", "again");
        CHECK(tx.commit());
        const store_stats after = db.stats();
        CHECK(after.memory.used_bytes == after.memory_bytes + cached_);
    }

    memory_shedder cache() {
        return {[](void* self, std::size_t wanted) {
                    auto& me = *static_cast<full_run*>(self);
                    const std::size_t given = wanted < me.cached_ ? wanted : me.cached_;
                    me.cached_ -= given;
                    me.budget_->release(given);
                    return given;
                },
                this};
    }
    void attach_cache(store_type& db) {
        budget_ = &db.memory();
        if (what_ == trouble::memory_limit) cached_ = 5000;
        budget_->take(cached_);
        budget_->attach(cache());
    }

    void judge(store_type& db, bool killed) {
        counted_.from_images += db.recovery().image.redo_from != lsn{} ? 1 : 0;
        collect(db, "left");
        collect(db, "right");
        for (const ledger_violation& wrong :
             ledger_.settle(killed ? loss::of_nothing : loss::of_buffered))
            FAIL_CHECK("transaction ", wrong.transaction, " ", wrong.what);
        for (const int number : erased_)
            CHECK_FALSE(db.get(*db.find_table("left"), "old/" + std::to_string(number)).value());
        CHECK(db.verify());
        if (what_ != trouble::memory_limit) CHECK(put_one(db));
    }
    bool put_one(store_type& db) {
        auto right = db.table("right");
        if (!right) return false;
        auto tx = db.begin();
        tx.put(*right, "last", "one");
        return tx.commit().has_value();
    }
    void collect(store_type& db, const char* name) {
        const auto table = db.find_table(name);
        if (!table) return;  // it was buffered, and the power failed
        auto tx = db.begin(isolation::read_committed);
        auto rows = tx.scan(*table);
        while (rows.next().value()) {
            const auto key = rows.key().template as<std::string>();
            if (key.rfind("tx/", 0) == 0) ledger_.found_marker(std::stoul(key.substr(3)));
        }
    }

    simulation world_;
    seeded_random dice_;
    trouble what_;
    bool checkpoints_;
    seen& counted_;
    store_options options_;
    durability_ledger ledger_;
    std::set<int> erased_;  // durably
    int refused_ = 0;
    bool alarmed_ = false;
    bool stopped_ = false;
    memory_budget<retrying<simulated>>* budget_ = nullptr;
    std::size_t cached_ = 0;
};

seen run_seeds(std::uint64_t from, std::uint64_t count, trouble what, bool checkpoints = false) {
    if (std::getenv("MANTIS_LONG") != nullptr) count *= 50;
    seen counted;
    for (std::uint64_t seed = from; seed < from + count; ++seed) {
        CAPTURE(seed);
        if (seed % 2 == 0) full_run<group_commit>{seed, what, checkpoints, counted}.run();
        else full_run<buffered>{seed, what, checkpoints, counted}.run();
    }
    return counted;
}

}  // namespace

TEST_CASE("500 seeds of a disk that fills up: erases never fail, puts go on as soon as they can") {
    for (const trouble what : {trouble::disk_limit, trouble::others_fill}) {
        const seen counted = run_seeds(1 + 100'000 * static_cast<std::uint64_t>(what), 250, what);
        CHECK(counted.refused > 500);
        CHECK(counted.erased_meanwhile > 500);
        CHECK(counted.alarms > 100);
        CHECK(counted.backs >= counted.alarms);
        CHECK(counted.stopped == 0);
    }
}

TEST_CASE("500 seeds of writes that a full disk refuses, for a while and for good") {
    for (const trouble what : {trouble::no_new_file, trouble::never_new_file, trouble::any_write}) {
        const seen counted = run_seeds(1 + 100'000 * static_cast<std::uint64_t>(what), 170, what);
        CHECK(counted.refused > 100);
        if (what != trouble::any_write) CHECK(counted.erased_meanwhile > 30);
        CHECK((counted.stopped > 0) == (what == trouble::any_write));
    }
}

TEST_CASE(
    "a full disk with checkpoints running: clean refusals, deletes and checkpoints still succeed, "
    "puts go on when space returns") {
    for (const trouble what : {trouble::disk_limit, trouble::others_fill}) {
        const seen counted =
            run_seeds(800'001 + 100'000 * static_cast<std::uint64_t>(what), 60, what, true);
        CHECK(counted.refused > 100);
        CHECK(counted.erased_meanwhile > 100);
        CHECK(counted.checkpoints_meanwhile > 60);
        CHECK(counted.checkpoints_failed == 0);
        CHECK(counted.from_images > 50);
        CHECK(counted.stopped == 0);
    }
}

TEST_CASE("a checkpoint that a full disk refuses costs no commit, and succeeds when it can") {
    for (const trouble what : {trouble::no_new_file, trouble::never_new_file, trouble::any_write}) {
        const seen counted =
            run_seeds(800'001 + 100'000 * static_cast<std::uint64_t>(what), 40, what, true);
        CHECK(counted.refused > 50);
        CHECK(counted.checkpoints_failed > 20);
        CHECK(counted.from_images > 20);
        CHECK((counted.stopped > 0) == (what == trouble::any_write));
    }
}

TEST_CASE("1000 seeds of a memory limit: erases and drops make room, the sum stays exact") {
    const seen counted = run_seeds(700'001, 1000, trouble::memory_limit);
    CHECK(counted.refused > 2000);
    CHECK(counted.erased_meanwhile > 1000);
    CHECK(counted.alarms > 300);
    CHECK(counted.sheds > 500);
    CHECK(counted.stopped == 0);
}
