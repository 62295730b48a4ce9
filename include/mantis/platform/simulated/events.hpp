// SPDX-License-Identifier: BSL-1.0
//
// The last events of a simulation, for the report on how it got where it is: a ring that costs one
// cache line for an event and never allocates.
//
// Threads: the one that holds the scheduler's baton.
#pragma once

#include "actor.hpp"

#include "../detail/decimal.hpp"

namespace mantis {

// What an event of kind io is about.
struct io_note {
    const char* doing;  // "writing a file"; lives as long as the program
    bytes_view path;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

namespace detail {

struct recent_event {
    static constexpr std::uint32_t nobody = UINT32_MAX;
    static constexpr std::size_t most_path = 24;

    std::int64_t time;
    const char* doing;  // nullptr where the kind says it all
    std::uint64_t offset;
    std::uint64_t size;
    std::uint32_t who;  // the id of the thread; nobody outside of a run
    step_kind kind;
    bool waits;  // the thread begins to wait
    bool cut;    // the path has more in front
    std::uint8_t path_size;
    char path[most_path];  // the end of the path: what is there tells most

    //   Effects     appends "writing a file db/log.7 at 4096, 512 bytes"
    void append_to(bytes& text) const {
        if (doing == nullptr) return text.append(waits ? words_for_wait(kind) : words_for(kind));
        text.append(doing);
        if (path_size != 0) text.append(cut ? " ..." : " ");
        text.append({path, path_size});
        if (offset == 0 && size == 0) return;
        text.append(" at ");
        append_decimal(text, offset);
        text.append(", ");
        append_decimal(text, size);
        text.append(" bytes");
    }
};

class event_ring {
public:
    static constexpr std::size_t capacity = 50;

    void add(std::int64_t time, std::uint32_t who, step_kind kind, bool waits) noexcept {
        recent_event& event = next();
        event.time = time;
        event.doing = nullptr;
        event.who = who;
        event.kind = kind;
        event.waits = waits;
    }
    void add(std::int64_t time, std::uint32_t who, step_kind kind, const io_note& note) noexcept {
        recent_event& event = next();
        event.time = time;
        event.doing = note.doing;
        event.offset = note.offset;
        event.size = note.size;
        event.who = who;
        event.kind = kind;
        event.waits = false;
        const std::size_t size = note.path.size();
        const std::size_t kept = size < recent_event::most_path ? size : recent_event::most_path;
        if (kept != 0) std::memcpy(event.path, note.path.data() + (size - kept), kept);
        event.cut = kept < size;
        event.path_size = static_cast<std::uint8_t>(kept);
    }
    // Calls see(event) for every event that is left, the oldest first.
    template <class See>
    void each(See see) const {
        for (std::size_t i = full_ ? at_ : 0; i < (full_ ? capacity : at_); ++i) see(events_[i]);
        for (std::size_t i = 0; full_ && i < at_; ++i) see(events_[i]);
    }

private:
    recent_event& next() noexcept {
        if (at_ == capacity) {
            at_ = 0;
            full_ = true;
        }
        return events_[at_++];
    }

    recent_event events_[capacity];
    std::size_t at_ = 0;
    bool full_ = false;  // every event was written once
};

}  // namespace detail

}  // namespace mantis
