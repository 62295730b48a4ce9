// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/prometheus.hpp>
#include <mantis/metrics/resources.hpp>
#include <mantis/platform/memory.hpp>

#include <string>

using namespace mantis;

TEST_CASE("a registry shows space and memory while they are attached") {
    memory files;
    auto in = files.open_directory("db", directory_mode::create).value();
    files.limit_disk(90);
    space_watch<memory> space{in, {.soft_bytes = 100, .hard_bytes = 50, .look_bytes = 10}};
    CHECK(space.take(5));
    CHECK_FALSE(space.take(50));
    space.failed();
    memory_budget<memory> budget{{.soft_bytes = 40, .hard_bytes = 50}};
    budget.take(45);
    CHECK_FALSE(budget.reserve(10));
    const memory_shedder caches{[](void* of, std::size_t wanted) {
                                    static_cast<memory_budget<memory>*>(of)->release(wanted);
                                    return wanted;
                                },
                                &budget};
    budget.attach(caches);
    budget.make_room(1);
    budget.detach(caches);
    metric_registry<memory> metrics;
    {
        const auto space_shown = show_space(metrics, space);
        const auto memory_shown = show_memory(metrics, budget);
        const metrics_snapshot seen = metrics.snapshot();
        CHECK(seen.dropped == 0);
        const auto text = prometheus_text(seen).as<std::string>();
        const auto shows = [&](const char* line) {
            CAPTURE(line);
            CHECK(text.find(line) != std::string::npos);
        };
        shows("mantis_space_free_bytes{path=\"db\"} 90\n");
        shows("mantis_space_state{path=\"db\"} 2\n");
        shows("mantis_space_looks_total{path=\"db\"} 3\n");
        shows("mantis_space_refused_total{path=\"db\"} 1\n");
        shows("mantis_space_disk_full_total{path=\"db\"} 1\n");
        shows("mantis_memory_used_bytes 39\n");
        shows("mantis_memory_limit_bytes 50\n");
        shows("mantis_memory_state 2\n");
        shows("mantis_memory_refused_total 1\n");
        shows("mantis_memory_sheds_total 1\n");
        shows("mantis_memory_shed_bytes_total 6\n");
    }
    CHECK(metrics.snapshot().families.empty());
}

TEST_CASE("a disk without a limit shows the largest number there is") {
    memory files;
    auto in = files.open_directory("db", directory_mode::create).value();
    space_watch<memory> space{in, {}};
    space.look();
    metric_registry<memory> metrics;
    const auto shown = show_space(metrics, space);
    CHECK(prometheus_text(metrics.snapshot())
              .as<std::string>()
              .find("mantis_space_free_bytes{path=\"db\"} 9223372036854775807\n") !=
          std::string::npos);
}
