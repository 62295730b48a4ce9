// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/bson_validate.hpp>
#include <mantis/document/detail/json_builder.hpp>

#include <doctest/doctest.h>

using namespace mantis;
using namespace mantis::detail;

TEST_CASE("events become the wrapper of the value they describe, and a reset starts again") {
    json_builder builder{1000};
    for (int round = 0; round < 2; ++round) {
        CHECK(builder.begin_nested(bson_type::document));
        CHECK(builder.key_part("lo"));
        CHECK(builder.key_part("ng"));
        CHECK(builder.text_part("in "));
        CHECK(builder.end_text("parts"));
        CHECK(builder.key_part("n"));
        CHECK(builder.number_part("12"));
        CHECK(builder.end_number("34"));
        CHECK(builder.end_nested());
        const bson_view wrapper{builder.finish()};
        CHECK(validate_bson(wrapper.document()));
        const bson_view document = wrapper[""].as_document();
        CHECK(document["long"].as_text() == bytes_view{"in parts"});
        CHECK(document["n"].as_integer() == 1234);
        builder.reset();
    }
}

TEST_CASE("an object deeper than the limit is refused unless it becomes a value") {
    for (const bool date : {true, false}) {
        json_builder builder{100'000};
        for (std::size_t level = 0; level < max_document_depth; ++level)
            CHECK(builder.begin_nested(bson_type::array));
        CHECK_FALSE(builder.begin_nested(bson_type::array));
        CHECK(builder.begin_nested(bson_type::document));
        CHECK(builder.key_part(date ? "$date" : "date"));
        CHECK(builder.begin_nested(bson_type::document));
        CHECK_FALSE(builder.begin_nested(bson_type::array));
        CHECK_FALSE(builder.begin_nested(bson_type::document));
        CHECK(builder.key_part("$numberLong"));
        CHECK(builder.end_text("5"));
        CHECK(builder.end_nested());
        CHECK(builder.end_nested());
        CHECK(builder.end_nested() == date);
    }
}

TEST_CASE("the limit ends the building at the event that passes it") {
    json_builder builder{100};
    CHECK(builder.begin_nested(bson_type::array));
    int events = 0;
    while (builder.scalar(1)) ++events;
    CHECK(builder.too_large());
    CHECK(builder.failed() != nullptr);
    CHECK(events > 5);
    CHECK(events < 15);
}
