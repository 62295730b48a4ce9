// SPDX-License-Identifier: BSL-1.0
#include "shared_files.hpp"

#include <mantis/document/bson_validate.hpp>
#include <mantis/document/json.hpp>
#include <mantis/document/json_writer.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace mantis;
using namespace mantis_test;

namespace {

// Reads a value from pieces of `piece_bytes`.
bool parses_in_pieces(bytes_view text, std::size_t piece_bytes) {
    detail::text_position at;
    detail::json_parser parser{48 * 1024 * 1024};
    while (!text.empty()) {
        const bytes_view piece = text.first(piece_bytes < text.size() ? piece_bytes : text.size());
        const auto taken = parser.feed(piece, at);
        if (!taken || *taken != piece.size()) return false;
        text = text.from(piece.size());
    }
    return parser.finish(at).has_value();
}

std::string compact(bytes_view text) {
    return to_json(parse_json_value(text).value().view()).as<std::string>();
}

struct seen_document {
    std::string text;
    std::uint64_t line = 0;
    friend bool operator==(const seen_document&, const seen_document&) = default;
};

struct reading {
    std::vector<seen_document> documents;
    std::string message;
    std::uint64_t line = 0;
    std::uint64_t column = 0;
    error_code code = error_code::closed;
};

reading read_all(bytes_view text, std::size_t piece_bytes, json_options options = {}) {
    reading seen;
    json_reader reader{options};
    const auto insert = [&](bson_view document, std::uint64_t line) -> result<void> {
        CHECK(validate_bson(document.document()));
        seen.documents.push_back({to_json(document).as<std::string>(), line});
        return {};
    };
    result<void> ended;
    while (!text.empty() && ended) {
        const bytes_view piece = text.first(piece_bytes < text.size() ? piece_bytes : text.size());
        ended = reader.feed(piece, insert);
        text = text.from(piece.size());
    }
    if (ended) ended = reader.finish();
    CHECK(reader.count() == seen.documents.size());
    if (ended) return seen;
    seen.message = ended.error().message().as<std::string>();
    seen.code = ended.error().code();
    if (const auto* line = ended.error().number("line")) seen.line = *line;
    if (const auto* column = ended.error().number("column")) seen.column = *column;
    return seen;
}

}  // namespace

TEST_CASE("numbers are integers where they are, and otherwise the nearest double") {
    const auto read = [](const char* text) { return parse_json_value(text).value(); };
    CHECK(read("0").view().type() == bson_type::int32);
    CHECK(read("2147483647").view().type() == bson_type::int32);
    CHECK(read("2147483648").view().type() == bson_type::int64);
    CHECK(read("-2147483648").view().type() == bson_type::int32);
    CHECK(read("9223372036854775807").view().as_integer() == INT64_MAX);
    CHECK(read("-9223372036854775808").view().as_integer() == INT64_MIN);
    CHECK(read("9223372036854775808").view().as_float64() == 9223372036854775808.0);
    CHECK(read("18446744073709551615").view().as_float64() == 18446744073709551616.0);
    CHECK(read("1.0").view().type() == bson_type::float64);
    CHECK(read("1e2").view().as_float64() == 100.0);
    CHECK(std::signbit(read("-0").view().as_float64()));
    CHECK(read("0.1").view().as_float64() == 0.1);
    CHECK(read("9007199254740993.0").view().as_float64() == 9007199254740992.0);
    CHECK(read("2.2250738585072011e-308").view().as_float64() == 2.2250738585072011e-308);
    CHECK(read("5e-324").view().as_float64() == 5e-324);
    CHECK(read("1e-400").view().as_float64() == 0.0);
    CHECK(std::signbit(read("-1e-400").view().as_float64()));
    CHECK(read("1.7976931348623157e308").view().as_float64() == 1.7976931348623157e308);
    const std::string long_tail = "0." + std::string(400, '0') + "1e401";
    CHECK(read(long_tail.c_str()).view().as_float64() == 1.0);
    for (const char* const text : {"1e309", "-1e400", "1e2147483647"}) {
        const auto refused = parse_json_value(text);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::parse);
    }
}

TEST_CASE("a number means the same however its text is cut") {
    const std::string text = "[-123.456e-7,9223372036854775807,0.30000000000000004,-0,1E5]";
    const std::string whole = compact(text.c_str());
    for (std::size_t piece = 1; piece < text.size(); ++piece) {
        const auto seen = read_all(("{\"a\":" + text + "}"), piece);
        REQUIRE(seen.documents.size() == 1);
        CHECK(seen.documents[0].text == "{\"a\":" + whole + "}");
    }
}

TEST_CASE("of equal keys the last one stays") {
    CHECK(compact(R"({"a":1,"b":2,"a":3})") == R"({"b":2,"a":3})");
    CHECK(compact(R"({"a":1,"a":2,"a":{"x":1,"x":2}})") == R"({"a":{"x":2}})");
    CHECK(compact(R"([{"a":1,"\u0061":[1,2]},{"a":1}])") == R"([{"a":[1,2]},{"a":1}])");
    std::string many = "{";
    std::string want = "{";
    for (int round = 0; round < 2; ++round)
        for (int i = 0; i < 200; ++i) {
            const std::string field =
                "\"k" + std::to_string(i) + "\":" + std::to_string(i + round) + ",";
            many += field;
            if (round == 1) want += field;
        }
    many.back() = '}';
    want.back() = '}';
    CHECK(compact(many.c_str()) == want);
}

TEST_CASE("dates and binary go in and out in their extended form") {
    const auto date = parse_json_value(R"({"$date":"2026-01-02T03:04:05.678Z"})").value();
    CHECK(date.view().as_date_time().milliseconds == 1767323045678);
    CHECK(compact(R"({"a":{"$date":"2026-01-02T05:04:05+02:00"}})") ==
          R"({"a":{"$date":"2026-01-02T03:04:05Z"}})");
    CHECK(compact(R"([{"$date":{"$numberLong":"-1"}}])") ==
          R"([{"$date":"1969-12-31T23:59:59.999Z"}])");
    const char* const far = R"({"$date":{"$numberLong":"9223372036854775807"}})";
    CHECK(compact(far) == far);
    const char* const binary = R"({"$binary":{"base64":"AAECAw==","subType":"05"}})";
    const auto data = parse_json_value(binary).value();
    CHECK(data.view().as_binary().subtype == 5);
    CHECK(data.view().as_binary().data == bytes_view{"\0\1\2\3", 4});
    CHECK(compact(binary) == binary);
    CHECK(compact(R"({"$numberLong":"5"})") == "5");
    CHECK(compact(R"([{"$numberDouble":"NaN"},{"$numberDouble":"-Infinity"}])") ==
          R"([{"$numberDouble":"NaN"},{"$numberDouble":"-Infinity"}])");
    CHECK(compact(R"({"a":1,"$date":"not one"})") == R"({"a":1,"$date":"not one"})");
    for (const char* const wrong :
         {R"({"$date":"2026-02-30"})", R"({"$date":true})", R"({"$date":1,"x":2})",
          R"({"$binary":{"base64":"A","subType":"00"}})", R"({"$binary":"AAEC"})",
          R"({"$numberLong":"x"})", R"({"$numberDouble":1})"}) {
        const auto refused = parse_json_value(wrong);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::parse);
    }
}

TEST_CASE("an object that stands for a value is no document, after the documents before it") {
    for (const char* const text :
         {R"({"$date":5})", R"({"$numberLong":"5"})", R"({"$numberDouble":"NaN"})",
          R"({"$binary":{"base64":"AAEC","subType":"00"}})"})
        for (const char* const before : {"{}", "[{},", ""})
            for (std::size_t piece = 1; piece < 60; ++piece) {
                const std::string whole = before + std::string{text};
                const auto seen = read_all(whole, piece);
                CAPTURE(whole);
                CHECK(seen.code == error_code::parse);
                CHECK(seen.message.find("a document is an object") != std::string::npos);
                CHECK(seen.documents.size() == (*before == '\0' ? 0 : 1));
                CHECK(seen.line == 1);
                CHECK(seen.column == whole.size() + 1);
            }
    CHECK(parse_json(R"({"$date":5})").error().code() == error_code::parse);
}

TEST_CASE("an exponent of more than nine digits is refused wherever it stands") {
    for (const char* const text : {"0e99999999999999999999", "1e-99999999999999999999",
                                   "0e1000000000", "1e-1000000000", "1e-2147483648"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_json_value(text));
        CHECK_FALSE(parse_json_value(std::string{R"({"$numberDouble":")"} + text + R"("})"));
    }
    for (const char* const text : {"0e999999999", "1e-999999999", "1e-400", "0e0000000000001"}) {
        CAPTURE(text);
        CHECK(parse_json_value(text).value().view().as_number() == 0);
        CHECK(parse_json_value(std::string{R"({"$numberDouble":")"} + text + R"("})")
                  .value()
                  .view()
                  .as_number() == 0);
    }
}

TEST_CASE("U+0000 in a key and in a string survives the way in and out") {
    const char* const text = R"({"a\u0000b":"x\u0000y","\u0000":1})";
    CHECK(compact(text) == text);
    const bytes document = parse_json(text).value();
    CHECK(validate_bson(document.view()));
    CHECK(bson_view{document.view()}["a\xc0\x80"
                                     "b"]
              .as_text() == bytes_view{"x\0y", 3});
}

TEST_CASE("100 levels parse and 101 are refused") {
    const auto nested = [](std::size_t levels) {
        return std::string(levels, '[') + std::string(levels, ']');
    };
    CHECK(parse_json_value(nested(100)));
    const auto refused = parse_json_value(nested(101));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().as<std::string>().find("deeper") != std::string::npos);
    CHECK_FALSE(parse_json_value(std::string(1'000'000, '[')));
    std::string objects;
    for (int i = 0; i < 99; ++i) objects += "{\"a\":";
    const bytes document = parse_json(objects + "{}" + std::string(99, '}')).value();
    CHECK(validate_bson(document.view()));
    CHECK_FALSE(parse_json(objects + "{\"a\":{}}" + std::string(99, '}')));
    for (const char* const inside : {"{\"$date\":[]}", "{\"$date\":{\"a\":{}}}", "{\"a\":{}}"}) {
        const auto deeper =
            parse_json_value(std::string(100, '[') + inside + std::string(100, ']'));
        REQUIRE_FALSE(deeper);
        CHECK(deeper.error().message().as<std::string>().find("deeper") != std::string::npos);
    }
}

TEST_CASE("what has an extended form reads back at every depth a document has") {
    for (std::size_t depth = 98; depth <= max_document_depth; ++depth) {
        bson_writer writer;
        for (std::size_t level = 1; level < depth; ++level) writer.begin_document("a");
        writer.add("near", date_time{0})
            .add("far", date_time{INT64_MAX})
            .add("data", binary_view{{"\0\1", 2}, 5})
            .add("nan", std::nan(""));
        for (std::size_t level = 1; level < depth; ++level) writer.end();
        const bytes document = writer.finish();
        CHECK(validate_bson(document));
        const auto back = parse_json(to_json(bson_view{document}));
        REQUIRE(back);
        CHECK(*back == document);
    }
}

TEST_CASE("an error names the line and the column") {
    const auto error_at = [](const char* text, std::uint64_t line, std::uint64_t column) {
        const auto refused = parse_json_value(text);
        REQUIRE_FALSE(refused);
        CAPTURE(refused.error().message().as<std::string>());
        CHECK(*refused.error().number("line") == line);
        CHECK(*refused.error().number("column") == column);
    };
    error_at("{\"a\":1,\n \"b\": x}", 2, 7);
    error_at("[1,2", 1, 5);
    error_at("[1]\n\n [2]", 3, 2);
    error_at("{\n\"a\" 1}", 2, 5);
    error_at("\"\x01\"", 1, 2);
    error_at("", 1, 1);
}

TEST_CASE("documents come one by one from a list, from lines, and from a run of documents") {
    const std::vector<seen_document> want = {
        {R"({"a":1})", 1}, {R"({"b":[{"c":2}]})", 2}, {"{}", 2}};
    for (std::size_t piece = 1; piece < 40; ++piece) {
        CAPTURE(piece);
        CHECK(read_all("[{\"a\":1},\n{\"b\": [{\"c\":2}]} , {}]\n", piece).documents == want);
        CHECK(read_all("{\"a\":1}\n{\"b\": [{\"c\":2}]}{}", piece).documents == want);
        CHECK(read_all("\xef\xbb\xbf{\"a\":1}\n{\"b\": [{\"c\":2}]} {}\r\n", piece).documents ==
              want);
    }
    for (const char* const none : {"", "  \n", "[]", " [ ] ", "\xef\xbb\xbf"}) {
        const auto seen = read_all(none, 1);
        CHECK(seen.documents.empty());
        CHECK(seen.message.empty());
    }
}

TEST_CASE(
    "what is not a stream of documents is refused at its place, after the documents before it") {
    struct expectation {
        const char* text;
        std::size_t documents;
        std::uint64_t line;
        std::uint64_t column;
    };
    const expectation all[] = {
        {"[{\"a\":1},\n {\"a\":2},\n 7]", 2, 3, 2},
        {"[{} {}]", 1, 1, 5},
        {"[{},]", 1, 1, 5},
        {"[,{}]", 0, 1, 2},
        {"[{}", 1, 1, 4},
        {"[{}]{}", 1, 1, 5},
        {"{},{}", 1, 1, 3},
        {"7", 0, 1, 1},
        {"\n  \"x\"", 0, 2, 3},
        {"{\"a\":1}\n{\"a\":}", 1, 2, 6},
        {"{\"a\":1}\n{\"a", 1, 2, 4},
        {"[[{}]]", 0, 1, 2},
        {"{}]", 1, 1, 3},
        {"\xef\xbb{}", 0, 1, 1},
    };
    for (const auto& each : all)
        for (std::size_t piece = 1; piece < 30; ++piece) {
            CAPTURE(each.text);
            CAPTURE(piece);
            const auto seen = read_all(each.text, piece);
            CAPTURE(seen.message);
            CHECK(seen.code == error_code::parse);
            CHECK(seen.documents.size() == each.documents);
            CHECK(seen.line == each.line);
            CHECK(seen.column == each.column);
        }
}

TEST_CASE(
    "a document over the limit is too_large, and neither a long key nor a long number gets past "
    "it") {
    const std::string big(5000, 'x');
    for (const std::string& text : {"{\"a\":\"" + big + "\"}", "{\"" + big + "\":1}",
                                    "{\"a\":" + std::string(5000, '1') + "}"})
        for (const std::size_t piece : {std::size_t{100}, text.size()}) {
            const auto seen = read_all(text, piece, {.max_document_bytes = 1000});
            CHECK(seen.code == error_code::too_large);
            CHECK(seen.line == 1);
        }
    const auto many = read_all("{\"a\":1}{\"a\":\"" + std::string(900, 'y') + "\"}", 7,
                               {.max_document_bytes = 1000});
    CHECK(many.documents.size() == 2);
}

TEST_CASE("an error of the callback ends the reading and is the reader's answer from then on") {
    json_reader reader;
    int calls = 0;
    const auto insert = [&](bson_view, std::uint64_t) -> result<void> {
        if (++calls == 2) return error{error_code::already_exists, "inserting"};
        return {};
    };
    CHECK(reader.feed("{}{}{}", insert).error().code() == error_code::already_exists);
    CHECK(reader.feed("{}", insert).error().code() == error_code::already_exists);
    CHECK(reader.finish().error().code() == error_code::already_exists);
    CHECK(calls == 2);
}

TEST_CASE(
    "JSONTestSuite: y_ parses, n_ is refused, i_ never crashes, and byte by byte gives the same "
    "verdict") {
    const std::string archive = shared_path("json/JSONTestSuite.tar.gz");
    if (archive.empty()) {
        MESSAGE("skipped: JSONTestSuite.tar.gz is not in the shared data directory");
        return;
    }
    const temporary_directory extracted;
    REQUIRE(std::system(("tar -xzf '" + archive + "' -C '" + extracted.path() + "'").c_str()) == 0);
    std::size_t accepted = 0;
    std::size_t refused = 0;
    std::size_t either = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{extracted.path()}) {
        const std::string name = entry.path().filename().string();
        if (entry.path().extension() != ".json") continue;
        if (entry.path().parent_path().filename() != "test_parsing") continue;
        const bytes text = file_contents(entry.path().string());
        const auto value = parse_json_value(text);
        CAPTURE(name);
        CHECK(parses_in_pieces(text, 1) == value.has_value());
        CHECK(parses_in_pieces(text, 7) == value.has_value());
        if (name[0] != 'i') CHECK(value.has_value() == (name[0] == 'y'));
        ++(name[0] == 'y' ? accepted : name[0] == 'n' ? refused : either);
        if (!value) continue;
        const bytes again = to_json(value->view());
        CHECK(parse_json_value(again).value().view().payload() == value->view().payload());
    }
    CHECK(accepted == 95);
    CHECK(refused == 188);
    CHECK(either == 35);
}

TEST_CASE("every shared collection survives JSON to BSON to JSON to BSON") {
    const std::string directory = shared_path("json/collections");
    if (directory.empty()) {
        MESSAGE("skipped: json/collections is not in the shared data directory");
        return;
    }
    std::size_t documents = 0;
    for (const std::string& file : files_below(directory)) {
        CAPTURE(file);
        const bytes text = output_of("gzip -dc '" + file + "'");
        const auto value = parse_json_value(text);
        REQUIRE(value);
        const bytes again = to_json(value->view());
        const auto second = parse_json_value(again);
        REQUIRE(second);
        CHECK(second->view().payload() == value->view().payload());
        const bytes pretty = to_json(value->view(), {.indent = 2});
        CHECK(parse_json_value(pretty).value().view().payload() == value->view().payload());

        json_reader reader;
        const auto validate = [&](bson_view document, std::uint64_t) {
            return validate_bson(document.document());
        };
        for (bytes_view rest = text; !rest.empty();) {
            const bytes_view piece = rest.first(rest.size() < 1000 ? rest.size() : 1000);
            REQUIRE(reader.feed(piece, validate));
            rest = rest.from(piece.size());
        }
        REQUIRE(reader.finish());
        documents += reader.count();
    }
    CHECK(documents > 171'075 + 6'508 + 250);
}
