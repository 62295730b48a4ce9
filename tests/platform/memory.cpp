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
