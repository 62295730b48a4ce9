// SPDX-License-Identifier: BSL-1.0
//
// Loading a tree while reads and writes of the source fail, one at each position, while page
// numbers run out, and while epochs end.
#include "../../sanitized.hpp"
#include "extent_rig.hpp"
#include "failing_source.hpp"

#include <mantis/index/btree/page_tree_loader.hpp>
#include <mantis/platform/posix.hpp>

using namespace tree_tests;

namespace {

using faulty_tree = rig<posix, failing_source>;
template <class Rig>
using loader_of = page_tree_loader<typename Rig::pool, typename Rig::numbers_type>;

model rows(std::uint64_t count) {
    model made;
    for (std::uint64_t i = 0; i < count; ++i)
        made["row-" + big_endian(i).substr(5)] = {patterned(i % 40 == 7 ? 2000 : i % 60, i), i};
    return made;
}
void must_be_empty(faulty_tree& all) {
    REQUIRE(all.damage() == "");
    REQUIRE(all.tree.verify()->entries == 0);
    REQUIRE(all.numbers.used_count() == 1);
    REQUIRE(all.pages.stats().pinned == 0);
}

// Also for who opens it later; a scan wants more than one frame.
void must_have(faulty_tree& all, const model& entries) {
    REQUIRE(all.damage() == "");
    REQUIRE(all.pages.flush());
    faulty_tree::pool pages{all.disk, room_for<faulty_tree::pool>(20, 512)};
    const auto tree =
        faulty_tree::tree_type::open(pages, all.numbers, table, all.tree.root()).value();
    REQUIRE(difference(tree, entries) == "");
}

struct outcome {
    bool reached = false;  // the position
    std::size_t failed = 0;
};

// Whoever is told of a failure does the same again, but for finish(): that has given all up.
outcome insist(const model& entries, std::size_t frames, std::uint64_t position,
               std::uint64_t failing) {
    faulty_tree all{512, frames};
    outcome seen;
    all.disk.calls_left = position, all.disk.failing = failing;
    for (bool done = false; !done;) {
        auto begun = loader_of<faulty_tree>::begin(all.tree);
        if (!begun && ++seen.failed < 50) continue;
        for (const auto& [key, dated] : entries)
            while (!begun->append(key, dated.value, lsn{dated.version}))
                REQUIRE(++seen.failed < 50);
        done = begun->finish().has_value();
        if (done) break;
        REQUIRE(++seen.failed < 50);
        const std::uint64_t left = std::exchange(all.disk.calls_left, UINT64_MAX);
        must_be_empty(all);
        if (all.disk.failing != 0) all.disk.calls_left = left;
    }
    seen.reached = all.disk.calls_left == UINT64_MAX;
    all.disk.calls_left = UINT64_MAX;
    must_have(all, entries);
    return seen;
}
// Whoever is told of a failure gives up, and everything goes on failing until that is done.
outcome give_up(const model& entries, std::size_t frames, std::uint64_t position) {
    faulty_tree all{512, frames};
    outcome seen;
    all.disk.calls_left = position, all.disk.failing = UINT64_MAX;
    const auto failed = [&] {
        auto begun = loader_of<faulty_tree>::begin(all.tree);
        if (!begun) return true;
        for (const auto& [key, dated] : entries)
            if (!begun->append(key, dated.value, lsn{dated.version})) return true;
        return !begun->finish();
    }();
    seen.failed = failed ? 1 : 0;
    seen.reached = failed || all.disk.calls_left == 0;
    all.disk.calls_left = UINT64_MAX;
    if (failed) must_be_empty(all);
    else must_have(all, entries);
    return seen;
}

}  // namespace

TEST_CASE("whichever read or write fails, the same call goes on, and nothing is lost or twice") {
    const model entries = rows(400);
    for (const std::size_t frames : {1u, 3u, 8u})
        for (const std::uint64_t failing : {1u, 3u}) {
            std::size_t failed = 0;
            std::uint64_t position = 0;
            for (;; position += one_in) {
                CAPTURE(position);
                CAPTURE(frames);
                const outcome seen = insist(entries, frames, position, failing);
                failed += seen.failed;
                if (!seen.reached) break;
            }
            CHECK(position > 50);
            CHECK(failed >= position / one_in / 2);
        }
}

TEST_CASE("whichever read or write fails, who gives up then leaves an empty tree and no page") {
    const model entries = rows(400);
    for (const std::size_t frames : {1u, 3u, 8u}) {
        std::uint64_t position = 0;
        for (;; position += one_in) {
            CAPTURE(position);
            CAPTURE(frames);
            if (!give_up(entries, frames, position).reached) break;
        }
        CHECK(position > 50);
    }
}

TEST_CASE("whichever number is the last: nothing has changed, and it goes on when there are more") {
    const model entries = rows(300);
    for (std::uint64_t spare = 0; spare < 60; ++spare) {
        CAPTURE(spare);
        rig<posix> all{512, 200};
        std::vector<page_id> taken;
        for (auto page = all.numbers.take(); page; page = all.numbers.take())
            taken.push_back(*page);
        const auto spare_one = [&] {
            all.numbers.give_back(taken.back());
            taken.pop_back();
        };
        for (std::uint64_t i = 0; i < spare; ++i) spare_one();
        {
            auto into = loader_of<rig<posix>>::begin(all.tree).value();
            for (const auto& [key, dated] : entries) {
                while (true) {
                    const auto in = into.append(key, dated.value, lsn{dated.version});
                    if (in) break;
                    REQUIRE(in.error().code() == error_code::no_space);
                    spare_one();
                }
            }
            const auto done = into.finish();
            if (!done) REQUIRE(done.error().code() == error_code::no_space);
            REQUIRE(all.tree.verify()->entries == (done ? entries.size() : 0));
        }
        for (const page_id page : taken) all.numbers.give_back(page);
        CHECK(all.damage() == "");
        const bool loaded = all.tree.verify()->entries != 0;
        CHECK(difference(all.tree, loaded ? entries : model{}) == "");
        if (!loaded) CHECK(all.numbers.used_count() == 1);
    }
}

TEST_CASE("epochs end between two calls: the tree comes out right, and each epoch is written") {
    const model entries = rows(600);
    for (const std::size_t frames : {3u, 200u})
        for (const bool finishes : {true, false}) {
            rig<posix> all{512, frames, 2};
            {
                auto into = loader_of<rig<posix>>::begin(all.tree).value();
                std::size_t step = 0;
                for (const auto& [key, dated] : entries) {
                    if (++step % 150 == 0) {
                        const std::uint32_t ended = all.pages.begin_epoch();
                        if (step % 300 == 0) REQUIRE(all.pages.write_epoch(ended));
                    }
                    REQUIRE(into.append(key, dated.value, lsn{dated.version}));
                }
                if (finishes) REQUIRE(into.finish().value() == entries.size());
            }
            CHECK(all.damage() == "");
            CHECK(difference(all.tree, finishes ? entries : model{}) == "");
            REQUIRE(all.pages.write_epoch(all.pages.begin_epoch()));
        }
}

TEST_CASE(
    "who gives up a page that an earlier epoch needs, and that cannot be written, keeps its "
    "number taken") {
    faulty_tree all{512, 200, 0};
    {
        auto into = loader_of<faulty_tree>::begin(all.tree).value();
        for (const auto& [key, dated] : rows(200))
            REQUIRE(into.append(key, dated.value, lsn{dated.version}));
        all.pages.begin_epoch();
        all.disk.failing = UINT64_MAX;
        all.disk.calls_left = 3;
    }
    const std::uint64_t left = all.numbers.used_count();
    CHECK(left > 5);
    all.disk.calls_left = UINT64_MAX;
    REQUIRE(all.pages.flush());
    CHECK(all.tree.verify()->pages() == 1);
    CHECK(difference(all.tree, {}) == "");
}
