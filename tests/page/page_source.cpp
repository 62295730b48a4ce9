// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/page/memory_source.hpp>
#include <mantis/page/page_source.hpp>
#include <mantis/platform/posix.hpp>

using namespace mantis;

namespace {

struct reads_only {
    result<void> read(page_id, std::byte*, std::size_t) { return success(); }
};
struct answers_nothing : reads_only {
    void write(page_id, std::uint32_t, bytes_view) {}
};
struct smallest : reads_only {
    result<void> write(page_id, std::uint32_t, bytes_view) { return success(); }
};

}  // namespace

TEST_CASE("a source reads and writes, and says how it went") {
    CHECK_FALSE(page_source<reads_only>);
    CHECK_FALSE(page_source<answers_nothing>);
    CHECK(page_source<smallest>);
    CHECK(page_source<memory_source<posix>>);
}
