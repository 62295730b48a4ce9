// SPDX-License-Identifier: BSL-1.0
//
// The state of one simulated world: scheduler, disk, power and faults. Handles share it; class
// simulation steers it.
//
// Every I/O goes through perform(), in this order:
//   1. it is counted and becomes part of the trace
//   2. a planned power failure may strike: the I/O fails; or a fault: see 4
//   3. virtual time goes by, in which other threads run; the power may fail here too
//   4. its effect happens at once, unless a fault makes it another one
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
#include "../platform.hpp"

namespace mantis {

struct simulation_options {
    // A run that takes more steps than this stops the program: threads that spin for ever.
    std::uint64_t max_steps = 200'000'000;
    // Files beyond this many bytes in all get no_space; 0 is no limit.
    std::uint64_t disk_bytes = 0;
    // What a sync leaves behind that fail_io() makes fail.
    failed_sync after_failed_sync = failed_sync::keeps;
    // What a power failure tears a write into: 512 or 4096; 0 lets the seed choose.
    std::uint64_t sector_bytes = 0;
    schedule scheduling = {};
};

class simulated_world {
public:
    simulated_world(std::uint64_t seed, const simulation_options& options)
        : scheduler_{seed, options.max_steps, options.scheduling},
          random_{~seed},
          disk_bytes_{options.disk_bytes},
          after_failed_sync_{options.after_failed_sync},
          faults_{seed ^ 0x6661756c74735f21} {
        sector_bytes_ = options.sector_bytes;
        if (sector_bytes_ == 0)
            sector_bytes_ = seeded_random{seed ^ 0x736563746f72735f}.one_in(2) ? 512 : 4096;
        read_ns_ = random_.between(1'000, 100'000);
        write_ns_ = random_.between(1'000, 50'000);
        sync_ns_ = random_.between(20'000, 4'000'000);
    }

    [[nodiscard]] detail::scheduler& scheduler() noexcept { return scheduler_; }
    [[nodiscard]] simulated_disk& disk() noexcept { return disk_; }
    [[nodiscard]] std::uint64_t boot() const noexcept { return boot_; }
    [[nodiscard]] bool powered() const noexcept { return powered_; }
    [[nodiscard]] std::uint64_t sector_bytes() const noexcept { return sector_bytes_; }
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
    // Runs effect(strike), a result<void>, as the effect of the I/O.
    template <class Effect>
    [[nodiscard]] result<void> perform(const request& asked, Effect effect) {
        if (asked.boot != boot_ || !powered_) {
            detail::simulated_step(step_kind::io);
            return no_power(asked);
        }
        const fault_strike strike = begin(asked);
        if (powered_) pause(duration(asked, strike.slowdown));
        if (asked.boot != boot_) return no_power(asked);
        if (powered_) return effect(strike);
        if (changes(asked.kind)) (void)effect(fault_strike{});
        return no_power(asked);
    }
    // Time goes by in the middle of an I/O.
    //   Errors      the power has failed meanwhile
    [[nodiscard]] result<void> go_on(const request& asked) {
        pause(duration(asked, 1));
        if (asked.boot == boot_ && powered_) return success();
        return no_power(asked);
    }

    //   Errors      no_space when the disk cannot take `more` bytes
    [[nodiscard]] result<void> reserve(const request& asked, std::uint64_t more) const {
        if (more == 0 || more <= free_bytes()) return success();
        return refusal(asked, error_code::no_space);
    }
    [[nodiscard]] std::uint64_t free_bytes() const noexcept {
        if (disk_bytes_ == 0) return no_space_limit;
        const std::uint64_t used = disk_.used_bytes();
        return used < disk_bytes_ ? disk_bytes_ - used : 0;
    }
    [[nodiscard]] static error refusal(const request& asked, error_code code) {
        return injected_error(code, asked.doing, event_of(asked));
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

    void crash() noexcept {
        if (powered_) crashed_at_ = scheduler_.now();
        powered_ = false;
    }
    [[nodiscard]] nanoseconds crashed_at() const noexcept { return crashed_at_; }
    [[nodiscard]] nanoseconds longest_sync() const noexcept { return {sync_ns_ * 2 * 20}; }
    void crash_at_io(std::uint64_t nth) noexcept { crash_at_ = nth == 0 ? 0 : io_count_ + nth; }
    [[nodiscard]] fault_injector& faults() noexcept { return faults_; }
    void fail_io(io_kinds on, std::uint64_t nth, error_code code) {
        faults_.inject({.on = on, .code = code, .nth = nth, .after_sync = after_failed_sync_});
    }
    void limit_disk(std::uint64_t disk_bytes) noexcept { disk_bytes_ = disk_bytes; }
    void map_files(bool may) noexcept { maps_files_ = may; }
    [[nodiscard]] bool maps_files() const noexcept { return maps_files_; }
    void restart(crash_mode mode) {
        disk_.crash(mode, random_, sector_bytes_);
        begin_boot();
    }
    void restart(chosen_changes& chosen) {
        disk_.crash(chosen);
        begin_boot();
    }

private:
    void begin_boot() {
        ++boot_;
        powered_ = true;
        crash_at_ = 0;
        faults_.clear();
        scheduler_.record(step_kind::io, boot_);
    }
    // Steps 1 and 2.
    [[nodiscard]] fault_strike begin(const request& asked) {
        ++io_count_;
        ++counts_[static_cast<std::size_t>(asked.kind)];
        std::uint64_t what =
            static_cast<std::uint64_t>(asked.kind) + asked.offset * 31 + asked.size * 1009;
        for (const std::byte at : asked.path)
            what = what * 131 + std::to_integer<std::uint64_t>(at);
        scheduler_.record(step_kind::io, what, {asked.doing, asked.path, asked.offset, asked.size});
        if (io_count_ == crash_at_) {
            crash();
            return {};
        }
        const fault_strike strike = faults_.strike(event_of(asked));
        if (strike.strikes)
            scheduler_.record(step_kind::io, ~static_cast<std::uint64_t>(strike.kind));
        return strike;
    }
    [[nodiscard]] static io_event event_of(const request& asked) noexcept {
        const bool moves_bytes = asked.kind == io_kind::read || asked.kind == io_kind::write;
        return {asked.kind, asked.path, asked.offset, moves_bytes ? asked.size : 0};
    }

    [[nodiscard]] static error no_power(const request& asked) {
        return refusal(asked, error_code::io);
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
    // gigabyte takes a second; and `slowdown` times that.
    [[nodiscard]] std::int64_t duration(const request& asked, std::uint64_t slowdown) noexcept {
        const bool syncs = asked.kind == io_kind::sync || asked.kind == io_kind::sync_directory;
        const bool reads = asked.kind == io_kind::read || asked.kind == io_kind::list;
        const std::int64_t usual = syncs ? sync_ns_ : reads ? read_ns_ : write_ns_;
        const std::int64_t drawn = random_.between(usual / 2, usual * 2);
        const std::int64_t all =
            (random_.one_in(64) ? drawn * 20 : drawn) + static_cast<std::int64_t>(asked.size);
        return all * static_cast<std::int64_t>(slowdown);
    }

    detail::scheduler scheduler_;
    simulated_disk disk_;
    seeded_random random_;
    std::uint64_t disk_bytes_;
    failed_sync after_failed_sync_;
    fault_injector faults_;
    std::uint64_t sector_bytes_ = simulated_sector_bytes;
    bool maps_files_ = false;
    std::int64_t read_ns_ = 0;
    std::int64_t write_ns_ = 0;
    std::int64_t sync_ns_ = 0;
    std::uint64_t boot_ = 1;
    bool powered_ = true;
    nanoseconds crashed_at_;
    std::uint64_t io_count_ = 0;
    std::uint64_t counts_[io_kind_count] = {};
    std::uint64_t crash_at_ = 0;
    std::uint64_t last_number_ = 0;
};

}  // namespace mantis
