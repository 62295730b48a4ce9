// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/detail/json_number.hpp>

#include <doctest/doctest.h>

#include "../model.hpp"

#include <cmath>
#include <cstdlib>
#include <string>

using namespace mantis;
using namespace mantis::detail;

TEST_CASE("random decimal texts are the double that strtod, which rounds correctly, gives") {
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        mantis_test::chance random{seed};
        std::string text = random.one_in(2) ? "-" : "";
        for (std::size_t left = 1 + random.below(25); left != 0; --left)
            text += static_cast<char>('1' + random.below(9));
        text += '.';
        for (std::size_t left = 1 + random.below(25); left != 0; --left)
            text += static_cast<char>('0' + random.below(10));
        text += "e" + std::to_string(static_cast<int>(random.below(700)) - 360);
        const double want = std::strtod(text.c_str(), nullptr);
        json_number read;
        CAPTURE(text);
        REQUIRE(read_json_number(text, read) == std::isfinite(want));
        if (!std::isfinite(want)) continue;
        CHECK_FALSE(read.is_integer);
        CHECK(read.real == want);
    }
}

TEST_CASE("too large is refused and too small is a zero, however the text says it") {
    const auto real = [](const std::string& text) {
        json_number read;
        return read_json_number(text, read) ? read.real : -1;
    };
    CHECK(real("1e999999999999999999999999") == -1);
    CHECK(real(std::string(400, '9')) == -1);
    CHECK(real("1e-999999999") == 0);
    CHECK(real("1e-1000000000") == -1);
    CHECK(real("1e-999999999999999999999999") == -1);
    CHECK(real("0." + std::string(400, '0') + "1") == 0);
    CHECK(real("0." + std::string(400, '0') + "1e800") == -1);
    CHECK(real("0e999999999") == 0);
    CHECK(real("0e1000000000") == -1);
    CHECK(real("0e99999999999999999999") == -1);
    CHECK(real("0e0000000000001") == 0);
    CHECK(real("0." + std::string(400, '0') + "e999") == 0);
    CHECK(std::signbit(real("-1e-400")));
    CHECK(real(std::string(400, '1') + "e-400") > 0.1);
}

TEST_CASE("a decimal number is one from its first to its last digit") {
    for (const char* const wrong :
         {"", "-", "inf", "-inf", "infinity", "nan", "nan(12)", "NaN", "1.", ".5", "-.5", "+1",
          " 1", "1 ", "1e", "0x1", "1e5x", "1e309"}) {
        double read = 0;
        CAPTURE(wrong);
        CHECK_FALSE(read_decimal(wrong, read));
    }
    for (const char* const right : {"0", "-1", "1.5", "1E+10", "1.0E10", "2.5e-3"}) {
        double read = 0;
        CAPTURE(right);
        CHECK(read_decimal(right, read));
        CHECK(read == std::strtod(right, nullptr));
    }
}
