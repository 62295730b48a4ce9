// SPDX-License-Identifier: BSL-1.0
//
// Files that live in RAM, shared by the copies of one handle; threads, locks and clocks are the
// real ones.
//
// For tests, and for data that need not outlive the process. Nothing is ever unsynced: what was
// written is there until the last handle, directory and file are gone. Space ends where the
// machine's memory does, or at limit_disk(): a file counts with its size, until its last name and
// its last opener are gone.
//
// Threads: any number; each file has a latch of its own and the names of all have one.
#pragma once

#include "detail/folder_tree.hpp"
#include "detail/sparse_bytes.hpp"
#include "guard.hpp"
#include "posix.hpp"

namespace mantis {

namespace detail {

// What all files may take together.
//   Threads   any
class memory_space {
public:
    void limit(std::uint64_t most) noexcept { most_.store(most); }
    //   Returns     false when there is no room for them
    [[nodiscard]] bool take(std::uint64_t bytes) noexcept {
        std::uint64_t used = used_.load();
        do {
            if (bytes != 0 && bytes > left_of(used)) return false;
        } while (!used_.compare_exchange_weak(used, used + bytes));
        return true;
    }
    void give_back(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes); }
    [[nodiscard]] std::uint64_t left() const noexcept { return left_of(used_.load()); }

private:
    [[nodiscard]] std::uint64_t left_of(std::uint64_t used) const noexcept {
        const std::uint64_t most = most_.load();
        if (most == 0) return no_space_limit;
        return used < most ? most - used : 0;
    }

    std::atomic<std::uint64_t> most_{0};  // 0: no limit
    std::atomic<std::uint64_t> used_{0};
};

struct memory_contents {
    explicit memory_contents(shared<memory_space> of) noexcept : space{std::move(of)} {}
    memory_contents(const memory_contents&) = delete;
    memory_contents& operator=(const memory_contents&) = delete;
    ~memory_contents() { space->give_back(data.size()); }

    //   Requires    latch
    //   Effects     make() changes the data, which are `size` bytes after it
    //   Returns     false, and nothing is changed, when there is no space
    template <class Make>
    [[nodiscard]] bool change(std::uint64_t size, Make make) {
        const std::uint64_t before = data.size();
        if (size > before && !space->take(size - before)) return false;
        make();
        if (size < before) space->give_back(before - size);
        return true;
    }

    shared<memory_space> space;
    posix_mutex latch;  // protects all below
    sparse_bytes data;
};

struct memory_folder {
    name_table<memory_contents> files;
    bool locked = false;
};

struct memory_tree {
    shared<memory_space> space = shared<memory_space>::make();
    posix_mutex latch;  // protects the folders and all that is in them but the contents
    folder_tree<memory_folder> folders;
};

}  // namespace detail

class memory_file {
public:
    //   Requires    called by memory_directory
    memory_file(detail::shared<detail::memory_contents> of, bytes path, bool writable) noexcept
        : of_{std::move(of)}, path_{std::move(path)}, writable_{writable} {}

    [[nodiscard]] bytes_view path() const noexcept { return path_.view(); }

    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) const {
        const lock_guard<posix_mutex> hold{of_->latch};
        return of_->data.read(offset, into, count);
    }
    [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
        if (!writable_) return refused("writing a file").with("offset", offset);
        const lock_guard<posix_mutex> hold{of_->latch};
        const std::uint64_t end = from.empty() ? 0 : offset + from.size();
        const std::uint64_t size = end > of_->data.size() ? end : of_->data.size();
        if (of_->change(size, [&] { of_->data.write(offset, from); })) return success();
        return full("writing a file").with("offset", offset);
    }
    [[nodiscard]] result<void> sync() { return success(); }
    [[nodiscard]] result<std::uint64_t> size() const {
        const lock_guard<posix_mutex> hold{of_->latch};
        return of_->data.size();
    }
    [[nodiscard]] result<void> resize(std::uint64_t size) {
        if (!writable_) return refused("resizing a file");
        const lock_guard<posix_mutex> hold{of_->latch};
        if (of_->change(size, [&] { of_->data.resize(size); })) return success();
        return full("resizing a file");
    }
    [[nodiscard]] result<void> preallocate(std::uint64_t size) {
        if (!writable_) return refused("preallocating a file");
        const lock_guard<posix_mutex> hold{of_->latch};
        if (size <= of_->data.size()) return success();
        if (of_->change(size, [&] { of_->data.resize(size); })) return success();
        return full("preallocating a file");
    }

private:
    [[nodiscard]] error refused(const char* doing) const {
        return posix_error(doing, path(), EBADF);
    }
    [[nodiscard]] error full(const char* doing) const { return posix_error(doing, path(), ENOSPC); }

    detail::shared<detail::memory_contents> of_;
    bytes path_;
    bool writable_;
};

class memory_directory {
public:
    //   Requires    called by class memory
    memory_directory(detail::shared<detail::memory_tree> tree,
                     detail::shared<detail::memory_folder> of, bytes path) noexcept
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
        const lock_guard<posix_mutex> hold{tree_->latch};
        of_->locked = false;
    }

    [[nodiscard]] bytes_view path() const noexcept { return path_.view(); }

    [[nodiscard]] result<void> lock() {
        const lock_guard<posix_mutex> hold{tree_->latch};
        if (of_->locked)
            return error{error_code::locked, "opening a directory that another opener holds"}
                .about(path())
                .with("pid", static_cast<std::uint64_t>(::getpid()));
        of_->locked = locks_ = true;
        return success();
    }
    [[nodiscard]] result<memory_file> open(bytes_view name, file_mode mode) {
        constexpr const char* doing = "opening a file";
        if (!detail::usable_file_name(name)) return refused(doing, name);
        const lock_guard<posix_mutex> hold{tree_->latch};
        auto found = of_->files.find(name);
        if (found && mode == file_mode::create_new) return failed(doing, name, EEXIST);
        if (!found && (mode == file_mode::read || mode == file_mode::write))
            return failed(doing, name, ENOENT);
        if (!found) {
            found = detail::shared<detail::memory_contents>::make(tree_->space);
            of_->files.set(name, found);
        }
        return memory_file{std::move(found), detail::joined_path(path(), name),
                           mode != file_mode::read};
    }
    [[nodiscard]] result<bool> exists(bytes_view name) const {
        if (!detail::usable_file_name(name)) return refused("looking for a file", name);
        const lock_guard<posix_mutex> hold{tree_->latch};
        return static_cast<bool>(of_->files.find(name));
    }
    [[nodiscard]] result<std::vector<bytes>> list() const {
        const lock_guard<posix_mutex> hold{tree_->latch};
        std::vector<bytes> names;
        for (const auto& entry : of_->files.entries()) names.push_back(entry.name);
        return names;
    }
    [[nodiscard]] result<void> remove(bytes_view name) {
        constexpr const char* doing = "removing a file";
        if (!detail::usable_file_name(name)) return refused(doing, name);
        const lock_guard<posix_mutex> hold{tree_->latch};
        if (!of_->files.erase(name)) return failed(doing, name, ENOENT);
        return success();
    }
    [[nodiscard]] result<void> rename(bytes_view from, bytes_view to) {
        constexpr const char* doing = "renaming a file";
        if (!detail::usable_file_name(from)) return refused(doing, from);
        if (!detail::usable_file_name(to)) return refused(doing, to);
        const lock_guard<posix_mutex> hold{tree_->latch};
        auto moved = of_->files.find(from);
        if (!moved) return failed(doing, from, ENOENT);
        of_->files.erase(from);
        of_->files.set(to, std::move(moved));
        return success();
    }
    [[nodiscard]] result<void> sync() { return success(); }
    [[nodiscard]] result<std::uint64_t> free_bytes() const { return tree_->space->left(); }

private:
    [[nodiscard]] error refused(const char* doing, bytes_view name) const {
        return detail::bad_name(doing, detail::joined_path(path(), name));
    }
    [[nodiscard]] error failed(const char* doing, bytes_view name, int number) const {
        return posix_error(doing, detail::joined_path(path(), name), number);
    }

    detail::shared<detail::memory_tree> tree_;
    detail::shared<detail::memory_folder> of_;
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
    using parking = posix_parking;
    template <class T>
    using atomic = std::atomic<T>;
    template <class T>
    using atomic_ref = std::atomic_ref<T>;
    using memory_order = std::memory_order;

    // A file system of its own; a copy of the handle shares it.
    memory() : tree_{detail::shared<detail::memory_tree>::make()} {}

    [[nodiscard]] result<directory> open_directory(bytes_view path, directory_mode mode) const {
        constexpr const char* doing = "opening a directory";
        if (path.empty() || std::memchr(path.data(), 0, path.size()) != nullptr)
            return detail::bad_name(doing, path);
        const lock_guard<posix_mutex> hold{tree_->latch};
        auto found = tree_->folders.find(path);
        if (!found && mode == directory_mode::existing) return posix_error(doing, path, ENOENT);
        if (!found) found = tree_->folders.create(path);
        return directory{tree_, std::move(found), bytes{path}};
    }
    [[nodiscard]] nanoseconds now() const noexcept { return posix{}.now(); }
    [[nodiscard]] nanoseconds wall_time() const noexcept { return posix{}.wall_time(); }
    [[nodiscard]] std::uint64_t random() const noexcept { return posix{}.random(); }
    void sleep(nanoseconds length) const noexcept { posix{}.sleep(length); }
    //   Effects     from now on files of more than this many bytes in all get no_space; 0 is no
    //               limit
    void limit_disk(std::uint64_t disk_bytes) const noexcept { tree_->space->limit(disk_bytes); }

private:
    detail::shared<detail::memory_tree> tree_;
};

static_assert(platform<memory>);

}  // namespace mantis
