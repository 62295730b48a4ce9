// SPDX-License-Identifier: BSL-1.0
//
// A log in memory that a test can write, damage and read.
#pragma once

#include <mantis/platform/memory.hpp>
#include <mantis/wal/reader.hpp>
#include <mantis/wal/writer.hpp>

#include <memory>
#include <string>
#include <vector>

namespace log_test {

using namespace mantis;
using reader = log_reader<memory, crc32c>;
using writer = log_writer<memory, crc32c>;

inline constexpr database_id ours{0x1122334455667788, 0x99aabbccddeeff00};

struct read_back {
    std::vector<std::string> payloads;
    std::vector<lsn> positions;
    log_end end;
    std::optional<error> failed;
};

struct log_fixture {
    memory world;
    memory::directory directory = world.open_directory("log", directory_mode::create).value();
    log_options options{.segment_bytes = 64 * 1024, .zero_ahead_bytes = 8192};

    // A writer where the log ends now, its torn tail cut as recovery does.
    std::unique_ptr<writer> write() {
        const read_back found = read();
        if (!found.end.segment.empty()) {
            auto last = directory.open(found.end.segment, file_mode::write).value();
            last.resize(segment_header_bytes + found.end.end.value - found.end.segment_first.value)
                .value();
        }
        return std::make_unique<writer>(world, directory, ours, found.end.end,
                                        found.end.previous_checksum, options);
    }

    read_back read(database_id whose = ours) {
        read_back found;
        auto from = reader::open(directory, whose);
        if (!from) {
            found.failed = from.error();
            return found;
        }
        log_record record;
        while (true) {
            auto more = from->next(record);
            if (!more) {
                found.failed = more.error();
                break;
            }
            if (!*more) break;
            found.payloads.push_back(record.payload.as<std::string>());
            found.positions.push_back(record.position);
        }
        found.end = from->end();
        return found;
    }

    // A spare, which a thread makes when it comes to it, is no segment.
    std::vector<bytes> segment_names() {
        std::vector<bytes> found;
        for (const lsn first : detail::list_segments(directory).value())
            found.push_back(segment_name(first));
        return found;
    }

    void flip_bit(bytes_view name, std::uint64_t offset) {
        auto file = directory.open(name, file_mode::write).value();
        std::byte one{};
        REQUIRE(file.read(offset, &one, 1).value() == 1);
        one ^= std::byte{0x10};
        file.write(offset, {&one, 1}).value();
    }

    void overwrite(bytes_view name, std::uint64_t offset, bytes_view with) {
        directory.open(name, file_mode::write).value().write(offset, with).value();
    }
};

inline log_range append(writer& log, std::uint64_t transaction, const std::string& payload) {
    const std::vector<pending_record> records{{record_kind::commit, payload}};
    return log.append({transaction}, records).value();
}

}  // namespace log_test
