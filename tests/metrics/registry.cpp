// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/registry.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

#include <optional>
#include <string>

#include "../platform/death.hpp"

using namespace mantis;
using platform_test::contains;
using platform_test::death_of;

namespace {

using registry = metric_registry<posix>;

template <class T>
std::string said(const result<T>& failed) {
    return failed.error().message().template as<std::string>();
}
std::int64_t level_of(const metrics_snapshot& shown, bytes_view name) {
    const metric_sample* const sample = shown.find(name, {});
    return sample != nullptr ? sample->level : INT64_MIN;
}
std::string names_of(const metrics_snapshot& shown) {
    std::string names;
    for (const metric_family& each : shown.families) names += each.name.as<std::string>() + ' ';
    return names;
}

// A component with its own numbers, which says so when it is asked after its end.
template <class Platform>
struct component {
    typename Platform::template atomic<int> alive{1};
    typename Platform::template atomic<int> asked{0};
    typename Platform::template atomic<int> asked_too_late{0};
    typename Platform::template atomic<int> inside{0};
    typename Platform::template atomic<int> together{0};

    static void tell(void* self, sample_writer& into) {
        auto& me = *static_cast<component*>(self);
        if (me.inside.fetch_add(1) != 0) me.together.fetch_add(1);
        if (me.alive.load() == 0) me.asked_too_late.fetch_add(1);
        into.gauge({"told", "By a collector."}, me.asked.fetch_add(1) + 1);
        if (me.alive.load() == 0) me.asked_too_late.fetch_add(1);
        me.inside.fetch_sub(1);
    }
    [[nodiscard]] bool well_treated() const {
        return asked_too_late.load() == 0 && together.load() == 0;
    }
};

// A collector and a gauge come and go while snapshots are taken.
//   Returns     whether each was left alone when its attachment had ended
template <class Platform>
bool come_and_go(int snapshot_threads, int snapshots, int rounds) {
    metric_registry<Platform> metrics;
    typename Platform::template atomic<int> wrong{0};
    std::vector<typename Platform::thread> readers;
    for (int i = 0; i < snapshot_threads; ++i)
        readers.emplace_back([&] {
            for (int n = 0; n < snapshots; ++n) {
                const metrics_snapshot shown = metrics.snapshot();
                const metric_sample* const level = shown.find("level", {});
                if (level != nullptr && level->level != 1) wrong.fetch_add(1);
                if (shown.dropped != 0) wrong.fetch_add(1);
            }
        });
    for (int n = 0; n < rounds; ++n) {
        component<Platform> own;
        gauge<Platform> level;
        level.set(1);
        auto shown = metrics.attach({"level", ""}, level).value();
        auto told = metrics.collect(&component<Platform>::tell, &own);
        told.reset();
        own.alive.store(0);
        shown.reset();
        level.set(-1);  // nobody may see this
        if (!own.well_treated()) wrong.fetch_add(1);
    }
    for (auto& reader : readers) reader.join();
    return wrong.load() == 0 && metrics.series_count() == 0;
}

}  // namespace

TEST_CASE("a metric is made once, and whoever asks for it again gets the same one") {
    registry metrics;
    auto* const waits = metrics.add_counter({"waits_total", "", {{"mode", "X"}}}).value();
    auto* const open = metrics.add_gauge({"open", ""}).value();
    const metric_description times{
        .name = "wait_seconds", .help = "", .unit = metric_unit::nanoseconds};
    auto* const wait = metrics.add_histogram(times).value();
    CHECK(metrics.add_counter({"waits_total", "Other", {{"mode", "X"}}}).value() == waits);
    CHECK(metrics.add_counter({"waits_total", "", {{"mode", "S"}}}).value() != waits);
    for (int i = 0; i < 100; ++i)
        CHECK(metrics.add_gauge({"g" + std::to_string(i), ""}).has_value());
    CHECK(metrics.add_counter({"waits_total", "", {{"mode", "X"}}}).value() == waits);
    CHECK(metrics.add_gauge({"open", ""}).value() == open);
    CHECK(metrics.add_histogram(times).value() == wait);
    CHECK(metrics.series_count() == 104);
}

TEST_CASE("a snapshot has every metric, in the order of names, with what was recorded") {
    registry metrics;
    auto& wait =
        *metrics
             .add_histogram(
                 {.name = "wait_seconds", .help = "Waiting.", .unit = metric_unit::nanoseconds})
             .value();
    auto& x = *metrics.add_counter({"waits_total", "Waits.", {{"mode", "X"}}}).value();
    auto& s = *metrics.add_counter({"waits_total", "Other.", {{"mode", "S"}}}).value();
    auto& open = *metrics.add_gauge({"open", "Open."}).value();
    x.add(3);
    s.add(5);
    open.set(-7);
    wait.record(1'000);
    const metrics_snapshot shown = metrics.snapshot();
    CHECK(names_of(shown) == "open wait_seconds waits_total ");
    CHECK(shown.find("waits_total")->help.view() == bytes_view{"Waits."});
    CHECK(shown.find("waits_total")->samples[0].labels == label_set{{"mode", "S"}});
    CHECK(shown.find("waits_total", {{"mode", "S"}})->total == 5);
    CHECK(shown.find("waits_total", {{"mode", "X"}})->total == 3);
    CHECK(level_of(shown, "open") == -7);
    CHECK(shown.find("wait_seconds")->unit == metric_unit::nanoseconds);
    CHECK(shown.find("wait_seconds", {})->distribution == wait.snapshot());
    x.add();
    CHECK(shown.find("waits_total", {{"mode", "X"}})->total == 3);
}

TEST_CASE("a name cannot be of two kinds or units, and the error names it") {
    registry metrics;
    CHECK(metrics.add_gauge({"open", ""}).has_value());
    const auto other = metrics.add_histogram({"open", "", {{"mode", "X"}}});
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().code() == error_code::already_exists);
    CHECK(contains(said(other), "of another kind [open]"));
    CHECK(contains(said(metrics.add_histogram({"open", ""})), "of another kind [open]"));
    CHECK(metrics.add_gauge({"size_bytes", ""}).has_value());
    const auto unit = metrics.add_gauge({.name = "size_bytes", .unit = metric_unit::bytes});
    REQUIRE_FALSE(unit.has_value());
    CHECK(contains(said(unit), "of another unit [size_bytes]"));
    CHECK(metrics.series_count() == 2);
}

TEST_CASE("bad names and labels are refused by every way in, with an error that names them") {
    registry metrics;
    const counter<posix> calls;
    const auto own = metrics.add_counter({"calls", ""});
    REQUIRE_FALSE(own.has_value());
    CHECK(own.error().code() == error_code::invalid_argument);
    CHECK(contains(said(own), "[calls]"));
    CHECK(contains(said(metrics.add_gauge({"a-b", ""})), "[a-b]"));
    CHECK(contains(said(metrics.add_histogram({"a", "", {{"le", "1"}}})), "[a{le}]"));
    CHECK(contains(said(metrics.attach({"calls", ""}, calls)), "[calls]"));
    CHECK(contains(said(metrics.attach({"a_total", "", {{"9", ""}}}, calls)), "[a_total{9}]"));
    CHECK(metrics.snapshot().families.empty());
}

TEST_CASE("there are never more series than max_series, own and attached together") {
    registry metrics{{.max_series = 3}};
    gauge<posix> level;
    CHECK(metrics.add_gauge({"a", ""}).has_value());
    auto shown = metrics.attach({"b", ""}, level).value();
    CHECK(metrics.add_gauge({"a", "", {{"mode", "X"}}}).has_value());
    for (int i = 0; i < 10; ++i) {
        const auto more = metrics.add_gauge({"a", "", {{"number", std::to_string(i)}}});
        REQUIRE_FALSE(more.has_value());
        CHECK(more.error().code() == error_code::too_large);
        CHECK(contains(said(more), "[a] limit=3"));
        CHECK_FALSE(metrics.attach({"c", ""}, level).has_value());
    }
    CHECK(metrics.add_gauge({"a", ""}).has_value());  // it is there
    shown.reset();
    CHECK(metrics.add_gauge({"c", ""}).has_value());
    CHECK(metrics.series_count() == 3);
}

TEST_CASE("what a component keeps is shown until its attachment ends, and its name is free then") {
    registry metrics;
    counter<posix> calls;
    gauge<posix> level;
    small_histogram<posix> sizes;
    {
        auto first = metrics.attach({"calls_total", ""}, calls).value();
        auto second = metrics.attach({"level", ""}, level).value();
        auto third = metrics.attach({"steps", ""}, sizes).value();
        calls.add(2);
        level.set(3);
        sizes.record(4);
        auto moved = std::move(second);
        CHECK(moved.attached());
        second = std::move(moved);
        const metrics_snapshot shown = metrics.snapshot();
        CHECK(shown.find("calls_total", {})->total == 2);
        CHECK(level_of(shown, "level") == 3);
        CHECK(shown.find("steps", {})->distribution == sizes.snapshot());
        const auto again = metrics.attach({"level", ""}, level);
        CHECK(contains(said(again), "already_exists: adding a metric: the series is there"));
        CHECK(contains(said(metrics.add_gauge({"level", ""})), "the series is there"));
        first.reset();
        CHECK_FALSE(first.attached());
        CHECK(names_of(metrics.snapshot()) == "level steps ");
    }
    CHECK(metrics.snapshot().families.empty());
    CHECK(metrics.series_count() == 0);
    CHECK(metrics.add_histogram({"level", ""}).has_value());
    CHECK_FALSE(metrics.attach({"level", ""}, level).has_value());
}

TEST_CASE("collectors are asked in each snapshot, one after the other, until they end") {
    registry metrics;
    component<posix> one;
    CHECK(metrics.add_gauge({"a", ""}).has_value());
    auto told = metrics.collect(&component<posix>::tell, &one);
    CHECK(level_of(metrics.snapshot(), "told") == 1);
    CHECK(level_of(metrics.snapshot(), "told") == 2);
    CHECK(names_of(metrics.snapshot()) == "a told ");
    {
        component<posix> two;
        const auto second = metrics.collect(&component<posix>::tell, &two);
        const metrics_snapshot shown = metrics.snapshot();
        CHECK(two.asked.load() == 1);
        CHECK(shown.dropped == 1);  // both tell the same series
        CHECK(level_of(shown, "told") == 4);
    }
    told.reset();
    CHECK(names_of(metrics.snapshot()) == "a ");
    CHECK(one.asked.load() == 4);
}

TEST_CASE("a collector may use its registry: metrics, attachments, other collectors") {
    struct busy {
        registry metrics;
        gauge<posix> level;
        std::optional<registry::attachment> shown;
        registry::attachment other;
        static void nothing(void*, sample_writer&) {}
        static void tell(void* self, sample_writer& into) {
            auto& me = *static_cast<busy*>(self);
            me.metrics.add_counter({"told_total", ""}).value()->add();
            if (me.shown) me.shown.reset();
            else me.shown.emplace(me.metrics.attach({"level", ""}, me.level).value());
            me.other = me.metrics.collect(&nothing, nullptr);
            into.gauge({"told", ""}, 1);
        }
    };
    busy all;
    auto told = all.metrics.collect(&busy::tell, &all);
    CHECK(names_of(all.metrics.snapshot()) == "told ");
    CHECK(names_of(all.metrics.snapshot()) == "level told told_total ");
    told.reset();
    all.other.reset();
    CHECK(all.metrics.snapshot().find("told_total", {})->total == 2);
}

TEST_CASE("a snapshot asks the collectors that were there when it began, none that came since") {
    struct restless {
        registry metrics;
        registry::attachment told;
        int asked = 0;
        std::vector<registry::attachment> more;
        static void tell(void* self, sample_writer& into) {
            auto& me = *static_cast<restless*>(self);
            into.gauge({"told", ""}, ++me.asked);
            if (me.asked < 100) me.more.push_back(me.metrics.collect(&tell, self));
        }
    };
    restless one;
    one.told = one.metrics.collect(&restless::tell, &one);
    const metrics_snapshot first = one.metrics.snapshot();
    CHECK(one.asked == 1);
    CHECK(first.dropped == 0);
    const metrics_snapshot second = one.metrics.snapshot();
    CHECK(one.asked == 3);
    CHECK(second.dropped == 1);  // both tell the same series
    one.told.reset();
    one.more.clear();
}

TEST_CASE("a collector that would wait for itself stops the program with a sentence") {
    struct selfish {
        registry metrics;
        registry::attachment told;
        static void end(void* self, sample_writer&) { static_cast<selfish*>(self)->told.reset(); }
        static void ask(void* self, sample_writer&) {
            (void)static_cast<selfish*>(self)->metrics.snapshot();
        }
    };
    const auto ended = death_of([] {
        selfish one;
        one.told = one.metrics.collect(&selfish::end, &one);
        (void)one.metrics.snapshot();
    });
    CHECK(ended.signal == SIGABRT);
    CHECK(contains(ended.said, "a collector ends its own attachment"));
    const auto asked = death_of([] {
        selfish one;
        one.told = one.metrics.collect(&selfish::ask, &one);
        (void)one.metrics.snapshot();
    });
    CHECK(asked.signal == SIGABRT);
    CHECK(contains(asked.said, "a collector asks for a snapshot"));
}

TEST_CASE("a registry that ends before what is attached to it stops the program") {
    const auto end = death_of([] {
        gauge<posix> level;
        registry::attachment shown;
        registry metrics;
        shown = metrics.attach({"level", ""}, level).value();
    });
    CHECK(end.signal == SIGABRT);
    CHECK(contains(end.said, "ends before what is attached to it"));
}

TEST_CASE("every schedule of a snapshot and an attachment with two preemptions: none too late") {
    const auto report = exhaustive_schedules([](simulation& world) {
        bool good = false;
        world.run([&] { good = come_and_go<simulated>(1, 2, 2); });
        return good;
    });
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 300);
}

TEST_CASE("300 seeds: attachments come and go while snapshots are taken, and none is read late") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([] { CHECK(come_and_go<simulated>(2, 3, 3)); });
    }
}

TEST_CASE(
    "real threads: attachments come and go while snapshots are taken, and none is read late") {
    CHECK(come_and_go<posix>(3, 1'000, 1'000));
}

TEST_CASE("real threads: metrics are made, recorded and shown at once") {
    registry metrics;
    std::vector<posix::thread> all;
    for (int number = 0; number < 8; ++number)
        all.emplace_back([&metrics, number] {
            for (int i = 0; i < 500; ++i) {
                const label_set labels{{"number", std::to_string((number + i) % 20)}};
                metrics.add_counter({"calls_total", "", labels}).value()->add();
                metrics.add_histogram({"steps", ""}).value()->record(7);
            }
        });
    std::uint64_t last = 0;
    for (int i = 0; i < 50; ++i) {
        const metrics_snapshot shown = metrics.snapshot();
        const metric_family* const calls = shown.find("calls_total");
        std::uint64_t sum = 0;
        for (std::size_t n = 0; calls != nullptr && n < calls->samples.size(); ++n)
            sum += calls->samples[n].total;
        REQUIRE(sum >= last);
        last = sum;
    }
    for (auto& thread : all) thread.join();
    const metrics_snapshot shown = metrics.snapshot();
    std::uint64_t sum = 0;
    for (const metric_sample& each : shown.find("calls_total")->samples) sum += each.total;
    CHECK(sum == 4'000);
    CHECK(shown.find("steps", {})->distribution.count() == 4'000);
    CHECK(metrics.series_count() == 21);
}
