// SPDX-License-Identifier: BSL-1.0
//
// posix, with the reads, writes and syncs of files handed to the kernel through io_uring. Needs
// liburing: include this header on purpose, and link with -luring.
//
//   struct app : mantis::policies<with::platform<mantis::uring>> {};
//
// The same files, errors and promises as posix; docs/policies.md says when it is worth it.
//
// platform         where the kernel refuses io_uring, open_directory
//   uring          fails: unsupported (number "errno": EPERM where it is forbidden, ENOSYS where
//                  there is none, EINVAL where it is older than Linux 5.6)
//   uring_or_posix succeeds, and its files use system calls
//
// Each thread has a ring of its own, made by its first transfer and ended with it. It holds one
// request, and the thread waits for the answer: what a transfer touches is the caller's until it
// returns.
//
// Invariants:
//   1. after a request the ring is empty: every entry was taken by the kernel, and answered
//   2. a request that the kernel did not take has done nothing; the thread makes the system call
//      instead, and for all that follows
//   3. a sync that was answered is not asked again, whatever the answer; only one that a signal
//      interrupted is, as posix does
//
// A thread without a ring (it gets no descriptor for one, it is ending, or it is in a child made by
// fork) makes system calls, with the same effect.
//
// Threads: as posix.
#pragma once

#include "../platform/posix.hpp"

#include <liburing.h>
#include <optional>

namespace mantis {

namespace detail {

// Sets up `ring`, with the requests that files need.
//   Returns     0 or an errno
[[nodiscard]] inline int set_up_ring(::io_uring& ring) noexcept {
    constexpr unsigned entries = 2;
    const int answer = ::io_uring_queue_init(entries, &ring, 0);
    if (answer != 0) return -answer;
    // Came with the requests that read and write without a vector.
    if ((ring.features & IORING_FEAT_RW_CUR_POS) != 0) return 0;
    ::io_uring_queue_exit(&ring);
    return EINVAL;
}

// The ring of a thread. Trivial, so that it can be asked until the thread has ended: after the
// destructors of its thread_local objects too, and of the main thread's by static ones.
class thread_ring {
public:
    [[nodiscard]] static thread_ring& mine() noexcept {
        if (!own_.asked_) own_.begin();
        return own_;
    }

    // Runs one request and waits for its answer.
    //   Returns     that of the system call: negative is an errno; nothing if the kernel did not
    //               take the request
    template <class Prepare>
    [[nodiscard]] std::optional<ssize_t> run(Prepare prepare) noexcept {
        if (!ready_) return std::nullopt;
        ::io_uring_sqe* const request = ::io_uring_get_sqe(&ring_);
        check(request != nullptr, "a ring has a request left from before");
        prepare(request);
        if (taken()) return answer();
        end();
        return std::nullopt;
    }

private:
    // Ends the ring with the thread.
    struct keeper {
        ~keeper() { own_.end(); }
    };

    void begin() noexcept {
        asked_ = true;
        // The child would use the rings of its parent. It has one thread: the one that forked.
        static const bool watched =
            ::pthread_atfork(nullptr, nullptr, [] { own_.ready_ = false; }) == 0;
        if (!watched || set_up_ring(ring_) != 0) return;
        ready_ = true;
        static thread_local keeper ends_with_the_thread;
        (void)&ends_with_the_thread;
    }
    void end() noexcept {
        if (std::exchange(ready_, false)) ::io_uring_queue_exit(&ring_);
    }

    // Whether it was is read from the ring itself: a call that was interrupted may have.
    [[nodiscard]] bool taken() noexcept {
        int told = ::io_uring_submit_and_wait(&ring_, 1);
        while (told == -EINTR && ::io_uring_sq_ready(&ring_) != 0)
            told = ::io_uring_submit_and_wait(&ring_, 1);
        return ::io_uring_sq_ready(&ring_) == 0;
    }

    [[nodiscard]] ssize_t answer() noexcept {
        ::io_uring_cqe* found = nullptr;
        // The kernel may use the caller's memory until it has answered: nothing else ends this.
        while (::io_uring_wait_cqe(&ring_, &found) != 0) posix_parking::yield();
        const ssize_t told = found->res;
        ::io_uring_cqe_seen(&ring_, found);
        return told;
    }

    ::io_uring ring_;
    bool ready_;
    bool asked_;

    static thread_local thread_ring own_;
};
inline thread_local constinit thread_ring thread_ring::own_{};

}  // namespace detail

// See platform.hpp, concept block_file.
class uring_file {
public:
    explicit uring_file(posix_file opened) noexcept : file_{std::move(opened)} {}

    [[nodiscard]] bytes_view path() const noexcept { return file_.path(); }
    [[nodiscard]] int native_handle() const noexcept { return file_.native_handle(); }

    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) const {
        std::size_t done = 0;
        while (done < count) {
            const ssize_t moved = read_some(offset + done, into + done, count - done);
            if (moved == 0) break;
            if (moved > 0) done += static_cast<std::size_t>(moved);
            else if (moved != -EINTR)
                return failed("reading a file", moved).with("offset", offset + done);
        }
        return done;
    }

    [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
        std::size_t done = 0;
        while (done < from.size()) {
            const bytes_view rest = from.from(done);
            const ssize_t moved = write_some(offset + done, rest);
            if (moved > 0) done += static_cast<std::size_t>(moved);
            else if (moved != -EINTR)  // no progress and no reason: EIO, as posix says it
                return failed("writing a file", moved == 0 ? -EIO : moved)
                    .with("offset", offset + done)
                    .with("bytes", from.size());
        }
        return success();
    }

    [[nodiscard]] result<void> sync() {
        ssize_t answer = -EINTR;
        while (answer == -EINTR) answer = sync_once();
        if (answer >= 0) return success();
        return failed("syncing a file", answer);
    }

    [[nodiscard]] result<std::uint64_t> size() const { return file_.size(); }
    [[nodiscard]] result<void> resize(std::uint64_t size) { return file_.resize(size); }
    [[nodiscard]] result<void> preallocate(std::uint64_t size) { return file_.preallocate(size); }

private:
    // What one request moves; the kernel moves less than 2 GiB at once.
    static constexpr std::size_t most_bytes = std::size_t{1} << 30;

    // A ring takes an offset of 64 ones for the file's own position: no offset of a file.
    [[nodiscard]] static bool possible(std::uint64_t offset) noexcept { return offset >> 63 == 0; }
    [[nodiscard]] static unsigned length(std::size_t count) noexcept {
        return static_cast<unsigned>(count < most_bytes ? count : most_bytes);
    }
    // Of a system call, as a ring tells it.
    [[nodiscard]] static ssize_t told(ssize_t answer) noexcept {
        return answer < 0 ? -errno : answer;
    }

    // -EAGAIN, which a ring may answer where the call would wait, has moved nothing either.
    [[nodiscard]] ssize_t read_some(std::uint64_t offset, std::byte* into,
                                    std::size_t count) const noexcept {
        if (possible(offset)) {
            const auto moved = detail::thread_ring::mine().run([&](::io_uring_sqe* request) {
                ::io_uring_prep_read(request, native_handle(), into, length(count), offset);
            });
            if (moved && *moved != -EAGAIN) return *moved;
        }
        return told(::pread(native_handle(), into, count, static_cast<off_t>(offset)));
    }
    [[nodiscard]] ssize_t write_some(std::uint64_t offset, bytes_view from) noexcept {
        if (possible(offset)) {
            const auto moved = detail::thread_ring::mine().run([&](::io_uring_sqe* request) {
                ::io_uring_prep_write(request, native_handle(), from.data(), length(from.size()),
                                      offset);
            });
            if (moved && *moved != -EAGAIN) return *moved;
        }
        return told(
            ::pwrite(native_handle(), from.data(), from.size(), static_cast<off_t>(offset)));
    }
    [[nodiscard]] ssize_t sync_once() noexcept {
        const auto answer = detail::thread_ring::mine().run([&](::io_uring_sqe* request) {
            ::io_uring_prep_fsync(request, native_handle(), IORING_FSYNC_DATASYNC);
        });
        return answer ? *answer : told(::fdatasync(native_handle()));
    }

    [[nodiscard]] error failed(const char* doing, ssize_t answer) const {
        return posix_error(doing, path(), static_cast<int>(-answer));
    }

    posix_file file_;
};

// A posix_directory whose files are uring_files.
class uring_directory : public posix_directory {
public:
    explicit uring_directory(posix_directory opened) noexcept
        : posix_directory{std::move(opened)} {}

    [[nodiscard]] result<uring_file> open(bytes_view name, file_mode mode) const {
        auto opened = posix_directory::open(name, mode);
        if (!opened) return std::move(opened).error();
        return uring_file{*std::move(opened)};
    }
};

// What a platform does where the kernel refuses io_uring.
enum class without_uring : std::uint8_t { fails, uses_posix };

template <without_uring Otherwise>
struct basic_uring : posix {
    static constexpr const char* name =
        Otherwise == without_uring::fails ? "uring" : "uring_or_posix";

    using file = uring_file;
    using directory = uring_directory;

    //   Errors      those of posix; without_uring::fails: unsupported, or io where the process may
    //               open no more descriptors
    [[nodiscard]] result<directory> open_directory(bytes_view path, directory_mode mode) const {
        if constexpr (Otherwise == without_uring::fails)
            if (const int number = refusal(); number != 0) return refused(path, number);
        auto opened = posix::open_directory(path, mode);
        if (!opened) return std::move(opened).error();
        return directory{*std::move(opened)};
    }

private:
    [[nodiscard]] static int refusal() noexcept {
        ::io_uring tried;
        const int number = detail::set_up_ring(tried);
        if (number == 0) ::io_uring_queue_exit(&tried);
        return number;
    }
    [[nodiscard]] static error refused(bytes_view path, int number) {
        constexpr const char* doing = "setting up io_uring";
        if (number != EPERM && number != ENOSYS && number != EINVAL)
            return posix_error(doing, path, number);
        return error{error_code::unsupported, doing}.about(path).with(
            "errno", static_cast<std::uint64_t>(number));
    }
};

using uring = basic_uring<without_uring::fails>;
using uring_or_posix = basic_uring<without_uring::uses_posix>;

static_assert(platform<uring>);
static_assert(platform<uring_or_posix>);

}  // namespace mantis
