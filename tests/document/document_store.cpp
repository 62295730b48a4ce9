// SPDX-License-Identifier: BSL-1.0
#include "shared_files.hpp"

#include <mantis/document/document_store.hpp>
#include <mantis/document/json.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

using namespace mantis;
using namespace mantis_test;

TEST_CASE("collections are made, found, listed and dropped, and other tables are none") {
    const temporary_directory directory;
    auto db = document_store<>::open(directory.path()).value();
    CHECK_FALSE(db.find_collection("b"));
    auto b = db.collection("b").value();
    CHECK(db.collection("a"));
    CHECK(db.base().table("plain"));
    CHECK(b.name() == bytes_view{"b"});
    CHECK(b.insert(bson_view{}));
    CHECK(db.collection("b").value().insert(bson_view{}));
    const auto all = db.collections();
    REQUIRE(all.size() == 2);
    CHECK(all[0].name == bytes{"a"});
    CHECK(all[0].documents == 0);
    CHECK(all[1].documents == 2);
    CHECK(db.drop_collection("b"));
    CHECK_FALSE(db.find_collection("b"));
    CHECK(db.drop_collection("b").error().code() == error_code::not_found);
    CHECK(b.insert(bson_view{}).error().code() == error_code::not_found);
    CHECK(db.collection("b").value().count({}).value().returned == 0);
}

TEST_CASE("names that are none are refused") {
    const temporary_directory directory;
    auto db = document_store<>::open(directory.path()).value();
    for (const bytes_view name : {bytes_view{""}, {"$x"}, {"a\0b", 3}, {"\xff"}})
        CHECK(db.collection(name).error().code() == error_code::invalid_argument);
    CHECK_FALSE(db.collection(std::string(121, 'x')));
    CHECK(db.collection(std::string(120, 'x')));
    CHECK(db.collection("caf\xc3\xa9 / 2"));
}

TEST_CASE("documents are there after opening again, and a moved store keeps its collections") {
    const temporary_directory directory;
    {
        auto db = document_store<>::open(directory.path()).value();
        auto books = db.collection("books").value();
        auto moved = std::move(db);
        CHECK(books.insert(bson_view{parse_json(R"({"_id":1,"title":"x"})").value()}));
        CHECK(moved.close());
    }
    auto db = document_store<>::open(directory.path()).value();
    auto books = db.find_collection("books");
    REQUIRE(books);
    CHECK(to_json(bson_view{*books->get(owned_value{1}.view()).value()}) ==
          bytes{R"({"_id":1,"title":"x"})"});
}

namespace {

std::string index_of(const document_store<>& db, const std::string& collection) {
    for (const table_info& each : db.base().tables())
        if (each.name == bytes{bytes_view{"collection/" + collection}})
            return each.index.as<std::string>();
    return "none";
}

void copy_fixture(const char* name, const std::string& into) {
    const char* const folder = std::getenv("MANTIS_FIXTURES");
    REQUIRE_MESSAGE(folder != nullptr, "MANTIS_FIXTURES names the folder tests/fixtures");
    std::filesystem::copy(std::string{folder} + "/" + name, into,
                          std::filesystem::copy_options::recursive);
}

}  // namespace

TEST_CASE("a new collection is in pages, and holds more than they may have in memory") {
    const temporary_directory directory;
    store_options options;
    options.page_memory_bytes = 256 * KiB;
    const std::string text(1000, 'x');
    {
        auto db = document_store<>::open(directory.path(), options).value();
        auto books = db.collection("books").value();
        CHECK(index_of(db, "books") == "paged_btree");
        for (int batch = 0; batch < 20; ++batch) {
            std::vector<bytes> documents;
            for (int i = 0; i < 100; ++i) {
                bson_writer writer;
                documents.push_back(
                    writer.add("_id", batch * 100 + i).add("text", bytes_view{text}).finish());
            }
            REQUIRE(books.insert_many(documents));
        }
        CHECK(db.base().stats().pages.memory_bytes <= options.page_memory_bytes);
        CHECK(db.base().stats().pages.pages * 4096 > 6 * options.page_memory_bytes);
    }
    auto db = document_store<>::open(directory.path(), options).value();
    auto books = db.collection("books").value();
    CHECK(books.count({}).value().returned == 2000);
    CHECK(bson_view{*books.get(owned_value{1234}.view()).value()}["text"].as_text() ==
          bytes_view{text});
    CHECK_FALSE(books.get(owned_value{2000}.view()).value());
    CHECK(db.base().verify());
}

TEST_CASE("a database of an earlier version with its tables in memory is opened as it is") {
    const temporary_directory directory;
    for (const char* const fixture : {"store-v1", "store-v3", "store-v3-image"}) {
        CAPTURE(fixture);
        const std::string path = directory.path() + "/" + fixture;
        copy_fixture(fixture, path);
        auto db = document_store<>::open(path).value();
        CHECK(db.collections().empty());
        const auto accounts = db.base().find_table("accounts");
        REQUIRE(accounts);
        CHECK(db.base().tables()[0].index == bytes_view{"btree"});
        CHECK(db.base().verify());
        CHECK(db.collection("new").value().insert(bson_view{}));
        CHECK(index_of(db, "new") == "paged_btree");
    }
}

TEST_CASE("a collection that was made in memory stays there, beside one in pages") {
    const temporary_directory directory;
    const bytes one = parse_json(R"({"_id":1,"at":"first"})").value();
    const bytes two = parse_json(R"({"_id":2,"at":"second"})").value();
    {
        auto db = document_store<>::open(directory.path()).value();
        CHECK(db.base().table<btree<>>("collection/old"));  // as it was made before
        CHECK(db.collection("old").value().insert(bson_view{one}));
        CHECK(db.collection("new").value().insert(bson_view{one}));
        CHECK(db.base().checkpoint());
        CHECK(db.collection("old").value().insert(bson_view{two}));
        CHECK(db.collection("new").value().insert(bson_view{two}));
    }
    for (int opening = 0; opening < 2; ++opening) {
        auto db = document_store<>::open(directory.path()).value();
        CHECK(index_of(db, "old") == "btree");
        CHECK(index_of(db, "new") == "paged_btree");
        for (const char* const name : {"old", "new"}) {
            auto found = db.collection(name).value().find(query{}).value();
            REQUIRE(found.documents.size() == 2);
            CHECK(found.documents[0] == one);
            CHECK(found.documents[1] == two);
        }
        CHECK(db.base().checkpoint());
    }
}

TEST_CASE("cities.json: counts by country and by latitude are those of the text itself") {
    const std::string file = shared_path("json/collections/cities.json.gz");
    if (file.empty()) {
        MESSAGE("skipped: json/collections/cities.json.gz is not in the shared data directory");
        return;
    }
    const bytes text = output_of("gzip -dc '" + file + "'");
    const temporary_directory directory;
    auto db = document_store<>::open(directory.path()).value();
    auto cities = db.collection("cities").value();
    std::vector<bytes> batch;
    json_reader reader;
    const auto insert = [&](bson_view document, std::uint64_t) -> result<void> {
        batch.emplace_back(document.document());
        if (batch.size() < 1000) return {};
        auto inserted = cities.insert_many(batch);
        batch.clear();
        if (!inserted) return inserted.error();
        return {};
    };
    for (bytes_view rest = text; !rest.empty();) {
        const bytes_view piece = rest.first(rest.size() < 65536 ? rest.size() : 65536);
        REQUIRE(reader.feed(piece, insert));
        rest = rest.from(piece.size());
    }
    REQUIRE(reader.finish());
    REQUIRE(cities.insert_many(batch));

    const std::string_view whole{text.chars(), text.size()};
    const auto occurrences = [&](std::string_view of) {
        std::uint64_t found = 0;
        for (auto at = whole.find(of); at != whole.npos; at = whole.find(of, at + 1)) ++found;
        return found;
    };
    const auto count = [&](const char* condition) {
        return cities.count(filter::compile(bson_view{parse_json(condition).value()}).value())
            .value()
            .returned;
    };
    CHECK(count("{}") == 171'075);
    CHECK(count(R"({"country":"CH"})") ==
          occurrences(R"("country": "CH")") + occurrences(R"("country":"CH")"));
    CHECK(count(R"({"country":"CH"})") > 0);
    CHECK(count(R"({"lat":{"$gte":"46.","$lt":"47"}})") ==
          occurrences(R"("lat": "46.)") + occurrences(R"("lat":"46.)"));
    CHECK(count(R"({"lat":{"$gte":"46.","$lt":"47"}})") > 0);
}
