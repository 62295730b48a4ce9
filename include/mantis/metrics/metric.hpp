// SPDX-License-Identifier: BSL-1.0
//
// What a metric is called and which names are good ones: the rules of Prometheus, applied where a
// metric is made and not where it is scraped.
//
//   a name         letters, digits and '_', no digit first; ':' is left to recording rules
//   its ending     a counter ends with _total and nothing else does; with a unit, the word before
//                  that is _seconds (times, kept as nanoseconds) or _bytes; nothing ends with
//                  _bucket, _sum or _count, which histograms add
//   a label        letters, digits and '_', no digit and no "__" first, not le or quantile, and no
//                  name twice; its value is any bytes
//
// Threads: any number.
#pragma once

#include "../core/result.hpp"
#include "label_set.hpp"

namespace mantis {

enum class metric_kind : std::uint8_t { counter, gauge, histogram };

// What one is, and how it is shown: times are kept in nanoseconds and shown in seconds.
enum class metric_unit : std::uint8_t { one, nanoseconds, bytes };

[[nodiscard]] constexpr const char* name_of(metric_kind kind) noexcept {
    switch (kind) {
        case metric_kind::counter: return "counter";
        case metric_kind::gauge: return "gauge";
        case metric_kind::histogram: return "histogram";
    }
    return "unknown";
}

// {.name = "mantis_lock_waits_total", .help = "Waits for a lock.", .labels = {{"mode", "X"}}}
struct metric_description {
    bytes_view name = {};
    bytes_view help = {};
    label_set labels = {};
    metric_unit unit = metric_unit::one;
};

namespace detail {

[[nodiscard]] inline bool is_metric_word(bytes_view name) noexcept {
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name.chars()[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return !name.empty();
}

// Whether something stands before that ending, too.
[[nodiscard]] inline bool ends_with(bytes_view name, bytes_view ending) noexcept {
    return name.size() > ending.size() && name.from(name.size() - ending.size()) == ending;
}

[[nodiscard]] inline error bad_metric(const char* why, bytes_view name) {
    return error{error_code::invalid_argument, why}.about(name);
}

[[nodiscard]] inline result<void> judge_ending(bytes_view name, metric_kind kind,
                                               metric_unit unit) {
    const bool total = ends_with(name, "_total");
    if (kind == metric_kind::counter && !total)
        return bad_metric("naming a metric: a counter ends with _total", name);
    if (kind != metric_kind::counter && total)
        return bad_metric("naming a metric: only a counter ends with _total", name);
    const bytes_view word = total ? name.first(name.size() - 6) : name;
    if (unit == metric_unit::nanoseconds && !ends_with(word, "_seconds"))
        return bad_metric("naming a metric: a time ends with _seconds, and _total after it", name);
    if (unit == metric_unit::bytes && !ends_with(word, "_bytes"))
        return bad_metric("naming a metric: bytes end with _bytes, and _total after it", name);
    for (const char* const ending : {"_bucket", "_sum", "_count"})
        if (ends_with(word, ending))
            return bad_metric("naming a metric: _bucket, _sum and _count are taken", name);
    return success();
}

[[nodiscard]] inline result<void> judge_labels(bytes_view name, const label_set& labels) {
    const auto refuse = [name](const char* why, const metric_label& of) {
        bytes both{name};
        both.append("{");
        both.append(of.name.view());
        both.append("}");
        return bad_metric(why, both.view());
    };
    for (std::size_t i = 0; i < labels.count(); ++i) {
        const bytes_view label = labels[i].name.view();
        if (!is_metric_word(label))
            return refuse("naming a label: letters, digits and _ make a name, no digit first",
                          labels[i]);
        if (label.starts_with("__"))
            return refuse("naming a label: __ is left to the collecting system", labels[i]);
        if (label == bytes_view{"le"} || label == bytes_view{"quantile"})
            return refuse("naming a label: le and quantile are taken", labels[i]);
        if (i > 0 && label == labels[i - 1].name.view())
            return refuse("naming a label: it is there twice", labels[i]);
    }
    return success();
}

//   Errors      invalid_argument, about the name, or the name and the label in braces
[[nodiscard]] inline result<void> judge_metric(const metric_description& metric, metric_kind kind) {
    if (!is_metric_word(metric.name))
        return bad_metric("naming a metric: letters, digits and _ make a name, no digit first",
                          metric.name);
    if (auto ending = judge_ending(metric.name, kind, metric.unit); !ending) return ending;
    return judge_labels(metric.name, metric.labels);
}

}  // namespace detail

}  // namespace mantis
