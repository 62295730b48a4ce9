// SPDX-License-Identifier: BSL-1.0
//
// Files that live in RAM, shared by the copies of one handle; threads, locks and clocks are the
// real ones.
//
// For tests, and for data that need not outlive the process. Nothing is ever unsynced: what was
// written is there until the last handle goes. Space ends where the machine's memory does.
//
// Threads: any number; each file and the whole tree have a latch of their own.
#pragma once

#include "guard.hpp"
#include "posix.hpp"

#include <unistd.h>
#include <map>
#include <memory>

namespace mantis {

namespace detail {

struct memory_contents {
    posix_mutex latch;
    bytes data;
};

struct memory_folder {
    std::map<bytes, std::shared_ptr<memory_contents>> files;
    bool locked = false;
};

struct memory_tree {
    posix_mutex latch;
    std::map<bytes, std::shared_ptr<memory_folder>> folders;
};

}  // namespace detail

class memory_file {
public:
    memory_file(std::shared_ptr<detail::memory_contents> of, bytes path, bool writable) noexcept
        : of_{std::move(of)}, path_{std::move(path)}, writable_{writable} {}

    [[nodiscard]] bytes_view path() const noexcept { return path_.view(); }

    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) const {
        lock_guard<posix_mutex> hold{of_->latch};
        const std::size_t size = of_->data.size();
        if (offset >= size) return std::size_t{0};
        const std::size_t left = size - static_cast<std::size_t>(offset);
        const std::size_t done = count < left ? count : left;
        if (done != 0) std::memcpy(into, of_->data.data() + offset, done);
        return done;
    }
    [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
        if (!writable_) return refused("writing a file");
        lock_guard<posix_mutex> hold{of_->latch};
        const std::size_t end = static_cast<std::size_t>(offset) + from.size();
        if (end > of_->data.size()) of_->data.resize(end);
        if (!from.empty()) std::memcpy(of_->data.data() + offset, from.data(), from.size());
        return success();
    }
    [[nodiscard]] result<void> sync() { return success(); }
    [[nodiscard]] result<std::uint64_t> size() const {
        lock_guard<posix_mutex> hold{of_->latch};
        return std::uint64_t{of_->data.size()};
    }
    [[nodiscard]] result<void> resize(std::uint64_t size) {
        if (!writable_) return refused("resizing a file");
        lock_guard<posix_mutex> hold{of_->latch};
        of_->data.resize(static_cast<std::size_t>(size));
        return success();
    }
    [[nodiscard]] result<void> preallocate(std::uint64_t size) {
        if (!writable_) return refused("preallocating a file");
        lock_guard<posix_mutex> hold{of_->latch};
        if (size > of_->data.size()) of_->data.resize(static_cast<std::size_t>(size));
        return success();
    }

private:
    error refused(const char* doing) const { return posix_error(doing, path(), EBADF); }

    std::shared_ptr<detail::memory_contents> of_;
    bytes path_;
    bool writable_;
};

class memory_directory {
public:
    memory_directory(std::shared_ptr<detail::memory_tree> tree,
                     std::shared_ptr<detail::memory_folder> of, bytes path) noexcept
        : tree_{std::move(tree)}, of_{std::move(of)}, path_{std::move(path)} {}
    memory_directory(memory_directory&& other) noexcept
        : tree_{std::move(other.tree_)},
          of_{std::move(other.of_)},
          path_{std::move(other.path_)},
          locks_{std::exchange(other.locks_, false)} {}
    memory_directory& operator=(memory_directory&& other) noexcept {
        memory_directory taken{std::move(other)};
        std::swap(tree_, taken.tree_);
        std::swap(of_, taken.of_);
        path_.swap(taken.path_);
        std::swap(locks_, taken.locks_);
        return *this;
    }
    ~memory_directory() {
        if (!locks_) return;
        lock_guard<posix_mutex> hold{tree_->latch};
        of_->locked = false;
    }

    [[nodiscard]] bytes_view path() const noexcept { return path_.view(); }

    [[nodiscard]] result<void> lock() {
        lock_guard<posix_mutex> hold{tree_->latch};
        if (of_->locked)
            return error{error_code::locked, "locking a directory: it is in use"}
                .about(path())
                .with("pid", static_cast<std::uint64_t>(::getpid()));
        of_->locked = locks_ = true;
        return success();
    }

    [[nodiscard]] result<memory_file> open(bytes_view name, file_mode mode) {
        constexpr const char* doing = "opening a file";
        if (!detail::usable_file_name(name)) return failed(doing, name, EINVAL);
        lock_guard<posix_mutex> hold{tree_->latch};
        auto found = of_->files.find(bytes{name});
        const bool there = found != of_->files.end();
        if (there && mode == file_mode::create_new) return failed(doing, name, EEXIST);
        if (!there && (mode == file_mode::read || mode == file_mode::write))
            return failed(doing, name, ENOENT);
        if (!there)
            found =
                of_->files.emplace(bytes{name}, std::make_shared<detail::memory_contents>()).first;
        return memory_file{found->second, detail::joined_path(path(), name),
                           mode != file_mode::read};
    }
    [[nodiscard]] result<bool> exists(bytes_view name) {
        lock_guard<posix_mutex> hold{tree_->latch};
        return of_->files.count(bytes{name}) != 0;
    }
    [[nodiscard]] result<std::vector<bytes>> list() {
        lock_guard<posix_mutex> hold{tree_->latch};
        std::vector<bytes> names;
        for (const auto& [name, contents] : of_->files) names.push_back(name);
        return names;
    }
    [[nodiscard]] result<void> remove(bytes_view name) {
        lock_guard<posix_mutex> hold{tree_->latch};
        if (of_->files.erase(bytes{name}) == 0) return failed("removing a file", name, ENOENT);
        return success();
    }
    [[nodiscard]] result<void> rename(bytes_view from, bytes_view to) {
        constexpr const char* doing = "renaming a file";
        if (!detail::usable_file_name(to)) return failed(doing, to, EINVAL);
        lock_guard<posix_mutex> hold{tree_->latch};
        const auto found = of_->files.find(bytes{from});
        if (found == of_->files.end()) return failed(doing, from, ENOENT);
        const auto contents = found->second;
        of_->files.erase(found);
        of_->files.insert_or_assign(bytes{to}, contents);
        return success();
    }
    [[nodiscard]] result<void> sync() { return success(); }

private:
    error failed(const char* doing, bytes_view name, int number) const {
        return posix_error(doing, detail::joined_path(path(), name), number);
    }

    std::shared_ptr<detail::memory_tree> tree_;
    std::shared_ptr<detail::memory_folder> of_;
    bytes path_;
    bool locks_ = false;
};

class memory {
public:
    static constexpr const char* name = "memory";

    using file = memory_file;
    using directory = memory_directory;
    using mutex = posix_mutex;
    using condition = posix_condition;
    using thread = posix_thread;
    template <class T>
    using atomic = std::atomic<T>;

    [[nodiscard]] result<directory> open_directory(bytes_view path, directory_mode mode) const {
        lock_guard<posix_mutex> hold{tree_->latch};
        auto& folder = tree_->folders[bytes{path}];
        if (folder == nullptr && mode == directory_mode::existing) {
            tree_->folders.erase(bytes{path});
            return posix_error("opening a directory", path, ENOENT);
        }
        if (folder == nullptr) folder = std::make_shared<detail::memory_folder>();
        return memory_directory{tree_, folder, bytes{path}};
    }
    [[nodiscard]] nanoseconds now() const noexcept { return posix{}.now(); }
    [[nodiscard]] nanoseconds wall_time() const noexcept { return posix{}.wall_time(); }
    [[nodiscard]] std::uint64_t random() const noexcept { return posix{}.random(); }
    void sleep(nanoseconds length) const noexcept { posix{}.sleep(length); }

private:
    std::shared_ptr<detail::memory_tree> tree_ = std::make_shared<detail::memory_tree>();
};

static_assert(platform<memory>);

}  // namespace mantis
