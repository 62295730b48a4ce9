// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/checksum.hpp>

#include <doctest/doctest.h>

using mantis::bytes_view;

namespace {

// The least a user's own policy needs.
struct sum_of_bytes {
    static constexpr const char* name = "sum";
    static constexpr std::uint32_t format_id = 1000;
    static std::uint64_t of(bytes_view from, std::uint64_t seed = 0) {
        for (const std::byte byte : from) seed = seed * 31 + std::to_integer<std::uint64_t>(byte);
        return seed;
    }
    static void of_batch(const bytes_view* from, std::size_t count, std::uint64_t* out) {
        for (std::size_t i = 0; i < count; ++i) out[i] = of(from[i]);
    }
};

struct without_seed : sum_of_bytes {
    static std::uint64_t of(bytes_view) { return 0; }
};
struct without_format_id {
    static constexpr const char* name = "sum";
    static std::uint64_t of(bytes_view, std::uint64_t = 0) { return 0; }
    static void of_batch(const bytes_view*, std::size_t, std::uint64_t*) {}
};
struct narrow : sum_of_bytes {
    static std::uint32_t of(bytes_view, std::uint64_t = 0) { return 0; }
};

static_assert(mantis::checksum_policy<sum_of_bytes>);
static_assert(!mantis::checksum_policy<without_seed>);
static_assert(!mantis::checksum_policy<without_format_id>);
static_assert(!mantis::checksum_policy<narrow>);
static_assert(!mantis::checksum_policy<int>);

}  // namespace

TEST_CASE_TEMPLATE("a checksum policy keeps what its table promises", C, mantis::crc32c,
                   mantis::xxh3, sum_of_bytes) {
    CHECK(C::of("some bytes") == C::of("some bytes", 0));
    CHECK(C::of("some bytes") != C::of("some bytez"));
    CHECK(C::of("some bytes", 1) != C::of("some bytes", 2));
    const bytes_view views[] = {"a", "", "some bytes", "a"};
    std::uint64_t sums[4] = {};
    C::of_batch(views, 4, sums);
    for (int i = 0; i < 4; ++i) CHECK(sums[i] == C::of(views[i]));
}

TEST_CASE("the stock policies have the names and format ids that files carry") {
    CHECK(bytes_view{mantis::crc32c::name} == "crc32c");
    CHECK(mantis::crc32c::format_id == 1);
    CHECK(bytes_view{mantis::xxh3::name} == "xxh3");
    CHECK(mantis::xxh3::format_id == 2);
}
