// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../platform/death.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>
#include <mantis/sync/epoch.hpp>

#include <memory>
#include <string>

using namespace mantis;
using platform_test::contains;
using platform_test::death_of;

namespace {

// An object that knows whether it was freed. Its memory stays, so that a reader that looks at it
// too late is caught and not undefined.
template <class Platform>
struct canary {
    typename Platform::template atomic<int> frees{0};

    static void free_one(void* at) { static_cast<canary*>(at)->frees.fetch_add(1); }
};

// A place that holds one object, which writers replace and readers look at.
template <class Platform>
struct aviary {
    explicit aviary(epoch_options options, std::size_t count) : all(count), pinned{options} {}

    std::vector<canary<Platform>> all;
    typename Platform::template atomic<std::size_t> used{1};
    typename Platform::template atomic<std::size_t> place{0};
    typename Platform::template atomic<int> wrong{0};
    epoch<Platform> pinned;

    void read() {
        const auto inside = pinned.pin("reading");
        const std::size_t found = place.load(std::memory_order_acquire);
        for (int i = 0; i < 2; ++i)
            if (all[found].frees.load() != 0) wrong.fetch_add(1);
    }
    void read_twice() {
        auto outer = pinned.pin();
        const std::size_t found = place.load(std::memory_order_acquire);
        read();
        if (all[found].frees.load() != 0) wrong.fetch_add(1);
        outer.refresh();
        read();
    }
    void replace() {
        const std::size_t fresh = used.fetch_add(1);
        if (fresh >= all.size()) return;
        canary<Platform>& old = all[place.exchange(fresh)];
        pinned.retire(&old, canary<Platform>::free_one, sizeof old);
    }
    void act(std::uint64_t what) {
        switch (what % 5) {
            case 0:
            case 1: return replace();
            case 2: return read_twice();
            case 3: return (void)pinned.collect();
            default: return read();
        }
    }
    [[nodiscard]] std::uint64_t freed() {
        std::uint64_t sum = 0;
        for (auto& one : all) {
            const int times = one.frees.load();
            if (times > 1) wrong.fetch_add(1);
            sum += static_cast<std::uint64_t>(times);
        }
        return sum;
    }
    // Everybody has left: what was replaced goes, each once.
    [[nodiscard]] bool right() {
        (void)pinned.collect();
        const std::size_t made = used.load() < all.size() ? used.load() : all.size();
        return freed() == made - 1 && wrong.load() == 0 && pinned.retired_count() == 0 &&
               pinned.retired_bytes() == 0;
    }
};

constexpr epoch_options at_once{.batch_count = 1};

// Real objects, for AddressSanitizer: a reader that is too late reads freed memory.
struct node {
    std::uint64_t first = 7;
    std::uint64_t second = 7;
};

}  // namespace

TEST_CASE("every schedule: nothing is freed while a reader sees it, and all of it once") {
    const auto report = exhaustive_schedules([](simulation& world) {
        bool right = false;
        world.run([&] {
            aviary<simulated> birds{at_once, 4};
            simulated::thread reader{[&] { birds.read(); }};
            simulated::thread writer{[&] {
                birds.replace();
                birds.replace();
            }};
            birds.replace();
            writer.join();
            reader.join();
            right = birds.right();
        });
        return right;
    });
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 1'000);
}

TEST_CASE("500 seeds: nothing is freed while a reader sees it, and all of it once") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            aviary<simulated> birds{{.batch_count = 1 + static_cast<std::uint32_t>(seed % 3)}, 64};
            std::vector<simulated::thread> threads;
            for (std::uint64_t number = 0; number < 4; ++number)
                threads.emplace_back([&, number] {
                    std::uint64_t draw = seed * 31 + number;
                    for (int i = 0; i < 12; ++i) {
                        draw = draw * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
                        birds.act(draw >> 33);
                    }
                });
            for (auto& thread : threads) thread.join();
            CHECK(birds.right());
        });
    }
}

TEST_CASE("real threads, which come and go: a reader's object is never freed") {
    epoch<posix> pinned{{.batch_count = 8}};
    posix::atomic<node*> place{new node};
    posix::atomic<std::uint64_t> wrong{0};
    const auto read = [&] {
        const auto inside = pinned.pin();
        const node* const found = place.load(std::memory_order_acquire);
        if (found->first != 7 || found->second != 7) wrong.fetch_add(1);
    };
    const auto replace = [&] {
        node* const old = place.exchange(new node, std::memory_order_acq_rel);
        pinned.retire(old);
    };
    for (int wave = 0; wave < 10; ++wave) {
        std::vector<posix::thread> threads;
        for (int number = 0; number < 4; ++number)
            threads.emplace_back([&, number] {
                for (int i = 0; i < 2'000; ++i)
                    if (number == 0 || i % 64 == 0) replace();
                    else if (i % 50 == 1) (void)pinned.collect();
                    else read();
            });
        for (auto& thread : threads) thread.join();
    }
    CHECK(wrong.load() == 0);
    (void)pinned.collect();
    CHECK(pinned.retired_count() == 0);
    replace();  // the last is freed by the destructor; the leak checker knows
    delete place.load();
}

TEST_CASE("with readers that leave, garbage stays bounded without a call for it") {
    epoch<posix> pinned;
    std::uint64_t most = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto inside = pinned.pin();
        pinned.retire(new node);
        if (pinned.retired_count() > most) most = pinned.retired_count();
    }
    CHECK(most <= 4 * 64);
    CHECK(pinned.now() > 100);
}

TEST_CASE("more threads than the first slots: each holds back what it sees") {
    simulation world{1};
    world.run([&] {
        constexpr std::size_t count = 60;  // slots come 16, 32, 64 at a time
        aviary<simulated> birds{at_once, count + 2};
        simulated::atomic<std::size_t> inside{0};
        simulated::atomic<bool> done{false};
        auto platform = world.platform();
        std::vector<simulated::thread> readers;
        for (std::size_t i = 0; i < count; ++i)
            readers.emplace_back([&] {
                const auto pinned = birds.pinned.pin();
                const std::size_t found = birds.place.load();
                inside.fetch_add(1);
                while (!done.load()) platform.sleep(microseconds(50));
                if (birds.all[found].frees.load() != 0) birds.wrong.fetch_add(1);
            });
        while (inside.load() != count) platform.sleep(microseconds(50));
        birds.replace();
        for (int i = 0; i < 4; ++i) (void)birds.pinned.collect();
        CHECK(birds.freed() == 0);
        done.store(true);
        for (auto& reader : readers) reader.join();
        CHECK(birds.right());
    });
}

TEST_CASE("the outermost of several guards of a thread counts") {
    canary<posix> bird;
    epoch<posix> pinned{at_once};
    {
        auto outer = pinned.pin();
        {
            auto inner = pinned.pin();
            pinned.retire(&bird, canary<posix>::free_one, 1);
            CHECK_FALSE(inner.refresh());
        }
        for (int i = 0; i < 4; ++i) CHECK(pinned.collect() == 0);
        auto moved = std::move(outer);
        for (int i = 0; i < 4; ++i) CHECK(pinned.collect() == 0);
        CHECK(moved.refresh());  // it holds no pointer here
        CHECK(pinned.collect() == 1);
    }
    CHECK(bird.frees.load() == 1);
}

TEST_CASE("too much garbage is said to who makes it, until it is gone") {
    std::vector<canary<posix>> birds(83);
    epoch<posix> pinned{{.max_retired_bytes = 6'400, .batch_count = 2}};
    std::size_t used = 0;
    const auto retire = [&] { return pinned.retire(&birds[used++], canary<posix>::free_one, 80); };
    {
        const auto reader = pinned.pin();
        while (used < 80) CHECK(retire() == garbage_level::low);
        CHECK(pinned.retired_bytes() == 6'400);
        (void)retire();
        CHECK(retire() == garbage_level::over_limit);  // a batch is full: it has looked
        CHECK(pinned.retired_count() == 82);           // and taken it all the same
        CHECK(pinned.collect() == 0);
    }
    CHECK(pinned.collect() == 82);
    CHECK(retire() == garbage_level::low);  // before the next look
}

TEST_CASE("a reader beyond its lease is named, with what it keeps; a short one is not") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] {
            aviary<simulated> birds{{.lease = milliseconds(10), .batch_count = 1}, 64};
            simulated::atomic<bool> done{false};
            nanoseconds pinned_at{};
            simulated::thread sleeper{[&] {
                simulated::parking::name_thread("sleeper");
                const auto inside = birds.pinned.pin("a long report");
                pinned_at = platform.now();
                while (!done.load()) platform.sleep(milliseconds(1));
            }};
            simulated::thread other{[&] {
                while (!done.load()) {
                    birds.read();
                    platform.sleep(microseconds(100));
                }
            }};
            platform.sleep(milliseconds(3));
            birds.replace();
            (void)birds.pinned.collect();  // from here on it holds something back
            platform.sleep(milliseconds(9));
            CHECK(birds.pinned.laggards().empty());
            platform.sleep(milliseconds(2));
            birds.replace();
            const auto late = birds.pinned.laggards();
            REQUIRE(late.size() == 1);
            CHECK(late[0].name.view() == "sleeper");
            CHECK(bytes_view{late[0].doing} == "a long report");
            CHECK(late[0].kept_count == 2);
            CHECK(late[0].kept_bytes == 2 * sizeof(canary<simulated>));
            CHECK(late[0].since >= pinned_at);
            CHECK(late[0].since < pinned_at + milliseconds(4));
            done.store(true);
            sleeper.join();
            other.join();
            CHECK(birds.right());
            CHECK(birds.pinned.laggards().empty());
        });
    }
}

TEST_CASE("who takes over the number of a thread that ended is named, before long") {
    epoch<posix> pinned{{.lease = nanoseconds{0}, .batch_count = 1}};
    std::string named;
    posix::thread first{[&] {
        posix::parking::name_thread("first");
        (void)pinned.pin();
    }};
    first.join();
    posix::thread second{[&] {
        posix::parking::name_thread("second");
        for (int i = 0; i < 256; ++i) (void)pinned.pin();
        const auto inside = pinned.pin();
        pinned.retire(new node);
        (void)pinned.collect();
        const auto late = pinned.laggards();
        REQUIRE(late.size() == 1);
        named = late[0].name.view().as<std::string>();
    }};
    second.join();
    CHECK(named == "second");
}

TEST_CASE("a deleter may pin and retire, and the destructor frees that too") {
    struct parent {
        epoch<posix>* of;
        node* child;
        static void free_both(void* at) {
            auto* const self = static_cast<parent*>(at);
            const auto inside = self->of->pin();
            self->of->retire(self->child);
            delete self;
        }
    };
    epoch<posix> pinned{at_once};
    for (int i = 0; i < 100; ++i)
        pinned.retire(new parent{&pinned, new node}, parent::free_both, sizeof(parent));
    for (int i = 0; i < 4; ++i) (void)pinned.collect();
    CHECK(pinned.retired_count() == 0);
    pinned.retire(new parent{&pinned, new node}, parent::free_both, sizeof(parent));
}

TEST_CASE("misuse stops the program with a sentence") {
    CHECK(contains(death_of([] {
                       epoch<posix> pinned;
                       auto* const kept = new auto(pinned.pin());
                       (void)kept;
                   }).said,
                   "an epoch is destroyed while a thread is pinned"));
    CHECK(contains(death_of([] {
                       epoch<posix> pinned;
                       auto inside = pinned.pin();
                       posix::thread other{[&] { const auto taken = std::move(inside); }};
                       other.join();
                   }).said,
                   "by another thread than the one that pinned"));
    CHECK(contains(death_of([] { epoch<posix> none{{.batch_count = 0}}; }).said,
                   "batches of fewer than 1"));
}
