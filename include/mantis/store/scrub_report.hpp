// SPDX-License-Identifier: BSL-1.0
//
// What a look at all files of a database found (scrubber.hpp).
//
// Threads: plain values.
#pragma once

#include "../core/bytes.hpp"
#include "../core/ids.hpp"
#include "../core/units.hpp"

#include <optional>
#include <vector>

namespace mantis {

enum class scrub_kind : std::uint8_t {
    damaged,     // bytes are not those that were written
    missing,     // a file, or records at the end of one, are gone
    unreadable,  // the system refuses to read it, also again after pauses
    harmless,    // bytes that nobody reads are not zero: rest of a header block, alignment
};

[[nodiscard]] constexpr const char* name_of(scrub_kind kind) noexcept {
    switch (kind) {
        case scrub_kind::damaged: return "damaged";
        case scrub_kind::missing: return "missing";
        case scrub_kind::unreadable: return "unreadable";
        case scrub_kind::harmless: return "harmless";
    }
    return "unknown";
}

struct scrub_finding {
    scrub_kind kind = scrub_kind::damaged;
    bytes file;
    std::uint64_t offset = 0;
    // Records of the log between these cannot be read; equal: none is lost by it, or it is no log.
    lsn begin = {};
    lsn end = {};
    bool repaired = false;  // made again from what else was there
    page_id page = {};      // whose image it is; 0: it is none
    table_id table = {};    // of the page; 0: not known

    [[nodiscard]] bool same_place(const scrub_finding& other) const noexcept {
        return kind == other.kind && offset == other.offset && file == other.file.view();
    }
};

struct scrub_report {
    static constexpr std::size_t most_kept = 64;

    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t records = 0;   // of the log, that are whole
    std::uint64_t pages = 0;     // images of pages that are whole
    std::uint64_t findings = 0;  // all but the harmless ones
    std::uint64_t repaired = 0;  // of those
    std::uint64_t harmless = 0;
    std::vector<scrub_finding> kept;  // the first `most_kept`, harmless ones where there is room
    nanoseconds elapsed;
    bool complete = false;  // not stopped before its end

    // Nothing was found that is not repaired.
    [[nodiscard]] bool sound() const noexcept { return complete && findings == repaired; }
};

// How it stands with what was scrubbed so far.
struct integrity_state {
    std::uint64_t rounds = 0;  // that were complete
    std::uint64_t bytes = 0;   // of all rounds
    std::uint64_t findings = 0;
    bool running = false;
    nanoseconds last_end;              // of the last complete round, since 1970; {}: there was none
    std::optional<scrub_report> last;  // of it
};

}  // namespace mantis
