// SPDX-License-Identifier: BSL-1.0
//
// Opening a store with its rows in pages that a kill has left with so much log behind its last
// checkpoint: the log is redone into pages, of which few are in memory. The time should go by the
// log and not by the data; so two sizes of data are opened in turn, with the same log and memory.
//
// Rows have keys of 8 bytes and values of 100; they are put in order, checkpointed, and then rows
// drawn at random are put anew, one a transaction, with no checkpoint. Who makes the database has
// memory for all of it, so that its files are not larger than the data, and ends without closing
// it. Each opening is a process of its own, of a copy that the system has forgotten, and ends in
// the same way: so each has the same log to redo.
#include "recovery.hpp"

#include <mantis/core/endian.hpp>
#include <mantis/store/paged_btree.hpp>
#include <mantis/store/store.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstring>
#include <fstream>

namespace recovery_bench {

namespace {

using measure::give_up;
using measure::must;

struct app : mantis::policies<mantis::with::durability<mantis::buffered>,
                              mantis::with::indexes<mantis::paged_btree<>>> {};

constexpr std::uint64_t bytes_a_row = 130;  // in a page that is 95 % full
constexpr std::uint64_t bytes_a_put = 160;  // in the log
constexpr std::uint64_t rows_a_commit = 1000;

struct opening {
    double seconds = 0;
    double rows = 0;
    double log_bytes = 0;
    double pages_read = 0;
    double pages_written = 0;
    double rss_mb = 0;
    double redo_seconds = 0;
    double restartpoints = 0;
    double disk_mb = 0;
};

std::string ordered_key(std::uint64_t number) {
    std::string key(key_bytes, '\0');
    for (std::size_t i = key_bytes; i-- > 0; number >>= 8) key[i] = static_cast<char>(number);
    return key;
}
std::uint64_t mixed(std::uint64_t number) {
    number = (number + 1) * 0x9e3779b97f4a7c15;
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
    return number ^ (number >> 29);
}

mantis::store_options options_with(std::uint64_t memory_bytes) {
    mantis::store_options options;
    options.page_memory_bytes = memory_bytes;
    options.checkpoint_log_bytes = 0;
    options.checkpoint_for_space = false;
    options.checkpoint_in_opening = false;
    options.checkpoint_at_close = false;
    return options;
}

// Runs work() in a process of its own, which ends without closing anything.
//   Returns     what it answered
opening in_a_process(const std::function<opening()>& work) {
    int ends[2];
    if (::pipe(ends) != 0) give_up("cannot make a pipe");
    std::fflush(stdout);
    const pid_t process = ::fork();
    if (process < 0) give_up("cannot begin a process");
    if (process == 0) {
        const opening answered = work();
        const bool sent =
            ::write(ends[1], &answered, sizeof answered) == static_cast<ssize_t>(sizeof answered);
        ::_exit(sent ? 0 : 1);
    }
    ::close(ends[1]);
    opening answered;
    const bool got =
        ::read(ends[0], &answered, sizeof answered) == static_cast<ssize_t>(sizeof answered);
    ::close(ends[0]);
    int status = 0;
    (void)::waitpid(process, &status, 0);
    if (!got || status != 0) give_up("a process has failed");
    return answered;
}

void load(mantis::store<app>& db, std::uint64_t rows) {
    const auto table = must(db.table("rows"));
    const std::string value(value_bytes, 'v');
    for (std::uint64_t row = 0; row < rows;) {
        auto tx = db.begin(mantis::isolation::read_committed);
        for (std::uint64_t i = 0; i < rows_a_commit && row < rows; ++i, ++row)
            tx.put(table, ordered_key(row), value);
        (void)must(tx.commit());
        if (row % (400 * rows_a_commit) == 0) (void)must(db.checkpoint());
    }
    (void)must(db.checkpoint());
}
opening make_database(const std::string& path, const paged_plan& plan, std::uint64_t data_bytes) {
    const std::uint64_t rows = data_bytes / bytes_a_row;
    // It is never closed, nor destroyed.
    const auto options = options_with(data_bytes + data_bytes / 4);
    auto& db = *new auto(must(mantis::store<app>::open(path, options)));
    load(db, rows);
    const auto table = must(db.table("rows"));
    const std::string value(value_bytes, 'w');
    for (std::uint64_t put = 0; put < plan.log_bytes / bytes_a_put; ++put) {
        auto tx = db.begin(mantis::isolation::read_committed);
        tx.put(table, ordered_key(mixed(put) % rows), value);
        (void)must(tx.commit());
    }
    must(db.flush());
    return {};
}

void forget_all(const std::string& path) {
    ::sync();
    for (const auto& entry : std::filesystem::directory_iterator{path}) {
        const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0) continue;
        (void)::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        ::close(file);
    }
}
// An opening makes restartpoints, and leaves less to redo to the next one.
std::string copy_of(const std::string& path) {
    const std::string copy = path + "-opened";
    std::filesystem::remove_all(copy);
    std::filesystem::copy(path, copy, std::filesystem::copy_options::recursive);
    forget_all(copy);
    return copy;
}
double rss_mb() {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;)
        if (word == "VmHWM:") {
            double kib = 0;
            status >> kib;
            return kib / 1024;
        }
    return 0;
}
// What the files of a database took at most, of those times when it was asked to look.
struct disk_peak {
    std::string path;
    std::uint64_t reports = 0;
    double most_mb = 0;

    static void look(void* self, const mantis::recovery_progress& now) {
        constexpr std::uint64_t reports_per_look = 32;
        auto& at = *static_cast<disk_peak*>(self);
        if (now.phase != mantis::recovery_phase::redo || at.reports++ % reports_per_look != 0)
            return;
        double mb = 0;
        for (const auto& entry : std::filesystem::directory_iterator{at.path}) {
            std::error_code gone;
            const auto size = entry.file_size(gone);
            if (!gone) mb += static_cast<double>(size) / 1e6;
        }
        at.most_mb = std::max(at.most_mb, mb);
    }
};
opening open_database(const std::string& path, const paged_plan& plan, unsigned threads) {
    mantis::store_options options = options_with(plan.memory_bytes);
    options.recovery_threads = threads;
    disk_peak peak{path};
    options.on_recovery = &disk_peak::look;
    options.on_recovery_context = &peak;
    const auto begun = measure::clock_type::now();
    auto& db = *new auto(must(mantis::store<app>::open(path, options)));  // never closed
    opening seen;
    seen.seconds = measure::seconds_since(begun);
    const mantis::recovery_summary& done = db.recovery();
    const mantis::storage_stats pages = db.stats().pages;
    seen.rows = static_cast<double>(done.operations);
    seen.log_bytes = static_cast<double>(done.bytes);
    seen.redo_seconds = done.redone_in.seconds();
    seen.pages_read = static_cast<double>(pages.misses);
    seen.pages_written =
        static_cast<double>(pages.written_bytes) / static_cast<double>(pages.page_bytes);
    seen.rss_mb = rss_mb();
    if (done.operations < plan.log_bytes / bytes_a_put) give_up("the store did not redo its log");
    seen.restartpoints = static_cast<double>(done.restartpoints);
    seen.disk_mb = peak.most_mb;
    return seen;
}

measure::sample sample_of(const opening& seen) {
    return {seen.seconds,
            seen.redo_seconds,
            seen.rows / seen.seconds,
            seen.log_bytes / 1e6,
            seen.log_bytes / 1e6 / seen.seconds,
            seen.pages_read,
            seen.pages_written,
            seen.rss_mb,
            seen.restartpoints,
            seen.disk_mb};
}

}  // namespace

measure::comparison paged_comparison(const measure::settings& chosen, const paged_plan& plan) {
    measure::comparison made{
        .name = "paged-open",
        .rounds = chosen.either(3u, 1u),
        .metrics = {{"seconds", measure::goal::less},
                    {"redo_s"},
                    {"rows_per_s"},
                    {"log_mb"},
                    {"log_mb_s"},
                    {"page_reads"},
                    {"page_writes"},
                    {"rss_mb"},
                    {"restartpoints"},
                    {"disk_mb"}},
    };
    for (const std::uint64_t data : {plan.data_bytes / 4, plan.data_bytes}) {
        const std::string name = std::to_string(data / mantis::MiB) + "-mib-" +
                                 std::to_string(plan.log_bytes / mantis::MiB) + "-log";
        const std::string path = measure::fresh_directory(name);
        const auto begun = measure::clock_type::now();
        (void)in_a_process([&] { return make_database(path, plan, data); });
        if (!chosen.json)
            std::printf("  %s: made in %.1f s, %llu MiB of memory for pages\n", name.c_str(),
                        measure::seconds_since(begun),
                        static_cast<unsigned long long>(plan.memory_bytes / mantis::MiB));
        const auto add = [&](std::string as, measure::role is, unsigned threads) {
            made.subjects.push_back({std::move(as), is, [=] {
                                         const std::string opened = copy_of(path);
                                         return sample_of(in_a_process(
                                             [=] { return open_database(opened, plan, threads); }));
                                     }});
        };
        add(name, data == plan.data_bytes ? measure::role::ours : measure::role::shown, 1);
        if (data == plan.data_bytes) add(name + "-8-threads", measure::role::ours, 8);
    }
    return made;
}

}  // namespace recovery_bench
