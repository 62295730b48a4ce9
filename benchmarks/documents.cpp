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
#include "measure.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <filesystem>

namespace {

using measure::clock_type;
using measure::give_up;
using measure::seconds_since;

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

struct plan {
    measure::settings chosen;
    std::string directory;
    std::vector<workload> workloads;
};

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

sample import_once(const plan& of, const workload& what) {
    const std::string path = of.directory + "/db";
    std::filesystem::remove_all(path);
    auto store = tool::database::open(path).value();
    auto source = tool::text_source::open(what.file).value();
    tool::document_change unchanged{{}, {}};
    tool::import_options options;
    options.batch_count = what.documents_a_commit;
    tool::importer into{store, "c", options};
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

std::vector<sample> alternate(const plan& of, const workload& what) {
    const int alternations = of.chosen.either(9, 5);
    const int syncs = of.chosen.either(2000, 500);
    std::vector<sample> samples;
    for (int i = 0; i < alternations; ++i) {
        const double rate = sync_rate(of.directory, syncs);
        samples.push_back(import_once(of, what));
        samples.back().syncs_per_s = rate;
    }
    return samples;
}

template <class Value>
double median_of(const std::vector<sample>& samples, Value value) {
    std::vector<double> values;
    for (const sample& each : samples) values.push_back(value(each));
    return measure::median(std::move(values));
}

void print_json(const std::string& name, const char* subject, const char* metric, double value) {
    measure::print_json({"documents", name, "group_commit", 1, subject, metric, value});
}

void report(const plan& of, const workload& what, const std::vector<sample>& samples) {
    const double documents =
        median_of(samples, [](const sample& one) { return one.documents_per_s; });
    const double megabytes =
        median_of(samples, [](const sample& one) { return one.megabytes_per_s; });
    const double commits = median_of(samples, [](const sample& one) { return one.commits_per_s; });
    const double syncs = median_of(samples, [](const sample& one) { return one.syncs_per_s; });
    const double ratio =
        median_of(samples, [](const sample& one) { return one.commits_per_s / one.syncs_per_s; });
    if (!of.chosen.json) {
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
    plan of{measure::read_settings(argc, argv), {}, {}};
    std::vector<std::pair<std::string, std::string>> files;
    for (const std::string& word : of.chosen.words) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) of.directory = word;
        else files.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
    if (of.directory.empty() || files.empty())
        give_up("documents DIRECTORY [--quick] [--json] NAME=FILE...");
    for (const auto& [name, file] : files) {
        const std::string some = of.directory + "/first-" + name + ".json";
        write_first(file, of.chosen.either(2000u, 500u), some);
        of.workloads.push_back({name + "/1-a-commit", some, 1});
        of.workloads.push_back({name + "/1000-a-commit", file, 1000});
    }
    if (!of.chosen.json)
        std::printf("%-24s %12s %10s %10s %14s %8s\n", "import, group_commit", "documents/s",
                    "MB/s JSON", "commits/s", "raw syncs/s", "ratio");
    for (const workload& each : of.workloads) report(of, each, alternate(of, each));
}
