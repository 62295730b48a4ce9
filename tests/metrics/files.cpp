// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/files.hpp>
#include <mantis/metrics/prometheus.hpp>
#include <mantis/platform/faulty.hpp>
#include <mantis/platform/memory.hpp>

#include <string>

using namespace mantis;

TEST_CASE("a registry shows how files are, by directory, while it is attached") {
    fault_plan<memory> plan;
    retrying<faulty<memory>> files{
        faulty<memory>{memory{}, plan},
        {.again = {.first = {0}, .attempts = 3}, .breaker = {.failures = 4}}};
    auto in = files.open_directory("db", directory_mode::create).value();
    (void)files.open_directory("other", directory_mode::create).value();
    plan.inject({.on = io_kind::list, .count = fault::for_ever});
    for (int i = 0; i < 3; ++i) CHECK_FALSE(in.list());
    metric_registry<memory> metrics;
    {
        const auto shown = show_files(metrics, files);
        const metrics_snapshot seen = metrics.snapshot();
        CHECK(seen.dropped == 0);
        const auto text = prometheus_text(seen).as<std::string>();
        const auto shows = [&](const char* line) {
            CAPTURE(line);
            CHECK(text.find(line) != std::string::npos);
        };
        shows("mantis_files_failures_total{path=\"db\"} 4\n");
        shows("mantis_files_repeats_total{path=\"db\"} 2\n");
        shows("mantis_files_given_up_total{path=\"db\"} 3\n");
        shows("mantis_files_breaker_state{path=\"db\"} 1\n");
        shows("mantis_files_breaker_trips_total{path=\"db\"} 1\n");
        shows("mantis_files_breaker_refused_total{path=\"db\"} 2\n");
        shows("mantis_files_breaker_probes_total{path=\"db\"} 0\n");
        shows("mantis_files_breaker_state{path=\"other\"} 0\n");
    }
    CHECK(metrics.snapshot().families.empty());
}
