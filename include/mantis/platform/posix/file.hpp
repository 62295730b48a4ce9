// SPDX-License-Identifier: BSL-1.0
//
// A file of the operating system, by descriptor. See platform.hpp, concept block_file.
//
// Each member is its system call in a loop that ends when all bytes are through: nothing is
// buffered, counted or locked.
#pragma once

#include "detail/descriptor.hpp"
#include "error.hpp"
#include "mapping.hpp"

#include "../../core/result.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace mantis {

class posix_file {
public:
    // Takes over an open descriptor; `path` is for messages.
    posix_file(detail::descriptor open, bytes path) noexcept
        : open_{std::move(open)}, path_{std::move(path)} {}

    [[nodiscard]] bytes_view path() const noexcept { return path_.view(); }
    [[nodiscard]] int native_handle() const noexcept { return open_.number(); }

    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) const {
        std::size_t done = 0;
        while (done < count) {
            const ssize_t moved =
                ::pread(open_.number(), into + done, count - done, at(offset + done));
            if (moved == 0) break;
            if (moved > 0) done += static_cast<std::size_t>(moved);
            else if (errno != EINTR) return failed("reading a file").with("offset", offset + done);
        }
        return done;
    }

    [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
        std::size_t done = 0;
        while (done < from.size()) {
            const ssize_t moved =
                ::pwrite(open_.number(), from.data() + done, from.size() - done, at(offset + done));
            if (moved > 0) done += static_cast<std::size_t>(moved);
            else if (moved == 0)
                errno = EIO;  // no progress and no reason: trying again would never end
            if (moved == 0 || (moved < 0 && errno != EINTR))
                return failed("writing a file")
                    .with("offset", offset + done)
                    .with("bytes", from.size());
        }
        return success();
    }

    [[nodiscard]] posix_mapping map(std::uint64_t size) const noexcept {
        return {open_.number(), size};
    }

    [[nodiscard]] result<void> sync() {
        if (detail::retry([this] { return ::fdatasync(open_.number()); }) == 0) return success();
        return failed("syncing a file");
    }

    [[nodiscard]] result<std::uint64_t> size() const {
        struct ::stat status;
        if (::fstat(open_.number(), &status) == 0)
            return static_cast<std::uint64_t>(status.st_size);
        return failed("asking for a file's size");
    }

    [[nodiscard]] result<void> resize(std::uint64_t size) {
        if (detail::retry([this, size] { return ::ftruncate(open_.number(), at(size)); }) == 0)
            return success();
        return failed("resizing a file").with("bytes", size);
    }

    [[nodiscard]] result<void> preallocate(std::uint64_t size) {
        if (size == 0) return success();
        const result<std::uint64_t> before = this->size();
        if (!before) return before.error();
        const int number = allocate(size);
        if (number == 0) return success();
        // A file system may have given part of the space before it ran out.
        if (*before < size) (void)resize(*before);
        return posix_error("preallocating a file", path(), number).with("bytes", size);
    }

private:
    [[nodiscard]] static off_t at(std::uint64_t offset) noexcept {
        return static_cast<off_t>(offset);
    }
    [[nodiscard]] error failed(const char* doing) const {
        return posix_error(doing, path(), errno);
    }

    //   Returns     0 or an errno
    [[nodiscard]] int allocate(std::uint64_t size) const {
        if (detail::retry([this, size] { return ::fallocate(open_.number(), 0, 0, at(size)); }) ==
            0)
            return 0;
        if (errno != EOPNOTSUPP) return errno;
        // A file system without the call: the library writes into every block instead.
        int number = ::posix_fallocate(open_.number(), 0, at(size));
        while (number == EINTR) number = ::posix_fallocate(open_.number(), 0, at(size));
        return number;
    }

    detail::descriptor open_;
    bytes path_;
};

}  // namespace mantis
