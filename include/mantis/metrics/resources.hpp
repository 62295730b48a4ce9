// SPDX-License-Identifier: BSL-1.0
//
// The disk space and the memory of a store, in a registry of metrics.
//
//   metric_registry<posix> metrics;
//   auto db = store<>::open("shop.db").value();
//   const auto space = show_space(metrics, db.space());       // until they end
//   const auto memory = show_memory(metrics, db.memory());
//
//   name                                  kind      what; of space with the label `path`
//   mantis_space_free_bytes               gauge     at the last look
//   mantis_space_state                    gauge     0 plenty, 1 scarce, 2 refusing
//   mantis_space_looks_total              counter   times that the system was asked
//   mantis_space_refused_total            counter   commits, to keep a reserve
//   mantis_space_disk_full_total          counter   writes that met a full disk
//   mantis_memory_used_bytes              gauge     0 where there is no limit
//   mantis_memory_limit_bytes             gauge
//   mantis_memory_state                   gauge     0 normal, 1 above the soft limit, 2 refusing
//   mantis_memory_refused_total           counter   operations
//   mantis_memory_sheds_total             counter   times that caches were asked
//   mantis_memory_shed_bytes_total        counter   that they gave
//
// Threads: any number.
#pragma once

#include "../platform/memory_budget.hpp"
#include "../platform/space_watch.hpp"
#include "registry.hpp"

namespace mantis {

namespace detail {

template <class Watch>
void collect_space(void* context, sample_writer& into) {
    const Watch& of = *static_cast<const Watch*>(context);
    const space_counts now = of.counts();
    const label_set path{{"path", of.path()}};
    constexpr std::uint64_t most = INT64_MAX;  // a disk without a limit
    into.gauge(
        {"mantis_space_free_bytes", "Free on the disk at the last look.", path, metric_unit::bytes},
        static_cast<std::int64_t>(now.free_bytes < most ? now.free_bytes : most));
    into.gauge({"mantis_space_state", "0 plenty, 1 scarce, 2 refusing.", path},
               static_cast<std::int64_t>(now.state));
    into.counter({"mantis_space_looks_total", "Times that the system was asked.", path}, now.looks);
    into.counter({"mantis_space_refused_total", "Commits refused to keep a reserve.", path},
                 now.refused);
    into.counter({"mantis_space_disk_full_total", "Writes that met a full disk.", path},
                 now.disk_full);
}

template <class Budget>
void collect_memory(void* context, sample_writer& into) {
    const memory_counts now = static_cast<const Budget*>(context)->counts();
    into.gauge({"mantis_memory_used_bytes", "Taken from the budget.", {}, metric_unit::bytes},
               static_cast<std::int64_t>(now.used_bytes));
    into.gauge({"mantis_memory_limit_bytes", "Of the budget.", {}, metric_unit::bytes},
               static_cast<std::int64_t>(now.limits.hard_bytes));
    into.gauge({"mantis_memory_state", "0 normal, 1 above the soft limit, 2 refusing.", {}},
               static_cast<std::int64_t>(now.state));
    into.counter({"mantis_memory_refused_total", "Operations refused.", {}}, now.refused);
    into.counter({"mantis_memory_sheds_total", "Times that caches were asked to shed.", {}},
                 now.sheds);
    into.counter(
        {"mantis_memory_shed_bytes_total", "Given back by caches.", {}, metric_unit::bytes},
        now.shed_bytes);
}

}  // namespace detail

//   Requires    `of` lives until the attachment ends
template <class Platform, class Below>
[[nodiscard]] metric_attachment<Platform> show_space(metric_registry<Platform>& metrics,
                                                     space_watch<Below>& of) {
    return metrics.collect(&detail::collect_space<space_watch<Below>>, &of);
}

//   Requires    `of` lives until the attachment ends
template <class Platform, class Below>
[[nodiscard]] metric_attachment<Platform> show_memory(metric_registry<Platform>& metrics,
                                                      memory_budget<Below>& of) {
    return metrics.collect(&detail::collect_memory<memory_budget<Below>>, &of);
}

}  // namespace mantis
