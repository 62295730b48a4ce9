// SPDX-License-Identifier: BSL-1.0
//
// A checkpoint of a tree that goes on changing: splits, merges, values in pages of their own, pages
// that are dropped and whose numbers are taken again.
#include "../../page/history_source.hpp"
#include "../../sanitized.hpp"
#include "extent_rig.hpp"

#include <mantis/platform/posix.hpp>

using namespace tree_tests;

namespace {

using history = page_test::history_source<posix>;
using tree_of_history = rig<posix, history>;

// The images of one epoch.
class epoch_source {
public:
    epoch_source(history& of, std::uint32_t epoch) : of_{of}, epoch_{epoch} {}

    result<void> read(page_id page, std::byte* into, std::size_t size) {
        const bytes image = of_.at_end_of(epoch_, page);
        if (image.empty()) return error{error_code::not_found, "reading a page"};
        optimistic_write<posix>(into, image.data(), size);
        return success();
    }
    result<void> write(page_id, std::uint32_t, bytes_view) { return success(); }

private:
    history& of_;
    std::uint32_t epoch_;
};

template <class Random>
void change(tree_of_history& all, model& expected, Random& random, std::uint64_t step) {
    const std::string key = random_key(random, 64);
    const auto near = expected.lower_bound(key);
    if ((step / 200 % 2 == 0 ? random() % 4 != 0 : random() % 4 == 0) || near == expected.end()) {
        const std::string value = patterned(random() % 4 == 0 ? random() % 3000 : 6, step);
        REQUIRE(all.tree.put(key, value, lsn{step}));
        expected[key] = {value, step};
        return;
    }
    REQUIRE(all.tree.erase(near->first).value());
    expected.erase(near);
}

}  // namespace

TEST_CASE("the pages of an epoch are the tree as it was at its end") {
    for (const std::size_t frames : {4u, 12u, 200u}) {
        CAPTURE(frames);
        tree_of_history all{512, frames};
        std::mt19937_64 random{frames};
        model expected;
        std::vector<model> at_end{{}};
        for (std::uint64_t step = 0; step < 3000 / one_in; ++step) {
            if (step % 150 == 149) {
                at_end.push_back(expected);
                const std::uint32_t ended = all.pages.begin_epoch();
                for (int i = 0; i < 60; ++i) change(all, expected, random, step);
                REQUIRE(all.pages.write_epoch(ended));
            }
            change(all, expected, random, step);
        }
        CHECK(all.damage() == "");
        REQUIRE(at_end.size() > 2);
        for (std::uint32_t epoch = 1; epoch < at_end.size(); ++epoch) {
            CAPTURE(epoch);
            epoch_source then{all.disk, epoch};
            using pool_then = buffer_pool<posix, epoch_source>;
            pool_then pages{then, room_for<pool_then>(8, 512)};
            auto tree = page_tree<pool_then, tree_of_history::numbers_type>::open(
                pages, all.numbers, table, all.tree.root());
            REQUIRE(tree);
            CHECK(tree->verify()->entries == at_end[epoch].size());
            CHECK(difference(*tree, at_end[epoch]) == "");
        }
        CHECK(all.disk.wrong == 0);
    }
}
