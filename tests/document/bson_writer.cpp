// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/bson_validate.hpp>
#include <mantis/document/bson_writer.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace mantis;

TEST_CASE("the bytes are BSON's") {
    bson_writer writer;
    CHECK(writer.finish() == bytes{bytes_view{"\5\0\0\0\0", 5}});
    CHECK(writer.add("hello", "world").finish() ==
          bytes{bytes_view{"\x16\0\0\0\x02hello\0\6\0\0\0world\0\0", 22}});
    writer.begin_array("BSON").push("awesome").push(5.05).push(1986).end();
    CHECK(writer.finish() ==
          bytes{bytes_view{"\x31\0\0\0\4BSON\0\x26\0\0\0\2\x30\0\x08\0\0\0awesome\0\1\x31\0"
                           "\x33\x33\x33\x33\x33\x33\x14\x40\x10\x32\0\xc2\7\0\0\0\0",
                           49}});
}

TEST_CASE("integers take the smaller type that holds them") {
    bson_writer writer;
    const bytes document = writer.add("a", std::int64_t{5})
                               .add("b", std::int64_t{2147483648})
                               .add("c", 4000000000u)
                               .add("d", std::int64_t{-2147483648})
                               .finish();
    CHECK(bson_view{document}["a"].type() == bson_type::int32);
    CHECK(bson_view{document}["b"].type() == bson_type::int64);
    CHECK(bson_view{document}["c"].as_integer() == 4000000000);
    CHECK(bson_view{document}["d"].type() == bson_type::int32);
}

TEST_CASE("strings of every kind, nested documents and values can be added") {
    bson_writer inner;
    const bytes nested = inner.add("x", 1).finish();
    bson_writer writer;
    writer.add("a", std::string{"s"})
        .add("b", std::string_view{"v"})
        .add("c", bytes{"b"})
        .add("d", bson_view{nested});
    const bytes document = writer.add("e", bson_view{nested}["x"]).add({"z\0", 2}, 1).finish();
    CHECK(validate_bson(document));
    CHECK(bson_view{document}["c"].as_text() == bytes_view{"b"});
    CHECK(bson_view{document}["d"].as_document()["x"].as_integer() == 1);
    CHECK(bson_view{document}["e"].as_integer() == 1);
    CHECK(bson_view{document}["z\xc0\x80"].as_integer() == 1);
}

TEST_CASE("a writer goes on to its next document, and to the deepest nesting") {
    bson_writer writer;
    for (int round = 0; round < 2; ++round) {
        for (std::size_t depth = 1; depth < max_document_depth; ++depth) writer.begin_document("d");
        for (std::size_t depth = 1; depth < max_document_depth; ++depth) writer.end();
        CHECK(validate_bson(writer.finish()));
    }
}

TEST_CASE("array elements are numbered past nine") {
    bson_writer writer;
    writer.begin_array("a");
    for (int i = 0; i < 1200; ++i) writer.push(i);
    const bytes document = writer.end().finish();
    CHECK(validate_bson(document));
    CHECK(bson_view{document}["a"].as_document()["1199"].as_integer() == 1199);
}
