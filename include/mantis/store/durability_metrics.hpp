// SPDX-License-Identifier: BSL-1.0
//
// What a power failure would take of a store, in a registry of metrics:
//
//   metric_registry<posix> metrics;
//   auto db = store<>::open("shop.db").value();
//   const auto shown = show_durability(metrics, db);      // until `shown` ends
//
//   name                                         kind     what, with the label `path` of the store
//   mantis_durability_at_risk_bytes              gauge    of the log that was answered, not durable
//   mantis_durability_at_risk_age_seconds        gauge    of the oldest commit among it
//   mantis_durability_longest_seconds            gauge    that a due commit was not durable
//   mantis_durability_most_bytes                 gauge    that were at risk with a due commit
//   mantis_durability_exceeded_period_total      counter  the window in time was not kept
//   mantis_durability_exceeded_bytes_total       counter  the window in bytes was not kept
//
// Threads: any number.
#pragma once

#include "../metrics/registry.hpp"
#include "store.hpp"

namespace mantis {

namespace detail {

template <class Store>
void collect_durability(void* context, sample_writer& into) {
    const Store& of = *static_cast<const Store*>(context);
    const loss_window now = of.window();
    const label_set path{{"path", of.path()}};
    into.gauge({"mantis_durability_at_risk_bytes", "Answered log that a power failure would take.",
                path, metric_unit::bytes},
               static_cast<std::int64_t>(now.bytes));
    into.gauge({"mantis_durability_at_risk_age_seconds",
                "Since when the oldest commit that a power failure would take is answered.", path,
                metric_unit::nanoseconds},
               now.age.count);
    into.gauge(
        {"mantis_durability_longest_seconds", "The longest that a periodic commit was not durable.",
         path, metric_unit::nanoseconds},
        now.longest.count);
    into.gauge({"mantis_durability_most_bytes", "The most log that periodic commits had at risk.",
                path, metric_unit::bytes},
               static_cast<std::int64_t>(now.most_bytes));
    into.counter({"mantis_durability_exceeded_period_total",
                  "Periodic commits were not durable within sync_period.", path},
                 now.exceeded_period);
    into.counter(
        {"mantis_durability_exceeded_bytes_total", "More than sync_bytes were not durable.", path},
        now.exceeded_bytes);
}

}  // namespace detail

//   Requires    `of` is open, and neither moves nor is closed until the attachment ends
template <class Platform, class App>
[[nodiscard]] metric_attachment<Platform> show_durability(metric_registry<Platform>& metrics,
                                                          store<App>& of) {
    return metrics.collect(&detail::collect_durability<store<App>>, &of);
}

}  // namespace mantis
