// SPDX-License-Identifier: BSL-1.0
//
// What the store costs, with the operations of YCSB and some more, beside other databases.
//
//   store DIRECTORY [--quick] [--json] [--only CASE] [--check] [--records N] [--threads N,...]
//         [--rounds N] [--durability buffered|sync] [--dist NAME] [--subjects NAME,...]
//
//   load                 a quarter of the rows put into nothing, by a commit each: in random and in
//                        sorted order
//   ycsb-a               half reads, half updates            ycsb-b    95 % reads, 5 % updates
//   ycsb-c               reads                               ycsb-d    95 % reads of late rows, 5 %
//   ycsb-e               95 % scans of 1 to 100 rows, 5 % inserts      inserts
//   ycsb-f               half reads, half reads and writes of a row in one transaction
//   absent               reads of rows that are not there    overwrite updates
//   open-loop            ycsb-a, arriving at 90 % of what the same subject did just before; times
//                        begin when an operation should have
//   larger-than-memory   ycsb-b with an eighth of the data as memory, for those that have their
//                        rows on disk; -reads and -updates: ycsb-c and ycsb-a. With --quick only if
//                        they are asked for by --only
//   erase-most           nine rows of ten are erased, and then nothing is done until files keep
//                        their size, or for a minute: what they take, for a byte of what is left
//   churn                updates, inserts, reads and scans of twice as much data as there is
//                        memory, --rounds slices of it: what the process takes, for a byte of that
//
//   --records     rows, with keys of 8 to 24 bytes and values of 100; 2,000,000 otherwise (with
//                 --quick 50,000; 300,000 for larger-than-memory)
//   --threads     of these numbers, 1, 2 and 8 otherwise (with --quick 1 and 2)
//   --durability  only that: a commit survives the end of the process, or of the machine (sync)
//   --dist        only zipfian, uniform, latest, random or sorted
//   --check       measures nothing: each subject is compared with a map
//
// Each subject is opened once for all cases but load, in a process of its own that is stopped while
// it is not its turn; each gets the same memory for its caches, enough for all rows but where the
// case says otherwise. What is read is touched; every update is a commit; who meets a conflict
// begins anew. All must have the same rows when they are loaded, and none may be lost at the end.
//
//   rss_mb     what that process takes more than before it opened the database: LMDB, and SQLite
//              with mmap, count pages of the file that they map
//   write_amp  bytes that it wrote to its files in the case for a byte of keys and values that were
//              put, without work that is put off; of load with what it does when it is idle
#include "store_process.hpp"

#include <signal.h>
#include <thread>

namespace store_bench {

namespace {

using measure::give_up;
using measure::goal;
using measure::summary;

struct choices {
    measure::settings common;
    bool check = false;
    std::uint64_t records = 0;
    unsigned rounds = 0;
    std::vector<unsigned> threads{};
    std::string durability{};
    std::string dist{};
    std::string subjects{};

    [[nodiscard]] bool wants_case(std::string_view name) const {
        return name.starts_with(common.only);
    }
    [[nodiscard]] bool wants(promise which) const {
        return durability.empty() || durability == name_of(which);
    }
    [[nodiscard]] bool wants_dist(std::string_view name) const {
        return dist.empty() || dist == name;
    }
};

std::vector<std::string> parts_of(const std::string& list) {
    std::vector<std::string> all{""};
    for (const char each : list)
        if (each == ',') all.emplace_back();
        else all.back().push_back(each);
    return all;
}

unsigned long number(const std::string& text) {
    char* end = nullptr;
    const unsigned long value = std::strtoul(text.c_str(), &end, 10);
    if (value == 0 || *end != '\0') give_up(text + " is no number");
    return value;
}

// Takes the options that only this benchmark has, and leaves the others.
choices read_choices(int argc, char** argv) {
    choices chosen;
    std::vector<char*> others{argv[0]};
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto value = [&] {
            if (i + 1 == argc) give_up(word + " needs a value");
            return std::string{argv[++i]};
        };
        if (word == "--check") chosen.check = true;
        else if (word == "--records") chosen.records = number(value());
        else if (word == "--rounds") chosen.rounds = static_cast<unsigned>(number(value()));
        else if (word == "--durability") chosen.durability = value();
        else if (word == "--dist") chosen.dist = value();
        else if (word == "--subjects") chosen.subjects = "," + value() + ",";
        else if (word == "--threads")
            for (const std::string& each : parts_of(value()))
                chosen.threads.push_back(static_cast<unsigned>(number(each)));
        else others.push_back(argv[i]);
    }
    chosen.common = measure::read_settings(static_cast<int>(others.size()), others.data());
    const bool larger = chosen.common.only.starts_with("larger-than-memory");
    if (chosen.records == 0)
        chosen.records = chosen.common.either(2'000'000u, larger ? 300'000u : 50'000u);
    if (chosen.records < 1000 || chosen.records > 1'000'000'000)
        give_up("--records: 1000 to 1000000000");
    if (chosen.threads.empty())
        chosen.threads = chosen.common.either(std::vector{1u, 2u, 8u}, std::vector{1u, 2u});
    if (chosen.rounds == 0) chosen.rounds = chosen.common.either(5u, 1u);
    return chosen;
}

std::vector<contender> contenders(const choices& chosen) {
    std::vector<contender> all;
    for (auto* some : {mantis_stores, log_structured_peers, tree_peers})
        for (contender& each : some())
            if (chosen.subjects.empty() ||
                chosen.subjects.find("," + each.name + ",") != std::string::npos)
                all.push_back(std::move(each));
    if (all.empty()) give_up("none of those subjects is there");
    return all;
}

// --- one subject of a group of cases ---

struct member {
    contender who;
    std::unique_ptr<memory_limit> limit{};
    std::unique_ptr<served> process{};
    footprint last{};
};
using group = std::vector<std::shared_ptr<member>>;

std::vector<measure::metric> metrics() {
    return {{"ops_per_s", goal::more},
            {"p50_us"},
            {"p99_us"},
            {"p999_us"},
            {"max_gap_ms", goal::none, summary::greatest},
            {"rss_mb", goal::none, summary::last},
            {"disk_mb", goal::none, summary::last},
            {"write_amp", goal::none, summary::last},
            {"conflicts", goal::none, summary::total}};
}

// What a subject has written in the rounds of a case so far.
struct volume {
    std::uint64_t user_bytes = 0;
    std::uint64_t written_bytes = 0;
};

measure::sample sample_of(const answer& got, const footprint& before, volume& so_far) {
    so_far.user_bytes += got.part.user_bytes;
    so_far.written_bytes += got.used.written_bytes - before.written_bytes;
    const double amplified = so_far.user_bytes == 0 ? 0
                                                    : static_cast<double>(so_far.written_bytes) /
                                                          static_cast<double>(so_far.user_bytes);
    return {got.part.ops_per_s, got.part.p50_us,     got.part.p99_us,
            got.part.p999_us,   got.part.max_gap_ms, got.used.rss_mb,
            got.used.disk_mb,   amplified,           static_cast<double>(got.part.conflicts)};
}

setup setup_of(const choices& chosen, promise promised, const std::string& name) {
    const std::uint64_t data = chosen.records * mean_row_bytes;
    return {.directory = measure::fresh_directory(name),
            .promised = promised,
            .memory_bytes = std::max<std::uint64_t>(3 * data, 64 << 20),
            .data_bytes = data,
            .sessions = *std::max_element(chosen.threads.begin(), chosen.threads.end())};
}

void show(const choices& chosen, const measure::comparison& made) {
    const measure::measured all = measure::take_turns(made);
    measure::report(chosen.common, "store", made, all);
    measure::report_ratios(chosen.common, "store", made, all);
}

// --- load ---

void measure_load(const choices& chosen, const std::vector<contender>& all, promise promised) {
    // Each commit of a sync load waits for the disk: as many rows as take some seconds.
    const std::uint64_t rows = promised == promise::buffered
                                   ? chosen.records / chosen.common.either(4u, 5u)
                                   : chosen.common.either<std::uint64_t>(20'000, 100);
    for (const char* const order : {"random", "sorted"})
        for (const unsigned threads : chosen.threads) {
            if (!chosen.wants_dist(order)) continue;
            if (chosen.common.quick && threads != chosen.threads.front()) continue;
            measure::comparison made{"load", threads, std::min(chosen.rounds, 3u), metrics()};
            made.durability = name_of(promised);
            made.dist = order;
            for (const contender& who : all)
                made.subjects.push_back(
                    {who.name, who.is, [&, order, threads] {
                         const auto drawn = std::make_unique<tables_of_draws>(1000);
                         served one{who, {setup_of(chosen, promised, who.name), 0, drawn.get()}};
                         request next{request::kind::load, {}, std::string_view{order} == "sorted"};
                         next.part.threads = threads;
                         next.part.seed = rows;
                         volume so_far;
                         const answer got = one.ask(next);
                         if (one.ask({request::kind::count}).counted.rows != rows)
                             give_up(who.name + " has not all rows after the load");
                         return sample_of(got, one.loaded().used, so_far);
                     }});
            show(chosen, made);
        }
}

// --- cases on loaded rows ---

struct workload {
    const char* name;
    operations mix;
    std::vector<spread> asked;
    bool open_loop = false;
    bool quick_sync = false;  // measured with syncs in a quick run, too
};

// In this order, those that add rows at the end, so that all before have the same.
const std::vector<workload>& workloads() {
    using enum spread;
    static const std::vector<workload> all{
        {"ycsb-c", {.read = 100}, {zipfian, uniform}},
        {"absent", {.read = 100, .absent = true}, {uniform}},
        {"ycsb-b", {.read = 95, .update = 5}, {zipfian, uniform}},
        {"ycsb-a", {.read = 50, .update = 50}, {zipfian, uniform}, false, true},
        {"ycsb-f", {.read = 50, .modify = 50}, {zipfian, uniform}},
        {"overwrite", {.update = 100}, {uniform, zipfian}, false, true},
        {"open-loop", {.read = 50, .update = 50}, {zipfian}, true},
        {"ycsb-d", {.read = 95, .insert = 5}, {latest}},
        {"ycsb-e", {.insert = 5, .scan = 95}, {zipfian, uniform}},
    };
    return all;
}

measure::sample take(member& of, slice what, bool open_loop, volume& so_far) {
    if (open_loop) {
        const answer most = of.process->ask({request::kind::run, what});
        of.last = most.used;
        what.arrivals_per_s = 0.9 * most.part.ops_per_s;
    }
    ++what.seed;
    const answer got = of.process->ask({request::kind::run, what});
    const measure::sample taken = sample_of(got, of.last, so_far);
    of.last = got.used;
    return taken;
}

measure::comparison comparison_of(const choices& chosen, const workload& load, const group& all,
                                  promise promised, spread asked, unsigned threads) {
    measure::comparison made{load.name, threads, chosen.rounds, metrics()};
    made.durability = name_of(promised);
    made.dist = name_of(asked);
    const double seconds = chosen.common.either(1.0, 0.05);
    for (const auto& each : all) {
        const auto so_far = std::make_shared<volume>();
        const auto round = std::make_shared<std::uint64_t>(0);
        made.subjects.push_back(
            {each->who.name, each->who.is, [=, mix = load.mix, open = load.open_loop] {
                 const slice what{mix, asked, threads, seconds, 0, (*round += 2)};
                 return take(*each, what, open, *so_far);
             }});
        // Caches are filled with what is asked for.
        slice before{load.mix, asked, threads, seconds / 2, 0, 0};
        if (!chosen.common.quick)
            each->last = each->process->ask({request::kind::run, before}).used;
    }
    return made;
}

//   Requires    the rows were loaded
void expect_the_same_rows(const group& all) {
    for (const auto& each : all)
        if (!(each->process->loaded().counted == all.front()->process->loaded().counted))
            give_up(each->who.name + " holds other rows than " + all.front()->who.name);
}

void expect_no_loss(const group& all) {
    for (const auto& each : all) {
        const answer now = each->process->ask({request::kind::count});
        if (now.counted.rows != now.expected_rows)
            give_up(each->who.name + " holds " + std::to_string(now.counted.rows) + " rows of " +
                    std::to_string(now.expected_rows));
    }
}

void measure_loaded(const choices& chosen, const std::vector<contender>& all,
                    const tables_of_draws& drawn, promise promised) {
    const bool sync = promised == promise::sync;
    const auto wanted = [&](const workload& each) {
        const bool only_reads = each.mix.read == 100;
        return chosen.wants_case(each.name) &&
               !(sync && (only_reads ||
                          (chosen.common.quick && !each.quick_sync && chosen.common.only.empty())));
    };
    if (std::none_of(workloads().begin(), workloads().end(), wanted)) return;
    group opened;
    for (const contender& who : all) {
        opened.push_back(std::make_shared<member>(member{who}));
        opened.back()->process = std::make_unique<served>(
            who, served::plan{setup_of(chosen, promised, who.name), chosen.records, &drawn});
        opened.back()->last = opened.back()->process->loaded().used;
    }
    expect_the_same_rows(opened);
    for (const workload& each : workloads()) {
        if (!wanted(each)) continue;
        for (const spread asked : each.asked) {
            if (!chosen.wants_dist(name_of(asked))) continue;
            for (const unsigned threads : chosen.threads)
                show(chosen, comparison_of(chosen, each, opened, promised, asked, threads));
            if (chosen.common.quick && chosen.dist.empty()) break;
        }
    }
    expect_no_loss(opened);
}

// --- larger than memory ---

// The data is eight times the budget, half of which goes to caches and half to the pages of files
// that the system keeps; the program itself gets 20 MiB and as much again, for what it needs grows
// with the files that it compacts.
void measure_larger(const choices& chosen, const std::vector<contender>& all,
                    const tables_of_draws& drawn) {
    const std::uint64_t budget = chosen.records * mean_row_bytes / 8;
    const std::uint64_t for_program = (20 << 20) + budget;
    group opened;
    for (const contender& who : all) {
        if (who.in_memory) continue;
        opened.push_back(std::make_shared<member>(member{who}));
        member& made = *opened.back();
        made.limit = std::make_unique<memory_limit>(budget + for_program);
        setup how = setup_of(chosen, promise::buffered, who.name);
        how.memory_bytes = budget / 2;
        how.larger_than_memory = how.few_in_memory = true;
        made.process = std::make_unique<served>(
            who, served::plan{how, chosen.records, &drawn, made.limit.get()});
        made.last = made.process->loaded().used;
    }
    if (opened.empty()) return;
    expect_the_same_rows(opened);
    std::fprintf(chosen.common.json ? stderr : stdout,
                 "\nlarger-than-memory: caches of %.1f MiB for %.1f MiB of data; %s\n",
                 static_cast<double>(budget) / (2 << 20),
                 static_cast<double>(8 * budget) / (1 << 20),
                 *opened.front()->limit
                     ? ("a control group limits each with the pages of its files to " +
                        std::to_string((budget + for_program) >> 20) + " MiB")
                           .c_str()
                     : "no control group could be made: the system caches files without a limit");
    using enum spread;
    for (const workload& load :
         {workload{"larger-than-memory", {.read = 95, .update = 5}, {zipfian, uniform}},
          workload{"larger-than-memory-reads", {.read = 100}, {zipfian, uniform}},
          workload{"larger-than-memory-updates", {.read = 50, .update = 50}, {zipfian, uniform}}})
        for (const spread asked : load.asked)
            for (const unsigned threads : chosen.threads)
                if (chosen.wants_case(load.name) && chosen.wants_dist(name_of(asked)) &&
                    !(chosen.common.quick && chosen.dist.empty() && asked != load.asked.front()))
                    show(chosen,
                         comparison_of(chosen, load, opened, promise::buffered, asked, threads));
    expect_no_loss(opened);
}

// --- space and memory ---

void measure_erasing(const choices& chosen, const std::vector<contender>& all,
                     const tables_of_draws& drawn) {
    const double live = static_cast<double>(chosen.records / 10 * mean_row_bytes) / (1 << 20);
    measure::comparison made{"erase-most",
                             1,
                             1,
                             {{"disk_before_mb"},
                              {"disk_mb"},
                              {"disk_per_live", goal::less},
                              {"settled_s"},
                              {"rss_mb"}}};
    made.durability = name_of(promise::buffered);
    made.dist = "every tenth stays";
    for (const contender& who : all)
        made.subjects.push_back(
            {who.name, who.is, [&chosen, &drawn, who, live]() -> measure::sample {
                 served one{
                     who, {setup_of(chosen, promise::buffered, who.name), chosen.records, &drawn}};
                 const answer got = one.ask({request::kind::erase});
                 const answer left = one.ask({request::kind::count});
                 if (left.counted.rows != left.expected_rows)
                     give_up(who.name + " has other rows than those that were not erased");
                 return {one.loaded().used.disk_mb, got.used.disk_mb, got.used.disk_mb / live,
                         got.settled_s, got.used.rss_mb};
             }});
    show(chosen, made);
}

// Memory that a program was promised not to take is memory that it has for something else.
void measure_churn(const choices& chosen, const std::vector<contender>& all,
                   const tables_of_draws& drawn) {
    const std::uint64_t budget = chosen.records * mean_row_bytes / 2;
    const double budget_mb = static_cast<double>(budget) / (1 << 20);
    measure::comparison made{"churn", chosen.threads.front(), chosen.rounds, metrics()};
    made.metrics.push_back({"rss_per_budget", goal::less, summary::greatest});
    made.durability = name_of(promise::buffered);
    made.dist = name_of(spread::uniform);
    group opened;
    for (const contender& who : all) {
        if (who.in_memory) continue;
        setup how = setup_of(chosen, promise::buffered, who.name);
        how.memory_bytes = budget;
        how.larger_than_memory = true;
        opened.push_back(std::make_shared<member>(member{who}));
        const auto each = opened.back();
        each->process = std::make_unique<served>(who, served::plan{how, chosen.records, &drawn});
        each->last = each->process->loaded().used;
        const auto so_far = std::make_shared<volume>();
        const auto round = std::make_shared<std::uint64_t>(0);
        made.subjects.push_back(
            {who.name, who.is, [=, threads = chosen.threads.front()] {
                 const operations mix{.read = 30, .update = 50, .insert = 5, .scan = 15};
                 const slice what{mix, spread::uniform, threads, 1.0, 0, (*round += 2)};
                 measure::sample taken = take(*each, what, false, *so_far);
                 taken.push_back(each->last.rss_mb / budget_mb);
                 return taken;
             }});
    }
    show(chosen, made);
    expect_no_loss(opened);
}

void print_head(const choices& chosen, const std::vector<contender>& all) {
    double load[1] = {};
    (void)::getloadavg(load, 1);
    const std::uint64_t data = chosen.records * mean_row_bytes;
    std::printf(
        "%u hardware threads, load average %.2f; %llu rows, %.1f MiB; %.1f MiB of memory "
        "for the caches of each\n",
        std::thread::hardware_concurrency(), load[0],
        static_cast<unsigned long long>(chosen.records), static_cast<double>(data) / (1 << 20),
        static_cast<double>(std::max<std::uint64_t>(3 * data, 64 << 20)) / (1 << 20));
    for (const contender& each : all)
        std::printf("  %-14s  %s\n", each.name.c_str(), each.build.c_str());
}

void measure_all(const choices& chosen, const std::vector<contender>& all) {
    // Those that take long, or much disk.
    const auto wants = [&](std::initializer_list<const char*> cases) {
        const bool named = std::any_of(cases.begin(), cases.end(),
                                       [&](auto each) { return chosen.wants_case(each); });
        return named && chosen.wants(promise::buffered) &&
               !(chosen.common.quick && chosen.common.only.empty());
    };
    const bool larger =
        wants({"larger-than-memory", "larger-than-memory-reads", "larger-than-memory-updates"});
    const bool erasing = wants({"erase-most"});
    const bool churn = wants({"churn"});
    bool any = larger || erasing || churn || chosen.wants_case("load");
    for (const workload& each : workloads()) any = any || chosen.wants_case(each.name);
    if (!any) {
        std::string known = "load larger-than-memory[-reads|-updates] erase-most churn";
        for (const workload& each : workloads()) known += std::string{" "} + each.name;
        give_up("no case begins with " + chosen.common.only + "; there are " + known);
    }
    if (!chosen.common.json) print_head(chosen, all);
    const tables_of_draws drawn{chosen.records};
    for (const promise promised : {promise::buffered, promise::sync}) {
        if (!chosen.wants(promised)) continue;
        const bool quick_sync = chosen.common.quick && promised == promise::sync;
        if (chosen.wants_case("load") && !(quick_sync && chosen.common.only.empty()))
            measure_load(chosen, all, promised);
        measure_loaded(chosen, all, drawn, promised);
    }
    if (larger) measure_larger(chosen, all, drawn);
    if (erasing) measure_erasing(chosen, all, drawn);
    if (churn) measure_churn(chosen, all, drawn);
}

}  // namespace

}  // namespace store_bench

int main(int argc, char** argv) {
    using namespace store_bench;
    const choices chosen = read_choices(argc, argv);
    if (chosen.common.words.size() != 1) measure::give_up("store DIRECTORY [options]");
    (void)::signal(SIGPIPE, SIG_IGN);
    measure::own_processor_seconds = processor_seconds;
    measure::make_scratch(chosen.common.words.front(), "store");
    const std::vector<contender> all = contenders(chosen);
    if (chosen.check) return check_all(all) ? 0 : 1;
    measure_all(chosen, all);
}
