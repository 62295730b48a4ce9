// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "conformance.hpp"
#include "scratch.hpp"

using namespace platform_test;

TEST_CASE("a memory platform is a file system of its own, its copies share it") {
    memory world;
    memory copy = world;
    memory other;
    auto in = made_directory(world, "db");
    put(in, "x", "here");
    auto copied = copy.open_directory("db", directory_mode::existing).value();
    CHECK(get(copied, "x") == "here");
    check_fails(other.open_directory("db", directory_mode::existing), error_code::not_found);
}

TEST_CASE("directories and files outlive the handle they came from") {
    auto in = [] {
        memory world;
        return made_directory(world, "db");
    }();
    put(in, "x", "here");
    CHECK(get(in, "x") == "here");
}

TEST_CASE("one directory has one lock, however its path is spelled") {
    memory world;
    auto plain = made_directory(world, "a/b");
    auto odd = made_directory(world, "./a//b/");
    plain.lock().value();
    const auto refused = odd.lock();
    check_fails(refused, error_code::locked);
    CHECK(*refused.error().number("pid") == static_cast<std::uint64_t>(::getpid()));
}

TEST_CASE("threads may write to one file at once") {
    memory world;
    auto in = made_directory(world, "db");
    auto file = in.open("x", file_mode::create).value();
    std::vector<memory::thread> threads;
    for (std::uint64_t i = 0; i < 4; ++i)
        threads.emplace_back([&file, i] {
            const std::string piece(100, static_cast<char>('a' + i));
            for (std::uint64_t n = 0; n < 200; ++n) file.write((n * 4 + i) * 100, piece).value();
        });
    for (auto& thread : threads) thread.join();
    bytes all = bytes::zeros(80'000);
    CHECK(file.read(0, all.data(), all.size()).value() == all.size());
    std::size_t wrong = 0;
    for (std::size_t at = 0; at < all.size(); ++at)
        wrong += all[at] != static_cast<std::byte>('a' + at / 100 % 4) ? 1u : 0u;
    CHECK(wrong == 0);
}

TEST_CASE("a preallocated gigabyte takes no gigabyte") {
    memory world;
    auto in = made_directory(world, "db");
    auto file = in.open("x", file_mode::create).value();
    file.preallocate(GiB).value();
    file.write(GiB - 4, "last").value();
    CHECK(file.size().value() == GiB);
    std::byte read[8];
    CHECK(file.read(GiB - 8, read, 8).value() == 8);
    CHECK(bytes_view{read, 8} == bytes_view{"\0\0\0\0last", 8});
}

TEST_CASE(
    "a limited disk refuses what does not fit, changes nothing, and counts what is given back") {
    memory world;
    auto in = made_directory(world, "db");
    CHECK(in.free_bytes().value() == no_space_limit);
    world.limit_disk(100);
    auto file = in.open("x", file_mode::create).value();
    file.write(10, bytes::zeros(50)).value();
    CHECK(in.free_bytes().value() == 40);
    file.write(0, bytes::zeros(60)).value();
    const auto refused = file.write(60, bytes::zeros(41));
    check_fails(refused, error_code::no_space);
    CHECK(*refused.error().number("errno") == ENOSPC);
    check_fails(file.resize(101), error_code::no_space);
    check_fails(file.preallocate(101), error_code::no_space);
    CHECK(file.size().value() == 60);
    file.preallocate(100).value();
    CHECK(in.free_bytes().value() == 0);
    file.resize(30).value();
    CHECK(in.free_bytes().value() == 70);
    in.remove("x").value();
    CHECK(in.free_bytes().value() == 70);  // it is still open
    { const auto last = std::move(file); }
    CHECK(in.free_bytes().value() == 100);
    world.limit_disk(0);
    CHECK(in.free_bytes().value() == no_space_limit);
}

TEST_CASE("threads that fill a limited disk together get just what there is") {
    memory world;
    auto in = made_directory(world, "db");
    world.limit_disk(1000);
    memory::atomic<int> got{0};
    std::vector<memory::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&in, &got, i] {
            auto file = in.open(std::to_string(i), file_mode::create).value();
            for (std::uint64_t n = 0; n < 100; ++n)
                if (file.resize(10 * (n + 1))) got.fetch_add(10);
                else return;
        });
    for (auto& thread : threads) thread.join();
    CHECK(got.load() == 1000);
    CHECK(in.free_bytes().value() == 0);
}
