// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/label_set.hpp>

#include <string>

using namespace mantis;

TEST_CASE("labels are the same in whatever order they are given") {
    const label_set one{{"mode", "X"}, {"level", "key"}, {"table", "a"}};
    label_set two;
    CHECK(two.empty());
    two.add("table", "a");
    two.add("level", "key");
    two.add("mode", "X");
    CHECK(one == two);
    CHECK(one.count() == 3);
    std::string names;
    for (const metric_label& each : one) names += each.name.as<std::string>() + ' ';
    CHECK(names == "level mode table ");
    CHECK(one[1].value.view() == bytes_view{"X"});
}

TEST_CASE("sets of labels are ordered by name, value and count") {
    const label_set none;
    const label_set x{{"mode", "X"}};
    const label_set s{{"mode", "S"}};
    const label_set longer{{"mode", "S"}, {"table", "a"}};
    const label_set other{{"level", "key"}};
    CHECK(none < other);
    CHECK(other < s);
    CHECK(s < longer);
    CHECK(longer < x);
    CHECK(s != x);
    CHECK(s != longer);
    CHECK((x <=> label_set{{"mode", "X"}}) == std::strong_ordering::equal);
}

TEST_CASE("a name given twice is kept twice, for who takes the set to refuse") {
    const label_set twice{{"mode", "X"}, {"level", "key"}, {"mode", "S"}};
    CHECK(twice.count() == 3);
    CHECK(twice[1].name == twice[2].name);
}

TEST_CASE("a set of one label is made of one pair of braces more") {
    const auto count = [](const label_set& labels) { return labels.count(); };
    CHECK(count({{"mode", "X"}}) == 1);
    CHECK(count({{"mode", "X"}, {"level", "key"}}) == 2);
    CHECK(count({}) == 0);
}
