// SPDX-License-Identifier: BSL-1.0
//
// A platform around another one that makes I/O fail, lie and damage as planned: the faults of
// fault.hpp under real files and real threads.
//
//   mantis::fault_plan<mantis::posix> plan{seed};
//   mantis::faulty<mantis::posix> world{mantis::posix{}, plan};
//   use(world);                                                // as posix
//   plan.inject({.on = mantis::io_kind::sync, .nth = 2});      // the second sync from now fails
//
// Everything but I/O is the inner platform's. Unlike the simulator it has no power to cut: a lying
// sync, or a failed one that forgets, shows only when somebody else cuts it. `slow` waits
// `slowdown` microseconds. A failed sync that reverts, and stale reads, go by what was written
// through this plan while such a fault was expected, to the file that had the name when it was
// opened.
//
// Threads: any number may use the platform and its plan; which I/O is the nth is theirs to race
// for.
#pragma once

#include "detail/name_table.hpp"
#include "detail/names.hpp"
#include "detail/sparse_bytes.hpp"
#include "detail/struck_io.hpp"
#include "guard.hpp"
#include "platform.hpp"

namespace mantis {

template <platform Platform>
class faulty;

namespace detail {

// What one file contained before it was written.
//   Threads   the holder of the latch
template <class Platform>
class file_history {
public:
    typename Platform::mutex latch;

    //   Effects     [offset, offset + count) of `of`, and its size, are about to change
    template <class File>
    void remember(File& of, std::uint64_t offset, std::uint64_t count) {
        const result<std::uint64_t> size = of.size();
        if (!size) return;
        bytes old;
        if (offset < *size) {
            const std::uint64_t there = *size - offset;
            old = bytes::zeros(static_cast<std::size_t>(count < there ? count : there));
            const result<std::size_t> got = of.read(offset, old.data(), old.size());
            if (!got) return;
            old.resize(*got);
            former_.write(offset, old);
        }
        unsynced_.push_back({offset, *size, std::move(old)});
    }
    void synced() noexcept { unsynced_.clear(); }
    //   Effects     the file is as the last sync left it
    template <class File>
    void revert(File& of) {
        while (!unsynced_.empty()) {
            const change& last = unsynced_.back();
            (void)of.resize(last.size);
            (void)of.write(last.offset, last.old);
            unsynced_.pop_back();
        }
    }
    void read_former(std::uint64_t offset, std::byte* into, std::size_t count) const {
        (void)former_.read(offset, into, count);
    }

private:
    struct change {
        std::uint64_t offset;
        std::uint64_t size;  // of the file, before
        bytes old;
    };

    sparse_bytes former_;
    std::vector<change> unsynced_;
};

template <class Platform>
struct fault_state {
    explicit fault_state(std::uint64_t seed) noexcept : injector{seed} {}

    typename Platform::mutex latch;  // protects all below
    fault_injector injector;
    std::uint64_t counts[io_kind_count] = {};
    name_table<file_history<Platform>> histories;
};

}  // namespace detail

// The faults of any number of faulty platforms; a copy is the same plan.
template <platform Platform>
class fault_plan {
public:
    explicit fault_plan(std::uint64_t seed = 1)
        : state_{detail::shared<detail::fault_state<Platform>>::make(seed)} {}

    //   Effects     the fault strikes as fault.hpp says
    void inject(const fault& what) {
        const guard hold{state_->latch};
        state_->injector.inject(what);
    }
    //   Effects     no fault strikes any more
    void clear() {
        const guard hold{state_->latch};
        state_->injector.clear();
    }
    // How often a fault of that kind has struck.
    [[nodiscard]] std::uint64_t struck(fault_kind kind) const {
        const guard hold{state_->latch};
        return state_->injector.struck(kind);
    }
    [[nodiscard]] std::uint64_t io_count(io_kind kind) const {
        const guard hold{state_->latch};
        return state_->counts[static_cast<std::size_t>(kind)];
    }
    [[nodiscard]] std::uint64_t io_count() const {
        const guard hold{state_->latch};
        std::uint64_t sum = 0;
        for (const std::uint64_t each : state_->counts) sum += each;
        return sum;
    }

    // For the platform's parts.
    [[nodiscard]] fault_strike begin(const io_event& io) {
        const guard hold{state_->latch};
        ++state_->counts[static_cast<std::size_t>(io.kind)];
        return state_->injector.strike(io);
    }
    [[nodiscard]] bool needs_history() const {
        const guard hold{state_->latch};
        return state_->injector.expects(fault_kind::stale_read) ||
               state_->injector.expects(failed_sync::reverts);
    }
    [[nodiscard]] detail::shared<detail::file_history<Platform>> history_of(bytes_view path) {
        const guard hold{state_->latch};
        auto found = state_->histories.find(path);
        if (found) return found;
        found = detail::shared<detail::file_history<Platform>>::make();
        state_->histories.set(path, found);
        return found;
    }
    void forget_history_of(bytes_view path) {
        const guard hold{state_->latch};
        (void)state_->histories.erase(path);
    }

private:
    using guard = lock_guard<typename Platform::mutex>;

    detail::shared<detail::fault_state<Platform>> state_;
};

template <platform Platform>
class faulty_file {
public:
    //   Requires    called by faulty_directory
    faulty_file(Platform world, fault_plan<Platform> plan, typename Platform::file inner,
                bool writable)
        : world_{std::move(world)},
          plan_{std::move(plan)},
          inner_{std::move(inner)},
          history_{plan_.history_of(inner_.path())},
          writable_{writable} {}

    [[nodiscard]] bytes_view path() const noexcept { return inner_.path(); }

    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) {
        return perform({io_kind::read, path(), offset, count}, "reading a file",
                       [&](auto& io) { return io.read(offset, into, count); });
    }
    [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
        return perform({io_kind::write, path(), offset, from.size()}, "writing a file",
                       [&](auto& io) { return io.write(offset, from); });
    }
    [[nodiscard]] result<void> sync() {
        return perform({io_kind::sync, path()}, "syncing a file",
                       [](auto& io) { return io.sync(); });
    }
    [[nodiscard]] result<std::uint64_t> size() {
        return perform({io_kind::size, path()}, "asking for a file's size",
                       [](auto& io) { return io.size(); });
    }
    [[nodiscard]] result<void> resize(std::uint64_t size) {
        return perform({io_kind::resize, path(), size}, "resizing a file",
                       [&](auto& io) { return io.resize(size); });
    }
    [[nodiscard]] result<void> preallocate(std::uint64_t size) {
        return perform({io_kind::preallocate, path(), size}, "preallocating a file",
                       [&](auto& io) { return io.preallocate(size); });
    }

private:
    static constexpr std::uint64_t sector_bytes = 512;
    using guard = lock_guard<typename Platform::mutex>;

    // The file without faults, in the middle of one I/O; see struck_io.
    class access {
    public:
        access(faulty_file& of, const io_event& asked, const char* doing) noexcept
            : of_{of}, asked_{asked}, doing_{doing} {}

        [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                               std::size_t count) {
            return of_.inner_.read(offset, into, count);
        }
        [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
            return change(offset, from.size(), [&] { return of_.inner_.write(offset, from); });
        }
        [[nodiscard]] result<void> sync() {
            auto done = of_.inner_.sync();
            if (done) {
                const guard hold{of_.history_->latch};
                of_.history_->synced();
            }
            return done;
        }
        [[nodiscard]] result<std::uint64_t> size() { return of_.inner_.size(); }
        [[nodiscard]] result<void> resize(std::uint64_t size) {
            return change(size, ~std::uint64_t{0}, [&] { return of_.inner_.resize(size); });
        }
        [[nodiscard]] result<void> preallocate(std::uint64_t size) {
            return change(size, 0, [&] { return of_.inner_.preallocate(size); });
        }
        [[nodiscard]] error refusal(error_code code) const {
            return injected_error(code, doing_, asked_);
        }
        [[nodiscard]] result<void> pause() {
            of_.world_.sleep(microseconds(20));
            return success();
        }
        void former(std::uint64_t offset, std::byte* into, std::size_t count) {
            const guard hold{of_.history_->latch};
            of_.history_->read_former(offset, into, count);
        }
        void flip(std::uint64_t offset, unsigned bit) {
            std::byte turned{0};
            const result<std::size_t> got = of_.inner_.read(offset, &turned, 1);
            if (!got || *got == 0) return;
            turned ^= std::byte{1} << bit;
            (void)of_.inner_.write(offset, {&turned, 1});
        }
        void sync_in_part(seeded_random&) {}
        void fail_to_sync(failed_sync how) {
            const guard hold{of_.history_->latch};
            if (how == failed_sync::reverts) of_.history_->revert(of_.inner_);
            if (how == failed_sync::forgets) of_.history_->synced();
        }

    private:
        template <class Change>
        [[nodiscard]] result<void> change(std::uint64_t offset, std::uint64_t count, Change make) {
            if (!of_.writable_) return refusal(error_code::io);
            if (!of_.plan_.needs_history()) return make();
            const guard hold{of_.history_->latch};
            of_.history_->remember(of_.inner_, offset, count);
            return make();
        }

        faulty_file& of_;
        const io_event& asked_;
        const char* doing_;
    };

    template <class Use>
    [[nodiscard]] auto perform(const io_event& asked, const char* doing, Use use) {
        const fault_strike strike = plan_.begin(asked);
        if (strike.slowdown > 1)
            world_.sleep(microseconds(static_cast<std::int64_t>(strike.slowdown)));
        access file{*this, asked, doing};
        detail::struck_io<access> io{file, strike, sector_bytes};
        return use(io);
    }

    Platform world_;
    fault_plan<Platform> plan_;
    typename Platform::file inner_;
    detail::shared<detail::file_history<Platform>> history_;
    bool writable_;
};

template <platform Platform>
class faulty_directory {
public:
    using file = faulty_file<Platform>;

    //   Requires    called by class faulty
    faulty_directory(Platform world, fault_plan<Platform> plan,
                     typename Platform::directory inner) noexcept
        : world_{std::move(world)}, plan_{std::move(plan)}, inner_{std::move(inner)} {}

    [[nodiscard]] bytes_view path() const noexcept { return inner_.path(); }

    [[nodiscard]] result<void> lock() {
        return perform({io_kind::lock, path()}, "locking a directory",
                       [&](const fault_strike&) { return inner_.lock(); });
    }
    [[nodiscard]] result<file> open(bytes_view name, file_mode mode) {
        const bytes file_path = detail::joined_path(path(), name);
        return perform({io_kind::open, file_path}, "opening a file",
                       [&](const fault_strike& strike) -> result<file> {
                           if (strike.is(fault_kind::foreign_file)) exchange(name, strike);
                           // A file that is only read may still have to be damaged.
                           auto opened =
                               inner_.open(name, mode == file_mode::read ? file_mode::write : mode);
                           if (!opened && mode == file_mode::read) opened = inner_.open(name, mode);
                           if (!opened) return std::move(opened).error();
                           return file{world_, plan_, *std::move(opened), mode != file_mode::read};
                       });
    }
    [[nodiscard]] result<bool> exists(bytes_view name) {
        return perform({io_kind::exists, detail::joined_path(path(), name)}, "looking for a file",
                       [&](const fault_strike&) { return inner_.exists(name); });
    }
    [[nodiscard]] result<std::vector<bytes>> list() {
        return perform({io_kind::list, path()}, "listing a directory",
                       [&](const fault_strike&) { return inner_.list(); });
    }
    [[nodiscard]] result<void> remove(bytes_view name) {
        const bytes file_path = detail::joined_path(path(), name);
        return perform({io_kind::remove, file_path}, "removing a file", [&](const fault_strike&) {
            auto done = inner_.remove(name);
            if (done) plan_.forget_history_of(file_path);
            return done;
        });
    }
    [[nodiscard]] result<void> rename(bytes_view from, bytes_view to) {
        const bytes file_path = detail::joined_path(path(), from);
        return perform({io_kind::rename, file_path}, "renaming a file", [&](const fault_strike&) {
            auto done = inner_.rename(from, to);
            if (done) {
                plan_.forget_history_of(file_path);
                plan_.forget_history_of(detail::joined_path(path(), to));
            }
            return done;
        });
    }
    [[nodiscard]] result<void> sync() {
        return perform({io_kind::sync_directory, path()}, "syncing a directory",
                       [&](const fault_strike& strike) -> result<void> {
                           if (strike.is(fault_kind::lying_sync)) return success();
                           return inner_.sync();
                       });
    }
    [[nodiscard]] result<std::uint64_t> free_bytes() {
        return perform({io_kind::free_bytes, path()}, "asking for free space",
                       [&](const fault_strike&) { return inner_.free_bytes(); });
    }

private:
    template <class Use>
    [[nodiscard]] auto perform(const io_event& asked, const char* doing, Use use)
        -> decltype(use(fault_strike{})) {
        const fault_strike strike = plan_.begin(asked);
        if (strike.slowdown > 1)
            world_.sleep(microseconds(static_cast<std::int64_t>(strike.slowdown)));
        if (strike.is(fault_kind::fail_halfway) && seeded_random{strike.seed}.one_in(2) &&
            asked.kind != io_kind::lock)
            (void)use(strike);
        if (strike.fails()) return injected_error(strike.code, doing, asked);
        return use(strike);
    }
    // Somebody else's file takes the place of the one of that name, if there is one.
    void exchange(bytes_view name, const fault_strike& strike) {
        auto found = inner_.open(name, file_mode::write);
        if (!found) return;
        const result<std::uint64_t> size = found->size();
        if (!size || !found->resize(0)) return;
        (void)found->write(0, detail::foreign_contents(*size, strike.seed));
    }

    Platform world_;
    fault_plan<Platform> plan_;
    typename Platform::directory inner_;
};

template <platform Platform>
class faulty {
public:
    static constexpr const char* name = "faulty";

    using file = faulty_file<Platform>;
    using directory = faulty_directory<Platform>;
    using mutex = typename Platform::mutex;
    using condition = typename Platform::condition;
    using thread = typename Platform::thread;
    using parking = typename Platform::parking;
    template <class T>
    using atomic = typename Platform::template atomic<T>;
    template <class T>
    using atomic_ref = typename Platform::template atomic_ref<T>;
    using memory_order = typename Platform::memory_order;

    faulty(Platform inner, fault_plan<Platform> plan) noexcept
        : inner_{std::move(inner)}, plan_{std::move(plan)} {}

    [[nodiscard]] result<directory> open_directory(bytes_view path, directory_mode mode) {
        const io_event asked{io_kind::open_directory, path};
        const fault_strike strike = plan_.begin(asked);
        if (strike.slowdown > 1) sleep(microseconds(static_cast<std::int64_t>(strike.slowdown)));
        if (strike.fails()) return injected_error(strike.code, "opening a directory", asked);
        auto opened = inner_.open_directory(path, mode);
        if (!opened) return std::move(opened).error();
        return directory{inner_, plan_, *std::move(opened)};
    }
    [[nodiscard]] nanoseconds now() { return inner_.now(); }
    [[nodiscard]] nanoseconds wall_time() { return inner_.wall_time(); }
    [[nodiscard]] std::uint64_t random() { return inner_.random(); }
    void sleep(nanoseconds length) { inner_.sleep(length); }
    static void use_large_pages(void* at, std::size_t size) noexcept requires requires {
        Platform::use_large_pages(at, size);
    }
    { Platform::use_large_pages(at, size); }

    [[nodiscard]] fault_plan<Platform> plan() const { return plan_; }

private:
    Platform inner_;
    fault_plan<Platform> plan_;
};

}  // namespace mantis
