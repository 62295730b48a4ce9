// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/lock/metrics.hpp>
#include <mantis/metrics/prometheus.hpp>
#include <mantis/platform/posix.hpp>

#include <string>

using namespace mantis;

TEST_CASE("a registry shows what a lock manager counts, while it is attached") {
    metric_registry<posix> metrics;
    lock_manager<posix> locks;
    lock_owner owner{locks};
    owner.lock(lock_path::key(table_id{7}, "k"), lock_mode::X).value();
    {
        const auto shown = show_locks(metrics, locks);
        const metrics_snapshot seen = metrics.snapshot();
        CHECK(seen.dropped == 0);
        const auto text = prometheus_text(seen).as<std::string>();
        CHECK(text.find("mantis_lock_granted_at_once_total 1\n") != std::string::npos);
        CHECK(text.find("mantis_lock_queues 1\n") != std::string::npos);
        CHECK(text.find("mantis_lock_wait_seconds_count{mode=\"X\"} 0\n") != std::string::npos);
    }
    CHECK(metrics.snapshot().families.empty());
}
