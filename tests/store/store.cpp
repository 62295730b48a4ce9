// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

#include <string>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>> {};

}  // namespace

TEST_CASE("what was committed is there after a restart, and only that") {
    memory files;
    {
        auto db = store<in_memory>::open("db", {}, files).value();
        auto left = db.table("left").value();
        auto right = db.table("right").value();
        auto tx = db.begin();
        tx.put(left, "a", "1");
        tx.put(right, "a", "2");
        tx.put(right, std::string(max_key_bytes, 'k'), std::string(3 * MiB, 'v'));
        CHECK(tx.commit().value().state == commit_state::durable);
        auto erase = db.begin();
        erase.erase(left, "a");
        CHECK(erase.commit());
        auto uncommitted = db.begin();
        uncommitted.put(left, "b", "3");
        auto gone = db.table("gone").value();
        CHECK(db.drop_table(gone));
    }
    auto db = store<in_memory>::open("db", {}, files).value();
    auto left = db.find_table("left");
    auto right = db.find_table("right");
    REQUIRE(left);
    REQUIRE(right);
    CHECK_FALSE(db.find_table("gone"));
    CHECK_FALSE(db.get(*left, "a").value());
    CHECK_FALSE(db.get(*left, "b").value());
    CHECK(db.get(*right, "a").value()->view() == bytes_view{"2"});
    CHECK(db.get(*right, std::string(max_key_bytes, 'k')).value()->size() == 3 * MiB);
    CHECK(db.recovery().transactions_kept == 6);
    CHECK(db.recovery().transactions_dropped == 0);
    CHECK(db.recovery().cut_bytes == 0);
    CHECK(db.tables().size() == 2);
    CHECK(db.table("new").value().id() == table_id{4});
}

TEST_CASE("a table is made once, and its name may be any bytes but none") {
    auto db = store<in_memory>::open("db").value();
    const auto first = db.table("t").value();
    CHECK(db.table("t").value().id() == first.id());
    CHECK(db.table(bytes_view{"\0\xff", 2}));
    CHECK(db.table("").error().code() == error_code::invalid_argument);
    CHECK(db.table(std::string(max_key_bytes + 1, 'n')).error().code() ==
          error_code::invalid_argument);
}

TEST_CASE("a closed store answers closed, and closing twice is nothing") {
    auto db = store<in_memory>::open("db").value();
    auto other = std::move(db);
    other.close().value();
    other.close().value();
    CHECK(other.table("t").error().code() == error_code::closed);
    CHECK(other.flush().error().code() == error_code::closed);
    CHECK(other.verify().error().code() == error_code::closed);
    CHECK_FALSE(other.find_table("t"));
    CHECK(other.tables().empty());
}

TEST_CASE("a transaction larger than a log record is there whole or, cut anywhere, not at all") {
    memory files;
    auto db = store<in_memory>::open("db", {}, files).value();
    auto table = db.table("t").value();
    auto tx = db.begin();
    for (int i = 0; i < 5; ++i) tx.put(table, std::to_string(i), std::string(700'000, 'v'));
    CHECK(tx.commit());
    // What a crash would find now: the files as they are, without the close.
    const auto crashed = [&](std::uint64_t cut_bytes) {
        memory copy;
        auto from = files.open_directory("db", directory_mode::existing).value();
        auto to = copy.open_directory("db", directory_mode::create).value();
        for (const bytes& name : from.list().value()) {
            bytes contents = read_file(from, name, 64 * MiB).value();
            if (name == segment_name(first_lsn_of_log).view()) {
                std::size_t used = contents.size();
                while (contents[used - 1] == std::byte{0}) --used;
                used = static_cast<std::size_t>(round_up(used, log_record_alignment));
                contents.resize(used - static_cast<std::size_t>(cut_bytes));
            }
            to.open(name, file_mode::create).value().write(0, contents).value();
        }
        return copy;
    };
    auto whole = store<in_memory>::open("db", {}, crashed(0)).value();
    CHECK(whole.stats().entries == 5);
    CHECK(whole.recovery().records > 3);
    CHECK(whole.recovery().transactions_kept == 2);
    for (const std::uint64_t cut :
         {std::uint64_t{1}, std::uint64_t{1'000'000}, std::uint64_t{3'000'000}}) {
        auto left = store<in_memory>::open("db", {}, crashed(cut)).value();
        CHECK(left.stats().entries == 0);
        CHECK(left.recovery().transactions_kept == 1);
        CHECK(left.recovery().transactions_dropped == (cut < 3'000'000 ? 1 : 0));
        CHECK(left.recovery().cut_bytes > 0);
    }
}
