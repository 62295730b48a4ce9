// SPDX-License-Identifier: BSL-1.0
//
// import: a JSON file into a collection.
#include "collection_access.hpp"
#include "command.hpp"
#include "importer.hpp"
#include "output.hpp"

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>

namespace tool {

namespace {

struct job {
    std::string_view path;
    std::string_view collection;
    std::unique_ptr<text_source> source;
    document_change change;
    import_options options;
    std::string acknowledge;  // a path, or empty
    std::optional<output> acknowledgements;
};

// What a run of one job came to.
struct outcome {
    std::uint64_t documents = 0;
    std::uint64_t replaced = 0;
    std::uint64_t text_bytes = 0;
    double seconds = 0;
};

exit_code complain_about(const job& of, const import_failure& failed, std::uint64_t imported) {
    const std::string many =
        " (" + std::to_string(imported) + (imported == 1 ? " document" : " documents");
    if (failed.line == 0)
        return complain(exit_code_of(failed.why), sentence_of(failed.why) + many + " imported)");
    return complain_at(of.source->name(), failed.line, failed.column, failed.why,
                       many + " before it imported)");
}

void acknowledge(const std::vector<mantis::owned_value>& ids, output& to) {
    mantis::bytes line;
    for (const mantis::owned_value& id : ids) {
        line.clear();
        mantis::append_json(line, id.view());
        to.line(line);
    }
    to.flush();
}

std::uint64_t document_count(const database& store, mantis::bytes_view name) {
    for (const mantis::collection_info& each : store.collections())
        if (each.name.view() == name) return each.documents;
    return 0;
}

exit_code carry_out(job& what, database& store, outcome& came_to) {
    progress bar{"importing"};
    const std::uint64_t before = document_count(store, what.collection);
    importer into{store, what.collection, what.options};
    const auto begun = std::chrono::steady_clock::now();
    document_feed feed{*what.source, what.change};
    const auto failed = into.run(feed, [&](const std::vector<mantis::owned_value>& ids) {
        bar.show(what.source->bytes_taken(), what.source->bytes_total(), into.imported(),
                 "documents");
        if (!what.acknowledgements) return true;
        acknowledge(ids, *what.acknowledgements);
        return !what.acknowledgements->failed();
    });
    came_to.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    bar.clear();
    came_to.documents = into.imported();
    came_to.replaced = before + came_to.documents - document_count(store, what.collection);
    if (failed) return complain_about(what, *failed, came_to.documents);
    if (what.acknowledgements && what.acknowledgements->failed())
        return what.acknowledgements->finish();
    came_to.text_bytes = feed.text_bytes();
    if (const auto& early = feed.failure()) return complain_about(what, *early, came_to.documents);
    return exit_code::done;
}

double rounded(double value, double steps) { return std::round(value * steps) / steps; }

exit_code print(const job& what, const outcome& came_to) {
    const double per_second = came_to.seconds > 0 ? 1 / came_to.seconds : 0;
    mantis::bson_writer answer;
    answer.add("collection", mantis::bytes_view{what.collection});
    answer.add("documents", static_cast<std::int64_t>(came_to.documents));
    if (what.options.existing == mantis::on_existing::replace)
        answer.add("replaced", static_cast<std::int64_t>(came_to.replaced));
    answer.add("seconds", rounded(came_to.seconds, 1e6));
    answer.add("documents_per_s", rounded(static_cast<double>(came_to.documents) * per_second, 1));
    answer.add("mb_per_s",
               rounded(static_cast<double>(came_to.text_bytes) / 1e6 * per_second, 100));
    output to{STDOUT_FILENO, "standard output"};
    to.line(mantis::to_json(mantis::bson_view{answer.finish()}));
    return to.finish();
}

exit_code run(job& what) {
    std::optional<database> store;
    if (const exit_code opened = open_database(what.path, access::create, store);
        opened != exit_code::done)
        return opened;
    // Only now is it emptied: an import that does not get the database leaves it as it was.
    if (!what.acknowledge.empty() && !output::open(what.acknowledge, what.acknowledgements)) {
        const std::string why = std::strerror(errno);
        return close_database(
            *store, complain(exit_code::failed, "writing " + what.acknowledge + ": " + why));
    }
    outcome came_to;
    const exit_code done = close_database(*store, carry_out(what, *store, came_to));
    return done == exit_code::done ? print(what, came_to) : done;
}

exit_code import(const arguments& given) {
    const auto batch = given.number("--batch", 1000);
    if (!batch || *batch == 0)
        return complain(exit_code::usage, "--batch needs a whole number from 1 on");
    const std::string_view durability = given.value("--durability", "group_commit");
    if (durability != "group_commit" && durability != "periodic" && durability != "buffered")
        return complain(exit_code::usage, "--durability is group_commit, periodic or buffered");
    if (auto named = database::check_name(given.word(1)); !named) return complain(named.error());
    auto source = text_source::open(std::string{given.word(2)});
    if (!source) return complain(source.error());
    job what{given.word(0),
             given.word(1),
             std::move(*source),
             document_change{given.list("--numbers"), given.value("--id")},
             {},
             std::string{given.value("--acknowledge")},
             {}};
    what.options.batch_count = *batch;
    if (given.has("--replace")) what.options.existing = mantis::on_existing::replace;
    if (durability == "periodic") what.options.durability = mantis::durability_class::periodic;
    if (durability == "buffered") what.options.durability = mantis::durability_class::buffered;
    return run(what);
}

}  // namespace

command import_command() {
    return {.name = "import",
            .words = "DIR COLLECTION FILE",
            .summary = "adds the documents of a JSON file",
            .details =
                "FILE is JSON or gzip of it: an array of documents, one document after another, or "
                "one alone; '-'\n"
                "is standard input.\n"
                "Database and collection are made if they are missing. At the first mistake in the "
                "file the import\n"
                "ends with 3 and says file:line:column; the documents before it are imported, it "
                "and later ones not.\n",
            .fewest_words = 3,
            .most_words = 3,
            .options = {{"--batch", "N", "documents a commit; 1000 if not given"},
                        {"--replace", nullptr,
                         "a document takes the place of one of the same _id; otherwise refused"},
                        {"--id", "PATH", "the value at this path becomes the _id"},
                        {"--numbers", "a,b.c",
                         "strings at these paths that are numbers become numbers"},
                        {"--durability", "POLICY",
                         "group_commit (synced before it counts), periodic or buffered"},
                        {"--acknowledge", "FILE",
                         "writes each _id there once its commit is done; '-': standard output"}},
            .run = import};
}

}  // namespace tool
