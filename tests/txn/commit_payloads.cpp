// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/txn/detail/commit_payloads.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

//   Returns     the sizes of the payloads, with a stamp behind the last
std::vector<std::size_t> sizes_of(const write_set& writes, std::size_t target_bytes) {
    detail::commit_payloads payloads{writes, target_bytes};
    append_operation(payloads.last(), {operation_kind::stamp, {}, {}, {}, {INT64_MAX}});
    return payloads.with_records([](const auto& records) {
        std::vector<std::size_t> sizes;
        for (const pending_record& each : records) sizes.push_back(each.payload.size());
        return sizes;
    });
}

}  // namespace

TEST_CASE("a payload has no more bytes than it is to have, keys and the stamp counted") {
    constexpr std::size_t target = 4096;
    for (const bool erases : {false, true})
        for (const std::size_t key_bytes : {std::size_t{8}, std::size_t{200}, std::size_t{512}}) {
            CAPTURE(erases);
            CAPTURE(key_bytes);
            write_set writes;
            std::size_t all = 0;
            for (int row = 0; row < 1000; ++row) {
                const std::string key = std::to_string(10'000 + row) + std::string(key_bytes, 'k');
                if (erases) writes.erase({1}, key);
                else writes.put({1}, key, std::string(20, 'v'));
                all += key.size() + (erases ? 0 : 20);
            }
            const auto sizes = sizes_of(writes, target);
            for (const std::size_t each : sizes) CHECK(each <= target);
            CHECK(sizes.size() >= all / target);
            CHECK(sizes.size() <= all / (target * 3 / 4) + 2);
        }
}

TEST_CASE("one operation is never split, however large it is") {
    write_set writes;
    writes.put({1}, "a", "1");
    writes.put({1}, "b", std::string(10'000, 'v'));
    writes.put({1}, "c", "3");
    const auto sizes = sizes_of(writes, 1000);
    REQUIRE(sizes.size() == 3);
    CHECK(sizes[0] < 20);
    CHECK(sizes[1] > 10'000);
    CHECK(sizes[1] < 10'020);
    CHECK(sizes[2] < 40);
}
