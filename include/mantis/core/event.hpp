// SPDX-License-Identifier: BSL-1.0
//
// What a component tells besides its answers: that it turned read-only, that the disk fills up,
// that it works again. An event has a level, a code, what it is about, and numbers by name.
//
//   void tell(void* context, const mantis::event& what) {
//       static_cast<logger*>(context)->line(what.message());
//   }
//   options.events = {tell, &my_logger};
//
// reads, as message():  warning: space_soft_limit [shop.db] free_bytes=41943040 limit=67108864
//
// docs/errors.md lists each code with its level and numbers. A component notes events where it
// meets them, latches held, in an event_sink; a queue (platform/event_queue.hpp) tells them to the
// user's event_listener where none is.
//
// Threads: an event is like an int; what a sink and a listener may do stands with them.
#pragma once

#include "bytes.hpp"

namespace mantis {

enum class event_level : std::uint8_t { debug, info, warning, error };

enum class event_code : std::uint8_t {
    opened,             // info     a store takes calls; what it found
    torn_tail_cut,      // warning  the end of its log was never finished, and is cut
    segment_begun,      // debug    the log goes on in a new file
    read_only,          // error    a write or sync of the log failed, or a table could not take a
                        //          commit that the log has: every further commit is refused
    breaker_opened,     // warning  too much failed: files are not read for a while
    breaker_closed,     // info     they can be read again
    space_soft_limit,   // warning  less space is free than the soft limit
    space_hard_limit,   // error    less than the hard limit, or the disk is full: puts are refused
    space_back,         // info     more is free than the limit that was passed last
    memory_soft_limit,  // warning  more memory is taken than the soft limit; caches shrink
    memory_hard_limit,  // error    what needs more memory is refused
    memory_back,        // info     little enough is taken that all goes on as usual
    checkpoint_begun,   // debug    the rows of all tables are being written to an image
    checkpoint_done,    // info     the next opening begins with it
    checkpoint_failed,  // warning  all is as it was; it is tried again after a pause
    image_lost,         // warning  the image is damaged or missing; the log had it all
    objective_missed,   // warning  more would be lost, or recovery take longer, than is allowed
    objective_met,      // info     it is within what is allowed again
    repaired,           // warning  a file was damaged or gone, and was made again from its copy
    scrub_damage,       // error    bytes on disk are not those that were written
    scrub_done,         // info     all files were verified once more
    events_dropped,     // warning  too many were waiting for the listener; the newest are missing
    segment_archived,   // debug    a complete segment of the log was taken by the archive
    archive_failed,     // warning  it was not, however often it was offered; it is kept
    segments_removed,   // info     the log begins later: nobody needs what lay before
    log_held,           // warning  somebody who holds the log keeps more of it than is allowed
    page_write_failed,  // warning  a changed page could not be written; it stays in memory
};
inline constexpr std::size_t event_code_count = 27;

[[nodiscard]] constexpr event_level level_of(event_code code) noexcept {
    switch (code) {
        case event_code::segment_begun:
        case event_code::checkpoint_begun:
        case event_code::segment_archived: return event_level::debug;
        case event_code::opened:
        case event_code::scrub_done:
        case event_code::breaker_closed:
        case event_code::space_back:
        case event_code::memory_back:
        case event_code::checkpoint_done:
        case event_code::objective_met:
        case event_code::segments_removed: return event_level::info;
        case event_code::torn_tail_cut:
        case event_code::repaired:
        case event_code::breaker_opened:
        case event_code::space_soft_limit:
        case event_code::memory_soft_limit:
        case event_code::checkpoint_failed:
        case event_code::image_lost:
        case event_code::objective_missed:
        case event_code::events_dropped:
        case event_code::archive_failed:
        case event_code::log_held:
        case event_code::page_write_failed: return event_level::warning;
        case event_code::read_only:
        case event_code::scrub_damage:
        case event_code::space_hard_limit:
        case event_code::memory_hard_limit: return event_level::error;
    }
    return event_level::error;
}

[[nodiscard]] constexpr const char* name_of(event_code code) noexcept {
    constexpr const char* names[event_code_count] = {
        "opened",           "torn_tail_cut",     "segment_begun",     "read_only",
        "breaker_opened",   "breaker_closed",    "space_soft_limit",  "space_hard_limit",
        "space_back",       "memory_soft_limit", "memory_hard_limit", "memory_back",
        "checkpoint_begun", "checkpoint_done",   "checkpoint_failed", "image_lost",
        "objective_missed", "objective_met",     "repaired",          "scrub_damage",
        "scrub_done",       "events_dropped",    "segment_archived",  "archive_failed",
        "segments_removed", "log_held",          "page_write_failed"};
    return names[static_cast<std::size_t>(code)];
}

[[nodiscard]] constexpr const char* name_of(event_level level) noexcept {
    constexpr const char* names[] = {"debug", "info", "warning", "error"};
    return names[static_cast<std::size_t>(level)];
}

class event {
public:
    static constexpr std::size_t max_numbers = 6;

    explicit event(event_code code) noexcept : code_{code} {}

    // A file, a directory. The view is not copied: whoever keeps the event keeps the bytes too.
    event& about(bytes_view subject) & noexcept {
        subject_ = subject;
        return *this;
    }
    event&& about(bytes_view subject) && noexcept { return std::move(about(subject)); }
    // Adds a number under a name (a literal); beyond max_numbers it is dropped.
    event& with(const char* name, std::uint64_t value) & noexcept {
        if (number_count_ < max_numbers) numbers_[number_count_++] = {name, value};
        return *this;
    }
    event&& with(const char* name, std::uint64_t value) && noexcept {
        return std::move(with(name, value));
    }

    [[nodiscard]] event_code code() const noexcept { return code_; }
    [[nodiscard]] event_level level() const noexcept { return level_of(code_); }
    [[nodiscard]] bytes_view subject() const noexcept { return subject_; }
    //   Returns     the number of that name, or nullptr
    [[nodiscard]] const std::uint64_t* number(const char* name) const noexcept {
        for (std::size_t i = 0; i < number_count_; ++i)
            if (std::strcmp(numbers_[i].name, name) == 0) return &numbers_[i].value;
        return nullptr;
    }
    // One line for a person: "level: code [subject] name=number ...".
    [[nodiscard]] bytes message() const {
        bytes line{bytes_view{name_of(level())}};
        line.append(": ");
        line.append(name_of(code_));
        if (!subject_.empty()) {
            line.append(" [");
            line.append(subject_);
            line.append("]");
        }
        for (std::size_t i = 0; i < number_count_; ++i) {
            line.append(" ");
            line.append(numbers_[i].name);
            line.append("=");
            append_decimal(line, numbers_[i].value);
        }
        return line;
    }

private:
    struct named_number {
        const char* name = nullptr;
        std::uint64_t value = 0;
    };

    static void append_decimal(bytes& line, std::uint64_t left) {
        char digits[20];
        std::size_t at = sizeof digits;
        do digits[--at] = static_cast<char>('0' + left % 10);
        while ((left /= 10) != 0);
        line.append({digits + at, sizeof digits - at});
    }

    event_code code_;
    bytes_view subject_;
    named_number numbers_[max_numbers] = {};
    std::size_t number_count_ = 0;
};

// Where a component notes its events.
//   Threads     called by any, also with latches of the component held: it returns at once and
//               calls nothing of the component. The event and its subject last until it returns
struct event_sink {
    void (*note)(void* context, const event& what) = nullptr;
    void* context = nullptr;

    void operator()(const event& what) const {
        if (note != nullptr) note(context, what);
    }
};

// Whom the user lets be told.
//   Threads     called by one at a time, whichever made a call of the store when something was to
//               be told, with no latch held; in the order in which things happened, but perhaps
//               after the call that they belong to has answered elsewhere. That call waits for it:
//               it notes what it is told, wakes somebody, and calls nothing of the store itself.
//               The event and its subject last until it returns
struct event_listener {
    void (*tell)(void* context, const event& what) = nullptr;
    void* context = nullptr;
};

}  // namespace mantis
