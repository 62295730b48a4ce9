// SPDX-License-Identifier: BSL-1.0
// One part alone: a log that survives power loss, without a store around it.
//
//   build/examples/01_log [directory]
#include <mantis/platform/posix.hpp>
#include <mantis/wal/reader.hpp>
#include <mantis/wal/writer.hpp>

#include <cstdio>
#include <string>
#include <vector>

using namespace mantis;

int main(int argc, char** argv) {
    posix world;
    auto directory =
        world.open_directory(argc > 1 ? argv[1] : "example-log", directory_mode::create).value();
    directory.lock().value();
    const database_id ours{1, 2};  // a log belongs to somebody; a foreign segment is refused

    // Read what earlier runs left. The reader tells a torn tail (cut) from damage (an error).
    auto reader = log_reader<posix, crc32c>::open(directory, ours).value();
    log_record record;
    std::uint64_t runs = 0;
    while (reader.next(record).value()) {
        std::printf("at %llu: %s\n", static_cast<unsigned long long>(record.position.value),
                    record.payload.as<std::string>().c_str());
        ++runs;
    }

    // Append one more and wait until it is on the disk.
    log_writer<posix, crc32c> writer{world, directory, ours, reader.end().end,
                                     reader.end().previous_checksum};
    const std::string payload = "run number " + std::to_string(runs + 1);
    const std::vector<pending_record> records{{record_kind::commit, payload}};
    const log_range range = writer.append({runs + 1}, records).value();
    writer.wait_durable(range.end).value();
    std::printf("now durable: %s\n", payload.c_str());
    writer.close().value();
}
