// SPDX-License-Identifier: BSL-1.0
//
// The state of one simulated world: scheduler, disk, power and faults. Handles share it; class
// simulation steers it.
//
// Every I/O goes through perform(), in this order:
//   1. it is counted and becomes part of the trace
//   2. a planned power failure or fault may strike: the I/O fails
//   3. virtual time goes by, in which other threads run; the power may fail here too
//   4. its effect happens at once
// A change that the power failure cut off in 2 or 3 is made without being synced: it may survive or
// not.
//
// A boot is the time between two power failures. What was opened in an earlier boot fails every
// call.
//
// Threads: the one that holds the scheduler's baton.
#pragma once

#include "disk.hpp"
#include "scheduler.hpp"

#include "../../core/result.hpp"
#include "../posix/error.hpp"

namespace mantis {

struct simulation_options {
    // A run that takes more steps than this stops the program: threads that spin for ever.
    std::uint64_t max_steps = 200'000'000;
    // Files beyond this many bytes in all get no_space; 0 is no limit.
    std::uint64_t disk_bytes = 0;
    failed_sync after_failed_sync = failed_sync::keeps;
};

enum class io_kind : std::uint8_t {
    open_directory,
    lock,
    open,
    exists,
    list,
    remove,
    rename,
    sync_directory,
    read,
    write,
    sync,
    size,
    resize,
    preallocate,
};
inline constexpr std::size_t io_kind_count = 14;

class simulated_world {
public:
    simulated_world(std::uint64_t seed, const simulation_options& options)
        : scheduler_{seed, options.max_steps},
          random_{~seed},
          disk_bytes_{options.disk_bytes},
          after_failed_sync_{options.after_failed_sync} {
        read_ns_ = random_.between(1'000, 100'000);
        write_ns_ = random_.between(1'000, 50'000);
        sync_ns_ = random_.between(20'000, 4'000'000);
    }

    [[nodiscard]] detail::scheduler& scheduler() noexcept { return scheduler_; }
    [[nodiscard]] simulated_disk& disk() noexcept { return disk_; }
    [[nodiscard]] std::uint64_t boot() const noexcept { return boot_; }
    [[nodiscard]] bool powered() const noexcept { return powered_; }
    [[nodiscard]] failed_sync after_failed_sync() const noexcept { return after_failed_sync_; }
    [[nodiscard]] std::uint64_t io_count() const noexcept { return io_count_; }
    [[nodiscard]] std::uint64_t io_count(io_kind kind) const noexcept {
        return counts_[static_cast<std::size_t>(kind)];
    }

    // An I/O as it is asked for.
    struct request {
        io_kind kind;
        std::uint64_t boot;  // of the object asked
        const char* doing;   // for its error
        bytes_view path;
        std::uint64_t offset = 0;
        std::uint64_t size = 0;
    };
    // Runs effect(), a result<void>, as the effect of the I/O.
    template <class Effect>
    [[nodiscard]] result<void> perform(const request& asked, Effect effect) {
        if (asked.boot != boot_ || !powered_) {
            detail::simulated_step(step_kind::io);
            return no_power(asked);
        }
        if (auto struck = begin(asked); !struck) {
            if (!powered_ && changes(asked.kind)) (void)effect();
            return struck;
        }
        pause(duration(asked));
        if (asked.boot != boot_) return no_power(asked);
        if (powered_) return effect();
        if (changes(asked.kind)) (void)effect();
        return no_power(asked);
    }

    //   Errors      no_space when the disk cannot take `more` bytes
    [[nodiscard]] result<void> reserve(const request& asked, std::uint64_t more) const {
        if (disk_bytes_ == 0 || more == 0) return success();
        const std::uint64_t used = disk_.used_bytes();
        if (used <= disk_bytes_ && more <= disk_bytes_ - used) return success();
        return refusal(asked, error_code::no_space);
    }
    [[nodiscard]] static error refusal(const request& asked, error_code code) {
        return error{code, asked.doing}
            .about(asked.path)
            .with("errno", static_cast<std::uint64_t>(errno_of(code)))
            .with("offset", asked.offset);
    }

    void pause(std::int64_t length) {
        if (detail::running_actor == nullptr) return scheduler_.advance(length);
        const std::int64_t until = scheduler_.now().count + (length > 0 ? length : 0);
        scheduler_.block(step_kind::sleep, nullptr, until, nullptr);
    }
    [[nodiscard]] std::uint64_t draw() noexcept {
        const std::uint64_t drawn = random_.next();
        scheduler_.record(step_kind::random, drawn);
        return drawn;
    }
    // A number for an object of this world; never 0.
    [[nodiscard]] std::uint64_t next_number() noexcept { return ++last_number_; }

    void crash() noexcept { powered_ = false; }
    void crash_at_io(std::uint64_t nth) noexcept { crash_at_ = nth == 0 ? 0 : io_count_ + nth; }
    void fail_io(bool any_kind, io_kind kind, std::uint64_t nth, error_code code) {
        faults_.push_back({any_kind, kind, nth, code});
    }
    void limit_disk(std::uint64_t disk_bytes) noexcept { disk_bytes_ = disk_bytes; }
    void restart(crash_mode mode) {
        disk_.crash(mode, random_);
        ++boot_;
        powered_ = true;
        crash_at_ = 0;
        faults_.clear();
        scheduler_.record(step_kind::io, boot_);
    }

private:
    struct fault {
        bool any_kind;
        io_kind kind;
        std::uint64_t left;  // how many I/Os until it strikes
        error_code code;
    };

    // Steps 1 and 2.
    [[nodiscard]] result<void> begin(const request& asked) {
        ++io_count_;
        ++counts_[static_cast<std::size_t>(asked.kind)];
        std::uint64_t what =
            static_cast<std::uint64_t>(asked.kind) + asked.offset * 31 + asked.size * 1009;
        for (const std::byte at : asked.path)
            what = what * 131 + std::to_integer<std::uint64_t>(at);
        scheduler_.record(step_kind::io, what);
        if (io_count_ == crash_at_) {
            crash();
            return no_power(asked);
        }
        for (std::size_t i = 0; i < faults_.size(); ++i) {
            fault& planned = faults_[i];
            if ((!planned.any_kind && planned.kind != asked.kind) || --planned.left != 0) continue;
            const error_code code = planned.code;
            faults_.erase(faults_.begin() + static_cast<std::ptrdiff_t>(i));
            return refusal(asked, code);
        }
        return success();
    }

    [[nodiscard]] static error no_power(const request& asked) {
        return refusal(asked, error_code::io);
    }
    [[nodiscard]] static int errno_of(error_code code) noexcept {
        switch (code) {
            case error_code::no_space: return ENOSPC;
            case error_code::not_found: return ENOENT;
            case error_code::already_exists: return EEXIST;
            case error_code::invalid_argument: return EINVAL;
            default: return EIO;
        }
    }
    [[nodiscard]] static bool changes(io_kind kind) noexcept {
        switch (kind) {
            case io_kind::open:
            case io_kind::remove:
            case io_kind::rename:
            case io_kind::write:
            case io_kind::resize:
            case io_kind::preallocate: return true;
            default: return false;
        }
    }
    // Half to twice what such an I/O takes in this world, now and then twenty times as much; a
    // gigabyte takes a second.
    [[nodiscard]] std::int64_t duration(const request& asked) noexcept {
        const bool syncs = asked.kind == io_kind::sync || asked.kind == io_kind::sync_directory;
        const bool reads = asked.kind == io_kind::read || asked.kind == io_kind::list;
        const std::int64_t usual = syncs ? sync_ns_ : reads ? read_ns_ : write_ns_;
        const std::int64_t drawn = random_.between(usual / 2, usual * 2);
        return (random_.one_in(64) ? drawn * 20 : drawn) + static_cast<std::int64_t>(asked.size);
    }

    detail::scheduler scheduler_;
    simulated_disk disk_;
    seeded_random random_;
    std::uint64_t disk_bytes_;
    failed_sync after_failed_sync_;
    std::int64_t read_ns_ = 0;
    std::int64_t write_ns_ = 0;
    std::int64_t sync_ns_ = 0;
    std::uint64_t boot_ = 1;
    bool powered_ = true;
    std::uint64_t io_count_ = 0;
    std::uint64_t counts_[io_kind_count] = {};
    std::uint64_t crash_at_ = 0;
    std::vector<fault> faults_;
    std::uint64_t last_number_ = 0;
};

}  // namespace mantis
