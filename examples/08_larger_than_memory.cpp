// SPDX-License-Identifier: BSL-1.0
// A sorted table ten times as large as the memory it may take, without a log: what the last
// checkpoint had is there after any crash, and nothing since.
//
// Each run adds rows. Kill it at any moment and run it again.
//
//   build/examples/08_larger_than_memory [directory]
#include <mantis/platform/guard.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/recovery/paged_tables.hpp>

#include <cstdio>
#include <string>

using namespace mantis;

int main(int argc, char** argv) {
    const char* const path = argc > 1 ? argv[1] : "example-pages";
    posix world;
    auto directory = world.open_directory(path, directory_mode::create).value();
    directory.lock().value();

    paged_tables_options options;
    options.database = {1, 8};
    options.pool.memory_bytes = 4 * MiB;
    auto opened = paged_tables<posix>::open(world, directory, options).value();
    auto& tables = *opened;

    const table_id readings{1};
    auto table = tables.tables().empty() ? tables.make_table(readings).value()
                                         : tables.table(readings).value();
    // How far the last checkpoint went is what its position says: here, how many rows there are.
    std::uint64_t count = tables.last_checkpoint().position.value;
    if (table.count() != count) return 1;
    std::printf("%llu rows are there\n", static_cast<unsigned long long>(count));

    posix::mutex changes;  // held by whoever changes a table
    for (int round = 0; round < 4; ++round) {
        // An image never takes the place of another: what moves now is given back below.
        while (tables.clean().value().segment != 0) {}
        for (int i = 0; i < 50'000; ++i) {
            const std::string key = "sensor " + std::to_string(count * 7919 % 1000) + " reading " +
                                    std::to_string(count);
            const lock_guard hold{changes};
            ++count;
            table.put(key, std::string(160, 'x'), lsn{count}).value();
        }
        auto made = tables.checkpoint([&](auto note) {
            const lock_guard hold{changes};
            note(lsn{count});
            return success();
        });
        const checkpoint_figures figures = std::move(made).value();
        std::printf("checkpoint at %llu: %llu pages changed, writers waited %.1f us\n",
                    static_cast<unsigned long long>(figures.made.position.value),
                    static_cast<unsigned long long>(figures.pages_changed),
                    static_cast<double>(figures.barrier.count) / 1e3);
    }

    int seen = 0;
    table
        .scan("sensor 42 ",
              [&](bytes_view key, bytes_view, lsn) {
                  if (++seen <= 3) std::printf("  %s\n", key.as<std::string>().c_str());
                  return key.starts_with("sensor 42 ");
              })
        .value();
    const auto stats = tables.stats();
    std::printf("%llu pages on %.1f MB of disk, read through %u frames\n",
                static_cast<unsigned long long>(stats.pages),
                static_cast<double>(stats.disk.disk_bytes) / 1e6, stats.pool.frames);
    if (!table.verify()) return 1;
}
