// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "keeper_fixture.hpp"

#include <mantis/metrics/prometheus.hpp>
#include <mantis/wal/retention_metrics.hpp>

using namespace log_test;

TEST_CASE("a registry shows what is kept of a log, and by whom") {
    kept_log log;
    log.fill(6);
    log_keeper_options chosen;
    chosen.archive = archive_hook::of(log.archive);
    keeper keeps{log.world, log.directory, ours, chosen};
    auto replica = keeps.hold("replica \"1\"", log.ranges[4].position).value();
    REQUIRE(keeps.archive(log.durable()));
    REQUIRE(*keeps.remove_unneeded(log.ranges[3].position, log.durable()) == 3);
    metric_registry<memory> metrics;
    const auto shown = show_retention(metrics, keeps);
    const std::string text = prometheus_text(metrics.snapshot()).as<std::string>();
    const auto shows = [&](const std::string& name, std::uint64_t value) {
        CAPTURE(text);
        CHECK(text.find(name + " " + std::to_string(value) + "\n") != std::string::npos);
    };
    const std::uint64_t kept = log.durable().value - log.ranges[3].position.value;
    shows("mantis_log_kept_bytes{path=\"log\"}", kept);
    shows("mantis_log_kept_segments{path=\"log\"}", 3);
    shows("mantis_log_oldest_lsn{path=\"log\"}", log.ranges[3].position.value);
    shows("mantis_log_archived_lsn{path=\"log\"}", log.ranges[5].position.value);
    shows("mantis_log_held_bytes{hold=\"replica \\\"1\\\"\",path=\"log\"}",
          log.durable().value - replica.from().value);
    shows("mantis_log_archived_segments_total{path=\"log\"}", 5);
    shows("mantis_log_archive_failures_total{path=\"log\"}", 0);
    shows("mantis_log_removed_segments_total{path=\"log\"}", 3);
    shows("mantis_log_removed_bytes_total{path=\"log\"}",
          log.ranges[3].position.value - first_lsn_of_log.value);
}
