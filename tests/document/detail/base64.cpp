// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/detail/base64.hpp>

#include <doctest/doctest.h>

#include "../model.hpp"

using namespace mantis;
using namespace mantis::detail;

TEST_CASE("the vectors of RFC 4648, both ways") {
    const char* const pairs[][2] = {{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : pairs) {
        bytes text;
        append_base64(text, plain);
        CHECK(text == bytes{encoded});
        bytes back;
        CHECK(append_from_base64(back, encoded));
        CHECK(back == bytes{plain});
    }
}

TEST_CASE("random bytes come back") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        mantis_test::chance random{seed};
        bytes data;
        for (std::size_t left = random.below(40); left != 0; --left)
            data.push_back(static_cast<std::byte>(random.below(256)));
        bytes text;
        append_base64(text, data);
        bytes back;
        CHECK(append_from_base64(back, text));
        CHECK(back == data);
    }
}

TEST_CASE("what is not base64, or not its one form, is refused") {
    for (const char* const wrong :
         {"Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zh==", "Zm9=", "Zm 9", "Zm9-", "Zg=a"}) {
        bytes ignored;
        CAPTURE(wrong);
        CHECK_FALSE(append_from_base64(ignored, wrong));
    }
}
