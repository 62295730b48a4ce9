// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../conformance.hpp"
#include "../scratch.hpp"

using namespace platform_test;

TEST_CASE("a directory that is moved while open keeps its files") {
    const scratch_directory scratch;
    const posix world;
    auto in = made_directory(world, scratch.path("before"));
    put(in, "x", "kept");
    std::filesystem::rename(scratch.path("before"), scratch.path("after"));
    CHECK(get(in, "x") == "kept");
    put(in, "y", "new");
    CHECK(text_of(scratch.path("after/y")) == "new");
}

TEST_CASE("relative paths are made below the working directory") {
    const scratch_directory scratch;
    const posix world;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(scratch.path());
    auto deep = world.open_directory("one/two/", directory_mode::create);
    auto here = world.open_directory(".", directory_mode::create);
    std::filesystem::current_path(before);
    CHECK(deep.has_value());
    CHECK(here.has_value());
    CHECK(std::filesystem::is_directory(scratch.path("one/two")));
}

TEST_CASE("a path that leads through a file is an io error, not a new directory") {
    const scratch_directory scratch;
    const posix world;
    auto in = made_directory(world, scratch.path());
    put(in, "x", "");
    for (const char* const below : {"x", "x/y", "x/y/z"})
        check_fails(world.open_directory(scratch.path(below), directory_mode::create),
                    error_code::io);
}

TEST_CASE("only regular files are listed") {
    const scratch_directory scratch;
    const posix world;
    auto in = made_directory(world, scratch.path());
    put(in, "file", "");
    std::filesystem::create_directory(scratch.path("directory"));
    std::filesystem::create_symlink("file", scratch.path("link"));
    const auto names = in.list().value();
    REQUIRE(names.size() == 1);
    CHECK(names[0] == bytes{bytes_view{"file"}});
}

TEST_CASE("ten thousand names come back in order") {
    const scratch_directory scratch;
    const posix world;
    auto in = made_directory(world, scratch.path());
    for (int i = 0; i < 10'000; ++i)
        (void)in.open(std::to_string(i * 7919 % 10'000), file_mode::create).value();
    const auto names = in.list().value();
    CHECK(names.size() == 10'000);
    std::size_t out_of_order = 0;
    for (std::size_t i = 1; i < names.size(); ++i)
        out_of_order += names[i - 1] < names[i] ? 0u : 1u;
    CHECK(out_of_order == 0);
}

TEST_CASE("threads may list one directory at once") {
    const scratch_directory scratch;
    const posix world;
    auto in = made_directory(world, scratch.path());
    for (int i = 0; i < 300; ++i) put(in, std::to_string(i), "");
    std::vector<posix::thread> threads;
    posix::atomic<int> wrong{0};
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 50; ++n) wrong += in.list().value().size() == 300 ? 0 : 1;
        });
    for (auto& thread : threads) thread.join();
    CHECK(wrong == 0);
}

TEST_CASE("an error names directory and file") {
    const scratch_directory scratch;
    auto in = made_directory(posix{}, scratch.path());
    const auto missing = in.open("none", file_mode::read);
    check_fails(missing, error_code::not_found);
    CHECK(missing.error().subject() == scratch.path("none"));
    CHECK(*missing.error().number("errno") == ENOENT);
    check_fails(in.open(std::string(300, 'x'), file_mode::create), error_code::io);
}
