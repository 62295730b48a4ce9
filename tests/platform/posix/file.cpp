// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../conformance.hpp"
#include "../scratch.hpp"

#include <sys/mount.h>

using namespace platform_test;

namespace {

// A file system of 64 KiB, where this process may mount one.
class tiny_disk {
public:
    tiny_disk() {
        std::filesystem::create_directory(scratch_.path("tiny"));
        mounted_ = ::mount("tmpfs", scratch_.path("tiny").c_str(), "tmpfs", 0, "size=64k") == 0;
        if (!mounted_) MESSAGE("skipped: this process may not mount a tmpfs");
    }
    ~tiny_disk() {
        if (mounted_) ::umount(scratch_.path("tiny").c_str());
    }
    [[nodiscard]] bool mounted() const { return mounted_; }
    [[nodiscard]] std::string path() const { return scratch_.path("tiny"); }

private:
    scratch_directory scratch_;
    bool mounted_ = false;
};

std::uint64_t blocks_of(const posix_file& file) {
    struct stat status = {};
    REQUIRE(::fstat(file.native_handle(), &status) == 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

}  // namespace

TEST_CASE("preallocated space is really taken from the disk") {
    const scratch_directory scratch;
    auto in = posix{}.open_directory(scratch.path(), directory_mode::existing).value();
    auto file = in.open("x", file_mode::create).value();
    file.resize(MiB).value();
    const std::uint64_t before = blocks_of(file);
    file.preallocate(2 * MiB).value();
    CHECK(blocks_of(file) >= before + 2 * MiB);
    CHECK(file.size().value() == 2 * MiB);
}

TEST_CASE("preallocating beyond the disk's end is no_space and leaves the file as before") {
    const tiny_disk disk;
    if (!disk.mounted()) return;
    auto in = posix{}.open_directory(disk.path(), directory_mode::existing).value();
    auto file = in.open("x", file_mode::create).value();
    file.write(0, "contents").value();
    const auto refused = file.preallocate(MiB);
    check_fails(refused, error_code::no_space);
    CHECK(*refused.error().number("errno") == ENOSPC);
    CHECK(file.size().value() == 8);
    CHECK(get(in, "x") == "contents");
    file.preallocate(32 * KiB).value();
}

TEST_CASE("writing beyond the disk's end is no_space and names the file and the offset") {
    const tiny_disk disk;
    if (!disk.mounted()) return;
    auto in = posix{}.open_directory(disk.path(), directory_mode::existing).value();
    auto file = in.open("x", file_mode::create).value();
    const bytes block = bytes::zeros(4096);
    auto written = success();
    std::uint64_t at = 0;
    for (; written && at < MiB; at += block.size()) written = file.write(at, block);
    check_fails(written, error_code::no_space);
    CHECK(written.error().subject() == disk.path() + "/x");
    CHECK(written.error().number("offset") != nullptr);
}

TEST_CASE("a write through a reader is an io error with its errno") {
    const scratch_directory scratch;
    auto in = posix{}.open_directory(scratch.path(), directory_mode::existing).value();
    put(in, "x", "contents");
    auto reader = in.open("x", file_mode::read).value();
    const auto refused = reader.write(3, "no");
    check_fails(refused, error_code::io);
    CHECK(*refused.error().number("errno") == EBADF);
    CHECK(*refused.error().number("offset") == 3);
    CHECK(get(in, "x") == "contents");
}

TEST_CASE("a descriptor is closed with its file and not passed on to other programs") {
    const scratch_directory scratch;
    auto in = posix{}.open_directory(scratch.path(), directory_mode::existing).value();
    int number = -1;
    {
        auto file = in.open("x", file_mode::create).value();
        auto moved = std::move(file);
        number = moved.native_handle();
        CHECK((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
        CHECK((::fcntl(in.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    }
    CHECK(::fcntl(number, F_GETFD) == -1);
}
