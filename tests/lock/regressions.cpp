// SPDX-License-Identifier: BSL-1.0
//
// Promises of the lock manager that are easily broken, each with the few steps that it takes:
// intents, ranges, escalation, queues, prevention, asynchronous locks.
#include "../platform/death.hpp"
#include "asker.hpp"

#include <unistd.h>
#include <memory>
#include <vector>

using namespace lock_test;

namespace {

using manager = lock_manager<posix>;

const lock_path table = lock_path::table(accounts);
const lock_path order = lock_path::key(orders, "x");
constexpr lock_options over_at_once{.until = lock_deadline::at(nanoseconds{1})};  // by expire()

// An owner that does something when it is answered.
template <class Manager>
struct actor {
    using deed = void (*)(actor&);

    actor(Manager& all, deed what) : locks{all}, owner{all}, then{what} {}

    void ask(const lock_path& path, lock_mode mode, const lock_options& options = {}) {
        heard = "waits";
        owner.lock_async(path, mode, &answer, this, options);
    }
    static void answer(void* context, result<void> done) {
        actor& me = *static_cast<actor*>(context);
        ++me.calls;
        me.heard = said(done);
        me.then(me);
    }

    Manager& locks;
    lock_owner<Manager> owner;
    deed then;
    std::string heard;
    int calls = 0;
};

// An owner that has a table because it has keys of it, and another.
struct escalation {
    explicit escalation(lock_mode mode) {
        for (const char* const name : {"a", "b"}) REQUIRE(owner.lock(key(name), mode));
        REQUIRE(owner.mode_of(table) == mode);
    }
    manager locks{{.escalate_at = 2}};
    lock_owner<manager> owner{locks};
    asker<manager> other{locks};
};

// For what may wait for itself.
template <class Body>
void check_comes_back(Body body) {
    const platform_test::death end = platform_test::death_of([&] {
        alarm(20);
        body();
    });
    CHECK(end.said == "");
    CHECK(end.signal == 0);  // SIGALRM: it did not
}

}  // namespace

// Intents.

TEST_CASE("a wait above own locks is refused where what is held there is strong already, too") {
    manager locks;
    lock_owner owner{locks};
    lock_owner reader{locks};
    REQUIRE(owner.lock(key("a"), lock_mode::S));
    REQUIRE(owner.lock(table, lock_mode::S, at_once));
    REQUIRE(reader.lock(table, lock_mode::S));
    const lock_options soon{.until = lock_deadline::within(milliseconds(1))};
    CHECK(said(owner.lock(table, lock_mode::X, soon)) == "invalid_argument");
    CHECK(said(owner.lock(table, lock_mode::X, at_once)) == "timed_out");
}

TEST_CASE("a wait for table 0 that times out takes back its own strong lock, not the store's") {
    const lock_path zero = lock_path::table({});
    manager locks;
    lock_owner writer{locks};
    lock_owner alone{locks};
    asker waiter{locks};
    REQUIRE(writer.lock(zero, lock_mode::IX));
    CHECK(waiter.ask(zero, lock_mode::S, over_at_once) == "waits");
    locks.expire();
    CHECK(waiter.heard == "timed_out");
    waiter.owner.release_all();
    writer.release_all();
    CHECK(said(alone.lock(lock_path::store(), lock_mode::X, at_once)) == "granted");
    CHECK(said(writer.lock(key("k"), lock_mode::X, at_once)) == "timed_out");
    alone.release_all();
    REQUIRE(writer.lock(zero, lock_mode::IX));
    CHECK(locks.counts().queues == 0);  // noted by its owner alone
}

TEST_CASE("an intent that was kept on a table is of no use below a store that was locked since") {
    manager locks;
    lock_owner writer{locks};
    lock_owner reader{locks};
    REQUIRE(writer.lock(key("k"), lock_mode::X));
    writer.release_all();
    REQUIRE(reader.lock(lock_path::store(), lock_mode::S, at_once));
    CHECK(said(writer.lock(key("a"), lock_mode::S, at_once)) == "granted");
    CHECK(said(writer.lock(key("b"), lock_mode::X, at_once)) == "timed_out");
}

// Ranges.

TEST_CASE("all schedules: while S on a range becomes X, nobody gets S on another that it meets") {
    CHECK(all_schedules([] {
              lock_manager<simulated> locks{{.shard_count = 1}};
              lock_owner writer{locks};
              lock_owner reader{locks};
              bool writes = false;
              REQUIRE(writer.lock(range("a", "m"), lock_mode::S));
              simulated::thread other{[&] {
                  writes = writer.lock(range("a", "m"), lock_mode::X, at_once).has_value();
              }};
              const bool reads = reader.lock(range("b", "n"), lock_mode::S, at_once).has_value();
              other.join();
              return !(writes && reads);
          }) > 1);
}

TEST_CASE("X on a range is asked for at its keys even where waiting for a key has passed it") {
    manager locks;
    asker writer{locks};
    lock_owner beside{locks};
    lock_owner reader{locks};
    REQUIRE(writer.owner.lock(range("a", "m"), lock_mode::S));
    REQUIRE(beside.lock(range("a", "m"), lock_mode::S));
    CHECK(writer.ask(key("b"), lock_mode::X) == "waits");
    REQUIRE(reader.lock(key("c"), lock_mode::S, at_once));
    beside.release_all();
    CHECK(writer.heard == "granted");
    CHECK(said(writer.owner.lock(range("a", "m"), lock_mode::X, at_once)) == "timed_out");
    reader.release_all();
    CHECK(said(writer.owner.lock(range("a", "m"), lock_mode::X, at_once)) == "granted");
}

// Escalation.

TEST_CASE("X asked for on an escalated table survives de-escalation") {
    for (const lock_mode asked : {lock_mode::S, lock_mode::X}) {
        escalation all{lock_mode::S};
        REQUIRE(all.owner.lock(table, asked));
        CHECK(all.owner.deescalate(accounts));
        CHECK(all.owner.mode_of(table) == asked);
        CHECK(all.other.ask(key("z"), lock_mode::X, at_once) == "timed_out");
    }
}

TEST_CASE("X on a key beside an escalated S keeps its intent on the table after de-escalation") {
    for (const bool by_itself : {false, true}) {
        escalation all{lock_mode::S};
        REQUIRE(all.owner.lock(key("c"), lock_mode::X));
        if (!by_itself) CHECK(all.owner.deescalate(accounts));
        CHECK(all.other.ask(table, lock_mode::S) == "waits");
        if (by_itself) REQUIRE(all.owner.lock(key("d"), lock_mode::X));
        CHECK(all.owner.mode_of(table) == lock_mode::IX);
        CHECK(all.other.heard == "waits");
        all.owner.release_all();
        CHECK(all.other.heard == "granted");
    }
}

TEST_CASE("an escalated table is not unlocked: that is refused, and its keys stay locked") {
    escalation all{lock_mode::X};
    CHECK(said(all.owner.unlock(table)) == "invalid_argument");
    CHECK(all.owner.mode_of(table) == lock_mode::X);
    CHECK(all.other.ask(key("a"), lock_mode::S, at_once) == "timed_out");
    REQUIRE(all.owner.lock(key("c"), lock_mode::S));
    CHECK(all.owner.deescalate(accounts));
    CHECK(all.other.ask(key("b"), lock_mode::S, at_once) == "timed_out");
    CHECK(all.other.ask(key("c"), lock_mode::X, at_once) == "timed_out");
    CHECK(said(all.owner.unlock(table)) == "invalid_argument");  // above its keys
}

TEST_CASE("a key below an escalated table is unlocked, and de-escalation does not lock it again") {
    escalation all{lock_mode::X};
    for (const char* const name : {"c", "b"}) REQUIRE(all.owner.lock(key(name), lock_mode::X));
    CHECK(said(all.owner.unlock(key("b"))) == "granted");
    CHECK(said(all.owner.unlock(key("b"))) == "not_found");
    CHECK(said(all.owner.unlock(key("never"))) == "not_found");
    CHECK(all.other.ask(key("b"), lock_mode::S, at_once) == "timed_out");  // by the table
    CHECK(all.owner.deescalate(accounts));
    CHECK(all.owner.mode_of(key("a")) == lock_mode::X);
    CHECK(all.owner.mode_of(key("b")) == lock_mode::none);
    CHECK(all.owner.mode_of(key("c")) == lock_mode::X);
    CHECK(all.other.ask(key("b"), lock_mode::X, at_once) == "granted");
    CHECK(all.other.ask(key("c"), lock_mode::S, at_once) == "timed_out");
}

TEST_CASE("of two escalated tables the one that is waited for is given up, by a lock there") {
    manager locks{{.escalate_at = 2}};
    lock_owner reader{locks};
    asker writer{locks};
    for (const table_id of : {accounts, orders})
        for (const char* const name : {"a", "b"})
            REQUIRE(reader.lock(lock_path::key(of, name), lock_mode::S));
    CHECK(writer.ask(table, lock_mode::IX) == "waits");
    REQUIRE(reader.lock(order, lock_mode::S));
    CHECK(writer.heard == "waits");
    REQUIRE(reader.lock(key("c"), lock_mode::S));
    CHECK(writer.heard == "granted");
    CHECK(reader.mode_of(table) == lock_mode::IS);
    CHECK(reader.mode_of(key("b")) == lock_mode::S);
    CHECK(reader.mode_of(lock_path::table(orders)) == lock_mode::S);
}

// Queues.

namespace {

// A lock goes from newcomer to newcomer while the first of those that wait for it is told to
// compete, and does not come.
//   Returns     how often, until that one was handed it
int passes_of_a_waiter(std::uint32_t bypass_bound) {
    lock_manager<simulated> locks{{.shard_count = 1, .bypass_bound = bypass_bound}};
    lock_owner writer{locks};
    lock_owner reader{locks};
    lock_owner first{locks};
    asker behind{locks};
    REQUIRE(writer.lock(table, lock_mode::X));
    simulated::thread waiting{[&] {
        (void)first.lock(table, lock_mode::IX);
        first.release_all();
    }};
    until_waiting(locks, 1);
    int passes = 0;
    do {
        behind.ask(table, lock_mode::IS);
        writer.release_all();
        if (!reader.lock(table, lock_mode::S, at_once)) break;
        ++passes;
        behind.owner.release_all();  // who was let in beside the reader
        reader.release_all();
    } while (writer.lock(table, lock_mode::X, at_once) && ++passes < 100);
    writer.release_all();
    waiting.join();
    return passes;
}

}  // namespace

TEST_CASE("who waits first is passed bypass_bound times, whoever behind it is let in") {
    const auto bound_holds = [] { return passes_of_a_waiter(3) == 3; };
    CHECK(all_schedules(bound_holds, 0) != 0);  // no thread runs before another one waits
}

TEST_CASE("a newcomer whose priority takes it ahead of all it conflicts with is let in") {
    manager locks;
    asker writer{locks};
    asker reader{locks};
    asker urgent{locks};
    REQUIRE(writer.owner.lock(table, lock_mode::IX));
    REQUIRE(urgent.owner.lock(order, lock_mode::X));
    CHECK(reader.ask(table, lock_mode::S) == "waits");
    CHECK(urgent.ask(table, lock_mode::IX, {.priority = 1}) == "granted");
    CHECK(writer.ask(order, lock_mode::X) == "waits");
    urgent.owner.release_all();
    CHECK(writer.heard == "granted");
    writer.owner.release_all();
    CHECK(reader.heard == "granted");
}

TEST_CASE("the adaptive limit grows with waits that are all longer: not all are given up") {
    simulation world{1, {}};
    world.run([] {
        lock_manager<simulated> locks{{.least_adaptive_wait = microseconds(500)}};
        lock_owner holder{locks};
        lock_owner waiter{locks};
        for (int i = 0; i < 60; ++i) {
            REQUIRE(holder.lock(key("k"), lock_mode::X));
            simulated::thread waiting{[&] {
                (void)waiter.lock(key("k"), lock_mode::X, {.until = lock_deadline::adaptive()});
                waiter.release_all();
            }};
            rest<simulated>(i < 30 ? microseconds(200) : milliseconds(20));
            holder.release_all();
            waiting.join();
        }
        CHECK((locks.counts().timeouts > 0 && locks.counts().timeouts < 10));
        CHECK(locks.adaptive_wait() > milliseconds(20));
    });
}

TEST_CASE("an owner begins with no work: it is the victim before one that did some") {
    lock_manager<posix, detect_after<least_work_victim>> locks;
    {
        lock_owner gone{locks};
        gone.set_work(1'000'000);
    }
    asker idle{locks};
    asker busy{locks};
    REQUIRE(idle.owner.lock(key("a"), lock_mode::X));
    REQUIRE(busy.owner.lock(key("b"), lock_mode::X));
    busy.owner.set_work(5);
    idle.ask(key("b"), lock_mode::X);
    busy.ask(key("a"), lock_mode::X);
    CHECK(locks.end_deadlocks() == 1);
    CHECK(idle.heard == "deadlock");
    CHECK(busy.heard == "waits");
    idle.owner.release_all();
    CHECK(busy.heard == "granted");
}

// Prevention.

namespace {

// Both end, in the order in which they can.
template <class Asker>
void finish(Asker& one, Asker& other) {
    for (Asker* const each : {&one, &other, &one})
        if (each->heard != "waits") each->owner.release_all();
}

// Two conversions on one table wait for a third owner; one that gets its own goes on to
// wait for what the other has.
template <class Deadlock>
void convert_two(const char* order_of_birth, const char* first_heard, const char* second_heard) {
    lock_manager<posix, Deadlock> locks;
    asker first{locks};
    asker second{locks};
    lock_owner third{locks};
    for (const char* who = order_of_birth; *who != 0; ++who) {
        if (*who == '1') REQUIRE(first.owner.lock(table, lock_mode::IS));
        if (*who == '2') REQUIRE(second.owner.lock(order, lock_mode::X));
        if (*who == '2') REQUIRE(second.owner.lock(table, lock_mode::IS));
        if (*who == '3') REQUIRE(third.lock(table, lock_mode::IX));
    }
    first.ask(table, lock_mode::SIX);
    second.ask(table, lock_mode::S);
    third.release_all();
    CHECK(first.heard == first_heard);
    CHECK(second.heard == second_heard);
    if (first.heard == "granted") first.ask(order, lock_mode::X);
    CHECK(locks.waits().find_any_cycle().empty());
    (void)locks.end_deadlocks();
    finish(first, second);
}

// `late` tells the first attempt of `young` to give way; meanwhile that gave way, began again, and
// is told so by `old`, for whom it then would wait.
bool wounded_late_and_again() {
    using locks_type = lock_manager<simulated, wound_wait>;
    locks_type locks{{.shard_count = 4}};
    asker old{locks};
    asker young{locks};
    lock_owner late{locks};
    REQUIRE(old.owner.lock(key("z"), lock_mode::X));
    REQUIRE(late.lock(key("q"), lock_mode::X));
    REQUIRE(young.owner.lock(key("x"), lock_mode::X));
    simulated::thread wounding{[&] {
        (void)late.lock(key("x"), lock_mode::X);
        late.release_all();
    }};
    young.owner.release_to_retry();
    const bool again = young.owner.lock(key("y"), lock_mode::X).has_value();
    if (again) old.ask(key("y"), lock_mode::X);
    wounding.join();
    if (again) young.ask(key("z"), lock_mode::X);
    const bool no_ring = locks.waits().find_any_cycle().empty();
    if (!no_ring) (void)locks.end_deadlocks();
    finish(old, young);
    return no_ring;
}

}  // namespace

TEST_CASE("wait_die: an older conversion waits for no younger one that came later") {
    convert_two<wait_die>("123", "granted", "deadlock");
}

TEST_CASE("wound_wait: a younger conversion keeps no older one waiting that came later") {
    convert_two<wound_wait>("321", "deadlock", "granted");
}

TEST_CASE("all schedules, wound_wait: a late wound does not undo a newer one") {
    CHECK(all_schedules(wounded_late_and_again) > 1);
}

// Asynchronous locks.

TEST_CASE("wound_wait: an asynchronous lock wounded as it begins to wait is answered once") {
    lock_manager<posix, wound_wait> locks;
    lock_owner holder{locks};
    asker older{locks};
    asker both{locks};
    REQUIRE(holder.lock(key("k"), lock_mode::U));
    CHECK(older.ask(key("k"), lock_mode::U) == "waits");
    REQUIRE(both.owner.lock(key("k"), lock_mode::S));
    CHECK(both.ask(key("k"), lock_mode::X) == "deadlock");
    CHECK(both.calls == 1);
    holder.release_all();
    both.owner.release_all();
    CHECK(older.heard == "granted");
}

TEST_CASE("all schedules: an asynchronous lock granted as it begins to wait is answered once") {
    CHECK(all_schedules([] {
              lock_manager<simulated> locks{{.shard_count = 1}};
              asker waiter{locks};
              lock_owner holder{locks};
              REQUIRE(holder.lock(key("k"), lock_mode::X));
              simulated::thread looking{[&] { (void)locks.held(); }};
              simulated::thread releasing{[&] { holder.release_all(); }};
              waiter.ask(key("k"), lock_mode::X);
              releasing.join();
              looking.join();
              return waiter.calls == 1 && waiter.heard == "granted";
          }) > 1);
}

TEST_CASE("real threads: a lock released as it begins to be waited for is answered once") {
    for (const lock_path& held : {key("k"), table}) {
        manager locks;
        lock_owner holder{locks};
        asker waiter{locks};
        for (int i = 0; i < 300; ++i) {
            REQUIRE(holder.lock(held, lock_mode::X));
            posix::atomic<int> begun{0};
            posix::thread releasing{[&] {
                begun.store(1);
                for (int n = 0; n < i % 50 * 40; ++n) (void)begun.load();
                holder.release_all();
            }};
            while (begun.load() == 0) posix::parking::relax();
            waiter.ask(key("k"), lock_mode::X);
            releasing.join();
            REQUIRE((waiter.heard == "granted" && waiter.calls == i + 1));
            waiter.owner.release_all();
        }
    }
}

TEST_CASE("a callback of expire() may begin an owner, release, and wait again") {
    check_comes_back([] {
        manager locks;
        lock_owner holder{locks};
        actor<manager> waiter{locks, [](actor<manager>& me) {
                                  lock_owner fresh{me.locks};
                                  if (me.calls > 1) return;
                                  me.owner.release_all();
                                  me.ask(lock_path::table(orders), lock_mode::S);
                              }};
        check(holder.lock(key("k"), lock_mode::X).has_value(), "a free key is not locked");
        waiter.ask(key("k"), lock_mode::X, over_at_once);
        locks.expire();
        check(waiter.calls == 2 && waiter.heard == "granted", "a free table is not locked");
    });
}

TEST_CASE_TEMPLATE("a ring of asynchronous waits is ended, and the callback may look", Deadlock,
                   detect_at_once<>, detect_after<>) {
    check_comes_back([] {
        using locks_type = lock_manager<posix, Deadlock>;
        locks_type locks;
        const auto look = [](actor<locks_type>& me) { (void)me.locks.counts(); };
        actor<locks_type> one{locks, look};
        actor<locks_type> other{locks, look};
        check(one.owner.lock(key("k"), lock_mode::X).has_value(), "a free key is not locked");
        check(other.owner.lock(key("j"), lock_mode::X).has_value(), "a free key is not locked");
        other.ask(key("k"), lock_mode::X);
        one.ask(key("j"), lock_mode::X);  // closes the ring
        check(locks.end_deadlocks() == (Deadlock::delay.count == 0 ? 0 : 1), "as it closes");
        check((one.heard == "deadlock") != (other.heard == "deadlock"), "one gives way");
        (one.heard == "deadlock" ? one : other).owner.release_all();
        check(locks.waiting().empty(), "the other goes on");
    });
}

TEST_CASE("a chain of 50,000 asynchronous waiters does not overflow the stack") {
    constexpr std::size_t count = 50'000;
    manager locks;
    lock_owner first{locks};
    REQUIRE(first.lock(key("0"), lock_mode::X));
    // Each has a key that the next one waits for, and releases it when it is answered.
    std::vector<std::unique_ptr<actor<manager>>> all;
    for (std::size_t i = 1; i <= count; ++i) {
        all.push_back(std::make_unique<actor<manager>>(
            locks, [](actor<manager>& me) { me.owner.release_all(); }));
        REQUIRE(all.back()->owner.lock(key(std::to_string(i)), lock_mode::X));
        all.back()->ask(key(std::to_string(i - 1)), lock_mode::S);
    }
    CHECK(locks.waiting().size() == count);
    first.release_all();
    for (const auto& each : all) REQUIRE((each->calls == 1 && each->heard == "granted"));
    check_untouched(locks);
}
