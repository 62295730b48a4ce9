// SPDX-License-Identifier: BSL-1.0
//
// A lock manager in a registry of metrics:
//
//   metric_registry<posix> metrics;
//   lock_manager<posix> locks;
//   const auto shown = show_locks(metrics, locks);      // until `shown` ends
//
//   name                                       kind       labels     what
//   mantis_lock_granted_at_once_total          counter               without a wait, in a queue
//   mantis_lock_waits_total                    counter
//   mantis_lock_timeouts_total                 counter
//   mantis_lock_deadlocks_total                counter               that were ended
//   mantis_lock_escalations_total              counter
//   mantis_lock_queues                         gauge                 resources locked now
//   mantis_lock_wait_seconds                   histogram  mode       of waits that are over
//   mantis_lock_hottest_wait_seconds_total     counter    path       the ten with most, so far
//   mantis_lock_site_wait_seconds_total        counter    site       the same by call site
//
// Threads: any number.
#pragma once

#include "../metrics/registry.hpp"
#include "manager.hpp"

namespace mantis {

namespace detail {

inline constexpr std::size_t shown_waits = 10;

template <class Manager>
void collect_locks(void* context, sample_writer& into) {
    Manager& locks = *static_cast<Manager*>(context);
    const lock_counts counts = locks.counts();
    into.counter({"mantis_lock_granted_at_once_total", "Locks granted without a wait."},
                 counts.granted_at_once);
    into.counter({"mantis_lock_waits_total", "Waits for a lock."}, counts.waits);
    into.counter({"mantis_lock_timeouts_total", "Waits for a lock that ended without it."},
                 counts.timeouts);
    into.counter({"mantis_lock_deadlocks_total", "Dead-locks that were ended."}, counts.deadlocks);
    into.counter({"mantis_lock_escalations_total", "Keys exchanged for their table."},
                 counts.escalations);
    into.gauge({"mantis_lock_queues", "Resources that are locked or waited for."},
               static_cast<std::int64_t>(counts.queues));
    for (std::size_t i = 1; i < lock_mode_count; ++i) {
        const auto mode = static_cast<lock_mode>(i);
        into.histogram({"mantis_lock_wait_seconds",
                        "How long locks were waited for.",
                        {{"mode", name_of(mode)}},
                        metric_unit::nanoseconds},
                       locks.wait_times(mode));
    }
    for (const waited_at& hot : locks.hottest(shown_waits))
        into.counter({"mantis_lock_hottest_wait_seconds_total",
                      "Time waited for the locks that were waited for most.",
                      {{"path", hot.name}},
                      metric_unit::nanoseconds},
                     static_cast<std::uint64_t>(hot.total.count));
    for (const waited_at& hot : locks.hottest_sites(shown_waits))
        into.counter({"mantis_lock_site_wait_seconds_total",
                      "Time waited at the call sites that waited most.",
                      {{"site", hot.name}},
                      metric_unit::nanoseconds},
                     static_cast<std::uint64_t>(hot.total.count));
}

}  // namespace detail

//   Requires    `locks` lives until the attachment ends
template <class Platform, class Deadlock, class Choice>
[[nodiscard]] metric_attachment<Platform> show_locks(
    metric_registry<Platform>& metrics, lock_manager<Platform, Deadlock, Choice>& locks) {
    return metrics.collect(&detail::collect_locks<lock_manager<Platform, Deadlock, Choice>>,
                           &locks);
}

}  // namespace mantis
