// SPDX-License-Identifier: BSL-1.0
//
// How the files of a program are, in a registry of metrics: what was repeated, and where a breaker
// keeps calls away.
//
//   metric_registry<posix> metrics;
//   auto db = store<>::open("shop.db").value();
//   const auto shown = show_files(metrics, db.files());       // until `shown` ends
//
//   name                                    kind      what, with the label `path` of a directory
//   mantis_files_failures_total             counter   attempts that failed for a passing reason
//   mantis_files_repeats_total              counter   attempts after the first
//   mantis_files_given_up_total             counter   calls that failed in spite of them
//   mantis_files_breaker_state              gauge     0 closed, 1 open, 2 half open
//   mantis_files_breaker_trips_total        counter   from closed to open
//   mantis_files_breaker_refused_total      counter   calls that were not tried
//   mantis_files_breaker_probes_total       counter   calls let through to see
//
// Threads: any number.
#pragma once

#include "../platform/retrying.hpp"
#include "registry.hpp"

namespace mantis {

namespace detail {

template <class Files>
void collect_files(void* context, sample_writer& into) {
    for (const named_file_health& each : static_cast<Files*>(context)->health()) {
        const label_set path{{"path", each.path}};
        const breaker_counts& breaker = each.health.breaker;
        into.counter({"mantis_files_failures_total",
                      "Attempts to read, list or open that failed for a passing reason.", path},
                     breaker.failures);
        into.counter({"mantis_files_repeats_total", "Attempts after the first.", path},
                     each.health.repeats);
        into.counter({"mantis_files_given_up_total", "Calls that failed in the end.", path},
                     each.health.given_up);
        into.gauge({"mantis_files_breaker_state", "0 closed, 1 open, 2 half open.", path},
                   static_cast<std::int64_t>(breaker.state));
        into.counter({"mantis_files_breaker_trips_total", "Breakers that opened.", path},
                     breaker.trips);
        into.counter({"mantis_files_breaker_refused_total", "Calls that were not tried.", path},
                     breaker.refused);
        into.counter({"mantis_files_breaker_probes_total", "Calls let through to see.", path},
                     breaker.probes);
    }
}

}  // namespace detail

//   Requires    `files` lives until the attachment ends
template <class Platform, class Below>
[[nodiscard]] metric_attachment<Platform> show_files(metric_registry<Platform>& metrics,
                                                     retrying<Below>& files) {
    return metrics.collect(&detail::collect_files<retrying<Below>>, &files);
}

}  // namespace mantis
