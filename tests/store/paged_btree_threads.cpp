// SPDX-License-Identifier: BSL-1.0
//
// Tables in pages under real threads: writers, readers, checkpoints, tables that come and go, a
// scrubber, and who compacts and looks at them, with memory for some of the pages.
#include "../sanitized.hpp"

#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/paged_btree.hpp>
#include <mantis/store/store.hpp>

#include <atomic>
#include <string>
#include <vector>

using namespace mantis;

namespace {

using in_pages = paged_btree<512>;
struct app : policies<with::platform<memory>, with::durability<buffered>,
                      with::indexes<in_pages, btree<>>> {};
using store_type = store<app>;
using handle = store_type::table_handle;

constexpr int writers = 2;
constexpr int commits = 4'000 / one_in;
constexpr int kept_back = 50;

std::string key_of(int writer, int number) {
    return "w" + std::to_string(writer) + "-" + std::to_string(number * 7919 % 10'007);
}
std::string value_of(int number) {
    return std::string(static_cast<std::size_t>(number % 300), 'v');
}

// Each commit puts the same row into both tables, and erases an older one from both.
void write(store_type& db, const handle& pages, const handle& rows, int writer) {
    for (int number = 0; number < commits; ++number) {
        auto tx = db.begin(isolation::read_committed);
        for (const handle* const each : {&pages, &rows}) {
            tx.put(*each, key_of(writer, number), value_of(number));
            if (number >= kept_back) tx.erase(*each, key_of(writer, number - kept_back));
        }
        if (!tx.commit()) return;
    }
}
// What is found is as it was written, and ascends.
void read(store_type& db, const handle& pages, const std::atomic<bool>& over,
          std::atomic<int>& wrong) {
    while (!over) {
        auto tx = db.begin(isolation::read_committed);
        auto scan = tx.scan(pages);
        std::string before;
        while (true) {
            const auto more = scan.next();
            if (!more) ++wrong;
            if (!more || !*more) break;
            const auto key = scan.key().as<std::string>();
            if (key <= before || scan.value() != std::string(scan.value().size(), 'v')) ++wrong;
            before = key;
        }
    }
}
void come_and_go(store_type& db, const std::atomic<bool>& over, std::atomic<int>& wrong) {
    while (!over) {
        auto made = db.table<in_pages>("passing");
        if (!made) return void(++wrong);
        auto tx = db.begin(isolation::read_committed);
        for (int row = 0; row < 40; ++row) tx.put(*made, std::to_string(row), value_of(row));
        if (!tx.commit() || !db.drop_table(*made)) ++wrong;
        const auto gone = db.get(*made, "1");
        if (gone || gone.error().code() != error_code::not_found) ++wrong;
    }
}

// Of a table that may be dropped at any time.
void look(store_type& db, const handle& table, std::atomic<int>& wrong) {
    const auto shape = db.shape(table);
    const auto about = db.estimate(table, {}, {});
    if (shape && (shape->height == 0 || shape->leaves == 0 || shape->fill_percent > 100)) ++wrong;
    if (!shape && shape.error().code() != error_code::not_found) ++wrong;
    if (!about && about.error().code() != error_code::not_found) ++wrong;
}

std::vector<std::string> keys_in(store_type& db, const handle& table) {
    std::vector<std::string> found;
    auto tx = db.begin(isolation::read_committed);
    auto scan = tx.scan(table);
    while (scan.next().value()) found.push_back(scan.key().as<std::string>());
    return found;
}

}  // namespace

TEST_CASE("threads that change, read, check and drop tables in pages leave what was committed") {
    memory files;
    store_options options;
    options.segment_bytes = 64 * KiB;
    options.page_memory_bytes = 256 * KiB;
    options.page_segment_bytes = 64 * KiB;
    std::vector<std::string> keys;
    {
        auto db = store_type::open("db", options, files).value();
        const auto pages = db.table<in_pages>("pages").value();
        const auto rows = db.table<btree<>>("rows").value();
        std::atomic<bool> over{false};
        std::atomic<int> wrong{0};
        std::vector<memory::thread> beside;
        beside.emplace_back([&] { read(db, pages, over, wrong); });
        beside.emplace_back([&] { come_and_go(db, over, wrong); });
        beside.emplace_back([&] {
            while (!over) {
                if (!db.checkpoint()) ++wrong;
                if (!db.scrub().value().sound()) ++wrong;
            }
        });
        beside.emplace_back([&] {
            while (!over) {
                if (!db.compact()) ++wrong;
                look(db, pages, wrong);
                if (const auto passing = db.find_table("passing")) look(db, *passing, wrong);
            }
        });
        std::vector<memory::thread> threads;
        for (int writer = 0; writer < writers; ++writer)
            threads.emplace_back([&, writer] { write(db, pages, rows, writer); });
        for (auto& each : threads) each.join();
        over = true;
        for (auto& each : beside) each.join();
        CHECK(wrong == 0);
        keys = keys_in(db, pages);
        CHECK(keys.size() == writers * kept_back);
        CHECK(keys == keys_in(db, rows));
        CHECK(db.verify());
    }
    auto db = store_type::open("db", options, files).value();
    CHECK(keys_in(db, *db.find_table("pages")) == keys);
    CHECK(keys_in(db, *db.find_table("rows")) == keys);
    CHECK(db.verify().value().entries == 2 * keys.size());
}
