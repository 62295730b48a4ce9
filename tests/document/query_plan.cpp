// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/json.hpp>
#include <mantis/document/owned_value.hpp>
#include <mantis/document/query_plan.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

#include <string>

using namespace mantis;
using namespace mantis_test;

namespace {

query_plan plan(const char* condition) {
    return plan_query(filter::compile(bson_view{parse_json(condition).value()}).value());
}

bool reaches(const query_plan& plan, const bytes& key) {
    switch (plan.path) {
        case access_path::full_scan: return true;
        case access_path::id_lookup:
            return std::binary_search(plan.keys.begin(), plan.keys.end(), key);
        case access_path::id_range: return key >= plan.from && (plan.to.empty() || key < plan.to);
    }
    return false;
}

}  // namespace

TEST_CASE("an _id that is given is looked up, a range of _ids is read, all else is a scan") {
    CHECK(plan(R"({})").path == access_path::full_scan);
    CHECK(plan(R"({"a":5})").path == access_path::full_scan);
    CHECK(plan(R"({"_id.x":5})").path == access_path::full_scan);
    CHECK(plan(R"({"$or":[{"_id":5},{"a":1}]})").path == access_path::full_scan);
    CHECK(plan(R"({"_id":{"$ne":5}})").path == access_path::full_scan);
    CHECK(plan(R"({"_id":5,"a":1})").keys.size() == 1);
    CHECK(plan(R"({"$and":[{"a":1},{"_id":{"$eq":"x"}}]})").path == access_path::id_lookup);
    CHECK(plan(R"({"_id":{"$in":[3,1,"x",1.0,null]}})").keys.size() == 3);
    CHECK(plan(R"({"_id":{"$gt":5}})").path == access_path::id_range);
    CHECK(plan(R"({"_id":{"$gte":"a","$lt":"b"}})").path == access_path::id_range);
}

TEST_CASE("what no _id can satisfy reads nothing") {
    for (const char* const never :
         {R"({"_id":null})", R"({"_id":{"a":1}})", R"({"_id":{"$in":[]}})",
          R"({"_id":{"$gt":5,"$lt":4}})", R"({"_id":{"$gt":5,"$lt":"x"}})",
          R"({"$and":[{"_id":1},{"_id":2}]})", R"({"_id":{"$gte":[1]}})"}) {
        CAPTURE(never);
        CHECK(plan(never).path == access_path::id_lookup);
        CHECK(plan(never).keys.empty());
    }
}

TEST_CASE("a plan never leaves out an _id that the filter takes") {
    const std::vector<std::string> ops = {"$eq", "$gt", "$gte", "$lt", "$lte"};
    const auto random_id = [](chance& random) {
        switch (random.below(5)) {
            case 0: return owned_value{static_cast<int>(random.below(6))};
            case 1: return owned_value{static_cast<double>(random.below(12)) / 2};
            case 2:
                return owned_value{
                    std::string(random.below(3), static_cast<char>('a' + random.below(2)))};
            case 3: return owned_value{date_time{static_cast<std::int64_t>(random.below(4))}};
            default: return owned_value{random.one_in(2)};
        }
    };
    std::size_t taken = 0;
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
        chance random{seed};
        bson_writer writer;
        writer.begin_array("$and");
        for (std::size_t left = 1 + random.below(3); left != 0; --left)
            writer.push_document()
                .begin_document("_id")
                .add(random.of(ops), random_id(random).view())
                .end()
                .end();
        const bytes condition = writer.end().finish();
        const filter compiled = filter::compile(bson_view{condition}).value();
        const query_plan made = plan_query(compiled);
        for (int i = 0; i < 20; ++i) {
            const owned_value id = random_id(random);
            const bytes document = writer.add("_id", id.view()).finish();
            if (!compiled.matches(bson_view{document})) continue;
            ++taken;
            CHECK(reaches(made, document_key(id.view()).value()));
        }
    }
    CHECK(taken > 1000);
}
