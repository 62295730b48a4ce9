// SPDX-License-Identifier: BSL-1.0
//
// What watches over an open store: its memory budget, the free space of its disk, the pace of its
// writers, and the queue of events that waits for the listener.
//
// Threads: events(), memory(), pace() and space() any number; open() and close() alone.
#pragma once

#include "options.hpp"

#include "../txn/resources.hpp"

namespace mantis {

template <platform Platform>
class store_watches {
public:
    using directory = typename Platform::directory;

    explicit store_watches(const store_options& options)
        : events_{options.events},
          memory_{memory_of(options), events_.sink()},
          pace_{options.write_delay_limit} {}
    store_watches(const store_watches&) = delete;
    store_watches& operator=(const store_watches&) = delete;

    //   Requires    `of` lives until close()
    //   Effects     the first look at its disk
    void open(directory& of, const store_options& options) {
        space_.emplace(of, space_of(options), events_.sink());
        space_->look();
    }
    void close() { space_.reset(); }

    [[nodiscard]] event_queue<Platform>& events() noexcept { return events_; }
    [[nodiscard]] memory_budget<Platform>& memory() noexcept { return memory_; }
    [[nodiscard]] const memory_budget<Platform>& memory() const noexcept { return memory_; }
    //   Requires    between open() and close()
    [[nodiscard]] space_watch<Platform>& space() noexcept { return *space_; }
    [[nodiscard]] const space_watch<Platform>& space() const noexcept { return *space_; }

    [[nodiscard]] write_pace<Platform>& pace() noexcept { return pace_; }
    [[nodiscard]] const write_pace<Platform>& pace() const noexcept { return pace_; }

    // For the engine; valid until close().
    [[nodiscard]] commit_resources<Platform> resources() noexcept {
        return commit_resources<Platform>{memory_.limits().hard_bytes != 0 ? &memory_ : nullptr,
                                          &*space_, &events_, &pace_};
    }
    // For the log: a new segment is the moment at which space changes hands.
    [[nodiscard]] event_sink of_log() noexcept { return {&store_watches::note_of_log, this}; }

    //   Effects     what opening found is noted
    void opened(bytes_view path, const recovery_summary& found) {
        if (found.cut_bytes != 0)
            events_.note(event{event_code::torn_tail_cut}
                             .about(path)
                             .with("cut_bytes", found.cut_bytes)
                             .with("lsn", found.end.value));
        if (found.image.damage)
            events_.note(event{event_code::image_lost}
                             .about(found.image.damage->subject())
                             .with("lsn", found.end.value));
        if (const auto& damaged = found.superblock_damage)
            events_.note(
                event{found.superblock_repaired ? event_code::repaired : event_code::scrub_damage}
                    .about(damaged->subject()));
        events_.note(event{event_code::opened}
                         .about(path)
                         .with("records", found.records)
                         .with("transactions_dropped", found.transactions_dropped)
                         .with("lsn", found.end.value)
                         .with("elapsed_ns", static_cast<std::uint64_t>(found.elapsed.count)));
    }

private:
    static void note_of_log(void* self, const event& what) {
        auto& watches = *static_cast<store_watches*>(self);
        if (what.code() == event_code::segment_begun) watches.space_->space_changed();
        watches.events_.note(what);
    }

    [[nodiscard]] static memory_limits memory_of(const store_options& options) noexcept {
        const unsigned percent = options.memory_soft_percent;
        const std::size_t soft = options.memory_bytes / 100 * percent;
        return {percent < 100 ? soft : 0, options.memory_bytes};
    }
    [[nodiscard]] static space_limits space_of(const store_options& options) noexcept {
        const auto chosen = [](std::uint64_t bytes, std::uint64_t usual) {
            return bytes == usual_space_limit ? usual : bytes;
        };
        return {chosen(options.space_soft_bytes, 4 * options.segment_bytes),
                chosen(options.space_hard_bytes, 2 * options.segment_bytes), options.segment_bytes};
    }

    event_queue<Platform> events_;
    memory_budget<Platform> memory_;
    write_pace<Platform> pace_;
    std::optional<space_watch<Platform>> space_;
};

}  // namespace mantis
