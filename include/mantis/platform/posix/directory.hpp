// SPDX-License-Identifier: BSL-1.0
//
// A directory of the operating system, by descriptor: renaming or moving it while it is open
// changes nothing for its files. See platform.hpp, concept directory.
#pragma once

#include "file.hpp"
#include "lock_file.hpp"

#include "../platform.hpp"

#include <dirent.h>
#include <sys/statvfs.h>
#include <cstdio>

namespace mantis {

class posix_directory {
public:
    //   Effects     with directory_mode::create makes it and its missing parents, each synced into
    //               its own parent
    //   Errors      not_found, invalid_argument (empty, or with a zero byte), no_space, io
    [[nodiscard]] static result<posix_directory> open(bytes_view path, directory_mode mode) {
        if (path.empty() || std::memchr(path.data(), 0, path.size()) != nullptr)
            return detail::bad_name("opening a directory", path);
        detail::descriptor opened = open_at(path);
        if (!opened.open() && errno == ENOENT && mode == directory_mode::create) {
            if (auto made = make(path); !made) return std::move(made).error();
            opened = open_at(path);
        }
        if (!opened.open()) return posix_error("opening a directory", path, errno);
        return posix_directory{std::move(opened), bytes{path}};
    }

    [[nodiscard]] bytes_view path() const noexcept { return path_.view(); }
    [[nodiscard]] int native_handle() const noexcept { return open_.number(); }

    //   Errors      locked, also when this very object holds it; io
    [[nodiscard]] result<void> lock() {
        result<posix_lock_file> acquired = posix_lock_file::acquire(open_.number(), path());
        if (!acquired) return std::move(acquired).error();
        lock_ = *std::move(acquired);
        return success();
    }

    [[nodiscard]] result<posix_file> open(bytes_view name, file_mode mode) const {
        bytes path = detail::joined_path(this->path(), name);
        if (!detail::usable_file_name(name)) return detail::bad_name("opening a file", path.view());
        const bytes ended = detail::zero_ended(name);
        detail::descriptor opened{detail::retry(
            [&] { return ::openat(open_.number(), ended.chars(), flags_of(mode), 0644); })};
        if (!opened.open()) return posix_error("opening a file", path.view(), errno);
        return posix_file{std::move(opened), std::move(path)};
    }

    [[nodiscard]] result<bool> exists(bytes_view name) const {
        struct ::stat status;
        if (detail::usable_file_name(name)) {
            if (::fstatat(open_.number(), detail::zero_ended(name).chars(), &status, 0) == 0)
                return true;
            if (errno == ENOENT) return false;
            return failed("looking for a file", name);
        }
        return detail::bad_name("looking for a file", detail::joined_path(path(), name).view());
    }

    [[nodiscard]] result<std::vector<bytes>> list() const {
        // A second descriptor: reading through the first would move its one position under other
        // threads.
        detail::descriptor again = open_at_number(open_.number());
        if (!again.open()) return posix_error("listing a directory", path(), errno);
        ::DIR* const entries = ::fdopendir(again.number());
        if (entries == nullptr) return posix_error("listing a directory", path(), errno);
        (void)again.release();
        std::vector<bytes> names;
        errno = 0;
        while (const struct ::dirent* const entry = ::readdir(entries)) {
            if (regular(*entry) && detail::usable_file_name(entry->d_name))
                names.push_back(bytes{bytes_view{entry->d_name}});
            errno = 0;
        }
        const int number = errno;
        ::closedir(entries);
        if (number != 0) return posix_error("listing a directory", path(), number);
        detail::sort_names(names);
        return names;
    }

    [[nodiscard]] result<void> remove(bytes_view name) {
        if (!detail::usable_file_name(name))
            return detail::bad_name("removing a file", detail::joined_path(path(), name).view());
        if (::unlinkat(open_.number(), detail::zero_ended(name).chars(), 0) == 0) return success();
        return failed("removing a file", name);
    }

    [[nodiscard]] result<void> rename(bytes_view from, bytes_view to) {
        for (const bytes_view name : {from, to})
            if (!detail::usable_file_name(name))
                return detail::bad_name("renaming a file",
                                        detail::joined_path(path(), name).view());
        const bytes old_name = detail::zero_ended(from);
        const bytes new_name = detail::zero_ended(to);
        if (::renameat(open_.number(), old_name.chars(), open_.number(), new_name.chars()) == 0)
            return success();
        return failed("renaming a file", from);
    }

    [[nodiscard]] result<void> sync() {
        if (detail::retry([this] { return ::fsync(open_.number()); }) == 0) return success();
        return posix_error("syncing a directory", path(), errno);
    }

    // Without what the system keeps for its administrator.
    [[nodiscard]] result<std::uint64_t> free_bytes() const {
        struct ::statvfs status;
        if (detail::retry([&] { return ::fstatvfs(open_.number(), &status); }) != 0)
            return posix_error("asking for free space", path(), errno);
        return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    }

private:
    posix_directory(detail::descriptor open, bytes path) noexcept
        : open_{std::move(open)}, path_{std::move(path)} {}

    static constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

    [[nodiscard]] static detail::descriptor open_at(bytes_view path) {
        const bytes ended = detail::zero_ended(path);
        return detail::descriptor{
            detail::retry([&] { return ::open(ended.chars(), directory_flags); })};
    }
    [[nodiscard]] static detail::descriptor open_at_number(int directory) {
        return detail::descriptor{
            detail::retry([=] { return ::openat(directory, ".", directory_flags); })};
    }

    [[nodiscard]] static int flags_of(file_mode mode) noexcept {
        switch (mode) {
            case file_mode::read: return O_RDONLY | O_CLOEXEC;
            case file_mode::write: return O_RDWR | O_CLOEXEC;
            case file_mode::create: return O_RDWR | O_CREAT | O_CLOEXEC;
            case file_mode::create_new: return O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
        }
        return O_RDONLY | O_CLOEXEC;
    }

    // The part of `path` before its last component; "." or "/" where nothing is left.
    [[nodiscard]] static bytes_view parent_of(bytes_view path) noexcept {
        std::size_t end = path.size();
        while (end > 1 && path[end - 1] == std::byte{'/'}) --end;
        while (end > 0 && path[end - 1] != std::byte{'/'}) --end;
        while (end > 1 && path[end - 1] == std::byte{'/'}) --end;
        return end == 0 ? bytes_view{"."} : path.first(end);
    }

    // Makes `path` and what is missing above it; each name is synced before anything is put below
    // it.
    [[nodiscard]] static result<void> make(bytes_view path) {
        const bytes_view parent = parent_of(path);
        detail::descriptor above = open_at(parent);
        if (!above.open()) {
            if (errno != ENOENT || parent.size() >= path.size())
                return posix_error("making a directory", parent, errno);
            if (auto made = make(parent); !made) return made;
            above = open_at(parent);
            if (!above.open()) return posix_error("making a directory", parent, errno);
        }
        if (::mkdir(detail::zero_ended(path).chars(), 0755) != 0 && errno != EEXIST)
            return posix_error("making a directory", path, errno);
        if (detail::retry([&] { return ::fsync(above.number()); }) != 0)
            return posix_error("syncing a directory", parent, errno);
        return success();
    }

    [[nodiscard]] bool regular(const struct ::dirent& entry) const {
        if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_REG;
        struct ::stat status;
        return ::fstatat(open_.number(), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISREG(status.st_mode);
    }

    [[nodiscard]] error failed(const char* doing, bytes_view name) const {
        const int number = errno;  // before the path is built: allocating may change it
        return posix_error(doing, detail::joined_path(path(), name).view(), number);
    }

    detail::descriptor open_;
    bytes path_;
    posix_lock_file lock_;
};

}  // namespace mantis
