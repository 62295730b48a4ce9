// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/detail/extended_json.hpp>

#include <doctest/doctest.h>

using namespace mantis;
using namespace mantis::detail;

namespace {

// A wrapper of `document` as an unfinished output, replaced; nullptr and the type it then has, or
// the sentence.
const char* replaced(const bytes& document, bson_type& type) {
    bytes out;
    append_u32(out, 0);
    out.push_back(static_cast<std::byte>(bson_type::document));
    out.push_back(std::byte{0});
    const std::size_t start = out.size();
    out.append(document);
    const char* const wrong = replace_extended(out, 4, start);
    type = static_cast<bson_type>(out[4]);
    return wrong;
}

}  // namespace

TEST_CASE("only a document whose first key is one of the four is replaced") {
    bson_writer writer;
    bson_type type = bson_type::missing;
    CHECK(replaced(writer.add("$date", 5).finish(), type) == nullptr);
    CHECK(type == bson_type::date_time);
    CHECK(replaced(writer.add("$numberLong", "5").finish(), type) == nullptr);
    CHECK(type == bson_type::int32);
    CHECK(replaced(writer.add("$numberLong", "5000000000").finish(), type) == nullptr);
    CHECK(type == bson_type::int64);
    CHECK(replaced(writer.add("$numberDouble", "Infinity").finish(), type) == nullptr);
    CHECK(type == bson_type::float64);
    CHECK(replaced(writer.add("$gt", 5).finish(), type) == nullptr);
    CHECK(type == bson_type::document);
    CHECK(replaced(writer.add("a", 5).add("$date", 5).finish(), type) == nullptr);
    CHECK(type == bson_type::document);
    CHECK(replaced(writer.finish(), type) == nullptr);
    CHECK(type == bson_type::document);
    CHECK(replaced(writer.add("$date", 5).add("a", 5).finish(), type) != nullptr);
    CHECK(replaced(writer.add("$date", "soon").finish(), type) != nullptr);
    CHECK(replaced(writer.add("$numberLong", "9223372036854775808").finish(), type) != nullptr);
    CHECK(replaced(writer.add("$numberLong", "1.5").finish(), type) != nullptr);
}

TEST_CASE("$numberDouble is a decimal number that a double holds, NaN, or an infinity") {
    bson_writer writer;
    bson_type type = bson_type::missing;
    for (const char* const right : {"1", "-0", "1.5e3", "1e-400", "NaN", "Infinity", "-Infinity"}) {
        CAPTURE(right);
        CHECK(replaced(writer.add("$numberDouble", right).finish(), type) == nullptr);
        CHECK(type == bson_type::float64);
    }
    for (const char* const wrong :
         {"", "nan", "nan(12)", "-NaN", "inf", "infinity", "1e309", "1x"}) {
        CAPTURE(wrong);
        CHECK(replaced(writer.add("$numberDouble", wrong).finish(), type) != nullptr);
    }
}

TEST_CASE("a subType has one or two hexadecimal digits") {
    const auto with_subtype = [](const char* digits) {
        bson_writer writer;
        bson_type type = bson_type::missing;
        return replaced(writer.begin_document("$binary")
                            .add("base64", "AAEC")
                            .add("subType", digits)
                            .end()
                            .finish(),
                        type);
    };
    for (const char* const right : {"0", "5", "00", "fF"}) CHECK(with_subtype(right) == nullptr);
    for (const char* const wrong : {"", "000", "g", "0x", "-1"})
        CHECK(with_subtype(wrong) != nullptr);
}
