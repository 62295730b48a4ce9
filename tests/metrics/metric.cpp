// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/metric.hpp>

#include <string>

using namespace mantis;

namespace {

constexpr auto one = metric_unit::one;
constexpr auto time_unit = metric_unit::nanoseconds;
constexpr auto byte_unit = metric_unit::bytes;

//   Returns     what is wrong with it, "" when nothing is
std::string fault(bytes_view name, metric_kind kind, metric_unit unit = one,
                  const label_set& labels = {}) {
    const auto judged = detail::judge_metric({.name = name, .labels = labels, .unit = unit}, kind);
    if (judged) return "";
    CHECK(judged.error().code() == error_code::invalid_argument);
    return judged.error().message().as<std::string>();
}
std::string label_fault(bytes_view label) {
    return fault("a", metric_kind::gauge, one, {{label, "x"}});
}
bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("good names are taken") {
    CHECK(fault("a", metric_kind::gauge) == "");
    CHECK(fault("_a9_Z", metric_kind::gauge) == "");
    CHECK(fault("build_info", metric_kind::gauge) == "");
    CHECK(fault("a_total", metric_kind::counter) == "");
    CHECK(fault("a_seconds", metric_kind::histogram, time_unit) == "");
    CHECK(fault("a_seconds", metric_kind::gauge, time_unit) == "");
    CHECK(fault("a_seconds_total", metric_kind::counter, time_unit) == "");
    CHECK(fault("a_bytes", metric_kind::histogram, byte_unit) == "");
    CHECK(fault("a_bytes_total", metric_kind::counter, byte_unit) == "");
    CHECK(label_fault("mode") == "");
    CHECK(label_fault("_mode9") == "");
}

TEST_CASE("a name that is no word is refused, and the error names it") {
    for (const char* const name : {"9a", "a-b", "a b", "a:b", "a.b", "a\n", "\xc3\xa4", "{}"}) {
        CAPTURE(name);
        CHECK(contains(fault(name, metric_kind::gauge), "letters, digits"));
        CHECK(contains(fault(name, metric_kind::gauge), ("[" + std::string{name} + "]").c_str()));
    }
    CHECK(contains(fault("", metric_kind::gauge), "letters, digits"));
    CHECK(contains(fault(bytes_view{"a\0b", 3}, metric_kind::gauge), "letters, digits"));
}

TEST_CASE("a name says its kind and its unit") {
    CHECK(contains(fault("a", metric_kind::counter), "a counter ends with _total [a]"));
    CHECK(contains(fault("_total", metric_kind::counter), "a counter ends with _total"));
    CHECK(contains(fault("a_total", metric_kind::gauge), "only a counter ends with _total"));
    CHECK(contains(fault("a_total", metric_kind::histogram), "only a counter ends with _total"));
    CHECK(contains(fault("a", metric_kind::histogram, time_unit), "a time ends with _seconds"));
    CHECK(contains(fault("a_total", metric_kind::counter, time_unit), "a time ends with _seconds"));
    CHECK(contains(fault("a_seconds", metric_kind::gauge, byte_unit), "bytes end with _bytes"));
    CHECK(contains(fault("a_total", metric_kind::counter, byte_unit), "bytes end with _bytes"));
    for (const char* const name : {"a_bucket", "a_sum", "a_count"}) {
        CHECK(contains(fault(name, metric_kind::gauge), "are taken"));
        CHECK(contains(fault(name, metric_kind::histogram), "are taken"));
        CHECK(contains(fault(std::string{name} + "_total", metric_kind::counter), "are taken"));
    }
}

TEST_CASE("a bad label is refused, and the error names it and its metric") {
    for (const char* const label : {"", "9a", "a-b", "a:b", "a b", "\xff"}) {
        CAPTURE(label);
        CHECK(contains(label_fault(label), "letters, digits"));
        CHECK(contains(label_fault(label), ("[a{" + std::string{label} + "}]").c_str()));
    }
    CHECK(contains(label_fault("__name"), "__ is left"));
    CHECK(contains(label_fault("le"), "le and quantile are taken"));
    CHECK(contains(label_fault("quantile"), "le and quantile are taken [a{quantile}]"));
    CHECK(contains(fault("a", metric_kind::gauge, one, {{"m", "1"}, {"n", "2"}, {"m", "3"}}),
                   "there twice [a{m}]"));
}

TEST_CASE("kinds have the names that the text format gives them") {
    CHECK(bytes_view{name_of(metric_kind::counter)} == bytes_view{"counter"});
    CHECK(bytes_view{name_of(metric_kind::gauge)} == bytes_view{"gauge"});
    CHECK(bytes_view{name_of(metric_kind::histogram)} == bytes_view{"histogram"});
}
