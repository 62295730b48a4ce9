// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/prometheus.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/store/write_metrics.hpp>

#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<simulated>, with::durability<buffered>> {};

}  // namespace

TEST_CASE("a registry shows how the writers of a store are delayed, and by what") {
    simulation world{1};
    world.run([&] {
        store_options options;
        options.segment_bytes = 32 * KiB;
        options.checkpoint_log_bytes = 0;
        auto db = store<app>::open("db", options, world.platform()).value();
        auto table = db.table("t").value();
        metric_registry<simulated> metrics;
        const auto shown = show_writes(metrics, db);
        const auto shows = [&](const std::string& line) {
            CAPTURE(line);
            const metrics_snapshot seen = metrics.snapshot();
            CHECK(seen.dropped == 0);
            return prometheus_text(seen).as<std::string>().find(line) != std::string::npos;
        };
        CHECK(shows("mantis_writes_debt_ppm{path=\"db\"} 0\n"));
        CHECK(shows("mantis_writes_delayed_total{path=\"db\"} 0\n"));
        world.inject({.kind = fault_kind::slow,
                      .on = io_kind::sync,
                      .count = fault::for_ever,
                      .slowdown = 200});
        while (db.writes().delayed == 0 || db.writes().debt == 0) {
            auto tx = db.begin();
            tx.put(table, "k", "v");
            REQUIRE(tx.commit());
        }
        const write_pace_stats now = db.writes();
        CHECK_FALSE(shows("mantis_writes_debt_ppm{path=\"db\"} 0\n"));
        CHECK(shows("mantis_writes_level_ppm{of=\"log_turn\",path=\"db\"} " +
                    std::to_string(static_cast<int>(now.levels.log_turn * 1e6)) + "\n"));
        CHECK(shows("mantis_writes_level_ppm{of=\"log\",path=\"db\"} 0\n"));
        CHECK(shows("mantis_writes_level_ppm{of=\"pages\",path=\"db\"} 0\n"));
        CHECK(shows("mantis_writes_level_ppm{of=\"side_copies\",path=\"db\"} 0\n"));
        CHECK(shows("mantis_writes_level_ppm{of=\"space\",path=\"db\"} 0\n"));
        CHECK(shows("mantis_writes_delayed_total{path=\"db\"} " + std::to_string(now.delayed) +
                    "\n"));
        CHECK_FALSE(shows("mantis_writes_delay_seconds_total{path=\"db\"} 0\n"));
        CHECK_FALSE(shows("mantis_writes_longest_delay_seconds{path=\"db\"} 0\n"));
        world.clear_faults();
    });
}
