// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/prometheus.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/store/durability_metrics.hpp>

#include <string>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>, with::durability<buffered>> {};

}  // namespace

TEST_CASE("a registry shows what a power failure would take of a store, while it is attached") {
    auto db = store<in_memory>::open("db").value();
    auto table = db.table("t").value();
    CHECK(db.flush());
    metric_registry<memory> metrics;
    {
        const auto shown = show_durability(metrics, db);
        const auto shows = [&](const std::string& line) {
            CAPTURE(line);
            const metrics_snapshot seen = metrics.snapshot();
            CHECK(seen.dropped == 0);
            return prometheus_text(seen).as<std::string>().find(line) != std::string::npos;
        };
        CHECK(shows("mantis_durability_at_risk_bytes{path=\"db\"} 0\n"));
        CHECK(shows("mantis_durability_at_risk_age_seconds{path=\"db\"} 0\n"));
        auto tx = db.begin();
        tx.put(table, "k", "v");
        const auto before = db.stats().durable;
        const auto done = tx.commit().value();
        // A sync ends at the block; the records begin there.
        CHECK(db.window().bytes == done.position.value - before.value);
        CHECK(shows("mantis_durability_at_risk_bytes{path=\"db\"} " +
                    std::to_string(db.window().bytes) + "\n"));
        CHECK_FALSE(shows("mantis_durability_at_risk_age_seconds{path=\"db\"} 0\n"));
        CHECK(shows("mantis_durability_longest_seconds{path=\"db\"} 0\n"));
        CHECK(shows("mantis_durability_most_bytes{path=\"db\"} 0\n"));
        CHECK(shows("mantis_durability_exceeded_period_total{path=\"db\"} 0\n"));
        CHECK(shows("mantis_durability_exceeded_bytes_total{path=\"db\"} 0\n"));
        CHECK(db.wait_durable(done));
        CHECK(shows("mantis_durability_at_risk_bytes{path=\"db\"} 0\n"));
    }
    CHECK(metrics.snapshot().families.empty());
}
