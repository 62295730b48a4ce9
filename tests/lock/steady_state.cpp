// SPDX-License-Identifier: BSL-1.0
//
// After a while nothing is allocated any more: queues, requests and indexes are used again.
//
// ThreadSanitizer brings an operator new of its own, so there is no such test under it.
#include "../platform/thread_sanitizer.hpp"

#ifndef MANTIS_TEST_THREAD_SANITIZER
#include "asker.hpp"

#include <cstdlib>
#include <memory>
#include <new>
#include <thread>
#include <vector>

namespace {

mantis::posix::atomic<std::uint64_t> allocations{0};

}  // namespace

// Counts, for the whole test program. Not inlined, for GCC would take the halves of a pair that it
// inlines for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
    allocations.fetch_add(1);
    if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
    std::abort();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    allocations.fetch_add(1);
    const auto unit = static_cast<std::size_t>(alignment);
    if (void* const memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit))
        return memory;
    std::abort();
}
void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

using namespace lock_test;

namespace {

using manager = lock_manager<posix>;
using enum lock_mode;

//   Returns     how much was allocated in 100 rounds of body(round), after some to warm up
template <class Body>
std::uint64_t allocated_by(Body body) {
    std::size_t round = 0;
    for (; round < 20; ++round) body(round);
    const std::uint64_t before = allocations.load();
    for (; round < 120; ++round) body(round);
    return allocations.load() - before;
}

std::vector<std::string> names(std::size_t count, const std::string& begin = {}) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(begin + std::to_string(i));
    return all;
}

void no_matter(void*, result<void>) {}

}  // namespace

TEST_CASE("the count counts") {
    CHECK(allocated_by([](std::size_t) {
              void* const volatile memory = ::operator new(1);
              ::operator delete(memory);
          }) == 100);
}

TEST_CASE("transactions of intents, keys and tables allocate nothing") {
    manager locks;
    lock_owner owner{locks};
    lock_owner other{locks};
    const auto keys = names(200);
    const auto long_keys = names(20, std::string(300, 'k'));
    CHECK(allocated_by([&](std::size_t round) {
              for (const std::string& name : keys) (void)owner.lock(key(name), X);
              for (const std::string& name : long_keys) (void)owner.lock(key(name), S);
              (void)owner.lock(lock_path::table(orders), round % 2 == 0 ? X : IX);
              for (const std::string& name : keys) (void)other.lock(key(name + "x"), S);
              for (const std::string& name : keys) (void)owner.unlock(key(name));
              owner.release_all();
              other.release_all();
          }) == 0);
    check_untouched(locks);
}

TEST_CASE("keys that are never the same allocate nothing") {
    manager locks{{.shard_count = 1}};
    lock_owner owner{locks};
    CHECK(allocated_by([&](std::size_t round) {
              char name[8] = {};
              for (std::size_t i = 0; i < 100; ++i) {
                  for (std::size_t digit = 0, rest = round * 100 + i; digit < 7; ++digit) {
                      name[digit] = static_cast<char>('0' + rest % 10);
                      rest /= 10;
                  }
                  (void)owner.lock(key(bytes_view{name, 7}), X);
              }
              owner.release_all();
          }) == 0);
}

namespace {

// Each is waited for while each is held.
void check_waits(manager& locks, std::initializer_list<lock_path> paths) {
    lock_owner holder{locks};
    lock_owner waiter{locks};
    for (const lock_path& held : paths)
        for (const lock_path& wanted : paths) {
            CAPTURE(held.text().as<std::string>());
            CAPTURE(wanted.text().as<std::string>());
            CHECK(allocated_by([&](std::size_t) {
                      (void)holder.lock(held, X);
                      waiter.lock_async(wanted, X, no_matter, nullptr);
                      holder.release_all();
                      waiter.release_all();
                  }) == 0);
        }
}

}  // namespace

TEST_CASE("waits for keys, tables and the store allocate nothing") {
    manager locks;
    check_waits(locks, {key("b"), lock_path::table(accounts), lock_path::store()});
    CHECK(locks.counts().waits >= 9 * 120);
    check_untouched(locks);
}

TEST_CASE("ranges allocate nothing") {
    manager locks;
    lock_owner owner{locks};
    lock_owner other{locks};
    CHECK(allocated_by([&](std::size_t) {
              (void)owner.lock(range("a", "c"), S);
              (void)other.lock(range("b", ""), S);
              owner.release_all();
              other.release_all();
          }) == 0);
    check_untouched(locks);
}

TEST_CASE("keys and ranges that wait for each other allocate nothing") {
    manager locks;
    check_waits(locks, {key("b"), range("a", "c"), range("b", "")});
    check_untouched(locks);
}

TEST_CASE("threads that wait for each other allocate nothing") {
    lock_manager<posix, detect_after<youngest_victim, 100'000'000'000>> locks;
    posix::atomic<std::uint64_t> turn{0};
    posix::atomic<bool> stopping{false};
    lock_owner owner{locks};
    lock_owner others{locks};
    // In turns: who holds the key lets it go when the other one waits for it, and asks for it again
    // when that one has it.
    const auto hold = [&](lock_owner<decltype(locks)>& self) {
        (void)self.lock(key("a"), X);
        (void)self.lock(key("b"), S);
        const std::uint64_t mine = turn.fetch_add(1) + 1;
        while (locks.counts().waits < mine && !stopping.load()) std::this_thread::yield();
        self.release_all();
        while (turn.load() == mine && !stopping.load()) std::this_thread::yield();
    };
    posix::thread other{[&] {
        while (!stopping.load()) hold(others);
    }};
    CHECK(allocated_by([&](std::size_t) { hold(owner); }) == 0);
    stopping.store(true);
    other.join();
    CHECK(turn.load() >= 120);
    check_untouched(locks);
}

TEST_CASE("owners that begin and end allocate nothing") {
    manager locks;
    CHECK(allocated_by([&](std::size_t) {
              lock_owner first{locks};
              lock_owner second{locks};
              (void)first.lock(key("a"), X);
              (void)second.lock(lock_path::table(orders), S);
          }) == 0);
}

TEST_CASE("keys that become a table, and keys again, allocate no more than what is remembered") {
    manager locks{{.escalate_at = 8}};
    lock_owner owner{locks};
    lock_owner reader{locks};
    const auto keys = names(12);
    const std::uint64_t spent = allocated_by([&](std::size_t) {
        for (const std::string& name : keys) (void)owner.lock(key(name), X);
        reader.lock_async(key("other"), S, no_matter, nullptr);
        (void)owner.lock(key("0"), X);  // gives the table up
        owner.release_all();
        reader.release_all();
    });
    CHECK(locks.counts().escalations == 120);
    CHECK(spent <= 100 * 14);
}

TEST_CASE("in more tables than it notes alone an owner locks as in any other") {
    constexpr std::uint64_t count = 40;
    manager locks;
    lock_owner owner{locks};
    lock_owner other{locks};
    const auto path = [](std::uint64_t number) { return lock_path::key(table_id{number}, "k"); };
    for (int round = 0; round < 3; ++round) {
        CAPTURE(round);
        for (std::uint64_t i = 1; i <= count; ++i) {
            REQUIRE(owner.lock(path(i), X));
            CHECK(owner.mode_of(lock_path::table(table_id{i})) == IX);
        }
        CHECK(owner.lock_count() == 2 * count + 1);
        CHECK(locks.held().size() == 2 * count + 1);
        for (std::uint64_t i = 1; i <= count; ++i) {
            CHECK(said(other.lock(lock_path::table(table_id{i}), S, at_once)) == "timed_out");
            CHECK(said(other.lock(path(i), S, at_once)) == "timed_out");
            CHECK(said(owner.unlock(lock_path::table(table_id{i}))) == "invalid_argument");
        }
        other.release_all();
        if (round == 1)
            for (std::uint64_t i = count; i >= 1; --i) {
                CHECK(owner.unlock(path(i)));
                CHECK(owner.unlock(lock_path::table(table_id{i})));
                CHECK(other.lock(lock_path::table(table_id{i}), X, at_once));
            }
        owner.release_all();
        other.release_all();
        check_untouched(locks);
    }
    CHECK(allocated_by([&](std::size_t) {
              for (std::uint64_t i = 1; i <= count; ++i) (void)owner.lock(path(i), X);
              owner.release_all();
          }) == 0);
}

TEST_CASE("an owner that had more tables than it notes alone notes those of its next transaction") {
    manager locks;
    lock_owner owner{locks};
    const auto intents = [&](std::uint64_t first, std::uint64_t last) {
        const std::uint64_t before = locks.counts().granted_at_once;
        for (std::uint64_t i = first; i <= last; ++i)
            REQUIRE(owner.lock(lock_path::table(table_id{i}), IX));
        const std::uint64_t visits = locks.counts().granted_at_once - before;
        owner.release_all();
        return visits;
    };
    CHECK(intents(1, 15) == 0);
    CHECK(intents(1, 40) == 25);
    CHECK(intents(1, 15) == 0);
    CHECK(intents(26, 40) == 0);
    CHECK(intents(20, 45) == 11);
}

TEST_CASE("a strong lock makes intents visit the queue, and they stop when it is over") {
    manager locks;
    lock_owner owner{locks};
    lock_owner strong{locks};
    const auto visits = [&](const lock_path& path, lock_mode mode) {
        const std::uint64_t before = locks.counts().granted_at_once;
        REQUIRE(owner.lock(path, mode, at_once));
        const std::uint64_t made = locks.counts().granted_at_once - before;
        owner.release_all();
        return made;
    };
    CHECK(visits(lock_path::table(accounts), IX) == 0);
    REQUIRE(strong.lock(lock_path::table(accounts), S));
    CHECK(visits(lock_path::table(accounts), IS) == 1);
    CHECK(visits(lock_path::table(orders), IX) == 0);
    strong.release_all();
    CHECK(visits(lock_path::table(accounts), IX) == 0);
    REQUIRE(strong.lock(lock_path::store(), S));
    CHECK(visits(lock_path::store(), IS) == 1);
    REQUIRE(strong.unlock(lock_path::store()));
    CHECK(visits(lock_path::store(), IX) == 0);
    // Asking for one in vain is over, too.
    REQUIRE(owner.lock(lock_path::table(accounts), IX));
    CHECK(said(strong.lock(lock_path::table(accounts), X, at_once)) == "timed_out");
    owner.release_all();
    CHECK(visits(lock_path::table(accounts), IX) == 0);
}
#endif
