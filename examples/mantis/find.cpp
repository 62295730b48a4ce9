// SPDX-License-Identifier: BSL-1.0
//
// find, get and count: commands that read documents.
#include "collection_access.hpp"
#include "command.hpp"
#include "field_selection.hpp"
#include "output.hpp"

#include <unistd.h>
#include <chrono>

namespace tool {

namespace {

struct question {
    mantis::query query;
    bool explain = false;
};

exit_code read_question(const arguments& given, question& into) {
    const auto limit = given.number("--limit", mantis::query::no_limit);
    const auto offset = given.number("--offset", 0);
    if (!limit || !offset)
        return complain(exit_code::usage,
                        std::string{limit ? "--offset" : "--limit"} + " needs a whole number");
    into.query.limit = *limit;
    into.query.offset = *offset;
    into.explain = given.has("--explain");
    for (std::string_view path : given.list("--sort")) {
        const bool descending = path.starts_with('-');
        if (descending) path.remove_prefix(1);
        if (auto added = into.query.sort.add(path, descending); !added)
            return complain(added.error());
    }
    return read_filter(given.word(2), into.query.filter);
}

void explain(const mantis::query_summary& how, double seconds, output& to) {
    mantis::bson_writer plan;
    plan.add("path", mantis::bytes_view{mantis::name_of(how.path)});
    plan.add("examined", static_cast<std::int64_t>(how.examined));
    plan.add("returned", static_cast<std::int64_t>(how.returned));
    plan.add("sorted", how.sorted).add("seconds", seconds);
    to.line(mantis::to_json(mantis::bson_view{plan.finish()}));
}

exit_code find(const arguments& given) {
    question asked;
    if (const exit_code read = read_question(given, asked); read != exit_code::done) return read;
    opened_collection opened;
    if (const exit_code done = open_collection(given.word(0), given.word(1), access::read, opened);
        done != exit_code::done)
        return done;
    field_selection fields{given.list("--fields")};
    output to{STDOUT_FILENO, "standard output"};
    mantis::bytes line;
    const auto begun = std::chrono::steady_clock::now();
    auto how = opened.in->find(asked.query, [&](mantis::bson_view document) {
        if (asked.explain) return true;
        line.clear();
        if (fields.everything()) mantis::append_json(line, document);
        else mantis::append_json(line, mantis::bson_view{fields.of(document)});
        to.line(line);
        return !to.closed() && !to.failed();
    });
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    if (how && asked.explain) explain(*how, seconds, to);
    const exit_code written = to.finish();
    return how ? written : complain(how.error());
}

exit_code get(const arguments& given) {
    opened_collection opened;
    if (const exit_code done = open_collection(given.word(0), given.word(1), access::read, opened);
        done != exit_code::done)
        return done;
    auto document = opened.in->get(read_id(given.word(2)).view());
    if (!document) return complain(document.error());
    if (!*document)
        return complain(exit_code::no_match,
                        "no document has the _id " + std::string{given.word(2)});
    output to{STDOUT_FILENO, "standard output"};
    to.line(mantis::to_json(mantis::bson_view{**document}));
    return to.finish();
}

exit_code count(const arguments& given) {
    mantis::filter wanted;
    if (const exit_code read = read_filter(given.word(2), wanted); read != exit_code::done)
        return read;
    opened_collection opened;
    if (const exit_code done = open_collection(given.word(0), given.word(1), access::read, opened);
        done != exit_code::done)
        return done;
    auto counted = opened.in->count(wanted);
    if (!counted) return complain(counted.error());
    output to{STDOUT_FILENO, "standard output"};
    to.line(std::to_string(counted->returned));
    return to.finish();
}

}  // namespace

command find_documents_command() {
    return {
        .name = "find",
        .words = "DIR COLLECTION [FILTER]",
        .summary = "the documents that match, one a line",
        .details =
            "FILTER: {\"a.b\":1}  {\"a\":{\"$gt\":1,\"$lte\":9}}  {\"$or\":[...]}\n"
            "Operators: $eq $ne $gt $gte $lt $lte $in $exists $not, $and $or. Without FILTER: all "
            "documents.\n"
            "Dates are {\"$date\":\"2026-01-31T12:00:00Z\"}. Finding none is no failure.\n",
        .fewest_words = 2,
        .most_words = 3,
        .options = {{"--sort", "a,-b", "by these paths, a minus for descending; otherwise by _id"},
                    {"--limit", "N", "at most N documents"},
                    {"--offset", "N", "leave out the first N"},
                    {"--fields", "a,b.c", "only these fields"},
                    {"--explain", nullptr, "how the answer is found, in place of the answer"}},
        .run = find};
}

command get_command() {
    return {.name = "get",
            .words = "DIR COLLECTION ID",
            .summary = "the document of that _id",
            .details =
                "ID is JSON (5, \"five\", {\"$date\":...}), or else taken as plain text: get db "
                "trees T-00001\n"
                "Ends with 1 where there is none.\n",
            .fewest_words = 3,
            .most_words = 3,
            .options = {},
            .run = get};
}

command count_command() {
    return {.name = "count",
            .words = "DIR COLLECTION [FILTER]",
            .summary = "how many documents match",
            .details = "FILTER as for find.\n",
            .fewest_words = 2,
            .most_words = 3,
            .options = {},
            .run = count};
}

}  // namespace tool
