// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/json.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/document/update.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

#include <optional>
#include <string>

using namespace mantis;
using namespace mantis_test;

namespace {

// The changed document as JSON; "=" when nothing changed, the error's code otherwise.
std::string updated(const char* document, const char* change) {
    const bytes before = parse_json(document).value();
    const bytes copy = before;
    const auto compiled = update::compile(bson_view{parse_json(change).value()});
    if (!compiled) return name_of(compiled.error().code());
    bytes after;
    const auto modified = compiled->apply(bson_view{before}, after);
    CHECK(before == copy);
    if (!modified) return name_of(modified.error().code());
    CHECK(*modified == !(after == before));
    return *modified ? to_json(bson_view{after}).as<std::string>() : "=";
}

// The plain way: false when the update must be refused.
bool model_set(tree& at, const std::vector<std::string>& path, std::size_t step,
               const std::string& op, const tree& operand) {
    const std::string& name = path[step];
    if (at.type != bson_type::document && at.type != bson_type::array) return op == "$unset";
    tree* next = at.field(name);
    if (next == nullptr) {
        if (op == "$unset") return true;
        if (at.type == bson_type::array) {
            if (name.find_first_not_of("0123456789") != std::string::npos) return false;
            tree null;
            null.type = bson_type::null;
            while (at.names.size() < std::stoul(name))
                at.add(std::to_string(at.names.size()), null);
        }
        tree made;
        made.type = bson_type::document;
        at.add(name, made);
        next = &at.values.back();
        if (step + 1 < path.size()) return model_set(*next, path, step + 1, op, operand);
        *next = operand;
        return true;
    }
    if (step + 1 < path.size()) return model_set(*next, path, step + 1, op, operand);
    if (op == "$set") *next = operand;
    if (op == "$inc") {
        if (!next->is_number()) return false;
        next->number += operand.number;
    }
    if (op == "$unset" && at.type == bson_type::array) {
        *next = tree{};
        next->type = bson_type::null;
    } else if (op == "$unset") {
        at.remove(name);
    }
    return true;
}

}  // namespace

TEST_CASE("$set replaces in place, adds at the end, and makes the documents on the way") {
    CHECK(updated(R"({"a":1,"b":2})", R"({"$set":{"a":"x"}})") == R"({"a":"x","b":2})");
    CHECK(updated(R"({"a":1})", R"({"$set":{"b.c.d":[1]}})") == R"({"a":1,"b":{"c":{"d":[1]}}})");
    CHECK(updated(R"({"a":{"b":1,"c":2}})", R"({"$set":{"a.b":5,"a.d":6}})") ==
          R"({"a":{"b":5,"c":2,"d":6}})");
    CHECK(updated(R"({"a":[1,2,3]})", R"({"$set":{"a.1":"x"}})") == R"({"a":[1,"x",3]})");
    CHECK(updated(R"({"a":[1]})", R"({"$set":{"a.3":9}})") == R"({"a":[1,null,null,9]})");
    CHECK(updated(R"({"a":[{"b":1}]})", R"({"$set":{"a.0.b":2}})") == R"({"a":[{"b":2}]})");
    CHECK(updated(R"({})", R"({"$set":{"a.0":1}})") == R"({"a":{"0":1}})");
    CHECK(updated(R"({"a":1})", R"({"$set":{"a":1}})") == "=");
    CHECK(updated(R"({"a":1})", R"({"$set":{}})") == "=");
}

TEST_CASE("$unset removes, and leaves a null in an array") {
    CHECK(updated(R"({"a":1,"b":{"c":2,"d":3}})", R"({"$unset":{"b.c":"","a":1}})") ==
          R"({"b":{"d":3}})");
    CHECK(updated(R"({"a":[1,2,3]})", R"({"$unset":{"a.1":""}})") == R"({"a":[1,null,3]})");
    CHECK(updated(R"({"a":[1]})", R"({"$unset":{"a.b.c":"","x.y":"","a.7":""}})") == "=");
    CHECK(updated(R"({"a":5})", R"({"$unset":{"a.b":""}})") == "=");
}

TEST_CASE("$inc adds, keeps integers integers, and refuses what is no number or does not fit") {
    CHECK(updated(R"({"a":1})", R"({"$inc":{"a":2}})") == R"({"a":3})");
    CHECK(updated(R"({"a":2147483647})", R"({"$inc":{"a":1}})") == R"({"a":2147483648})");
    CHECK(updated(R"({"a":1})", R"({"$inc":{"a":0.5}})") == R"({"a":1.5})");
    CHECK(updated(R"({"a":1.5})", R"({"$inc":{"a":-1}})") == R"({"a":0.5})");
    CHECK(updated(R"({})", R"({"$inc":{"a.b":7}})") == R"({"a":{"b":7}})");
    CHECK(updated(R"({"a":"x"})", R"({"$inc":{"a":1}})") == "invalid_argument");
    CHECK(updated(R"({"a":9223372036854775807})", R"({"$inc":{"a":1}})") == "invalid_argument");
    CHECK(updated(R"({"a":1})", R"({"$inc":{"a":"1"}})") == "invalid_argument");
}

TEST_CASE("a replacement keeps _id, first") {
    CHECK(updated(R"({"_id":7,"a":1})", R"({"b":2})") == R"({"_id":7,"b":2})");
    CHECK(updated(R"({"_id":7,"a":1})", R"({"b":2,"_id":7})") == R"({"_id":7,"b":2})");
    CHECK(updated(R"({"_id":7,"a":1})", R"({})") == R"({"_id":7})");
    CHECK(updated(R"({"_id":7,"a":1})", R"({"_id":8})") == "invalid_argument");
    CHECK(updated(R"({"_id":7,"a":1})", R"({"a":1})") == "=");
    CHECK(updated(R"({"a":1})", R"({"b":2,"_id":7})") == R"({"_id":7,"b":2})");
    CHECK(updated(R"({"a":1})", R"({"b\u0000c":2})") == R"({"b\u0000c":2})");
}

TEST_CASE("bytes that are no document are no update") {
    const bytes whole = parse_json(R"({"$set":{"a":1}})").value();
    bytes longer = whole;
    longer.push_back(std::byte{0});
    for (const bytes_view wrong :
         {bytes_view{}, {"garbage", 7}, whole.view().first(whole.size() - 1), longer.view()}) {
        const auto refused = update::compile(bson_view{wrong});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
    }
}

TEST_CASE("a change after which a document begins with a name kept for another type is refused") {
    const auto refused = [](const char* document, const char* change) {
        bytes after;
        const auto done = update::compile(bson_view{parse_json(change).value()})
                              .value()
                              .apply(bson_view{parse_json(document).value()}, after);
        return done ? std::string{} : done.error().subject().as<std::string>();
    };
    CHECK(refused(R"({"_id":1,"a":{"b":1,"$date":2}})", R"({"$unset":{"a.b":""}})") == "$date");
    CHECK(refused(R"({"a":1,"$binary":2})", R"({"$unset":{"a":""}})") == "$binary");
    CHECK(refused(R"({"_id":1})", R"({"$set":{"a.$numberLong":"5"}})") == "$numberLong");
    CHECK(refused(R"({"_id":1,"a":1,"$date":2})", R"({"$unset":{"a":""}})").empty());
    CHECK(refused(R"({"_id":1,"a":{"b":"$"}})", R"({"$set":{"a.$date":5}})").empty());
}

TEST_CASE("two changes to one field are found among many") {
    const auto refused = [](std::size_t count, const char* last) {
        bson_writer writer;
        writer.begin_document("$set");
        for (std::size_t at = 0; at < count; ++at) writer.add("f" + std::to_string(at) + ".a", 1);
        const auto compiled = update::compile(bson_view{writer.add(last, 1).end().finish()});
        return compiled ? std::string{} : compiled.error().subject().as<std::string>();
    };
    CHECK(refused(100'000, "f100000.a").empty());
    CHECK(refused(100'000, "f5!").empty());
    CHECK(refused(100'000, "f5") == "f5");
    CHECK(refused(100'000, "f77777.a.b") == "f77777.a.b");
}

TEST_CASE("_id cannot change, in no way") {
    for (const char* const change : {R"({"$set":{"_id":8}})", R"({"$unset":{"_id":""}})",
                                     R"({"$inc":{"_id":1}})", R"({"$set":{"_id.x":1}})"})
        CHECK(updated(R"({"_id":7})", change) == "invalid_argument");
    CHECK(updated(R"({"_id":7,"a":1})", R"({"$set":{"_id":7,"a":2}})") == R"({"_id":7,"a":2})");
}

TEST_CASE("what is no update, or cannot be done, is refused and names the culprit") {
    struct expectation {
        const char* text;
        const char* culprit;
    };
    for (const expectation& each : {expectation{R"({"$push":{"a":1}})", "$push"},
                                    {R"({"$set":{"a":1},"b":2})", "b"},
                                    {R"({"b":2,"$set":{"a":1}})", "$set"},
                                    {R"({"$set":5})", "$set"},
                                    {R"({"$set":{"a":1},"$inc":{"a":1}})", "a"},
                                    {R"({"$set":{"a":1,"a.b":1}})", "a.b"},
                                    {R"({"$set":{"a.b":1,"a":1}})", "a"}}) {
        const auto refused = update::compile(bson_view{parse_json(each.text).value()});
        CAPTURE(each.text);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::invalid_argument);
        CHECK(refused.error().subject() == bytes_view{each.culprit});
    }
    CHECK(updated(R"({"a":5})", R"({"$set":{"a.b":1}})") == "invalid_argument");
    CHECK(updated(R"({"a":[1]})", R"({"$set":{"a.b":1}})") == "invalid_argument");
    CHECK(updated(R"({"a":[1]})", R"({"$set":{"a.100000":1}})") == "too_large");
    std::string deep = "a";
    for (int i = 1; i < 100; ++i) deep += ".a";
    CHECK(updated("{}", ("{\"$set\":{\"" + deep + "\":1}}").c_str()).rfind("{\"a\":{", 0) == 0);
    CHECK(updated("{}", ("{\"$set\":{\"" + deep + "\":{}}}").c_str()) == "too_large");
}

TEST_CASE("random updates of random documents do what the plain model does") {
    const std::vector<std::string> paths = {"a",   "b",     "c",   "0",   "a.b",
                                            "a.0", "b.a.c", "c.1", "a.a", "c.3.a"};
    const std::vector<std::string> ops = {"$set", "$unset", "$inc"};
    std::size_t done = 0;
    std::size_t refused = 0;
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        chance random{seed};
        const bytes before = random_document(random);
        const std::string op = random.of(ops);
        const std::string path = random.of(paths);
        bson_writer writer;
        writer.begin_document(op);
        if (op == "$inc") writer.add(path, static_cast<double>(random.below(9)) / 2);
        else writer.add(path, static_cast<int>(random.below(5)));
        const bytes change = writer.end().finish();
        tree wanted = tree::from(bson_view{before});
        const tree operand = tree::from(bson_view{change}[op].as_document()[path]);
        const bool possible = model_set(wanted, split(path), 0, op, operand);
        bytes after;
        const auto modified =
            update::compile(bson_view{change}).value().apply(bson_view{before}, after);
        CAPTURE(to_json(bson_view{before}).as<std::string>());
        CAPTURE(to_json(bson_view{change}).as<std::string>());
        REQUIRE(modified.has_value() == possible);
        ++(possible ? done : refused);
        if (!possible) continue;
        REQUIRE(validate_bson(after));
        CHECK(tree::from(bson_view{after}) == wanted);
    }
    CHECK(done > 5000);
    CHECK(refused > 1000);
}
