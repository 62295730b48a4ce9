// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/json.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/document/path.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

#include <string>

using namespace mantis;
using namespace mantis_test;

namespace {

// Every value the path reaches, as JSON, "-" for a missing one.
std::string reached(const char* document, const char* path) {
    const bytes bson = parse_json(document).value();
    std::string all;
    for_each_value(bson_view{bson}, document_path::parse(path).value(), [&](bson_value value) {
        all += (all.empty() ? "" : " ") + (value ? to_json(value).as<std::string>() : "-");
        return true;
    });
    return all;
}

// Documents in arrays in documents, under names that are indexes too.
void add_lists(bson_writer& to, chance& random, std::size_t depth) {
    for (const char* const name : {"0", "a"}) {
        if (depth == 0) {
            to.add(name, static_cast<int>(random.below(100)));
            continue;
        }
        to.begin_array(name);
        for (std::size_t left = 1 + random.below(2); left != 0; --left) {
            to.push_document();
            add_lists(to, random, depth - 1);
            to.end();
        }
        to.end();
    }
}

}  // namespace

TEST_CASE("a path reaches through documents, and into every document of an array") {
    CHECK(reached(R"({"a":{"b":{"c":1}}})", "a.b.c") == "1");
    CHECK(reached(R"({"a":{"b":1}})", "a") == R"({"b":1})");
    CHECK(reached(R"({"a":[{"b":1},{"b":2},3,{}]})", "a.b") == "1 2 -");
    CHECK(reached(R"({"a":[{"b":1},{"b":2}]})", "a.1.b") == "- 2 -");
    CHECK(reached(R"({"a":[1,[2,3],4]})", "a.1") == "[2,3]");
    CHECK(reached(R"({"a":[[{"b":1}]]})", "a.b").empty());
    CHECK(reached(R"({"a":[[{"b":1}]]})", "a.0.b") == "1");
    CHECK(reached(R"({"a":[{"0":"name"},"index"]})", "a.0") == R"({"0":"name"} "name")");
    CHECK(reached(R"({"a":[{"b":[1,2]},{"b":[]}]})", "a.b") == "[1,2] []");
}

TEST_CASE("what is not there is missing once for each document it is not in") {
    CHECK(reached("{}", "a") == "-");
    CHECK(reached(R"({"a":5})", "a.b") == "-");
    CHECK(reached(R"({"a":null})", "a.b.c") == "-");
    CHECK(reached(R"({"a":[]})", "a.b").empty());
    CHECK(reached(R"({"a":[1,2]})", "a.b").empty());
}

TEST_CASE("a visit ends when the visitor says so") {
    const bytes document = parse_json(R"({"a":[{"b":1},{"b":2},{"b":3}]})").value();
    int visited = 0;
    CHECK_FALSE(for_each_value(bson_view{document}, document_path::parse("a.b").value(),
                               [&](bson_value) { return ++visited != 2; }));
    CHECK(visited == 2);
}

TEST_CASE("an empty field name and a path deeper than any document are refused by name") {
    for (const char* const wrong : {"", ".", "a.", ".a", "a..b"}) {
        const auto refused = document_path::parse(wrong);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().subject() == bytes_view{wrong});
    }
    std::string deep = "a";
    for (std::size_t i = 1; i < max_document_depth; ++i) deep += ".a";
    CHECK(document_path::parse(deep));
    CHECK_FALSE(document_path::parse(deep + ".a"));
}

TEST_CASE("a value that indexes and names reach in several ways is visited once") {
    CHECK(reached(R"({"0":[{"0":[{"0":[7]}]}]})", "0.0.0.0.0") == "[7] 7 -");
    std::string document = "7";
    std::string path = "0";
    for (int level = 0; level < 48; ++level) {
        document = "[{\"0\":" + document + "}]";
        path += ".0.0";
    }
    std::size_t visited = 0;
    const bytes bson = parse_json("{\"0\":" + document + "}").value();
    for_each_value(bson_view{bson}, document_path::parse(path).value(), [&](bson_value) {
        ++visited;
        return visited < 10'000;
    });
    CHECK(visited > 0);
    CHECK(visited < 200);
}

TEST_CASE("in order, a path is followed by what it leads to") {
    const std::vector<const char*> ordered = {"a", "a.b", "a.b.c", "a.c", "a!", "a!.b", "ab", "b"};
    for (std::size_t i = 0; i < ordered.size(); ++i)
        for (std::size_t j = 0; j < ordered.size(); ++j)
            CHECK(document_path::in_order(document_path::parse(ordered[i]).value(),
                                          document_path::parse(ordered[j]).value()) == (i < j));
}

TEST_CASE("a path leads to itself and to what is below it") {
    const auto leads = [](const char* a, const char* b) {
        return document_path::parse(a).value().leads_to(document_path::parse(b).value());
    };
    CHECK(leads("a", "a"));
    CHECK(leads("a", "a.b"));
    CHECK_FALSE(leads("a.b", "a"));
    CHECK_FALSE(leads("a", "ab"));
}

TEST_CASE("random paths reach what a plain walk over the tree reaches") {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        chance random{seed};
        const bytes document = random_document(random);
        const std::vector<std::string> names = {"a", "b", "c", "0", "1"};
        std::string path = random.of(names);
        for (std::size_t more = random.below(3); more != 0; --more) path += "." + random.of(names);
        std::vector<tree> wanted;
        reach(tree::from(bson_view{document}), split(path), 0, wanted);
        std::size_t at = 0;
        for_each_value(bson_view{document}, document_path::parse(path).value(),
                       [&](bson_value value) {
                           REQUIRE(at < wanted.size());
                           CHECK(tree::from(value) == wanted[at++]);
                           return true;
                       });
        CHECK(at == wanted.size());
    }
}

TEST_CASE("random long paths reach what a plain walk reaches, and each value once") {
    std::size_t fewer = 0;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        chance random{seed};
        bson_writer writer;
        add_lists(writer, random, 3);
        const bytes document = writer.finish();
        const std::vector<std::string> names = {"0", "0", "0", "1", "a"};
        std::string path = random.of(names);
        for (std::size_t more = 3 + random.below(3); more != 0; --more)
            path += "." + random.of(names);
        std::vector<tree> wanted;
        reach(tree::from(bson_view{document}), split(path), 0, wanted);
        std::vector<tree> found;
        for_each_value(bson_view{document}, document_path::parse(path).value(),
                       [&](bson_value value) {
                           found.push_back(tree::from(value));
                           return true;
                       });
        fewer += found.size() < wanted.size();
        CHECK(found.size() <= wanted.size());
        for (const tree& each : wanted)
            CHECK(std::find(found.begin(), found.end(), each) != found.end());
        for (const tree& each : found)
            CHECK(std::find(wanted.begin(), wanted.end(), each) != wanted.end());
    }
    CHECK(fewer > 50);
}
