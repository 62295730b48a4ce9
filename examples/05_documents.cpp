// SPDX-License-Identifier: BSL-1.0
// A document store: documents from C++ and from JSON text, a query that explains itself, an update.
// Collections may be larger than memory.
//
//   build/examples/05_documents [directory]
#include <mantis/document/document_store.hpp>
#include <mantis/document/filter_builder.hpp>
#include <mantis/document/json.hpp>

#include <cstdio>
#include <string>

using namespace mantis;

static void print(bson_view document) {
    std::printf("%s\n", to_json(document).as<std::string>().c_str());
}

int main(int argc, char** argv) {
    store_options options;
    options.page_memory_bytes = 16 * MiB;  // so much of the documents is in memory at most
    auto db = document_store<>::open(argc > 1 ? argv[1] : "library.db", options).value();
    auto books = db.collection("books").value();

    // A document written field by field, and one read from JSON text; both in one transaction.
    bson_writer writer;
    writer.add("_id", "sicp").add("title", "Structure and Interpretation").add("year", 1985);
    writer.begin_array("authors").push("Abelson").push("Sussman").end();
    std::vector<bytes> documents;
    documents.push_back(writer.finish());
    documents.push_back(parse_json(R"({"_id": "taocp", "title": "The Art of Computer Programming",
        "year": 1968, "authors": ["Knuth"], "shelf": {"room": 2, "row": 7}})")
                            .value());
    const auto ids = books.insert_many(documents, on_existing::replace).value();
    std::printf("%zu books are safe from power loss\n", ids.size());

    // The same condition in C++ as in JSON: {"year": {"$lt": 1980}, "shelf.room": {"$gte": 2}}
    query old_ones;
    old_ones.filter = (where("year") < 1980 && where("shelf.room") >= 2).compile().value();
    const auto how = books.find(old_ones, print).value();
    std::printf("found by %s: %llu read, %llu matched\n", name_of(how.path),
                static_cast<unsigned long long>(how.examined),
                static_cast<unsigned long long>(how.returned));

    // Every document that matches is changed, or none.
    const bytes moving = parse_json(R"({"$set": {"shelf.room": 3}, "$inc": {"loans": 1}})").value();
    const auto move = update::compile(bson_view{moving}).value();
    const auto moved = books.update(old_ones.filter, move).value();
    std::printf("%llu moved\n", static_cast<unsigned long long>(moved.modified));
    print(bson_view{*books.get(owned_value{"taocp"}.view()).value()});
}
