// SPDX-License-Identifier: BSL-1.0
//
// All metrics at one time, as plain data: what a registry answers and what is written as text.
//
// sample_writer makes one: a registry fills in what it knows, then hands the writer to collectors.
//
// Invariants of a finished snapshot:
//   1. families are in the order of their names, samples in the order of their labels
//   2. all samples of a family are of its kind and unit, and no two have the same labels
//   3. every name is a good one (metric.hpp); what was not is counted in `dropped`
//
// Threads: like an int: any number of readers, or one writer.
#pragma once

#include "detail/first_place.hpp"
#include "histogram_snapshot.hpp"
#include "metric.hpp"

namespace mantis {

struct metric_sample {
    label_set labels = {};
    // The one of the family's kind is set.
    std::uint64_t total = 0;               // counter
    std::int64_t level = 0;                // gauge
    histogram_snapshot distribution = {};  // histogram
};

struct metric_family {
    bytes name = {};
    bytes help = {};
    metric_kind kind = metric_kind::counter;
    metric_unit unit = metric_unit::one;
    std::vector<metric_sample> samples = {};

    //   Returns     nullptr where there is none of exactly these labels
    [[nodiscard]] const metric_sample* find(const label_set& labels) const noexcept {
        for (const metric_sample& each : samples)
            if (each.labels == labels) return &each;
        return nullptr;
    }
};

struct metrics_snapshot {
    std::vector<metric_family> families = {};
    // Samples that collectors gave and that are not here: a bad name, a second one of the same
    // labels, another kind than the family's, or one too many.
    std::uint64_t dropped = 0;
    bytes first_dropped = {};  // what was wrong with the first of them

    //   Returns     nullptr where there is none
    [[nodiscard]] const metric_family* find(bytes_view name) const noexcept {
        for (const metric_family& each : families)
            if (each.name.view() == name) return &each;
        return nullptr;
    }
    [[nodiscard]] const metric_sample* find(bytes_view name,
                                            const label_set& labels) const noexcept {
        const metric_family* const family = find(name);
        return family != nullptr ? family->find(labels) : nullptr;
    }
};

// Where a collector puts its numbers. What cannot be taken is dropped and counted in the snapshot,
// for nobody is there to be told.
//   Threads     one at a time
class sample_writer {
public:
    explicit sample_writer(std::size_t max_samples) noexcept : max_samples_{max_samples} {}

    void counter(const metric_description& metric, std::uint64_t total) {
        if (metric_sample* const sample = add(metric, metric_kind::counter); sample != nullptr)
            sample->total = total;
    }
    void gauge(const metric_description& metric, std::int64_t level) {
        if (metric_sample* const sample = add(metric, metric_kind::gauge); sample != nullptr)
            sample->level = level;
    }
    void histogram(const metric_description& metric, histogram_snapshot distribution) {
        if (metric_sample* const sample = add(metric, metric_kind::histogram); sample != nullptr)
            sample->distribution = std::move(distribution);
    }

    //   Effects     a family of samples that are good and in order; before all collectors
    void add_family(metric_family family) {
        sample_count_ += family.samples.size();
        made_.families.push_back(std::move(family));
    }
    //   Returns     the snapshot; the writer is done with
    [[nodiscard]] metrics_snapshot finish() {
        for (metric_family& each : made_.families) order(each);
        return std::move(made_);
    }

private:
    //   Returns     the new sample, or nullptr: it was dropped
    metric_sample* add(const metric_description& metric, metric_kind kind) {
        if (auto good = detail::judge_metric(metric, kind); !good) {
            drop(good.error());
            return nullptr;
        }
        if (sample_count_ >= max_samples_) {
            drop(error{error_code::too_large, "collecting metrics: too many series"}
                     .about(metric.name)
                     .with("limit", max_samples_));
            return nullptr;
        }
        metric_family& family = family_of(metric, kind);
        if (family.kind != kind || family.unit != metric.unit) {
            drop(error{error_code::already_exists,
                       "collecting metrics: the name is of another kind or unit"}
                     .about(metric.name));
            return nullptr;
        }
        ++sample_count_;
        family.samples.push_back({.labels = metric.labels});
        return &family.samples.back();
    }
    metric_family& family_of(const metric_description& metric, metric_kind kind) {
        std::vector<metric_family>& all = made_.families;
        const std::size_t place = detail::first_place(
            all.size(), [&](std::size_t i) { return all[i].name.view() < metric.name; });
        if (place < all.size() && all[place].name.view() == metric.name) return all[place];
        return *all.insert(all.begin() + static_cast<std::ptrdiff_t>(place),
                           {.name = bytes{metric.name},
                            .help = bytes{metric.help},
                            .kind = kind,
                            .unit = metric.unit});
    }
    // Of samples with the same labels the first that came stays.
    void order(metric_family& family) {
        std::vector<metric_sample>& came = family.samples;
        std::vector<std::size_t> order;  // numbers are moved to make room, not samples
        order.reserve(came.size());
        for (std::size_t i = 0; i < came.size(); ++i) {
            const std::size_t place = detail::first_place(order.size(), [&](std::size_t at) {
                return came[order[at]].labels < came[i].labels;
            });
            if (place < order.size() && came[order[place]].labels == came[i].labels)
                drop(
                    error{error_code::already_exists, "collecting metrics: a series is there twice"}
                        .about(family.name.view()));
            else order.insert(order.begin() + static_cast<std::ptrdiff_t>(place), i);
        }
        std::vector<metric_sample> ordered;
        ordered.reserve(order.size());
        for (const std::size_t i : order) ordered.push_back(std::move(came[i]));
        came = std::move(ordered);
    }
    void drop(const error& why) {
        if (made_.dropped++ == 0) made_.first_dropped = why.message();
    }

    const std::size_t max_samples_;
    std::size_t sample_count_ = 0;
    metrics_snapshot made_;
};

}  // namespace mantis
