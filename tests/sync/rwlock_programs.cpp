// SPDX-License-Identifier: BSL-1.0
//
// Small programs of three threads under every schedule, and random ones under drawn schedules,
// against a specification of who may be inside.
#include <doctest/doctest.h>

#include <mantis/platform/simulated/exhaustive.hpp>
#include <mantis/sync/rwlock.hpp>

#include <cstring>
#include <string>

using namespace mantis;

namespace {

// Bounds that are reached by a few entries, and one that never is.
using strict = writer_preference<1, nanoseconds{0}, 1>;
using narrow = writer_preference<2, nanoseconds{2'000}, 2>;
using by_count = writer_preference<1, seconds(1), 4095>;

// Who is inside: plain numbers, for between two steps of the simulator nobody else runs.
struct specification {
    int readers = 0;
    int writers = 0;
    bool kept = true;

    void begin_reading() {
        kept = kept && writers == 0;
        ++readers;
    }
    void begin_writing() {
        kept = kept && writers == 0 && readers == 0;
        ++writers;
    }
    void upgrade() {
        kept = kept && writers == 0 && readers == 1;
        --readers;
        ++writers;
    }
    void downgrade() {
        --writers;
        ++readers;
    }
};

template <class Bound>
struct scene {
    rwlock<simulated, Bound> lock;
    specification inside;

    void stay() { simulated::parking::relax(); }
    void read(bool got = true) {
        if (!got) return;
        inside.begin_reading();
        stay();
        end_reading();
    }
    void end_reading() {
        --inside.readers;
        lock.unlock_shared();
    }
    void write(bool got = true) {
        if (!got) return;
        inside.begin_writing();
        stay();
        end_writing();
    }
    void end_writing() {
        --inside.writers;
        lock.unlock();
    }
    void write_and_read(bool got) {
        if (!got) return;
        inside.begin_writing();
        stay();
        inside.downgrade();
        lock.downgrade();
        stay();
        end_reading();
    }
    // A read, and where `upgrade` succeeds a write after it, and a read again.
    template <class Upgrade>
    void read_and_write(Upgrade upgrade, bool back) {
        lock.lock_shared();
        inside.begin_reading();
        stay();
        if (!upgrade()) return end_reading();
        inside.upgrade();
        stay();
        if (!back) return end_writing();
        inside.downgrade();
        lock.downgrade();
        stay();
        end_reading();
    }

    //   w W t    lock, try_lock_for, try_lock; l h: lock of low and of high priority
    //   r R s    the same, shared
    //   u U v    lock_shared, then upgrade, try_upgrade_for, try_upgrade
    //   b d D    upgrade and downgrade; lock and downgrade; try_lock_for and downgrade
    void act(char what, nanoseconds length) {
        switch (what) {
            case 'w': return lock.lock(), write();
            case 'l': return lock.lock(lock_priority::low), write();
            case 'h': return lock.lock(lock_priority::high), write();
            case 'W': return write(lock.try_lock_for(length));
            case 't': return write(lock.try_lock());
            case 'r': return lock.lock_shared(), read();
            case 'R': return read(lock.try_lock_shared_for(length));
            case 's': return read(lock.try_lock_shared());
            case 'u': return read_and_write([&] { return lock.upgrade(); }, false);
            case 'U': return read_and_write([&] { return lock.try_upgrade_for(length); }, false);
            case 'v': return read_and_write([&] { return lock.try_upgrade(); }, false);
            case 'b': return read_and_write([&] { return lock.upgrade(); }, true);
            case 'd': return lock.lock(), write_and_read(true);
            case 'D': return write_and_read(lock.try_lock_for(length));
            default: FAIL("no such act");
        }
    }
    // One thread for each text. A wake-up that is lost is a dead-lock, which stops the program.
    //   Returns     whether nobody was inside beside another, and the lock is as new at the end
    bool play(const std::vector<std::string>& parts, nanoseconds length) {
        std::vector<simulated::thread> others;
        for (std::size_t i = 1; i < parts.size(); ++i)
            others.emplace_back([&, i] {
                for (const char what : parts[i]) act(what, length);
            });
        for (const char what : parts[0]) act(what, length);
        for (auto& other : others) other.join();
        std::uint64_t word = 1;
        static_assert(sizeof word == sizeof lock);
        std::memcpy(&word, static_cast<const void*>(&lock), sizeof word);
        return inside.kept && inside.readers == 0 && inside.writers == 0 && word == 0;
    }
};

template <class Bound>
exhaustive_report every_schedule(const std::vector<std::string>& parts, unsigned preemptions,
                                 nanoseconds length = microseconds(2)) {
    return exhaustive_schedules(
        [&](simulation& world) {
            bool good = false;
            world.run([&] {
                scene<Bound> stage;
                good = stage.play(parts, length);
            });
            return good;
        },
        {.max_preemptions = preemptions, .max_runs = 40'000, .world = {.max_steps = 100'000}});
}

template <class Bound = writer_preference<>>
void check_every_schedule(const std::vector<std::string>& parts, unsigned preemptions,
                          nanoseconds length = microseconds(2)) {
    std::string program;
    for (const std::string& part : parts) program += part + "|";
    CAPTURE(program);
    const exhaustive_report report = every_schedule<Bound>(parts, preemptions, length);
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
}

template <class Bound>
bool random_program(std::uint64_t seed) {
    seeded_random random{seed};
    const char* const acts = random.one_in(2) ? "wWtlhrRsuUvbdD" : "wWrRhU";
    std::vector<std::string> parts(2 + random.below(4));
    for (std::string& part : parts)
        for (std::uint64_t i = 0; i < 6; ++i) part += acts[random.below(std::strlen(acts))];
    const nanoseconds length{static_cast<std::int64_t>(std::uint64_t{1} << random.below(15))};
    simulation world{seed, {.max_steps = 2'000'000, .scheduling = drawn_schedule(seed)}};
    bool good = false;
    world.run([&] {
        scene<Bound> stage;
        good = stage.play(parts, length);
    });
    return good;
}

}  // namespace

TEST_CASE("every schedule with two preemptions: writers, readers and tries of three threads") {
    check_every_schedule({"w", "w", "r"}, 2);
    check_every_schedule({"w", "r", "r"}, 2);
    check_every_schedule({"t", "w", "s"}, 2);
}

TEST_CASE("every schedule with two preemptions: upgrade against a reader, a writer, an upgrade") {
    check_every_schedule({"u", "r", "w"}, 2);
    check_every_schedule({"u", "u", "r"}, 2);
    check_every_schedule({"v", "u", "w"}, 2);
    check_every_schedule({"b", "r", "w"}, 2);
}

TEST_CASE("every schedule with two preemptions: downgrade against readers and writers") {
    check_every_schedule({"d", "r", "w"}, 2);
    check_every_schedule({"d", "r", "r"}, 2);
}

TEST_CASE("every schedule: a wait that ends at its deadline against those behind and before it") {
    for (const nanoseconds length : {nanoseconds{0}, microseconds(4)}) {
        check_every_schedule({"W", "r", "r"}, 2, length);
        check_every_schedule({"R", "w", "w"}, 2, length);
        check_every_schedule({"W", "w", "w"}, 2, length);
        check_every_schedule({"U", "r", "w"}, 2, length);
        check_every_schedule({"U", "r", "R"}, 2, length);
        check_every_schedule({"D", "W", "R"}, 2, length);
    }
}

TEST_CASE("every schedule: bounds that are reached at the first entry") {
    check_every_schedule<strict>({"ww", "w", "r"}, 2);
    check_every_schedule<strict>({"ww", "w", "w"}, 2);
    check_every_schedule<strict>({"wd", "w", "r"}, 2);
    check_every_schedule<strict>({"ww", "W", "R"}, 2);
    check_every_schedule<by_count>({"ww", "u", "r"}, 2);
    check_every_schedule<by_count>({"ww", "W", "r"}, 2);
}

TEST_CASE("3,000 seeds: random programs of up to five threads, under each of four bounds") {
    for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
        CAPTURE(seed);
        switch (seed % 4) {
            case 0: CHECK(random_program<writer_preference<>>(seed)); break;
            case 1: CHECK(random_program<strict>(seed)); break;
            case 2: CHECK(random_program<narrow>(seed)); break;
            default: CHECK(random_program<by_count>(seed));
        }
    }
}
