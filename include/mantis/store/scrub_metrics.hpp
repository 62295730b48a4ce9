// SPDX-License-Identifier: BSL-1.0
//
// What scrubbing a store has read and found, in a registry of metrics:
//
//   metric_registry<posix> metrics;
//   auto db = store<>::open("shop.db", {.scrub_bytes_per_second = MiB}).value();
//   const auto shown = show_scrub(metrics, db);           // until `shown` ends
//
//   name                                    kind     what, with the label `path` of the store
//   mantis_scrub_rounds_total               counter  rounds that came to their end
//   mantis_scrub_bytes_total                counter  read by all rounds
//   mantis_scrub_findings_total             counter  of all rounds, but harmless ones
//   mantis_scrub_unrepaired                 gauge    of the last round, and still there
//   mantis_scrub_last_end_seconds           gauge    when the last round ended, since 1970; 0: none
//
// Threads: any number.
#pragma once

#include "../metrics/registry.hpp"
#include "store.hpp"

namespace mantis {

namespace detail {

template <class Store>
void collect_scrub(void* context, sample_writer& into) {
    const Store& of = *static_cast<const Store*>(context);
    const integrity_state now = of.integrity();
    const label_set path{{"path", of.path()}};
    into.counter({"mantis_scrub_rounds_total", "Rounds of scrubbing that came to their end.", path},
                 now.rounds);
    into.counter({"mantis_scrub_bytes_total", "Bytes read by scrubbing.", path}, now.bytes);
    into.counter({"mantis_scrub_findings_total", "Damage found by scrubbing.", path}, now.findings);
    into.gauge(
        {"mantis_scrub_unrepaired", "Damage that the last round found and nobody repaired.", path},
        now.last ? static_cast<std::int64_t>(now.last->findings - now.last->repaired) : 0);
    into.gauge({"mantis_scrub_last_end_seconds", "When the last round ended, since 1970.", path,
                metric_unit::nanoseconds},
               now.last_end.count);
}

}  // namespace detail

//   Requires    `of` is open, and neither moves nor is closed until the attachment ends
template <class Platform, class App>
[[nodiscard]] metric_attachment<Platform> show_scrub(metric_registry<Platform>& metrics,
                                                     store<App>& of) {
    return metrics.collect(&detail::collect_scrub<store<App>>, &of);
}

}  // namespace mantis
