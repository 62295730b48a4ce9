// SPDX-License-Identifier: BSL-1.0
//
// The part of a life that every component has: rounds that begin with an opening and end with a
// crash, faults planned for each, and an opening in peace at the end.
//
// A Subject is what is opened:
//   void work(const round&)        opens, compares with what was promised, lets the threads work
//   void judge()                   opens in peace and compares
#pragma once

#include "life.hpp"

#include <mantis/platform/simulated/durability_ledger.hpp>

namespace simulate {

class crashing {
public:
    crashing(const plan& of, outcome& to) : plan_{of}, out_{to}, world_{of.seed, options_of(of)} {
        world_.map_files(of.seed % 2 == 0);
    }

    template <class Subject>
    void live_through(Subject& subject) {
        world_.run([&] {
            for (const round& each : plan_.rounds) {
                if (!intact() || over_) break;
                faulty_ = !each.faults.empty() || each.disk_blocks != 0;
                troubled_ = troubled_ || faulty_;
                world_.crash_at_io(each.crash_at_io);
                for (const fault& planned : each.faults) {
                    world_.inject(planned);
                    if (planned.after_sync == failed_sync::reverts) reverts_ = true;
                }
                const std::uint64_t room = each.disk_blocks * 4096;
                world_.limit_disk(room == 0 ? 0 : world_.used_bytes() + room);
                subject.work(each);
                world_.limit_disk(0);
                note_lies();
                look_for_leaks();
                end(each.end);
            }
            faulty_ = false;
            if (intact() && !over_) subject.judge();
            look_for_leaks();
        });
        out_.trace_hash = world_.trace_hash();
        out_.steps = world_.steps();
        out_.virtual_ns = world_.now().count;
        for (std::size_t i = 0; i < fault_kind_count; ++i)
            out_.strikes += world_.struck(static_cast<fault_kind>(i));
        if (!intact()) violated("the last events:\n" + world_.recent_events().as<std::string>());
    }

    [[nodiscard]] simulation& world() noexcept { return world_; }
    [[nodiscard]] outcome& out() noexcept { return out_; }
    [[nodiscard]] bool intact() const noexcept { return out_.violations.empty(); }
    void violated(const std::string& what) { out_.violations.push_back(what); }

    // An opening was refused. Failing I/O is told as such; it is never mistaken for damage.
    void refused(const error& why) {
        const bool damage = why.code() == error_code::corrupt || why.code() == error_code::mismatch;
        note_lies();
        if (damage && lied_to_) {
            over_ = true;
            return out_.reach("damage detected");
        }
        if (damage || (world_.powered() && !faulty_))
            violated("refused to open: " + why.message().as<std::string>());
        out_.reach(world_.powered() ? "opening met a fault" : "crash while opening");
    }

    // What is there could not be read, without a fault of the disk at the time. An image of a page
    // that has rotted is found when somebody reads it, and there is no other.
    void unreadable(const error& why) {
        note_lies();
        if (why.code() == error_code::corrupt && lied_to_) return out_.reach("damage detected");
        violated("reading failed in peace: " + why.message().as<std::string>());
    }

    // A call answered so.
    void failed(const error& why) {
        if (why.code() == error_code::no_space) out_.reach("no space");
        if (why.code() == error_code::out_of_memory) out_.reach("out of memory");
    }

    // What the crashes since the last comparison may have taken.
    [[nodiscard]] loss allowed() const noexcept {
        if (lied_to_) return loss::of_anything;
        return power_failed_ || reverts_ ? loss::of_buffered : loss::of_nothing;
    }
    // `window`: what a power failure may take at most, counted back from it, or from the end of the
    // process that acknowledged it; 0: no bound. It holds
    // where no sync fails, after which nothing is synced any more, or is slow, and no thread is
    // starved.
    void settle(durability_ledger& ledger, nanoseconds window = {}) {
        const bool bounded = window.count != 0 && !troubled_ && !plan_.drawn_schedule;
        const nanoseconds begin = bounded ? ended_at_ - window : nanoseconds{};
        note_lies();
        const std::size_t lost = ledger.lost();
        for (const ledger_violation& wrong : ledger.settle(allowed(), begin))
            violated("transaction " + std::to_string(wrong.transaction) + " " + wrong.what);
        if (ledger.lost() > lost) out_.reach("buffered commits lost");
        power_failed_ = false;
        ended_ = false;
    }

private:
    [[nodiscard]] static simulation_options options_of(const plan& of) noexcept {
        simulation_options options;
        options.max_steps = 20'000'000;
        if (of.drawn_schedule) options.scheduling = mantis::drawn_schedule(of.seed);
        return options;
    }

    // A disk that lies may cost what was acknowledged, and never more than that.
    void note_lies() {
        for (std::size_t i = 0; i < fault_kind_count; ++i) {
            const auto kind = static_cast<fault_kind>(i);
            if (world_.struck(kind) == 0) continue;
            if (duty_of(kind) == fault_duty::must_detect) lied_to_ = true;
            out_.reached[std::string{"fault "} + name_of(kind)] = 1;
        }
    }

    // Whatever failed, what was opened is closed.
    void look_for_leaks() {
        if (const std::uint64_t held = world_.held_count(); held != 0)
            violated(std::to_string(held) + " files or locks are still held");
    }

    void end(crash_mode how) {
        if (!world_.powered()) out_.reach("crash in the middle");
        else world_.crash();
        // The window is kept by the process: what it acknowledged before is durable when it ends,
        // and the rest not before somebody has opened again.
        if (!ended_) ended_at_ = world_.crashed_at();
        ended_ = true;
        if (how == crash_mode::process_only) out_.reach("process killed");
        else power_failed_ = true;
        world_.restart(how);
    }

    const plan& plan_;
    outcome& out_;
    simulation world_;
    bool faulty_ = false;        // I/O of this round is planned to fail
    bool power_failed_ = false;  // since the last comparison
    bool troubled_ = false;      // some round had faults
    bool ended_ = false;         // the process, since the last comparison
    nanoseconds ended_at_;       // when it did first
    bool reverts_ = false;       // failed syncs of this life take back what was written
    bool lied_to_ = false;       // by the disk, at any time
    bool over_ = false;          // damage was found, as it must be
};

}  // namespace simulate
