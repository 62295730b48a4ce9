// SPDX-License-Identifier: BSL-1.0
#include "shared_files.hpp"

#include <mantis/document/document_store.hpp>
#include <mantis/document/filter_builder.hpp>
#include <mantis/document/json.hpp>
#include <mantis/platform/memory.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

#include <string>
#include <thread>
#include <vector>

using namespace mantis;
using namespace mantis_test;

namespace {

struct fast : policies<with::indexes<paged_btree<>, btree<>>, with::durability<buffered>> {};

struct library {
    temporary_directory directory;
    document_store<fast> db = document_store<fast>::open(directory.path()).value();
    collection<fast> books = db.collection("books").value();

    owned_value insert(const char* json) {
        return books.insert(bson_view{parse_json(json).value()}).value();
    }
    std::string find(const char* filter_json, query wanted = {}) {
        wanted.filter = filter::compile(bson_view{parse_json(filter_json).value()}).value();
        std::string all;
        for (const bytes& each : books.find(wanted).value().documents)
            all += to_json(bson_view{each}).as<std::string>();
        return all;
    }
};

filter by(const char* json) { return filter::compile(bson_view{parse_json(json).value()}).value(); }
update changing(const char* json) {
    return update::compile(bson_view{parse_json(json).value()}).value();
}
sort_order order(const char* json) {
    return sort_order::compile(bson_view{parse_json(json).value()}).value();
}

}  // namespace

TEST_CASE("a document comes back by its _id, which is its first field, given or generated") {
    library all;
    CHECK(all.insert(R"({"a":1,"_id":7,"b":2})").view().as_integer() == 7);
    CHECK(to_json(bson_view{*all.books.get(owned_value{7.0}.view()).value()}) ==
          bytes{R"({"_id":7,"a":1,"b":2})"});
    const owned_value generated = all.insert(R"({"a":2})");
    CHECK(generated.view().as_text().size() == 24);
    const bytes found = *all.books.get(generated.view()).value();
    CHECK(bson_view{found}.begin()->name == bytes_view{"_id"});
    CHECK(bson_view{found}["a"].as_integer() == 2);
    CHECK_FALSE(all.books.get(owned_value{"absent"}.view()).value());
    CHECK_FALSE(all.books.get(owned_value{std::string(5000, 'x')}.view()).value());
    CHECK(all.books.get(owned_value{nullptr}.view()).error().code() ==
          error_code::invalid_argument);
}

TEST_CASE("an _id that is taken is refused by name, or replaced where asked") {
    library all;
    all.insert(R"({"_id":"x","a":1})");
    const bytes second = parse_json(R"({"_id":"x","a":2})").value();
    const auto refused = all.books.insert(bson_view{second});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::already_exists);
    CHECK(refused.error().subject() == bytes_view{"\"x\""});
    CHECK(all.find("{}") == R"({"_id":"x","a":1})");
    CHECK(all.books.insert(bson_view{second}, on_existing::replace));
    CHECK(all.find("{}") == R"({"_id":"x","a":2})");
}

TEST_CASE("a batch goes in whole or not at all, and the error says which document was wrong") {
    library all;
    std::vector<bytes> documents;
    for (const char* const json : {R"({"_id":1})", R"({"_id":2})", R"({"_id":1.0})"})
        documents.push_back(parse_json(json).value());
    const auto refused = all.books.insert_many(documents);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::already_exists);
    CHECK(*refused.error().number("document") == 2);
    CHECK(all.find("{}").empty());
    documents[2] = parse_json(R"({"_id":[1]})").value();
    CHECK(all.books.insert_many(documents).error().code() == error_code::invalid_argument);
    documents.pop_back();
    CHECK(all.books.insert_many(documents).value().size() == 2);
    CHECK(all.find("{}") == R"({"_id":1}{"_id":2})");
}

TEST_CASE("bytes that are no document are refused") {
    library all;
    const bytes whole = parse_json(R"({"a":"text"})").value();
    bytes damaged = whole;
    damaged[7] = std::byte{0x7f};
    CHECK(all.books.insert(bson_view{damaged}).error().code() == error_code::corrupt);
    damaged = whole;
    damaged[4] = std::byte{0x7f};
    CHECK(all.books.insert(bson_view{damaged}).error().code() == error_code::unsupported);
    CHECK(all.find("{}").empty());
}

TEST_CASE("find filters, sorts, leaves out and stops, and tells how") {
    library all;
    for (int i = 0; i < 20; ++i)
        all.insert(
            ("{\"_id\":" + std::to_string(i) + ",\"n\":" + std::to_string((i * 7) % 20) + "}")
                .c_str());
    CHECK(all.find(R"({"n":{"$gte":18}})") == R"({"_id":14,"n":18}{"_id":17,"n":19})");
    CHECK(all.find("{}", {.sort = order(R"({"n":-1})"), .limit = 2}) ==
          R"({"_id":17,"n":19}{"_id":14,"n":18})");
    CHECK(all.find("{}", {.sort = order(R"({"n":1})"), .limit = 2, .offset = 1}) ==
          R"({"_id":3,"n":1}{"_id":6,"n":2})");
    CHECK(all.find("{}", {.limit = 2, .offset = 17}) == R"({"_id":17,"n":19}{"_id":18,"n":6})");
    CHECK(all.find("{}", {.limit = 0}).empty());
    CHECK(all.find("{}", {.offset = 100}).empty());
    CHECK(all.find("{}", {.sort = order(R"({"n":1})"), .offset = query::no_limit}).empty());

    const auto how = [&](const char* filter_json, query wanted = {}) {
        wanted.filter = by(filter_json);
        return all.books.find(wanted).value().how;
    };
    CHECK(how(R"({"n":3})").path == access_path::full_scan);
    CHECK(how(R"({"n":3})").examined == 20);
    CHECK(how(R"({"n":3})").returned == 1);
    CHECK(how(R"({"_id":3})").path == access_path::id_lookup);
    CHECK(how(R"({"_id":3})").examined == 1);
    CHECK(how(R"({"_id":{"$gte":3,"$lt":6.5}})").path == access_path::id_range);
    CHECK(how(R"({"_id":{"$gte":3,"$lt":6.5}})").examined == 4);
    CHECK(how("{}", {.limit = 5}).examined == 5);
    CHECK_FALSE(how("{}", {.sort = order(R"({"_id":1})"), .limit = 5}).sorted);
    CHECK(how("{}", {.sort = order(R"({"_id":-1})"), .limit = 5}).sorted);
    CHECK(all.books.count(by(R"({"n":{"$lt":5}})")).value().returned == 5);

    int seen = 0;
    CHECK(all.books.find({}, [&](bson_view) { return ++seen < 3; }).value().returned == 3);
    CHECK(all.books.find({.sort = order(R"({"n":1})"), .sort_memory_bytes = 100}).error().code() ==
          error_code::out_of_memory);
}

TEST_CASE("an update changes all that match, or none when one cannot be changed") {
    library all;
    for (const char* const json :
         {R"({"_id":1,"n":1})", R"({"_id":2,"n":1})", R"({"_id":3,"n":"x"})"})
        all.insert(json);
    const auto done =
        all.books.update(by(R"({"n":1})"), changing(R"({"$inc":{"n":1},"$set":{"seen":true}})"))
            .value();
    CHECK(done.matched == 2);
    CHECK(done.modified == 2);
    CHECK(all.books.update(by("{}"), changing(R"({"$set":{"seen":true}})")).value().modified == 1);
    const std::string before = all.find("{}");
    const auto refused = all.books.update(by("{}"), changing(R"({"$inc":{"n":1}})"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::invalid_argument);
    CHECK(all.find("{}") == before);
    CHECK(all.books.update(by(R"({"_id":3})"), changing(R"({"whole":"new"})")).value().path ==
          access_path::id_lookup);
    CHECK(all.find(R"({"_id":3})") == R"({"_id":3,"whole":"new"})");
}

TEST_CASE("erase removes what matches and says how many") {
    library all;
    for (int i = 0; i < 10; ++i) all.insert(("{\"_id\":" + std::to_string(i) + "}").c_str());
    const auto done = all.books.erase(by(R"({"_id":{"$gte":3}})")).value();
    CHECK(done.erased == 7);
    CHECK(done.path == access_path::id_range);
    CHECK(all.find("{}") == R"({"_id":0}{"_id":1}{"_id":2})");
    CHECK(all.books.erase(by("{}")).value().erased == 3);
    CHECK(all.books.count({}).value().returned == 0);
}

TEST_CASE("the callback of a find may change the collection") {
    library all;
    for (int i = 0; i < 5; ++i) all.insert(("{\"_id\":" + std::to_string(i) + "}").c_str());
    const auto how = all.books.find({}, [&](bson_view document) {
        bson_writer writer;
        const filter one =
            filter::compile(bson_view{writer.add("_id", document["_id"]).finish()}).value();
        CHECK(all.books.erase(one).value().erased == 1);
    });
    CHECK(how->returned == 5);
    CHECK(all.find("{}").empty());
}

TEST_CASE("counters that many threads increment lose no increment") {
    library all;
    all.insert(R"({"_id":"c","n":0})");
    all.insert(R"({"_id":"d","n":0})");
    constexpr int threads = 4;
    constexpr int each = 100;
    std::vector<std::thread> running;
    std::vector<int> done(threads);
    for (std::size_t t = 0; t < threads; ++t)
        running.emplace_back([&, t] {
            const filter both = by(R"({"_id":{"$in":["c","d"]}})");
            const update more = changing(R"({"$inc":{"n":1}})");
            for (int i = 0; i < each;) {
                const auto updated = all.books.update(both, more);
                if (updated) ++i, ++done[t];
                else REQUIRE(updated.error().code() == error_code::conflict);
            }
        });
    for (auto& thread : running) thread.join();
    CHECK(all.find("{}") == R"({"_id":"c","n":400}{"_id":"d","n":400})");
}

TEST_CASE("of many threads that insert one _id exactly one succeeds") {
    library all;
    constexpr int threads = 4;
    constexpr int ids = 100;
    std::vector<std::thread> running;
    std::vector<int> won(threads);
    for (std::size_t t = 0; t < threads; ++t)
        running.emplace_back([&, t] {
            for (int i = 0; i < ids; ++i) {
                bson_writer writer;
                const auto inserted = all.books.insert(bson_view{writer.add("_id", i).finish()});
                if (inserted) ++won[t];
                else CHECK(inserted.error().code() == error_code::already_exists);
            }
        });
    for (auto& thread : running) thread.join();
    int total = 0;
    for (const int each : won) total += each;
    CHECK(total == ids);
    CHECK(all.books.count({}).value().returned == ids);
}

TEST_CASE("random inserts, updates and erases leave what a plain list of documents has") {
    library all;
    std::vector<std::pair<int, tree>> model;
    for (std::uint64_t seed = 0; seed < 600; ++seed) {
        chance random{seed};
        const int id = static_cast<int>(random.below(40));
        bson_writer writer;
        writer.add("_id", id);
        const bytes fields = random_document(random, 1);
        for (const bson_element& field : bson_view{fields}) writer.add(field.name, field.value);
        const bytes document = writer.finish();
        const auto at = std::find_if(model.begin(), model.end(),
                                     [&](const auto& each) { return each.first == id; });
        if (random.one_in(4)) {
            const tree low = tree::from(bson_view{parse_json(R"({"a":{"$lte":1}})").value()});
            std::erase_if(model, [&](const auto& each) { return model_matches(each.second, low); });
            CHECK(all.books.erase(by(R"({"a":{"$lte":1}})")));
        } else {
            CHECK(all.books.insert(bson_view{document}).has_value() == (at == model.end()));
            if (at == model.end()) model.emplace_back(id, tree::from(bson_view{document}));
        }
    }
    std::sort(model.begin(), model.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto found = all.books.find({}).value();
    REQUIRE(found.documents.size() == model.size());
    for (std::size_t i = 0; i < model.size(); ++i)
        CHECK(tree::from(bson_view{found.documents[i]}) == model[i].second);
}

TEST_CASE("bytes that are no document are refused whole, wherever they stand among others") {
    library all;
    bson_writer writer;
    const bytes good = writer.add("a", 1).finish();
    bytes longer{good.view()};
    longer.append("trailing");
    for (const bytes& bad :
         {bytes{"garbage"}, bytes{good.view().first(good.size() - 3)}, longer, bytes{}}) {
        const auto refused = all.books.insert_many(std::vector<bytes>{good, bad});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
        CHECK(*refused.error().number("document") == 1);
        CHECK(all.find("{}").empty());
    }
}

TEST_CASE("a call on a collection of another durability class commits and reads as that class") {
    struct in_memory : policies<with::platform<memory>> {};
    auto db = document_store<in_memory>::open("db").value();
    auto synced = db.collection("things").value();
    auto fast = synced.as(durability_class::buffered);
    const auto syncs = [&] { return db.base().stats().log.syncs; };
    const auto before = syncs();
    const filter one = by(R"({"_id": 1})");
    const update add = changing(R"({"$inc": {"n": 1}})");
    CHECK(fast.insert(bson_view{parse_json(R"({"_id": 1, "n": 1})").value()}));
    CHECK(fast.update(one, add)->modified == 1);
    CHECK(fast.get(owned_value{1}.view()).value());
    CHECK(fast.find({.filter = by(R"({"_id": 1})")})->documents.size() == 1);
    CHECK(fast.count(one)->returned == 1);
    CHECK(syncs() == before);
    CHECK(db.base().window().bytes > 0);
    CHECK(synced.find({.filter = by(R"({"_id": 1})")})->documents.size() ==
          1);  // told only once it is durable
    CHECK(syncs() == before + 1);
    CHECK(db.base().window().bytes == 0);
    CHECK(fast.erase(one)->erased == 1);
    CHECK(syncs() == before + 1);
    CHECK_FALSE(synced.get(owned_value{1}.view()).value());
    CHECK(syncs() == before + 2);
}
