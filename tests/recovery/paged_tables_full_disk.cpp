// SPDX-License-Identifier: BSL-1.0
//
// Tables in pages on a disk that is full to the brim: every checkpoint succeeds, rows can be
// erased, and erasing, checkpoints and cleaning give the space back.
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "paged_life.hpp"

#include <mantis/platform/simulated.hpp>

using namespace mantis;
using paged_tests::contents;
using paged_tests::difference;
using paged_tests::ours;

namespace {

using tables_type = paged_tables<simulated>;
using pool_type = buffer_pool<simulated, page_store<simulated>>;
constexpr std::size_t page_bytes = 4096;

class full_disk {
public:
    full_disk(simulation& of, std::uint64_t seed, std::size_t frames = 0)
        : world_{&of},
          draw_{seed},
          in_{of.platform().open_directory("db", directory_mode::create).value()} {
        options_.database = ours;
        options_.least_segment_bytes = 64 * KiB;
        options_.segment_bytes = frames == 0 ? 64 * KiB : 1 * MiB;
        options_.pool.page_bytes = page_bytes;
        options_.pool.translation_bytes = 64 * KiB;
        options_.pool.wait_for_frame = milliseconds(1);
        options_.pool.side_bytes = 1 + seed % 7 * pool_type::side_copy_bytes(page_bytes);
        options_.pool.memory_bytes =
            options_.pool.translation_bytes + options_.pool.side_bytes +
            (frames == 0 ? 8 + seed % 40 : frames) * pool_type::frame_bytes(page_bytes);
        open();
        REQUIRE(tables_->make_table({1}));
    }
    void open() { tables_ = tables_type::open(world_->platform(), in_, options_).value(); }
    void restart() {
        tables_ = {};
        world_->restart(crash_mode::drop_unsynced);
        in_ = world_->platform().open_directory("db", directory_mode::create).value();
        open();
    }

    // Until there is no room for another row, whatever is cleaned.
    void fill() {
        for (std::uint64_t row = 0;; ++row) {
            const std::string key = "row-" + std::to_string(row * 7'919 % 100'003);
            // Values of all lengths, so that pages are left half full.
            const std::string value(below(600), 'v');
            if (!insist([&](auto& tree) { return tree.put(key, value, lsn{row + 1}); })) return;
            model_[1][key] = {value, row + 1};
        }
    }
    // Erases all but one row of so many, in random order.
    void erase(std::uint64_t kept_of) {
        std::vector<std::string> keys;
        for (const auto& [key, unused] : model_[1]) keys.push_back(key);
        for (std::size_t at = keys.size(); at > 1; --at) std::swap(keys[at - 1], keys[below(at)]);
        for (std::size_t at = 0; at < keys.size(); ++at) {
            if (at % kept_of == 0) continue;
            REQUIRE_MESSAGE(insist([&](auto& tree) { return tree.erase(keys[at]); }), last_refusal);
            model_[1].erase(keys[at]);
        }
    }
    void checkpoint() {
        rwlock<simulated> nobody;
        checkpoint(nobody);
    }
    void checkpoint(rwlock<simulated>& changes) {
        const auto made = tables_->checkpoint([&](auto note) {
            changes.lock();
            note(lsn{++position_});
            changes.unlock();
            return success();
        });
        REQUIRE_MESSAGE(made, made.error().message().as<std::string>());
    }
    // Makes room, as the documents say.
    //   Returns     whether anything was cleaned
    bool make_room() {
        checkpoint();
        const auto cleaned = tables_->clean();
        if (!cleaned) REQUIRE(cleaned.error().code() == error_code::no_space);
        checkpoint();
        return !cleaned || cleaned->segment != 0;
    }

    std::uint64_t below(std::uint64_t end) { return detail::splitmix64(draw_) % end; }
    tables_type& tables() { return *tables_; }
    const contents& model() const { return model_; }
    std::uint64_t refusals = 0;
    std::string last_refusal;

private:
    template <class Call>
    bool try_once(Call& call) {
        auto tree = tables_->table({1});
        result<void> done = success();
        if (!tree) done = tree.error();
        else if (auto called = call(*tree); !called) done = called.error();
        if (done) return true;
        const error_code why = done.error().code();
        REQUIRE((why == error_code::no_space || why == error_code::out_of_memory));
        last_refusal = done.error().message().as<std::string>();
        ++refusals;
        return false;
    }
    //   Returns     whether it was done, before nothing was left to clean
    template <class Call>
    bool insist(Call call) {
        for (int rounds = 0; rounds < 400; ++rounds) {
            if (try_once(call)) return true;
            if (!make_room()) return try_once(call);
        }
        return false;
    }

    simulation* world_;
    std::uint64_t draw_;
    simulated::directory in_;
    paged_tables_options options_;
    owned<tables_type> tables_;
    contents model_;
    std::uint64_t position_ = 0;
};

}  // namespace

TEST_CASE("on a disk filled to the brim every checkpoint succeeds, and erasing gives space back") {
    for (std::uint64_t seed = 1; seed <= 12; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            full_disk one{world, seed};
            world.limit_disk(world.used_bytes() + (10 + seed * 3) * 64 * KiB + one.below(64 * KiB));
            one.fill();
            CHECK(difference(one.tables(), one.model()) == "");
            const page_store_stats full = one.tables().stats().disk;
            CHECK(full.live_bytes * 2 > full.disk_bytes);
            CHECK(one.refusals > 1);
            if (seed % 2 == 0) one.restart();
            CHECK(difference(one.tables(), one.model()) == "");
            one.erase(10);
            for (int rounds = 0; one.make_room(); ++rounds) REQUIRE(rounds < 400);
            CHECK(difference(one.tables(), one.model()) == "");
            const page_store_stats now = one.tables().stats().disk;
            CHECK(now.spare);
            const std::uint64_t used = now.disk_bytes - now.spare_bytes;
            CHECK(used * 2 <= now.live_bytes * 3 + 2 * 2 * 64 * KiB);
            one.restart();
            CHECK(difference(one.tables(), one.model()) == "");
        });
    }
}

TEST_CASE("and also where segments have many sizes, because the database grows and shrinks") {
    for (std::uint64_t seed = 1; seed <= 3; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 4'000'000'000}};
        world.run([&] {
            full_disk one{world, seed, 100 + seed * 300};
            world.limit_disk((8 + 2 * seed) * MiB + one.below(1 * MiB));
            one.fill();
            CHECK(one.tables().stats().disk.segment_bytes >= 128 * KiB);
            CHECK(difference(one.tables(), one.model()) == "");
            for (const std::uint64_t kept_of : {4U, 20U}) {
                if (seed % 2 == 0) one.restart();
                one.erase(kept_of);
                for (int rounds = 0; one.make_room(); ++rounds) REQUIRE(rounds < 400);
                CHECK(difference(one.tables(), one.model()) == "");
                CHECK(one.tables().stats().disk.spare);
            }
            const page_store_stats now = one.tables().stats().disk;
            CHECK(now.segment_bytes == 64 * KiB);
            CHECK(now.disk_bytes <= 3 * now.live_bytes + 2 * MiB);
            one.fill();
            CHECK(difference(one.tables(), one.model()) == "");
            one.restart();
            CHECK(difference(one.tables(), one.model()) == "");
        });
    }
}

TEST_CASE("and also while threads change rows beside checkpoints and cleaning") {
    std::uint64_t refused = 0;
    for (std::uint64_t seed = 1; seed <= 20; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            full_disk one{world, seed};
            one.checkpoint();
            world.limit_disk(world.used_bytes() + one.below(20) * 64 * KiB);
            rwlock<simulated> changes;
            std::vector<simulated::thread> threads;
            simulated::atomic<std::uint64_t> refusals{0};
            contents models[2];
            for (std::uint64_t number = 0; number < 2; ++number)
                threads.emplace_back([&, number, draw = one.below(1'000'000)]() mutable {
                    for (std::uint64_t i = 1; i <= 700; ++i) {
                        const std::uint64_t row = detail::splitmix64(draw) % 400;
                        const std::string key =
                            std::to_string(number) + "-row-" + std::to_string(row);
                        const std::string value(detail::splitmix64(draw) % 600, 'v');
                        changes.lock_shared();
                        auto tree = one.tables().table({1});
                        const bool puts = i < 400;
                        bool done = false;
                        if (tree && puts) done = tree->put(key, value, lsn{i}).has_value();
                        else if (tree) done = tree->erase(key).has_value();
                        if (!done) refusals.fetch_add(1);
                        else if (puts) models[number][1][key] = {value, i};
                        else models[number][1].erase(key);
                        changes.unlock_shared();
                    }
                });
            for (int i = 0; i < 12; ++i) {
                one.checkpoint(changes);
                const auto cleaned = one.tables().clean();
                if (!cleaned) CHECK(cleaned.error().code() == error_code::no_space);
            }
            for (auto& thread : threads) thread.join();
            for (int rounds = 0; one.make_room(); ++rounds) REQUIRE(rounds < 400);
            refused += refusals.load();
            contents both = models[0];
            both[1].insert(models[1][1].begin(), models[1][1].end());
            CHECK(difference(one.tables(), both) == "");
            one.restart();
            CHECK(difference(one.tables(), both) == "");
        });
    }
    CHECK(refused > 20 / one_in);
}

TEST_CASE("rows of every page are erased by one commit that was admitted, though all are written") {
    std::uint64_t tight = 0;
    for (std::uint64_t many = 12; many < 60; many += one_in) {
        CAPTURE(many);
        simulation world{many};
        world.run([&] {
            paged_tables_options options;
            options.database = ours;
            options.segment_bytes = options.least_segment_bytes = 64 * KiB;
            options.pool.page_bytes = 1024;
            options.pool.translation_bytes = 32 * KiB;
            options.pool.side_bytes = pool_type::side_copy_bytes(1024);
            options.pool.memory_bytes = options.pool.translation_bytes + options.pool.side_bytes +
                                        8 * pool_type::frame_bytes(1024);
            auto in = world.platform().open_directory("db", directory_mode::create).value();
            auto tables = tables_type::open(world.platform(), in, options).value();
            std::uint64_t position = 0;
            const auto checkpoint = [&] {
                return tables->checkpoint(
                    [&](auto note) { return note(lsn{++position}), success(); });
            };
            constexpr std::uint64_t rows = 36;
            const auto key = [](std::uint64_t row) { return "r" + std::to_string(100 + row); };
            // Tables of one page each, and a pool for a few of them.
            std::vector<tables_type::table_type> all;
            for (std::uint64_t table = 1; table <= many; ++table) {
                all.push_back(tables->make_table({table}).value());
                for (std::uint64_t row = 0; row < rows; ++row)
                    REQUIRE(all.back().put(key(row), "v", lsn{1}));
            }
            REQUIRE(checkpoint());
            REQUIRE(tables->page_count() == many);
            world.limit_disk(world.used_bytes());
            for (std::uint64_t row = 0; row < rows; row += 2) {
                REQUIRE(tables->admit(0, 2 * many, false));
                tight += !tables->disk_stats().spare;
                for (const std::uint64_t each : {row, row + 1})
                    for (auto& table : all) REQUIRE(table.erase(key(each)));
                if (row % 4 == 0) REQUIRE(checkpoint());
            }
        });
    }
    CHECK(tight > 0);
}
