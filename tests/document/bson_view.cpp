// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/bson_view.hpp>
#include <mantis/document/bson_writer.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace mantis;

TEST_CASE("a view gives back what was written, in order") {
    bson_writer writer;
    writer.add("d", 1.5)
        .add("s", "text")
        .add("t", true)
        .add("n", nullptr)
        .add("i", -7)
        .add("l", std::int64_t{1} << 40);
    writer.add("when", date_time{-5}).add("bin", binary_view{{"\0\1", 2}, 4});
    writer.begin_document("doc").add("x", 1).end();
    writer.begin_array("arr").push(1).push("two").end();
    const bytes document = writer.finish();
    const bson_view view{document};
    CHECK(view.count() == 10);
    CHECK(view["d"].as_float64() == 1.5);
    CHECK(view["s"].as_text() == bytes_view{"text"});
    CHECK(view["t"].as_boolean());
    CHECK(view["n"].type() == bson_type::null);
    CHECK(view["i"].as_integer() == -7);
    CHECK(view["l"].as_integer() == std::int64_t{1} << 40);
    CHECK(view["l"].as_number() == 1099511627776.0);
    CHECK(view["when"].as_date_time() == date_time{-5});
    CHECK(view["bin"].as_binary().data == bytes_view{"\0\1", 2});
    CHECK(view["bin"].as_binary().subtype == 4);
    CHECK(view["doc"].as_document()["x"].as_integer() == 1);
    CHECK(view["arr"].as_document()["1"].as_text() == bytes_view{"two"});
    CHECK_FALSE(view["absent"]);
    std::string names;
    for (const bson_element& field : view) names += field.name.as<std::string>() + " ";
    CHECK(names == "d s t n i l when bin doc arr ");
}

TEST_CASE("the default view is the empty document") {
    CHECK(bson_view{}.empty());
    CHECK(bson_view{}.document() == bytes_view{"\5\0\0\0\0", 5});
}

TEST_CASE("bytes that are no document have no elements and stay the bytes they are") {
    for (const bytes_view wrong :
         {bytes_view{}, {"\0\0\0\0", 4}, {"\xff\xff\xff\xff\0", 5}, {"\x09\0\0\0\0", 5}}) {
        const bson_view view{wrong};
        CHECK(view.empty());
        CHECK(view.count() == 0);
        CHECK(view.begin() == bson_view::end());
        CHECK_FALSE(view["a"]);
        CHECK(view.document() == wrong);
    }
    const bytes_view longer{"\5\0\0\0\0behind", 11};
    CHECK(bson_view{longer}.empty());
    CHECK(bson_view{longer}.document() == longer);
}

TEST_CASE("an element that does not fit ends the iteration") {
    bson_writer writer;
    bytes document = writer.add("a", 1).add("b", "text").finish();
    for (std::size_t at = 4; at < document.size(); ++at) {
        bytes damaged = document;
        damaged[at] = std::byte{0xff};
        CHECK(bson_view{damaged}.count() <= 3);
    }
}
