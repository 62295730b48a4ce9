// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/core/detail/splitmix.hpp>
#include <mantis/page/page_map.hpp>

#include <map>
#include <set>

using namespace mantis;

namespace {

page_entry entry(std::uint64_t stamp) {
    return {page_place{static_cast<std::uint32_t>(stamp), 8, 1}, stamp};
}
std::vector<page_change> changes(page_map& map, std::uint32_t epoch) {
    std::vector<page_change> all;
    map.for_each_change(epoch, {1}, [&](page_id page, const page_entry& now) {
        all.push_back({page, now});
        return true;
    });
    return all;
}
std::vector<page_change> committed(const page_map& map, std::uint64_t from = 1) {
    std::vector<page_change> all;
    map.for_each_committed({from}, [&](page_id page, const page_entry& now) {
        all.push_back({page, now});
        return true;
    });
    return all;
}
std::set<std::uint64_t> commit(page_map& map, std::uint32_t epoch) {
    std::set<std::uint64_t> freed;
    map.commit(epoch, [&](page_place at) { CHECK(freed.insert(at.bits()).second); });
    return freed;
}
// Of all images that something refers to; no place is told twice, and pages ascend.
std::set<std::uint64_t> places(const page_map& map) {
    std::set<std::uint64_t> all;
    page_id last;
    map.for_each_live({1}, [&](page_id page, const page_entry& now) {
        CHECK(page >= last);
        last = page;
        CHECK(all.insert(now.place.bits()).second);
        CHECK(map.is_live(page, now));
        CHECK_FALSE(map.is_live({page.value + 1}, now));
        return true;
    });
    return all;
}
std::uint64_t at(std::uint64_t stamp) { return entry(stamp).place.bits(); }

}  // namespace

TEST_CASE("a page that was never put has no place") {
    page_map map;
    CHECK(map.newest({1}).place.is_none());
    CHECK(map.newest(last_mapped_page).place.is_none());
    CHECK(map.newest({last_mapped_page.value + 1}).place.is_none());
    CHECK(changes(map, 9).empty());
    CHECK(committed(map).empty());
}

TEST_CASE("the state at the end of an epoch has each page's last image up to it") {
    page_map map;
    map.put({1}, 1, entry(10));
    map.put({1}, 2, entry(11));
    map.put({2}, 2, entry(20));
    CHECK(changes(map, 1) == std::vector<page_change>{{{1}, entry(10)}});
    CHECK(map.newest({1}) == entry(11));
    CHECK(commit(map, 1).empty());
    CHECK(committed(map) == std::vector<page_change>{{{1}, entry(10)}});
    CHECK(changes(map, 2) == std::vector<page_change>{{{1}, entry(11)}, {{2}, entry(20)}});
    CHECK(commit(map, 2) == std::set<std::uint64_t>{at(10)});
    CHECK(changes(map, 9).empty());
}

TEST_CASE("a second image of one epoch frees the first, and no other is freed before a commit") {
    page_map map;
    CHECK(map.put({1}, 1, entry(10)).freed.is_none());
    const auto second = map.put({1}, 1, entry(11));
    CHECK(second.freed == entry(10).place);
    CHECK(second.was == entry(10).place);
    CHECK(second.is == entry(11).place);
    CHECK(commit(map, 1).empty());
    CHECK(map.put({1}, 2, entry(12)).freed.is_none());
    CHECK(map.put({1}, 3, entry(13)).freed.is_none());
    CHECK(map.put({1}, 4, entry(14)).freed.is_none());
    CHECK(commit(map, 3) == std::set<std::uint64_t>{at(11), at(12)});
    CHECK(committed(map) == std::vector<page_change>{{{1}, entry(13)}});
}

TEST_CASE("of epochs that were given up only the last image of each page is kept") {
    page_map map;
    map.put({1}, 1, entry(10));
    map.put({2}, 1, entry(20));
    map.put({3}, 1, entry(30));
    CHECK(commit(map, 1).empty());
    page_map::outcome moved;
    REQUIRE(map.move({2}, entry(20), entry(21), moved));
    map.put({1}, 2, entry(11));
    map.put({1}, 3, {});
    map.put({1}, 4, entry(13));
    map.put({1}, 5, entry(14));
    map.put({2}, 3, entry(22));
    map.put({3}, 5, entry(31));
    map.put({4}, 2, entry(40));
    map.put({4}, 4, {});
    const auto before = changes(map, 4);
    std::set<std::uint64_t> freed;
    const auto note = [&](page_place at) { CHECK(freed.insert(at.bits()).second); };
    map.forget_between(4, note);
    CHECK(freed == std::set<std::uint64_t>{at(11), at(21), at(40)});
    map.forget_between(4, note);
    CHECK(freed.size() == 3);
    CHECK(changes(map, 4) == before);
    CHECK(committed(map) ==
          std::vector<page_change>{{{1}, entry(10)}, {{2}, entry(20)}, {{3}, entry(30)}});
    CHECK(map.newest({1}) == entry(14));
    CHECK(commit(map, 4) == std::set<std::uint64_t>{at(10), at(20)});
    CHECK(changes(map, 5) == std::vector<page_change>{{{1}, entry(14)}, {{3}, entry(31)}});
}

TEST_CASE("what a commit leaves is for the changes that come next, and goes if there are none") {
    constexpr std::uint64_t pages = 1023;
    constexpr std::size_t least = 4 * 256 * 20;  // of four ranges in which all has changed
    const auto change_all = [&](page_map& map, std::uint32_t epoch) {
        for (std::uint64_t page = 1; page <= pages; ++page) map.put({page}, epoch, entry(epoch));
    };
    const auto commit_all = [](page_map& map, std::uint32_t epoch) {
        map.commit(epoch, [](page_place) {});
        CHECK(changes(map, epoch).empty());
    };
    for (const bool rests : {false, true}) {
        page_map map;
        change_all(map, 1);
        commit_all(map, 1);
        const std::size_t most = map.memory_bytes();
        for (std::uint32_t epoch = 2; epoch <= 5; ++epoch) {
            change_all(map, epoch);
            CHECK(map.memory_bytes() <= most);
            CHECK(changes(map, epoch).size() == pages);
            commit_all(map, epoch);
            CHECK(map.memory_bytes() <= most);
        }
        map.put({1}, 6, entry(6));
        map.put({1}, 7, entry(7));  // in one of the four, with a version between
        rests ? map.give_back_unused() : commit_all(map, 6);
        CHECK(map.memory_bytes() + least / 4 * 3 <= most);
        CHECK(map.newest({1}) == entry(7));
        CHECK(committed(map).size() == pages);
    }
}

TEST_CASE("an image of an earlier epoch that comes after the page has gone changes nothing later") {
    page_map map;
    map.put({1}, 1, entry(10));
    CHECK(commit(map, 1).empty());
    map.put({1}, 3, {});
    const auto late = map.put({1}, 2, entry(11));
    CHECK(late.is.is_none());
    CHECK(map.newest({1}).place.is_none());
    CHECK(changes(map, 2) == std::vector<page_change>{{{1}, entry(11)}});
    CHECK(changes(map, 3) == std::vector<page_change>{{{1}, {}}});
    CHECK(commit(map, 3) == std::set<std::uint64_t>{at(10), at(11)});
    CHECK(committed(map).empty());
}

TEST_CASE("a page that came and went between two commits is told all the same") {
    page_map map;  // a delta that nobody knows the fate of may have said that it is there
    map.put({7}, 1, entry(10));
    CHECK(changes(map, 1).size() == 1);
    map.put({7}, 2, {});
    CHECK(changes(map, 2) == std::vector<page_change>{{{7}, {}}});
}

TEST_CASE("a moved image is in whatever is committed next, unless a newer one came") {
    page_map map;
    page_map::outcome done;
    map.put({1}, 1, entry(10));
    map.put({2}, 1, entry(20));
    CHECK(commit(map, 1).empty());
    CHECK_FALSE(map.move({1}, entry(99), entry(11), done));
    CHECK_FALSE(map.move({3}, entry(99), entry(11), done));
    REQUIRE(map.move({1}, entry(10), entry(11), done));
    CHECK(done.freed.is_none());  // the committed state needs it
    REQUIRE(map.move({1}, entry(11), entry(12), done));
    CHECK(done.freed == entry(11).place);  // and nobody needed this one
    map.put({1}, 5, entry(13));
    CHECK_FALSE(map.move({1}, entry(12), entry(14), done));
    CHECK(changes(map, 2) == std::vector<page_change>{{{1}, entry(12)}});
    CHECK(commit(map, 2) == std::set<std::uint64_t>{at(10)});
    REQUIRE(map.move({1}, entry(13), entry(15), done));  // of an epoch to come
    CHECK(done.freed == entry(13).place);
    CHECK(changes(map, 4).empty());
    CHECK(changes(map, 5) == std::vector<page_change>{{{1}, entry(15)}});
}

TEST_CASE("the committed state is told in order and from any page on, far pages too") {
    page_map map;
    const std::vector<std::uint64_t> pages{1, 2, 255, 256, 257, 1 << 20, (1 << 20) + 1, UINT32_MAX};
    for (const std::uint64_t page : pages) map.load({page}, entry(page % 1'000 + 1));
    map.put({2}, 1, {});           // not committed
    map.put({3}, 1, entry(3));     // the same
    map.put({256}, 1, entry(77));  // the same
    for (std::size_t from = 0; from < pages.size(); ++from) {
        const auto told = committed(map, pages[from]);
        REQUIRE(told.size() == pages.size() - from);
        for (std::size_t i = 0; i < told.size(); ++i) {
            CHECK(told[i].page.value == pages[from + i]);
            CHECK(told[i].now == entry(pages[from + i] % 1'000 + 1));
        }
    }
}

TEST_CASE("random puts, moves and commits leave what a model has, and free each place once") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        std::uint64_t state = seed;
        const auto below = [&](std::uint64_t end) { return detail::splitmix64(state) % end; };
        page_map map;
        std::map<std::uint64_t, std::map<std::uint32_t, page_entry>> model;  // 0: committed
        std::set<std::uint64_t> live;
        std::uint64_t stamp = 0;
        std::uint32_t done_epoch = 0;
        const auto free = [&](page_place at) {
            if (!at.is_none()) CHECK(live.erase(at.bits()) == 1);
        };
        for (int step = 0; step < 400; ++step) {
            const std::uint64_t page = 1 + below(20) * 61;
            const std::uint64_t what = below(20);
            if (what < 14) {
                const auto epoch = done_epoch + 1 + static_cast<std::uint32_t>(below(3));
                const page_entry now = below(4) == 0 ? page_entry{} : entry(++stamp);
                if (!now.place.is_none()) live.insert(now.place.bits());
                free(map.put({page}, epoch, now).freed);
                model[page][epoch] = now;
            } else if (what < 18) {
                const page_entry from = map.newest({page});
                page_map::outcome moved;
                if (from.place.is_none()) continue;
                const page_entry to{entry(++stamp).place, from.checksum};
                REQUIRE(map.move({page}, from, to, moved));
                live.insert(to.place.bits());
                free(moved.freed);
                model[page].rbegin()->second =
                    to;  // told by the next commit where it was committed
            } else {
                done_epoch += static_cast<std::uint32_t>(below(3));
                for (auto& [number, versions] : model) {
                    page_entry last;
                    for (auto each = versions.begin();
                         each != versions.end() && each->first <= done_epoch;)
                        last = each->second, each = versions.erase(each);
                    versions[0] = last;
                }
                map.commit(done_epoch, free);
                std::vector<page_change> expected;
                for (const auto& [number, versions] : model)
                    if (!versions.at(0).place.is_none())
                        expected.push_back({{number}, versions.at(0)});
                CHECK(committed(map) == expected);
            }
            for (const auto& [number, versions] : model) {
                if (versions.empty()) continue;
                CHECK(map.newest({number}) == versions.rbegin()->second);
            }
            if (below(20) == 0) CHECK(places(map) == live);
        }
        map.commit(done_epoch + 10, free);
        CHECK(live.size() == committed(map).size());
    }
}

TEST_CASE("what is live is told from a page on, until it is enough") {
    page_map map;
    map.load({3}, entry(1));
    map.load({700}, entry(2));
    (void)map.put({700}, 4, entry(3));
    (void)map.put({700}, 5, {});
    (void)map.put({70'000'000}, 4, entry(4));
    const auto from = [&](std::uint64_t first, std::size_t most) {
        std::vector<page_change> all;
        map.for_each_live({first}, [&](page_id page, const page_entry& now) {
            all.push_back({page, now});
            return all.size() < most;
        });
        return all;
    };
    const std::vector<page_change> all{
        {{3}, entry(1)}, {{700}, entry(2)}, {{700}, entry(3)}, {{70'000'000}, entry(4)}};
    CHECK(from(1, 10) == all);
    CHECK(from(4, 10) == std::vector<page_change>(all.begin() + 1, all.end()));
    CHECK(from(701, 10) == std::vector<page_change>(all.begin() + 3, all.end()));
    CHECK(from(1, 2) == std::vector<page_change>(all.begin(), all.begin() + 2));
    CHECK_FALSE(map.is_live({700}, entry(1)));
    CHECK_FALSE(map.is_live({5}, entry(1)));
}
