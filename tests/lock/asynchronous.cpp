// SPDX-License-Identifier: BSL-1.0
//
// Owners that wait without a thread: who is told what, when, how often, and by whom.
#include "../platform/death.hpp"
#include "asker.hpp"

#include <memory>
#include <vector>

using namespace lock_test;
using platform_test::death;
using platform_test::death_of;

namespace {

using manager = lock_manager<posix>;

lock_options within(nanoseconds length) { return {.until = lock_deadline::within(length)}; }

void do_nothing(void*, result<void>) {}

// An owner whose callback does something.
template <class Manager>
struct actor {
    using deed = void (*)(actor&, bool granted);

    actor(Manager& all, deed what) : locks{all}, owner{all}, then{what} {}

    void ask(const lock_path& path, lock_mode mode, const lock_options& options = {}) {
        owner.lock_async(
            path, mode,
            [](void* context, result<void> done) {
                actor& me = *static_cast<actor*>(context);
                ++me.calls;
                me.then(me, done.has_value());
            },
            this, options);
    }

    Manager& locks;
    lock_owner<Manager> owner;
    deed then;
    int calls = 0;
    std::string heard;
};

}  // namespace

TEST_CASE("whatever is locked: who waits for it is told once, when it is given back") {
    struct conflict {
        lock_path held;
        lock_path wanted;
    };
    const conflict all[] = {
        {lock_path::store(), lock_path::store()},
        {lock_path::store(), lock_path::table(accounts)},
        {lock_path::store(), key("b")},
        {lock_path::store(), range("a", "c")},
        {lock_path::table(accounts), lock_path::store()},
        {lock_path::table(accounts), lock_path::table(accounts)},
        {lock_path::table(accounts), key("b")},
        {lock_path::table(accounts), range("a", "c")},
        {key("b"), lock_path::table(accounts)},
        {key("b"), key("b")},
        {key("b"), range("a", "c")},
        {range("a", "c"), lock_path::store()},
        {range("a", "c"), key("b")},
        {range("a", "c"), range("a", "c")},
        {range("a", "c"), range("b", "")},
    };
    for (const conflict& one : all) {
        CAPTURE(one.held.text().as<std::string>());
        CAPTURE(one.wanted.text().as<std::string>());
        manager locks;
        {
            lock_owner holder{locks};
            asker waiter{locks};
            REQUIRE(holder.lock(one.held, lock_mode::X));
            CHECK(waiter.ask(one.wanted, lock_mode::X) == "waits");
            CHECK(locks.waiting().size() == 1);
            holder.release_all();
            CHECK(waiter.heard == "granted");
            CHECK(waiter.calls == 1);
            CHECK(waiter.owner.mode_of(one.wanted) == lock_mode::X);
            CHECK(said(holder.lock(one.held, lock_mode::X, at_once)) == "timed_out");
        }
        check_untouched(locks);
    }
}

TEST_CASE("a range is waited for at all that it meets, one after the other") {
    manager locks;
    lock_owner first{locks};
    lock_owner second{locks};
    lock_owner beside{locks};
    asker waiter{locks};
    REQUIRE(first.lock(key("b"), lock_mode::X));
    REQUIRE(second.lock(key("c"), lock_mode::X));
    REQUIRE(beside.lock(key("e"), lock_mode::X));
    CHECK(waiter.ask(range("a", "d"), lock_mode::S) == "waits");
    first.release_all();
    CHECK(waiter.heard == "waits");
    second.release_all();
    CHECK(waiter.heard == "granted");
    CHECK(waiter.calls == 1);
    CHECK(said(first.lock(key("b"), lock_mode::X, at_once)) == "timed_out");
    CHECK(said(first.lock(key("bb"), lock_mode::X, at_once)) == "timed_out");
    CHECK(said(first.lock(key("c"), lock_mode::S, at_once)) == "granted");
}

TEST_CASE("a key in a range is waited for in turn: nobody gets the range again first") {
    manager locks;
    lock_owner holder{locks};
    asker writer{locks};
    asker scanner{locks};
    REQUIRE(holder.lock(range("a", "c"), lock_mode::S));
    CHECK(writer.ask(key("b"), lock_mode::X) == "waits");
    CHECK(scanner.ask(range("a", "c"), lock_mode::S) == "waits");
    holder.release_all();
    CHECK(writer.heard == "granted");
    CHECK(scanner.heard == "waits");
    writer.owner.release_all();
    CHECK(scanner.heard == "granted");
}

TEST_CASE("the intents on the way to a key are waited for one by one") {
    manager locks;
    lock_owner of_store{locks};
    lock_owner of_table{locks};
    lock_owner of_key{locks};
    REQUIRE(of_key.lock(key("a"), lock_mode::S));
    REQUIRE(of_table.lock(lock_path::table(accounts), lock_mode::S));
    REQUIRE(of_store.lock(lock_path::store(), lock_mode::S));
    asker waiter{locks};
    CHECK(waiter.ask(key("a"), lock_mode::X) == "waits");
    CHECK(waiter.owner.mode_of(lock_path::store()) == lock_mode::none);
    of_store.release_all();
    CHECK(waiter.owner.mode_of(lock_path::store()) == lock_mode::IX);
    CHECK(waiter.owner.mode_of(lock_path::table(accounts)) == lock_mode::none);
    of_table.release_all();
    CHECK(waiter.owner.mode_of(lock_path::table(accounts)) == lock_mode::IX);
    CHECK(waiter.heard == "waits");
    of_key.release_all();
    CHECK(waiter.heard == "granted");
    CHECK(waiter.calls == 1);
}

TEST_CASE("expire() ends the waits whose deadline is over, and no others") {
    simulation world{1, {}};
    world.run([] {
        lock_manager<simulated> locks;
        lock_owner holder{locks};
        asker soon{locks};
        asker late{locks};
        asker never{locks};
        REQUIRE(holder.lock(key("k"), lock_mode::X));
        soon.ask(key("k"), lock_mode::X, within(milliseconds(1)));
        late.ask(range("a", "z"), lock_mode::S, within(milliseconds(5)));
        never.ask(lock_path::table(accounts), lock_mode::S);
        locks.expire();
        CHECK(locks.waiting().size() == 3);
        rest<simulated>(milliseconds(2));
        locks.expire();
        CHECK(soon.heard == "timed_out");
        CHECK(late.heard == "waits");
        CHECK(locks.counts().timeouts == 1);
        rest<simulated>(milliseconds(4));
        locks.expire();
        locks.expire();
        CHECK(late.heard == "timed_out");
        CHECK(never.heard == "waits");
        CHECK(late.owner.mode_of(range("a", "z")) == lock_mode::none);
        holder.release_all();
        CHECK(never.heard == "waits");  // for the intents that were taken on the way
        soon.owner.release_all();
        CHECK(never.heard == "granted");
        CHECK((soon.calls == 1 && late.calls == 1 && never.calls == 1));
        // The deadline was of that wait, and not of the owner.
        CHECK(soon.ask(key("k"), lock_mode::X) == "waits");
        locks.expire();
        CHECK(soon.heard == "waits");
        never.owner.release_all();
        CHECK(soon.heard == "granted");
    });
}

TEST_CASE("the background looks after deadlines and rings of those that wait without a thread") {
    simulation world{1, {}};
    world.run([] {
        lock_manager<simulated, detect_in_background<>> locks;
        lock_owner holder{locks};
        asker late{locks};
        asker one{locks};
        asker other{locks};
        REQUIRE(holder.lock(key("held"), lock_mode::X));
        late.ask(key("held"), lock_mode::S, within(milliseconds(30)));
        one.ask(key("a"), lock_mode::X);
        other.ask(key("b"), lock_mode::X);
        one.ask(key("b"), lock_mode::X);
        other.ask(key("a"), lock_mode::X);
        rest<simulated>(milliseconds(25));
        CHECK(late.heard == "waits");
        CHECK(one.heard == "waits");
        CHECK(other.heard == "deadlock");
        other.owner.release_to_retry();
        CHECK(one.heard == "granted");
        rest<simulated>(milliseconds(25));
        CHECK(late.heard == "timed_out");
    });
}

TEST_CASE("a refused wait leaves what was held, and the owner may ask again") {
    manager locks;
    lock_owner reader{locks};
    asker waiter{locks};
    REQUIRE(reader.lock(key("k"), lock_mode::S));
    CHECK(waiter.ask(key("k"), lock_mode::S) == "granted");
    CHECK(waiter.ask(key("k"), lock_mode::X, at_once) == "timed_out");
    CHECK(waiter.owner.mode_of(key("k")) == lock_mode::S);
    CHECK(waiter.ask(key("k"), lock_mode::X, within(nanoseconds{1})) == "waits");
    rest<posix>(microseconds(10));
    locks.expire();
    CHECK(waiter.heard == "timed_out");
    CHECK(waiter.owner.mode_of(key("k")) == lock_mode::S);
    CHECK(waiter.ask(range("a", "z"), lock_mode::X, within(nanoseconds{1})) == "waits");
    rest<posix>(microseconds(10));
    locks.expire();
    CHECK(waiter.heard == "timed_out");
    CHECK(waiter.owner.mode_of(range("a", "z")) == lock_mode::none);
    CHECK(waiter.ask(key("k"), lock_mode::X) == "waits");
    reader.release_all();
    CHECK(waiter.heard == "granted");
    CHECK(waiter.calls == 5);
}

TEST_CASE("a callback may lock again, at once or waiting, and release") {
    manager locks;
    lock_owner holder{locks};
    actor<manager> relay{locks, [](actor<manager>& me, bool granted) {
                             CHECK(granted);
                             const int call = me.calls;  // of this call: more come in it
                             if (call == 1) me.ask(key("free"), lock_mode::X);
                             if (call == 2) me.ask(key("second"), lock_mode::X);
                             if (call == 3) me.owner.release_all();
                         }};
    REQUIRE(holder.lock(key("first"), lock_mode::X));
    REQUIRE(holder.lock(key("second"), lock_mode::X));
    relay.ask(key("first"), lock_mode::X);
    CHECK(relay.calls == 0);
    REQUIRE(holder.unlock(key("first")));
    CHECK(relay.calls == 2);
    CHECK(relay.owner.mode_of(key("first")) == lock_mode::X);
    REQUIRE(holder.unlock(key("second")));
    CHECK(relay.calls == 3);
    CHECK(relay.owner.lock_count() == 0);
    holder.release_all();
    check_untouched(locks);
}

TEST_CASE("an owner may end in its own callback") {
    manager locks;
    {
        lock_owner holder{locks};
        REQUIRE(holder.lock(key("k"), lock_mode::X));
        auto owned = std::make_unique<lock_owner<manager>>(locks);
        lock_owner<manager>& waiter = *owned;
        waiter.lock_async(
            key("k"), lock_mode::S,
            [](void* context, result<void> done) {
                CHECK(done.has_value());
                static_cast<std::unique_ptr<lock_owner<manager>>*>(context)->reset();
            },
            &owned);
        REQUIRE(owned != nullptr);
        holder.release_all();
        CHECK(owned == nullptr);
    }
    check_untouched(locks);
}

TEST_CASE("a callback of expire() may do what others may: lock a table, begin an owner, look") {
    const death end = death_of([] {
        ::alarm(10);
        manager locks;
        lock_owner holder{locks};
        actor<manager> waiter{
            locks, [](actor<manager>& me, bool granted) {
                check(!granted, "a wait is granted that should be over");
                check(me.owner.lock(lock_path::table(orders), lock_mode::X, at_once).has_value(),
                      "a table that is free is not locked");
                lock_owner another{me.locks};
                check(another.lock(key("other"), lock_mode::X, at_once).has_value(),
                      "a key that is free is not locked");
                me.locks.expire();
                check(me.locks.held().size() > 3, "what is held is not told");
            }};
        check(holder.lock(key("k"), lock_mode::X).has_value(), "a free key");
        waiter.ask(key("k"), lock_mode::X, within(nanoseconds{1}));
        rest<posix>(microseconds(10));
        locks.expire();
        check(waiter.calls == 1, "a callback is not called once");
        waiter.owner.release_all();
        holder.release_all();
    });
    CHECK(end.said == "");
    CHECK(end.signal == 0);  // SIGALRM: it waits for itself
}

TEST_CASE("a callback that ends a dead-lock may do what others may: look, and detect itself") {
    const death end = death_of([] {
        ::alarm(10);
        manager locks;
        const auto tell = [](actor<manager>& me, bool granted) {
            if (granted) return;
            check(me.locks.counts().queues > 0, "there are queues");
            check(me.locks.deadlocks().size() <= 1, "there was one dead-lock");
            check(me.locks.waits().edge_count() <= 1, "the other still waits");
            check(me.locks.end_deadlocks() == 0, "there is no other dead-lock");
            me.owner.release_to_retry();
        };
        actor<manager> one{locks, tell};
        actor<manager> other{locks, tell};
        check(one.owner.lock(key("a"), lock_mode::X).has_value(), "a is free");
        check(other.owner.lock(key("b"), lock_mode::X).has_value(), "b is free");
        one.ask(key("b"), lock_mode::X);
        other.ask(key("a"), lock_mode::X);
        check(locks.end_deadlocks() == 1, "one dead-lock");
        check(one.calls == 1 && other.calls == 1, "each is called once");
    });
    CHECK(end.said == "");
    CHECK(end.signal == 0);  // SIGALRM: it waits for itself
}

namespace {

// How far apart the stack of callbacks was.
struct depth {
    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;
    std::size_t calls = 0;

    void note() {
        // Not the address of a variable: a sanitizer may keep those elsewhere.
        const auto at = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        lowest = at < lowest ? at : lowest;
        highest = at > highest ? at : highest;
        ++calls;
    }
};

}  // namespace

TEST_CASE("a thousand waits that end each other do not pile up on the stack") {
    struct link {
        link(manager& locks, depth& shared) : owner{locks}, stack{shared} {}
        lock_owner<manager> owner;
        depth& stack;
    };
    constexpr std::size_t count = 1'000;
    manager locks;
    depth stack;
    {
        lock_owner holder{locks};
        REQUIRE(holder.lock(key("k"), lock_mode::X));
        std::vector<std::unique_ptr<link>> chain;
        for (std::size_t i = 0; i < count; ++i) {
            chain.push_back(std::make_unique<link>(locks, stack));
            chain.back()->owner.lock_async(
                key("k"), lock_mode::X,
                [](void* context, result<void> done) {
                    CHECK(done.has_value());
                    link& me = *static_cast<link*>(context);
                    me.stack.note();
                    me.owner.release_all();
                },
                chain.back().get());
        }
        holder.release_all();
        CHECK(stack.calls == count);
        CHECK(stack.highest - stack.lowest < 16'384);
    }
    check_untouched(locks);
}

TEST_CASE("those let in together are told in the order in which they came") {
    struct reader {
        explicit reader(manager& locks, std::vector<int>& all, int mine)
            : owner{locks}, order{all}, number{mine} {}
        lock_owner<manager> owner;
        std::vector<int>& order;
        int number;
    };
    manager locks;
    lock_owner writer{locks};
    std::vector<int> order;
    reader readers[] = {reader{locks, order, 0}, reader{locks, order, 1}, reader{locks, order, 2}};
    REQUIRE(writer.lock(key("k"), lock_mode::X));
    for (reader& one : readers)
        one.owner.lock_async(
            key("k"), lock_mode::S,
            [](void* context, result<void>) {
                reader& me = *static_cast<reader*>(context);
                me.order.push_back(me.number);
            },
            &one);
    writer.release_all();
    CHECK(order == std::vector<int>{0, 1, 2});
}

TEST_CASE("an owner is not used while it waits without a thread") {
    const auto using_it = [](auto use) {
        return death_of([&] {
            manager locks;
            lock_owner holder{locks};
            lock_owner waiter{locks};
            holder.lock(key("k"), lock_mode::X).value();
            waiter.lock_async(key("k"), lock_mode::X, do_nothing, nullptr);
            use(waiter);
        });
    };
    using owner = lock_owner<manager>;
    const death ends[] = {
        using_it([](owner& used) { (void)used.lock(key("a"), lock_mode::S); }),
        using_it([](owner& used) { used.lock_async(key("a"), lock_mode::S, do_nothing, nullptr); }),
        using_it([](owner& used) { (void)used.unlock(key("k")); }),
        using_it([](owner& used) { used.release_all(); }),
        using_it([](owner& used) { used.release_to_retry(); }),
        using_it([](owner& used) { (void)used.deescalate(accounts); }),
        using_it([](owner& used) { used.~owner(); }),
    };
    for (const death& end : ends) {
        CHECK(end.signal == SIGABRT);
        CHECK(end.said == "mantis: an owner is used while an asynchronous lock is pending\n");
    }
}

TEST_CASE("a manager does not end before its owners") {
    const death end = death_of([] {
        auto locks = std::make_unique<manager>();
        lock_owner<manager> owner{*locks};
        locks.reset();
    });
    CHECK(end.signal == SIGABRT);
    CHECK(end.said == "mantis: a lock manager is destroyed before its owners\n");
}

TEST_CASE_TEMPLATE("real threads: each of many asynchronous locks is answered once, and alone",
                   Deadlock, detect_after<>, wait_die, wound_wait) {
    struct writer {
        explicit writer(lock_manager<posix, Deadlock>& locks) : owner{locks} {}
        void answered(bool yes) {
            granted = yes;
            calls.fetch_add(1);
            posix::parking::wake(calls, 1);
        }
        //   Returns     once it was answered
        bool lock() {
            calls.store(0);
            owner.lock_async(
                key("k"), lock_mode::X,
                [](void* context, result<void> done) {
                    static_cast<writer*>(context)->answered(done.has_value());
                },
                this);
            while (calls.load() == 0) (void)posix::parking::wait(calls, 0);
            return granted;
        }
        lock_owner<lock_manager<posix, Deadlock>> owner;
        posix::parking::word calls{0};
        bool granted = false;
    };
    constexpr std::size_t threads = 3;
    constexpr std::uint32_t rounds = 20'000;
    lock_manager<posix, Deadlock> locks;
    posix::atomic<std::uint32_t> inside{0};
    posix::atomic<std::uint32_t> together{0};
    posix::atomic<std::uint32_t> again{0};
    std::vector<posix::thread> all;
    for (std::size_t i = 0; i < threads; ++i)
        all.emplace_back([&] {
            writer me{locks};
            for (std::uint32_t round = 0; round < rounds; ++round) {
                while (!me.lock()) {
                    me.owner.release_to_retry();
                    me.owner.pause_before_retry();
                }
                if (inside.fetch_add(1) != 0) together.fetch_add(1);
                inside.fetch_sub(1);
                if (me.calls.load() != 1) again.fetch_add(1);
                me.owner.release_all();
            }
        });
    for (auto& thread : all) thread.join();
    CHECK(together.load() == 0);
    CHECK(again.load() == 0);
    check_untouched(locks);
}
