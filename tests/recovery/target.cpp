// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/recovery/target.hpp>

using namespace mantis;

namespace {

struct plain {
    lsn persisted_lsn() { return {}; }
    result<void> redo(lsn, const operation&) { return success(); }
    result<void> verify() { return success(); }
};
struct named_and_parallel : plain {
    static constexpr const char* name = "counters";
    static constexpr bool parallel_redo = true;
};
struct without_verify {
    lsn persisted_lsn() { return {}; }
    result<void> redo(lsn, const operation&) { return success(); }
};
struct with_swapped_arguments : plain {
    result<void> redo(const operation&, lsn) { return success(); }
};

}  // namespace

static_assert(log_target<plain> && log_target<named_and_parallel>);
static_assert(!log_target<without_verify> && !log_target<with_swapped_arguments>);

TEST_CASE("a target is called by its name, and redone by one thread unless it says otherwise") {
    CHECK(bytes_view{target_name<named_and_parallel>()} == bytes_view{"counters"});
    CHECK(bytes_view{target_name<plain>()} == bytes_view{"a log target"});
    CHECK(redoes_in_parallel<named_and_parallel>());
    CHECK_FALSE(redoes_in_parallel<plain>());
}
