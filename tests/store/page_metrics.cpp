// SPDX-License-Identifier: BSL-1.0
#include "paged_fixture.hpp"

#include <mantis/metrics/prometheus.hpp>
#include <mantis/store/page_metrics.hpp>

using namespace paged_store_test;

TEST_CASE("a registry shows the tables in pages of a store") {
    simulation world{1};
    world.run([&] {
        auto db = store_type::open("db", small(), world.platform()).value();
        auto table = db.table<in_pages>("t").value();
        for (int i = 0; i < 40; ++i) REQUIRE(batch_of(i).commit(db, table));
        REQUIRE(db.checkpoint());
        metric_registry<simulated> metrics;
        const auto shown = show_pages(metrics, db);
        const metrics_snapshot seen = metrics.snapshot();
        CHECK(seen.dropped == 0);
        const std::string text = prometheus_text(seen).as<std::string>();
        const auto shows = [&](const std::string& name, std::uint64_t value) {
            CAPTURE(name);
            CHECK(value != 0);
            const std::string line = name + "{path=\"db\"} " + std::to_string(value) + "\n";
            CHECK(text.find(line) != std::string::npos);
        };
        const storage_stats now = db.pages();
        shows("mantis_pages", now.pages);
        shows("mantis_pages_memory_bytes", now.memory_bytes);
        shows("mantis_pages_disk_bytes", now.disk_bytes);
        shows("mantis_pages_reserve_bytes", now.reserve_bytes);
        shows("mantis_pages_live_bytes", now.live_bytes);
        shows("mantis_pages_written_bytes_total", now.written_bytes);
        shows("mantis_pages_hits_total", now.hits);
        shows("mantis_pages_misses_total", now.misses);
    });
}
