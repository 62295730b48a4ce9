// SPDX-License-Identifier: BSL-1.0
//
// Tables in pages that are filled from sorted rows: a checkpoint has all of them, and before it a
// power failure at any I/O leaves no row and no page.
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "paged_life.hpp"

#include <mantis/index/btree/page_tree_loader.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;
using namespace paged_tests;

namespace {

using tables_type = paged_tables<simulated>;

rows sorted_rows(std::uint64_t count) {
    rows made;
    for (std::uint64_t i = 0; i < count; ++i)
        made["row-" + std::to_string(10'000 + i)] = {std::string(i % 50 == 3 ? 3000 : i % 90, 'v'),
                                                     i + 1};
    return made;
}
result<std::uint64_t> load(tables_type& tables, const rows& from) {
    auto table = tables.table({1});
    if (!table) return std::move(table).error();
    auto at = from.begin();
    return table->load_sorted([&](sorted_entry& entry) -> result<bool> {
        if (at == from.end()) return false;
        entry = {at->first, at->second.value, lsn{at->second.version}};
        ++at;
        return true;
    });
}
bool checkpoint(tables_type& tables, std::uint64_t position) {
    return static_cast<bool>(tables.checkpoint([&](auto note) {
        note(lsn{position});
        return success();
    }));
}

}  // namespace

TEST_CASE("a load is in the next checkpoint as a whole; a power failure before leaves nothing") {
    const rows from = sorted_rows(300);
    std::uint64_t loaded = 0;
    std::uint64_t lost = 0;
    for (std::uint64_t io = 1; io < 400; io += one_in) {
        CAPTURE(io);
        simulation world{io};
        world.run([&] {
            auto files = world.platform().open_directory("db", directory_mode::create).value();
            const auto options = small_options<simulated>();
            {
                auto opened = tables_type::open(world.platform(), files, options).value();
                REQUIRE(opened->make_table({1}));
                REQUIRE(checkpoint(*opened, 1));
                world.crash_at_io(io);
                if (load(*opened, from)) (void)checkpoint(*opened, 2);
            }
            world.restart(io % 2 == 0 ? crash_mode::drop_unsynced : crash_mode::random_subset);
            auto again = world.platform().open_directory("db", directory_mode::create).value();
            auto opened = tables_type::open(world.platform(), again, options).value();
            const bool whole = opened->last_checkpoint().position == lsn{2};
            ++(whole ? loaded : lost);
            CHECK(difference(*opened, contents{{1, whole ? from : rows{}}}) == "");
            CHECK(opened->table({1})->count() == (whole ? from.size() : 0));
            CHECK(opened->table({1})->verify());
        });
    }
    CHECK(loaded > 0);
    CHECK(lost > 0);
}
