// SPDX-License-Identifier: BSL-1.0
//
// Tables that are dropped while others still read them, and whose pages other tables get at once:
// who reads is answered what was there, or not_found, never anything else.
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "paged_life.hpp"

#include <mantis/platform/memory.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;
using paged_tests::small_options;

namespace {

constexpr std::uint64_t row_count = 60;

std::string key_of(std::uint64_t row) { return "row-" + std::to_string(100 + row); }
// Some have pages of their own.
std::string value_of(std::uint64_t table, std::uint64_t row) {
    const std::size_t size = row % 9 == 0 ? 900 + row * 20 : 5 + row % 40;
    return std::string(size, static_cast<char>('a' + table % 26));
}

template <class Platform>
class readers_of_dropped {
    using tables_type = paged_tables<Platform>;
    using table_type = typename tables_type::table_type;

public:
    readers_of_dropped(Platform world, std::size_t frames)
        : in_{world.open_directory("db", directory_mode::create).value()},
          tables_{tables_type::open(world, in_, small_options<Platform>(frames, 3)).value()} {}

    void make(std::uint64_t id) {
        auto table = tables_->make_table({id});
        REQUIRE(table);
        for (std::uint64_t row = 0; row < row_count; ++row)
            REQUIRE(table->put(key_of(row), value_of(id, row), lsn{id}));
    }
    table_type table(std::uint64_t id) { return tables_->table({id}).value(); }
    void drop(std::uint64_t id) { REQUIRE(tables_->drop_table({id})); }
    void checkpoint() {
        REQUIRE(tables_->checkpoint([](auto note) {
            note(lsn{1});
            return success();
        }));
    }
    // All kinds of reading, until the table is gone; no assertion, for any thread does it.
    void read(const table_type& from, std::uint64_t draw) {
        const std::uint64_t id = from.table().value;
        for (bool there = true; there;) {
            const std::uint64_t row = detail::splitmix64(draw) % row_count;
            switch (detail::splitmix64(draw) % 5) {
                case 0: there = find(from, id, row); break;
                case 1: there = scan(from, id, row, true); break;
                case 2: there = scan(from, id, row, false); break;
                case 3: there = fine(from.estimate(key_of(row), {})); break;
                default: there = go_over(from, id, row);
            }
            reads.fetch_add(1);
        }
        // And from then on.
        if (find(from, id, 5) || scan(from, id, 5, true) || go_over(from, id, 5)) wrong.store(1);
        if (from.count() != row_count) wrong.store(2);
    }
    tables_type& tables() { return *tables_; }

    typename Platform::template atomic<std::uint64_t> reads{0};
    typename Platform::template atomic<std::uint64_t> wrong{0};

private:
    template <class T>
    bool fine(const result<T>& done) {
        if (!done && done.error().code() != error_code::not_found) wrong.store(3);
        return done.has_value();
    }
    void expect(std::uint64_t id, std::uint64_t row, bytes_view key, bytes_view value,
                lsn version) {
        if (key != bytes_view{key_of(row)} || value != bytes_view{value_of(id, row)} ||
            version.value != id)
            wrong.store(4);
    }
    bool find(const table_type& from, std::uint64_t id, std::uint64_t row) {
        const auto found = from.find(key_of(row), [&](bytes_view value, lsn version) {
            expect(id, row, key_of(row), value, version);
        });
        if (found && !*found) wrong.store(5);
        return fine(found);
    }
    bool scan(const table_type& from, std::uint64_t id, std::uint64_t row, bool up) {
        const auto each = [&](bytes_view key, bytes_view value, lsn version) {
            expect(id, up ? row++ : --row, key, value, version);
            return true;
        };
        const bool done =
            fine(up ? from.scan(key_of(row), each) : from.scan_back(key_of(row), each));
        if (done && row != (up ? row_count : 0)) wrong.store(6);
        return done;
    }
    bool go_over(const table_type& from, std::uint64_t id, std::uint64_t row) {
        typename table_type::cursor_type cursor{from.tree()};
        auto on = cursor.seek(key_of(row));
        for (; on && *on; on = cursor.next())
            expect(id, row++, cursor.key(), cursor.value(), cursor.version());
        if (on && row != row_count) wrong.store(7);
        if (!on && on.error().code() != error_code::not_found &&
            on.error().code() != error_code::corrupt)
            wrong.store(8);
        return on.has_value();
    }

    typename Platform::directory in_;
    owned<tables_type> tables_;
};

template <class Platform>
void drop_below_readers(Platform world, std::uint64_t seed, std::size_t frames, int readers) {
    readers_of_dropped<Platform> one{world, frames};
    one.make(1);
    one.make(2);
    if (seed % 2 == 0) one.checkpoint();
    std::vector<typename Platform::thread> threads;
    for (int i = 0; i < readers; ++i)
        threads.emplace_back([&one, seed, from = one.table(1 + static_cast<std::uint64_t>(i) % 2)] {
            one.read(from, seed + 9);
        });
    while (one.reads.load() < seed % 6) Platform::parking::yield();
    one.drop(1);
    one.make(3);
    if (seed % 3 == 0) one.checkpoint();
    one.drop(2);
    one.make(4);
    for (auto& thread : threads) thread.join();
    CHECK(one.wrong.load() == 0);
    for (const std::uint64_t id : {3u, 4u}) CHECK(one.table(id).verify());
}

}  // namespace

TEST_CASE("a handle of a table that was dropped before answers not_found") {
    memory world;
    readers_of_dropped<memory> one{world, 30};
    one.make(1);
    auto old = one.table(1);
    one.drop(1);
    one.make(2);
    const auto refused = [](const auto& done) {
        return !done && done.error().code() == error_code::not_found;
    };
    CHECK(refused(old.find(key_of(1), [](bytes_view, lsn) {})));
    CHECK(refused(old.prefetch(key_of(1))));
    CHECK(refused(old.estimate({}, {})));
    CHECK(refused(old.scan({}, [](bytes_view, bytes_view, lsn) { return true; })));
    CHECK(refused(old.scan_back([](bytes_view, bytes_view, lsn) { return true; })));
    CHECK(refused(old.verify()));
    CHECK(old.count() == row_count);
    CHECK(refused(one.tables().table({1})));
}

TEST_CASE(
    "under any schedule, who reads a table that is dropped reads what was there, or learns it") {
    for (std::uint64_t seed = 1; seed <= 120; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] { drop_below_readers(world.platform(), seed, 12 + seed % 40, 3); });
    }
}

TEST_CASE("real threads read tables that are dropped") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        memory world;
        drop_below_readers(world, seed, 60, 4);
    }
}
