// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/wal/log_finding.hpp>

#include <set>
#include <string>

using namespace mantis;

TEST_CASE("each finding has a name of its own, and only two of them lose nothing") {
    std::set<std::string> names;
    int whole = 0;
    for (int i = 0; i <= static_cast<int>(log_finding::unreadable); ++i) {
        names.insert(name_of(static_cast<log_finding>(i)));
        whole += is_whole(static_cast<log_finding>(i)) ? 1 : 0;
    }
    CHECK(names.size() == static_cast<std::size_t>(log_finding::unreadable) + 1);
    CHECK(names.count("unknown") == 0);
    CHECK(is_whole(log_finding::sound));
    CHECK(is_whole(log_finding::torn_tail));
    CHECK(whole == 2);
}
