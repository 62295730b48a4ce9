// SPDX-License-Identifier: BSL-1.0
//
// How fast a log is replayed, and how fast a database opens that has nothing to replay.
//
//   recovery DIRECTORY [--quick] [--json] [--only CASE]
//            [--data-gib N | --data-mib N] [--log-gib N | --log-mib N] [--memory-mib N]
//
// The second line is for paged-open (recovery_paged.cpp): how much data there is, how much log, and
// how much memory for pages, a tenth of the data otherwise.
//
// The log is that of a store that was left as a crash leaves it: transactions of one put each, of
// 1,000,000 keys of 8 bytes in no order, with values of 100 bytes. It is opened for reading only,
// so that every round finds the same.
//
//   mantis-store       store::open: into the tables, in memory
//   mantis-store-cold  the same, of files that the system has forgotten
//   mantis-log         the reader and the recovery engine with a target that only counts
//   bare-read          the bytes of the log files, read and dropped
#include "recovery.hpp"

#include <mantis/recovery/superblock.hpp>
#include <mantis/store/store.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace {

using measure::clock_type;
using measure::give_up;
using measure::must;
using measure::seconds_since;

struct app : mantis::policies<mantis::with::durability<mantis::buffered>> {};

// --- the log that is replayed ---

struct crashed_store {
    std::string directory;
    std::uint64_t puts = 0;
    double log_bytes = 0;

    [[nodiscard]] measure::sample in(double seconds) const {
        return {static_cast<double>(puts) / seconds, log_bytes / 1e6 / seconds, seconds};
    }
};

template <class Visit>
void each_log_file(const std::string& directory, Visit visit) {
    for (const auto& entry : std::filesystem::directory_iterator{directory})
        if (entry.path().extension() == ".log") visit(entry.path());
}

void put_all(mantis::store<app>& into, std::uint64_t count) {
    const auto table = must(into.table("rows"));
    const std::string value(recovery_bench::value_bytes, 'v');
    for (std::uint64_t i = 0; i < count; ++i) {
        auto tx = into.begin();
        tx.put(table, recovery_bench::key_of(i), value);
        (void)must(tx.commit());
    }
}

// The files are copied while the store is open.
crashed_store make_crashed_store(std::size_t log_mib) {
    constexpr std::uint64_t bytes_a_put = 160;
    crashed_store made{measure::fresh_directory("crashed"), log_mib * mantis::MiB / bytes_a_put, 0};
    const std::string alive = measure::fresh_directory("alive");
    mantis::store_options options;
    options.checkpoint_log_bytes = 0;  // the log is to be replayed
    auto db = must(mantis::store<app>::open(alive, options));
    put_all(db, made.puts);
    made.log_bytes = static_cast<double>(db.stats().log_bytes);
    must(db.flush());
    std::filesystem::copy(alive, made.directory, std::filesystem::copy_options::recursive);
    std::filesystem::remove(made.directory + "/lock");
    ::sync();  // now, and not while something is measured
    must(db.close());
    std::filesystem::remove_all(alive);
    return made;
}

// --- what is measured ---

double open_store(const crashed_store& of, unsigned threads) {
    mantis::store_options options;
    options.read_only = true;
    options.recovery_threads = threads;
    const auto begun = clock_type::now();
    auto db = must(mantis::store<app>::open(of.directory, options));
    const double took = seconds_since(begun);
    if (db.recovery().operations < of.puts) give_up("the store did not replay its log");
    return took;
}

struct counting_target {
    std::uint64_t operations = 0;
    std::uint64_t bytes = 0;

    [[nodiscard]] mantis::lsn persisted_lsn() const { return {}; }
    mantis::result<void> redo(mantis::lsn, const mantis::operation& op) {
        ++operations;
        bytes += op.key.size() + op.value.size();
        return mantis::success();
    }
    [[nodiscard]] mantis::result<void> verify() const { return mantis::success(); }
};

double replay_into_counter(const crashed_store& of) {
    using log_type = mantis::log_reader<mantis::posix, mantis::crc32c>;
    mantis::posix world;
    auto in = must(world.open_directory(of.directory, mantis::directory_mode::existing));
    const auto raw = must(mantis::read_file(in, mantis::superblock_name, 64 * mantis::KiB));
    const mantis::superblock block = must(mantis::decode_superblock(raw));
    counting_target target;
    mantis::recovery_engine<log_type, counting_target> engine{world, in, block.database, target};
    mantis::recovery_options chosen;
    chosen.read_only = true;
    const auto begun = clock_type::now();
    (void)must(engine.run(chosen));
    const double took = seconds_since(begun);
    if (target.operations < of.puts) give_up("the log was not replayed");
    return took;
}

double read_bare(const crashed_store& of) {
    std::vector<char> chunk(mantis::MiB);
    const auto begun = clock_type::now();
    each_log_file(of.directory, [&](const std::filesystem::path& path) {
        const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0) give_up("cannot open " + path.string());
        while (::read(file, chunk.data(), chunk.size()) > 0) {}
        ::close(file);
    });
    return seconds_since(begun);
}

void forget_files(const crashed_store& of) {
    each_log_file(of.directory, [](const std::filesystem::path& path) {
        const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0 || ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0)
            give_up("cannot drop " + path.string() + " from memory");
        ::close(file);
    });
}

// --- the cases ---

constexpr std::size_t most_mib_of_peers = 128;

measure::comparison replay_comparison(const measure::settings& chosen, std::size_t log_mib) {
    const crashed_store of = make_crashed_store(log_mib);
    measure::comparison made{
        .name = "replay-" + std::to_string(log_mib) + "-mib",
        .rounds = chosen.either(log_mib > most_mib_of_peers ? 3u : 9u, 3u),
        .metrics = {{"ops_per_s", measure::goal::more}, {"mb_per_s"}, {"seconds"}},
    };
    const auto add = [&](std::string name, measure::role is, std::function<double()> take) {
        made.subjects.push_back({std::move(name), is, [=] { return of.in(take()); }});
    };
    add("mantis-store", measure::role::ours, [=] { return open_store(of, 1); });
    add("mantis-store-2-threads", measure::role::ours, [=] { return open_store(of, 2); });
    add("mantis-store-cold", measure::role::ours, [=] {
        forget_files(of);
        return open_store(of, 1);
    });
    add("mantis-log", measure::role::ours, [=] { return replay_into_counter(of); });
    add("bare-read", measure::role::shown, [=] { return read_bare(of); });
    for (const recovery_bench::contender& each : recovery_bench::peers()) {
        // The large one is there for its seconds, and a peer would take minutes.
        if (!each.replays || log_mib > most_mib_of_peers) continue;
        const std::string path = measure::fresh_directory(each.name);
        each.make(path, of.puts);
        add(each.name, measure::role::peer, [=] { return each.open(path); });
    }
    return made;
}

measure::sample open_again(const std::string& directory) {
    const auto begun = clock_type::now();
    auto db = must(mantis::store<app>::open(directory));
    const double took = seconds_since(begun);
    must(db.close());
    return {took * 1e3};
}

measure::comparison open_comparison(const measure::settings& chosen) {
    measure::comparison made{
        .name = "open-nothing-to-replay",
        .rounds = chosen.either(41u, 9u),
        .metrics = {{"open_ms", measure::goal::less}},
    };
    const std::string ours = measure::fresh_directory("mantis-store");
    auto db = must(mantis::store<app>::open(ours));
    (void)must(db.table("rows"));
    must(db.close());
    made.subjects.push_back(
        {"mantis-store", measure::role::ours, [=] { return open_again(ours); }});
    for (const recovery_bench::contender& each : recovery_bench::peers()) {
        const std::string path = measure::fresh_directory(each.name);
        each.make(path, 0);
        made.subjects.push_back({each.name, measure::role::peer,
                                 [=] { return measure::sample{each.open(path) * 1e3}; }});
    }
    return made;
}

// Takes the options of paged-open out of the command line.
recovery_bench::paged_plan take_plan(std::vector<char*>& words) {
    recovery_bench::paged_plan plan;
    std::vector<char*> left;
    for (std::size_t at = 0; at < words.size(); ++at) {
        const std::string word = words[at];
        std::uint64_t* const into = word.starts_with("--data-")     ? &plan.data_bytes
                                    : word.starts_with("--log-")    ? &plan.log_bytes
                                    : word.starts_with("--memory-") ? &plan.memory_bytes
                                                                    : nullptr;
        if (into == nullptr) {
            left.push_back(words[at]);
            continue;
        }
        const std::uint64_t unit = word.ends_with("-gib") ? mantis::GiB : mantis::MiB;
        const std::uint64_t count =
            at + 1 < words.size() ? std::strtoull(words[at + 1], nullptr, 10) : 0;
        if (count == 0 || (unit == mantis::MiB && !word.ends_with("-mib")))
            give_up(word + " takes a number above 0");
        *into = count * unit;
        ++at;
    }
    words = std::move(left);
    return plan;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<char*> words{argv, argv + argc};
    recovery_bench::paged_plan plan = take_plan(words);
    const measure::settings chosen =
        measure::read_settings(static_cast<int>(words.size()), words.data());
    if (chosen.words.size() != 1) give_up("recovery DIRECTORY [--quick] [--json] [--only CASE]");
    if (plan.data_bytes == 0) plan.data_bytes = chosen.either<std::size_t>(1024, 256) * mantis::MiB;
    if (plan.log_bytes == 0) plan.log_bytes = chosen.either<std::size_t>(64, 16) * mantis::MiB;
    if (plan.memory_bytes == 0) plan.memory_bytes = std::max(plan.data_bytes / 10, 8 * mantis::MiB);
    measure::make_scratch(chosen.words.front(), "recovery");
    if (!chosen.json)
        for (const auto& each : recovery_bench::peers())
            std::printf("  %-22s  %s\n", each.name.c_str(), each.build.c_str());
    std::vector<measure::disk_case> cases;
    for (const std::size_t mib : chosen.either<std::vector<std::size_t>>({128, 1024}, {16}))
        cases.push_back({"replay-" + std::to_string(mib) + "-mib",
                         [=] { return replay_comparison(chosen, mib); }});
    cases.push_back({"open-nothing-to-replay", [=] { return open_comparison(chosen); }});
    cases.push_back({"paged-open", [=] { return recovery_bench::paged_comparison(chosen, plan); }});
    measure::run_disk_cases(chosen, "recovery", cases);
}
