// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/prometheus.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/store/scrub_metrics.hpp>

#include <string>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>> {};

}  // namespace

TEST_CASE("a registry shows what scrubbing read and found, while it is attached") {
    memory files;
    auto db = store<in_memory>::open("db", {}, files).value();
    auto table = db.table("t").value();
    auto tx = db.begin();
    tx.put(table, "k", "v");
    const auto done = tx.commit().value();
    metric_registry<memory> metrics;
    {
        const auto shown = show_scrub(metrics, db);
        const auto shows = [&](const std::string& line) {
            CAPTURE(line);
            const metrics_snapshot seen = metrics.snapshot();
            CHECK(seen.dropped == 0);
            return prometheus_text(seen).as<std::string>().find(line) != std::string::npos;
        };
        CHECK(shows("mantis_scrub_rounds_total{path=\"db\"} 0\n"));
        CHECK(shows("mantis_scrub_last_end_seconds{path=\"db\"} 0\n"));
        const auto sound = db.scrub().value();
        CHECK(shows("mantis_scrub_rounds_total{path=\"db\"} 1\n"));
        CHECK(shows("mantis_scrub_bytes_total{path=\"db\"} " + std::to_string(sound.bytes) + "\n"));
        CHECK(shows("mantis_scrub_findings_total{path=\"db\"} 0\n"));
        CHECK(shows("mantis_scrub_unrepaired{path=\"db\"} 0\n"));
        CHECK_FALSE(shows("mantis_scrub_last_end_seconds{path=\"db\"} 0\n"));
        auto in = files.open_directory("db", directory_mode::existing).value();
        in.open(segment_name(first_lsn_of_log), file_mode::write)
            .value()
            .write(segment_header_bytes + done.position.value - first_lsn_of_log.value - 20, "rot")
            .value();
        CHECK(db.scrub().value().findings == 1);
        CHECK(shows("mantis_scrub_findings_total{path=\"db\"} 1\n"));
        CHECK(shows("mantis_scrub_unrepaired{path=\"db\"} 1\n"));
    }
    CHECK(metrics.snapshot().families.empty());
}
