// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/bson.hpp>

#include <doctest/doctest.h>

#include "model.hpp"

using namespace mantis;
using namespace mantis_test;

TEST_CASE("random documents are valid and read as the values they were written from") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        chance random{seed};
        const bytes document = random_document(random);
        REQUIRE(validate_bson(document));
        bson_writer copy;
        for (const auto& field : bson_view{document}) copy.add(field.name, field.value);
        CHECK(copy.finish() == document);
    }
}
