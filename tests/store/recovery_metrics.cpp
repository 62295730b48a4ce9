// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/prometheus.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/store/recovery_metrics.hpp>

#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<simulated>> {};

}  // namespace

TEST_CASE("a registry shows the last checkpoint and the recovery objectives of a store") {
    simulation world{1};
    world.run([&] {
        store_options options;
        options.recovery_time_objective = seconds(10);
        auto db = store<app>::open("db", options, world.platform()).value();
        auto table = db.table("t").value();
        metric_registry<simulated> metrics;
        {
            const auto shown = show_recovery(metrics, db);
            const auto shows = [&](const std::string& line) {
                CAPTURE(line);
                const metrics_snapshot seen = metrics.snapshot();
                CHECK(seen.dropped == 0);
                return prometheus_text(seen).as<std::string>().find(line) != std::string::npos;
            };
            CHECK(shows("mantis_checkpoint_bytes{path=\"db\"} 0\n"));
            auto tx = db.begin();
            tx.put(table, "k", "v");
            REQUIRE(tx.commit());
            const auto made = db.checkpoint().value();
            CHECK(
                shows("mantis_checkpoint_bytes{path=\"db\"} " + std::to_string(made.bytes) + "\n"));
            CHECK_FALSE(shows("mantis_checkpoint_elapsed_seconds{path=\"db\"} 0\n"));
            CHECK(shows("mantis_checkpoint_barrier_seconds{path=\"db\"}"));
            world.platform().sleep(seconds(1));
            const objective time = db.objectives().time;
            CHECK(time.looks() >= 10);
            CHECK(shows("mantis_recovery_time_looks_total{path=\"db\"} " +
                        std::to_string(time.looks()) + "\n"));
            CHECK(shows("mantis_recovery_time_kept_total{path=\"db\"} " +
                        std::to_string(time.looks()) + "\n"));
            CHECK(shows("mantis_recovery_point_looks_total{path=\"db\"} 0\n"));
            CHECK(shows("mantis_recovery_estimate_seconds{path=\"db\"}"));
        }
        CHECK(metrics.snapshot().families.empty());
    });
}
