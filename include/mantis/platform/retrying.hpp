// SPDX-License-Identifier: BSL-1.0
//
// A platform around another one that repeats what failed for a passing reason, and gives up at once
// where too much of it fails.
//
//   mantis::retrying<mantis::posix> world{mantis::posix{}, {.again = {.attempts = 8}}};
//   auto opened = store_of_mine::open(world, "db");
//   world.health("db").repeats;                          // how often it helped, or did not
//
// call                                       is repeated
//   read, size, list, exists,                when it fails for a passing reason (see below), unless
//   open_directory, open to read             the breaker of its directory refuses
//   open to write, but create_new; lock      when it fails for a passing reason
//   write                                    when it was interrupted before a byte was written
//   sync of a file or a directory            never: a system may forget after a failed sync that
//                                            there is something to write, and the next one succeeds
//   all else                                 never: it may have been done, and be told as a failure
//
// After a failed sync of a file, or of the directory, nothing is repeated for it until the file is
// removed or the platform is made anew.
//
// A reason may pass if it is error_code::interrupted, or io but for an `errno` that says what the
// caller lacks: a right, another kind of file. What was repeated in vain answers its last error
// with the numbers `attempts` and `waited_ns`. A short read is as good as any.
//
// Each path of a directory has a breaker (circuit_breaker.hpp), in which all handles that were
// copied from one platform share. It sees the calls of the first line only: nothing that writes is
// refused for what reads did.
//
// Everything else is the inner platform's. While all goes well a call costs a few loads more.
//
// Threads: any number may use the platform, its directories and its files.
#pragma once

#include "../core/backoff.hpp"
#include "circuit_breaker.hpp"
#include "detail/name_table.hpp"
#include "detail/names.hpp"

#include <cerrno>

namespace mantis {

struct retrying_options {
    backoff_options again;
    breaker_options breaker;
    event_sink events = {};  // breaker_opened, breaker_closed
};

// What became of the calls to one directory and its files.
struct file_health {
    breaker_counts breaker;
    std::uint64_t repeats = 0;   // attempts after the first
    std::uint64_t given_up = 0;  // calls that failed for a passing reason in the end, refused ones
                                 // included
};

struct named_file_health {
    bytes path;
    file_health health;
};

//   Returns     whether the same call may succeed after a while
[[nodiscard]] inline bool may_pass(const error& failed) noexcept {
    if (failed.code() == error_code::interrupted) return true;
    if (failed.code() != error_code::io) return false;
    const std::uint64_t* const number = failed.number("errno");
    switch (number == nullptr ? 0 : *number) {
        case EACCES:
        case EBADF:
        case EFAULT:
        case EINVAL:
        case EISDIR:
        case ELOOP:
        case ENAMETOOLONG:
        case ENODEV:
        case ENOTDIR:
        case ENOTSUP:
        case EOVERFLOW:
        case EPERM:
        case EROFS: return false;
        default: return true;
    }
}

namespace detail {

// The attempts of the calls to one directory path.
template <class Platform>
class call_repeater {
public:
    call_repeater(const retrying_options& options, bytes_view path)
        : again_{options.again}, breaker_{options.breaker, options.events, path} {}

    // Calls once() until it succeeds, fails for good, or there is no attempt left.
    //   Requires    once() may be repeated, whatever it answered
    template <class Once>
    [[nodiscard]] auto call(Platform& world, bytes_view path, Once once) -> decltype(once()) {
        guarded<Once> attempt{breaker_, once};
        if (!attempt.admitted()) {
            given_up_.fetch_add(1, order::relaxed);
            return breaker_.refusal(path);
        }
        auto done = attempt();
        if (done || !may_pass(done.error())) return done;
        return repeat(world, path, std::move(done), attempt);
    }
    // The same past the breaker, if repeatable(error).
    template <class Once, class Repeatable>
    [[nodiscard]] auto call_to_write(Platform& world, bytes_view path, Once once,
                                     Repeatable repeatable) -> decltype(once()) {
        unguarded<Once, Repeatable> attempt{once, repeatable};
        auto done = attempt();
        if (done || !repeatable(done.error())) return done;
        return repeat(world, path, std::move(done), attempt);
    }

    //   Effects     nothing is repeated any more for what has that path
    void sync_failed(bytes_view path) {
        const lock_guard hold{latch_};
        unsynced_.set(path, shared<nothing>::make());
    }
    void removed(bytes_view path) {
        const lock_guard hold{latch_};
        (void)unsynced_.erase(path);
    }
    void renamed(bytes_view from, bytes_view to) {
        const lock_guard hold{latch_};
        auto mark = unsynced_.find(from);
        (void)unsynced_.erase(from);
        if (mark) unsynced_.set(to, std::move(mark));
        else (void)unsynced_.erase(to);
    }

    [[nodiscard]] file_health health() {
        return {breaker_.counts(), repeats_.load(order::relaxed), given_up_.load(order::relaxed)};
    }

private:
    using order = typename Platform::memory_order;
    using count = typename Platform::template atomic<std::uint64_t>;

    template <class Once>
    struct guarded {
        circuit_breaker<Platform>& breaker;
        Once& once;
        breaker_pass pass = breaker_pass::refused;

        [[nodiscard]] bool admitted() {
            pass = breaker.admit();
            return pass != breaker_pass::refused;
        }
        [[nodiscard]] auto operator()() {
            auto done = once();
            if (!done && may_pass(done.error())) breaker.failed(pass);
            else breaker.succeeded(pass);
            return done;
        }
        [[nodiscard]] static bool repeatable(const error& failed) noexcept {
            return may_pass(failed);
        }
    };

    template <class Once, class Repeatable>
    struct unguarded {
        Once& once;
        Repeatable& repeatable;

        [[nodiscard]] static bool admitted() noexcept { return true; }
        [[nodiscard]] auto operator()() { return once(); }
    };

    //   Requires    the first attempt ended as `done`, an error that may pass
    template <class Done, class Attempt>
    [[nodiscard]] Done repeat(Platform& world, bytes_view path, Done done, Attempt& attempt) {
        std::uint64_t attempts = 1;
        const nanoseconds begun = world.now();
        backoff pauses{again_, world.random()};
        while (pauses.left() && !lost_a_sync(path)) {
            world.sleep(pauses.next());
            if (!attempt.admitted()) break;
            ++attempts;
            repeats_.fetch_add(1, order::relaxed);
            done = attempt();
            if (done || !attempt.repeatable(done.error())) return done;
        }
        given_up_.fetch_add(1, order::relaxed);
        return std::move(done)
            .error()
            .with("attempts", attempts)
            .with("waited_ns", static_cast<std::uint64_t>((world.now() - begun).count));
    }
    [[nodiscard]] bool lost_a_sync(bytes_view path) {
        const lock_guard hold{latch_};
        return static_cast<bool>(unsynced_.find(path));
    }

    const backoff_options again_;
    circuit_breaker<Platform> breaker_;
    count repeats_{0};
    count given_up_{0};
    typename Platform::mutex latch_;  // protects all below
    name_table<nothing> unsynced_;    // paths of which a sync has failed
};

template <class Platform>
struct retrying_state {
    explicit retrying_state(const retrying_options& chosen) noexcept : options{chosen} {}

    const retrying_options options;
    typename Platform::mutex latch;  // protects all below
    name_table<call_repeater<Platform>> directories;
};

}  // namespace detail

template <platform Platform>
class retrying_file {
public:
    using repeater = detail::shared<detail::call_repeater<Platform>>;

    //   Requires    called by retrying_directory
    retrying_file(Platform world, repeater calls, typename Platform::file inner) noexcept
        : world_{std::move(world)}, calls_{std::move(calls)}, inner_{std::move(inner)} {}

    [[nodiscard]] bytes_view path() const noexcept { return inner_.path(); }

    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) {
        return calls_->call(world_, path(), [&] { return inner_.read(offset, into, count); });
    }
    [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
        // The number `offset` says where the write stopped.
        const auto nothing_written = [offset](const error& failed) {
            const std::uint64_t* const stopped = failed.number("offset");
            return failed.code() == error_code::interrupted && stopped != nullptr &&
                   *stopped == offset;
        };
        return calls_->call_to_write(
            world_, path(), [&] { return inner_.write(offset, from); }, nothing_written);
    }
    [[nodiscard]] auto map(std::uint64_t size) requires mappable_file<typename Platform::file> {
        return inner_.map(size);
    }
    [[nodiscard]] result<void> sync() {
        auto done = inner_.sync();
        if (!done) calls_->sync_failed(path());
        return done;
    }
    [[nodiscard]] result<std::uint64_t> size() {
        return calls_->call(world_, path(), [&] { return inner_.size(); });
    }
    [[nodiscard]] result<void> resize(std::uint64_t size) { return inner_.resize(size); }
    [[nodiscard]] result<void> preallocate(std::uint64_t size) { return inner_.preallocate(size); }

private:
    Platform world_;
    repeater calls_;
    typename Platform::file inner_;
};

template <platform Platform>
class retrying_directory {
public:
    using file = retrying_file<Platform>;
    using repeater = detail::shared<detail::call_repeater<Platform>>;

    //   Requires    called by class retrying
    retrying_directory(Platform world, repeater calls, typename Platform::directory inner) noexcept
        : world_{std::move(world)}, calls_{std::move(calls)}, inner_{std::move(inner)} {}

    [[nodiscard]] bytes_view path() const noexcept { return inner_.path(); }

    [[nodiscard]] result<void> lock() {
        return calls_->call_to_write(
            world_, path(), [&] { return inner_.lock(); }, may_pass);
    }
    [[nodiscard]] result<file> open(bytes_view name, file_mode mode) {
        auto opened = attempt_open(name, mode);
        if (!opened) return std::move(opened).error();
        return file{world_, calls_, *std::move(opened)};
    }
    [[nodiscard]] result<bool> exists(bytes_view name) {
        return calls_->call(world_, path(), [&] { return inner_.exists(name); });
    }
    [[nodiscard]] result<std::vector<bytes>> list() {
        return calls_->call(world_, path(), [&] { return inner_.list(); });
    }
    [[nodiscard]] result<void> remove(bytes_view name) {
        auto done = inner_.remove(name);
        if (done) calls_->removed(detail::joined_path(path(), name));
        return done;
    }
    [[nodiscard]] result<void> rename(bytes_view from, bytes_view to) {
        auto done = inner_.rename(from, to);
        if (done)
            calls_->renamed(detail::joined_path(path(), from), detail::joined_path(path(), to));
        return done;
    }
    [[nodiscard]] result<void> sync() {
        auto done = inner_.sync();
        if (!done) calls_->sync_failed(path());
        return done;
    }
    // Asked now and then, in the middle of writing: nobody waits for a second answer.
    [[nodiscard]] result<std::uint64_t> free_bytes() { return inner_.free_bytes(); }

private:
    [[nodiscard]] result<typename Platform::file> attempt_open(bytes_view name, file_mode mode) {
        // Of a file that has to be new a failed attempt may have left the name.
        if (mode == file_mode::create_new) return inner_.open(name, mode);
        const bytes file_path = detail::joined_path(path(), name);
        const auto once = [&] { return inner_.open(name, mode); };
        if (mode == file_mode::read) return calls_->call(world_, file_path, once);
        return calls_->call_to_write(world_, file_path, once, may_pass);
    }

    Platform world_;
    repeater calls_;
    typename Platform::directory inner_;
};

template <platform Platform>
class retrying {
public:
    static constexpr const char* name = "retrying";

    using file = retrying_file<Platform>;
    using directory = retrying_directory<Platform>;
    using mutex = typename Platform::mutex;
    using condition = typename Platform::condition;
    using thread = typename Platform::thread;
    using parking = typename Platform::parking;
    template <class T>
    using atomic = typename Platform::template atomic<T>;
    template <class T>
    using atomic_ref = typename Platform::template atomic_ref<T>;
    using memory_order = typename Platform::memory_order;

    retrying() requires std::is_default_constructible_v<Platform> : retrying{Platform{}} {}
    explicit retrying(Platform inner, const retrying_options& options = {})
        : inner_{std::move(inner)}, state_{state::make(options)} {}

    [[nodiscard]] result<directory> open_directory(bytes_view path, directory_mode mode) {
        auto calls = calls_to(path);
        auto opened = calls->call(inner_, path, [&] { return inner_.open_directory(path, mode); });
        if (!opened) return std::move(opened).error();
        return directory{inner_, std::move(calls), *std::move(opened)};
    }
    [[nodiscard]] nanoseconds now() { return inner_.now(); }
    [[nodiscard]] nanoseconds wall_time() { return inner_.wall_time(); }
    [[nodiscard]] std::uint64_t random() { return inner_.random(); }
    void sleep(nanoseconds length) { inner_.sleep(length); }
    static void use_large_pages(void* at, std::size_t size) noexcept requires requires {
        Platform::use_large_pages(at, size);
    }
    { Platform::use_large_pages(at, size); }

    [[nodiscard]] Platform& inner() noexcept { return inner_; }
    //   Returns     of the directory that was opened by that path
    [[nodiscard]] file_health health(bytes_view path) const {
        const lock_guard hold{state_->latch};
        const auto found = state_->directories.find(path);
        return found ? found->health() : file_health{};
    }
    //   Returns     of every directory that was to be opened, in the order of paths
    [[nodiscard]] std::vector<named_file_health> health() const {
        std::vector<named_file_health> all;
        const lock_guard hold{state_->latch};
        for (const auto& each : state_->directories.entries())
            all.push_back({each.name, each.node->health()});
        return all;
    }

private:
    using state = detail::shared<detail::retrying_state<Platform>>;

    [[nodiscard]] auto calls_to(bytes_view path) {
        const lock_guard hold{state_->latch};
        auto found = state_->directories.find(path);
        if (!found) {
            found = detail::shared<detail::call_repeater<Platform>>::make(state_->options, path);
            state_->directories.set(path, found);
        }
        return found;
    }

    Platform inner_;
    state state_;
};

}  // namespace mantis
