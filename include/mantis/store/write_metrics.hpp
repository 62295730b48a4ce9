// SPDX-License-Identifier: BSL-1.0
//
// How the writers of a store are delayed, and by what, in a registry of metrics:
//
//   metric_registry<posix> metrics;
//   auto db = store<>::open("shop.db").value();
//   const auto shown = show_writes(metrics, db);          // until `shown` ends
//
//   name                                    kind     what, with the label `path` of the store
//   mantis_writes_debt_ppm                  gauge    millionths: 0 none, 1,000,000 the most
//   mantis_writes_level_ppm                 gauge    what it is made of, with the label `of`:
//                                                    log_turn, log, pages, side_copies, space;
//                                                    500,000 is where a debt begins
//   mantis_writes_delayed_total             counter  commits
//   mantis_writes_delay_seconds_total       counter  for so long, all together
//   mantis_writes_longest_delay_seconds     gauge    of one commit
//
// Debt and levels are those of the last look: nobody looks where nobody writes.
//
// Threads: any number.
#pragma once

#include "../metrics/registry.hpp"
#include "store.hpp"

namespace mantis {

namespace detail {

template <class Store>
void collect_writes(void* context, sample_writer& into) {
    const Store& of = *static_cast<const Store*>(context);
    const write_pace_stats now = of.writes();
    const label_set path{{"path", of.path()}};
    constexpr double most = 1e9;  // of a share, in millionths
    const auto ppm = [](double share) {
        const double shown = share * 1e6;
        return static_cast<std::int64_t>(shown < most ? shown : most);
    };
    into.gauge({"mantis_writes_debt_ppm", "What writers owe, in millionths of the most.", path},
               ppm(now.debt));
    const auto level = [&](const char* name, double share) {
        into.gauge({"mantis_writes_level_ppm", "What the debt of writers is made of.",
                    label_set{{"path", of.path()}, {"of", name}}},
                   ppm(share));
    };
    level("log_turn", now.levels.log_turn);
    level("log", now.levels.log);
    level("pages", now.levels.pages);
    level("side_copies", now.levels.side_copies);
    level("space", now.levels.space);
    into.counter({"mantis_writes_delayed_total", "Commits that were delayed.", path}, now.delayed);
    into.counter({"mantis_writes_delay_seconds_total", "For so long commits were delayed.", path,
                  metric_unit::nanoseconds},
                 static_cast<std::uint64_t>(now.delay.count));
    into.gauge({"mantis_writes_longest_delay_seconds", "The longest that a commit was delayed.",
                path, metric_unit::nanoseconds},
               now.longest.count);
}

}  // namespace detail

//   Requires    `of` is open, and neither moves nor is closed until the attachment ends
template <class Platform, class App>
[[nodiscard]] metric_attachment<Platform> show_writes(metric_registry<Platform>& metrics,
                                                      store<App>& of) {
    return metrics.collect(&detail::collect_writes<store<App>>, &of);
}

}  // namespace mantis
