// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/core/bytes.hpp>
#include <mantis/wal/durability.hpp>

namespace {

struct without_a_name {
    [[maybe_unused]] static constexpr bool waits_for_sync = true;
    [[maybe_unused]] static constexpr bool syncs_periodically = false;
};

struct eager {
    [[maybe_unused]] static constexpr const char* name = "eager";
    [[maybe_unused]] static constexpr bool waits_for_sync = true;
    [[maybe_unused]] static constexpr bool syncs_periodically = true;
};

}  // namespace

TEST_CASE("the three policies are durability policies, and something else is not") {
    static_assert(mantis::durability_policy<mantis::group_commit>);
    static_assert(mantis::durability_policy<mantis::periodic>);
    static_assert(mantis::durability_policy<mantis::buffered>);
    static_assert(!mantis::durability_policy<without_a_name>);
    static_assert(!mantis::durability_policy<int>);
    CHECK(mantis::group_commit::waits_for_sync);
    CHECK_FALSE(mantis::periodic::waits_for_sync);
    CHECK(mantis::periodic::syncs_periodically);
    CHECK_FALSE(mantis::buffered::waits_for_sync);
    CHECK_FALSE(mantis::buffered::syncs_periodically);
}

TEST_CASE("a commit that names no class has that of the policy") {
    using mantis::durability_class;
    CHECK(mantis::durability_class_of<mantis::group_commit> == durability_class::synchronous);
    CHECK(mantis::durability_class_of<mantis::periodic> == durability_class::periodic);
    CHECK(mantis::durability_class_of<mantis::buffered> == durability_class::buffered);
    CHECK(mantis::durability_class_of<eager> == durability_class::synchronous);
    CHECK(mantis::bytes_view{name_of(durability_class::synchronous)} == "synchronous");
    CHECK(mantis::bytes_view{name_of(durability_class::periodic)} == "periodic");
    CHECK(mantis::bytes_view{name_of(durability_class::buffered)} == "buffered");
}
