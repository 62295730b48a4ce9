// SPDX-License-Identifier: BSL-1.0
#include <mantis/metrics/prometheus.hpp>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <mantis/metrics/registry.hpp>
#include <mantis/platform/posix.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

using namespace mantis;

namespace {

// A reader of the text format that takes nothing but what the writer should write; the first thing
// that is wrong ends it.
class exposition {
public:
    struct family {
        std::string help;
        std::string kind;
        std::vector<std::string> lines;  // name and labels, values unescaped, in the order read
    };

    explicit exposition(std::string text) : text_{std::move(text)} {
        if (!text_.empty() && text_.back() != '\n') fail("the last line does not end");
        while (fault.empty() && at_ < text_.size()) line();
        if (fault.empty()) end_histogram();
    }

    std::string fault;
    std::map<std::string, family> families;
    std::map<std::string, std::string> values;  // by name and labels

private:
    void fail(const std::string& why) {
        if (fault.empty()) fault = why + " at byte " + std::to_string(at_);
    }
    bool take(const std::string& part) {
        if (text_.compare(at_, part.size(), part) != 0) return false;
        at_ += part.size();
        return true;
    }
    void need(const std::string& part) {
        if (!take(part)) fail("expected '" + part + "'");
    }
    std::string word() {
        const std::size_t from = at_;
        while (at_ < text_.size() &&
               (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
            ++at_;
        if (from == at_ || std::isdigit(static_cast<unsigned char>(text_[from])) != 0)
            fail("expected a name");
        return text_.substr(from, at_ - from);
    }
    std::string until(char end, bool quoted) {
        std::string unescaped;
        for (; at_ < text_.size() && text_[at_] != end; ++at_) {
            if (text_[at_] == '\n') fail("a line ends inside of a value");
            if (text_[at_] != '\\') {
                unescaped += text_[at_];
                continue;
            }
            const char escaped = ++at_ < text_.size() ? text_[at_] : '\0';
            if (escaped == 'n') unescaped += '\n';
            else if (escaped == '\\' || (quoted && escaped == '"')) unescaped += escaped;
            else fail("an escape that is none");
        }
        need(std::string(1, end));
        return unescaped;
    }
    void line() {
        if (take("# HELP ")) {
            end_histogram();
            name_ = word();
            need(" ");
            if (families.count(name_) != 0) fail("a second family of a name");
            families[name_].help = until('\n', false);
        } else if (take("# TYPE ")) {
            const std::string name = word();
            if (name != name_) {
                end_histogram();
                if (families.count(name) != 0) fail("a second family of a name");
                name_ = name;
            }
            need(" ");
            families[name_].kind = until('\n', false);
            const std::set<std::string> kinds{"counter", "gauge", "histogram"};
            if (kinds.count(families[name_].kind) == 0) fail("a kind that is none");
        } else {
            sample();
        }
    }
    void sample() {
        const std::string name = word();
        std::string key = name;
        std::string series;
        std::string le;
        std::set<std::string> names;
        if (take("{")) do {
                const std::string label = word();
                need("=\"");
                const std::string value = until('"', true);
                if (!names.insert(label).second) fail("a label is there twice");
                key += '|' + label + '=' + value;
                if (label == "le") le = value;
                else series += '|' + label + '=' + value;
                if (take("}")) break;
                need(",");
            } while (fault.empty());
        need(" ");
        const std::string value = until('\n', false);
        if (!is_number(value)) fail("a value that is no number");
        family& in = families[name_];
        if (in.kind == "histogram") bucket(name, series, le, value);
        else if (name != name_ || in.kind.empty()) fail("a sample of another family");
        if (!values.emplace(key, value).second) fail("a series is there twice");
        in.lines.push_back(key);
    }
    static bool is_number(const std::string& text) {
        std::size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
        const std::size_t whole = text.find_first_not_of("0123456789", at);
        if (whole == at || at == text.size()) return false;
        if (whole == std::string::npos) return true;
        if (text[whole] != '.') return false;
        at = whole + 1;
        return at < text.size() && text.find_first_not_of("0123456789", at) == std::string::npos &&
               text.back() != '0';
    }
    // Buckets rise in bound and count and end with +Inf, a sum and a count follow.
    void bucket(const std::string& name, const std::string& series, const std::string& le,
                const std::string& value) {
        if (name == name_ + "_bucket") {
            if (expected_ == "") expected_ = series + ' ', bound_ = -1, seen_ = 0;
            if (expected_ != series + ' ' || infinite_) fail("a bucket out of its place");
            const double bound = le == "+Inf" ? HUGE_VAL : std::strtod(le.c_str(), nullptr);
            const std::uint64_t count = std::strtoull(value.c_str(), nullptr, 10);
            if (bound <= bound_ || (le != "+Inf" && !is_number(le))) fail("a bound that is none");
            if (count < seen_) fail("buckets are not cumulative");
            bound_ = bound, seen_ = count, infinite_ = le == "+Inf";
        } else if (name == name_ + "_sum") {
            if (!infinite_ || summed_ || expected_ != series + ' ') fail("a sum out of its place");
            summed_ = true;
        } else if (name == name_ + "_count") {
            if (!summed_ || expected_ != series + ' ') fail("a count out of its place");
            if (value != std::to_string(seen_)) fail("the count is not that of the last bucket");
            expected_ = "", infinite_ = summed_ = false;
        } else {
            fail("a sample of another family");
        }
    }
    void end_histogram() {
        if (!expected_.empty()) fail("a histogram does not end");
    }

    std::string text_;
    std::size_t at_ = 0;
    std::string name_;
    std::string expected_;  // the series whose buckets are being read, and a blank
    double bound_ = 0;
    std::uint64_t seen_ = 0;
    bool infinite_ = false;
    bool summed_ = false;
};

std::string text_of(const metrics_snapshot& shown) {
    return prometheus_text(shown).as<std::string>();
}
// The text of one gauge.
std::string gauge_text(bytes_view help, const label_set& labels) {
    sample_writer writer{1};
    writer.gauge({"level", help, labels}, 1);
    return text_of(writer.finish());
}
std::string value_of(metric_unit unit, std::int64_t level) {
    const char* const name = unit == metric_unit::nanoseconds ? "a_seconds"
                             : unit == metric_unit::bytes     ? "a_bytes"
                                                              : "a";
    sample_writer writer{1};
    writer.gauge({.name = name, .unit = unit}, level);
    const exposition read{text_of(writer.finish())};
    CHECK(read.fault == "");
    return read.values.at(name);
}
metrics_snapshot one_of_each() {
    sample_writer writer{100};
    writer.counter(
        {"shop_orders_total", "Orders \\ taken,\nby \"kind\".", {{"kind", "a\"b\\c\nd"}}}, 12);
    writer.counter({"shop_orders_total", "", {{"kind", ""}}}, 0);
    writer.counter({.name = "shop_wait_seconds_total",
                    .help = "Time spent in waiting.",
                    .unit = metric_unit::nanoseconds},
                   1'500'000'000);
    writer.gauge({"shop_open_carts", "Carts that are open."}, -3);
    histogram_snapshot waits;
    for (std::uint64_t value : {std::uint64_t{0}, std::uint64_t{256}, std::uint64_t{257},
                                std::uint64_t{1'000'000}, std::uint64_t{1} << 50})
        waits.record(value);
    writer.histogram({.name = "shop_wait_seconds",
                      .help = "Waits.",
                      .labels = {{"mode", "X"}},
                      .unit = metric_unit::nanoseconds},
                     waits);
    writer.histogram(
        {.name = "shop_wait_seconds", .labels = {{"mode", "S"}}, .unit = metric_unit::nanoseconds},
        {});
    writer.histogram({"shop_steps", "Steps of a search."}, waits);
    writer.histogram({.name = "shop_record_bytes", .help = "\xff", .unit = metric_unit::bytes},
                     waits);
    return writer.finish();
}
bool promtool_is_installed() { return std::system("command -v promtool > /dev/null 2>&1") == 0; }

}  // namespace

TEST_CASE("a counter, a gauge and their labels are these lines") {
    sample_writer writer{100};
    writer.counter({"calls_total", "Calls.", {{"mode", "X"}, {"level", "key"}}}, 12);
    writer.counter({"calls_total", "", {}}, UINT64_MAX);
    writer.gauge({"open", ""}, -1);
    CHECK(text_of(writer.finish()) ==
          "# HELP calls_total Calls.\n"
          "# TYPE calls_total counter\n"
          "calls_total 18446744073709551615\n"
          "calls_total{level=\"key\",mode=\"X\"} 12\n"
          "# TYPE open gauge\n"
          "open -1\n");
    CHECK(text_of({}) == "");
}

TEST_CASE("a strict reader takes every kind, and finds what was written") {
    const exposition read{text_of(one_of_each())};
    REQUIRE(read.fault == "");
    CHECK(read.families.size() == 6);
    CHECK(read.families.at("shop_orders_total").help == "Orders \\ taken,\nby \"kind\".");
    CHECK(read.values.at("shop_orders_total|kind=a\"b\\c\nd") == "12");
    CHECK(read.values.at("shop_orders_total|kind=") == "0");
    CHECK(read.values.at("shop_wait_seconds_total") == "1.5");
    CHECK(read.values.at("shop_open_carts") == "-3");
    CHECK(read.families.at("shop_record_bytes").help == "\\xff");
}

TEST_CASE("the strict reader refuses what is wrong") {
    const std::string good = "# TYPE a gauge\na{b=\"c\"} 1\n";
    CHECK(exposition{good}.fault == "");
    for (const char* const bad :
         {"# TYPE a gauge\na 1", "# TYPE a what\n", "a 1\n", "# TYPE a gauge\nb 1\n",
          "# TYPE a gauge\na 1\na 1\n", "# TYPE a gauge\na{b=\"\\t\"} 1\n",
          "# TYPE a gauge\na{b=\"c\",b=\"d\"} 1\n", "# TYPE a gauge\na 1.50\n",
          "# TYPE a gauge\na x\n", "# TYPE a gauge\na{9=\"c\"} 1\n",
          "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{b=\"c\"} 1\n",
          "# TYPE a histogram\na_bucket{le=\"1\"} 1\n",
          "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
          "# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
          "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n"}) {
        CAPTURE(bad);
        CHECK(exposition{bad}.fault != "");
    }
}

TEST_CASE("every label value and help text comes back as it was") {
    CHECK(rc::check([] {
        const auto text = *rc::gen::container<std::string>(
            rc::gen::element('\\', '"', '\n', 'n', '}', ',', ' ', '#', 'a', '\0', '\x7f'));
        const exposition read{gauge_text(text, {{"b", text}})};
        RC_ASSERT(read.fault == "");
        RC_ASSERT(read.families.at("level").help == text);
        RC_ASSERT(read.values.count("level|b=" + text) == 1);
    }));
}

TEST_CASE("the text is UTF-8 whatever the label values are") {
    const auto shown = [](bytes_view value) {
        const exposition read{gauge_text("", {{"b", value}})};
        CHECK(read.fault == "");
        return read.families.at("level").lines.at(0).substr(8);
    };
    for (const char* const good : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                   "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
        CHECK(shown(good) == good);
    CHECK(shown("\x80") == "\\x80");
    CHECK(shown("a\xff"
                "b") == "a\\xffb");
    CHECK(shown("\xc0\x80") == "\\xc0\\x80");           // too long a form
    CHECK(shown("\xe0\x9f\xbf") == "\\xe0\\x9f\\xbf");  // too long a form
    CHECK(shown("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // half of a pair
    CHECK(shown("\xf0\x8f\xbf\xbf") == "\\xf0\\x8f\\xbf\\xbf");
    CHECK(shown("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // past the last
    CHECK(shown("\xf5\x80\x80\x80") == "\\xf5\\x80\\x80\\x80");
    CHECK(shown("\xe2\x82") == "\\xe2\\x82");  // cut
    CHECK(shown("\xe2\x82"
                "a") ==
          "\\xe2\\x82"
          "a");
    CHECK(shown("\xf0\x9f\x98 ") == "\\xf0\\x9f\\x98 ");
}

TEST_CASE("times are exact seconds, everything else is a whole number") {
    const auto time = metric_unit::nanoseconds;
    CHECK(value_of(time, 0) == "0");
    CHECK(value_of(time, 1) == "0.000000001");
    CHECK(value_of(time, -1) == "-0.000000001");
    CHECK(value_of(time, 1'500'000'000) == "1.5");
    CHECK(value_of(time, 60'000'000'000) == "60");
    CHECK(value_of(time, 1'000'000'001) == "1.000000001");
    CHECK(value_of(time, 100'000'000) == "0.1");
    CHECK(value_of(time, INT64_MAX) == "9223372036.854775807");
    CHECK(value_of(time, INT64_MIN) == "-9223372036.854775808");
    CHECK(value_of(metric_unit::one, INT64_MIN) == "-9223372036854775808");
    CHECK(value_of(metric_unit::bytes, 1'500'000'000) == "1500000000");
}

TEST_CASE("buckets are cumulative, count up to and including their bound, and have fixed bounds") {
    const exposition read{text_of(one_of_each())};
    REQUIRE(read.fault == "");
    const std::string x = "shop_wait_seconds_bucket|mode=X|le=";
    CHECK(read.values.at(x + "0.000000256") == "2");
    CHECK(read.values.at(x + "0.000000512") == "3");
    CHECK(read.values.at(x + "0.000524288") == "3");
    CHECK(read.values.at(x + "0.001048576") == "4");
    CHECK(read.values.at(x + "68.719476736") == "4");
    CHECK(read.values.at(x + "+Inf") == "5");
    CHECK(read.values.at("shop_wait_seconds_count|mode=X") == "5");
    CHECK(read.values.at("shop_wait_seconds_sum|mode=X") == "1125899.907843137");
    CHECK(read.values.at("shop_wait_seconds_bucket|mode=S|le=0.000000256") == "0");
    CHECK(read.values.at("shop_steps_bucket|le=1") == "1");
    CHECK(read.values.at("shop_steps_bucket|le=256") == "2");
    CHECK(read.values.at("shop_steps_bucket|le=1048576") == "4");
    CHECK(read.values.at("shop_record_bytes_bucket|le=64") == "1");
    CHECK(read.values.at("shop_record_bytes_bucket|le=1099511627776") == "4");
    CHECK(read.values.at("shop_record_bytes_sum") == std::to_string(1'000'513 + (1ull << 50)));
    // Buckets, sum and count; two series of waits.
    CHECK(read.families.at("shop_wait_seconds").lines.size() == 2 * (29 + 1 + 2));
    CHECK(read.families.at("shop_record_bytes").lines.size() == 18 + 1 + 2);
    CHECK(read.families.at("shop_steps").lines.size() == 21 + 1 + 2);
}

TEST_CASE("every bucket counts exactly what was recorded up to its bound") {
    CHECK(rc::check([] {
        const auto values = *rc::gen::container<std::vector<std::uint64_t>>(
            rc::gen::inRange<std::uint64_t>(0, 100));
        small_histogram<posix> steps;
        for (const std::uint64_t value : values) steps.record(value);
        sample_writer writer{1};
        writer.histogram({"steps", ""}, steps.snapshot());
        const exposition read{text_of(writer.finish())};
        RC_ASSERT(read.fault == "");
        for (std::uint64_t bound = 1; bound <= 128; bound *= 2)
            RC_ASSERT(read.values.at("steps_bucket|le=" + std::to_string(bound)) ==
                      std::to_string(
                          std::count_if(values.begin(), values.end(),
                                        [bound](std::uint64_t value) { return value <= bound; })));
    }));
}

TEST_CASE("the text of a registry that others record into is well formed") {
    metric_registry<posix> metrics;
    auto& calls = *metrics.add_counter({"calls_total", "Calls."}).value();
    auto& steps = *metrics.add_histogram({"steps", "Steps."}).value();
    std::vector<posix::thread> all;
    for (int number = 0; number < 3; ++number)
        all.emplace_back([&] {
            for (std::uint64_t i = 0; i < 20'000; ++i) {
                calls.add();
                steps.record(i % 100);
            }
        });
    for (int i = 0; i < 20; ++i) CHECK(exposition{text_of(metrics.snapshot())}.fault == "");
    for (auto& thread : all) thread.join();
    const exposition read{text_of(metrics.snapshot())};
    CHECK(read.values.at("calls_total") == "60000");
    CHECK(read.values.at("steps_count") == "60000");
}

TEST_CASE("promtool, where it is installed, finds nothing to say about every kind") {
    if (!promtool_is_installed()) {
        MESSAGE("promtool is not installed: Debian's package prometheus has it");
        return;
    }
    const std::string text = text_of(one_of_each());
    std::FILE* const promtool = ::popen("promtool check metrics >&2", "w");
    REQUIRE(promtool != nullptr);
    CHECK(std::fwrite(text.data(), 1, text.size(), promtool) == text.size());
    CHECK(::pclose(promtool) == 0);
}
