// SPDX-License-Identifier: BSL-1.0
//
// Owners that wait for each other in a ring, or would: how many give way, who, and what is told.
#include "asker.hpp"
#include "storm.hpp"

#include <map>
#include <memory>
#include <set>
#include <vector>

using namespace lock_test;

namespace {

std::string name_of_key(std::size_t number) { return std::to_string(number); }

// Why one owner of a ring should give way: of all others the contrary holds, and what another
// policy looks at speaks for somebody else.
struct standing {
    std::uint64_t work = 100;
    std::uint32_t retries = 0;
    std::uint8_t priority = 5;
    std::size_t more_locks = 1;
    std::size_t turn = 0;  // the last to wait is the youngest
};
template <class Victim>
standing standing_of(std::size_t owner, std::size_t chosen, std::size_t count) {
    standing made;
    const bool it = owner == chosen;
    made.turn = it ? 0 : owner + 1;
    if (std::is_same_v<Victim, youngest_victim>) made.turn = it ? count + 1 : owner + 1;
    else if (std::is_same_v<Victim, fewest_locks_victim>) made.more_locks = it ? 0 : 2;
    else if (std::is_same_v<Victim, least_work_victim>) made.work = it ? 7 : 100 + owner;
    else if (std::is_same_v<Victim, lowest_priority_victim>) made.priority = it ? 2 : 3;
    else made.retries = it ? 1 : 2;
    if (it && !std::is_same_v<Victim, fewest_locks_victim>) made.more_locks = 3;
    if (it && !std::is_same_v<Victim, least_work_victim>) made.work = 1'000;
    if (it && !std::is_same_v<Victim, lowest_priority_victim>) made.priority = 9;
    return made;
}

// Each edge leads to the next owner, and says where and in which modes they meet.
void check_report(const deadlock_report& report, const std::vector<std::uint64_t>& ids) {
    const deadlock_cycle& ring = report.cycle;
    const std::size_t count = ids.size();
    REQUIRE(ring.nodes.size() == count);
    REQUIRE(ring.edges.size() == count);
    std::set<std::uint64_t> seen;
    for (std::size_t i = 0; i < count; ++i) {
        const wait_node& node = ring.nodes[i];
        const wait_edge& edge = ring.edges[i];
        seen.insert(node.owner);
        CHECK(edge.waiter == node.owner);
        CHECK(edge.blocker == ring.nodes[(i + 1) % count].owner);
        CHECK(edge.wanted == lock_mode::X);
        CHECK(edge.held == lock_mode::X);
        CHECK_FALSE(edge.blocker_waits);
        for (std::size_t owner = 0; owner < count; ++owner)
            if (ids[owner] == node.owner) {
                const std::string text = "key 1/" + name_of_key((owner + 1) % count);
                CHECK(edge.resource.as<std::string>() == text);
                CHECK(node.resource.as<std::string>() == text);
            }
    }
    CHECK(seen == std::set<std::uint64_t>(ids.begin(), ids.end()));
}

template <class Manager>
class member {
public:
    member(Manager& locks, std::size_t number, const standing& as)
        : owner{locks, "ring"}, standing_{as} {
        for (std::uint32_t i = 0; i < as.retries; ++i) owner.release_to_retry();
        owner.set_work(as.work);
        owner.lock(key(name_of_key(number)), lock_mode::X).value();
        for (std::size_t i = 0; i < as.more_locks; ++i)
            owner.lock(lock_path::key(orders, name_of_key(100 * number + i)), lock_mode::X).value();
    }
    // Waits for the next one of the ring; then all is given back.
    void close(std::size_t next) {
        rest<typename Manager::platform>(
            microseconds(20 * static_cast<std::int64_t>(standing_.turn)));
        heard = said(
            owner.lock(key(name_of_key(next)), lock_mode::X, {.priority = standing_.priority}));
        owner.release_all();
    }

    lock_owner<Manager> owner;
    std::string heard;

private:
    standing standing_;
};

// Any of the victim policies, so that one lock manager is compiled for all of them.
struct victim_as_told {
    static inline std::size_t (*choice)(const deadlock_cycle& cycle) = nullptr;
    static std::size_t choose(const deadlock_cycle& cycle) { return choice(cycle); }
};

template <class Victim, class Deadlock>
void check_ring(std::size_t count, std::size_t chosen) {
    CAPTURE(count);
    CAPTURE(chosen);
    using manager = lock_manager<simulated, Deadlock>;
    simulation world{count * 10 + chosen, {}};
    world.run([&] {
        manager locks{{.shard_count = 4}};
        {
            std::vector<std::unique_ptr<member<manager>>> ring;
            std::vector<std::uint64_t> ids;
            for (std::size_t i = 0; i < count; ++i) {
                ring.push_back(std::make_unique<member<manager>>(
                    locks, i, standing_of<Victim>(i, chosen, count)));
                ids.push_back(ring.back()->owner.id());
            }
            std::vector<simulated::thread> threads;
            for (std::size_t i = 0; i < count; ++i)
                threads.emplace_back([&, i] { ring[i]->close((i + 1) % count); });
            for (auto& thread : threads) thread.join();
            for (std::size_t i = 0; i < count; ++i) {
                CAPTURE(i);
                CHECK(ring[i]->heard == (i == chosen ? "deadlock" : "granted"));
            }
            const auto reports = locks.deadlocks();
            REQUIRE(reports.size() == 1);
            CHECK(locks.counts().deadlocks == 1);
            check_report(reports[0], ids);
            CHECK(reports[0].cycle.nodes[reports[0].victim].owner == ids[chosen]);
        }
        check_untouched(locks);
    });
}
template <class Victim>
void check_rings() {
    victim_as_told::choice = &Victim::choose;
    for (std::size_t count = 2; count <= 6; ++count)
        for (std::size_t chosen = 0; chosen < count; ++chosen) {
            check_ring<Victim, detect_at_once<victim_as_told>>(count, chosen);
            check_ring<Victim, detect_after<victim_as_told>>(count, chosen);
            check_ring<Victim, detect_in_background<victim_as_told>>(count, chosen);
        }
}

}  // namespace

TEST_CASE_TEMPLATE(
    "a ring of two to six has one victim, the one that the policy names, and is told", Victim,
    youngest_victim, fewest_locks_victim, least_work_victim, lowest_priority_victim,
    adaptive_victim) {
    check_rings<Victim>();
}

TEST_CASE("two rings that have nothing in common have two victims") {
    using manager = lock_manager<posix>;
    manager locks;
    asker a{locks};
    asker b{locks};
    asker c{locks};
    asker d{locks};
    asker e{locks};
    asker<manager>* const all[] = {&a, &b, &c, &d, &e};
    for (std::size_t i = 0; i < 5; ++i)
        REQUIRE(all[i]->owner.lock(key(name_of_key(i)), lock_mode::X));
    const std::size_t next[] = {1, 0, 3, 4, 2};
    for (std::size_t i = 0; i < 5; ++i)
        CHECK(all[i]->ask(key(name_of_key(next[i])), lock_mode::X) == "waits");
    CHECK(locks.end_deadlocks() == 2);
    CHECK(locks.end_deadlocks() == 0);
    CHECK(b.heard == "deadlock");
    CHECK(e.heard == "deadlock");
    const auto reports = locks.deadlocks();
    REQUIRE(reports.size() == 2);
    CHECK(reports[0].cycle.size() + reports[1].cycle.size() == 5);
    b.owner.release_all();
    e.owner.release_all();
    CHECK(a.heard == "granted");
    CHECK(d.heard == "granted");
    a.owner.release_all();
    d.owner.release_all();
    CHECK(c.heard == "granted");
    c.owner.release_all();
    check_untouched(locks);
}

TEST_CASE("as many of the last dead-locks are told as the options say, the latest first") {
    using manager = lock_manager<posix>;
    manager locks{{.kept_deadlocks = 2}};
    for (const char* const shared : {"first", "second", "third"}) {
        asker one{locks};
        asker other{locks};
        REQUIRE(one.owner.lock(key(shared), lock_mode::S));
        REQUIRE(other.owner.lock(key(shared), lock_mode::S));
        CHECK(one.ask(key(shared), lock_mode::X) == "waits");
        CHECK(other.ask(key(shared), lock_mode::X) == "waits");
        CHECK(locks.end_deadlocks() == 1);
        CHECK(other.heard == "deadlock");
        other.owner.release_all();
        CHECK(one.heard == "granted");
    }
    const auto reports = locks.deadlocks();
    REQUIRE(reports.size() == 2);
    CHECK(reports[0].cycle.edges[0].resource.view() == "key 1/third");
    CHECK(reports[1].cycle.edges[0].resource.view() == "key 1/second");
    CHECK(reports[1].time <= reports[0].time);
    CHECK(locks.counts().deadlocks == 3);
}

TEST_CASE("two rings through one owner are ended by as many victims as it takes, and no more") {
    using manager = lock_manager<posix>;
    manager locks;
    asker reader{locks};
    asker other{locks};
    asker writer{locks};
    REQUIRE(reader.owner.lock(key("a"), lock_mode::S));
    REQUIRE(other.owner.lock(key("a"), lock_mode::S));
    REQUIRE(writer.owner.lock(key("b"), lock_mode::X));
    CHECK(reader.ask(key("b"), lock_mode::S) == "waits");
    CHECK(other.ask(key("b"), lock_mode::S) == "waits");
    CHECK(writer.ask(key("a"), lock_mode::X) == "waits");  // the youngest, and in both
    CHECK(locks.end_deadlocks() == 1);
    CHECK(writer.heard == "deadlock");
    CHECK(reader.heard == "waits");
    CHECK(other.heard == "waits");
    writer.owner.release_all();
    CHECK(reader.heard == "granted");
    CHECK(other.heard == "granted");
}

TEST_CASE("waits that are no ring have no victim") {
    using manager = lock_manager<posix>;
    manager locks;
    lock_owner holder{locks};
    asker first{locks};
    asker second{locks};
    REQUIRE(holder.lock(key("a"), lock_mode::S));
    CHECK(first.ask(key("a"), lock_mode::S) == "granted");
    CHECK(first.ask(key("a"), lock_mode::X) == "waits");  // converts, and meets its own S
    REQUIRE(second.owner.lock(key("b"), lock_mode::X));
    CHECK(second.ask(key("a"), lock_mode::S) == "waits");  // behind the conversion
    CHECK(locks.end_deadlocks() == 0);
    holder.release_all();
    CHECK(first.heard == "granted");
    first.owner.release_all();
    CHECK(second.heard == "granted");
    CHECK(locks.counts().deadlocks == 0);
}

namespace {

// One that has done little meets owner after owner that has done more, in a ring with each.
//   Returns     how often it gave way
template <class Victim>
int defeats_of_the_poorest(int rounds) {
    victim_as_told::choice = &Victim::choose;
    using manager = lock_manager<posix, detect_after<victim_as_told>>;
    manager locks;
    asker poor{locks};
    poor.owner.set_work(1);
    int defeats = 0;
    for (int round = 0; round < rounds; ++round) {
        asker rich{locks};
        rich.owner.set_work(1'000);
        REQUIRE(rich.owner.lock(key("a"), lock_mode::X));
        REQUIRE(rich.owner.lock(key("c"), lock_mode::X));
        REQUIRE(poor.owner.lock(key("b"), lock_mode::X));
        CHECK(rich.ask(key("b"), lock_mode::X) == "waits");
        CHECK(poor.ask(key("a"), lock_mode::X) == "waits");
        CHECK(locks.end_deadlocks() == 1);
        if (poor.heard == "deadlock") ++defeats;
        asker<manager>& victim = poor.heard == "deadlock" ? poor : rich;
        asker<manager>& winner = poor.heard == "deadlock" ? rich : poor;
        CHECK(victim.heard == "deadlock");
        victim.owner.release_to_retry();
        CHECK(winner.heard == "granted");
        if (&winner == &poor) poor.owner.release_to_retry();  // still not done
        rich.owner.release_all();
    }
    return defeats;
}

}  // namespace

TEST_CASE("with adaptive_victim the poorest gives way once, and with least_work_victim always") {
    CHECK(defeats_of_the_poorest<adaptive_victim>(10) == 1);
    CHECK(defeats_of_the_poorest<least_work_victim>(10) == 10);
    CHECK(defeats_of_the_poorest<youngest_victim>(10) <= 1);
}

TEST_CASE_TEMPLATE("seeds: in a storm of retries everybody finishes, after a bounded number",
                   Victim, adaptive_victim, youngest_victim) {
    victim_as_told::choice = &Victim::choose;
    std::uint64_t victims = 0;
    std::uint64_t most = 0;
    for (std::uint64_t seed = 0; seed < 80; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 5'000'000, .scheduling = drawn_schedule(seed)}};
        world.run([&] {
            const storm_options options{.owners = 5,
                                        .keys = 2,
                                        .transactions = 5,
                                        .seed = seed,
                                        .ranges_and_tables = false,
                                        .manager = {.shard_count = 2, .bypass_bound = 2}};
            const storm_result one =
                check_storm<lock_manager<simulated, detect_at_once<victim_as_told>>>(options);
            victims += one.victims;
            most = one.most_retries > most ? one.most_retries : most;
        });
    }
    CHECK(victims > 100);
    CHECK(most <= 15);  // three times the owners
}

namespace {

// Owners on one thread that lock asynchronously whatever comes, under a policy that prevents.
template <class Deadlock>
class prevention {
public:
    using manager = lock_manager<posix, Deadlock>;

    explicit prevention(std::uint64_t seed) : random_{seed} {
        for (std::size_t i = 0; i < 5; ++i)
            all_.push_back(std::make_unique<asker<manager>>(locks_));
    }
    void run() {
        for (int step = 0; step < 400; ++step) {
            CAPTURE(step);
            act(random_.below(all_.size()));
            check_waits();
        }
        finish();
        check_untouched(locks_);
    }
    [[nodiscard]] std::uint64_t waits() const { return waits_; }
    [[nodiscard]] std::uint64_t victims() const { return victims_; }

private:
    void act(std::size_t number) {
        asker<manager>& one = *all_[number];
        if (one.heard == "waits") return;
        if (one.heard == "deadlock") {
            ++victims_;
            one.heard = "";
            return one.owner.release_to_retry();
        }
        if (random_.below(5) == 0) {
            births_.erase(one.owner.id());
            return one.owner.release_all();
        }
        if (births_.count(one.owner.id()) == 0) births_[one.owner.id()] = ++last_birth_;
        const lock_mode modes[] = {lock_mode::S, lock_mode::U, lock_mode::X};
        const lock_mode mode = modes[random_.below(3)];
        const std::string low = name_of_key(random_.below(4));
        const std::size_t what = random_.below(8);
        if (what == 0) one.ask(range(low, ""), mode);
        else one.ask(key(low), mode);
    }
    // Who waits is older than whom it waits for, or younger: then nobody waits in a ring.
    void check_waits() {
        const wait_graph graph = locks_.waits();
        graph.each_edge([&](const wait_edge& edge) {
            ++waits_;
            const std::uint64_t waiter = births_.at(edge.waiter);
            const std::uint64_t blocker = births_.at(edge.blocker);
            CHECK(Deadlock::detects == false);
            const bool may =
                Deadlock::judge(waiter, blocker) == lock_verdict::wait ||
                (Deadlock::judge(waiter, blocker) == lock_verdict::wound && wounded(edge.blocker));
            CHECK(may);
        });
        CHECK(wait_graph{graph}.find_any_cycle().empty());
    }
    [[nodiscard]] bool wounded(std::uint64_t id) const {
        for (const auto& one : all_)
            if (one->owner.id() == id) return one->owner.wounded();
        return false;
    }
    // As there is no ring, somebody can always go on.
    void finish() {
        for (std::size_t round = 0; round <= all_.size(); ++round)
            for (auto& one : all_)
                if (one->heard != "waits") one->owner.release_all();
    }

    dice random_;
    manager locks_;
    std::vector<std::unique_ptr<asker<manager>>> all_;
    std::map<std::uint64_t, std::uint64_t> births_;
    std::uint64_t last_birth_ = 0;
    std::uint64_t waits_ = 0;
    std::uint64_t victims_ = 0;
};

}  // namespace

TEST_CASE_TEMPLATE("with prevention no wait is against the order of ages, and there is no ring",
                   Deadlock, wait_die, wound_wait, no_wait) {
    std::uint64_t waits = 0;
    std::uint64_t victims = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        prevention<Deadlock> one{seed};
        one.run();
        waits += one.waits();
        victims += one.victims();
    }
    CHECK(victims > 500);
    if (std::is_same_v<Deadlock, no_wait>) CHECK(waits == 0);
    else CHECK(waits > 500);
}
