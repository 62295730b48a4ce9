// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/store/scrub_report.hpp>

#include <string>

using namespace mantis;

TEST_CASE("a report is sound if its round came to the end and all it found is repaired") {
    scrub_report report;
    CHECK_FALSE(report.sound());
    report.complete = true;
    CHECK(report.sound());
    report.harmless = 3;
    CHECK(report.sound());
    report.findings = 2;
    report.repaired = 1;
    CHECK_FALSE(report.sound());
    report.repaired = 2;
    CHECK(report.sound());
}

TEST_CASE("findings are of the same place if file, offset and kind are") {
    const scrub_finding one{scrub_kind::damaged, bytes{"a"}, 7, {1}, {2}, false};
    scrub_finding other{scrub_kind::damaged, bytes{"a"}, 7, {1}, {3}, true};
    CHECK(one.same_place(other));
    other.offset = 8;
    CHECK_FALSE(one.same_place(other));
    other = {scrub_kind::missing, bytes{"a"}, 7, {1}, {2}, false};
    CHECK_FALSE(one.same_place(other));
    other = {scrub_kind::damaged, bytes{"b"}, 7, {1}, {2}, false};
    CHECK_FALSE(one.same_place(other));
    CHECK(std::string{name_of(scrub_kind::harmless)} == "harmless");
}
