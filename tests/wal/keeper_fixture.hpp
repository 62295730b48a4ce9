// SPDX-License-Identifier: BSL-1.0
//
// A log whose segments a keeper looks after, in memory or simulated, and what a reader finds there.
#pragma once

#include "log_fixture.hpp"

#include <mantis/wal/archive_restore.hpp>
#include <mantis/wal/retention.hpp>

namespace log_test {

// Every event by its code, with its subject and numbers as text.
struct told_events {
    std::vector<std::string> lines;
    std::vector<event_code> codes;

    event_sink sink() {
        return {[](void* self, const event& what) {
                    auto& all = *static_cast<told_events*>(self);
                    all.codes.push_back(what.code());
                    all.lines.push_back(what.message().as<std::string>());
                },
                this};
    }
    std::size_t count(event_code code) const {
        std::size_t sum = 0;
        for (const event_code each : codes) sum += each == code ? 1 : 0;
        return sum;
    }
};

template <class Directory>
std::vector<lsn> segments_of(Directory& in) {
    return detail::list_segments(in).value();
}

// A log in memory of several segments, its writer, and a directory to archive to.
struct kept_log : log_fixture {
    memory::directory elsewhere = world.open_directory("archive", directory_mode::create).value();
    directory_archive<memory, crc32c> archive{elsewhere};
    std::unique_ptr<writer> to;
    std::vector<log_range> ranges;

    kept_log() {
        options.segment_bytes = 8192;
        to = write();
    }
    // Each record takes a segment of its own.
    void fill(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            ranges.push_back(append(*to, ranges.size() + 1,
                                    std::to_string(ranges.size()) + std::string(4000, 'x')));
            to->sync().value();
        }
    }
    lsn durable() const { return to->durable(); }
    std::vector<std::string> payloads_from(lsn begin) {
        std::vector<std::string> found;
        auto from = reader::open(directory, ours, begin).value();
        log_record record;
        while (from.next(record).value()) found.push_back(record.payload.as<std::string>());
        return found;
    }
};

using keeper = log_keeper<memory, crc32c>;

}  // namespace log_test
