// SPDX-License-Identifier: BSL-1.0
//
// How fast documents go in, durably: the importer of the mantis tool under group_commit, with one
// and with a thousand documents a commit, in turn with a bare loop of pwrite(4096) and fdatasync on
// a preallocated, zeroed file in the same directory. The bare loop is what the disk can do; at one
// document a commit the ratio to it is the point.
//
//   documents DIRECTORY [--quick] [--json] NAME=FILE...
//
// Each alternation runs the bare loop and then the import into a new database; medians are of all
// alternations, the ratio is the median of the ratios of neighbours.
#include "../examples/mantis/importer.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

struct workload {
    std::string name;
    std::string file;
    std::size_t documents_a_commit = 1;
};

struct sample {
    double documents_per_s = 0;
    double megabytes_per_s = 0;
    double commits_per_s = 0;
    double syncs_per_s = 0;  // of the bare loop
};

struct settings {
    std::string directory;
    bool quick = false;
    bool json = false;
    std::vector<workload> workloads;
};

using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point begun) {
    return std::chrono::duration<double>(clock_type::now() - begun).count();
}

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "documents: %s\n", why.c_str());
    std::exit(1);
}

double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    const std::size_t middle = of.size() / 2;
    return of.size() % 2 == 1 ? of[middle] : (of[middle - 1] + of[middle]) / 2;
}

// The bare loop.
//   Returns     how many blocks a second were written and synced
double sync_rate(const std::string& directory, int count) {
    const std::string path = directory + "/raw";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) give_up("cannot make " + path);
    const std::vector<char> block(4096, 1);
    const std::vector<char> zeros(static_cast<std::size_t>(count) * block.size());
    if (::pwrite(file, zeros.data(), zeros.size(), 0) != static_cast<ssize_t>(zeros.size()))
        give_up("cannot fill " + path);
    if (::fsync(file) != 0) give_up("cannot sync " + path);
    const auto begun = clock_type::now();
    for (int i = 0; i < count; ++i) {
        const auto written = ::pwrite(file, block.data(), block.size(), off_t{i} * 4096);
        if (written != 4096 || ::fdatasync(file) != 0) give_up("cannot write " + path);
    }
    const double rate = count / seconds_since(begun);
    ::close(file);
    std::filesystem::remove(path);
    return rate;
}

// The first documents of a collection, one a line, as a file of their own.
void write_first(const std::string& from, std::size_t count, const std::string& to) {
    auto source = tool::text_source::open(from).value();
    tool::document_change unchanged{{}, {}};
    tool::document_feed feed{*source, unchanged};
    std::FILE* const file = std::fopen(to.c_str(), "w");
    if (file == nullptr) give_up("cannot make " + to);
    std::size_t written = 0;
    while (auto chunk = feed.next()) {
        for (const tool::fed_document& each : chunk->documents) {
            if (written == count) break;
            ++written;
            std::fprintf(file, "%s\n",
                         mantis::to_json(chunk->view(each)).as<std::string>().c_str());
        }
        if (written == count) break;
    }
    if (std::fclose(file) != 0) give_up("cannot write " + to);
}

sample import_once(const settings& chosen, const workload& what) {
    const std::string path = chosen.directory + "/db";
    std::filesystem::remove_all(path);
    auto store = mantis::document_store<>::open(path).value();
    auto source = tool::text_source::open(what.file).value();
    tool::document_change unchanged{{}, {}};
    tool::import_options options;
    options.batch_count = what.documents_a_commit;
    tool::importer<mantis::default_policies> into{store, "c", options};
    std::uint64_t commits = 0;
    const auto begun = clock_type::now();
    tool::document_feed feed{*source, unchanged};
    const auto failed = into.run(feed, [&](const auto&) { return ++commits != 0; });
    const double seconds = seconds_since(begun);
    if (failed) give_up(failed->why.message().as<std::string>());
    if (const auto& early = feed.failure()) give_up(early->why.message().as<std::string>());
    sample made;
    made.documents_per_s = static_cast<double>(into.imported()) / seconds;
    made.commits_per_s = static_cast<double>(commits) / seconds;
    made.megabytes_per_s = static_cast<double>(feed.text_bytes()) / 1e6 / seconds;
    store.close().value();
    std::filesystem::remove_all(path);
    return made;
}

std::vector<sample> alternate(const settings& chosen, const workload& what) {
    const int alternations = chosen.quick ? 5 : 9;
    const int syncs = chosen.quick ? 500 : 2000;
    std::vector<sample> samples;
    for (int i = 0; i < alternations; ++i) {
        const double rate = sync_rate(chosen.directory, syncs);
        samples.push_back(import_once(chosen, what));
        samples.back().syncs_per_s = rate;
    }
    return samples;
}

template <class Value>
double median_of(const std::vector<sample>& samples, Value value) {
    std::vector<double> values;
    for (const sample& each : samples) values.push_back(value(each));
    return median(values);
}

void print_json(const std::string& name, const char* subject, const char* metric, double value) {
    std::printf(
        "{\"bench\":\"documents\",\"case\":\"%s\",\"durability\":\"group_commit\",\"threads\":1,"
        "\"subject\":\"%s\",\"metric\":\"%s\",\"value\":%.6g}\n",
        name.c_str(), subject, metric, value);
}

void report(const settings& chosen, const workload& what, const std::vector<sample>& samples) {
    const double documents =
        median_of(samples, [](const sample& of) { return of.documents_per_s; });
    const double megabytes =
        median_of(samples, [](const sample& of) { return of.megabytes_per_s; });
    const double commits = median_of(samples, [](const sample& of) { return of.commits_per_s; });
    const double syncs = median_of(samples, [](const sample& of) { return of.syncs_per_s; });
    const double ratio =
        median_of(samples, [](const sample& of) { return of.commits_per_s / of.syncs_per_s; });
    if (!chosen.json) {
        std::printf("%-24s %12.0f %10.1f %10.0f %14.0f %8.2f\n", what.name.c_str(), documents,
                    megabytes, commits, syncs, ratio);
        return;
    }
    print_json(what.name, "mantis", "documents_per_s", documents);
    print_json(what.name, "mantis", "mb_per_s", megabytes);
    print_json(what.name, "mantis", "commits_per_s", commits);
    print_json(what.name, "raw-fdatasync", "commits_per_s", syncs);
    print_json(what.name, "mantis", "ratio_to_raw", ratio);
}

}  // namespace

int main(int argc, char** argv) {
    settings chosen;
    std::vector<std::pair<std::string, std::string>> files;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const std::size_t equals = word.find('=');
        if (word == "--quick") chosen.quick = true;
        else if (word == "--json") chosen.json = true;
        else if (equals != std::string::npos)
            files.emplace_back(word.substr(0, equals), word.substr(equals + 1));
        else chosen.directory = word;
    }
    if (chosen.directory.empty() || files.empty())
        give_up("documents DIRECTORY [--quick] [--json] NAME=FILE...");
    for (const auto& [name, file] : files) {
        const std::string some = chosen.directory + "/first-" + name + ".json";
        write_first(file, chosen.quick ? 500 : 2000, some);
        chosen.workloads.push_back({name + "/1-a-commit", some, 1});
        chosen.workloads.push_back({name + "/1000-a-commit", file, 1000});
    }
    if (!chosen.json)
        std::printf("%-24s %12s %10s %10s %14s %8s\n", "import, group_commit", "documents/s",
                    "MB/s JSON", "commits/s", "raw syncs/s", "ratio");
    for (const workload& each : chosen.workloads) report(chosen, each, alternate(chosen, each));
}
