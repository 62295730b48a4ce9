// SPDX-License-Identifier: BSL-1.0
//
// The tables in pages of a store, in a registry of metrics:
//
//   metric_registry<posix> metrics;
//   auto db = store<archive>::open("archive.db").value();
//   const auto shown = show_pages(metrics, db);           // until `shown` ends
//
//   name                                    kind     what, with the label `path` of the store
//   mantis_pages                            gauge    of all tables
//   mantis_pages_memory_bytes               gauge    of those that are in memory
//   mantis_pages_disk_bytes                 gauge    of their files
//   mantis_pages_reserve_bytes              gauge    of these, kept for a full disk
//   mantis_pages_live_bytes                 gauge    of these, of images that are in use
//   mantis_pages_written_bytes_total        counter  images
//   mantis_pages_hits_total                 counter  pages that were in memory when asked for
//   mantis_pages_misses_total               counter  those that were not
//
// Threads: any number. A snapshot looks at every page in memory.
#pragma once

#include "../metrics/registry.hpp"
#include "store.hpp"

namespace mantis {

namespace detail {

template <class Store>
void collect_pages(void* context, sample_writer& into) {
    const Store& of = *static_cast<const Store*>(context);
    const storage_stats now = of.pages();
    const label_set path{{"path", of.path()}};
    const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
        into.gauge({name, help, path, metric_unit::bytes}, static_cast<std::int64_t>(value));
    };
    into.gauge({"mantis_pages", "Pages of all tables.", path},
               static_cast<std::int64_t>(now.pages));
    gauge("mantis_pages_memory_bytes", "Pages that are in memory.", now.memory_bytes);
    gauge("mantis_pages_disk_bytes", "Files of pages.", now.disk_bytes);
    gauge("mantis_pages_reserve_bytes", "Kept for a full disk.", now.reserve_bytes);
    gauge("mantis_pages_live_bytes", "Images of pages that are in use.", now.live_bytes);
    into.counter({"mantis_pages_written_bytes_total", "Images of pages that were written.", path,
                  metric_unit::bytes},
                 now.written_bytes);
    into.counter({"mantis_pages_hits_total", "Pages that were in memory when asked for.", path},
                 now.hits);
    into.counter({"mantis_pages_misses_total", "Pages that were not.", path}, now.misses);
}

}  // namespace detail

//   Requires    `of` is open, and neither moves nor is closed until the attachment ends
template <class Platform, class App>
[[nodiscard]] metric_attachment<Platform> show_pages(metric_registry<Platform>& metrics,
                                                     store<App>& of) {
    return metrics.collect(&detail::collect_pages<store<App>>, &of);
}

}  // namespace mantis
