// SPDX-License-Identifier: BSL-1.0
//
// Who is let in first, and how often anybody is passed.
#include "asker.hpp"

#include <memory>
#include <vector>

using namespace lock_test;

namespace {

const lock_path hot = key("hot");

lock_options with_priority(std::uint8_t priority) { return {.priority = priority}; }

// Owners that wait for one lock and give it back when they have it, in the order in which they got
// it.
template <class Manager>
class line {
public:
    explicit line(Manager& locks, lock_path path = hot) : locks_{locks}, path_{path} {}

    void join(char name, const lock_options& options = {}, lock_mode mode = lock_mode::X) {
        places_.push_back(std::make_unique<place>(locks_, *this, name));
        place& mine = *places_.back();
        mine.owner.lock_async(path_, mode, &let_in, &mine, options);
    }
    lock_owner<Manager>& owner_of(char name) {
        for (auto& one : places_)
            if (one->name == name) return one->owner;
        return places_.front()->owner;
    }
    [[nodiscard]] const std::string& order() const { return order_; }

private:
    struct place {
        place(Manager& locks, line& all, char named) : owner{locks}, home{all}, name{named} {}
        lock_owner<Manager> owner;
        line& home;
        char name;
    };
    static void let_in(void* context, result<void> done) {
        place& mine = *static_cast<place*>(context);
        mine.home.order_.push_back(done ? mine.name : '!');
        mine.owner.release_all();
    }

    Manager& locks_;
    lock_path path_;
    std::string order_;
    std::vector<std::unique_ptr<place>> places_;
};

}  // namespace

TEST_CASE("those of one priority are let in as they came") {
    lock_manager<posix> locks;
    lock_owner holder{locks};
    REQUIRE(holder.lock(hot, lock_mode::X));
    line waiters{locks};
    for (const char name : std::string{"abcdefgh"}) waiters.join(name);
    holder.release_all();
    CHECK(waiters.order() == "abcdefgh");
}

TEST_CASE("a larger priority is let in first, and of one priority who came first") {
    lock_manager<posix> locks;
    lock_owner holder{locks};
    REQUIRE(holder.lock(hot, lock_mode::X));
    line waiters{locks};
    const std::uint8_t priorities[] = {1, 0, 2, 1, 0, 2, 255};
    for (std::size_t i = 0; i < 7; ++i)
        waiters.join(static_cast<char>('a' + i), with_priority(priorities[i]));
    holder.release_all();
    CHECK(waiters.order() == "gcfadbe");
}

TEST_CASE("a larger priority goes ahead of those who wait also where it need not wait itself") {
    lock_manager<posix> locks;
    lock_owner reader{locks};
    asker writer{locks};
    asker equal{locks};
    asker larger{locks};
    REQUIRE(reader.lock(hot, lock_mode::S));
    CHECK(writer.ask(hot, lock_mode::X, with_priority(1)) == "waits");
    CHECK(equal.ask(hot, lock_mode::S, with_priority(1)) == "waits");
    CHECK(larger.ask(hot, lock_mode::S, with_priority(2)) == "granted");
    reader.release_all();
    larger.owner.release_all();
    CHECK(writer.heard == "granted");
    writer.owner.release_all();
    CHECK(equal.heard == "granted");
}

TEST_CASE("nobody is passed by larger priorities more often than the bound says") {
    for (const std::uint32_t bound : {0U, 1U, 3U, 8U}) {
        CAPTURE(bound);
        lock_manager<posix> locks{{.bypass_bound = bound}};
        lock_owner holder{locks};
        REQUIRE(holder.lock(hot, lock_mode::X));
        line waiters{locks};
        waiters.join('x');
        for (std::uint32_t i = 0; i < 2 * bound + 3; ++i) waiters.join('P', with_priority(9));
        waiters.join('y');
        holder.release_all();
        CHECK(waiters.order().find('x') == bound);
        CHECK(waiters.order().back() == 'y');
    }
}

TEST_CASE("readers of larger priority pass one who waits to write as often as the bound says") {
    for (const std::uint32_t bound : {1U, 3U, 8U}) {
        CAPTURE(bound);
        lock_manager<posix> locks{{.bypass_bound = bound}};
        std::vector<std::unique_ptr<asker<lock_manager<posix>>>> readers;
        const auto reads = [&] {
            readers.push_back(std::make_unique<asker<lock_manager<posix>>>(locks));
            return readers.back()->ask(hot, lock_mode::S, with_priority(9)) == "granted";
        };
        CHECK(reads());
        asker writer{locks};
        CHECK(writer.ask(hot, lock_mode::X) == "waits");
        std::uint32_t passes = 0;
        while (passes < 100 && reads()) ++passes;
        CHECK(passes == bound);
        for (auto& reader : readers)
            if (reader->heard == "granted") reader->owner.release_all();
        CHECK(writer.heard == "granted");
        writer.owner.release_all();
    }
}

TEST_CASE("one who wants more of what it has comes before all newcomers, whatever their priority") {
    lock_manager<posix> locks;
    lock_owner reader{locks};
    asker grows{locks};
    REQUIRE(reader.lock(hot, lock_mode::S));
    CHECK(grows.ask(hot, lock_mode::S) == "granted");
    line waiters{locks};
    waiters.join('a', with_priority(9));
    CHECK(grows.ask(hot, lock_mode::X) == "waits");
    waiters.join('b', with_priority(9));
    reader.release_all();
    CHECK(grows.heard == "granted");
    CHECK(waiters.order().empty());
    grows.owner.release_all();
    CHECK(waiters.order() == "ab");
}

TEST_CASE("a reader of larger priority does not pass one who wants more of what it has") {
    lock_manager<posix> locks;
    lock_owner reader{locks};
    asker grows{locks};
    asker late{locks};
    REQUIRE(reader.lock(hot, lock_mode::S));
    CHECK(grows.ask(hot, lock_mode::S) == "granted");
    CHECK(grows.ask(hot, lock_mode::X) == "waits");
    CHECK(late.ask(hot, lock_mode::S, with_priority(9)) == "waits");
    reader.release_all();
    CHECK(grows.heard == "granted");
    grows.owner.release_all();
    CHECK(late.heard == "granted");
}

TEST_CASE("one who wants more does not wait for those who wait themselves") {
    lock_manager<posix> locks;
    lock_owner reader{locks};
    lock_owner other{locks};
    asker writer{locks};
    REQUIRE(reader.lock(hot, lock_mode::S));
    REQUIRE(other.lock(hot, lock_mode::IS));
    CHECK(writer.ask(hot, lock_mode::X) == "waits");
    CHECK(reader.lock(hot, lock_mode::SIX, at_once));
    CHECK(other.lock(hot, lock_mode::IS, at_once));
    other.release_all();
    reader.release_all();
    CHECK(writer.heard == "granted");
}

TEST_CASE("readers that come later do not pass one who waits to write") {
    lock_manager<posix> locks;
    lock_owner reader{locks};
    asker writer{locks};
    asker late{locks};
    REQUIRE(reader.lock(hot, lock_mode::S));
    CHECK(writer.ask(hot, lock_mode::X) == "waits");
    CHECK(late.ask(hot, lock_mode::S) == "waits");
    reader.release_all();
    CHECK(writer.heard == "granted");
    CHECK(late.heard == "waits");
    writer.owner.release_all();
    CHECK(late.heard == "granted");
}

TEST_CASE("who blocks more others is let in first where the policy says so, else who came first") {
    const auto order = [](auto& locks) {
        lock_owner holder{locks};
        holder.lock(hot, lock_mode::X).value();
        line waiters{locks};
        // c has the key that two others wait for, b one that one waits for, a none.
        waiters.join('a');
        lock_owner b{locks};
        lock_owner c{locks};
        b.lock(key("b"), lock_mode::X).value();
        c.lock(key("c"), lock_mode::X).value();
        asker first{locks};
        asker second{locks};
        asker third{locks};
        first.ask(key("b"), lock_mode::S);
        second.ask(key("c"), lock_mode::S);
        third.ask(key("c"), lock_mode::S);
        struct told {
            std::string& order;
            char name;
        };
        std::string heard;
        told of_b{heard, 'b'};
        told of_c{heard, 'c'};
        const auto note = [](void* context, result<void>) {
            const told& one = *static_cast<told*>(context);
            one.order.push_back(one.name);
        };
        b.lock_async(hot, lock_mode::X, note, &of_b);
        c.lock_async(hot, lock_mode::X, note, &of_c);
        holder.release_all();
        if (heard == "c") {
            CHECK(waiters.order().empty());
            c.release_all();
        }
        if (heard == "cb") CHECK(waiters.order().empty());
        if (heard == "b") b.release_all();
        const std::string all = waiters.order() + heard;
        b.release_all();
        if (all != "cb") c.release_all();
        CHECK(waiters.order() == "a");
        return all;
    };
    lock_manager<posix, detect_after<>, most_blocking_first> by_blocked;
    CHECK(order(by_blocked) == "cb");
    lock_manager<posix> by_arrival;
    CHECK(order(by_arrival) == "abc");
}

TEST_CASE("nobody is passed by those who block more often than the bound says") {
    for (const std::uint32_t bound : {1U, 4U}) {
        CAPTURE(bound);
        using manager = lock_manager<posix, detect_after<>, most_blocking_first>;
        manager locks{{.bypass_bound = bound}};
        lock_owner holder{locks};
        REQUIRE(holder.lock(hot, lock_mode::X));
        asker patient{locks};
        CHECK(patient.ask(hot, lock_mode::X) == "waits");
        std::uint32_t passes = 0;
        std::vector<std::unique_ptr<asker<manager>>> blockers;
        std::vector<std::unique_ptr<asker<manager>>> blocked;
        for (std::size_t i = 0; i < 10; ++i) {
            const std::string name = std::to_string(i);
            blockers.push_back(std::make_unique<asker<manager>>(locks));
            REQUIRE(blockers.back()->owner.lock(key(name), lock_mode::X));
            blocked.push_back(std::make_unique<asker<manager>>(locks));
            CHECK(blocked.back()->ask(key(name), lock_mode::X) == "waits");
            CHECK(blockers.back()->ask(hot, lock_mode::X) == "waits");
        }
        holder.release_all();
        while (patient.heard == "waits" && passes < 100) {
            for (auto& one : blockers)
                if (one->heard == "granted") {
                    ++passes;
                    one->heard = "done";
                    one->owner.release_all();
                    break;
                }
        }
        CHECK(passes == bound);
        patient.owner.release_all();
        for (auto& one : blockers)
            while (one->heard == "granted") {
                one->heard = "done";
                one->owner.release_all();
            }
    }
}

TEST_CASE("seeds: the one in front is passed by those that run no more often than the bound says") {
    for (const std::uint32_t bound : {0U, 2U, 5U}) {
        CAPTURE(bound);
        std::uint32_t most = 0;
        for_seeds(80, [&] {
            lock_manager<simulated> locks{{.shard_count = 1, .bypass_bound = bound}};
            lock_owner front{locks};
            bool waits = false;
            bool let_in = false;
            std::uint32_t passes = 0;
            std::vector<simulated::thread> threads;
            lock_owner holder{locks};
            REQUIRE(holder.lock(hot, lock_mode::X));
            threads.emplace_back([&] {
                REQUIRE(front.lock(hot, lock_mode::X));
                let_in = true;
                front.release_all();
            });
            until_waiting(locks, 1);
            waits = true;
            for (int i = 0; i < 2; ++i)
                threads.emplace_back([&] {
                    lock_owner runner{locks};
                    for (int round = 0; round < 12; ++round) {
                        REQUIRE(runner.lock(hot, lock_mode::X));
                        if (waits && !let_in) ++passes;
                        runner.release_all();
                    }
                });
            holder.release_all();
            for (auto& thread : threads) thread.join();
            CHECK(passes <= bound);
            most = passes > most ? passes : most;
        });
        CHECK(most == bound);  // it does happen
    }
}
