// SPDX-License-Identifier: BSL-1.0
//
// Readers beside a loader, under drawn schedules and with real threads: each sees an empty tree or
// the whole one, and never an empty one after the whole.
#include "../../page/history_source.hpp"
#include "../../sanitized.hpp"
#include "extent_rig.hpp"

#include <mantis/index/btree/page_tree_loader.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace tree_tests;

namespace {

template <class Platform>
struct loaded_beside_readers {
    using rig_type = rig<Platform, page_test::history_source<Platform>>;
    using loader = page_tree_loader<typename rig_type::pool, typename rig_type::numbers_type>;
    using cursor = page_tree_cursor<typename rig_type::pool, typename rig_type::numbers_type>;
    template <class T>
    using atomic = typename Platform::template atomic<T>;

    rig_type all;
    model entries;
    atomic<std::uint64_t> wrong{0};
    atomic<std::uint64_t> seen_empty{0};
    atomic<std::uint64_t> seen_whole{0};
    atomic<bool> done{false};
    bool gives_up = false;

    loaded_beside_readers(std::size_t frames, std::uint64_t count) : all{512, frames} {
        for (std::uint64_t i = 0; i < count; ++i)
            entries[big_endian(i * 3)] = {patterned(i % 16 == 3 ? 1500 : 9 + i % 50, i), i};
    }

    void load() {
        auto into = loader::begin(all.tree).value();
        for (const auto& [key, dated] : entries)
            while (!into.append(key, dated.value, lsn{dated.version})) continue;
        if (gives_up) return;
        if (!into.finish()) wrong.fetch_add(1);
    }
    void saw(bool whole, bool& before) {
        (whole ? seen_whole : seen_empty).fetch_add(1);
        if (before && !whole) wrong.fetch_add(1);
        before = whole;
    }
    void find(std::uint64_t draw, bool& whole) {
        auto at = entries.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(draw % entries.size()));
        bool right = true;
        const auto found = all.tree.find(at->first, [&](bytes_view value, lsn version) {
            right = value == bytes_view{at->second.value} && version.value == at->second.version;
        });
        if (!found) return;  // for want of a frame
        if (!right) wrong.fetch_add(1);
        saw(*found, whole);
    }
    void walk(bool& whole) {
        std::uint64_t seen = 0;
        cursor at{all.tree};
        auto expected = entries.begin();
        auto on = at.seek_first();
        // What was empty a moment ago may have all behind the end, so nothing is asked there.
        const bool empty = on && !*on;
        for (; on && *on; on = at.next(), ++seen, ++expected)
            if (expected == entries.end() || at.key() != bytes_view{expected->first} ||
                at.value() != bytes_view{expected->second.value})
                return void(wrong.fetch_add(1));
        if (!on) return;
        if (!empty && seen != entries.size()) wrong.fetch_add(1);
        saw(!empty, whole);
    }
    void read(std::uint64_t draw) {
        bool whole = false;
        do {
            draw = draw * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
            if ((draw >> 60) < 4) walk(whole);
            else find(draw >> 33, whole);
        } while (!done.load());
    }
    std::string run(std::uint64_t readers, std::uint64_t salt) {
        std::vector<typename Platform::thread> running;
        for (std::uint64_t number = 0; number < readers; ++number)
            running.emplace_back([this, number, salt] { read(salt * 31 + number + 1); });
        load();
        done.store(true);
        for (auto& thread : running) thread.join();
        if (wrong.load() != 0) return "a thread saw what it must not see";
        if (all.disk.wrong != 0) return "the source was used as it must not be";
        if (const std::string damaged = all.damage(); !damaged.empty()) return damaged;
        return difference(all.tree, gives_up ? model{} : entries);
    }
};

}  // namespace

TEST_CASE("200 seeds: readers beside a loader see an empty tree or the whole") {
    std::uint64_t empty = 0;
    std::uint64_t whole = 0;
    for (std::uint64_t seed = 0; seed < 200; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            loaded_beside_readers<simulated> life{seed % 2 == 0 ? 200u : 9 + seed % 9,
                                                  1 + seed * 7 % 120};
            life.gives_up = seed % 5 == 4;
            CHECK(life.run(1 + seed % 2, seed) == "");
            empty += life.seen_empty.load();
            whole += life.seen_whole.load();
        });
    }
    CHECK(empty > 100);
    CHECK(whole * one_in > 100);
}

TEST_CASE("real threads read while a tree is loaded, with ample frames and with a few") {
    for (const std::size_t frames : {4000u, 24u}) {
        loaded_beside_readers<posix> life{frames, 8000 / one_in};
        CHECK(life.run(2, frames) == "");
    }
}
