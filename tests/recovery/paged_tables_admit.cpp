// SPDX-License-Identifier: BSL-1.0
//
// Commits that are admitted before their changes are made, on disks of any capacity: what was
// admitted never finds the disk full; erasing goes on longer than putting; and after erasing,
// checkpoints and cleaning, rows are put again.
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
constexpr std::size_t page_bytes = 1024;

struct operation {
    std::string key;
    std::string value;
    bool puts = true;
};
using commit = std::vector<operation>;

class admitted {
public:
    admitted(simulation& of, std::uint64_t seed, std::size_t frames,
             std::uint32_t segment_bytes = 64 * KiB, std::size_t translation_bytes = 0)
        : world_{&of},
          draw_{seed},
          in_{of.platform().open_directory("db", directory_mode::create).value()} {
        options_.database = ours;
        options_.segment_bytes = segment_bytes;
        options_.least_segment_bytes = 64 * KiB;
        options_.pool.page_bytes = page_bytes;
        options_.pool.translation_bytes = translation_bytes != 0 ? translation_bytes
                                          : frames < 400         ? 32 * KiB
                                                                 : 128 * KiB;
        options_.pool.wait_for_frame = milliseconds(1);
        options_.pool.clean_percent = seed % 2 == 0 ? 25 : 0;
        options_.pool.side_bytes = 1 + seed % 5 * pool_type::side_copy_bytes(page_bytes);
        options_.pool.memory_bytes = options_.pool.translation_bytes + options_.pool.side_bytes +
                                     frames * pool_type::frame_bytes(page_bytes);
        open();
        for (std::uint64_t table = 1; table <= 2; ++table) REQUIRE(tables_->make_table({table}));
    }
    void open() { tables_ = tables_type::open(world_->platform(), in_, options_).value(); }
    void restart() {
        tables_ = {};
        world_->restart(crash_mode::drop_unsynced);
        in_ = world_->platform().open_directory("db", directory_mode::create).value();
        open();
    }

    //   Returns     whether it was admitted; then all of it is done
    bool run(const commit& what) {
        const lock_guard<simulated::mutex> hold{commits_};
        std::uint64_t put_bytes = 0;
        bool grows = false;
        for (const operation& each : what) {
            put_bytes += each.puts ? each.key.size() + each.value.size() : 0;
            grows = grows || each.puts;
        }
        const auto let_in = tables_->admit(put_bytes, what.size(), grows);
        if (!let_in) {
            const bool full = let_in.error().code() == error_code::no_space;
            REQUIRE_MESSAGE(full, let_in.error().message().as<std::string>());
            ++refusals;
            return false;
        }
        for (const operation& each : what) change(each);
        return true;
    }
    // Most are of small rows, some of values with pages of their own.
    commit draw_puts(std::uint64_t most_rows, std::uint64_t most_bytes) {
        commit made(1 + below(most_rows));
        for (operation& each : made) {
            const std::uint64_t kind = below(40);
            const std::uint64_t size = kind == 0  ? below(most_bytes)
                                       : kind < 6 ? below(3'000)
                                                  : below(150);
            each = {"row-" + std::to_string(below(100'000)), std::string(size, 'v'), kind < 36};
            if (!each.puts) each.key = any_key();
        }
        return made;
    }
    commit draw_erases(std::uint64_t most_rows) {
        commit made(1 + below(most_rows));
        for (operation& each : made) each = {any_key(), {}, false};
        return made;
    }
    std::string any_key() {
        rows& all = model_[table_];
        const auto at = all.lower_bound("row-" + std::to_string(below(100'000)));
        return at == all.end() ? "none" : at->first;
    }
    bool checkpoint() {
        const auto made = tables_->checkpoint([&](auto note) {
            const lock_guard<simulated::mutex> hold{commits_};
            note(lsn{++position_});
            return success();
        });
        REQUIRE_MESSAGE(made, made.error().message().as<std::string>());
        return true;
    }
    //   Returns     whether anything was cleaned
    bool make_room() {
        checkpoint();
        const auto cleaned = tables_->clean();
        if (!cleaned) REQUIRE(cleaned.error().code() == error_code::no_space);
        checkpoint();
        return !cleaned || cleaned->segment != 0;
    }
    //   Returns     whether it was done, before nothing was left to clean
    bool insist(const commit& what) {
        for (int rounds = 0; rounds < 400; ++rounds) {
            if (run(what)) return true;
            if (!make_room()) return run(what);
        }
        return false;
    }

    std::uint64_t below(std::uint64_t end) { return detail::splitmix64(draw_) % end; }
    tables_type& tables() { return *tables_; }
    contents& model() { return model_; }
    std::uint64_t row_count() const { return model_.at(1).size() + model_.at(2).size(); }
    std::uint64_t refusals = 0;
    std::uint64_t small_puts_refused = 0;
    std::uint64_t erases_admitted_then = 0;
    // Another file takes what is free, or gives it back.
    void take_room() {
        auto file = in_.open("other", file_mode::create).value();
        for (std::uint64_t size = 16 * KiB; file.preallocate(taken_ += size);) {}
    }
    void give_room() {
        if (std::exchange(taken_, 0) != 0) REQUIRE(in_.remove("other"));
    }

private:
    using rows = paged_tests::rows;

    void change(const operation& what) {
        auto table = tables_->table({table_});
        REQUIRE_MESSAGE(table, table.error().message().as<std::string>());
        const lsn version{++version_};
        rows& all = model_[table_];
        if (what.puts) {
            const auto put = table->put(what.key, what.value, version);
            REQUIRE_MESSAGE(put, put.error().message().as<std::string>());
            all[what.key] = {what.value, version.value};
        } else {
            const auto erased = table->erase(what.key);
            REQUIRE_MESSAGE(erased, erased.error().message().as<std::string>());
            CHECK(*erased == (all.erase(what.key) != 0));
        }
        table_ = 3 - table_;
    }

    simulation* world_;
    std::uint64_t draw_;
    simulated::directory in_;
    paged_tables_options options_;
    owned<tables_type> tables_;
    simulated::mutex commits_;  // protects all below
    contents model_{{1, {}}, {2, {}}};
    std::uint64_t table_ = 1;
    std::uint64_t version_ = 0;
    std::uint64_t position_ = 0;
    std::uint64_t taken_ = 0;
};

// Tables that a test changes by itself, with room for far more.
struct large_disk {
    large_disk(simulation& of, std::uint64_t size)
        : world{&of}, in{of.platform().open_directory("db", directory_mode::create).value()} {
        of.limit_disk(size);
        options.database = ours;
        options.segment_bytes = 64 * KiB;
        options.pool.page_bytes = page_bytes;
        tables = tables_type::open(of.platform(), in, options).value();
    }
    // How often the disk was asked what is free.
    std::uint64_t asked() const { return world->io_count(io_kind::free_bytes); }

    simulation* world;
    simulated::directory in;
    paged_tables_options options;
    owned<tables_type> tables;
};

// Commits until none is admitted, whatever is cleaned.
void fill(admitted& one, std::uint64_t most_rows, std::uint64_t most_bytes) {
    for (int in_vain = 0; in_vain < 3;) {
        const bool done = one.below(8) != 0 ? one.run(one.draw_puts(most_rows, most_bytes))
                                            : one.insist(one.draw_puts(most_rows, most_bytes));
        if (one.below(12) == 0) one.checkpoint();
        if (one.below(12) == 0) (void)one.tables().clean();
        if (done) in_vain = 0;
        // What erases may take more of the reserve.
        if (!done && !one.run(one.draw_puts(1, 100))) {
            ++one.small_puts_refused;
            one.erases_admitted_then += one.run(one.draw_erases(8));
        }
        if (done) continue;
        if (!one.insist(one.draw_puts(2, 100))) ++in_vain;
    }
}

}  // namespace

TEST_CASE("what was admitted never finds the disk full, on disks of any capacity") {
    std::uint64_t filled = 0;
    std::uint64_t refused = 0;
    std::uint64_t then_erased = 0;
    for (std::uint64_t seed = 1; seed <= 60; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            admitted one{world, seed, 10 + seed % 4 * 30};
            world.limit_disk(world.used_bytes() + seed * 40 * KiB + one.below(64 * KiB));
            fill(one, 1 + seed % 3 * 10, 200 * KiB);
            CHECK(one.refusals > 3);
            CHECK(difference(one.tables(), one.model()) == "");
            if (seed % 3 == 0) one.checkpoint(), one.restart();
            const std::uint64_t full = one.row_count();
            const std::uint64_t pages = one.tables().stats().pages;
            filled += full > 100;
            refused += one.small_puts_refused;
            then_erased += one.erases_admitted_then;
            // What only erases goes on, if it is no more than a few rows at a time.
            while (one.row_count() > full / 10) REQUIRE(one.insist(one.draw_erases(4)));
            for (int rounds = 0; one.make_room(); ++rounds) REQUIRE(rounds < 400);
            CHECK(difference(one.tables(), one.model()) == "");
            // On a disk of two segments the manifest, which has grown, takes one.
            if (full > 100 && seed > 4) CHECK(one.insist(one.draw_puts(1, 100)));
            fill(one, 3, 1 * KiB);
            // The manifest of a tiny one has grown.
            if (seed > 10) CHECK(one.tables().stats().pages * 2 + 40 > pages);
            one.checkpoint();
            one.restart();
            CHECK(difference(one.tables(), one.model()) == "");
        });
    }
    CHECK(filled > 40 / one_in);
    CHECK(refused > 50 / one_in);
    CHECK(then_erased * 10 > refused * 9);
}

TEST_CASE("what was admitted never finds the disk full where segments have many sizes") {
    for (std::uint64_t seed = 1; seed <= 4; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 4'000'000'000}};
        world.run([&] {
            admitted one{world, seed, 400 * seed, 1 * MiB};
            world.limit_disk((8 + seed * 3) * MiB + one.below(1 * MiB));
            fill(one, 400, 200 * KiB);
            CHECK(one.tables().stats().disk.segment_bytes >= 128 * KiB);
            CHECK(difference(one.tables(), one.model()) == "");
            if (seed % 2 == 0) one.checkpoint(), one.restart();
            const std::uint64_t full = one.row_count();
            while (one.row_count() > full / 50) REQUIRE(one.insist(one.draw_erases(40)));
            for (int rounds = 0; one.make_room(); ++rounds) REQUIRE(rounds < 400);
            CHECK(one.tables().stats().disk.segment_bytes == 64 * KiB);
            CHECK(difference(one.tables(), one.model()) == "");
            fill(one, 30, 1 * KiB);
            one.checkpoint();
            one.restart();
            CHECK(difference(one.tables(), one.model()) == "");
        });
    }
}

TEST_CASE("a value larger than the pool is admitted only where the disk has room for all of it") {
    std::uint64_t refused = 0;
    std::uint64_t done = 0;
    for (std::uint64_t room = 0; room < 60; room += one_in) {
        CAPTURE(room);
        simulation world{room};
        world.run([&] {
            admitted one{world, 1, 12};
            world.limit_disk(world.used_bytes() + room * 16 * KiB);
            const commit large{{"row-1", std::string(400 * KiB, 'v'), true}};
            const std::uint64_t before = world.used_bytes();
            if (one.run(large)) {
                ++done;
                one.checkpoint();
            } else {
                ++refused;
                CHECK(world.used_bytes() == before);
            }
            CHECK(difference(one.tables(), one.model()) == "");
        });
    }
    CHECK(refused > 10 / one_in);
    CHECK(done > 10 / one_in);
}

TEST_CASE("a commit of very many rows asks for room by its pages, not row by row") {
    simulation world{1, {.max_steps = 4'000'000'000}};
    world.run([&] {
        admitted one{world, 1, 40, 64 * KiB, 4 * MiB};
        for (std::uint64_t round = 0; round < 3; ++round) {
            commit many(20'000 / one_in);
            for (operation& each : many) each.key = "row-" + std::to_string(one.below(1'000'000));
            for (operation& each : many) each.value.assign(90, 'v');
            // Rows that each have pages of their own would need 26 KiB.
            std::uint64_t bytes_of_row = 1 * KiB;
            do world.limit_disk(world.used_bytes() + many.size() * (bytes_of_row += KiB));
            while (!one.run(many));
            CHECK(bytes_of_row < 12 * KiB);
            CHECK(difference(one.tables(), one.model()) == "");
            one.checkpoint();
            one.checkpoint();
        }
        one.restart();
        CHECK(difference(one.tables(), one.model()) == "");
    });
}

TEST_CASE("what was admitted never finds the disk full where dense leaves get other keys") {
    std::uint64_t others = 0;
    for (std::uint64_t seed = 1; seed <= 12; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            admitted one{world, seed, 12 + seed % 3 * 20};
            world.limit_disk(world.used_bytes() + (20 + seed) * 64 * KiB);
            std::uint64_t next = 0;
            const auto key_of = [](std::uint64_t id, std::string_view behind) {
                std::string key(8, '\0');
                store_be(reinterpret_cast<std::byte*>(key.data()), id);
                return key.append(behind);
            };
            const auto draw = [&](std::uint64_t rows, auto key) {
                commit made(rows);
                for (operation& each : made) each.key = key();
                return made;
            };
            while (one.run(draw(40, [&] { return key_of(next++, ""); }))) {}
            REQUIRE(next > 1'000);
            for (int round = 0; round < 200; ++round) {
                others += one.run(draw(1 + one.below(60), [&] {
                    return key_of(one.below(next), round % 2 == 0 ? "x" : "another");
                }));
                if (one.below(8) == 0) one.checkpoint();
                if (one.below(8) == 0) (void)one.tables().clean();
            }
            CHECK(difference(one.tables(), one.model()) == "");
        });
    }
    CHECK(others > 10 / one_in);
}

TEST_CASE("what was admitted is not taken away by checkpoints and cleaning beside it") {
    std::uint64_t refused = 0;
    for (std::uint64_t seed = 1; seed <= 40; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            admitted one{world, seed, 12 + seed % 3 * 20};
            one.checkpoint();
            world.limit_disk(world.used_bytes() + one.below(30) * 64 * KiB);
            simulated::atomic<bool> over{false};
            simulated::thread other{[&] {
                for (std::uint64_t round = 0; !over.load(); ++round) {
                    one.checkpoint();
                    if (round % 4 == seed % 4) one.give_room();
                    else if (seed % 3 != 0) one.take_room();
                    const auto cleaned = one.tables().clean();
                    if (!cleaned) CHECK(cleaned.error().code() == error_code::no_space);
                }
            }};
            for (int i = 0; i < 150; ++i) {
                const bool puts = i % 50 < 35;
                (void)one.run(puts ? one.draw_puts(1 + seed % 4 * 12, 30 * KiB)
                                   : one.draw_erases(40));
            }
            over.store(true);
            other.join();
            one.give_room();
            refused += one.refusals;
            for (int rounds = 0; one.make_room(); ++rounds) REQUIRE(rounds < 400);
            CHECK(difference(one.tables(), one.model()) == "");
            one.restart();
            CHECK(difference(one.tables(), one.model()) == "");
        });
    }
    CHECK(refused > 100 / one_in);
}

TEST_CASE("a commit of one row counts by the trees as they are now, however many came before it") {
    simulation world{1};
    world.run([&] {
        large_disk at{world, 400 * MiB};
        tables_type* const tables = &*at.tables;
        auto rows = tables->make_table({1}).value();
        const auto bytes_of_a_row = [&](std::uint64_t height) {
            const auto most =
                detail::bounds_of({90, 1, true}, height, tables->stats().pages, page_bytes);
            return (most.images + 2 * most.pages) * page_bytes;
        };
        REQUIRE(detail::is_small_row(90, 1, page_bytes));
        // The disk is asked by the first, of the trees as they are: of one page.
        REQUIRE(tables->admit(90, 1, true));
        const std::uint64_t first = bytes_of_a_row(1);
        const std::uint64_t once = at.asked();
        std::uint64_t credit =
            at.in.free_bytes().value() / 8 - 4 * at.options.segment_bytes - first;
        REQUIRE(tables->admit(90, 1, true));
        credit -= first;
        // Trees grow, without commits.
        for (int row = 0; row < 2'000; ++row)
            REQUIRE(rows.put("row-" + std::to_string(row), std::string(90, 'v'), lsn{1}));
        const std::uint64_t height = rows.tree().height().value();
        REQUIRE(height > 2);
        REQUIRE(at.asked() == once + 1);  // above
        std::uint64_t admitted = 0;
        for (; at.asked() == once + 1; ++admitted) REQUIRE(tables->admit(90, 1, true));
        CHECK(admitted == credit / bytes_of_a_row(height) + 1);
        CHECK(bytes_of_a_row(height) > first * 3 / 2);
    });
}

TEST_CASE("a promise on a disk that is full once more counts what was let in between") {
    simulation world{1};
    world.run([&] {
        large_disk at{world, 256 * MiB};
        tables_type* const tables = &*at.tables;
        auto rows = tables->make_table({1}).value();
        const auto put_each = [&](std::uint64_t which) {
            REQUIRE(tables->admit(90 * 8'000 / which, 8'000 / which, true));
            for (std::uint64_t row = 0; row < 8'000; row += which)
                REQUIRE(rows.put("row-" + std::to_string(row), std::string(90, 'v'), lsn{which}));
        };
        put_each(1);
        REQUIRE(tables->checkpoint([](auto note) { return note(lsn{1}), success(); }));
        put_each(16);
        // Beside a checkpoint that gives nothing back the disk has plenty, and then it is full.
        REQUIRE(tables->checkpoint([&](auto note) {
            note(lsn{2});
            const bool plenty = tables->admit(90, 1, true).has_value();
            world.limit_disk(world.used_bytes());
            return plenty ? success() : result<void>{error{error_code::no_space, ""}};
        }));
        const page_store_stats full = tables->disk_stats();
        REQUIRE_FALSE(full.spare);
        world.limit_disk(256 * MiB);
        // Its promise makes the reserve whole.
        REQUIRE(tables->admit(90 * 1'000, 1'000, true));
        REQUIRE(tables->disk_stats().spare);
        REQUIRE(tables->disk_stats().spares > full.spares);
        // The disk is asked, so that the next promise begins with what is dirty then.
        const std::uint64_t before = at.asked();
        REQUIRE(tables->admit(90, 1, true));
        CHECK(at.asked() == before + 1);
    });
}
