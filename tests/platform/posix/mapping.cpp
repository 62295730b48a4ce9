// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../conformance.hpp"
#include "../death.hpp"
#include "../scratch.hpp"

using namespace platform_test;

namespace {

constexpr std::uint64_t size = 4 * posix_mapping::window_bytes;

struct mapped_file {
    mapped_file() { file.preallocate(size).value(); }
    // Whether this disk is mapped at all; says so where it is not.
    [[nodiscard]] bool maps() const {
        posix_mapping probe = file.map(size);
        const bool maps = probe.write(0, "?");
        if (!maps) MESSAGE("skipped: files of this directory are not mapped");
        return maps;
    }
    [[nodiscard]] std::string text() const { return text_of(scratch.path("x")); }

    scratch_directory scratch;
    posix_directory in = posix{}.open_directory(scratch.path(), directory_mode::existing).value();
    posix_file file = in.open("x", file_mode::create).value();
};

}  // namespace

TEST_CASE("what was written through a mapping outlives a process that is killed") {
    const mapped_file at;
    if (!at.maps()) return;
    const death end = death_of([&] {
        posix_mapping mapping = at.file.map(size);
        for (std::uint64_t offset = 0; offset + 100 <= size; offset += 100)
            if (!mapping.write(offset, std::string(100, static_cast<char>('a' + offset % 23))))
                return;
        ::raise(SIGKILL);
    });
    REQUIRE(end.signal == SIGKILL);
    const std::string found = at.text();
    REQUIRE(found.size() == size);
    std::uint64_t wrong = 0;
    for (std::uint64_t offset = 0; offset + 100 <= size; offset += 100)
        if (found.substr(offset, 100) != std::string(100, static_cast<char>('a' + offset % 23)))
            ++wrong;
    CHECK(wrong == 0);
}

TEST_CASE("a page that the system does not have is not written, and nobody dies of it") {
    mapped_file at;
    if (!at.maps()) return;
    const death end = death_of([&] {
        posix_mapping mapping = at.file.map(size);
        if (!mapping.write(0, "there")) std::fputs("not mapped ", stderr);
        // Somebody cuts the file.
        at.file.resize(posix_mapping::window_bytes).value();
        if (mapping.write(2 * posix_mapping::window_bytes, "not there"))
            std::fputs("written ", stderr);
        at.file.resize(size).value();
        if (mapping.write(0, "again")) std::fputs("written again ", stderr);
    });
    CHECK(end.signal == 0);
    CHECK(end.said.empty());
    CHECK(at.text().substr(0, 5) == "there");
}

TEST_CASE("the system is asked for a page again before it is written after a while") {
    mapped_file at;
    if (!at.maps()) return;
    const death end = death_of([&] {
        posix_mapping mapping = at.file.map(size);
        if (!mapping.write(0, "there")) std::fputs("not mapped ", stderr);
        at.file.resize(0).value();
        posix{}.sleep(milliseconds(50));  // many ticks of its clock
        if (mapping.write(5, "not there")) std::fputs("written ", stderr);
    });
    CHECK(end.signal == 0);
    CHECK(end.said.empty());
}

TEST_CASE("a file that may only be read is not written by its mapping") {
    const mapped_file at;
    posix_file reader = at.in.open("x", file_mode::read).value();
    posix_mapping mapping = reader.map(size);
    CHECK_FALSE(mapping.write(0, "no"));
    CHECK_FALSE(posix_mapping{}.write(0, "no"));
    CHECK(at.text() == std::string(size, '\0'));
}

TEST_CASE("only file systems are mapped that need no space for blocks which are reserved") {
    for (const std::uint64_t in_place : {0xEF53u, 0x58465342u, 0x01021994u})
        CHECK(detail::overwrites_in_place(in_place));
    // btrfs, bcachefs, zfs, nfs, overlayfs, fuse
    for (const std::uint64_t other :
         {0x9123683Eu, 0xca451a4eu, 0x2fc12fc1u, 0x6969u, 0x794c7630u, 0x65735546u})
        CHECK_FALSE(detail::overwrites_in_place(other));
}

TEST_CASE("a mapping takes one window of the process's memory") {
    const mapped_file at;
    if (!at.maps()) return;
    const auto mapped = [&] {
        std::ifstream maps{"/proc/self/maps"};
        std::uint64_t total = 0;
        for (std::string line; std::getline(maps, line);) {
            if (line.find(at.scratch.path("x")) == std::string::npos) continue;
            const std::size_t dash = line.find('-');
            total += std::stoull(line.substr(dash + 1), nullptr, 16) -
                     std::stoull(line.substr(0, dash), nullptr, 16);
        }
        return total;
    };
    {
        posix_mapping mapping = at.file.map(size);
        CHECK(mapped() == 0);
        for (std::uint64_t offset = 0; offset < size; offset += 4096) {
            REQUIRE(mapping.write(offset, "x"));
            REQUIRE(mapped() == posix_mapping::window_bytes);
        }
        posix_mapping moved = std::move(mapping);
        CHECK(moved.write(0, "y"));
        CHECK(mapped() == posix_mapping::window_bytes);
    }
    CHECK(mapped() == 0);
}
