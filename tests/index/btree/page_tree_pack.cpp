// SPDX-License-Identifier: BSL-1.0
//
// A page_tree whose leaves are packed into fewer pages.
#include "tree_rig.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace tree_tests;

namespace {

std::string key_of(std::uint64_t number) {
    std::string key = std::to_string(number * 7919 % 100'003);
    return std::string(number % 5, 'k') + key + std::string(number % 11, 'x');
}
dated row_of(std::uint64_t number) {
    const std::size_t size = number % 97 == 5 ? 3000 : 20 + number % 90;  // some in extents
    return {std::string(size, static_cast<char>('a' + number % 26)), number};
}

template <class Rig>
void fill(Rig& one, model& expected, std::uint64_t count) {
    for (std::uint64_t number = 1; number <= count; ++number) {
        const dated row = row_of(number);
        REQUIRE(one.tree.put(bytes_view{key_of(number)}, bytes_view{row.value}, {row.version}));
        expected[key_of(number)] = row;
    }
}
template <class Rig>
void thin_out(Rig& one, model& expected, std::uint64_t count, std::uint64_t one_in) {
    for (std::uint64_t number = 1; number <= count; ++number) {
        if (number % one_in == 0) continue;
        REQUIRE(one.tree.erase(bytes_view{key_of(number)}));
        expected.erase(key_of(number));
    }
}
//   Returns     how many steps it took
template <class Tree>
std::size_t pack_all(Tree tree) {
    bytes from;
    std::size_t steps = 0;
    do {
        const auto pays = tree.is_sparse(from);
        REQUIRE(pays);
        if (*pays) {
            REQUIRE(tree.pack(from));
            ++steps;
        }
    } while (!from.empty());
    return steps;
}

}  // namespace

TEST_CASE("packing leaves every entry and version where it was, in fuller leaves") {
    for (const std::size_t page_bytes : {512U, 1024U, 4096U}) {
        CAPTURE(page_bytes);
        rig<posix> one{page_bytes, 400};
        model expected;
        fill(one, expected, 4000);
        thin_out(one, expected, 4000, 6);
        const auto before = one.tree.verify().value();
        CHECK(pack_all(one.tree) > 0);
        CHECK(one.damage() == "");
        CHECK(difference(one.tree, expected) == "");
        const auto after = one.tree.verify().value();
        CHECK(after.leaves * 10 < before.leaves * 9);
        // And it takes changes as before.
        fill(one, expected, 4000);
        thin_out(one, expected, 4000, 3);
        CHECK(one.damage() == "");
        CHECK(difference(one.tree, expected) == "");
    }
}

TEST_CASE("leaves of ids are packed dense, over each two bytes of them, beside other keys") {
    for (const std::size_t page_bytes : {512U, 1024U, 4096U}) {
        for (const std::uint64_t one_in : {6U, 15U, 40U}) {
            CAPTURE(page_bytes);
            CAPTURE(one_in);
            rig<posix> one{page_bytes, 400};
            model expected;
            // 65,000 ids in steps of ten, so that some leaves are of two prefixes.
            const auto change = [&](std::uint64_t id, bool there) {
                const std::string key = big_endian(60'000 + id * 10);
                if (there) REQUIRE(one.tree.put(key, std::to_string(id), lsn{id}));
                else REQUIRE(one.tree.erase(key).value());
                if (there) expected[key] = {std::to_string(id), id};
                else expected.erase(key);
            };
            for (std::uint64_t id = 1; id <= 6'500; ++id) change(id, true);
            for (std::uint64_t id = 1; id <= 6'500; ++id)
                if (id % one_in != 0) change(id, false);
            // Some of another length, and long ones.
            for (std::uint64_t id = 200; id < 6'500; id += 400) {
                const std::string key = big_endian(60'000 + id * 10) + "x";
                REQUIRE(one.tree.put(key, std::string(100, 'v'), lsn{7}));
                expected[key] = {std::string(100, 'v'), 7};
            }
            const auto before = one.tree.verify().value();
            CHECK(pack_all(one.tree) > 0);
            CHECK(one.damage() == "");
            CHECK(difference(one.tree, expected) == "");
            CHECK(one.tree.verify().value().leaves * 10 < before.leaves * 9);
            for (std::uint64_t id = 1; id <= 6'500; id += 2)
                if (id % one_in != 0) change(id, true);
            CHECK(one.damage() == "");
            CHECK(difference(one.tree, expected) == "");
        }
    }
}

TEST_CASE("a tree that is packed, or was loaded, is left alone") {
    rig<posix> one{1024, 400};
    model expected;
    fill(one, expected, 3000);
    thin_out(one, expected, 3000, 4);
    CHECK(pack_all(one.tree) > 0);
    const auto once = one.tree.verify().value();
    (void)pack_all(one.tree);
    CHECK(pack_all(one.tree) == 0);
    CHECK(one.tree.verify().value().leaves + 2 >= once.leaves);
    rig<posix> small{1024, 40};
    model few;
    fill(small, few, 3);
    CHECK(pack_all(small.tree) == 0);
    CHECK(difference(small.tree, few) == "");
}

TEST_CASE("200 seeds: who reads while leaves are packed finds every row that stays") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            rig<simulated> one{512, 60};
            model expected;
            fill(one, expected, 150);
            thin_out(one, expected, 150, 4);
            std::uint64_t missing = 0;
            std::uint64_t scanned = ~std::uint64_t{0};
            simulated::thread reader{[&] {
                for (const auto& [key, row] : expected) {
                    const auto found = one.tree.find(bytes_view{key}, [&](bytes_view value, lsn) {
                        if (value != bytes_view{row.value}) ++missing;
                    });
                    if (!found || !*found) ++missing;
                }
            }};
            simulated::thread scanner{[&] {
                std::uint64_t seen = 0;
                const auto done = one.tree.scan({}, [&](bytes_view key, bytes_view, lsn) {
                    if (expected.count(key.as<std::string>()) != 0) ++seen;
                    return true;
                });
                if (done) scanned = seen;
            }};
            simulated::thread writer{[&] {
                for (std::uint64_t number = 500; number < 540; ++number) {
                    (void)one.tree.put(bytes_view{key_of(number)}, bytes_view{"new"}, {number});
                    if (number % 3 == 0) (void)one.tree.erase(bytes_view{key_of(number - 2)});
                }
            }};
            bytes from;
            do {
                const auto pays = one.tree.is_sparse(from);
                if (!pays || (*pays && !one.tree.pack(from))) break;
            } while (!from.empty());
            reader.join();
            scanner.join();
            writer.join();
            CHECK(missing == 0);
            CHECK(scanned == expected.size());
            CHECK(one.damage() == "");
        });
    }
}
