// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/bson_validate.hpp>
#include <mantis/document/bson_writer.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/document/value_order.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

#include <string>

using namespace mantis;
using namespace mantis_test;

namespace {

void refused(bytes_view document, error_code code, std::uint64_t offset) {
    const auto valid = validate_bson(document);
    REQUIRE_FALSE(valid);
    CAPTURE(valid.error().message().as<std::string>());
    CHECK(valid.error().code() == code);
    REQUIRE(valid.error().number("offset") != nullptr);
    CHECK(*valid.error().number("offset") == offset);
}

}  // namespace

TEST_CASE("each way of being wrong is refused at its offset") {
    CHECK(validate_bson({"\5\0\0\0\0", 5}));
    refused({}, error_code::corrupt, 0);
    refused({"\5\0\0\0", 4}, error_code::corrupt, 0);
    refused({"\5\0\0\0\0\0", 6}, error_code::corrupt, 0);
    refused({"\5\0\0\0\1", 5}, error_code::corrupt, 4);
    refused({"\x08\0\0\0\x0a\x61\x62\0", 8}, error_code::corrupt, 4);    // a name without end
    refused({"\x09\0\0\0\x08\x61\0\2\0", 9}, error_code::corrupt, 7);    // a bool of 2
    refused({"\x08\0\0\0\x7f\x61\0\0", 8}, error_code::unsupported, 4);  // MaxKey
    refused({"\x14\0\0\0\7\x61\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20}, error_code::unsupported,
            4);                                                           // ObjectId
    refused({"\x0a\0\0\0\x10\x61\0\0\0\0", 10}, error_code::corrupt, 4);  // an int32 of two bytes
    refused({"\x0e\0\0\0\2\x61\0\2\0\0\0zz\0", 14}, error_code::corrupt,
            7);  // a string without its zero
    refused({"\x0e\0\0\0\2\x61\0\2\0\0\0\xff\0\0", 14}, error_code::corrupt,
            7);                                                      // a string that is not UTF-8
    refused({"\x08\0\0\0\x0a\xff\0\0", 8}, error_code::corrupt, 4);  // a name that is not UTF-8
    refused({"\x10\0\0\0\4\x61\0\x08\0\0\0\x0a\x31\0\0\0", 16}, error_code::corrupt,
            11);  // an array that begins at 1
    CHECK(validate_bson({"\x10\0\0\0\4\x61\0\x08\0\0\0\x0a\x30\0\0\0", 16}));
}

TEST_CASE("nesting over the limit is refused and nesting at the limit is not") {
    bson_writer writer;
    for (std::size_t depth = 1; depth < 60; ++depth) writer.begin_document("d");
    for (std::size_t depth = 1; depth < 60; ++depth) writer.end();
    const bytes document = writer.finish();
    CHECK(validate_bson(document, 60));
    CHECK(validate_bson(document, 59).error().code() == error_code::too_large);
    // Far deeper than any stack: an opening for every 7 bytes, lengths that agree.
    bytes deep;
    constexpr std::size_t levels = 200'000;
    for (std::size_t level = 0; level < levels; ++level) {
        detail::append_u32(deep, (levels - level) * 8 + 5 - 1 * 0);
        deep.append({"\3\x61\0", 3});
    }
    detail::append_u32(deep, 5);
    deep.append(levels + 1, std::byte{0});
    CHECK(bson_view{deep}.document().size() == deep.size());
    CHECK(validate_bson(deep).error().code() == error_code::too_large);
}

TEST_CASE("damaged documents never crash a reader, and what is accepted can be used") {
    std::size_t accepted = 0;
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        chance random{seed};
        bytes document = random_document(random, 2);
        for (std::size_t flips = 1 + random.below(3); flips != 0; --flips)
            document[random.below(document.size())] = static_cast<std::byte>(random.below(256));
        if (random.one_in(4)) document.resize(random.below(document.size() + 1));
        const bytes exact{document};  // so that the sanitizer sees a read past the end
        const bson_view view{exact};
        CHECK(view.count() <= exact.size());
        if (!validate_bson(exact)) continue;
        ++accepted;
        CHECK(view.document() == exact.view());
        CHECK(compare_documents(view, view) == 0);
        CHECK_FALSE(to_json(view).empty());
    }
    CHECK(accepted > 1000);
}
