// SPDX-License-Identifier: BSL-1.0
//
// How long an opening of a store would take, and whether its recovery objectives are kept, in a
// registry of metrics:
//
//   metric_registry<posix> metrics;
//   auto db = store<>::open("shop.db").value();
//   const auto shown = show_recovery(metrics, db);        // until `shown` ends
//
//   name                                    kind     what, with the label `path` of the store
//   mantis_checkpoint_bytes                 gauge    of the image of the last checkpoint
//   mantis_checkpoint_barrier_seconds       gauge    for so long commits waited for it
//   mantis_checkpoint_elapsed_seconds       gauge    for so long it was being made
//   mantis_recovery_estimate_seconds        gauge    about how long an opening would take
//   mantis_recovery_point_looks_total       counter  at the recovery point objective
//   mantis_recovery_point_kept_total        counter  of them, how often it was kept
//   mantis_recovery_time_looks_total        counter  at the recovery time objective
//   mantis_recovery_time_kept_total         counter  of them, how often it was kept
//
// The share of the looks at which an objective was kept is its compliance. The estimate is that of
// the last look: 0 where no option of the store needs one.
//
// Threads: any number.
#pragma once

#include "../metrics/registry.hpp"
#include "store.hpp"

namespace mantis {

namespace detail {

inline void collect_objective(sample_writer& into, const label_set& path, const objective& of,
                              const char* looks, const char* kept) {
    into.counter({looks, "Looks at a recovery objective.", path}, of.looks());
    into.counter({kept, "Looks at which it was kept.", path}, of.kept());
}

template <class Store>
void collect_recovery(void* context, sample_writer& into) {
    const Store& of = *static_cast<const Store*>(context);
    const checkpoint_info last = of.last_checkpoint();
    const recovery_objectives now = of.objectives();
    const label_set path{{"path", of.path()}};
    into.gauge({"mantis_checkpoint_bytes", "Of the image of the last checkpoint.", path,
                metric_unit::bytes},
               static_cast<std::int64_t>(last.bytes));
    into.gauge({"mantis_checkpoint_barrier_seconds", "For so long commits waited for it.", path,
                metric_unit::nanoseconds},
               last.barrier.count);
    into.gauge({"mantis_checkpoint_elapsed_seconds", "For so long it was being made.", path,
                metric_unit::nanoseconds},
               last.elapsed.count);
    into.gauge({"mantis_recovery_estimate_seconds", "About how long an opening would take.", path,
                metric_unit::nanoseconds},
               now.estimate.count);
    collect_objective(into, path, now.point, "mantis_recovery_point_looks_total",
                      "mantis_recovery_point_kept_total");
    collect_objective(into, path, now.time, "mantis_recovery_time_looks_total",
                      "mantis_recovery_time_kept_total");
}

}  // namespace detail

//   Requires    `of` is open, and neither moves nor is closed until the attachment ends
template <class Platform, class App>
[[nodiscard]] metric_attachment<Platform> show_recovery(metric_registry<Platform>& metrics,
                                                        store<App>& of) {
    return metrics.collect(&detail::collect_recovery<store<App>>, &of);
}

}  // namespace mantis
