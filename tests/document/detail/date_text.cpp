// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/detail/date_text.hpp>

#include <doctest/doctest.h>

#include <ctime>
#include <string>

using namespace mantis;
using namespace mantis::detail;

namespace {

std::string text_of(std::int64_t milliseconds) {
    bytes made;
    return append_date(made, {milliseconds}) ? made.as<std::string>() : "none";
}
std::int64_t read(const char* text) {
    date_time date{-12345};
    return read_date(text, date) ? date.milliseconds : -12345;
}

}  // namespace

TEST_CASE("every day of 10,000 years is written as the C library writes it and comes back") {
    for (std::int64_t day = -719528; day < 2932897; day += 1 + (day & 15)) {
        const std::int64_t ms = day * 86'400'000 + (day * day % 10'007 * 8'633) % 86'400'000;
        const std::time_t seconds = (ms - (ms % 1000 + 1000) % 1000) / 1000;
        std::tm parts{};
        gmtime_r(&seconds, &parts);
        char want[80];
        std::snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d", parts.tm_year + 1900,
                      parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
        const std::string text = text_of(ms);
        if (text.rfind(want, 0) != 0 || read(text.c_str()) != ms) FAIL_CHECK(text << " " << want);
    }
    CHECK(text_of(-62167219200000) == "0000-01-01T00:00:00Z");
    CHECK(text_of(-62167219200001) == "none");
    CHECK(text_of(253402300799999) == "9999-12-31T23:59:59.999Z");
    CHECK(text_of(253402300800000) == "none");
    CHECK(text_of(INT64_MIN) == "none");
    CHECK(text_of(INT64_MAX) == "none");
}

TEST_CASE("the forms of ISO 8601 that are read") {
    CHECK(read("1970-01-02") == 86'400'000);
    CHECK(read("1970-01-01T00:01Z") == 60'000);
    CHECK(read("1970-01-01T00:00:01.5Z") == 1500);
    CHECK(read("1970-01-01T00:00:01.123456789Z") == 1123);
    CHECK(read("1970-01-01T02:00:00+02:00") == 0);
    CHECK(read("1970-01-01T00:00:00-0130") == 5'400'000);
    CHECK(read("2024-02-29") > 0);
}

TEST_CASE("everything else is refused") {
    for (const char* const wrong :
         {"", "1970", "1970-1-1", "1970-13-01", "1970-00-01", "2023-02-29", "1900-02-29",
          "1970-01-32", "1970-01-01T", "1970-01-01T00:00:00", "1970-01-01T24:00:00Z",
          "1970-01-01T00:60:00Z", "1970-01-01T00:00:60Z", "1970-01-01T00:00:00.Z",
          "1970-01-01T00:00:00Zx", "1970-01-01 00:00:00Z", "1970-01-01T00:00:00+2"}) {
        CAPTURE(wrong);
        CHECK(read(wrong) == -12345);
    }
}
