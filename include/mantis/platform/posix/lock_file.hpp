// SPDX-License-Identifier: BSL-1.0
//
// The exclusive hold on a directory: flock on its file LOCK, which contains the holder's process id
// in decimal.
//
// The kernel frees the hold when the process ends, however it ends, so that there is no stale lock
// to clear away; the file stays. The hold belongs to the open file, so a second opener inside the
// same process is refused like any other. A child made by fork without exec shares the hold until
// it closes its copy of the descriptor.
#pragma once

#include "detail/descriptor.hpp"
#include "error.hpp"

#include "../../core/result.hpp"
#include "../detail/names.hpp"

#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <sys/file.h>

namespace mantis {

class posix_lock_file {
public:
    posix_lock_file() noexcept = default;

    //   Returns     the hold; it ends with the object
    //   Errors      locked (number "pid": the holder, absent when it cannot be told), io
    [[nodiscard]] static result<posix_lock_file> acquire(int directory, bytes_view directory_path) {
        constexpr int mode = O_RDWR | O_CREAT | O_CLOEXEC;
        detail::descriptor file{
            detail::retry([&] { return ::openat(directory, detail::lock_file_name, mode, 0644); })};
        if (!file.open()) return posix_error("opening the lock file", directory_path, errno);
        if (detail::retry([&] { return ::flock(file.number(), LOCK_EX | LOCK_NB); }) != 0) {
            if (errno != EWOULDBLOCK)
                return posix_error("locking a directory", directory_path, errno);
            return held_by_other(file.number(), directory_path);
        }
        if (const int number = write_own_pid(file.number()); number != 0)
            return posix_error("writing the lock file", directory_path, number);
        return posix_lock_file{std::move(file)};
    }

    [[nodiscard]] bool held() const noexcept { return file_.open(); }

private:
    explicit posix_lock_file(detail::descriptor file) noexcept : file_{std::move(file)} {}

    [[nodiscard]] static error held_by_other(int file, bytes_view directory_path) {
        error refused{error_code::locked, "opening a directory that another opener holds"};
        refused.about(directory_path);
        // A holder of this very moment may not have written its id yet, and the id of a dead one
        // may still be there.
        for (int attempt = 0; attempt < 20; ++attempt) {
            const long pid = read_pid(file);
            if (pid > 0 && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM))
                return refused.with("pid", static_cast<std::uint64_t>(pid));
            const struct ::timespec millisecond = {0, 1'000'000};
            ::nanosleep(&millisecond, nullptr);
        }
        return refused;
    }

    [[nodiscard]] static long read_pid(int file) noexcept {
        char digits[20];
        const ssize_t count =
            detail::retry([&] { return ::pread(file, digits, sizeof digits, 0); });
        long pid = 0;
        for (ssize_t i = 0;
             i < count && digits[i] >= '0' && digits[i] <= '9' && pid < 1'000'000'000; ++i)
            pid = pid * 10 + (digits[i] - '0');
        return pid;
    }

    //   Returns     0 or an errno
    [[nodiscard]] static int write_own_pid(int file) noexcept {
        char text[20];
        std::size_t begin = sizeof text;
        text[--begin] = '\n';
        for (long left = ::getpid(); left != 0; left /= 10)
            text[--begin] = static_cast<char>('0' + left % 10);
        const std::size_t size = sizeof text - begin;
        if (detail::retry([&] { return ::ftruncate(file, 0); }) != 0) return errno;
        const ssize_t written =
            detail::retry([&] { return ::pwrite(file, text + begin, size, 0); });
        if (written < 0) return errno;
        return static_cast<std::size_t>(written) == size ? 0 : ENOSPC;
    }

    detail::descriptor file_;
};

}  // namespace mantis
