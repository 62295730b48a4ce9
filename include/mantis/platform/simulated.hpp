// SPDX-License-Identifier: BSL-1.0
//
// A world in which the disk, the clock, the threads and the random numbers are simulated, and
// replayable from a seed.
//
//   mantis::simulation world{seed};
//   world.run([&] {
//       world.crash_at_io(17);           // the 17th I/O from now fails, and every one after it
//       use(world.platform());           // files, threads and locks of mantis::simulated
//       world.restart(mantis::crash_mode::drop_unsynced);
//       check(world.platform());
//   });
//
// Simulated threads run one at a time, and the seed decides at every lock, wait, atomic access,
// sleep and I/O who goes on: the same seed gives the same run, and trace_hash() says so. Sleeping
// takes no real time. A dead-lock stops the program with a sentence that says who waits for what.
//
// After a power failure the threads go on, and all their I/O fails: the body ends them as it would
// on a dead disk. Files, directories and locks of an earlier boot fail harmlessly and may be
// destroyed at any time.
//
// Threads: one simulation for each real thread at a time; run() makes the others.
#pragma once

#include "platform.hpp"
#include "simulated/atomic.hpp"
#include "simulated/atomic_ref.hpp"
#include "simulated/directory.hpp"
#include "simulated/parking.hpp"
#include "simulated/sync.hpp"
#include "simulated/thread.hpp"

namespace mantis {

// The platform; a handle to its world, which its files keep alive.
class simulated {
public:
    static constexpr const char* name = "simulated";

    using file = simulated_file;
    using directory = simulated_directory;
    using mutex = simulated_mutex;
    using condition = simulated_condition;
    using thread = simulated_thread;
    using parking = simulated_parking;
    template <class T>
    using atomic = simulated_atomic<T>;
    template <class T>
    using atomic_ref = simulated_atomic_ref<T>;
    using memory_order = simulated_memory_order;

    explicit simulated(detail::shared<simulated_world> world) noexcept : world_{std::move(world)} {}

    [[nodiscard]] result<directory> open_directory(bytes_view path, directory_mode mode) {
        const simulated_world::request asked{
            io_kind::open_directory, world_->boot(), "opening a directory", path, 0, 0};
        detail::shared<simulated_folder> found;
        auto done = world_->perform(asked, [&](const fault_strike& strike) -> result<void> {
            if (strike.fails()) return simulated_world::refusal(asked, strike.code);
            if (path.empty() || std::memchr(path.data(), 0, path.size()) != nullptr)
                return simulated_world::refusal(asked, error_code::invalid_argument);
            found = world_->disk().find(path);
            if (!found && mode == directory_mode::existing)
                return simulated_world::refusal(asked, error_code::not_found);
            if (!found) found = world_->disk().create(path);
            return success();
        });
        if (!done) return std::move(done).error();
        return directory{world_, std::move(found), bytes{path}};
    }
    [[nodiscard]] nanoseconds now() const {
        world_->scheduler().advance(20);  // a loop that waits for a time must get there
        return world_->scheduler().now();
    }
    // Goes ahead or back by itself where schedule::wall_jump_one_in says so; now() never does.
    [[nodiscard]] nanoseconds wall_time() const {
        return seconds(first_second) + now() + world_->scheduler().wall_offset();
    }
    [[nodiscard]] std::uint64_t random() { return world_->draw(); }
    void sleep(nanoseconds length) { world_->pause(length.count); }

private:
    static constexpr std::int64_t first_second = 1'767'225'600;  // 2026-01-01, midnight

    detail::shared<simulated_world> world_;
};

static_assert(platform<simulated>);

class simulation {
public:
    explicit simulation(std::uint64_t seed, simulation_options options = {})
        : world_{detail::shared<simulated_world>::make(seed, options)} {}
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;
    //   Requires    every thread has ended; called by the real thread that made it
    ~simulation() {
        if (!world_->scheduler().deserted())
            world_->scheduler().stop_with("destroyed with threads after");
        world_->crash();
        world_->scheduler().retire();
    }

    [[nodiscard]] simulated platform() const { return simulated{world_}; }

    //   Effects     runs body() as a simulated thread. Threads that still run when it returns stay
    //               where they are until the next run, or until they are joined
    template <class Body>
    void run(Body&& body) {
        world_->scheduler().run(std::forward<Body>(body));
    }

    // Power.
    [[nodiscard]] bool powered() const noexcept { return world_->powered(); }
    //   Effects     from now on every I/O fails
    void crash() noexcept { world_->crash(); }
    // How long a sync takes at most, where no fault slows it down.
    [[nodiscard]] nanoseconds longest_sync() const noexcept { return world_->longest_sync(); }
    // When the power failed last.
    [[nodiscard]] nanoseconds crashed_at() const noexcept { return world_->crashed_at(); }
    //   Effects     the nth I/O from now (1 is the next one) and every one after it fails; 0 takes
    //               the plan back
    void crash_at_io(std::uint64_t nth) noexcept { world_->crash_at_io(nth); }
    //   Effects     power fails if it has not yet, and is back: the disk has what was synced, and
    //               of the rest what `mode` says. With crash_mode::process_only it is the process
    //               that ended, at crash() or now. Plans to crash or fail are forgotten
    void restart(crash_mode mode) { world_->restart(mode); }
    //   Effects     as restart() after a power failure, but with just those unsynced changes that
    //               kept_bits has a bit for, whole; those from the 65th on are lost
    //   Returns     how many there were, so that all 2^n subsets can be tried
    std::uint64_t restart_keeping(std::uint64_t kept_bits) {
        chosen_changes chosen{kept_bits};
        world_->restart(chosen);
        return chosen.count();
    }

    // Faults.
    //   Effects     the nth I/O from now fails once with `code` and does nothing
    void fail_io(std::uint64_t nth, error_code code) { world_->fail_io(any_io, nth, code); }
    //   Effects     the nth I/O of that kind from now fails once with `code` and does nothing
    void fail_io(io_kind kind, std::uint64_t nth, error_code code) {
        world_->fail_io(kind, nth, code);
    }
    //   Effects     the fault strikes as fault.hpp says, until the next restart
    void inject(const fault& what) { world_->faults().inject(what); }
    //   Effects     the plans to fail are taken back
    void clear_faults() noexcept { world_->faults().clear(); }
    // How often a fault of that kind has struck.
    [[nodiscard]] std::uint64_t struck(fault_kind kind) noexcept {
        return world_->faults().struck(kind);
    }
    //   Effects     from now on files of more than this many bytes in all get no_space; 0 is no
    //               limit
    void limit_disk(std::uint64_t disk_bytes) noexcept { world_->limit_disk(disk_bytes); }
    //   Effects     files can be written through mappings that are made from now on
    void map_files(bool may) noexcept { world_->map_files(may); }
    // What counts against that limit.
    [[nodiscard]] std::uint64_t used_bytes() const noexcept { return world_->disk().used_bytes(); }

    // What happened so far.
    [[nodiscard]] std::uint64_t io_count() const noexcept { return world_->io_count(); }
    [[nodiscard]] std::uint64_t io_count(io_kind kind) const noexcept {
        return world_->io_count(kind);
    }
    // Files that are open and directories that are locked since the last restart: 0 once all that
    // used them is gone.
    [[nodiscard]] std::uint64_t held_count() const noexcept {
        return world_->disk().held_count(world_->boot());
    }
    [[nodiscard]] nanoseconds now() const noexcept { return world_->scheduler().now(); }
    [[nodiscard]] std::uint64_t steps() const noexcept { return world_->scheduler().steps(); }
    [[nodiscard]] std::uint64_t switches() const noexcept { return world_->scheduler().switches(); }
    // The same for the same seed and body, and else hardly ever.
    [[nodiscard]] std::uint64_t trace_hash() const noexcept {
        return world_->scheduler().trace_hash();
    }
    // The last 50 events, a line for each, the oldest first.
    [[nodiscard]] bytes recent_events() const { return world_->scheduler().recent_events(); }

private:
    detail::shared<simulated_world> world_;
};

}  // namespace mantis
