// SPDX-License-Identifier: BSL-1.0
#include "shared_files.hpp"

#include <mantis/document/document_store.hpp>
#include <mantis/document/json.hpp>

#include <doctest/doctest.h>

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
