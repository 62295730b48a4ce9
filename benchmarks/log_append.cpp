// SPDX-License-Identifier: BSL-1.0
//
// Records handed to the log in bulk: what its processor time is worth.
//
// Nobody waits for a single record. Each thread asks after every 64 KiB of its own that the log so
// far is with the system, as a program does that wants its memory bounded; the time ends when all
// is there. What follows, a sync among it, is not counted, but the rotation of segments is, and
// with it the disk: a segment is durable before the next one has a name. `mantis-no-rotation` has
// one segment large enough for all, `mantis-memory` is the log over files in memory.
//
// The bare copy puts the same bytes into a buffer and writes it at 64 KiB.
#include "crew.hpp"
#include "log.hpp"

#include <mantis/core/crc32c.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/platform/posix.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cstring>

namespace log_bench {

namespace {

using measure::give_up;
using measure::must;

struct load {
    std::size_t size = 0;   // of a record
    std::size_t count = 0;  // of all threads
    unsigned threads = 1;

    [[nodiscard]] std::size_t batch() const { return 64 * mantis::KiB / size; }
    [[nodiscard]] std::size_t batches_a_thread() const { return count / batch() / threads; }
    [[nodiscard]] measure::sample in(double seconds) const {
        const auto done = static_cast<double>(batches_a_thread() * batch() * threads);
        return {done / seconds, done * static_cast<double>(size) / 1e6 / seconds};
    }
};

template <class Log>
void append_batch(Log& log, unsigned thread, std::size_t batch, const load& of,
                  mantis::bytes_view payload) {
    mantis::lsn end;
    const std::array<mantis::pending_record, 1> record{{{mantis::record_kind::commit, payload}}};
    for (std::size_t i = 0; i < of.batch(); ++i) {
        const std::uint64_t number = batch * of.batch() + i + 1;
        end = must(log.append({(std::uint64_t{thread} << 40) + number}, record)).end;
    }
    must(log.wait_written(end));
}

template <class Platform>
measure::sample append_to(Platform world, const std::string& directory, const load& of,
                          const mantis::log_options& options) {
    auto in = must(world.open_directory(directory, mantis::directory_mode::create));
    mantis::log_writer<Platform, mantis::crc32c> log{
        world, in, {1, 2}, mantis::first_lsn_of_log, 0, options};
    const mantis::bytes payload = mantis::bytes::zeros(of.size);
    measure::clock_type::time_point begun;
    const auto work = [&](unsigned thread) {
        for (std::size_t i = 0; i < of.batches_a_thread(); ++i)
            append_batch(log, thread, i, of, payload);
    };
    measure::together(of.threads, false, work, [&] { begun = measure::clock_type::now(); });
    const double seconds = measure::seconds_since(begun);
    must(log.close());
    return of.in(seconds);
}

measure::sample copy_bare(const std::string& directory, const load& of) {
    const std::string path = directory + "/raw";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const std::size_t all = of.batch() * of.size * of.batches_a_thread();
    if (file < 0 || ::posix_fallocate(file, 0, static_cast<off_t>(all)) != 0)
        give_up("cannot make " + path);
    const std::vector<char> record(of.size, 1);
    std::vector<char> buffer(of.batch() * of.size);
    const auto begun = measure::clock_type::now();
    for (std::size_t i = 0; i < of.batches_a_thread(); ++i) {
        for (std::size_t at = 0; at < buffer.size(); at += of.size)
            std::memcpy(buffer.data() + at, record.data(), of.size);
        const auto to = static_cast<off_t>(i * buffer.size());
        if (::pwrite(file, buffer.data(), buffer.size(), to) != static_cast<ssize_t>(buffer.size()))
            give_up("cannot write " + path);
    }
    const double seconds = measure::seconds_since(begun);
    ::close(file);
    return of.in(seconds);
}

measure::comparison append_comparison(const measure::settings& chosen, const load& of) {
    measure::comparison made{
        .name = "append-" + std::to_string(of.size),
        .threads = of.threads,
        .rounds = chosen.either(15u, 3u),
        .metrics = {{"records_per_s", measure::goal::more}, {"mb_per_s", measure::goal::more}},
    };
    const mantis::log_options stock;
    mantis::log_options large;
    large.segment_bytes =
        2 * of.count * (of.size + sizeof(mantis::log_record_header)) + mantis::MiB;
    made.subjects.push_back({"mantis", measure::role::ours, [=] {
                                 return append_to(mantis::posix{},
                                                  measure::fresh_directory("mantis"), of, stock);
                             }});
    made.subjects.push_back({"mantis-no-rotation", measure::role::ours, [=] {
                                 return append_to(mantis::posix{},
                                                  measure::fresh_directory("mantis"), of, large);
                             }});
    made.subjects.push_back({"mantis-memory", measure::role::ours,
                             [=] { return append_to(mantis::memory{}, "log", of, stock); }});
    if (of.threads == 1)
        made.subjects.push_back({"bare-copy", measure::role::peer,
                                 [=] { return copy_bare(measure::fresh_directory("raw"), of); }});
    return made;
}

}  // namespace

std::vector<measure::disk_case> append_cases(const measure::settings& chosen) {
    std::vector<measure::disk_case> cases;
    for (const std::size_t size : {std::size_t{200}, std::size_t{4096}})
        for (const unsigned threads : {1u, 2u, 4u}) {
            const std::size_t bytes = chosen.either(80u, 10u) * mantis::MiB;
            cases.push_back({"append-" + std::to_string(size), [=] {
                                 return append_comparison(chosen, {size, bytes / size, threads});
                             }});
        }
    return cases;
}

}  // namespace log_bench
