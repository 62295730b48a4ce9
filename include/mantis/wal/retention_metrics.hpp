// SPDX-License-Identifier: BSL-1.0
//
// How much of a log is kept, and by whom, in a registry of metrics.
//
//   const auto shown = show_retention(metrics, keeper);     // until `shown` ends
//
//   name                                   kind     what, with the label `path` of the log
//   mantis_log_kept_bytes                  gauge    of the log, at the last look
//   mantis_log_kept_segments               gauge
//   mantis_log_oldest_lsn                  gauge    the log begins here
//   mantis_log_archived_lsn                gauge    everything before it is archived
//   mantis_log_held_bytes                  gauge    by a hold, with the label `hold`
//   mantis_log_archived_segments_total     counter
//   mantis_log_archive_failures_total      counter  offers that the archive refused
//   mantis_log_removed_segments_total      counter
//   mantis_log_removed_bytes_total         counter
//
// Threads: any number.
#pragma once

#include "../metrics/registry.hpp"
#include "retention.hpp"

namespace mantis {

namespace detail {

template <class Keeper>
void collect_retention(void* context, sample_writer& into) {
    const Keeper& of = *static_cast<const Keeper*>(context);
    const log_keeper_stats now = of.stats();
    const label_set path{{"path", of.path()}};
    const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
    into.gauge({"mantis_log_kept_bytes", "Of the log, at the last look.", path, metric_unit::bytes},
               number(now.log_bytes));
    into.gauge({"mantis_log_kept_segments", "Files of the log, at the last look.", path},
               number(now.segments));
    into.gauge({"mantis_log_oldest_lsn", "Where the log begins.", path}, number(now.oldest.value));
    into.gauge({"mantis_log_archived_lsn", "Everything before it is archived.", path},
               number(now.archived.value));
    const std::uint64_t end = now.oldest.value + now.log_bytes;
    for (const log_hold_info& each : now.holds)
        into.gauge({"mantis_log_held_bytes", "Of the log, kept by who holds it.",
                    label_set{{"path", of.path()}, {"hold", each.name}}, metric_unit::bytes},
                   number(end > each.from.value ? end - each.from.value : 0));
    into.counter({"mantis_log_archived_segments_total", "Segments that the archive took.", path},
                 now.archived_segments);
    into.counter({"mantis_log_archive_failures_total", "Offers that the archive refused.", path},
                 now.archive_failures);
    into.counter({"mantis_log_removed_segments_total", "Segments that nobody needed.", path},
                 now.removed_segments);
    into.counter({"mantis_log_removed_bytes_total", "Of the log, that nobody needed.", path,
                  metric_unit::bytes},
                 now.removed_bytes);
}

}  // namespace detail

//   Requires    `of` lives until the attachment ends
template <class Platform, class Below, class Checksum>
[[nodiscard]] metric_attachment<Platform> show_retention(metric_registry<Platform>& metrics,
                                                         const log_keeper<Below, Checksum>& of) {
    // The collector only reads.
    return metrics.collect(&detail::collect_retention<log_keeper<Below, Checksum>>,
                           const_cast<log_keeper<Below, Checksum>*>(&of));
}

}  // namespace mantis
