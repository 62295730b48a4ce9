// SPDX-License-Identifier: BSL-1.0
//
// Metrics in the text format that Prometheus and most others scrape, version 0.0.4.
//
// Serve prometheus_text(registry.snapshot()) under /metrics with prometheus_content_type.
//
//   # HELP mantis_lock_waits_total Waits for a lock.
//   # TYPE mantis_lock_waits_total counter
//   mantis_lock_waits_total{mode="X"} 12
//
// Times are shown in seconds, as exact decimals. Histograms show these bounds, which are the same
// for every histogram of a unit, so that they can be added up; each counts exactly the values up to
// and including it:
//
//   nanoseconds   2^8, 2^9, ... 2^36      256 ns to 68.7 s
//   bytes         2^6, 2^8, ... 2^40      64 B to 1 TiB
//   one           2^0, 2^1, ... 2^20      1 to 1'048'576
//
// Text is UTF-8: a byte of a help or a label value that is not is shown as \xNN.
//
//   Source      Prometheus, "Exposition formats", text-based format
//   Threads     any number
#pragma once

#include "../platform/detail/decimal.hpp"
#include "detail/utf8.hpp"
#include "metrics_snapshot.hpp"

namespace mantis {

inline constexpr const char* prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

namespace detail {

struct prometheus_bounds {
    unsigned first, last, step;  // exponents of two
};

[[nodiscard]] constexpr prometheus_bounds prometheus_bounds_of(metric_unit unit) noexcept {
    switch (unit) {
        case metric_unit::nanoseconds: return {8, 36, 1};
        case metric_unit::bytes: return {6, 40, 2};
        case metric_unit::one: break;
    }
    return {0, 20, 1};
}
static_assert(prometheus_bounds_of(metric_unit::bytes).last <= histogram_layout::range_bits,
              "a bound past the range of a histogram would not be exact");

class prometheus_writer {
public:
    void add(const metric_family& family) {
        if (family.samples.empty()) return;
        if (!family.help.empty()) {
            begin_comment("HELP", family);
            append_escaped(family.help.view(), false);
            text_.append("\n");
        }
        begin_comment("TYPE", family);
        text_.append(name_of(family.kind));
        text_.append("\n");
        for (const metric_sample& each : family.samples) add(family, each);
    }
    [[nodiscard]] bytes take() { return std::move(text_); }

private:
    void add(const metric_family& family, const metric_sample& sample) {
        switch (family.kind) {
            case metric_kind::counter:
                begin_line(family, "", sample.labels);
                return end_line(sample.total, family.unit);
            case metric_kind::gauge: {
                begin_line(family, "", sample.labels);
                const auto magnitude = static_cast<std::uint64_t>(sample.level);
                if (sample.level < 0) text_.append("-");
                return end_line(sample.level < 0 ? 0 - magnitude : magnitude, family.unit);
            }
            case metric_kind::histogram: return add_histogram(family, sample);
        }
    }
    void add_histogram(const metric_family& family, const metric_sample& sample) {
        const histogram_snapshot& shown = sample.distribution;
        const prometheus_bounds each = prometheus_bounds_of(family.unit);
        for (unsigned power = each.first; power <= each.last; power += each.step) {
            const std::uint64_t bound = std::uint64_t{1} << power;
            bytes le;
            append_number(le, bound, family.unit);
            begin_line(family, "_bucket", sample.labels, le.view());
            end_line(shown.count_up_to(bound), metric_unit::one);
        }
        begin_line(family, "_bucket", sample.labels, "+Inf");
        end_line(shown.count(), metric_unit::one);
        begin_line(family, "_sum", sample.labels);
        end_line(shown.sum(), family.unit);
        begin_line(family, "_count", sample.labels);
        end_line(shown.count(), metric_unit::one);
    }

    void begin_comment(const char* word, const metric_family& family) {
        text_.append("# ");
        text_.append(word);
        text_.append(" ");
        text_.append(family.name.view());
        text_.append(" ");
    }
    void begin_line(const metric_family& family, const char* ending, const label_set& labels,
                    bytes_view le = {}) {
        text_.append(family.name.view());
        text_.append(ending);
        const char* before = "{";
        for (const metric_label& each : labels) {
            text_.append(before);
            text_.append(each.name.view());
            text_.append("=\"");
            append_escaped(each.value.view(), true);
            text_.append("\"");
            before = ",";
        }
        if (!le.empty()) {
            text_.append(before);
            text_.append("le=\"");
            text_.append(le);
            text_.append("\"");
        }
        text_.append(labels.empty() && le.empty() ? " " : "} ");
    }
    void end_line(std::uint64_t value, metric_unit unit) {
        append_number(text_, value, unit);
        text_.append("\n");
    }

    static void append_number(bytes& text, std::uint64_t value, metric_unit unit) {
        constexpr std::uint64_t second = 1'000'000'000;
        if (unit != metric_unit::nanoseconds) return append_decimal(text, value);
        append_decimal(text, value / second);
        std::uint64_t rest = value % second;
        if (rest != 0) text.append(".");
        for (std::uint64_t unit_ns = second / 10; rest != 0; unit_ns /= 10) {
            text.push_back(static_cast<char>('0' + rest / unit_ns));
            rest %= unit_ns;
        }
    }
    // A quote is escaped in a label value only.
    void append_escaped(bytes_view from, bool quoted) {
        while (!from.empty()) {
            const std::size_t length = utf8_length(from);
            const char first = *from.chars();
            if (length == 0) append_hexadecimal(from[0]);
            else if (first == '\n') text_.append("\\n");
            else if (first == '\\') text_.append("\\\\");
            else if (first == '"' && quoted) text_.append("\\\"");
            else text_.append(from.first(length));
            from = from.from(length == 0 ? 1 : length);
        }
    }
    void append_hexadecimal(std::byte value) {
        constexpr const char* digits = "0123456789abcdef";
        text_.append("\\\\x");
        text_.push_back(digits[std::to_integer<unsigned>(value) >> 4]);
        text_.push_back(digits[std::to_integer<unsigned>(value) & 15]);
    }

    bytes text_;
};

}  // namespace detail

//   Returns     the families in their order, a line of help and one of the kind before each; every
//               line ends with '\n'
[[nodiscard]] inline bytes prometheus_text(const metrics_snapshot& metrics) {
    detail::prometheus_writer text;
    for (const metric_family& each : metrics.families) text.add(each);
    return text.take();
}

}  // namespace mantis
