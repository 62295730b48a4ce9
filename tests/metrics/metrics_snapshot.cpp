// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/metrics_snapshot.hpp>

#include <string>

using namespace mantis;

TEST_CASE("what is written comes out by name and labels, each family once") {
    sample_writer writer{100};
    writer.gauge({"open", "Open.", {{"table", "b"}}}, 2);
    writer.counter({"calls_total", "Calls."}, 7);
    writer.gauge({"open", "Other words.", {{"table", "a"}}}, -1);
    histogram_snapshot sizes;
    sizes.record(5);
    writer.histogram({.name = "size_bytes", .unit = metric_unit::bytes}, sizes);
    const metrics_snapshot shown = writer.finish();

    REQUIRE(shown.families.size() == 3);
    CHECK(shown.families[0].name.view() == bytes_view{"calls_total"});
    CHECK(shown.families[1].name.view() == bytes_view{"open"});
    CHECK(shown.families[1].help.view() == bytes_view{"Open."});
    CHECK(shown.families[2].unit == metric_unit::bytes);
    REQUIRE(shown.families[1].samples.size() == 2);
    CHECK(shown.families[1].samples[0].level == -1);
    CHECK(shown.families[1].samples[1].level == 2);
    CHECK(shown.dropped == 0);
    CHECK(shown.first_dropped.empty());

    REQUIRE(shown.find("calls_total", {}) != nullptr);
    CHECK(shown.find("calls_total", {})->total == 7);
    CHECK(shown.find("size_bytes", {})->distribution == sizes);
    CHECK(shown.find("open", {{"table", "b"}})->level == 2);
    CHECK(shown.find("open", {}) == nullptr);
    CHECK(shown.find("close", {}) == nullptr);
}

TEST_CASE("what cannot be taken is dropped and counted, and the first reason is kept") {
    sample_writer writer{100};
    writer.counter({"calls", "No _total."}, 1);
    writer.gauge({"open", "Good.", {{"table", "a"}}}, 1);
    writer.gauge({"open", "", {{"table", "b"}}}, 2);
    writer.gauge({"open", "The same again.", {{"table", "a"}}}, 3);
    writer.histogram({"open", "Another kind."}, {});
    writer.gauge({"open", "A bad label.", {{"le", "a"}}}, 5);
    const metrics_snapshot shown = writer.finish();
    CHECK(shown.dropped == 4);
    CHECK(shown.first_dropped.as<std::string>().find("[calls]") != std::string::npos);
    REQUIRE(shown.families.size() == 1);
    REQUIRE(shown.families[0].samples.size() == 2);
    CHECK(shown.find("open", {{"table", "a"}})->level == 1);
}

TEST_CASE("a family of one unit takes no sample of another") {
    sample_writer writer{100};
    writer.gauge({.name = "age_seconds", .unit = metric_unit::nanoseconds}, 1);
    writer.gauge({.name = "age_seconds", .labels = {{"a", "b"}}}, 2);
    const metrics_snapshot shown = writer.finish();
    CHECK(shown.dropped == 1);
    CHECK(shown.families[0].samples.size() == 1);
}

TEST_CASE("there are never more samples than the writer was made for") {
    sample_writer writer{10};
    metric_family known{.name = bytes{"known"}, .kind = metric_kind::gauge};
    known.samples.resize(4);
    for (std::size_t i = 0; i < 4; ++i) known.samples[i].labels.add("number", std::to_string(i));
    writer.add_family(std::move(known));
    for (int i = 0; i < 100; ++i) writer.gauge({"more", "", {{"number", std::to_string(i)}}}, i);
    const metrics_snapshot shown = writer.finish();
    CHECK(shown.find("known")->samples.size() == 4);
    CHECK(shown.find("more")->samples.size() == 6);
    CHECK(shown.dropped == 94);
    CHECK(shown.first_dropped.as<std::string>().find("limit=10") != std::string::npos);
}
